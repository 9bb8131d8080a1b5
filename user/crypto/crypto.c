/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto.c - fetches once what the handshake and record layers use again and again.
 */
#include "crypto/crypto_int.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "crypto/ossl_err.h"
#include "crypto/sign.h"

static const char *const cipher_names[AEAD_COUNT] = {
	[AEAD_AES_128_GCM] = "AES-128-GCM",
	[AEAD_AES_256_GCM] = "AES-256-GCM",
	[AEAD_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
	[AEAD_AES_128_CCM] = "AES-128-CCM",
	[AEAD_AES_128_CCM_8] = "AES-128-CCM",
};

size_t group_seat(const struct group *g)
{
	size_t i = 0;

	while (group_at(i) && group_at(i) != g)
		i++;
	assert(group_at(i) && i < GROUP_SEATS);
	return i;
}

const char *group_key_type(const struct group *g)
{
	return g->kind == GROUP_NIST ? "EC" : g->kind == GROUP_FFDHE ? "DH" : g->ossl_name;
}

/* For the NIST curves a context made by name generates cheaper than one made from a key: the key's
 * EC_GROUP would be copied each time. */
EVP_PKEY_CTX *new_generator(const struct group *g)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, group_key_type(g), NULL);

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
		(g->kind == GROUP_X || EVP_PKEY_CTX_set_group_name(ctx, g->ossl_name) == 1))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* Parameters only, or what stands for them with X25519 and X448: some public value. No key is made,
 * which would cost half a millisecond for P-384. */
static EVP_PKEY *group_template(const struct group *g, EVP_PKEY_CTX *ctx)
{
	static const uint8_t some[56] = { 9 };
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool x = g->kind == GROUP_X;
	int ok;

	if (!bld)
		return NULL;
	ok = x ? OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, some, g->share_len)
	       : OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, g->ossl_name, 0);
	if (ok)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(
			ctx, &key, x ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

/* Groups that nobody uses unasked get their generator with their first key. */
static void set_up_group(struct crypto *c, const struct group *g)
{
	EVP_PKEY_CTX *ctx;

	atomic_init(generator_slot(c, g), NULL);
	if (g->kind == GROUP_HYBRID)
		return;
	ctx = EVP_PKEY_CTX_new_from_name(NULL, group_key_type(g), NULL);
	if (ctx)
		c->group[group_seat(g)] = group_template(g, ctx);
	EVP_PKEY_CTX_free(ctx);
	if (c->group[group_seat(g)] && g->by_default)
		atomic_init(generator_slot(c, g), new_generator(g));
}

/* After the curves they are made of. */
static void set_up_hybrids(struct crypto *c)
{
	const struct group *g;

	for (size_t i = 0; (g = group_at(i)); i++)
		if (g->kind == GROUP_HYBRID)
			c->hybrid[i] = hybrid_probe(c, g);
}

/* Both the keys and their signature algorithm; the curves are in group[]. */
static bool can_sign(const char *keymgmt, const char *signature)
{
	EVP_KEYMGMT *k = EVP_KEYMGMT_fetch(NULL, keymgmt, NULL);
	EVP_SIGNATURE *s = EVP_SIGNATURE_fetch(NULL, signature, NULL);
	bool can = k && s;

	EVP_KEYMGMT_free(k);
	EVP_SIGNATURE_free(s);
	return can;
}

static void set_up_signatures(struct crypto *c)
{
	bool ecdsa = can_sign("EC", "ECDSA");

	c->signs[KEY_RSA] = can_sign("RSA", "RSA");
	c->signs[KEY_RSA_PSS] = can_sign("RSA-PSS", "RSA");
	c->signs[KEY_EC_P256] = ecdsa && crypto_has_group(c, group_by_id(GROUP_SECP256R1));
	c->signs[KEY_EC_P384] = ecdsa && crypto_has_group(c, group_by_id(GROUP_SECP384R1));
	c->signs[KEY_EC_P521] = ecdsa && crypto_has_group(c, group_by_id(GROUP_SECP521R1));
	c->signs[KEY_ED25519] = can_sign("ED25519", "ED25519");
	c->signs[KEY_ED448] = can_sign("ED448", "ED448");
}

/* RFC 8446 9.1: what a TLS 1.3 implementation MUST have; NULL when all of it is there. (SHA-256 is
 * linked in, see digest.c.) */
static const char *missing(const struct crypto *c)
{
	if (!c->cipher[AEAD_AES_128_GCM])
		return "libcrypto: AES-128-GCM is not available";
	if (!crypto_has_group(c, group_by_id(GROUP_SECP256R1)))
		return "libcrypto: curve P-256 is not available";
	if (!c->signs[KEY_RSA])
		return "libcrypto: RSA signatures are not available";
	if (!c->signs[KEY_EC_P256])
		return "libcrypto: ECDSA signatures are not available";
	return NULL;
}

enum leat_ret crypto_new(struct crypto **out, struct leat_err *err)
{
	struct crypto *c = leat_zalloc(sizeof(*c));
	const struct group *g;
	const char *lacks;

	*out = NULL;
	if (!c)
		return err_memory(err);
	atomic_init(&c->refs, 1);
	for (size_t i = 1; i < AEAD_COUNT; i++)
		c->cipher[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
	for (size_t i = 0; (g = group_at(i)); i++)
		set_up_group(c, g);
	set_up_hybrids(c);
	set_up_signatures(c);
	lacks = missing(c);
	if (lacks) {
		ossl_fail(err, LEAT_HERE, lacks);
		crypto_unref(c);
		return LEAT_FAILED;
	}
	ossl_forget(); /* what is missing beyond that is an answer, not an error */
	*out = c;
	return LEAT_OK;
}

struct crypto *crypto_ref(struct crypto *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void crypto_unref(struct crypto *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < AEAD_COUNT; i++) {
		for (size_t k = 0; k < AEAD_SEATS; k++)
			aead_ctx_free(atomic_load_explicit(&c->parked[i][k], memory_order_relaxed));
		EVP_CIPHER_free(c->cipher[i]);
	}
	for (size_t i = 0; i < GROUP_SEATS; i++) {
		EVP_PKEY_CTX_free(atomic_load_explicit(&c->generator[i], memory_order_relaxed));
		for (size_t k = 0; k < BLANKS; k++)
			EVP_PKEY_free(atomic_load_explicit(&c->blank[i][k], memory_order_relaxed));
		EVP_PKEY_free(c->group[i]);
	}
	leat_free(c);
}

/* The parked one when no other thread holds it, else a new one with the template's parameters. Setting
 * the value of a key at hand is the cheapest of libcrypto's ways to a public key (X25519 0.3 us, P-256
 * 0.6, where new_raw_public_key takes 2.3 and fromdata 14.8), and a public value is nothing that would
 * have to be wiped. */
EVP_PKEY *crypto_take_blank(const struct crypto *c, const struct group *g)
{
	_Atomic(EVP_PKEY *) *slots = blank_slots(c, g);
	EVP_PKEY *key;

	for (size_t k = 0; k < BLANKS; k++) {
		key = atomic_exchange_explicit(&slots[k], NULL, memory_order_acquire);
		if (key)
			return key;
	}
	key = EVP_PKEY_new();
	if (key && EVP_PKEY_copy_parameters(key, c->group[group_seat(g)]) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

void crypto_park_blank(const struct crypto *c, const struct group *g, EVP_PKEY *key)
{
	_Atomic(EVP_PKEY *) *slots = blank_slots(c, g);
	EVP_PKEY *nobody;

	for (size_t k = 0; k < BLANKS; k++) {
		nobody = NULL;
		if (atomic_compare_exchange_strong_explicit(
			    &slots[k], &nobody, key, memory_order_release, memory_order_relaxed))
			return;
	}
	EVP_PKEY_free(key);
}

bool crypto_has_aead(const struct crypto *c, enum aead_id id)
{
	return (unsigned)id < AEAD_COUNT && c->cipher[id];
}

bool crypto_has_group(const struct crypto *c, const struct group *g)
{
	return g && (c->group[group_seat(g)] || c->hybrid[group_seat(g)]);
}

bool crypto_has_scheme(const struct crypto *c, const struct sigscheme *s)
{
	return s && c->signs[s->key];
}
