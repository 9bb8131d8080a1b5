/* SPDX-License-Identifier: Apache-2.0
 *
 * t_crl.c - which certificates are revoked: x509/revoked.c, crl_signer.c, crl_points.c. One row per rule of RFC 5280
 * 6.3.3, each wrong in one place, under crl_check true, peer and best_effort.
 */
#include "crlkit.h"
#include "vec.h"

#include "base/limits.h"
#include "base/mem.h"
#include "x509/crl.h"
#include "x509/verify.h"

#define URI     "http://crl.test/inter.crl"
#define UNKNOWN LEAT_ALERT_BAD_CERTIFICATE
#define REVOKED LEAT_ALERT_CERTIFICATE_REVOKED

static struct crypto *crypto;
static struct store *store;

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(crypto_new(&crypto, &err), LEAT_OK);
	assert_int_equal(store_new(&store, &err), LEAT_OK);
	assert_int_equal(store_add_der(store, pki_der(pki_root()), &err), LEAT_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_unref(store);
	crypto_unref(crypto);
	pki_done();
	return vec_teardown(state);
}

/* ---- a question ---- */

struct ask {
	const struct made *leaf;
	const struct made *inter;  /* NULL: pki_inter() */
	const struct made *extra;  /* sent along */
	const struct store *trust; /* NULL: store */
	struct leat_crl_cache *cache;
	int64_t now_s; /* 0: PKI_NOW */
};

static enum leat_ret judge(const struct ask *a, enum crl_check check, struct leat_err *err)
{
	const struct made *inter = a->inter ? a->inter : pki_inter();
	struct leat_span certs[3] = { pki_der(a->leaf), pki_der(inter) };
	size_t num = a->extra ? 3 : 2;
	struct verify_in in = {
		.store = a->trust ? a->trust : store,
		.leaf_is_server = true,
		.now_s = a->now_s ? a->now_s : PKI_NOW,
		.depth = 10,
		.keep = true,
		.crl_check = check,
		.crls = a->cache,
	};
	enum leat_ret r;

	if (a->extra)
		certs[2] = pki_der(a->extra);
	memset(err, 0, sizeof(*err));
	r = chain_get(&in.chain, crypto, in.store, true, certs, num, err);
	if (r == LEAT_OK)
		r = verify_chain(crypto, &in, err);
	chain_unref(in.chain);
	return r;
}

/* alert 0: passes. */
static void expect_one(const char *name, const struct ask *a, enum crl_check check, uint8_t alert)
{
	struct leat_err err;
	char text[400];
	enum leat_ret r = judge(a, check, &err);

	if (r != (alert ? LEAT_FAILED : LEAT_OK) ||
		(alert && (err.cls != LEAT_E_OUR_ALERT || err.alert != alert)))
		fail_msg("%s, check %d: %s", name, check, leat_strerror(&err, text, sizeof(text)));
}

/* What is to come of it with true, peer and best_effort. */
static void expect(const char *name, struct ask a, uint8_t all, uint8_t peer, uint8_t best)
{
	expect_one(name, &a, CRL_CHECK_OFF, 0);
	expect_one(name, &a, CRL_CHECK_ALL, all);
	expect_one(name, &a, CRL_CHECK_PEER, peer);
	expect_one(name, &a, CRL_CHECK_BEST_EFFORT, best);
	expect_one(name, &a, CRL_CHECK_OFF, 0);
}

static struct leat_crl_cache *cache_new(void)
{
	struct leat_crl_cache *c;
	struct leat_err err = { 0 };

	assert_int_equal(leat_crl_cache_mem_new(&c, NULL, &err), LEAT_OK);
	return c;
}

static void put_at(struct leat_crl_cache *c, const char *uri, const struct crl_spec *s)
{
	struct leat_span der = crl_make(s);
	struct leat_err err = { 0 };

	assert_int_equal(leat_crl_insert_der(c, uri, &der, 1, &err), LEAT_OK);
}

static void put(struct leat_crl_cache *c, struct crl_spec s)
{
	put_at(c, NULL, &s);
}

/* A cache with a good CRL of the root, so that the intermediate is known to be good. */
static struct leat_crl_cache *cache_of_root(void)
{
	struct leat_crl_cache *c = cache_new();

	put(c, crl_good(pki_root()));
	return c;
}

static const struct made *plain_leaf(void)
{
	return pki_server(KEY_EC_P256)->leaf;
}

static const struct made *leaf_with_uri(void)
{
	static const struct crl_place places[] = { { .uri = URI }, { 0 } };
	static const struct made *leaf;

	if (!leaf)
		leaf = crl_leaf(places);
	return leaf;
}

/* The status that one CRL of the intermediate, found by its issuer, gives leaf. */
static void expect_with(const char *name, const struct made *leaf, const struct crl_spec *s,
	uint8_t all, uint8_t best)
{
	struct leat_crl_cache *c = cache_of_root();

	put(c, *s);
	expect(name, (struct ask){ .leaf = leaf, .cache = c }, all, all, best);
	leat_crl_cache_unref(c);
}

/* ---- the three ways of checking ---- */

/* REQ: OPT-crl_check OPT-crl_check-nodp VER-crl CRLAPI-flow SEC-revocation */
static void true_peer_and_best_effort(void **state)
{
	struct crl_spec bad = crl_good(pki_inter()), of_root = crl_good(pki_root());
	struct leat_crl_cache *c = cache_new();
	struct ask a = { .leaf = plain_leaf(), .cache = c };

	(void)state;
	expect("no CRL at all", a, UNKNOWN, UNKNOWN, 0);
	put(c, crl_good(pki_inter()));
	expect("only the peer's", a, UNKNOWN, 0, 0);
	put(c, crl_good(pki_root()));
	expect("both", a, 0, 0, 0);
	bad.revoked[0] = (struct crl_entry){ plain_leaf(), 1, NULL };
	put(c, bad);
	expect("the peer is revoked", a, REVOKED, REVOKED, REVOKED);
	leat_crl_cache_unref(c);

	a.cache = c = cache_new();
	put(c, crl_good(pki_inter()));
	of_root.revoked[0].cert = pki_inter();
	put(c, of_root);
	expect("the intermediate is revoked", a, REVOKED, 0, REVOKED);
	leat_crl_cache_unref(c);
}

static void the_refusal_says_what_is_wrong(void **state)
{
	struct crl_spec bad = crl_good(pki_inter()), old = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = plain_leaf(), .cache = c };
	struct leat_err err;

	(void)state;
	old.next_s = PKI_NOW;
	put(c, old);
	assert_int_equal(judge(&a, CRL_CHECK_ALL, &err), LEAT_FAILED);
	assert_non_null(strstr(err.what, "whether it is revoked"));
	assert_non_null(strstr(err.detail, "depth 0, subject CN=pki leaf"));
	assert_non_null(strstr(err.detail, "crl: expired"));
	bad.revoked[0] = (struct crl_entry){ plain_leaf(), 1, NULL };
	put(c, bad);
	assert_int_equal(judge(&a, CRL_CHECK_ALL, &err), LEAT_FAILED);
	assert_non_null(strstr(err.what, "certificate: revoked"));
	assert_non_null(strstr(err.detail, "keyCompromise"));
	leat_crl_cache_unref(c);
}

/* A chain that passed is remembered; that says nothing of its revocation a moment later. */
static void a_remembered_verdict_does_not_outlive_its_crl(void **state)
{
	struct crl_spec bad = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = plain_leaf(), .cache = c };
	struct leat_err err;

	(void)state;
	put(c, crl_good(pki_inter()));
	for (int i = 0; i < 3; i++)
		expect_one("good", &a, CRL_CHECK_ALL, 0);
	a.now_s = PKI_NOW + PKI_DAY; /* nextUpdate: past with that second */
	expect_one("out of date", &a, CRL_CHECK_ALL, UNKNOWN);
	a.now_s = 0;
	bad.revoked[0].cert = plain_leaf();
	put(c, bad);
	expect_one("revoked", &a, CRL_CHECK_ALL, REVOKED);
	assert_int_equal(judge(&a, CRL_CHECK_OFF, &err), LEAT_OK);
	leat_crl_cache_unref(c);
}

/* ---- a list that counts for nothing ---- */

/* REQ: T-rn-13 */
static void one_wrong_thing_makes_a_list_useless(void **state)
{
	static const struct {
		const char *name;
		int64_t this_d, next_d; /* days from PKI_NOW; 0, 0: as it is */
		struct crl_spec with;
		uint8_t all;
	} rows[] = {
		{ "a good one", 0, 0, { .hash = NULL }, 0 },
		{ "version 1", 0, 0, { .v1 = true }, 0 },
		{ "expired", -3, -1, { .hash = NULL }, UNKNOWN },
		{ "not valid yet", 1, 2, { .hash = NULL }, UNKNOWN },
		{ "without nextUpdate", -1, 0, { .hash = NULL }, UNKNOWN },
		{ "an unknown critical extension", 0, 0, { .critical = true }, UNKNOWN },
		{ "a wrong signature", 0, 0, { .bent = true }, UNKNOWN },
		{ "SHA-1", 0, 0, { .hash = "SHA1" }, UNKNOWN },
		{ "two algorithms", 0, 0, { .two_algorithms = true }, UNKNOWN },
		{ "for users", 0, 0, { .only_user = true }, 0 },
		{ "for CAs", 0, 0, { .only_ca = true }, UNKNOWN },
		{ "for attributes", 0, 0, { .only_attr = true }, UNKNOWN },
		{ "for users and CAs", 0, 0, { .only_user = true, .only_ca = true }, UNKNOWN },
		{ "of another place", 0, 0, { .uri = URI }, UNKNOWN },
		{ "for some reasons", 0, 0, { .reasons = 1u << 1 }, UNKNOWN },
		{ "for all reasons, named", 0, 0, { .reasons = 0x1fe }, 0 },
		{ "indirect too", 0, 0, { .indirect = true }, 0 },
		{ "a delta alone", 0, 0, { .base = 5 }, UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crl_spec s = rows[i].with, good = crl_good(pki_inter());
		bool revoked;

		s.issuer = good.issuer;
		s.number = good.number;
		s.this_s = rows[i].this_d ? PKI_NOW + rows[i].this_d * PKI_DAY : good.this_s;
		s.next_s = rows[i].next_d   ? PKI_NOW + rows[i].next_d * PKI_DAY
			   : rows[i].this_d ? 0
					    : good.next_s;
		expect_with(rows[i].name, plain_leaf(), &s, rows[i].all, 0);
		/* a useless list that says revoked says nothing; one for some reasons does */
		s.revoked[0].cert = plain_leaf();
		revoked = !rows[i].all || rows[i].with.reasons;
		expect_with(rows[i].name, plain_leaf(), &s, revoked ? REVOKED : UNKNOWN,
			revoked ? REVOKED : 0);
	}
}

static void an_unknown_critical_extension_of_any_entry(void **state)
{
	struct crl_spec s = crl_good(pki_inter());

	(void)state;
	s.revoked[0].cert = pki_server(KEY_EC_P384)->leaf; /* of another certificate */
	expect_with("another's entry", plain_leaf(), &s, 0, 0);
	s.entry_critical = true;
	expect_with("with something critical", plain_leaf(), &s, UNKNOWN, 0);
}

static void lists_by_reason_add_up(void **state)
{
	struct crl_spec a = crl_good(pki_inter()), b = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask ask = { .leaf = plain_leaf(), .cache = c };

	(void)state;
	a.reasons = 0x00e; /* bits 1 to 3 */
	b.reasons = 0x1f0; /* bits 4 to 8 */
	put(c, a);
	expect("some", ask, UNKNOWN, UNKNOWN, 0);
	put(c, b);
	expect("all", ask, 0, 0, 0);
	leat_crl_cache_unref(c);
}

static void the_newest_list_decides(void **state)
{
	struct crl_spec hold = crl_good(pki_inter()), later = crl_good(pki_inter());
	struct leat_span both[2];
	struct leat_err err = { 0 };
	int order;

	(void)state;
	hold.revoked[0] = (struct crl_entry){ leaf_with_uri(), 6, NULL };
	later.number = 11;
	later.this_s += 60;
	both[0] = crl_make(&hold);
	both[1] = crl_make(&later);
	for (order = 0; order < 2; order++) {
		struct leat_span lists[2] = { both[order], both[1 - order] };
		struct leat_crl_cache *c = cache_of_root();

		assert_int_equal(leat_crl_insert_der(c, URI, lists, 2, &err), LEAT_OK);
		expect("hold was lifted", (struct ask){ .leaf = leaf_with_uri(), .cache = c }, 0, 0,
			0);
		leat_crl_cache_unref(c);
	}
}

/* ---- who signs ---- */

static void the_signer_must_be_the_issuer(void **state)
{
	struct crl_spec s = crl_good(pki_inter());

	(void)state;
	s.signer = pki_root();
	expect_with(
		"signed by the root in the name of the intermediate", plain_leaf(), &s, UNKNOWN, 0);
	s.issuer = s.signer = pki_root();
	expect_with(
		"the root's own does not speak for the intermediate", plain_leaf(), &s, UNKNOWN, 0);
}

static void the_issuer_must_be_allowed_to_sign_lists(void **state)
{
	struct make_spec ca = pki_ca_spec("pki no crlsign", pki_root()), s = pki_spec();
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .cache = c };

	(void)state;
	ca.tweak = crl_tweak_no_sign;
	s.issuer = a.inter = pki_make(&ca);
	a.leaf = pki_make(&s);
	put(c, crl_good(a.inter));
	expect("no cRLSign", a, UNKNOWN, UNKNOWN, 0);
	leat_crl_cache_unref(c);
}

/* REQ: OPT-crl_check-chain */
static void a_ca_with_a_second_key(void **state)
{
	const struct made *twin = crl_authority("pki inter ec", pki_root());
	const struct made *fake = crl_authority("pki inter ec", NULL);
	struct crl_spec s = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = plain_leaf(), .cache = c };
	struct leat_err err = { 0 };
	struct store *both;

	(void)state;
	s.signer = twin;
	put(c, s);
	expect("its certificate is nowhere", a, UNKNOWN, UNKNOWN, 0);
	a.extra = twin;
	expect("it was sent along", a, 0, 0, 0);
	a.extra = NULL;
	assert_int_equal(store_new(&both, &err), LEAT_OK);
	assert_int_equal(store_add_pem(both, pki_root_pem(), NULL, &err), LEAT_OK);
	assert_int_equal(store_add_der(both, pki_der(twin), &err), LEAT_OK);
	a.trust = both;
	expect("it is among the configured CAs", a, 0, 0, 0);
	leat_crl_cache_unref(c);

	/* of the same name, but below another anchor */
	c = a.cache = cache_of_root();
	s.signer = fake;
	put(c, s);
	a.trust = NULL;
	a.extra = fake;
	expect("below nobody", a, UNKNOWN, UNKNOWN, 0);
	assert_int_equal(store_add_der(both, pki_der(fake), &err), LEAT_OK);
	a.trust = both;
	a.extra = NULL;
	expect("below another anchor", a, UNKNOWN, UNKNOWN, 0);
	store_unref(both);
	leat_crl_cache_unref(c);
}

/* ---- distribution points ---- */

/* REQ: OPT-crl_check-source */
static void lists_at_a_distribution_point(void **state)
{
	struct crl_spec s = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = leaf_with_uri(), .cache = c };
	struct leat_err err = { 0 };

	(void)state;
	put_at(c, "http://crl.test/other.crl", &s);
	expect("lies elsewhere", a, UNKNOWN, UNKNOWN, 0);
	put_at(c, URI, &s);
	expect("lies there", a, 0, 0, 0);
	s.uri = URI;
	put_at(c, URI, &s);
	expect("and says so", a, 0, 0, 0);
	s.uri = "http://crl.test/other.crl";
	put_at(c, URI, &s);
	expect("says that it is of another place", a, UNKNOWN, UNKNOWN, 0);
	assert_int_equal(leat_crl_delete_uri(c, URI, &err), LEAT_OK);
	put(c, crl_good(pki_inter()));
	expect("found by issuer instead", a, 0, 0, 0);
	leat_crl_cache_unref(c);
}

static void names_of_a_place(void **state)
{
	static const struct crl_place two[] = { { .uri = "ldap://x/ " URI }, { 0 } };
	static const struct crl_place below[] = { { .below = "list one" }, { 0 } };
	struct crl_spec s = crl_good(pki_inter());

	(void)state;
	s.uri = URI " http://mirror.test/";
	expect_with("one name in common", crl_leaf(two), &s, 0, 0);
	s.uri = NULL;
	s.below = "list one";
	expect_with("relative names", crl_leaf(below), &s, 0, 0);
	s.below = "list two";
	expect_with("other relative names", crl_leaf(below), &s, UNKNOWN, 0);
	s.below = NULL;
	s.full_name = pki_inter();
	expect_with("the issuer's name is the place", plain_leaf(), &s, 0, 0);
	s.full_name = pki_root();
	expect_with("another's name is", plain_leaf(), &s, UNKNOWN, 0);
}

static void points_by_reason(void **state)
{
	static const struct crl_place places[] = { { .uri = "http://a.test/", .reasons = 0x00e },
		{ .uri = "http://b.test/", .reasons = 0x1f0 }, { 0 } };
	struct crl_spec s = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = crl_leaf(places), .cache = c };

	(void)state;
	put_at(c, "http://a.test/", &s);
	expect("one point of two", a, UNKNOWN, UNKNOWN, 0);
	put_at(c, "http://b.test/", &s);
	expect("both", a, 0, 0, 0);
	leat_crl_cache_unref(c);
}

/* More than is looked at: the lists of the last ones are not found there. */
static void only_so_many_points_and_names(void **state)
{
	struct crl_place places[LIM_CRL_POINTS + 2] = { 0 };
	char uri[LIM_CRL_POINTS + 1][32], names[16 * 32] = "";
	struct crl_spec s = crl_good(pki_inter());
	struct leat_crl_cache *c;

	(void)state;
	for (size_t i = 0; i < LIM_CRL_POINTS + 1; i++) {
		snprintf(uri[i], sizeof(uri[i]), "http://crl.test/%zu", i);
		places[i].uri = uri[i];
	}
	for (size_t i = LIM_CRL_POINTS - 1; i < LIM_CRL_POINTS + 1; i++) {
		c = cache_of_root();
		put_at(c, uri[i], &s);
		expect("points", (struct ask){ .leaf = crl_leaf(places), .cache = c },
			i < LIM_CRL_POINTS ? 0 : UNKNOWN, i < LIM_CRL_POINTS ? 0 : UNKNOWN, 0);
		leat_crl_cache_unref(c);
	}
	for (size_t i = 0; i < LIM_CRL_NAMES + 1; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names),
			"http://crl.test/%zu ", i);
	places[0].uri = names;
	places[1].uri = NULL;
	for (size_t i = LIM_CRL_NAMES - 1; i < LIM_CRL_NAMES + 1; i++) {
		snprintf(uri[0], sizeof(uri[0]), "http://crl.test/%zu", i);
		c = cache_of_root();
		put_at(c, uri[0], &s);
		expect("names", (struct ask){ .leaf = crl_leaf(places), .cache = c },
			i < LIM_CRL_NAMES ? 0 : UNKNOWN, i < LIM_CRL_NAMES ? 0 : UNKNOWN, 0);
		leat_crl_cache_unref(c);
	}
}

/* ---- indirect lists ---- */

/* REQ: T-crl-derCAs_crlissuer_delete_path */
static void lists_of_another_issuer(void **state)
{
	const struct made *authority = crl_authority("pki crl authority", pki_root());
	const struct crl_place places[] = { { .uri = URI, .crl_issuer = authority }, { 0 } };
	const struct made *leaf = crl_leaf(places);
	struct crl_spec s = crl_good(authority);
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = leaf, .cache = c, .extra = authority };
	struct leat_err err = { 0 };

	(void)state;
	put_at(c, URI, &s);
	expect("not marked as indirect", a, UNKNOWN, UNKNOWN, 0);
	s.indirect = true;
	put_at(c, URI, &s);
	expect("indirect", a, 0, 0, 0);
	a.extra = NULL;
	expect("its issuer is not known", a, UNKNOWN, UNKNOWN, 0);
	a.extra = authority;
	s.revoked[0] = (struct crl_entry){ leaf, 0, NULL };
	put_at(c, URI, &s);
	expect("an entry about a certificate of the authority's own", a, 0, 0, 0);
	s.revoked[0].issuer = pki_inter();
	put_at(c, URI, &s);
	expect("an entry about ours", a, REVOKED, REVOKED, REVOKED);
	a.leaf = leaf_with_uri();
	expect("not the issuer that the certificate names", a, UNKNOWN, UNKNOWN, 0);
	a.leaf = leaf;
	assert_int_equal(leat_crl_delete_uri(c, "http://crl2.test/inter.crl", &err), LEAT_OK);
	expect("taken away at another host", a, REVOKED, REVOKED, REVOKED);
	assert_int_equal(leat_crl_delete_uri(c, URI, &err), LEAT_OK);
	expect("taken away", a, UNKNOWN, UNKNOWN, 0);
	leat_crl_cache_unref(c);
}

/* The certificate of a list's signer may be revoked, too; with peer that is not looked at. */
static void a_revoked_signer(void **state)
{
	const struct made *authority = crl_authority("pki crl authority 2", pki_root());
	const struct crl_place places[] = { { .uri = URI, .crl_issuer = authority }, { 0 } };
	struct crl_spec s = crl_good(authority), of_root = crl_good(pki_root());
	struct leat_crl_cache *c = cache_new();
	struct ask a = { .leaf = crl_leaf(places), .cache = c, .extra = authority };

	(void)state;
	of_root.revoked[0].cert = authority;
	put(c, of_root);
	s.indirect = true;
	put_at(c, URI, &s);
	expect("revoked", a, UNKNOWN, 0, 0);
	leat_crl_cache_unref(c);
}

/* ---- deltas ---- */

static void deltas(void **state)
{
	static const struct {
		const char *name;
		long number, base;
		int reason; /* of the entry in the delta; 0: no entry */
		bool bent, old, in_complete;
		uint8_t all;
	} rows[] = {
		{ "adds nothing", 12, 10, 0, false, false, false, 0 },
		{ "revokes", 12, 10, 1, false, false, false, REVOKED },
		{ "revokes, made for older lists too", 12, 5, 1, false, false, false, REVOKED },
		{ "made for later lists", 12, 11, 1, false, false, false, 0 },
		{ "older than the list", 9, 5, 1, false, false, false, 0 },
		{ "of the same number", 10, 5, 1, false, false, false, 0 },
		{ "with a wrong signature", 12, 10, 1, true, false, false, 0 },
		{ "out of date", 12, 10, 1, false, true, false, 0 },
		{ "lifts a hold", 12, 10, 8, false, false, true, 0 },
		{ "that is broken lifts none", 12, 10, 8, true, false, true, REVOKED },
		{ "that is old lifts none", 12, 10, 8, false, true, true, REVOKED },
		{ "says nothing of what the list says", 12, 10, 0, false, false, true, REVOKED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_crl_cache *c = cache_of_root();
		struct crl_spec s = crl_good(pki_inter()), d = crl_good(pki_inter());

		if (rows[i].in_complete)
			s.revoked[0] = (struct crl_entry){ plain_leaf(), 6, NULL };
		d.number = rows[i].number;
		d.base = rows[i].base;
		d.bent = rows[i].bent;
		if (rows[i].old)
			d.next_s = PKI_NOW - 1;
		if (rows[i].reason)
			d.revoked[0] = (struct crl_entry){ plain_leaf(), rows[i].reason, NULL };
		put(c, d);
		put(c, s);
		expect(rows[i].name, (struct ask){ .leaf = plain_leaf(), .cache = c }, rows[i].all,
			rows[i].all, rows[i].all);
		leat_crl_cache_unref(c);
	}
}

static void a_delta_of_another_scope(void **state)
{
	struct crl_spec d = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();

	(void)state;
	d.number = 12;
	d.base = 10;
	d.only_user = true;
	d.revoked[0] = (struct crl_entry){ plain_leaf(), 1, NULL };
	put(c, d);
	put(c, crl_good(pki_inter()));
	expect("scope", (struct ask){ .leaf = plain_leaf(), .cache = c }, 0, 0, 0);
	leat_crl_cache_unref(c);
}

/* RFC 5280 4.2.1.15 */
static void deltas_where_the_certificate_says(void **state)
{
	static const struct crl_place places[] = { { .uri = URI },
		{ .uri = "http://crl.test/delta", .freshest = true }, { 0 } };
	const struct made *leaf = crl_leaf(places);
	struct crl_spec d = crl_good(pki_inter()), s = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();

	(void)state;
	d.number = 12;
	d.base = 10;
	d.revoked[0] = (struct crl_entry){ leaf, 1, NULL };
	put_at(c, URI, &s);
	expect("no delta", (struct ask){ .leaf = leaf, .cache = c }, 0, 0, 0);
	put_at(c, "http://crl.test/delta", &d);
	expect("freshestCRL", (struct ask){ .leaf = leaf, .cache = c }, REVOKED, REVOKED, REVOKED);
	leat_crl_cache_unref(c);
}

/* ---- memory ---- */

static void every_allocation_may_fail(void **state)
{
	struct crl_spec s = crl_good(pki_inter());
	struct leat_crl_cache *c = cache_of_root();
	struct ask a = { .leaf = leaf_with_uri(), .cache = c };
	struct leat_err err;
	enum leat_ret r = LEAT_FAILED;
	unsigned long nth;

	(void)state;
	put_at(c, URI, &s);
	assert_int_equal(judge(&a, CRL_CHECK_ALL, &err), LEAT_OK);
	for (nth = 1; nth < 1000; nth++) {
		leat_mem_fail_at(nth);
		r = judge(&a, CRL_CHECK_ALL, &err);
		leat_mem_fail_at(0);
		if (r == LEAT_OK)
			break;
	}
	assert_int_equal(r, LEAT_OK);
	leat_crl_cache_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_peer_and_best_effort),
		cmocka_unit_test(the_refusal_says_what_is_wrong),
		cmocka_unit_test(a_remembered_verdict_does_not_outlive_its_crl),
		cmocka_unit_test(one_wrong_thing_makes_a_list_useless),
		cmocka_unit_test(an_unknown_critical_extension_of_any_entry),
		cmocka_unit_test(lists_by_reason_add_up),
		cmocka_unit_test(the_newest_list_decides),
		cmocka_unit_test(the_signer_must_be_the_issuer),
		cmocka_unit_test(the_issuer_must_be_allowed_to_sign_lists),
		cmocka_unit_test(a_ca_with_a_second_key),
		cmocka_unit_test(lists_at_a_distribution_point),
		cmocka_unit_test(names_of_a_place),
		cmocka_unit_test(points_by_reason),
		cmocka_unit_test(only_so_many_points_and_names),
		cmocka_unit_test(lists_of_another_issuer),
		cmocka_unit_test(a_revoked_signer),
		cmocka_unit_test(deltas),
		cmocka_unit_test(a_delta_of_another_scope),
		cmocka_unit_test(deltas_where_the_certificate_says),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
