/* SPDX-License-Identifier: Apache-2.0
 *
 * t_cert_cases.c - what the manual's own test suite tries with certificates, on clients and on servers that
 * judge, in both versions, with the alert that each side sees. The rules one by one: unit/t_verify.c.
 *
 * TIMEOUT: 180
 * REQ: T-cert-unknown_ca T-cert-expired T-cert-invalid_signature T-cert-eku T-cert-keyusage T-cert-no_aki
 * REQ: T-cert-chains T-cert-client_auth_sni GEN-empty-cert SEC-verify-none SEC-clientauth-bypass
 */
#include "certkit.h"
#include "pair.h"
#include "tamper.h"
#include "watch.h"

#include <leat/verify.h>
#include <openssl/x509v3.h>

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))

#define EACH(v, judge)              \
	for (int v = 0; v < 2; v++) \
		for (int judge = 0; judge < 2; judge++)

static enum leat_role peer_of(int judge)
{
	return judge == LEAT_CLIENT ? LEAT_SERVER : LEAT_CLIENT;
}

static void draft(
	struct certkit *k, int v, int judge, const struct made *leaf, const struct made *inter)
{
	certkit_draft(k, certkit_versions[v], (enum leat_role)judge, leaf, inter);
}

/* The spec of a good certificate for the side that is judged. */
static struct make_spec spec_for(int judge)
{
	return certkit_spec(peer_of(judge));
}

static void accepted(int v, int judge, const struct make_spec *s)
{
	struct certkit k;

	draft(&k, v, judge, pki_make(s), s->issuer);
	certkit_connects(&k);
}

static void refused(int v, int judge, const struct make_spec *s, unsigned alert)
{
	struct certkit k;

	draft(&k, v, judge, pki_make(s), s->issuer);
	certkit_refuses(&k, (enum leat_role)judge, alert);
}

/* A client that looks at nothing: what is wrong does not matter. */
static void not_looked_at(int v, const struct make_spec *s)
{
	struct certkit k;

	draft(&k, v, LEAT_CLIENT, pki_make(s), s->issuer);
	certkit_set(certkit_judge(&k), "verify", "verify_none");
	certkit_connects(&k);
}

/* ---- who signed ---- */

static enum leat_verdict accept_unknown_ca(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason)
{
	if (ev->kind == LEAT_CERT_BAD && ev->reason == LEAT_BAD_UNKNOWN_CA)
		return LEAT_VERDICT_VALID;
	return leat_verify_default_peer(state, ev, reason);
}

/* The old-style function that took the list of errors is not carried (CB-verify-legacy). */
static void unknown_ca(void **state)
{
	static const struct leat_verify_fun f = { .fn = accept_unknown_ca };
	struct make_spec ca = pki_ca_spec("somebody", NULL);
	const struct made *other = pki_make(&ca);
	struct leat_err err = { 0 };

	(void)state;
	EACH(v, judge)
	{
		struct make_spec s = spec_for(judge);
		struct certkit k;

		s.issuer = other;
		refused(v, judge, &s, A(UNKNOWN_CA));
		not_looked_at(v, &s);
		draft(&k, v, judge, pki_make(&s), other);
		assert_int_equal(leat_config_set_verify_fun(certkit_judge(&k), &f, &err), LEAT_OK);
		certkit_connects(&k);
		/* which accepts nothing else */
		s.to_s = PKI_NOW - 1;
		draft(&k, v, judge, pki_make(&s), other);
		assert_int_equal(leat_config_set_verify_fun(certkit_judge(&k), &f, &err), LEAT_OK);
		certkit_refuses(&k, (enum leat_role)judge, A(CERTIFICATE_EXPIRED));
	}
}

static void expired(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct make_spec s = spec_for(judge);

		s.to_s = PKI_NOW - 1;
		refused(v, judge, &s, A(CERTIFICATE_EXPIRED));
		not_looked_at(v, &s);
		s = spec_for(judge);
		s.from_s = PKI_NOW + 1;
		refused(v, judge, &s, A(CERTIFICATE_EXPIRED));
	}
}

static void invalid_signature(void **state)
{
	(void)state;
	EACH(v, judge)
	for (size_t at = 0; at < 2; at++) {
		const struct made *leaf = certkit_leaf(peer_of(judge));
		struct leat_span der[2] = { pki_der(leaf), pki_der(pki_inter()) };
		struct leat_span bent = pki_join(der[at], (struct leat_span){ NULL, 0 });
		struct certkit k;

		((uint8_t *)(uintptr_t)bent.p)[bent.n - 1] ^= 1;
		der[at] = bent;
		draft(&k, v, judge, NULL, NULL);
		certkit_show_der(certkit_peer(&k), der, 2, leaf);
		certkit_refuses(&k, (enum leat_role)judge, A(BAD_CERTIFICATE));
	}
}

/* ---- what for ---- */

static void replace(X509 *x, int nid, const char *value)
{
	int at = X509_get_ext_by_NID(x, nid, -1);
	X509_EXTENSION *e;

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(x, at));
	if (!value)
		return;
	e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void purposes(void *x509, void *arg)
{
	replace(x509, NID_ext_key_usage, arg);
}

static void extended_key_usage(void **state)
{
	static const struct {
		char value[32];
		bool server, client;
	} rows[] = {
		{ "critical,serverAuth", true, false },
		{ "critical,clientAuth", false, true },
		{ "critical,serverAuth,clientAuth", true, true },
		{ "critical,emailProtection", false, false },
		{ "codeSigning", false, false },
	};

	(void)state;
	EACH(v, judge)
	for (size_t i = 0; i < NUM(rows); i++) {
		struct make_spec s = spec_for(judge);
		bool fits = judge == LEAT_CLIENT ? rows[i].server : rows[i].client;

		s.tweak = purposes;
		s.tweak_arg = (void *)(uintptr_t)rows[i].value;
		if (fits)
			accepted(v, judge, &s);
		else
			refused(v, judge, &s, A(UNSUPPORTED_CERTIFICATE));
		not_looked_at(v, &s);
	}
}

static void only_signatures(void *x509, void *arg)
{
	(void)arg;
	replace(x509, NID_key_usage, "critical,digitalSignature");
}

/* Without keyEncipherment: no suite here needs it. */
static void key_usage(void **state)
{
	static const enum key_kind kinds[] = { KEY_RSA, KEY_EC_P256 };

	(void)state;
	EACH(v, judge)
	for (size_t i = 0; i < NUM(kinds); i++) {
		struct make_spec s = spec_for(judge);

		s.key = kinds[i];
		s.tweak = only_signatures;
		accepted(v, judge, &s);
	}
}

static void no_issuer_id(void *x509, void *arg)
{
	(void)arg;
	replace(x509, NID_authority_key_identifier, NULL);
}

/* The issuer is found by its name. */
static void no_authority_key_id(void **state)
{
	(void)state;
	EACH(v, judge)
	{
		struct make_spec s = spec_for(judge);

		s.tweak = no_issuer_id;
		accepted(v, judge, &s);
	}
}

/* ---- chains ---- */

/* What is sent, leaf first, by the peer of this judge; trusted: what the judge knows. */
struct chain_case {
	const struct made *sent[5], *trusted[2];
	const char *depth;
	unsigned alert; /* 0: believed */
};

static void try_chain(int v, int judge, const struct chain_case *c)
{
	struct leat_span der[NUM(c->sent)];
	struct leat_err err = { 0 };
	struct certkit k;
	size_t num = 0;

	for (; num < NUM(c->sent) && c->sent[num]; num++)
		der[num] = pki_der(c->sent[num]);
	draft(&k, v, judge, NULL, NULL);
	certkit_show_der(certkit_peer(&k), der, num, c->sent[0]);
	certkit_trust(&k, c->trusted[0]);
	if (c->trusted[1])
		assert_int_equal(leat_config_add_trust(certkit_judge(&k),
					 pki_cert_pem(c->trusted[1]), NULL, &err),
			LEAT_OK);
	if (c->depth)
		certkit_set(certkit_judge(&k), "depth", c->depth);
	if (c->alert)
		certkit_refuses(&k, (enum leat_role)judge, c->alert);
	else
		certkit_connects(&k);
}

/* The key and its identifier are another certificate's: the same authority, vouched for by another one. */
static void with_key_of(void *x509, void *arg)
{
	const struct made *same = arg;
	X509 *from = made_x509_borrow(same);
	int at = X509_get_ext_by_NID(from, NID_subject_key_identifier, -1);

	assert_int_equal(X509_set_pubkey(x509, X509_get0_pubkey(from)), 1);
	replace(x509, NID_subject_key_identifier, NULL);
	assert_int_equal(X509_add_ext(x509, X509_get_ext(from, at), -1), 1);
}

static const struct made *leaf_below(int judge, const struct made *issuer)
{
	struct make_spec s = spec_for(judge);

	s.issuer = issuer;
	return pki_make(&s);
}

static const struct made *authority(const char *cn, const struct made *issuer)
{
	struct make_spec s = pki_ca_spec(cn, issuer);

	return pki_make(&s);
}

static void longer_than_depth(void **state)
{
	const struct made *root = pki_root(), *upper = authority("upper", root),
			  *lower = authority("lower", upper);

	(void)state;
	EACH(v, judge)
	{
		const struct made *leaf = leaf_below(judge, lower);
		struct chain_case c = { { leaf, lower, upper }, { root }, "2", 0 };

		try_chain(v, judge, &c);
		c.depth = "1";
		c.alert = A(BAD_CERTIFICATE);
		try_chain(v, judge, &c);
	}
}

static void order_extras_and_gaps(void **state)
{
	const struct made *root = pki_root(), *upper = authority("upper", root),
			  *lower = authority("lower", upper), *stray = authority("stray", NULL);

	(void)state;
	EACH(v, judge)
	{
		const struct made *leaf = leaf_below(judge, lower);
		const struct chain_case rows[] = {
			/* in another order; with others between; with the root */
			{ { leaf, upper, lower }, { root }, NULL, 0 },
			{ { leaf, stray, lower, pki_inter(), upper }, { root }, NULL, 0 },
			{ { leaf, lower, upper, root }, { root }, NULL, 0 },
			/* what is missing is among the judge's own */
			{ { leaf, lower }, { root, upper }, NULL, 0 },
			/* or it is not */
			{ { leaf, upper }, { root }, NULL, A(UNKNOWN_CA) },
			{ { leaf, lower }, { root }, NULL, A(UNKNOWN_CA) },
			/* an intermediate alone is no anchor */
			{ { leaf, lower, upper }, { upper }, NULL, A(UNKNOWN_CA) },
		};

		for (size_t i = 0; i < NUM(rows); i++)
			try_chain(v, judge, &rows[i]);
	}
}

static void cross_signed_root(void **state)
{
	const struct made *old = authority("old root", NULL), *new = authority("new root", NULL);
	struct make_spec s = pki_ca_spec("new root", old);
	const struct made *cross, *inter, *worn;

	(void)state;
	s.tweak = with_key_of;
	s.tweak_arg = (void *)(uintptr_t) new;
	cross = pki_make(&s);
	inter = authority("below the new root", new);
	s = pki_ca_spec("worn root", NULL);
	s.to_s = PKI_NOW - 1;
	worn = pki_make(&s);
	s = pki_ca_spec("new root", worn);
	s.tweak = with_key_of;
	s.tweak_arg = (void *)(uintptr_t) new;
	EACH(v, judge)
	{
		const struct made *leaf = leaf_below(judge, inter);
		const struct made *by_worn = pki_make(&s);
		const struct chain_case rows[] = {
			{ { leaf, inter, cross }, { old }, NULL, 0 },
			{ { leaf, inter, cross }, { new }, NULL, 0 },
			{ { leaf, inter, cross }, { old, new }, NULL, 0 },
			{ { leaf, inter }, { old }, NULL, A(UNKNOWN_CA) },
			/* a root that expired, and another way */
			{ { leaf, inter, by_worn }, { worn, new }, NULL, 0 },
			{ { leaf, inter, by_worn }, { worn }, NULL, A(CERTIFICATE_EXPIRED) },
		};

		for (size_t i = 0; i < NUM(rows); i++)
			try_chain(v, judge, &rows[i]);
	}
}

/* A root of the right name, or an intermediate, with another key. */
static void forged(void **state)
{
	const struct made *fake_root = authority("pki root", NULL),
			  *fake_inter = authority("pki inter ec", fake_root);

	(void)state;
	EACH(v, judge)
	{
		const struct chain_case rows[] = {
			{ { leaf_below(judge, fake_inter), fake_inter, fake_root }, { pki_root() },
				NULL, A(UNKNOWN_CA) },
			{ { leaf_below(judge, fake_root), fake_root }, { pki_root() }, NULL,
				A(UNKNOWN_CA) },
			{ { leaf_below(judge, fake_inter), pki_inter() }, { pki_root() }, NULL,
				A(UNKNOWN_CA) },
		};

		for (size_t i = 0; i < NUM(rows); i++)
			try_chain(v, judge, &rows[i]);
	}
}

/* ---- clients ---- */

/* Names decide who has to show a certificate. */
static void client_auth_by_name(void **state)
{
	static const unsigned alert[] = { A(CERTIFICATE_REQUIRED), A(HANDSHAKE_FAILURE) };
	struct leat_err err = { 0 };

	(void)state;
	for (int v = 0; v < 2; v++)
		for (int shows = 0; shows < 2; shows++)
			for (int named = 0; named < 2; named++) {
				const struct made *leaf = certkit_leaf(LEAT_CLIENT);
				struct certkit strict, k;

				draft(&strict, v, LEAT_SERVER, NULL, NULL);
				assert_int_equal(
					leat_config_freeze(strict.cfg[LEAT_SERVER], &err), LEAT_OK);
				draft(&k, v, LEAT_SERVER, shows ? leaf : NULL, pki_inter());
				certkit_set(k.cfg[LEAT_SERVER], "fail_if_no_peer_cert", "false");
				certkit_set(k.cfg[LEAT_SERVER], "verify", "verify_none");
				assert_int_equal(
					leat_config_add_sni_host(k.cfg[LEAT_SERVER], "a.wild.test",
						strict.cfg[LEAT_SERVER], &err),
					LEAT_OK);
				k.host = named ? "a.wild.test" : "b.wild.test";
				if (named && !shows)
					certkit_refuses(&k, LEAT_SERVER, alert[v]);
				else
					certkit_connects(&k);
				certkit_close(&strict);
			}
}

/* RFC 8446 4.4.2, RFC 5246 7.4.6: nothing to show is an empty message, and the server decides. */
static void empty_certificate(void **state)
{
	static const unsigned alert[] = { A(CERTIFICATE_REQUIRED), A(HANDSHAKE_FAILURE) };

	(void)state;
	for (int v = 0; v < 2; v++) {
		struct certkit k;

		draft(&k, v, LEAT_SERVER, NULL, NULL);
		certkit_set(certkit_judge(&k), "fail_if_no_peer_cert", "false");
		assert_true(certkit_run(&k));
		assert_int_equal(leat_engine_peer_cert(k.d.side[LEAT_SERVER].e, 0).n, 0);
		certkit_close(&k);
		draft(&k, v, LEAT_SERVER, NULL, NULL);
		certkit_refuses(&k, LEAT_SERVER, alert[v]);
	}
}

/* ---- a certificate is no proof without CertificateVerify ---- */

static bool drop_verify(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	(void)p;
	(void)arg;
	return !(from == LEAT_CLIENT && u->type == REC_HANDSHAKE && u->p[0] == MSG_CERT_VERIFY);
}

static void no_proof(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct pair p = { .on_unit = drop_verify };

		pair_ask(c, s);
		pair_set(s, "versions", certkit_versions[v]);
		pair_set(s, "fail_if_no_peer_cert", "true");
		pair_init(&p, c, s, NULL);
		pair_must_refuse(&p, LEAT_SERVER, A(UNEXPECTED_MESSAGE));
		pair_clear(&p);
	}
}

/* ---- verify_none ---- */

/* It believes anybody, which is why its row says so: docs/options.md, leat-options(7). */
static void verify_none_believes_anybody(void **state)
{
	struct make_spec s = certkit_spec(LEAT_CLIENT); /* the wrong purpose */

	(void)state;
	s.issuer = NULL;
	s.to_s = PKI_NOW - 1;
	for (int v = 0; v < 2; v++)
		not_looked_at(v, &s);
}

static int done(void **state)
{
	(void)state;
	pki_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_ca),
		cmocka_unit_test(expired),
		cmocka_unit_test(invalid_signature),
		cmocka_unit_test(extended_key_usage),
		cmocka_unit_test(key_usage),
		cmocka_unit_test(no_authority_key_id),
		cmocka_unit_test(longer_than_depth),
		cmocka_unit_test(order_extras_and_gaps),
		cmocka_unit_test(cross_signed_root),
		cmocka_unit_test(forged),
		cmocka_unit_test(client_auth_by_name),
		cmocka_unit_test(empty_certificate),
		cmocka_unit_test(no_proof),
		cmocka_unit_test(verify_none_believes_anybody),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
