/* SPDX-License-Identifier: Apache-2.0
 *
 * hybrid.c - key agreement that holds as long as either of its halves does: ML-KEM (FIPS 203) beside a
 * curve, draft-ietf-tls-ecdhe-mlkem. The curve's half is kex.c's work, ML-KEM's is libcrypto's (3.5 and
 * later, or a provider that brings it); here are order, lengths and who refuses what.
 *
 *	client's share   ML-KEM encapsulation key and the curve's value
 *	server's share   ML-KEM ciphertext and the curve's value
 *	secret           ML-KEM secret and the curve's secret
 *
 * each in one order: ML-KEM first with X25519, the curve first with the NIST curves.
 *
 * No branch depends on a secret. A ciphertext that was not made for our key gives another secret, not an
 * error (FIPS 203 6.3, implicit rejection): Finished then does not check out.
 */
#include "crypto/crypto_int.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "base/secret.h"
#include "crypto/ossl_err.h"

#define KEM_SECRET_LEN 32 /* FIPS 203: of every parameter set */

struct hybrid {
	uint16_t id, curve;
	const char *kem;
	size_t key_len, wrapped_len; /* encapsulation key, ciphertext: FIPS 203 table 3 */
	bool kem_first;
};

static const struct hybrid hybrids[] = {
	{ GROUP_X25519MLKEM768, GROUP_X25519, "ML-KEM-768", 1184, 1088, true },
	{ GROUP_SECP256R1MLKEM768, GROUP_SECP256R1, "ML-KEM-768", 1184, 1088, false },
	{ GROUP_SECP384R1MLKEM1024, GROUP_SECP384R1, "ML-KEM-1024", 1568, 1568, false },
};

static const struct hybrid *parts_of(const struct group *g)
{
	for (size_t i = 0; i < sizeof(hybrids) / sizeof(hybrids[0]); i++)
		if (hybrids[i].id == g->id)
			return &hybrids[i];
	return NULL;
}

bool hybrid_probe(const struct crypto *c, const struct group *g)
{
	const struct hybrid *h = parts_of(g);
	EVP_KEYMGMT *k = EVP_KEYMGMT_fetch(NULL, h->kem, NULL);
	EVP_KEM *m = k ? EVP_KEM_fetch(NULL, h->kem, NULL) : NULL;
	bool has = m && crypto_has_group(c, group_by_id(h->curve));

	EVP_KEYMGMT_free(k);
	EVP_KEM_free(m);
	return has;
}

/* A share taken apart; the whole has the right length. */
static void split(const struct hybrid *h, struct leat_span whole, size_t kem_len,
	struct leat_span *kem, struct leat_span *curve)
{
	size_t curve_len = whole.n - kem_len;

	*kem = (struct leat_span){ whole.p + (h->kem_first ? 0 : curve_len), kem_len };
	*curve = (struct leat_span){ whole.p + (h->kem_first ? kem_len : 0), curve_len };
}

static uint8_t *kem_secret(const struct hybrid *h, const struct group *curve, struct kex_out *out)
{
	return out->b + (h->kem_first ? 0 : curve->secret_len);
}

static uint8_t *curve_secret(const struct hybrid *h, struct kex_out *out)
{
	return out->b + (h->kem_first ? KEM_SECRET_LEN : 0);
}

static EVP_PKEY *make_kem_key(const struct hybrid *h)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, h->kem, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_keygen(ctx, &key) != 1)
		return NULL;
	return key;
}

static enum leat_ret start_kem(
	struct kex *k, const struct hybrid *h, struct leat_wr *share, struct leat_err *err)
{
	k->kem = make_kem_key(h);
	if (!k->kem)
		return OSSL_FAIL(err, "key share: ml-kem key generation");
	return kex_put_share(k->kem, h->key_len, share) ? LEAT_OK : kex_no_share(share, err);
}

/* The curve's half, into the k that holds the whole. */
static enum leat_ret start_curve(struct kex *k, const struct crypto *c, const struct hybrid *h,
	struct leat_wr *share, struct leat_err *err)
{
	struct kex half;
	enum leat_ret r = kex_start(&half, c, group_by_id(h->curve), share, err);

	k->pkey = half.pkey;
	return r;
}

enum leat_ret hybrid_start(
	struct kex *k, const struct crypto *c, struct leat_wr *share, struct leat_err *err)
{
	const struct hybrid *h = parts_of(k->group);

	if (h->kem_first)
		return start_kem(k, h, share, err) == LEAT_OK ? start_curve(k, c, h, share, err)
							      : LEAT_FAILED;
	return start_curve(k, c, h, share, err) == LEAT_OK ? start_kem(k, h, share, err)
							   : LEAT_FAILED;
}

static enum leat_ret decapsulate(
	EVP_PKEY *key, struct leat_span wrapped, uint8_t *secret, struct leat_err *err)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t n = KEM_SECRET_LEN;

	if (!ctx || EVP_PKEY_decapsulate_init(ctx, NULL) != 1)
		return OSSL_FAIL(err, "key share: ml-kem");
	if (EVP_PKEY_decapsulate(ctx, secret, &n, wrapped.p, wrapped.n) != 1)
		return kex_refuse(err, "key share: ml-kem ciphertext");
	return n == KEM_SECRET_LEN ? LEAT_OK : err_crypto(err, "key share: ml-kem secret");
}

enum leat_ret hybrid_finish(struct kex *k, const struct crypto *c, struct leat_span peer,
	struct kex_out *out, struct leat_err *err)
{
	const struct hybrid *h = parts_of(k->group);
	const struct group *curve = group_by_id(h->curve);
	struct leat_span wrapped, point;
	EVP_PKEY *theirs;
	enum leat_ret r;

	/* "the client MUST check that [...] ciphertext and share have the length of the group" */
	if (peer.n != k->group->reply_len)
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: wrong length");
	split(h, peer, h->wrapped_len, &wrapped, &point);
	r = kex_import(c, curve, point, &theirs, err);
	if (r != LEAT_OK)
		return r;
	r = kex_agree(curve, k->pkey, theirs, curve_secret(h, out), err);
	crypto_park_blank(c, curve, theirs);
	if (r == LEAT_OK)
		r = decapsulate(k->kem, wrapped, kem_secret(h, curve, out), err);
	if (r == LEAT_OK)
		out->n = k->group->secret_len;
	else
		kex_out_clear(out);
	return r;
}

/* Reading the key is its check: FIPS 203 7.2, each coefficient below q. A key that fails it is
 * illegal_parameter. */
static enum leat_ret import_kem(
	const struct hybrid *h, struct leat_span theirs, EVP_PKEY **out, struct leat_err *err)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, h->kem, NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)theirs.p, theirs.n),
		OSSL_PARAM_END,
	};

	*out = NULL;
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1)
		return OSSL_FAIL(err, "key share: ml-kem");
	ossl_forget();
	if (EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) == 1)
		return LEAT_OK;
	/* A key that is refused is refused with words; libcrypto is silent about some of its memory. */
	return ERR_peek_error() ? kex_refuse(err, "key share: not an ml-kem key")
				: OSSL_FAIL(err, "key share: ml-kem key");
}

static enum leat_ret encapsulate(const struct hybrid *h, struct leat_span theirs, uint8_t *wrapped,
	uint8_t *secret, struct leat_err *err)
{
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx;
	size_t wrapped_len = h->wrapped_len, n = KEM_SECRET_LEN;
	enum leat_ret r = LEAT_OK;

	if (import_kem(h, theirs, &key, err) != LEAT_OK)
		return LEAT_FAILED;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!ctx || EVP_PKEY_encapsulate_init(ctx, NULL) != 1 ||
		EVP_PKEY_encapsulate(ctx, wrapped, &wrapped_len, secret, &n) != 1)
		r = OSSL_FAIL(err, "key share: ml-kem");
	else if (wrapped_len != h->wrapped_len || n != KEM_SECRET_LEN)
		r = err_crypto(err, "key share: ml-kem lengths");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return r;
}

/* The curve's half as a server's: value at share, secret in its place. */
static enum leat_ret respond_curve(const struct crypto *c, const struct hybrid *h,
	struct leat_span point, struct leat_wr *share, uint8_t *secret, struct leat_err *err)
{
	LEAT_SCOPED(kex_out_clear) struct kex_out half = { 0 };
	enum leat_ret r = kex_respond(c, group_by_id(h->curve), point, share, &half, err);

	if (r == LEAT_OK)
		memcpy(secret, half.b, half.n);
	return r;
}

static enum leat_ret respond_kem(const struct hybrid *h, struct leat_span key,
	struct leat_wr *share, uint8_t *secret, struct leat_err *err)
{
	uint8_t *room = leat_wr_room(share, h->wrapped_len);

	return room ? encapsulate(h, key, room, secret, err) : err_memory(err);
}

enum leat_ret hybrid_respond(const struct crypto *c, const struct group *g, struct leat_span peer,
	struct leat_wr *share, struct kex_out *out, struct leat_err *err)
{
	const struct hybrid *h = parts_of(g);
	uint8_t *kem = kem_secret(h, group_by_id(h->curve), out), *curve = curve_secret(h, out);
	struct leat_span key, point;
	enum leat_ret r;

	if (peer.n != g->share_len)
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "key share: wrong length");
	split(h, peer, h->key_len, &key, &point);
	r = h->kem_first ? respond_kem(h, key, share, kem, err)
			 : respond_curve(c, h, point, share, curve, err);
	if (r == LEAT_OK)
		r = h->kem_first ? respond_curve(c, h, point, share, curve, err)
				 : respond_kem(h, key, share, kem, err);
	if (r == LEAT_OK)
		out->n = g->secret_len;
	else
		kex_out_clear(out);
	return r;
}
