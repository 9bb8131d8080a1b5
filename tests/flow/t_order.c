/* SPDX-License-Identifier: Apache-2.0
 *
 * t_order.c - every message in every state it does not belong to, under every key level, twice, or not
 * at all; change_cipher_spec at every place; key changes inside a record. Always unexpected_message,
 * and nothing after it.
 *
 * TIMEOUT: 300
 * REQ: T-rn-03 F-midbox
 */
#include "pair.h"

#include "base/limits.h"
#include "hs/state.h"
#include "ocsp.h"
#include "wire/hs_hdr.h"

static struct pair pair;

/* Configs are made once: making one fetches every algorithm from libcrypto. */
static struct {
	const char *versions;
	bool retry, auth, papers;
	const char *psk;
	struct leat_config *c, *s;
	struct leat_session *session;
} kept[16];

/* A PSK suite of TLS 1.2, NULL: certificates. The server may give a hint. */
static const char *psk_suite;
static bool with_hint;

static bool with_auth; /* the client shows a certificate */

static bool with_papers; /* the server's certificate is stapled, in TLS 1.3 packed too */

static void add_papers(struct leat_config *c, struct leat_config *s)
{
	const struct pki_ident *id = pki_server(KEY_EC_P256);
	struct ocsp_spec good = ocsp_good(id->leaf, id->inter);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_ocsp(s, 0, 0, ocsp_make(&good), &err), LEAT_OK);
	pair_set(c, "ocsp_stapling", "true");
	pair_set(c, "cert_compression", "zlib");
	pair_set(s, "cert_compression", "zlib");
}

static void add_client_cert(struct leat_config *c, struct leat_config *s)
{
	const struct pki_ident *id = pki_client(KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_cred(c, id->chain_pem, id->key_pem,
				 (struct leat_span){ NULL, 0 }, &err),
		LEAT_OK);
	assert_int_equal(leat_config_add_trust(s, pki_root_pem(), NULL, &err), LEAT_OK);
	pair_set(s, "verify", "verify_peer");
}

/* Versions that stand for more: an abbreviated handshake of TLS 1.2. */
static const char by_ticket[] = "tlsv1.2, ticket", by_id[] = "tlsv1.2, id";

static bool is_resumed(const char *versions)
{
	return versions == by_ticket || versions == by_id;
}

static void make_resumed(size_t i)
{
	pair_configs12(&kept[i].c, &kept[i].s,
		kept[i].versions == by_ticket ? "stateless" : "stateful", "tlsv1.2");
	kept[i].session = pair_session12(kept[i].c, kept[i].s);
}

static void add_psks(struct leat_config *c, struct leat_config *s)
{
	struct leat_psk p = { .identity = vec_str("me"), .secret = vec_str("sixteen bytes or so") };
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_add_psk(c, &p, &err), LEAT_OK);
	assert_int_equal(leat_config_add_psk(s, &p, &err), LEAT_OK);
	pair_set(c, "ciphers", psk_suite);
	if (with_hint)
		assert_int_equal(leat_config_set_psk_identity(s, vec_str("hint"), &err), LEAT_OK);
	pair_set(s, "ciphers",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,"
		"TLS_PSK_WITH_AES_128_GCM_SHA256,TLS_PSK_WITH_AES_128_CCM,"
		"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256");
	pair_set(s, "versions", "tlsv1.2");
}

static void fresh(const char *versions, bool retry)
{
	size_t i = 0;

	while (kept[i].versions &&
		(strcmp(kept[i].versions, versions) != 0 || kept[i].retry != retry ||
			kept[i].auth != with_auth || kept[i].papers != with_papers ||
			kept[i].psk != psk_suite))
		i++;
	if (!kept[i].versions && is_resumed(versions)) {
		assert_true(i < 15);
		kept[i].versions = versions;
		make_resumed(i);
	} else if (!kept[i].versions) {
		assert_true(i < 15);
		kept[i].psk = psk_suite;
		kept[i].versions = versions;
		kept[i].retry = retry;
		kept[i].auth = with_auth;
		kept[i].papers = with_papers;
		kept[i].c = pair_client_config();
		kept[i].s = pair_server_config(KEY_EC_P256);
		pair_set(kept[i].c, "versions", versions);
		if (retry)
			pair_set(kept[i].s, "groups", "secp384r1");
		if (psk_suite)
			add_psks(kept[i].c, kept[i].s);
		if (with_papers)
			add_papers(kept[i].c, kept[i].s);
		if (with_auth)
			add_client_cert(kept[i].c, kept[i].s);
	}
	pair.offer = kept[i].session;
	pair_init(&pair, leat_config_ref(kept[i].c), leat_config_ref(kept[i].s), NULL);
}

static enum hs_state state_of(enum leat_role who)
{
	for (int s = 0; s < HS_STATE_COUNT; s++)
		if (strcmp(state_name(s), hs_state_name(pair.side[who].hs)) == 0)
			return (enum hs_state)s;
	return HS_STATE_COUNT;
}

/* Rows of the tables that a handshake here went through. */
static const struct hs_row *met[100];
static size_t num_met;

static void note_row(enum leat_role from)
{
	const struct pair_unit *u = pair_peek(&pair, from);
	const struct hs_row *row = u ? state_row(!from, state_of(!from),
					       u->type == REC_CCS ? HS_MSG_CCS : (unsigned)u->p[0])
				     : NULL;
	size_t i = 0;

	while (i < num_met && met[i] != row)
		i++;
	if (row && i == num_met && num_met < 100)
		met[num_met++] = row;
}

/* Delivers up to n units; false when the handshake had fewer. */
static bool advance(size_t n)
{
	enum leat_ret r;

	for (; n > 0; n--) {
		enum leat_role from = pair_peek(&pair, LEAT_CLIENT) ? LEAT_CLIENT : LEAT_SERVER;

		note_row(from);
		if (!pair_deliver(&pair, from, &r))
			return false;
		assert_int_equal(r, LEAT_OK);
	}
	return true;
}

static void must_be_unexpected(enum leat_role to, enum rec_type type, enum hs_level level,
	struct leat_span b, const char *what)
{
	struct pair_side *s = &pair.side[to];
	const char *in = hs_state_name(s->hs);
	enum leat_ret r = hs_record(s->hs, type, level, b);

	if (r != LEAT_FAILED || s->err.cls != LEAT_E_OUR_ALERT ||
		s->err.alert != LEAT_ALERT_UNEXPECTED_MESSAGE)
		fail_msg("%s in %s: result %d, alert %s", what, in, r,
			leat_alert_name(s->err.alert));
	assert_string_equal(hs_state_name(s->hs), "DEAD");
}

/* At every point of a handshake, both sides: every message type that has no row there. */
static void every_message(const char *versions, bool retry)
{
	size_t tried = 0;

	for (size_t at = 0;; at++) {
		fresh(versions, retry);
		bool more = advance(at);

		pair_clear(&pair);
		if (!more)
			break;
		for (unsigned msg = 0; msg < 256; msg++) {
			for (int to = 0; to < 2; to++) {
				uint8_t b[8] = { (uint8_t)msg, 0, 0, 4 };

				/* unknown types: a few of them will do */
				if (msg > MSG_COMPRESSED_CERT && msg % 50)
					continue;
				fresh(versions, retry);
				(void)advance(at);
				if (!state_row((enum leat_role)to, state_of((enum leat_role)to),
					    msg)) {
					must_be_unexpected((enum leat_role)to, REC_HANDSHAKE,
						pair.side[to].dir[LEAT_RX].level,
						(struct leat_span){ b, sizeof(b) },
						state_msg_name(msg));
					tried++;
				}
				pair_clear(&pair);
			}
		}
	}
	assert_true(tried > 200);
}

static void every_message_13(void **state)
{
	(void)state;
	every_message("tlsv1.3", false);
}

/* RFC 4279: without certificates, and with or without ServerKeyExchange. */
static void every_message_psk(void **state)
{
	static const char *const suites[] = { "TLS_PSK_WITH_AES_128_GCM_SHA256",
		"TLS_PSK_WITH_AES_128_CCM", "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		psk_suite = suites[i];
		with_hint = i == 1;
		every_message("tlsv1.2", false);
	}
	psk_suite = NULL;
}

static void every_message_retry(void **state)
{
	(void)state;
	every_message("tlsv1.3", true);
}

static void every_message_auth(void **state)
{
	(void)state;
	with_auth = true;
	every_message("tlsv1.3", false);
	every_message("tlsv1.2", false);
	with_auth = false;
}

/* CompressedCertificate and CertificateStatus come, with and without a CertificateRequest. */
static void every_message_with_papers(void **state)
{
	(void)state;
	with_papers = true;
	for (int auth = 0; auth < 2; auth++) {
		with_auth = auth;
		every_message("tlsv1.3", false);
		every_message("tlsv1.2", false);
	}
	with_auth = with_papers = false;
}

static void every_message_12(void **state)
{
	(void)state;
	every_message("tlsv1.2", false);
}

static void every_message_resumed(void **state)
{
	(void)state;
	every_message(by_ticket, false);
	every_message(by_id, false);
}

/* Every message at its right place, but under another level. */
static void wrong_level(const char *versions, bool retry)
{
	size_t tried = 0;

	for (size_t at = 0;; at++) {
		bool more = true;

		for (int level = 0; level < LV_COUNT && more; level++) {
			enum leat_role from;
			struct pair_unit *u;

			fresh(versions, retry);
			more = advance(at);
			from = pair_peek(&pair, LEAT_CLIENT) ? LEAT_CLIENT : LEAT_SERVER;
			u = pair_peek(&pair, from);
			more = more && u;
			if (u && u->type == REC_HANDSHAKE && u->level != (enum hs_level)level) {
				must_be_unexpected(!from, u->type, (enum hs_level)level,
					(struct leat_span){ u->p, u->n }, "level");
				tried++;
			}
			pair_clear(&pair);
		}
		if (!more)
			break;
	}
	assert_true(tried >= 3 * (is_resumed(versions) ? 4 : 7));
}

static void every_level(void **state)
{
	(void)state;
	wrong_level("tlsv1.3", false);
	wrong_level("tlsv1.3", true);
	wrong_level("tlsv1.2", false);
	with_auth = true;
	wrong_level("tlsv1.3", false);
	wrong_level("tlsv1.2", false);
	with_auth = false;
	wrong_level(by_ticket, false);
	wrong_level(by_id, false);
}

/* Every message a second time, and every message left out. */
static void repeated_and_missing(const char *versions, bool retry)
{
	for (size_t at = 0;; at++) {
		enum leat_role from;
		struct pair_unit *u;
		struct leat_span again;
		enum rec_type type;
		enum leat_ret r;

		fresh(versions, retry);
		(void)advance(at);
		from = pair_peek(&pair, LEAT_CLIENT) ? LEAT_CLIENT : LEAT_SERVER;
		u = pair_peek(&pair, from);
		if (!u) {
			pair_clear(&pair);
			break;
		}
		type = u->type;
		again = vec_copy(u->p, u->n);
		(void)pair_deliver(&pair, from, &r);
		/* (a first hello after HelloRetryRequest has its place, and its own alert) */
		if (type == REC_HANDSHAKE && !hs_is_up(pair.side[!from].hs) &&
			state_of(!from) != S_WAIT_CH2)
			must_be_unexpected(
				!from, type, pair.side[!from].dir[LEAT_RX].level, again, "again");
		pair_clear(&pair);

		/* left out: the next one from the same side is unexpected, when it comes at all */
		fresh(versions, retry);
		(void)advance(at);
		pair_pop(&pair, from);
		u = pair_peek(&pair, from);
		/* (a CertificateRequest may be left out) */
		if (type == REC_HANDSHAKE && u && u->type == REC_HANDSHAKE &&
			!state_row(!from, state_of(!from), u->p[0]))
			must_be_unexpected(!from, u->type, pair.side[!from].dir[LEAT_RX].level,
				(struct leat_span){ u->p, u->n }, "one missing");
		pair_clear(&pair);
	}
}

static void repeated(void **state)
{
	(void)state;
	repeated_and_missing("tlsv1.3", false);
	repeated_and_missing("tlsv1.3", true);
	repeated_and_missing("tlsv1.2", false);
	with_auth = true;
	repeated_and_missing("tlsv1.3", false);
	repeated_and_missing("tlsv1.2", false);
	with_auth = false;
	repeated_and_missing(by_ticket, false);
	repeated_and_missing(by_id, false);
}

/* ---- change_cipher_spec ---- */

/* RFC 8446 5: dropped between the first ClientHello and the peer's Finished, else unexpected. */
static void ccs_everywhere_13(void **state)
{
	static const uint8_t one = 1, two[] = { 1, 1 }, zero = 0;

	(void)state;
	for (size_t at = 0;; at++) {
		for (int to = 0; to < 2; to++) {
			bool may;

			fresh("tlsv1.3", at % 2);
			if (!advance(at)) {
				pair_clear(&pair);
				return;
			}
			may = state_of((enum leat_role)to) != S_WAIT_CH &&
			      !hs_is_up(pair.side[to].hs);
			if (may) {
				assert_int_equal(pair_feed(&pair, (enum leat_role)to, REC_CCS,
							 (struct leat_span){ &one, 1 }),
					LEAT_OK);
				pair_must_connect(&pair);
			} else {
				must_be_unexpected((enum leat_role)to, REC_CCS, LV_PLAIN,
					(struct leat_span){ &one, 1 }, "ccs");
			}
			pair_clear(&pair);

			fresh("tlsv1.3", at % 2);
			(void)advance(at);
			must_be_unexpected((enum leat_role)to, REC_CCS, LV_PLAIN,
				(struct leat_span){ two, 2 }, "ccs of two bytes");
			pair_clear(&pair);
			fresh("tlsv1.3", at % 2);
			(void)advance(at);
			must_be_unexpected((enum leat_role)to, REC_CCS, LV_PLAIN,
				(struct leat_span){ &zero, 1 }, "ccs of zero");
			pair_clear(&pair);
			fresh("tlsv1.3", at % 2);
			(void)advance(at);
			must_be_unexpected((enum leat_role)to, REC_CCS, LV_PLAIN,
				(struct leat_span){ NULL, 0 }, "empty ccs");
			pair_clear(&pair);
		}
	}
}

/* In TLS 1.2 it has one place. CVE-2014-0224 was about all the others. */
static void ccs_everywhere(const char *versions)
{
	static const uint8_t one = 1;

	for (size_t at = 0;; at++) {
		for (int to = 0; to < 2; to++) {
			fresh(versions, false);
			if (!advance(at)) {
				pair_clear(&pair);
				return;
			}
			if (!state_row(
				    (enum leat_role)to, state_of((enum leat_role)to), HS_MSG_CCS))
				must_be_unexpected((enum leat_role)to, REC_CCS,
					pair.side[to].dir[LEAT_RX].level,
					(struct leat_span){ &one, 1 }, "ccs");
			pair_clear(&pair);
		}
	}
}

static void ccs_everywhere_12(void **state)
{
	(void)state;
	ccs_everywhere("tlsv1.2");
	ccs_everywhere(by_ticket);
	ccs_everywhere(by_id);
}

static void ccs_flood(void **state)
{
	static const uint8_t one = 1;

	(void)state;
	fresh("tlsv1.3", false);
	for (int i = 0; i < LIM_DROPPED; i++)
		assert_int_equal(
			pair_feed(&pair, LEAT_CLIENT, REC_CCS, (struct leat_span){ &one, 1 }),
			LEAT_OK);
	must_be_unexpected(
		LEAT_CLIENT, REC_CCS, LV_PLAIN, (struct leat_span){ &one, 1 }, "one ccs too many");
	pair_clear(&pair);
}

/* Before ServerHello nobody knows the version: what a TLS 1.3 client may drop is an attack in 1.2. */
static void ccs_before_12(void **state)
{
	static const uint8_t one = 1;
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	enum leat_ret r;

	(void)state;
	pair_set(s, "versions", "tlsv1.2");
	pair_init(&pair, c, s, NULL);
	assert_int_equal(
		pair_feed(&pair, LEAT_CLIENT, REC_CCS, (struct leat_span){ &one, 1 }), LEAT_OK);
	assert_true(pair_deliver(&pair, LEAT_CLIENT, &r));
	assert_int_equal(r, LEAT_OK);
	pair_must_refuse(&pair, LEAT_CLIENT, LEAT_ALERT_UNEXPECTED_MESSAGE);
	pair_clear(&pair);
}

/* RFC 5246 7.4.1.1: a HelloRequest during a handshake is ignored and not hashed; but not for ever. */
static void hello_requests(void **state)
{
	static const uint8_t request[] = { MSG_HELLO_REQUEST, 0, 0, 0 },
			     longer[] = { MSG_HELLO_REQUEST, 0, 0, 1, 0 };
	static const struct leat_span good = { request, sizeof(request) };
	size_t tried = 0;

	(void)state;
	for (size_t at = 0;; at++) {
		bool more;

		fresh("tlsv1.2", false);
		more = advance(at);
		if (more && state_row(LEAT_CLIENT, state_of(LEAT_CLIENT), MSG_HELLO_REQUEST)) {
			assert_int_equal(
				pair_feed(&pair, LEAT_CLIENT, REC_HANDSHAKE, good), LEAT_OK);
			pair_must_connect(&pair);
			tried++;
		}
		pair_clear(&pair);
		if (!more)
			break;
	}
	assert_true(tried >= 4);

	fresh("tlsv1.2", false);
	(void)advance(2);
	for (int i = 0; i < LIM_DROPPED; i++)
		assert_int_equal(pair_feed(&pair, LEAT_CLIENT, REC_HANDSHAKE, good), LEAT_OK);
	must_be_unexpected(LEAT_CLIENT, REC_HANDSHAKE, LV_PLAIN, good, "one request too many");
	pair_clear(&pair);
	fresh("tlsv1.2", false);
	(void)advance(2);
	assert_int_equal(pair_feed(&pair, LEAT_CLIENT, REC_HANDSHAKE,
				 (struct leat_span){ longer, sizeof(longer) }),
		LEAT_FAILED);
	assert_int_equal(pair.side[LEAT_CLIENT].err.alert, LEAT_ALERT_DECODE_ERROR);
	pair_clear(&pair);
}

static void ccs_inside_a_message(void **state)
{
	static const uint8_t one = 1;
	struct pair_unit *u;

	(void)state;
	fresh("tlsv1.3", false);
	(void)advance(
		3); /* ClientHello, ServerHello, change_cipher_spec: next EncryptedExtensions */
	u = pair_peek(&pair, LEAT_SERVER);
	assert_int_equal(u->p[0], MSG_ENCRYPTED_EXT);
	assert_int_equal(
		pair_feed(&pair, LEAT_CLIENT, REC_HANDSHAKE, (struct leat_span){ u->p, u->n - 1 }),
		LEAT_OK);
	assert_true(hs_is_mid_message(pair.side[LEAT_CLIENT].hs));
	must_be_unexpected(
		LEAT_CLIENT, REC_CCS, LV_PLAIN, (struct leat_span){ &one, 1 }, "ccs inside");
	pair_clear(&pair);
}

static void empty_record(void **state)
{
	(void)state;
	for (int to = 0; to < 2; to++) {
		fresh("tlsv1.3", false);
		must_be_unexpected((enum leat_role)to, REC_HANDSHAKE, LV_PLAIN,
			(struct leat_span){ (const uint8_t *)"", 0 }, "empty record");
		pair_clear(&pair);
	}
}

/* Misuse by our own caller is no alert. */
static void misuse(void **state)
{
	struct pair_unit *u;
	struct pair_side *s = &pair.side[LEAT_SERVER];

	(void)state;
	fresh("tlsv1.3", false);
	assert_int_equal(hs_job_run(s->hs), LEAT_FAILED);
	assert_int_equal(s->err.cls, LEAT_E_MISUSE);
	memset(&s->err, 0, sizeof(s->err));
	assert_int_equal(hs_start(s->hs), LEAT_FAILED);
	assert_int_equal(s->err.cls, LEAT_E_MISUSE);
	memset(&s->err, 0, sizeof(s->err));
	/* with a job waiting nothing is taken */
	u = pair_peek(&pair, LEAT_CLIENT);
	assert_int_equal(
		hs_record(s->hs, REC_HANDSHAKE, LV_PLAIN, (struct leat_span){ u->p, u->n }),
		LEAT_AGAIN);
	assert_int_equal(hs_job(s->hs), HS_JOB_SIGN);
	assert_int_equal(
		hs_record(s->hs, REC_HANDSHAKE, LV_HANDSHAKE, (struct leat_span){ u->p, u->n }),
		LEAT_FAILED);
	assert_int_equal(s->err.cls, LEAT_E_MISUSE);
	pair_clear(&pair);
}

/* ---- the tables ---- */

static void check_met(const char *table, const struct hs_row *rows, size_t num)
{
	/* Messages that another test has the handshakes for. */
	static const unsigned elsewhere[] = {
		MSG_HELLO_REQUEST,  /* hello_requests */
		MSG_END_EARLY,      /* t_early.c */
		MSG_SESSION_TICKET, /* t_resume12.c */
	};

	for (size_t i = 0; i < num; i++) {
		size_t k = 0;

		while (k < num_met && met[k] != &rows[i])
			k++;
		for (size_t j = 0; j < sizeof(elsewhere) / sizeof(elsewhere[0]); j++)
			if (rows[i].msg == elsewhere[j])
				k = 0;
		/* promised and not sent: t_staple.c */
		if (rows[i].in == C12_WAIT_STATUS && rows[i].msg == MSG_SERVER_KX)
			k = 0;
		if (k == num_met)
			fail_msg("%s: no handshake here has %s in %s; add one to fresh()", table,
				state_msg_name(rows[i].msg), state_name(rows[i].in));
	}
}

/* A row added to a table is attacked above only when a handshake gets there. Runs last. */
static void every_row_was_met(void **state)
{
	(void)state;
	check_met("client_rows", client_rows, num_client_rows);
	check_met("server_rows", server_rows, num_server_rows);
	check_met("v12_client_rows", v12_client_rows, num_v12_client_rows);
	check_met("v12_server_rows", v12_server_rows, num_v12_server_rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_13),
		cmocka_unit_test(every_message_psk),
		cmocka_unit_test(every_message_retry),
		cmocka_unit_test(every_message_auth),
		cmocka_unit_test(every_message_with_papers),
		cmocka_unit_test(every_message_12),
		cmocka_unit_test(every_message_resumed),
		cmocka_unit_test(every_level),
		cmocka_unit_test_teardown(repeated, vec_teardown),
		cmocka_unit_test(ccs_everywhere_13),
		cmocka_unit_test(ccs_everywhere_12),
		cmocka_unit_test(ccs_flood),
		cmocka_unit_test(ccs_before_12),
		cmocka_unit_test(hello_requests),
		cmocka_unit_test(ccs_inside_a_message),
		cmocka_unit_test(empty_record),
		cmocka_unit_test(misuse),
		cmocka_unit_test(every_row_was_met),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	for (size_t i = 0; kept[i].versions; i++) {
		leat_config_unref(kept[i].c);
		leat_config_unref(kept[i].s);
		leat_session_unref(kept[i].session);
	}
	pki_done();
	return r;
}
