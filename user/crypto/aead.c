/* SPDX-License-Identifier: Apache-2.0
 *
 * aead.c - record ciphers on EVP_CIPHER. One context per direction, keyed once; a call sets only the
 * nonce. Where nonces come from is the record layer's business.
 *
 * Cost of a 16 KiB record, beside the bare EVP calls in the same run (bench/b_aead): AES-128-GCM 2.29 us
 * and 2.27, AES-256-GCM 2.67 and 2.66, ChaCha20-Poly1305 4.2 and 4.2 (AMD Zen 5, libcrypto 3.0.22).
 *
 * CCM needs three things the others do not: nonce and tag length before the key, the length of the
 * text before the first byte (it is part of the first block), and the text in a single call.
 */
#include "crypto/aead.h"

#include <limits.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/crypto_int.h"
#include "crypto/ossl_err.h"

#define NONCE_LEN 12

/* libcrypto counts in int. No record comes near; a ticket neither. */
#define TEXT_MAX (INT_MAX / 2)

void traffic_keys_clear(struct traffic_keys *k)
{
	leat_wipe(k, sizeof(*k));
}

static bool is_ccm(enum aead_id id)
{
	return id == AEAD_AES_128_CCM || id == AEAD_AES_128_CCM_8;
}

enum leat_ret aead_init(struct aead *a, const struct crypto *c, enum aead_id id, const uint8_t *key,
	bool sealing, struct leat_err *err)
{
	EVP_CIPHER_CTX *ctx;
	bool ok;

	*a = (struct aead){ 0 };
	if (!crypto_has_aead(c, id))
		return err_crypto(err, "libcrypto: cipher is not available");
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return OSSL_FAIL(err, "libcrypto: cipher context");
	if (is_ccm(id))
		ok = EVP_CipherInit_ex(ctx, c->cipher[id], NULL, NULL, NULL, sealing) == 1 &&
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN, NULL) == 1 &&
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)aead_tag_len(id), NULL) ==
			     1 &&
		     EVP_CipherInit_ex(ctx, NULL, NULL, key, NULL, -1) == 1;
	else
		ok = EVP_CipherInit_ex(ctx, c->cipher[id], NULL, key, NULL, sealing) == 1;
	if (!ok) {
		EVP_CIPHER_CTX_free(ctx);
		return OSSL_FAIL(err, "libcrypto: cipher key");
	}
	*a = (struct aead){ ctx, id, sealing };
	return LEAT_OK;
}

void aead_clear(struct aead *a)
{
	EVP_CIPHER_CTX_free(a->ctx); /* wipes the key schedule */
	*a = (struct aead){ 0 };
}

/* Nonce, text length (CCM) and associated data. tag NULL when sealing. */
static bool begin(struct aead *a, const uint8_t *nonce, struct leat_span aad, size_t text_len,
	const uint8_t *tag)
{
	int n;

	if (EVP_CipherInit_ex(a->ctx, NULL, NULL, NULL, nonce, -1) != 1)
		return false;
	/* The control does not write through the pointer; its type is void *. */
	if (tag && EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, (int)aead_tag_len(a->id),
			   (void *)(uintptr_t)tag) != 1)
		return false;
	if (is_ccm(a->id) && EVP_CipherUpdate(a->ctx, NULL, &n, NULL, (int)text_len) != 1)
		return false;
	return aad.n == 0 || EVP_CipherUpdate(a->ctx, NULL, &n, aad.p, (int)aad.n) == 1;
}

static bool seal(struct aead *a, const uint8_t *nonce, struct leat_span aad, struct leat_span in1,
	struct leat_span in2, uint8_t *out)
{
	size_t len = in1.n + in2.n;
	int n;

	if (!begin(a, nonce, aad, len, NULL))
		return false;
	/* One call when the text can be made contiguous for nothing (sealing in place: out has room for
	 * the tail) or must be (CCM). Else two, so that the body is not copied. */
	if (in2.n > 0 && (in1.n == 0 || in1.p == out || is_ccm(a->id))) {
		if (in1.n > 0 && in1.p != out)
			memmove(out, in1.p, in1.n);
		memmove(out + in1.n, in2.p, in2.n);
		in1 = (struct leat_span){ out, len };
		in2 = (struct leat_span){ NULL, 0 };
	}
	/* CCM wants this call even for no text. An empty span may be NULL, which would mean something
	 * else to libcrypto. */
	if (EVP_CipherUpdate(a->ctx, out, &n, in1.n ? in1.p : out, (int)in1.n) != 1)
		return false;
	if (in2.n > 0 && EVP_CipherUpdate(a->ctx, out + in1.n, &n, in2.p, (int)in2.n) != 1)
		return false;
	if (EVP_CipherFinal_ex(a->ctx, out + len, &n) != 1)
		return false;
	return EVP_CIPHER_CTX_ctrl(
		       a->ctx, EVP_CTRL_AEAD_GET_TAG, (int)aead_tag_len(a->id), out + len) == 1;
}

enum leat_ret aead_seal2(struct aead *a, const uint8_t nonce[12], struct leat_span aad,
	struct leat_span in1, struct leat_span in2, uint8_t *out)
{
	if (!a->ctx || !a->sealing || in1.n > TEXT_MAX || in2.n > TEXT_MAX || aad.n > TEXT_MAX)
		return LEAT_FAILED;
	if (!seal(a, nonce, aad, in1, in2, out)) {
		/* No plaintext may leave in a buffer that is about to be sent. */
		leat_wipe(out, in1.n + in2.n + aead_tag_len(a->id));
		ossl_forget();
		return LEAT_FAILED;
	}
	return LEAT_OK;
}

enum leat_ret aead_seal(struct aead *a, const uint8_t nonce[12], struct leat_span aad,
	const uint8_t *in, size_t n, uint8_t *out)
{
	return aead_seal2(
		a, nonce, aad, (struct leat_span){ in, n }, (struct leat_span){ NULL, 0 }, out);
}

bool aead_open(struct aead *a, const uint8_t nonce[12], struct leat_span aad, const uint8_t *in,
	size_t n, uint8_t *out)
{
	size_t tag_len = aead_tag_len(a->id), len;
	uint8_t none;
	int m;

	if (!a->ctx || a->sealing || n < tag_len || n > TEXT_MAX || aad.n > TEXT_MAX)
		return false;
	len = n - tag_len;
	if (len == 0) /* out may be NULL, and nothing is written */
		out = &none;
	if (begin(a, nonce, aad, len, in + len) &&
		EVP_CipherUpdate(a->ctx, out, &m, in, (int)len) == 1 &&
		(is_ccm(a->id) || EVP_CipherFinal_ex(a->ctx, out + len, &m) == 1))
		return true;
	leat_wipe(out, len);
	ossl_forget();
	return false;
}
