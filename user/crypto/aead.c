/* SPDX-License-Identifier: Apache-2.0
 *
 * aead.c - record ciphers on EVP_CIPHER. A call sets only the nonce; the key is in the context already
 * when that is the one used last. Where nonces come from is the record layer's business.
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

#include "base/mem.h"
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

void aead_ctx_free(struct aead_ctx *x)
{
	if (!x)
		return;
	EVP_CIPHER_CTX_free(x->evp); /* wipes the key schedule */
	leat_free(x);
}

/* A context of the cipher without a key. CCM's lengths come before it. */
static struct aead_ctx *new_ctx(const struct crypto *c, enum aead_id id, struct leat_err *err)
{
	struct aead_ctx *x = leat_zalloc(sizeof(*x));

	if (!x) {
		(void)err_memory(err);
		return NULL;
	}
	x->evp = EVP_CIPHER_CTX_new();
	if (x->evp && EVP_CipherInit_ex(x->evp, c->cipher[id], NULL, NULL, NULL, 1) == 1 &&
		(!is_ccm(id) || (EVP_CIPHER_CTX_ctrl(
					 x->evp, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN, NULL) == 1 &&
					EVP_CIPHER_CTX_ctrl(x->evp, EVP_CTRL_AEAD_SET_TAG,
						(int)aead_tag_len(id), NULL) == 1)))
		return x;
	aead_ctx_free(x);
	(void)OSSL_FAIL(err, "libcrypto: cipher context");
	return NULL;
}

static bool set_key(struct aead_ctx *x, const struct aead *a)
{
	/* while it is being set it is nobody's */
	x->serial = 0;
	if (EVP_CipherInit_ex(x->evp, NULL, NULL, a->key, NULL, a->sealing) != 1)
		return false;
	x->serial = a->serial;
	return true;
}

/* What lies in our seat, ours or not. */
static struct aead_ctx *leave_seat(const struct aead *a)
{
	return atomic_exchange_explicit(
		aead_slot(a->c, a->id, a->serial), NULL, memory_order_acquire);
}

static void sit_down(const struct aead *a, struct aead_ctx *x)
{
	aead_ctx_free(atomic_exchange_explicit(
		aead_slot(a->c, a->id, a->serial), x, memory_order_acq_rel));
}

/* The context that carries our key, out of anybody's reach; NULL: there is none. Somebody else's that
 * lay in our seat is freed, not put back: its owner may have looked for it meanwhile, to wipe it. */
static struct aead_ctx *own_ctx(struct aead *a)
{
	struct aead_ctx *x = a->ctx ? a->ctx : leave_seat(a);

	a->ctx = NULL;
	if (!x || x->serial == a->serial)
		return x;
	aead_ctx_free(x);
	return NULL;
}

enum leat_ret aead_prepare(struct aead *a, const struct crypto *c, enum aead_id id,
	const uint8_t *key, bool sealing, struct leat_err *err)
{
	*a = (struct aead){ 0 };
	if (!crypto_has_aead(c, id))
		return err_crypto(err, "libcrypto: cipher is not available");
	*a = (struct aead){ .c = c, .serial = next_serial(c), .id = id, .sealing = sealing };
	memcpy(a->key, key, aead_key_len(id));
	return LEAT_OK;
}

enum leat_ret aead_take(struct aead *a, struct leat_err *err)
{
	struct aead_ctx *x;

	if (a->ctx)
		return LEAT_OK;
	if (!a->c)
		return err_misuse(err, "cipher: without a key");
	x = leave_seat(a);
	if (!x)
		x = new_ctx(a->c, a->id, err);
	if (!x)
		return LEAT_FAILED;
	if (x->serial != a->serial && !set_key(x, a)) {
		aead_ctx_free(x);
		return OSSL_FAIL(err, "libcrypto: cipher key");
	}
	a->ctx = x;
	return LEAT_OK;
}

void aead_park(struct aead *a)
{
	if (!a->ctx)
		return;
	sit_down(a, a->ctx);
	a->ctx = NULL;
}

void aead_rest(struct aead *a)
{
	if (a->c)
		aead_ctx_free(own_ctx(a));
}

enum leat_ret aead_rekey(struct aead *a, const uint8_t *key, struct leat_err *err)
{
	struct aead_ctx *x;

	if (!a->c)
		return err_misuse(err, "cipher: without a key");
	x = own_ctx(a);
	leat_wipe(a->key, sizeof(a->key));
	memcpy(a->key, key, aead_key_len(a->id));
	/* in vain: the next aead_take tries with a new one */
	if (x && !set_key(x, a)) {
		aead_ctx_free(x);
		ossl_forget();
		return LEAT_OK;
	}
	if (x)
		sit_down(a, x);
	return LEAT_OK;
}

enum leat_ret aead_init(struct aead *a, const struct crypto *c, enum aead_id id, const uint8_t *key,
	bool sealing, struct leat_err *err)
{
	if (aead_prepare(a, c, id, key, sealing, err) == LEAT_OK && aead_take(a, err) == LEAT_OK)
		return LEAT_OK;
	aead_clear(a);
	return LEAT_FAILED;
}

void aead_clear(struct aead *a)
{
	aead_rest(a);
	leat_wipe(a, sizeof(*a));
}

/* Nonce, text length (CCM) and associated data. tag NULL when sealing. */
static bool begin(struct aead *a, const uint8_t *nonce, struct leat_span aad, size_t text_len,
	const uint8_t *tag)
{
	int n;

	if (EVP_CipherInit_ex(a->ctx->evp, NULL, NULL, NULL, nonce, -1) != 1)
		return false;
	/* The control does not write through the pointer; its type is void *. */
	if (tag && EVP_CIPHER_CTX_ctrl(a->ctx->evp, EVP_CTRL_AEAD_SET_TAG, (int)aead_tag_len(a->id),
			   (void *)(uintptr_t)tag) != 1)
		return false;
	if (is_ccm(a->id) && EVP_CipherUpdate(a->ctx->evp, NULL, &n, NULL, (int)text_len) != 1)
		return false;
	return aad.n == 0 || EVP_CipherUpdate(a->ctx->evp, NULL, &n, aad.p, (int)aad.n) == 1;
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
	if (EVP_CipherUpdate(a->ctx->evp, out, &n, in1.n ? in1.p : out, (int)in1.n) != 1)
		return false;
	if (in2.n > 0 && EVP_CipherUpdate(a->ctx->evp, out + in1.n, &n, in2.p, (int)in2.n) != 1)
		return false;
	if (EVP_CipherFinal_ex(a->ctx->evp, out + len, &n) != 1)
		return false;
	return EVP_CIPHER_CTX_ctrl(a->ctx->evp, EVP_CTRL_AEAD_GET_TAG, (int)aead_tag_len(a->id),
		       out + len) == 1;
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
		EVP_CipherUpdate(a->ctx->evp, out, &m, in, (int)len) == 1 &&
		(is_ccm(a->id) || EVP_CipherFinal_ex(a->ctx->evp, out + len, &m) == 1))
		return true;
	leat_wipe(out, len);
	ossl_forget();
	return false;
}
