/* SPDX-License-Identifier: Apache-2.0
 *
 * kex.c - ephemeral (EC)DH. The private key lives from kex_start to kex_clear and never leaves
 * libcrypto; its randomness is libcrypto's own (the exception written down in leat/types.h).
 */
#include "crypto/kex.h"

#include <openssl/core_names.h>

#include "base/secret.h"
#include "crypto/crypto_int.h"
#include "crypto/ossl_err.h"

void kex_out_clear(struct kex_out *k)
{
	leat_wipe(k, sizeof(*k));
}

void kex_clear(struct kex *k)
{
	EVP_PKEY_free(k->pkey); /* wipes the private key */
	*k = (struct kex){ 0 };
}

static void free_pkey_ctx(EVP_PKEY_CTX **p)
{
	EVP_PKEY_CTX_free(*p);
}

/* A context that generates keys of the group: the parked one when no other thread holds it. */
static EVP_PKEY_CTX *take_generator(const struct crypto *c, const struct group *g)
{
	EVP_PKEY_CTX *ctx = atomic_exchange_explicit(
		generator_slot(c, g), NULL, memory_order_acquire);

	return ctx ? ctx : new_generator(g);
}

static void park_generator(const struct crypto *c, const struct group *g, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX_free(
		atomic_exchange_explicit(generator_slot(c, g), ctx, memory_order_acq_rel));
}

static EVP_PKEY *make_key(const struct crypto *c, const struct group *g)
{
	EVP_PKEY_CTX *ctx = take_generator(c, g);
	EVP_PKEY *key = NULL;

	if (!ctx)
		return NULL;
	if (EVP_PKEY_keygen(ctx, &key) != 1) {
		EVP_PKEY_CTX_free(ctx); /* in an unknown state: not parked again */
		return NULL;
	}
	park_generator(c, g, ctx);
	return key;
}

static bool put_share(EVP_PKEY *key, const struct group *g, struct leat_wr *share)
{
	uint8_t *room = leat_wr_room(share, g->share_len);
	size_t n = 0;

	return room &&
	       EVP_PKEY_get_octet_string_param(
		       key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, room, g->share_len, &n) == 1 &&
	       n == g->share_len;
}

enum leat_ret kex_start(struct kex *k, const struct crypto *c, const struct group *g,
	struct leat_wr *share, struct leat_err *err)
{
	*k = (struct kex){ 0 };
	if (!crypto_has_group(c, g))
		return err_crypto(err, "key share: group is not available in libcrypto");
	k->pkey = make_key(c, g);
	if (!k->pkey)
		return OSSL_FAIL(err, "key share: key generation");
	k->group = g;
	if (!put_share(k->pkey, g, share)) {
		if (!leat_wr_ok(share))
			err_memory(err);
		else
			OSSL_FAIL(err, "key share: encoding");
		kex_clear(k);
		return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* libcrypto would not have the peer's value: the peer's fault, unless memory was what it lacked. */
static enum leat_ret refuse(struct leat_err *err, const char *what)
{
	if (ossl_out_of_memory())
		return OSSL_FAIL(err, "key share: memory exhausted");
	ossl_forget();
	return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, what);
}

/* The peer's value as a key. Reading a point checks that it is on the curve (RFC 8446 4.2.8.2). The
 * NIST curves have cofactor 1, so a point on the curve is in the group: libcrypto's further check,
 * n * Q = 0, costs as much as the agreement itself and adds nothing; agree() asks for none. */
static enum leat_ret import(const struct crypto *c, const struct group *g, struct leat_span peer,
	EVP_PKEY **out, struct leat_err *err)
{
	EVP_PKEY *key;

	ossl_forget(); /* what the application left in the queue must not decide whose fault it is */
	/* RFC 8446 4.2.8.2: "legacy_form = 4"; no compressed or hybrid form */
	if (peer.n != g->share_len || (g->kind == GROUP_NIST && peer.p[0] != 4))
		return err_alert(
			err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: wrong length or form");
	key = crypto_take_blank(c, g);
	if (!key)
		return OSSL_FAIL(err, "key share: no key to put it in");
	if (EVP_PKEY_set1_encoded_public_key(key, peer.p, peer.n) != 1) {
		EVP_PKEY_free(key); /* in an unknown state: not parked */
		return refuse(err, "key share: not a point of the group");
	}
	*out = key;
	return LEAT_OK;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

static enum leat_ret agree(const struct group *g, EVP_PKEY *mine, EVP_PKEY *theirs,
	struct kex_out *out, struct leat_err *err)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	size_t n = sizeof(out->b);

	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 ||
		EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) != 1)
		return OSSL_FAIL(err, "key share: derivation");
	if (EVP_PKEY_derive(ctx, out->b, &n) != 1) {
		kex_out_clear(out);
		return refuse(err, "key share: no secret can be derived from it");
	}
	/* RFC 8446 7.4.2: X25519 and X448 "MUST check whether the computed Diffie-Hellman shared secret is
	 * the all-zero value and abort if so" */
	if (n != g->secret_len || all_zero(out->b, n)) {
		kex_out_clear(out);
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: secret is zero");
	}
	out->n = n;
	return LEAT_OK;
}

enum leat_ret kex_finish(struct kex *k, const struct crypto *c, struct leat_span peer,
	struct kex_out *out, struct leat_err *err)
{
	EVP_PKEY *theirs = NULL;
	enum leat_ret r;

	out->n = 0;
	if (!k->pkey)
		return err_misuse(err, "key share: no key was started");
	r = import(c, k->group, peer, &theirs, err);
	if (r != LEAT_OK)
		return r;
	r = agree(k->group, k->pkey, theirs, out, err);
	crypto_park_blank(c, k->group, theirs);
	return r;
}

/* The peer's value is looked at before a key is made for it: garbage costs us little. */
enum leat_ret kex_respond(const struct crypto *c, const struct group *g, struct leat_span peer,
	struct leat_wr *share, struct kex_out *out, struct leat_err *err)
{
	LEAT_SCOPED(kex_clear) struct kex k = { 0 };
	EVP_PKEY *theirs = NULL;
	enum leat_ret r;

	out->n = 0;
	if (!crypto_has_group(c, g))
		return err_crypto(err, "key share: group is not available in libcrypto");
	r = import(c, g, peer, &theirs, err);
	if (r != LEAT_OK)
		return r;
	r = kex_start(&k, c, g, share, err);
	if (r == LEAT_OK)
		r = agree(g, k.pkey, theirs, out, err);
	crypto_park_blank(c, g, theirs);
	return r;
}
