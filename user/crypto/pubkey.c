/* SPDX-License-Identifier: Apache-2.0
 *
 * pubkey.c - public keys from the parts that stand in a certificate. libcrypto's own way from a
 * SubjectPublicKeyInfo (OSSL_DECODER) takes 100 us, two thirds of a client's handshake; the parts are
 * found by x509/der and come here. A key that this file does not make the callers get from libcrypto's
 * decoder, whose word is the last.
 */
#include "crypto/sign.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto/crypto_int.h"
#include "crypto/kex.h"
#include "crypto/ossl_err.h"

static struct key *finish(EVP_PKEY *pkey, enum key_kind kind, unsigned bits)
{
	ossl_forget();
	return pkey ? key_wrap(pkey, kind, bits) : NULL;
}

static unsigned curve_of(enum key_kind kind, unsigned *bits)
{
	switch (kind) {
	case KEY_EC_P256: *bits = 256; return GROUP_SECP256R1;
	case KEY_EC_P384: *bits = 384; return GROUP_SECP384R1;
	case KEY_EC_P521: *bits = 521; return GROUP_SECP521R1;
	default: return 0;
	}
}

/* Reading the point checks that it is on the curve; see kex.c about the group's order. */
struct key *key_new_ec(const struct crypto *c, enum key_kind kind, struct leat_span point)
{
	unsigned bits = 0, curve = curve_of(kind, &bits);
	const struct group *g = curve ? group_by_id(curve) : NULL;
	struct key *key;
	EVP_PKEY *pkey;

	if (!g || !crypto_has_group(c, g) || point.n != g->share_len || point.p[0] != 4)
		return NULL;
	pkey = crypto_take_blank(c, g);
	if (pkey && EVP_PKEY_set1_encoded_public_key(pkey, point.p, point.n) != 1) {
		EVP_PKEY_free(pkey); /* in an unknown state: not parked */
		pkey = NULL;
	}
	key = finish(pkey, kind, bits);
	if (key)
		key_of_blank(key, g);
	return key;
}

static unsigned bits_of(struct leat_span n)
{
	unsigned top = 0;

	while (n.n > 0 && n.p[0] >> top)
		top++;
	return n.n > 0 ? (unsigned)(n.n - 1) * 8 + top : 0;
}

/* An OSSL_PARAM holds numbers in the machine's order. */
static void put_number(uint8_t *out, struct leat_span n)
{
	const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	for (size_t i = 0; i < n.n; i++)
		out[i] = n.p[little ? n.n - 1 - i : i];
}

struct key *key_new_rsa(struct leat_span modulus, struct leat_span exponent)
{
	uint8_t n[RSA_BITS_MAX / 8], e[16];
	unsigned bits = bits_of(modulus);
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx;
	OSSL_PARAM params[3];

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || modulus.n > sizeof(n) ||
		exponent.n == 0 || exponent.n > sizeof(e))
		return NULL;
	put_number(n, modulus);
	put_number(e, exponent);
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, modulus.n);
	params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, exponent.n);
	params[2] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return finish(pkey, KEY_RSA, bits);
}

struct key *key_new_raw(enum key_kind kind, struct leat_span bytes)
{
	bool is_448 = kind == KEY_ED448;

	if ((kind != KEY_ED25519 && !is_448) || bytes.n != (is_448 ? 57u : 32u))
		return NULL;
	return finish(EVP_PKEY_new_raw_public_key_ex(
			      NULL, is_448 ? "ED448" : "ED25519", NULL, bytes.p, bytes.n),
		kind, is_448 ? 456 : 256);
}
