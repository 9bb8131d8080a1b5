/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sni.c - server names: which config and certificate a name gets, by a list and by a function, what is
 * reported of it, names and addresses against the certificate, dots, and sessions under names.
 *
 * TIMEOUT: 120
 * REQ: OPT-sni_fun CB-sni TYPE-snifun T-sni-hosts T-sni-fun T-sni-ip T-sni-reuse T-sni-customize T-sni-dot
 */
#include "certkit.h"
#include "tamper.h"

#include <leat/verify.h>

#include "base/rd.h"
#include "config/config.h"
#include "x509/name.h"

#define A(name) LEAT_ALERT_##name

/* ---- names have configs ---- */

enum way { LIST, FUNCTION, WAYS };

struct chooser {
	struct leat_config *cfg; /* for named.example */
	unsigned calls;
	enum leat_ret other; /* for everything else */
	char asked[64];
};

static enum leat_ret choose(void *arg, struct leat_span name, struct leat_config **out)
{
	struct chooser *c = arg;

	c->calls++;
	snprintf(c->asked, sizeof(c->asked), "%.*s", (int)name.n, (const char *)name.p);
	if (strcmp(c->asked, "named.example") != 0)
		return c->other;
	*out = leat_config_ref(c->cfg);
	return LEAT_OK;
}

static const struct made *leaf_for(const char *name)
{
	struct make_spec s = pki_spec();

	s.names = &name;
	s.num_names = 1;
	return pki_make(&s);
}

/* A server of localhost and *.wild.test, and of named.example by another config. */
static void draft(struct certkit *k, int v, enum way way, struct chooser *c)
{
	struct leat_err err = { 0 };
	struct certkit named;

	certkit_draft(
		&named, certkit_versions[v], LEAT_CLIENT, leaf_for("named.example"), pki_inter());
	assert_int_equal(leat_config_freeze(named.cfg[LEAT_SERVER], &err), LEAT_OK);
	certkit_draft(k, certkit_versions[v], LEAT_CLIENT, certkit_leaf(LEAT_SERVER), pki_inter());
	if (way == LIST)
		assert_int_equal(leat_config_add_sni_host(k->cfg[LEAT_SERVER], "named.example",
					 named.cfg[LEAT_SERVER], &err),
			LEAT_OK);
	else
		assert_int_equal(
			leat_config_set_sni(k->cfg[LEAT_SERVER], choose, c, &err), LEAT_OK);
	*c = (struct chooser){ .cfg = leat_config_ref(named.cfg[LEAT_SERVER]) };
	certkit_close(&named);
}

static void end(struct certkit *k, struct chooser *c)
{
	certkit_close(k);
	leat_config_unref(c->cfg);
}

/* The certificate that the client saw is for this name; what the server knows of the name. */
static void check(struct certkit *k, const char *cert_name, const char *sni, bool known)
{
	struct leat_span der = leat_engine_peer_cert(k->d.side[LEAT_CLIENT].e, 0);
	struct leat_engine_info info;
	bool named = leat_span_same(der, pki_der(certkit_leaf(LEAT_SERVER)));

	assert_int_equal(named, strcmp(cert_name, "localhost") == 0);
	leat_engine_info(k->d.side[LEAT_SERVER].e, &info);
	assert_int_equal(info.sni.n, strlen(sni));
	assert_int_equal(info.sni_known, known);
	if (info.sni.n)
		assert_memory_equal(info.sni.p, sni, info.sni.n);
}

static void chosen_by_name(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++)
		for (int way = 0; way < WAYS; way++) {
			struct chooser c;
			struct certkit k;

			/* one of those that have their own */
			draft(&k, v, (enum way)way, &c);
			k.host = "named.example";
			assert_true(certkit_run(&k));
			check(&k, "named.example", "named.example", true);
			assert_int_equal(c.calls, way == FUNCTION);
			end(&k, &c);
			/* one that the listener's certificate is for */
			draft(&k, v, (enum way)way, &c);
			k.host = "a.wild.test";
			assert_true(certkit_run(&k));
			check(&k, "localhost", "a.wild.test", true);
			end(&k, &c);
			/* nobody's: the listener's certificate, and the name is not called known */
			draft(&k, v, (enum way)way, &c);
			certkit_set(k.cfg[LEAT_CLIENT], "insecure_skip_name", "true");
			k.host = "stranger.example";
			assert_true(certkit_run(&k));
			check(&k, "localhost", "stranger.example", false);
			end(&k, &c);
			/* no name at all: nobody is asked */
			draft(&k, v, (enum way)way, &c);
			certkit_set(k.cfg[LEAT_CLIENT], "server_name_indication", "disable");
			assert_true(certkit_run(&k));
			check(&k, "localhost", "", false);
			assert_int_equal(c.calls, 0);
			end(&k, &c);
		}
}

static void unrecognized(void **state)
{
	static const struct {
		enum leat_ret answer;
		unsigned alert;
	} rows[] = { { LEAT_UNSUPPORTED, A(UNRECOGNIZED_NAME) },
		{ LEAT_FAILED, A(INTERNAL_ERROR) } };

	(void)state;
	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < 2; i++) {
			struct chooser c;
			struct certkit k;
			struct leat_config *named;

			draft(&k, v, FUNCTION, &c);
			named = c.cfg;
			c.other = rows[i].answer;
			certkit_refuses(&k, LEAT_SERVER, rows[i].alert);
			assert_string_equal(c.asked, "localhost");
			leat_config_unref(named);
		}
}

/* ---- names and addresses against the certificate ---- */

static void hosts(int v, const struct made *leaf, const char *host, bool fits)
{
	struct certkit k;

	certkit_draft(&k, certkit_versions[v], LEAT_CLIENT, leaf, pki_inter());
	k.host = host;
	if (fits)
		certkit_connects(&k);
	else
		certkit_refuses(&k, LEAT_CLIENT, A(BAD_CERTIFICATE));
}

static void addresses(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		hosts(v, leaf_for("192.0.2.7"), "192.0.2.7", true);
		hosts(v, leaf_for("2001:db8::7"), "2001:db8:0:0::7", true);
		hosts(v, leaf_for("192.0.2.7"), "192.0.2.8", false);
		/* an address that is written as a name is none */
		hosts(v, leaf_for("host.example"), "192.0.2.7", false);
		hosts(v, leaf_for("192.0.2.7"), "host.example", false);
	}
}

/* Labels of any number under *.wild.test, which the rules of leat do not allow. */
static enum leat_verdict own_rule(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason)
{
	const char *host = *(const char *const *)state, *tail = strstr(host, ".wild.test");

	if (ev->kind == LEAT_CERT_BAD && ev->reason == LEAT_BAD_HOSTNAME && tail && !tail[10])
		return LEAT_VERDICT_VALID;
	return leat_verify_default_peer(state, ev, reason);
}

static void own_rules_for_names(void **state)
{
	static const struct {
		const char *host;
		bool fits, own;
	} rows[] = {
		{ "a.wild.test", true, true },
		{ "a.b.wild.test", false, true },
		{ "a.wild.test.example", false, false },
		{ "other.example", false, false },
	};

	(void)state;
	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const char *host = rows[i].host;
			const struct leat_verify_fun f = { .fn = own_rule, .state = &host };
			struct leat_err err = { 0 };
			struct certkit k;

			hosts(v, certkit_leaf(LEAT_SERVER), host, rows[i].fits);
			certkit_draft(&k, certkit_versions[v], LEAT_CLIENT,
				certkit_leaf(LEAT_SERVER), pki_inter());
			k.host = host;
			assert_int_equal(
				leat_config_set_verify_fun(k.cfg[LEAT_CLIENT], &f, &err), LEAT_OK);
			if (rows[i].own)
				certkit_connects(&k);
			else
				certkit_refuses(&k, LEAT_CLIENT, A(BAD_CERTIFICATE));
		}
}

/* ---- dots ---- */

static void dot_of_ours(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct leat_engine_info info;
		struct certkit k;

		certkit_draft(&k, certkit_versions[v], LEAT_CLIENT, certkit_leaf(LEAT_SERVER),
			pki_inter());
		k.host = "localhost.";
		assert_true(certkit_run(&k));
		leat_engine_info(k.d.side[LEAT_SERVER].e, &info);
		assert_int_equal(info.sni.n, strlen("localhost"));
		certkit_close(&k);
	}
}

static void put_dot(struct client_hello *m)
{
	m->sni = (struct leat_span){ (const uint8_t *)"localhost.", 10 };
}

static void put_only_dot(struct client_hello *m)
{
	m->sni = (struct leat_span){ (const uint8_t *)".", 1 };
}

static void dot_of_theirs(void **state)
{
	struct tamper rows[] = {
		{ .name = "a name and a dot", .ch = put_dot },
		{ .name = "a dot", .ch = put_only_dot },
	};

	(void)state;
	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < 2; i++) {
			rows[i].from = LEAT_CLIENT;
			rows[i].msg = MSG_CLIENT_HELLO;
			rows[i].alert = A(ILLEGAL_PARAMETER);
			rows[i].hit = false;
			tamper_run(&rows[i], KEY_EC_P256, certkit_versions[v]);
		}
}

/* ---- sessions ---- */

/* A session that began under a.wild.test, from this server. */
static struct leat_session *session_of(struct certkit *k, int v)
{
	struct leat_session *s;

	certkit_draft(k, certkit_versions[v], LEAT_CLIENT, certkit_leaf(LEAT_SERVER), pki_inter());
	certkit_set(k->cfg[LEAT_CLIENT], "session_tickets", "manual");
	k->host = "a.wild.test";
	assert_true(certkit_run(k));
	duo_say(&k->d, LEAT_SERVER, "x", 1);
	s = leat_engine_take_session(k->d.side[LEAT_CLIENT].e);
	assert_non_null(s);
	duo_close(&k->d);
	return s;
}

static bool resumes(struct certkit *k)
{
	struct leat_engine_info info;

	assert_true(certkit_run(k));
	leat_engine_info(k->d.side[LEAT_SERVER].e, &info);
	duo_close(&k->d);
	return info.resumed;
}

static void sessions_are_for_their_name(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct certkit k, silent;
		struct leat_session *s = session_of(&k, v);

		k.session = s;
		assert_true(resumes(&k));
		/* another name of the same certificate: a full handshake, and the chain is looked at */
		k.host = "b.wild.test";
		assert_false(resumes(&k));
		/* the same host, but the server is not told: it does not know whose session it would be */
		certkit_draft(&silent, certkit_versions[v], LEAT_CLIENT, NULL, NULL);
		leat_config_unref(silent.cfg[LEAT_SERVER]);
		silent.cfg[LEAT_SERVER] = leat_config_ref(k.cfg[LEAT_SERVER]);
		certkit_set(silent.cfg[LEAT_CLIENT], "session_tickets", "manual");
		certkit_set(silent.cfg[LEAT_CLIENT], "server_name_indication", "disable");
		silent.host = "a.wild.test";
		silent.session = s;
		assert_false(resumes(&silent));
		/* a host that the certificate is not for: no way around that */
		silent.host = "other.example";
		certkit_refuses(&silent, LEAT_CLIENT, A(BAD_CERTIFICATE));
		leat_session_unref(s);
		certkit_close(&k);
	}
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
		cmocka_unit_test(chosen_by_name),
		cmocka_unit_test(unrecognized),
		cmocka_unit_test(addresses),
		cmocka_unit_test(own_rules_for_names),
		cmocka_unit_test(dot_of_ours),
		cmocka_unit_test(dot_of_theirs),
		cmocka_unit_test(sessions_are_for_their_name),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
