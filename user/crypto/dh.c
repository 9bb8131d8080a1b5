/* SPDX-License-Identifier: Apache-2.0
 *
 * dh.c - see dh.h. RFC 5246 8.1.2, RFC 7919. Primes and public values are nobody's secret and compared
 * as it comes; the private key never leaves libcrypto, secrets are handled by length alone.
 */
#include "crypto/dh.h"

#include <assert.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/param_build.h>

#include "base/secret.h"
#include "crypto/crypto_int.h"
#include "crypto/ossl_err.h"

/* ---- numbers ---- */

struct leat_span dh_trim(struct leat_span number)
{
	while (number.n > 0 && number.p[0] == 0) {
		number.p++;
		number.n--;
	}
	return number;
}

size_t dh_bits(struct leat_span trimmed)
{
	size_t bits = 8 * trimmed.n;

	for (unsigned top = 0x80; bits && !(trimmed.p[0] & top); top >>= 1)
		bits--;
	return bits;
}

bool dh_is_value(struct leat_span p, struct leat_span y)
{
	y = dh_trim(y);
	if (y.n == 0 || (y.n == 1 && y.p[0] == 1) || y.n > p.n)
		return false;
	if (y.n < p.n)
		return true;
	/* p is odd: p-1 differs from it in the last byte only */
	if (memcmp(y.p, p.p, p.n - 1) == 0)
		return y.p[p.n - 1] < p.p[p.n - 1] - 1;
	return memcmp(y.p, p.p, p.n) < 0;
}

bool dh_prime_of(const struct crypto *c, const struct group *g, uint8_t *p)
{
	BIGNUM *bn = NULL;
	bool ok = EVP_PKEY_get_bn_param(c->group[group_seat(g)], OSSL_PKEY_PARAM_FFC_P, &bn) == 1 &&
		  BN_bn2binpad(bn, p, (int)g->share_len) == (int)g->share_len;

	BN_free(bn);
	return ok;
}

const struct group *dh_known_group(const struct crypto *c, struct leat_span p, struct leat_span g)
{
	uint8_t known[DH_BYTES_MAX];
	const struct group *row;

	g = dh_trim(g);
	if (g.n != 1 || g.p[0] != 2) /* RFC 7919 A: "The generator is: g = 2" */
		return NULL;
	for (size_t i = 0; (row = group_at(i)); i++)
		if (row->kind == GROUP_FFDHE && row->share_len == p.n && crypto_has_group(c, row) &&
			dh_prime_of(c, row, known) && memcmp(known, p.p, p.n) == 0)
			return row;
	return NULL;
}

struct leat_span dh_premaster(const struct kex_out *secret)
{
	unsigned seen = 0;
	size_t zeros = 0;

	for (size_t i = 0; i < secret->n; i++) {
		seen |= secret->b[i];
		zeros += (seen - 1u) >> 31; /* 1 as long as nothing but zeros was seen */
	}
	return (struct leat_span){ secret->b + zeros, secret->n - zeros };
}

/* ---- keys ---- */

static bool push(OSSL_PARAM_BLD *bld, const char *name, struct leat_span number, BIGNUM **keep)
{
	*keep = BN_bin2bn(number.p, (int)number.n, NULL);
	return *keep && OSSL_PARAM_BLD_push_BN(bld, name, *keep) == 1;
}

/* A key of p and g, with a public value where y is not empty. NULL: libcrypto lacks memory. */
static EVP_PKEY *make(struct leat_span p, struct leat_span g, struct leat_span y)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn[3] = { NULL, NULL, NULL };
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (ctx && bld && push(bld, OSSL_PKEY_PARAM_FFC_P, p, &bn[0]) &&
		push(bld, OSSL_PKEY_PARAM_FFC_G, g, &bn[1]) &&
		(!y.n || push(bld, OSSL_PKEY_PARAM_PUB_KEY, y, &bn[2])))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &key, y.n ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS,
			params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	for (int i = 0; i < 3; i++)
		BN_free(bn[i]);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static size_t prime_len(const EVP_PKEY *key)
{
	return (size_t)(EVP_PKEY_get_bits(key) + 7) / 8;
}

/* A new key over the same prime, and its value. */
static enum leat_ret generate(
	EVP_PKEY *params, EVP_PKEY **out, struct leat_wr *share, struct leat_err *err)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);

	*out = NULL;
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_keygen(ctx, out) != 1)
		return OSSL_FAIL(err, "dh: key generation");
	if (kex_put_share(*out, prime_len(params), share))
		return LEAT_OK;
	EVP_PKEY_free(*out);
	*out = NULL;
	return kex_no_share(share, err);
}

enum leat_ret dh_start(struct kex *mine, struct leat_span p, struct leat_span g,
	struct leat_wr *share, struct leat_err *err)
{
	EVP_PKEY *params = make(p, g, (struct leat_span){ NULL, 0 }), *key;
	enum leat_ret r;

	*mine = (struct kex){ 0 };
	if (!params)
		return OSSL_FAIL(err, "dh: parameters");
	r = generate(params, &key, share, err);
	EVP_PKEY_free(params);
	mine->pkey = key;
	return r;
}

static enum leat_ret derive(
	EVP_PKEY *mine, EVP_PKEY *theirs, struct kex_out *out, struct leat_err *err)
{
	LEAT_SCOPED(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	size_t n = sizeof(out->b);

	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1 ||
		EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) != 1 ||
		EVP_PKEY_derive(ctx, out->b, &n) != 1) {
		kex_out_clear(out);
		return OSSL_FAIL(err, "dh: derivation");
	}
	out->n = n;
	return LEAT_OK;
}

static bool number_of(const EVP_PKEY *key, const char *name, uint8_t *b, size_t n)
{
	BIGNUM *bn = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &bn) == 1 &&
		  BN_bn2binpad(bn, b, (int)n) == (int)n;

	BN_free(bn);
	return ok;
}

enum leat_ret dh_finish(
	struct kex *mine, struct leat_span peer, struct kex_out *out, struct leat_err *err)
{
	uint8_t pb[DH_BYTES_MAX], gb[DH_BYTES_MAX];
	struct leat_span p = { pb, 0 }, g;
	EVP_PKEY *theirs;
	enum leat_ret r;

	out->n = 0;
	if (!mine->pkey)
		return err_misuse(err, "dh: no key was started");
	p.n = prime_len(mine->pkey);
	g = (struct leat_span){ gb, p.n };
	if (p.n > sizeof(pb) || !number_of(mine->pkey, OSSL_PKEY_PARAM_FFC_P, pb, p.n) ||
		!number_of(mine->pkey, OSSL_PKEY_PARAM_FFC_G, gb, p.n))
		return OSSL_FAIL(err, "dh: parameters");
	if (peer.n > p.n || !dh_is_value(p, peer))
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER, "dh: value out of range");
	theirs = make(p, g, peer);
	if (!theirs)
		return OSSL_FAIL(err, "dh: the peer's value");
	r = derive(mine->pkey, theirs, out, err);
	EVP_PKEY_free(theirs);
	return r;
}

enum leat_ret dh_import(struct kex *theirs, struct leat_span p, struct leat_span g,
	struct leat_span y, struct leat_err *err)
{
	assert(dh_is_value(p, y));
	*theirs = (struct kex){ .pkey = make(p, g, y) };
	return theirs->pkey ? LEAT_OK : OSSL_FAIL(err, "dh: the peer's value");
}

enum leat_ret dh_answer(
	struct kex *theirs, struct leat_wr *share, struct kex_out *out, struct leat_err *err)
{
	EVP_PKEY *mine;
	enum leat_ret r;

	out->n = 0;
	if (!theirs->pkey)
		return err_misuse(err, "dh: nobody's value");
	r = generate(theirs->pkey, &mine, share, err);
	if (r == LEAT_OK)
		r = derive(mine, theirs->pkey, out, err);
	EVP_PKEY_free(mine);
	return r;
}
