/* SPDX-License-Identifier: Apache-2.0
 *
 * t_status.c - which OCSP responses are believed: one row per rule, each wrong in one place, through each
 * of the three ways a chain passes (libcrypto, lean, a remembered verdict). And our own responses, when a
 * credential gets them.
 */
#include "ocsp.h"
#include "vec.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/limits.h"
#include "base/mem.h"
#include "x509/cred.h"
#include "x509/papers.h"
#include "x509/verify.h"

#define REFUSED LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE
#define DAY     PKI_DAY

static struct crypto *crypto;
static struct store *store;

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(crypto_new(&crypto, &err), LEAT_OK);
	assert_int_equal(store_new(&store, &err), LEAT_OK);
	assert_int_equal(store_add_pem(store, pki_root_pem(), NULL, &err), LEAT_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_unref(store);
	crypto_unref(crypto);
	return 0;
}

struct ask {
	const struct made *leaf, *inter;
	struct leat_span leaf_status, inter_status;
	enum staple_rule rule;
	bool only_libcrypto, staple_only;
	int64_t now_s;
};

static enum leat_ret judge(const struct ask *a, struct leat_err *err)
{
	struct leat_span certs[2] = { pki_der(a->leaf) },
			 status[2] = { a->leaf_status, a->inter_status };
	size_t num = a->inter ? 2 : 1;
	struct verify_in in = { .store = store,
		.leaf_is_server = true,
		.now_s = a->now_s ? a->now_s : PKI_NOW,
		.depth = 10,
		.keep = true,
		.staple = a->rule,
		.only_libcrypto = a->only_libcrypto,
		.staple_only = a->staple_only };
	struct papers *papers = NULL;
	enum leat_ret r;

	memset(err, 0, sizeof(*err));
	if (a->inter)
		certs[1] = pki_der(a->inter);
	assert_int_equal(
		papers_new(&papers, status, num, (struct leat_span){ NULL, 0 }, err), LEAT_OK);
	in.papers = papers;
	r = chain_get(&in.chain, crypto, a->only_libcrypto ? NULL : store, true, certs, num, err);
	if (r == LEAT_OK)
		r = verify_chain(crypto, &in, err);
	chain_unref(in.chain);
	papers_unref(papers);
	return r;
}

/* alert 0: believed. */
static void expect(const char *name, struct ask a, uint8_t alert)
{
	struct leat_err err;
	char text[300];

	if (!a.rule)
		a.rule = STAPLE_ASK;
	for (int way = 0; way < 4; way++) { /* 1: lean, 2: remembered */
		a.only_libcrypto = way == 0;
		a.staple_only = way == 3;
		if (judge(&a, &err) == (alert ? LEAT_FAILED : LEAT_OK) &&
			(!alert || (err.cls == LEAT_E_OUR_ALERT && err.alert == alert)))
			continue;
		fail_msg("%s, way %d: %s", name, way, leat_strerror(&err, text, sizeof(text)));
	}
}

static struct ask server(struct leat_span status)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);

	return (struct ask){ .leaf = id->leaf, .inter = id->inter, .leaf_status = status };
}

static struct ocsp_spec good(void)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);

	return ocsp_good(id->leaf, id->inter);
}

static void expect_spec(const char *name, struct ocsp_spec s, uint8_t alert)
{
	expect(name, server(ocsp_make(&s)), alert);
}

static void believed(void **state)
{
	struct ocsp_spec s = good();

	(void)state;
	expect_spec("good", s, 0);
	s.id_hash = "SHA256";
	expect_spec("numbered by SHA-256", s, 0);
	s = good();
	s.hash = "SHA384";
	expect_spec("SHA-384", s, 0);
	s = good();
	s.signer = s.embed = ocsp_responder(s.issuer, true);
	expect_spec("on behalf of the issuer", s, 0);
	s = good();
	s.next_s = 0;
	expect_spec("without nextUpdate", s, 0);
}

static void what_it_says(void **state)
{
	struct ocsp_spec s = good();

	(void)state;
	s.says = OCSP_REVOKED;
	expect_spec("revoked", s, LEAT_ALERT_CERTIFICATE_REVOKED);
	s.says = OCSP_UNKNOWN;
	expect_spec("unknown", s, REFUSED);
	s = good();
	for (int status = 1; status <= 6; status++) {
		s.status = status;
		expect_spec("responder in trouble", s, REFUSED);
	}
}

static void about_whom(void **state)
{
	const struct pki_ident *other = pki_server(KEY_EC_P384), *rsa = pki_server(KEY_RSA);
	struct ocsp_spec s = good();

	(void)state;
	s.leaf = other->leaf;
	expect_spec("another certificate of the issuer", s, REFUSED);
	s = good();
	s.issuer = s.signer = rsa->inter;
	expect_spec("the number under another issuer", s, REFUSED);
	s = good();
	s.leaf = s.issuer;
	s.issuer = s.signer = pki_root();
	expect_spec("the issuer itself", s, REFUSED);
}

static void signed_by_whom(void **state)
{
	struct make_spec m = pki_ca_spec("pki inter ec", NULL);
	struct ocsp_spec s = good();
	const struct made *self;

	(void)state;
	s.signer = s.embed = ocsp_responder(s.issuer, false);
	expect_spec("without the right to", s, REFUSED);
	s.signer = s.embed = ocsp_responder(pki_server(KEY_RSA)->inter, true);
	expect_spec("on behalf of another issuer", s, REFUSED);
	s = good();
	s.signer = ocsp_responder(s.issuer, true);
	expect_spec("responder's certificate missing", s, REFUSED);
	s = good();
	s.signer = s.embed = s.leaf;
	expect_spec("by the certificate about itself", s, REFUSED);
	s = good();
	s.signer = pki_root();
	expect_spec("by the root about a leaf", s, REFUSED);
	/* the issuer's name on another key */
	self = pki_make(&m);
	s = good();
	s.signer = s.embed = s.issuer = self;
	expect_spec("by a stranger of the issuer's name", s, REFUSED);
	s = good();
	s.signer = s.embed = self;
	expect_spec("by a stranger about the true issuer", s, REFUSED);
	s = good();
	s.bent = true;
	expect_spec("signature bent", s, REFUSED);
	s = good();
	s.hash = "SHA1";
	expect_spec("SHA-1", s, REFUSED);
	s = good();
	s.critical = true;
	expect_spec("critical extension", s, REFUSED);
}

/* The same attack with the stranger's certificate in the chain, where an issuer is looked for. */
static void stranger_in_the_chain(void **state)
{
	struct make_spec m = pki_ca_spec("pki inter ec", NULL);
	struct ocsp_spec s = good();
	struct leat_err err;
	struct ask a;

	(void)state;
	s.issuer = s.signer = pki_make(&m);
	a = server(ocsp_make(&s));
	a.inter = s.issuer;
	a.rule = STAPLE_ASK;
	/* this chain does not even stand without it; what counts is that the response never helps */
	assert_int_equal(judge(&a, &err), LEAT_FAILED);
	a.staple_only = true;
	assert_int_equal(judge(&a, &err), LEAT_FAILED);
	assert_int_equal(err.alert, REFUSED);
}

static void responder_dates(void **state)
{
	struct make_spec m = pki_spec();
	const struct made *late = ocsp_responder(pki_inter(), true);
	struct ocsp_spec s = good();
	struct ask a;

	(void)state;
	(void)m;
	/* its certificate ends ten days from PKI_NOW, as the leaf does; the intermediate lives longer */
	s.signer = s.embed = late;
	s.next_s = PKI_NOW + 50 * DAY;
	a = server(ocsp_make(&s));
	a.now_s = PKI_NOW + 11 * DAY;
	a.staple_only = true;
	a.rule = STAPLE_ASK;
	{
		struct leat_err err;

		assert_int_equal(judge(&a, &err), LEAT_FAILED);
		assert_int_equal(err.alert, REFUSED);
	}
}

/* LIM_STAPLE_SKEW_S and LIM_STAPLE_AGE_S: one below, at, one above. */
static void dates(void **state)
{
	static const struct {
		const char *name;
		int64_t this_s, next_s;
		bool good;
	} rows[] = {
		{ "ends at the end of the skew", -DAY, -LIM_STAPLE_SKEW_S, true },
		{ "ended a second before it", -DAY, -LIM_STAPLE_SKEW_S - 1, false },
		{ "ends inside of it", -DAY, -LIM_STAPLE_SKEW_S + 1, true },
		{ "begins at the end of the skew", LIM_STAPLE_SKEW_S, DAY, true },
		{ "begins a second later", LIM_STAPLE_SKEW_S + 1, DAY, false },
		{ "begins inside of it", LIM_STAPLE_SKEW_S - 1, DAY, true },
		{ "ended long ago", -20 * DAY, -10 * DAY, false },
		{ "begins far off", 10 * DAY, 20 * DAY, false },
		{ "ends before it begins", -100, -200, false },
		{ "ends as it begins", 0, 1, true },
		{ "no end, at its age", -LIM_STAPLE_AGE_S - LIM_STAPLE_SKEW_S, 0, true },
		{ "no end, older", -LIM_STAPLE_AGE_S - LIM_STAPLE_SKEW_S - 1, 0, false },
		{ "no end, not yet", LIM_STAPLE_SKEW_S + 1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ocsp_spec s = good();

		s.this_s = PKI_NOW + rows[i].this_s;
		s.next_s = rows[i].next_s ? PKI_NOW + rows[i].next_s : 0;
		expect_spec(rows[i].name, s, rows[i].good ? 0 : REFUSED);
	}
}

static void bytes(void **state)
{
	struct ocsp_spec s = good();
	struct leat_span der = ocsp_make(&s);
	struct leat_err err;
	struct ask a;
	uint8_t *b = malloc(der.n + 1);

	(void)state;
	a = server(der);
	a.rule = STAPLE_ASK;
	assert_int_equal(judge(&a, &err), LEAT_OK);
	a.staple_only = true; /* 100 us each instead of 300 */
	for (size_t cut = 1; cut < der.n; cut++) {
		a.leaf_status = vec_copy(der.p, cut);
		assert_int_equal(judge(&a, &err), LEAT_FAILED);
		assert_int_equal(err.alert, REFUSED);
	}
	memcpy(b, der.p, der.n);
	b[der.n] = 0;
	a.leaf_status = vec_copy(b, der.n + 1);
	assert_int_equal(judge(&a, &err), LEAT_FAILED);
	/* no bit of it is free to change: all but the envelope is signed */
	for (size_t at = 0; at < der.n; at++) {
		memcpy(b, der.p, der.n);
		b[at] ^= (uint8_t)(1 << (at % 8));
		a.leaf_status = vec_copy(b, der.n);
		assert_int_equal(judge(&a, &err), LEAT_FAILED);
		assert_true(err.alert == REFUSED || err.alert == LEAT_ALERT_CERTIFICATE_REVOKED);
	}
	free(b);
}

/* ---- what must be there ---- */

static struct ask demanding(const struct made **leaf)
{
	struct make_spec m = pki_spec();

	m.tweak = ocsp_tweak_demand;
	*leaf = pki_make(&m);
	return (struct ask){ .leaf = *leaf, .inter = m.issuer };
}

static void demands(void **state)
{
	struct make_spec ca = pki_ca_spec("pki demanding inter", pki_root()), m = pki_spec();
	const struct made *leaf, *inter;
	struct ask a = server((struct leat_span){ NULL, 0 });
	struct leat_err err;
	struct ocsp_spec s;

	(void)state;
	expect("nothing came, nothing demanded", a, 0);
	a.rule = STAPLE_REQUIRE;
	expect("nothing came, required", a, REFUSED);
	a = demanding(&leaf);
	expect("nothing came, the leaf demands", a, REFUSED);
	s = ocsp_good(leaf, a.inter);
	a.leaf_status = ocsp_make(&s);
	expect("came, the leaf demands", a, 0);
	a.rule = STAPLE_REQUIRE;
	expect("came, required", a, 0);
	/* a CA's demand holds for what it certifies */
	ca.tweak = ocsp_tweak_demand;
	inter = pki_make(&ca);
	m.issuer = inter;
	leaf = pki_make(&m);
	a = (struct ask){ .leaf = leaf, .inter = inter };
	expect("nothing came, the issuer demands", a, REFUSED);
	s = ocsp_good(leaf, inter);
	a.leaf_status = ocsp_make(&s);
	expect("came, the issuer demands", a, 0);
	/* who does not ask cannot demand */
	a = demanding(&leaf);
	assert_int_equal(judge(&a, &err), LEAT_OK);
}

/* TLS 1.3: a response for each certificate; the root, an anchor that was not sent, signs the second. */
static void intermediates(void **state)
{
	struct ocsp_spec leaf = good(), inter = ocsp_good(leaf.issuer, pki_root());
	struct ask a = server(ocsp_make(&leaf));

	(void)state;
	a.inter_status = ocsp_make(&inter);
	expect("both good", a, 0);
	inter.says = OCSP_REVOKED;
	a.inter_status = ocsp_make(&inter);
	expect("intermediate revoked", a, LEAT_ALERT_CERTIFICATE_REVOKED);
	inter = ocsp_good(leaf.issuer, pki_root());
	inter.next_s = PKI_NOW - 2000;
	a.inter_status = ocsp_make(&inter);
	expect("intermediate's out of date", a, REFUSED);
	a.inter_status = a.leaf_status;
	expect("the leaf's twice", a, REFUSED);
	a.leaf_status = (struct leat_span){ NULL, 0 };
	inter = ocsp_good(leaf.issuer, pki_root());
	a.inter_status = ocsp_make(&inter);
	expect("only the intermediate's", a, 0);
}

/* A chain that passed and is remembered does not take its certificates' revocation along. */
static void a_remembered_chain_is_asked_again(void **state)
{
	struct ocsp_spec s = good();
	struct ask a = server(ocsp_make(&s));
	struct leat_err err;

	(void)state;
	a.rule = STAPLE_ASK;
	assert_int_equal(judge(&a, &err), LEAT_OK);
	assert_int_equal(judge(&a, &err), LEAT_OK);
	s.says = OCSP_REVOKED;
	a.leaf_status = ocsp_make(&s);
	assert_int_equal(judge(&a, &err), LEAT_FAILED);
	assert_int_equal(err.alert, LEAT_ALERT_CERTIFICATE_REVOKED);
	a.leaf_status = (struct leat_span){ NULL, 0 };
	a.rule = STAPLE_REQUIRE;
	assert_int_equal(judge(&a, &err), LEAT_FAILED);
	assert_int_equal(err.alert, REFUSED);
}

/* ---- memory: nothing refused becomes good ---- */

static unsigned long num_ossl, fail_ossl_at; /* 0: never */

static bool count_ossl(void)
{
	return fail_ossl_at ? ++num_ossl == fail_ossl_at : (num_ossl++, false);
}

static void *ossl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return count_ossl() ? NULL : malloc(n);
}

static void *ossl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return count_ossl() ? NULL : realloc(p, n);
}

static void ossl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void allocations_failing(void **state)
{
	struct ocsp_spec s = good();
	struct leat_span revoked, fine = ocsp_make(&s), none = { NULL, 0 };
	unsigned long total, went_wrong = 0;
	struct leat_err err;
	struct ask a;

	(void)state;
	s.says = OCSP_REVOKED;
	revoked = ocsp_make(&s);
	for (int round = 0; round < 3; round++) {
		a = server(round == 0 ? revoked : round == 1 ? fine : none);
		a.rule = round == 2 ? STAPLE_REQUIRE : STAPLE_ASK;
		a.staple_only = true;
		(void)judge(&a, &err);
		num_ossl = 0;
		assert_int_equal(judge(&a, &err), round == 1 ? LEAT_OK : LEAT_FAILED);
		total = num_ossl;
		for (unsigned long nth = 1; nth <= total; nth++) {
			enum leat_ret r;

			num_ossl = 0;
			fail_ossl_at = nth;
			r = judge(&a, &err);
			fail_ossl_at = 0;
			went_wrong += r == LEAT_FAILED && round == 1;
			if (round != 1)
				assert_int_equal(r, LEAT_FAILED);
			if (r == LEAT_FAILED)
				assert_int_not_equal(err.cls, LEAT_E_NONE);
		}
	}
	assert_true(went_wrong > 10);
}

/* LIM_STAPLE and LIM_SCT_LIST: below, at, above. */
static void sizes(void **state)
{
	static uint8_t b[LIM_STAPLE + 1];
	struct leat_span none = { NULL, 0 };

	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct leat_span status = { b, (size_t)(LIM_STAPLE + off) };
		struct leat_span sct = { b, (size_t)(LIM_SCT_LIST + off) };
		struct leat_err err = { 0 };
		struct papers *p;

		assert_int_equal(
			papers_new(&p, &status, 1, none, &err), off > 0 ? LEAT_FAILED : LEAT_OK);
		assert_int_equal(err.alert, off > 0 ? REFUSED : 0);
		assert_int_equal(papers_status(p, 0).n, off > 0 ? 0 : status.n);
		papers_unref(p);
		memset(&err, 0, sizeof(err));
		assert_int_equal(
			papers_new(&p, NULL, 0, sct, &err), off > 0 ? LEAT_FAILED : LEAT_OK);
		assert_int_equal(err.alert, off > 0 ? LEAT_ALERT_ILLEGAL_PARAMETER : 0);
		papers_unref(p);
	}
	assert_int_equal(papers_status(NULL, 0).n + papers_sct(NULL).n, 0);
}

/* ---- our own ---- */

static struct cred *make_cred(void)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct leat_err err = { 0 };
	struct cred *c;

	assert_int_equal(cred_new_pem(&c, crypto, id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
	return c;
}

static void own_refuses(struct cred *c, size_t i, struct leat_span der)
{
	struct leat_err err = { 0 };

	assert_int_equal(cred_set_status(c, i, der, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "ocsp");
}

static void our_own(void **state)
{
	static uint8_t big[LIM_STAPLE + 1];
	struct ocsp_spec s = good();
	struct leat_span der = ocsp_make(&s);
	struct cred *c = make_cred();
	struct leat_err err = { 0 };
	struct attach *before, *after;

	(void)state;
	assert_int_equal(cred_set_status(c, 0, der, &err), LEAT_OK);
	before = cred_attach(c);
	assert_int_equal(before->status[0].n, der.n);
	assert_int_equal(before->from_s[0], s.this_s);
	assert_int_equal(before->until_s[0], s.next_s);
	assert_true(attach_is_fresh(before, PKI_NOW));
	assert_true(attach_is_fresh(before, s.next_s));
	assert_false(attach_is_fresh(before, s.next_s + 1));
	assert_false(attach_is_fresh(before, s.this_s - 1));

	own_refuses(c, 0, (struct leat_span){ big, sizeof(big) });
	own_refuses(c, 0, vec_copy(der.p, der.n - 1));
	own_refuses(c, 1, der); /* of the leaf, for the intermediate */
	own_refuses(c, 2, der); /* there is no third */
	s.status = 2;
	own_refuses(c, 0, ocsp_make(&s));
	s = good();
	s.leaf = pki_server(KEY_EC_P384)->leaf;
	own_refuses(c, 0, ocsp_make(&s));
	s = good();
	s.issuer = pki_server(KEY_RSA)->inter;
	own_refuses(c, 0, ocsp_make(&s));
	after = cred_attach(c); /* refusals changed nothing */
	assert_ptr_equal(before, after);
	attach_unref(after);

	/* the intermediate's beside it; and the leaf's taken away */
	s = ocsp_good(pki_inter(), pki_root());
	assert_int_equal(cred_set_status(c, 1, ocsp_make(&s), &err), LEAT_OK);
	after = cred_attach(c);
	assert_ptr_not_equal(before, after);
	assert_true(after->status[0].n && after->status[1].n);
	attach_unref(after);
	assert_int_equal(cred_set_status(c, 0, (struct leat_span){ NULL, 0 }, &err), LEAT_OK);
	after = cred_attach(c);
	assert_true(!after->status[0].n && after->status[1].n);
	assert_int_equal(before->status[0].n, der.n); /* whoever holds the old set keeps it */
	attach_unref(after);
	attach_unref(before);
	cred_unref(c);
}

static void own_scts(void **state)
{
	struct leat_span list = vec_hex("0008 0002aabb 0002ccdd");
	struct cred *c = make_cred();
	struct leat_err err = { 0 };
	struct attach *a;

	(void)state;
	assert_int_equal(cred_set_sct(c, list, &err), LEAT_OK);
	a = cred_attach(c);
	assert_hex(a->sct.p, a->sct.n, "0002aabb0002ccdd");
	attach_unref(a);
	assert_int_equal(cred_set_sct(c, vec_hex("0009 0002aabb 0002ccdd"), &err), LEAT_FAILED);
	assert_int_equal(cred_set_sct(c, vec_hex("0000"), &err), LEAT_FAILED);
	assert_int_equal(cred_set_sct(c, vec_hex("0002 0000"), &err), LEAT_FAILED);
	assert_int_equal(cred_set_sct(c, vec_hex("0003 0001aa 00"), &err), LEAT_FAILED);
	assert_int_equal(cred_set_sct(c, (struct leat_span){ NULL, 0 }, &err), LEAT_OK);
	a = cred_attach(c);
	assert_int_equal(a->sct.n, 0);
	attach_unref(a);
	cred_unref(c);
}

/* ---- the seat: readers and a writer at once ---- */

static void *renew(void *arg)
{
	struct cred *c = arg;
	struct ocsp_spec s = good();
	struct leat_span der[2];
	unsigned done = 0;

	der[0] = ocsp_make(&s);
	der[1] = (struct leat_span){ NULL, 0 };
	while (done < 3000) {
		struct leat_err err = { 0 };
		enum leat_ret r = cred_set_status(c, 0, der[done & 1], &err);

		if (r == LEAT_FAILED)
			return c; /* anything but NULL */
		done += r == LEAT_OK;
	}
	return NULL;
}

static void renewed_while_it_is_read(void **state)
{
	struct cred *c = make_cred();
	size_t seen[2] = { 0, 0 };
	pthread_t writer;
	void *failed;

	(void)state;
	pki_der(pki_inter()); /* made before there are two threads */
	assert_int_equal(pthread_create(&writer, NULL, renew, c), 0);
	for (unsigned i = 0; i < 200000; i++) {
		struct attach *a = cred_attach(c);

		assert_non_null(a);
		seen[a->status[0].n > 0]++;
		if (a->status[0].n)
			assert_int_equal(a->status[0].p[0], 0x30);
		attach_unref(a);
	}
	pthread_join(writer, &failed);
	assert_null(failed);
	assert_true(seen[0] + seen[1] == 200000);
	cred_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believed),
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(about_whom),
		cmocka_unit_test(signed_by_whom),
		cmocka_unit_test(stranger_in_the_chain),
		cmocka_unit_test(responder_dates),
		cmocka_unit_test(dates),
		cmocka_unit_test(bytes),
		cmocka_unit_test(demands),
		cmocka_unit_test(intermediates),
		cmocka_unit_test(a_remembered_chain_is_asked_again),
		cmocka_unit_test(allocations_failing),
		cmocka_unit_test(sizes),
		cmocka_unit_test(our_own),
		cmocka_unit_test(own_scts),
		cmocka_unit_test(renewed_while_it_is_read),
	};
	int r;

	/* before libcrypto allocates anything */
	if (!CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free)) {
		fprintf(stderr, "libcrypto: memory functions could not be set\n");
		return 1;
	}
	r = cmocka_run_group_tests(tests, setup, teardown);

	vec_free_all();
	pki_done();
	return r;
}
