/* SPDX-License-Identifier: Apache-2.0
 *
 * kex.c - ephemeral (EC)DH. The private key lives from kex_start to kex_clear and never leaves
 * libcrypto; its randomness is libcrypto's own (the exception written down in leat/types.h). Hybrid groups
 * go on in hybrid.c, primes that are no group of ours are dh.c's.
 */
#include "crypto/kex.h"

#include <openssl/core_names.h>
#include <openssl/dh.h>

#include "base/secret.h"
#include "crypto/crypto_int.h"
#include "crypto/dh.h"
#include "crypto/ossl_err.h"

void kex_out_clear(struct kex_out *k)
{
	leat_wipe(k, sizeof(*k));
}

void kex_clear(struct kex *k)
{
	EVP_PKEY_free(k->pkey); /* wipes the private key */
	EVP_PKEY_free(k->kem);
	*k = (struct kex){ 0 };
}

void free_pkey_ctx(EVP_PKEY_CTX **p)
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

/* For finite fields libcrypto pads it: RFC 8446 4.2.8.1 "padded to the left with zeros to the size of p in
 * bytes". */
bool kex_put_share(EVP_PKEY *key, size_t len, struct leat_wr *share)
{
	uint8_t *room = leat_wr_room(share, len);
	size_t n = 0;

	return room &&
	       EVP_PKEY_get_octet_string_param(
		       key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, room, len, &n) == 1 &&
	       n == len;
}

enum leat_ret kex_no_share(const struct leat_wr *share, struct leat_err *err)
{
	return leat_wr_ok(share) ? OSSL_FAIL(err, "key share: encoding") : err_memory(err);
}

enum leat_ret kex_start(struct kex *k, const struct crypto *c, const struct group *g,
	struct leat_wr *share, struct leat_err *err)
{
	enum leat_ret r = LEAT_OK;

	*k = (struct kex){ .group = g };
	if (!crypto_has_group(c, g))
		return err_crypto(err, "key share: group is not available in libcrypto");
	if (g->kind == GROUP_HYBRID) {
		r = hybrid_start(k, c, share, err);
	} else {
		k->pkey = make_key(c, g);
		if (!k->pkey)
			r = OSSL_FAIL(err, "key share: key generation");
		else if (!kex_put_share(k->pkey, g->share_len, share))
			r = kex_no_share(share, err);
	}
	if (r != LEAT_OK)
		kex_clear(k);
	return r;
}

/* libcrypto would not have the peer's value: the peer's fault, unless memory was what it lacked. */
enum leat_ret kex_refuse(struct leat_err *err, const char *what)
{
	if (ossl_out_of_memory())
		return OSSL_FAIL(err, "key share: memory exhausted");
	ossl_forget();
	return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, what);
}

/* RFC 8446 4.2.8.1: "Peers MUST validate each other's public key Y by ensuring that 1 < Y < p-1." The
 * primes are safe ones: no other small subgroup exists. */
static enum leat_ret check_range(
	const struct crypto *c, const struct group *g, struct leat_span peer, struct leat_err *err)
{
	uint8_t p[DH_BYTES_MAX];

	if (!dh_prime_of(c, g, p))
		return OSSL_FAIL(err, "key share: the prime");
	return dh_is_value((struct leat_span){ p, g->share_len }, peer)
		       ? LEAT_OK
		       : err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: out of range");
}

/* The peer's value as a key. Reading a point checks that it is on the curve (RFC 8446 4.2.8.2). The
 * NIST curves have cofactor 1, so a point on the curve is in the group: libcrypto's further check,
 * n * Q = 0, costs as much as the agreement itself and adds nothing; kex_agree asks for none. */
enum leat_ret kex_import(const struct crypto *c, const struct group *g, struct leat_span peer,
	EVP_PKEY **out, struct leat_err *err)
{
	EVP_PKEY *key;

	ossl_forget(); /* what the application left in the queue must not decide whose fault it is */
	/* RFC 8446 4.2.8.2: "legacy_form = 4"; no compressed or hybrid form */
	if (peer.n != g->share_len || (g->kind == GROUP_NIST && peer.p[0] != 4))
		return err_alert(
			err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: wrong length or form");
	if (g->kind == GROUP_FFDHE && check_range(c, g, peer, err) != LEAT_OK)
		return LEAT_FAILED;
	key = crypto_take_blank(c, g);
	if (!key)
		return OSSL_FAIL(err, "key share: no key to put it in");
	if (EVP_PKEY_set1_encoded_public_key(key, peer.p, peer.n) != 1) {
		EVP_PKEY_free(key);         /* in an unknown state: not parked */
		if (g->kind == GROUP_FFDHE) /* it is in range, so what was lacking is ours */
			return OSSL_FAIL(err, "key share: reading the peer's");
		return kex_refuse(err, "key share: not a point of the group");
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

static bool set_up_agreement(EVP_PKEY_CTX *ctx, const struct group *g, EVP_PKEY *theirs)
{
	return ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	       /* RFC 8446 7.4.1: the secret "is padded on the left with zeros up to the size of the
		* prime" */
	       (g->kind != GROUP_FFDHE || EVP_PKEY_CTX_set_dh_pad(ctx, 1) == 1) &&
	       EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) == 1;
}

enum leat_ret kex_agree(
	const struct group *g, EVP_PKEY *mine, EVP_PKEY *theirs, uint8_t *out, struct leat_err *err)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	size_t n = g->secret_len;

	if (!set_up_agreement(ctx, g, theirs))
		return OSSL_FAIL(err, "key share: derivation");
	if (EVP_PKEY_derive(ctx, out, &n) != 1) {
		leat_wipe(out, g->secret_len);
		return g->kind == GROUP_FFDHE
			       ? OSSL_FAIL(err,
					 "key share: derivation") /* nothing is wrong with it */
			       : kex_refuse(err, "key share: no secret can be derived from it");
	}
	/* RFC 8446 7.4.2: X25519 and X448 "MUST check whether the computed Diffie-Hellman shared secret is
	 * the all-zero value and abort if so" */
	if (n != g->secret_len || all_zero(out, n)) {
		leat_wipe(out, g->secret_len);
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: secret is zero");
	}
	return LEAT_OK;
}

static enum leat_ret agree(const struct group *g, EVP_PKEY *mine, EVP_PKEY *theirs,
	struct kex_out *out, struct leat_err *err)
{
	enum leat_ret r = kex_agree(g, mine, theirs, out->b, err);

	if (r == LEAT_OK)
		out->n = g->secret_len;
	return r;
}

enum leat_ret kex_finish(struct kex *k, const struct crypto *c, struct leat_span peer,
	struct kex_out *out, struct leat_err *err)
{
	EVP_PKEY *theirs = NULL;
	enum leat_ret r;

	out->n = 0;
	if (!k->pkey)
		return err_misuse(err, "key share: no key was started");
	if (k->group->kind == GROUP_HYBRID)
		return hybrid_finish(k, c, peer, out, err);
	r = kex_import(c, k->group, peer, &theirs, err);
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
	if (g->kind == GROUP_HYBRID)
		return hybrid_respond(c, g, peer, share, out, err);
	r = kex_import(c, g, peer, &theirs, err);
	if (r != LEAT_OK)
		return r;
	r = kex_start(&k, c, g, share, err);
	if (r == LEAT_OK)
		r = agree(g, k.pkey, theirs, out, err);
	crypto_park_blank(c, g, theirs);
	return r;
}
