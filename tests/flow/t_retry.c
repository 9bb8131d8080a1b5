/* SPDX-License-Identifier: Apache-2.0
 *
 * t_retry.c - HelloRetryRequest, both sides: when it is sent, what the second ClientHello must keep, and
 * every rule of RFC 8446 4.1.4 about the request itself.
 *
 * REQ: F-hrr F-midbox
 */
#include "tamper.h"

#include "pki.h"

#define A(name) LEAT_ALERT_##name
#define NUM(a)  (sizeof(a) / sizeof((a)[0]))
#define SPAN(...) \
	vec_copy((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define WITHOUT(m, e) ((m)->has &= ~EXT_BIT(e))
#define WITH(m, e)    ((m)->has |= EXT_BIT(e))

static void server_wants_p384(struct leat_config *c, struct leat_config *s)
{
	(void)c;
	pair_set(s, "groups", "secp384r1");
}

static void works(void **state)
{
	static const char *const groups[] = { "secp384r1", "secp521r1", "x448" };

	(void)state;
	for (size_t i = 0; i < NUM(groups); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct pair p = { 0 };
		struct hs_facts f;

		pair_set(s, "groups", groups[i]);
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		hs_facts(p.side[LEAT_CLIENT].hs, &f);
		assert_true(f.retried);
		assert_string_equal(f.group->name, groups[i]);
		/* one change_cipher_spec each, for the whole handshake (D.4) */
		assert_int_equal(p.side[LEAT_SERVER].sent_ccs, 1);
		assert_int_equal(p.side[LEAT_CLIENT].sent_ccs, 1);
		pair_clear(&p);
	}
}

static void works_with_every_hash(void **state)
{
	static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384" };

	(void)state;
	for (size_t i = 0; i < NUM(suites); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_ED25519);
		struct pair p = { 0 };

		server_wants_p384(c, s);
		pair_set(s, "versions", "tlsv1.3");
		pair_set(s, "ciphers", suites[i]);
		pair_init(&p, c, s, NULL);
		pair_must_connect(&p);
		pair_clear(&p);
	}
}

/* A share at hand wins over a better group without one: no round trip is spent on taste. */
static void share_wins_over_order(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };
	struct hs_facts f;

	(void)state;
	pair_set(s, "groups", "secp521r1,secp256r1");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	assert_false(f.retried);
	assert_string_equal(f.group->name, "secp256r1");
	pair_clear(&p);
}

/* With one share only, a server that knows the client's other groups asks. */
static void one_share(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };
	struct hs_facts f;

	(void)state;
	pair_set(c, "key_shares", "1");
	pair_set(c, "groups", "x25519,secp256r1");
	pair_set(s, "groups", "secp256r1");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	hs_facts(p.side[LEAT_SERVER].hs, &f);
	assert_true(f.retried);
	pair_clear(&p);
}

static void without_middlebox_mode(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };

	(void)state;
	server_wants_p384(c, s);
	pair_set(c, "middlebox_comp_mode", "false");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_int_equal(p.side[LEAT_SERVER].sent_ccs, 0);
	assert_int_equal(p.side[LEAT_CLIENT].sent_ccs, 0);
	pair_clear(&p);
}

static void no_group_in_common(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };

	(void)state;
	server_wants_p384(c, s);
	pair_set(c, "groups", "x25519,secp256r1");
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, LEAT_SERVER, A(HANDSHAKE_FAILURE));
	pair_clear(&p);
}

/* ---- the request, changed on its way to the client ---- */

static void rr_group_not_offered(struct server_hello *m)
{
	m->group = 0x0100; /* ffdhe2048 */
}
static void rr_group_unknown(struct server_hello *m)
{
	m->group = 0x2a2a;
}
static void rr_group_with_share(struct server_hello *m)
{
	m->group = GROUP_X25519;
}
static void rr_group_with_second_share(struct server_hello *m)
{
	m->group = GROUP_SECP256R1;
}
static void rr_no_change(struct server_hello *m)
{
	WITHOUT(m, EXT_KEY_SHARE);
}
static void rr_session_id(struct server_hello *m)
{
	m->session_id = vec_noise(32);
}
static void rr_suite(struct server_hello *m)
{
	m->suite = 0x1399;
}
static void rr_suite_12(struct server_hello *m)
{
	m->suite = 0xc02f;
}
static void rr_compression(struct server_hello *m)
{
	m->compression = 1;
}
static void rr_legacy(struct server_hello *m)
{
	m->legacy_version = LEAT_TLS13;
}
static void rr_no_version(struct server_hello *m)
{
	WITHOUT(m, EXT_VERSIONS);
}
static void rr_version_12(struct server_hello *m)
{
	m->version = LEAT_TLS12;
}
static void rr_other_suite_later(struct server_hello *m)
{
	m->suite = m->suite == 0x1301 ? 0x1302 : 0x1301;
}
static void rr_again(struct server_hello *m)
{
	m->random = (struct leat_span){ retry_random, RANDOM_LEN };
	m->group = GROUP_SECP521R1;
	m->share.n = 0;
}
static void rr_then_12(struct server_hello *m)
{
	m->has = 0;
	m->version = m->legacy_version = LEAT_TLS12;
	m->suite = 0xc02b;
}
static void rr_old_group_later(struct server_hello *m)
{
	m->group = GROUP_X25519;
	m->share = vec_noise(32);
}
static void rr_cut(struct pair_unit *u)
{
	tamper_cut(u, 1);
}

static void request_refused(void **state)
{
	struct tamper rows[] = {
#define RR(fn, al, ...)                     \
	{ .name = #fn,                      \
		.from = LEAT_SERVER,        \
		.msg = MSG_SERVER_HELLO,    \
		.alert = A(al),             \
		.sh = fn,                   \
		.setup = server_wants_p384, \
		__VA_ARGS__ }
		RR(rr_group_not_offered, ILLEGAL_PARAMETER),
		RR(rr_group_unknown, ILLEGAL_PARAMETER),
		RR(rr_group_with_share, ILLEGAL_PARAMETER),
		RR(rr_group_with_second_share, ILLEGAL_PARAMETER),
		RR(rr_no_change, ILLEGAL_PARAMETER),
		RR(rr_session_id, ILLEGAL_PARAMETER),
		RR(rr_suite, ILLEGAL_PARAMETER),
		RR(rr_suite_12, ILLEGAL_PARAMETER),
		RR(rr_compression, ILLEGAL_PARAMETER),
		RR(rr_legacy, ILLEGAL_PARAMETER),
		RR(rr_no_version, MISSING_EXTENSION),
		RR(rr_version_12, ILLEGAL_PARAMETER),
		/* and the ServerHello after it */
		RR(rr_other_suite_later, ILLEGAL_PARAMETER, .skip = 1),
		RR(rr_again, UNEXPECTED_MESSAGE, .skip = 1),
		RR(rr_then_12, ILLEGAL_PARAMETER, .skip = 1),
		RR(rr_old_group_later, ILLEGAL_PARAMETER, .skip = 1),
		{ .name = "rr_cut",
			.from = LEAT_SERVER,
			.msg = MSG_SERVER_HELLO,
			.alert = A(DECODE_ERROR),
			.raw = rr_cut,
			.setup = server_wants_p384 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, NULL);
}

/* A client that speaks no TLS 1.3 never asked for such a thing. */
static void request_to_12_client(void **state)
{
	static const uint8_t body[] = { 3, 3, 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe,
		0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c,
		0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c, 0, 0x13, 0x01, 0, 0, 12, 0,
		43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 0x18 };
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };
	uint8_t msg[4 + sizeof(body)] = { MSG_SERVER_HELLO, 0, 0, sizeof(body) };

	(void)state;
	memcpy(msg + 4, body, sizeof(body));
	pair_set(c, "versions", "tlsv1.2");
	pair_init(&p, c, s, NULL);
	assert_int_equal(
		pair_feed(&p, LEAT_CLIENT, REC_HANDSHAKE, (struct leat_span){ msg, sizeof(msg) }),
		LEAT_FAILED);
	assert_int_equal(p.side[LEAT_CLIENT].err.alert, A(ILLEGAL_PARAMETER));
	pair_clear(&p);
}

/* ---- a cookie comes back as it was; the shares stay when no group was asked for ---- */

struct cookie_seen {
	struct leat_span shares1;
	unsigned hellos;
	bool echoed, same_shares;
};

static const uint8_t cookie[] = "chocolate";

static bool with_cookie(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct cookie_seen *seen = arg;
	struct leat_span body = { u->p + 4, u->n - 4 };
	struct client_hello ch;
	struct server_hello sh;
	struct leat_wr w = { 0 };
	uint8_t alert;

	(void)p;
	if (u->type != REC_HANDSHAKE)
		return true;
	if (u->p[0] == MSG_CLIENT_HELLO) {
		assert_true(dec_client_hello(body, &ch, &alert));
		if (seen->hellos++ == 0) {
			seen->shares1 = vec_copy(ch.key_shares.p, ch.key_shares.n);
			return true;
		}
		seen->echoed = ch.cookie.n == sizeof(cookie) &&
			       memcmp(ch.cookie.p, cookie, sizeof(cookie)) == 0;
		seen->same_shares = ch.key_shares.n == seen->shares1.n &&
				    memcmp(ch.key_shares.p, seen->shares1.p, seen->shares1.n) == 0;
		return true;
	}
	if (from == LEAT_SERVER && u->p[0] == MSG_SERVER_HELLO && seen->hellos == 1) {
		assert_true(dec_server_hello(body, &sh, &alert));
		assert_true(sh.retry);
		WITHOUT(&sh, EXT_KEY_SHARE);
		WITH(&sh, EXT_COOKIE);
		sh.cookie = (struct leat_span){ cookie, sizeof(cookie) };
		enc_server_hello(&w, &sh);
		pair_unit_set(u, w.p, w.n);
		leat_wr_clear(&w);
	}
	return true;
}

static void cookie_alone(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct cookie_seen seen = { 0 };
	struct pair p = { .on_unit = with_cookie, .arg = &seen };

	(void)state;
	server_wants_p384(c, s);
	pair_init(&p, c, s, NULL);
	/* the server never sent that cookie, nor got the share it asked for */
	pair_must_refuse(&p, LEAT_SERVER, A(ILLEGAL_PARAMETER));
	assert_int_equal(seen.hellos, 2);
	assert_true(seen.echoed);
	assert_true(seen.same_shares);
	pair_clear(&p);
}

/* ---- the second ClientHello, changed on its way to the server ---- */

static void c2_random(struct client_hello *m)
{
	m->random = vec_noise(32);
}
static void c2_session_id(struct client_hello *m)
{
	m->session_id = vec_noise(32);
}
static void c2_suites(struct client_hello *m)
{
	m->suites.n -= 2;
}
static void c2_groups(struct client_hello *m)
{
	m->groups.n -= 2;
}
static void c2_sigalgs(struct client_hello *m)
{
	m->sigalgs.n -= 2;
}
static void c2_sni(struct client_hello *m)
{
	m->sni = vec_str("other.test");
}
static void c2_no_sni(struct client_hello *m)
{
	WITHOUT(m, EXT_SNI);
	m->sni.n = 0;
}
static void c2_alpn(struct client_hello *m)
{
	WITH(m, EXT_ALPN);
	m->alpn = SPAN(2, 'h', '2');
}
static void c2_versions(struct client_hello *m)
{
	m->versions = SPAN(3, 4);
}
static void c2_to_12(struct client_hello *m)
{
	m->versions = SPAN(3, 3);
}
static void c2_no_versions(struct client_hello *m)
{
	WITHOUT(m, EXT_VERSIONS);
}
static void c2_early_data(struct client_hello *m)
{
	WITH(m, EXT_EARLY_DATA);
}
static void c2_cookie(struct client_hello *m)
{
	WITH(m, EXT_COOKIE);
	m->cookie = vec_noise(8);
}
static void c2_no_share(struct client_hello *m)
{
	m->key_shares.n = 0;
}
static void c2_share_missing(struct client_hello *m)
{
	WITHOUT(m, EXT_KEY_SHARE);
}
static void c2_other_share(struct client_hello *m)
{
	uint8_t b[36] = { 0, 0x1d, 0, 32, 9 };

	m->key_shares = vec_copy(b, sizeof(b));
}
static void c2_two_shares(struct client_hello *m)
{
	uint8_t *b = malloc(m->key_shares.n + 36);
	static const uint8_t x[36] = { 0, 0x1d, 0, 32, 9 };

	memcpy(b, m->key_shares.p, m->key_shares.n);
	memcpy(b + m->key_shares.n, x, 36);
	m->key_shares = vec_copy(b, m->key_shares.n + 36);
	free(b);
}
static void c2_legacy(struct client_hello *m)
{
	m->legacy_version = LEAT_TLS13;
}
static void c2_compressions(struct client_hello *m)
{
	m->compressions = SPAN(0, 1);
}

static void second_hello_refused(void **state)
{
	struct tamper rows[] = {
#define C2(fn, al)                       \
	{ .name = #fn,                   \
		.from = LEAT_CLIENT,     \
		.msg = MSG_CLIENT_HELLO, \
		.alert = A(al),          \
		.skip = 1,               \
		.ch = fn,                \
		.setup = server_wants_p384 }
		C2(c2_random, ILLEGAL_PARAMETER),
		C2(c2_session_id, ILLEGAL_PARAMETER),
		C2(c2_suites, ILLEGAL_PARAMETER),
		C2(c2_groups, ILLEGAL_PARAMETER),
		C2(c2_sigalgs, ILLEGAL_PARAMETER),
		C2(c2_sni, ILLEGAL_PARAMETER),
		C2(c2_no_sni, ILLEGAL_PARAMETER),
		C2(c2_alpn, ILLEGAL_PARAMETER),
		C2(c2_versions, ILLEGAL_PARAMETER),
		C2(c2_to_12, ILLEGAL_PARAMETER),
		C2(c2_no_versions, ILLEGAL_PARAMETER),
		C2(c2_early_data, ILLEGAL_PARAMETER),
		C2(c2_cookie, ILLEGAL_PARAMETER),
		C2(c2_no_share, ILLEGAL_PARAMETER),
		C2(c2_share_missing, MISSING_EXTENSION),
		C2(c2_other_share, ILLEGAL_PARAMETER),
		C2(c2_two_shares, ILLEGAL_PARAMETER),
		C2(c2_legacy, ILLEGAL_PARAMETER),
		C2(c2_compressions, ILLEGAL_PARAMETER),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, NULL);
}

/* ---- early data that we do not take: the engine is told to skip ---- */

static bool announce_early(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	unsigned *hellos = arg;
	struct client_hello ch;
	struct leat_wr w = { 0 };
	uint8_t alert;

	(void)p;
	if (from != LEAT_CLIENT || u->type != REC_HANDSHAKE || u->p[0] != MSG_CLIENT_HELLO)
		return true;
	if ((*hellos)++ > 0)
		return true;
	assert_true(dec_client_hello((struct leat_span){ u->p + 4, u->n - 4 }, &ch, &alert));
	WITH(&ch, EXT_EARLY_DATA);
	enc_client_hello(&w, &ch, NULL, 0);
	pair_unit_set(u, w.p, w.n);
	leat_wr_clear(&w);
	return true;
}

static void early_data_is_told(void **state)
{
	(void)state;
	for (int retry = 0; retry < 2; retry++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		unsigned hellos = 0;
		struct pair p = { .on_unit = announce_early, .arg = &hellos };
		enum leat_ret r;

		if (retry)
			server_wants_p384(c, s);
		pair_init(&p, c, s, NULL);
		assert_false(hs_early_rejected(p.side[LEAT_SERVER].hs));
		assert_true(pair_deliver(&p, LEAT_CLIENT, &r));
		assert_int_equal(r, LEAT_OK);
		assert_true(hs_early_rejected(p.side[LEAT_SERVER].hs));
		assert_false(hs_early_rejected(p.side[LEAT_CLIENT].hs));
		if (retry) { /* the second hello ends it */
			while (hellos < 2) {
				(void)pair_deliver(&p, LEAT_SERVER, &r);
				(void)pair_deliver(&p, LEAT_CLIENT, &r);
				assert_int_equal(r, LEAT_OK);
			}
			assert_false(hs_early_rejected(p.side[LEAT_SERVER].hs));
		}
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(works, vec_teardown),
		cmocka_unit_test_teardown(works_with_every_hash, vec_teardown),
		cmocka_unit_test_teardown(share_wins_over_order, vec_teardown),
		cmocka_unit_test_teardown(one_share, vec_teardown),
		cmocka_unit_test_teardown(without_middlebox_mode, vec_teardown),
		cmocka_unit_test_teardown(no_group_in_common, vec_teardown),
		cmocka_unit_test_teardown(request_refused, vec_teardown),
		cmocka_unit_test_teardown(request_to_12_client, vec_teardown),
		cmocka_unit_test_teardown(cookie_alone, vec_teardown),
		cmocka_unit_test_teardown(second_hello_refused, vec_teardown),
		cmocka_unit_test_teardown(early_data_is_told, vec_teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}
