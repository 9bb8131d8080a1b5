/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_crl.c: CRLs and distribution points, whatever the bytes. Input behind 2-byte lengths: TBSCertificates, leaf
 * first and the anchor last, an empty string, TBSCertLists; a key that everybody knows signs all of them
 * (knownkey.h). Of the leaf's distribution points every URI and every name finds all the lists. Promises: nothing
 * passes with crl_check that does not pass without; what passes with true passes with the others; of one list
 * that libcrypto reads as "revoked" nothing good is concluded; answers do not change when asked again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "base/mem.h"
#include "base/rd.h"
#include "crypto/ossl_err.h"
#include "knownkey.h"
#include "x509/chain_int.h"
#include "x509/crl.h"
#include "x509/verify.h"

#define NOW   INT64_C(1800000000)
#define CERTS 4
#define LISTS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct crypto *crypto;
static volatile unsigned seen; /* so that what was read is used */

struct given {
	struct leat_wr cert[CERTS], list[LISTS];
	struct leat_span certs[CERTS];
	size_t num_certs, num_lists;
};

/* ---- a cache that has everything everywhere ---- */

static enum leat_ret add_all(const struct given *g, struct leat_crl_list *out)
{
	for (size_t i = 0; i < g->num_lists; i++)
		(void)!leat_crl_list_add(out, leat_wr_done(&g->list[i]));
	return LEAT_OK;
}

/* Looks at each byte it is shown. */
static unsigned touch(struct leat_span s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += s.p[i];
	return sum;
}

static enum leat_ret lookup(
	void *db, const struct leat_dist_point *dp, int64_t now_s, struct leat_crl_list *out)
{
	unsigned sum = touch(dp->der) + touch(dp->relative_name) + touch(dp->reasons);
	char *uri;

	(void)now_s;
	for (size_t i = 0; i < dp->num_full_name; i++)
		sum += touch(dp->full_name[i]);
	for (size_t i = 0; i < dp->num_uris; i++)
		if (crl_uri_new(&uri, dp->uris[i]) == LEAT_OK) {
			assert(strncmp(uri, "http://", 7) == 0);
			leat_free(uri);
		}
	for (size_t i = 0; i < dp->num_crl_issuers; i++)
		sum += touch(dp->crl_issuers[i]);
	seen = sum;
	return add_all(db, out);
}

static enum leat_ret select_all(
	void *db, struct leat_span issuer, int64_t now_s, struct leat_crl_list *out)
{
	uint32_t hash;

	(void)now_s;
	(void)!crl_name_hash(issuer, &hash);
	return add_all(db, out);
}

/* ---- promises ---- */

static enum leat_ret judge(const struct given *g, const struct store *s, struct leat_crl_cache *c,
	enum crl_check check)
{
	struct verify_in in = { .store = s,
		.now_s = NOW,
		.depth = 2,
		.crl_check = check,
		.crls = c,
		.leaf_is_server = true };
	struct leat_err err = { 0 };
	enum leat_ret r;

	if (chain_new(&in.chain, crypto, g->certs, g->num_certs, &err) != LEAT_OK)
		return LEAT_FAILED;
	r = verify_chain(crypto, &in, &err);
	assert(r == LEAT_OK || (r == LEAT_FAILED && err.cls == LEAT_E_OUR_ALERT));
	chain_unref(in.chain);
	return r;
}

static X509 *cert_of(struct leat_span der)
{
	return d2i_X509(NULL, &der.p, (long)der.n);
}

/* The peer's certificate under libcrypto's own check. */
static bool is_revoked_for_libcrypto(const struct given *g)
{
	struct leat_span der = leat_wr_done(&g->list[0]);
	STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
	X509_CRL *list = d2i_X509_CRL(NULL, &der.p, (long)der.n);
	X509 *leaf = cert_of(g->certs[0]), *anchor = cert_of(g->certs[g->num_certs - 1]);
	STACK_OF(X509) *sent = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool revoked;

	for (size_t i = 1; i + 1 < g->num_certs; i++)
		sk_X509_push(sent, cert_of(g->certs[i]));
	if (list)
		sk_X509_CRL_push(lists, list);
	X509_STORE_add_cert(store, anchor);
	X509_STORE_CTX_init(ctx, store, leaf, sent);
	X509_STORE_CTX_set0_crls(ctx, lists);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), NOW);
	revoked = X509_verify_cert(ctx) != 1 &&
		  X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_REVOKED;
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(sent, X509_free);
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	X509_free(leaf);
	X509_free(anchor);
	ossl_forget();
	return revoked;
}

static void compare(const struct given *g, const struct store *s, struct leat_crl_cache *c)
{
	bool off = judge(g, s, c, CRL_CHECK_OFF) == LEAT_OK;
	bool all = judge(g, s, c, CRL_CHECK_ALL) == LEAT_OK;
	bool peer = judge(g, s, c, CRL_CHECK_PEER) == LEAT_OK;
	bool best = judge(g, s, c, CRL_CHECK_BEST_EFFORT) == LEAT_OK;

	assert(off || !(all || peer || best));
	assert(!all || (peer && best));
	assert(all == (judge(g, s, c, CRL_CHECK_ALL) == LEAT_OK));
	if (peer && g->num_lists == 1)
		assert(!is_revoked_for_libcrypto(g));
}

static void run(struct given *g)
{
	static const struct leat_crl_cache_ops ops = { lookup, select_all, NULL, NULL };
	struct leat_crl_cache *c = NULL;
	struct store *s = NULL;
	struct leat_err err = { 0 };

	if (store_new(&s, &err) == LEAT_OK &&
		store_add_der(s, g->certs[g->num_certs - 1], &err) == LEAT_OK &&
		leat_crl_cache_cb_new(&c, &ops, g, &err) == LEAT_OK)
		compare(g, s, c);
	leat_crl_cache_unref(c);
	store_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ data, n });
	struct leat_err err = { 0 };
	struct given g = { 0 };
	struct leat_span tbs;
	struct crl *raw;

	if (!crypto && crypto_new(&crypto, &err) != LEAT_OK)
		return 0;
	if (crl_new(&raw, in.n ? (struct leat_span){ data, n } : (struct leat_span){ 0 }) ==
		LEAT_OK)
		crl_unref(raw);
	while (g.num_certs < CERTS && leat_rd_more(&in)) {
		tbs = leat_rd_opaque16(&in, 0, UINT16_MAX);
		if (tbs.n == 0)
			break;
		knownkey_sign(&g.cert[g.num_certs], tbs);
		g.certs[g.num_certs] = leat_wr_done(&g.cert[g.num_certs]);
		g.num_certs++;
	}
	while (g.num_lists < LISTS && leat_rd_more(&in))
		knownkey_sign(&g.list[g.num_lists++], leat_rd_opaque16(&in, 0, UINT16_MAX));
	if (leat_rd_end(&in) && g.num_certs > 1)
		run(&g);
	for (size_t i = 0; i < g.num_certs; i++)
		leat_wr_clear(&g.cert[i]);
	for (size_t i = 0; i < g.num_lists; i++)
		leat_wr_clear(&g.list[i]);
	return 0;
}
