/* SPDX-License-Identifier: Apache-2.0
 *
 * t_client_session.c - sessions of clients that showed a certificate: who the peer was stays known, and
 * nobody resumes past a check that a full handshake would make. TLS 1.3, sealed and stored tickets.
 *
 * REQ: T-sess-wants_cert SESS-sem-server-check
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/session.h>

#include "crypto/digest.h"

/* The client's; servers take both. */
static const char *version;

#define EACH_VERSION(test)                                                 \
	static void test##_in_both(void **state)                           \
	{                                                                  \
		static const char *const all[] = { "tlsv1.2", "tlsv1.3" }; \
		for (int v = 0; v < 2; v++) {                              \
			version = all[v];                                  \
			test(state);                                       \
		}                                                          \
	}

static struct leat_config *client_of(const struct pki_ident *id)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set(c, "session_tickets", "manual", &err), LEAT_OK);
	assert_int_equal(leat_config_set(c, "versions", version, &err), LEAT_OK);
	if (id)
		assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem,
					 (struct leat_span){ NULL, 0 }, &err),
			LEAT_OK);
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

/* Servers of one setting share their ticket keys and store, as restarted ones would. */
static struct leat_ticket_keys *keys;
static struct leat_store *store;

static struct leat_config *server_of(
	struct leat_span trust, const char *verify, const char *fail, bool stateful)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };

	if (trust.n)
		assert_int_equal(leat_config_add_trust(s, trust, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set(s, "verify", verify, &err), LEAT_OK);
	assert_int_equal(leat_config_set(s, "fail_if_no_peer_cert", fail, &err), LEAT_OK);
	if (stateful)
		assert_int_equal(leat_config_set_session_store(s, store, &err), LEAT_OK);
	else
		assert_int_equal(leat_config_set_ticket_keys(s, keys, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	return s;
}

static void check_digest(
	const struct leat_engine *e, const struct pki_ident *id, enum leat_role role)
{
	uint8_t want[32], got[32];

	if (role == LEAT_SERVER && !id) {
		assert_false(leat_engine_peer_digest(e, got));
		return;
	}
	if (role == LEAT_CLIENT)
		id = pki_server(KEY_EC_P256);
	assert_true(leat_engine_peer_digest(e, got));
	digest_once(HASH_SHA256, pki_der(id->leaf), want);
	assert_memory_equal(got, want, 32);
}

/* Connects, offering *t; both sides must know who the other is. Takes a new session. true: resumed. */
static bool meet(struct leat_config *c, struct leat_config *s, const struct pki_ident *id,
	struct leat_session **t)
{
	const struct leat_engine_opts opts = { .host = "localhost", .session = *t };
	struct leat_engine_info info;
	struct duo d;

	duo_open_with(&d, c, s, &opts);
	assert_true(duo_run(&d));
	for (int i = 0; i < 2; i++)
		check_digest(d.side[i].e, id, (enum leat_role)i);
	leat_session_unref(*t);
	*t = leat_engine_take_session(d.side[LEAT_CLIENT].e);
	assert_non_null(*t);
	leat_engine_info(d.side[LEAT_SERVER].e, &info);
	assert_int_equal(info.client_scheme_name != NULL, id && !info.resumed);
	duo_close(&d);
	return info.resumed;
}

static void peer_stays_known(void **state)
{
	(void)state;
	for (int stateful = 0; stateful < 2; stateful++) {
		const struct pki_ident *id = pki_client(KEY_EC_P256);
		struct leat_config *c = client_of(id);
		struct leat_config *s = server_of(pki_root_pem(), "verify_peer", "true", stateful);
		struct leat_session *t = NULL;

		assert_false(meet(c, s, id, &t));
		for (int again = 0; again < 3; again++)
			assert_true(meet(c, s, id, &t)); /* by the ticket of a resumed one, too */
		leat_session_unref(t);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* From one server to one of other settings: full again, or refused. */
static void other_settings(void **state)
{
	static const struct {
		const char *from_verify, *to_verify, *to_fail;
		bool stranger, resumes;
	} rows[] = {
		{ "verify_peer", "verify_peer", "false", false, true },
		{ "verify_peer", "verify_peer", "true", false, true },
		/* not asked before, asked now */
		{ "verify_none", "verify_peer", "false", false, false },
		{ "verify_none", "verify_peer", "true", false, false },
		{ "verify_peer", "verify_none", "false", false, false },
		/* other CAs */
		{ "verify_peer", "verify_peer", "false", true, false },
	};
	const struct pki_ident *id = pki_client(KEY_EC_P256);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_span both = pki_join(pki_root_pem(), pki_stranger_pem());
		struct leat_config *c = client_of(id);
		struct leat_config *a = server_of(
			pki_root_pem(), rows[i].from_verify, "false", false);
		struct leat_config *b = server_of(rows[i].stranger ? both : pki_root_pem(),
			rows[i].to_verify, rows[i].to_fail, false);
		bool shown_a = strcmp(rows[i].from_verify, "verify_peer") == 0;
		bool shown_b = strcmp(rows[i].to_verify, "verify_peer") == 0;
		struct leat_session *t = NULL;

		assert_false(meet(c, a, shown_a ? id : NULL, &t));
		assert_int_equal(meet(c, b, shown_b ? id : NULL, &t), rows[i].resumes);
		leat_session_unref(t);
		leat_config_unref(c);
		leat_config_unref(a);
		leat_config_unref(b);
	}
}

/* A session without a certificate, where one is required now: the full handshake asks, and ends. */
static void none_then_required(void **state)
{
	bool old = strcmp(version, "tlsv1.2") == 0;

	(void)state;
	for (int stateful = 0; stateful < 2; stateful++) {
		struct leat_config *c = client_of(NULL);
		struct leat_config *a = server_of(pki_root_pem(), "verify_peer", "false", stateful);
		struct leat_config *b = server_of(pki_root_pem(), "verify_peer", "true", stateful);
		struct leat_session *t = NULL;
		struct duo d;

		assert_false(meet(c, a, NULL, &t));
		assert_true(meet(c, a, NULL, &t));
		const struct leat_engine_opts opts = { .host = "localhost", .session = t };

		duo_open_with(&d, c, b, &opts);
		assert_false(duo_run(&d));
		/* RFC 8446 4.4.2.4, RFC 5246 7.4.6 */
		assert_int_equal(leat_engine_error(d.side[LEAT_SERVER].e)->alert,
			old ? LEAT_ALERT_HANDSHAKE_FAILURE : LEAT_ALERT_CERTIFICATE_REQUIRED);
		assert_int_equal(leat_engine_error(d.side[LEAT_CLIENT].e)->cls, LEAT_E_PEER_ALERT);
		duo_close(&d);
		leat_session_unref(t);
		leat_config_unref(c);
		leat_config_unref(a);
		leat_config_unref(b);
	}
}

/* The same session where the client has a certificate by now: asked for, and shown. */
static void none_then_shown(void **state)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);

	(void)state;
	for (int stateful = 0; stateful < 2; stateful++) {
		struct leat_config *a = server_of(pki_root_pem(), "verify_peer", "false", stateful);
		struct leat_config *b = server_of(pki_root_pem(), "verify_peer", "true", stateful);
		struct leat_config *bare = client_of(NULL), *c = client_of(id);
		struct leat_session *t = NULL;

		assert_false(meet(bare, a, NULL, &t));
		assert_false(meet(c, b, id, &t));
		assert_true(meet(c, b, id, &t));
		leat_session_unref(t);
		leat_config_unref(bare);
		leat_config_unref(c);
		leat_config_unref(a);
		leat_config_unref(b);
	}
}

/* The client's own certificate is part of what a session stands for. */
static void other_own_certificate(void **state)
{
	struct leat_config *s = server_of(pki_root_pem(), "verify_peer", "false", false);
	struct leat_config *ed = client_of(pki_client(KEY_ED25519));
	struct leat_config *ec = client_of(pki_client(KEY_EC_P256));
	struct leat_session *t = NULL;

	(void)state;
	assert_false(meet(ed, s, pki_client(KEY_ED25519), &t));
	assert_false(meet(ec, s, pki_client(KEY_EC_P256), &t));
	assert_true(meet(ec, s, pki_client(KEY_EC_P256), &t));
	leat_session_unref(t);
	leat_config_unref(ed);
	leat_config_unref(ec);
	leat_config_unref(s);
}

EACH_VERSION(peer_stays_known)
EACH_VERSION(other_settings)
EACH_VERSION(none_then_required)
EACH_VERSION(none_then_shown)
EACH_VERSION(other_own_certificate)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peer_stays_known_in_both),
		cmocka_unit_test(other_settings_in_both),
		cmocka_unit_test(none_then_required_in_both),
		cmocka_unit_test(none_then_shown_in_both),
		cmocka_unit_test(other_own_certificate_in_both),
	};
	struct leat_err err = { 0 };
	int r;

	if (leat_ticket_keys_new(&keys, LEAT_TICKET_KEY_PERIOD_S, LEAT_TICKET_KEY_KEEP_S, &err) !=
			LEAT_OK ||
		leat_store_mem_new(&store, 100, NULL, &err) != LEAT_OK)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	leat_ticket_keys_unref(keys);
	leat_store_unref(store);
	pki_done();
	return r;
}
