/* SPDX-License-Identifier: Apache-2.0
 *
 * t_retry_cookie.c - a server's cookie (RFC 8446 4.2.2): with a HelloRetryRequest that asks for a share,
 * and as its only reason (always_retry). What comes back must be this connection's, whole and in time.
 *
 * REQ: F-cookie T-api-cookie
 */
#include "tamper.h"

#include "pki.h"
#include "session/cookie.h"

#define A(name)       LEAT_ALERT_##name
#define NUM(a)        (sizeof(a) / sizeof((a)[0]))
#define WITHOUT(m, e) ((m)->has &= ~EXT_BIT(e))
#define WITH(m, e)    ((m)->has |= EXT_BIT(e))

/* ---- what is sent ---- */

struct seen {
	unsigned hellos, retries;
	uint64_t asked; /* extensions of the HelloRetryRequest */
	uint8_t cookie[LIM_COOKIE];
	size_t cookie_n;
	int64_t wait_s; /* passes before the second hello */
};

static bool look(struct pair *p, enum leat_role from, struct pair_unit *u, void *arg)
{
	struct leat_span body = { u->p + 4, u->n - 4 };
	struct seen *s = arg;
	struct server_hello sh;
	uint8_t alert;

	if (u->type != REC_HANDSHAKE)
		return true;
	if (from == LEAT_CLIENT && u->p[0] == MSG_CLIENT_HELLO && ++s->hellos == 2)
		p->now_s += s->wait_s;
	if (from == LEAT_SERVER && u->p[0] == MSG_SERVER_HELLO &&
		dec_server_hello(body, &sh, &alert) && sh.retry) {
		s->retries++;
		s->asked = sh.has;
		s->cookie_n = sh.has & EXT_BIT(EXT_COOKIE) ? sh.cookie.n : 0;
		if (s->cookie_n)
			memcpy(s->cookie, sh.cookie.p, sh.cookie.n);
	}
	return true;
}

static struct seen connect_as(const char *option, const char *groups, const char *suites)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct seen seen = { 0 };
	struct pair p = { .on_unit = look, .arg = &seen };

	if (option)
		pair_set(s, option, "true");
	if (groups)
		pair_set(s, "groups", groups);
	if (suites) {
		pair_set(c, "versions", "tlsv1.3");
		pair_set(c, "ciphers", suites);
	}
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_int_equal(seen.hellos, 1 + seen.retries);
	pair_clear(&p);
	return seen;
}

static void with_a_share(void **state)
{
	static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384" };
	struct seen s;

	(void)state;
	for (size_t i = 0; i < NUM(suites); i++) {
		s = connect_as("cookie", "secp521r1", suites[i]);
		assert_int_equal(s.retries, 1);
		assert_true(s.asked ==
			    (EXT_BIT(EXT_VERSIONS) | EXT_BIT(EXT_KEY_SHARE) | EXT_BIT(EXT_COOKIE)));
	}
	s = connect_as("cookie", NULL, NULL); /* nothing to ask: no request, no cookie */
	assert_int_equal(s.retries, 0);
	s = connect_as(NULL, "secp521r1", NULL); /* off: a request without */
	assert_int_equal(s.retries, 1);
	assert_int_equal(s.cookie_n, 0);
}

/* Nobody gets further who does not receive our answer. */
static void always(void **state)
{
	struct seen s;

	(void)state;
	s = connect_as("always_retry", NULL, NULL);
	assert_int_equal(s.retries, 1);
	assert_true(s.asked == (EXT_BIT(EXT_VERSIONS) | EXT_BIT(EXT_COOKIE)));
	s = connect_as("always_retry", NULL, "TLS_AES_256_GCM_SHA384");
	assert_int_equal(s.retries, 1);
	s = connect_as("always_retry", "secp384r1", NULL);
	assert_int_equal(s.retries, 1);
	assert_true(s.asked & EXT_BIT(EXT_KEY_SHARE));
}

static void not_in_12(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct seen seen = { 0 };
	struct pair p = { .on_unit = look, .arg = &seen };

	(void)state;
	pair_set(c, "versions", "tlsv1.2");
	pair_set(s, "always_retry", "true");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	assert_int_equal(seen.hellos, 1);
	pair_clear(&p);
}

/* Tickets off: the keys of cookies are made all the same. */
static void without_tickets(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };

	(void)state;
	pair_set(s, "session_tickets", "disabled");
	pair_set(s, "always_retry", "true");
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	pair_clear(&p);
}

/* ---- time ---- */

static void within_a_minute(void **state)
{
	static const struct {
		int64_t wait_s;
		bool good;
	} rows[] = { { 0, true }, { COOKIE_LIFE_S, true }, { COOKIE_LIFE_S + 1, false },
		{ 86400, false }, { -1, false } };

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct seen seen = { .wait_s = rows[i].wait_s };
		struct pair p = { .on_unit = look, .arg = &seen };

		pair_set(s, "always_retry", "true");
		pair_init(&p, c, s, NULL);
		if (rows[i].good)
			pair_must_connect(&p);
		else
			pair_must_refuse(&p, LEAT_SERVER, A(ILLEGAL_PARAMETER));
		pair_clear(&p);
	}
}

/* ---- what comes back ---- */

static struct leat_span other; /* a good cookie of another connection */

static void ch_none(struct client_hello *m)
{
	assert_true(m->has & EXT_BIT(EXT_COOKIE));
	WITHOUT(m, EXT_COOKIE);
}
static void flip(struct client_hello *m, size_t at)
{
	uint8_t *copy = (uint8_t *)(uintptr_t)vec_copy(m->cookie.p, m->cookie.n).p;

	assert_true(at < m->cookie.n);
	copy[at] ^= 1;
	m->cookie.p = copy;
}
static void ch_name(struct client_hello *m)
{
	flip(m, 0);
}
static void ch_format(struct client_hello *m)
{
	flip(m, 16);
}
static void ch_time(struct client_hello *m)
{
	flip(m, 24);
}
static void ch_suite(struct client_hello *m)
{
	flip(m, 26);
}
static void ch_group(struct client_hello *m)
{
	flip(m, 28);
}
static void ch_hash(struct client_hello *m)
{
	flip(m, 40);
}
static void ch_mac(struct client_hello *m)
{
	flip(m, m->cookie.n - 1);
}
static void ch_short(struct client_hello *m)
{
	m->cookie.n--;
}
static void ch_one_byte(struct client_hello *m)
{
	m->cookie.n = 1;
}
static void ch_long(struct client_hello *m)
{
	uint8_t b[LIM_COOKIE] = { 0 };

	memcpy(b, m->cookie.p, m->cookie.n);
	m->cookie = vec_copy(b, m->cookie.n + 1);
}
static void ch_longest(struct client_hello *m)
{
	m->cookie = vec_noise(LIM_COOKIE);
}
static void ch_other(struct client_hello *m)
{
	assert_int_equal(m->cookie.n, other.n);
	m->cookie = other;
}
static void ch_share(struct client_hello *m)
{
	uint8_t *copy = (uint8_t *)(uintptr_t)vec_copy(m->key_shares.p, m->key_shares.n).p;

	copy[m->key_shares.n - 1] ^= 1;
	m->key_shares.p = copy;
}
static void ch_share_gone(struct client_hello *m)
{
	m->key_shares.n = 0;
}
static void ch_early(struct client_hello *m)
{
	WITH(m, EXT_EARLY_DATA);
}

static void want_retry(struct leat_config *c, struct leat_config *s)
{
	(void)c;
	pair_set(s, "always_retry", "true");
}

static void refused(void **state)
{
#define CH(fn, al)                                                                         \
	{                                                                                  \
		.name = #fn, .from = LEAT_CLIENT, .msg = MSG_CLIENT_HELLO, .alert = A(al), \
		.skip = 1, .ch = fn, .setup = want_retry                                   \
	}
	struct tamper rows[] = {
		CH(ch_none, MISSING_EXTENSION),
		CH(ch_name, ILLEGAL_PARAMETER),
		CH(ch_format, ILLEGAL_PARAMETER),
		CH(ch_time, ILLEGAL_PARAMETER),
		CH(ch_suite, ILLEGAL_PARAMETER),
		CH(ch_group, ILLEGAL_PARAMETER),
		CH(ch_hash, ILLEGAL_PARAMETER),
		CH(ch_mac, ILLEGAL_PARAMETER),
		CH(ch_short, ILLEGAL_PARAMETER),
		CH(ch_one_byte, ILLEGAL_PARAMETER),
		CH(ch_long, ILLEGAL_PARAMETER),
		CH(ch_longest, ILLEGAL_PARAMETER),
		CH(ch_share, ILLEGAL_PARAMETER),
		CH(ch_share_gone, ILLEGAL_PARAMETER),
		CH(ch_early, ILLEGAL_PARAMETER),
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		tamper_run(&rows[i], KEY_EC_P256, NULL);
}

static void ch_unasked(struct client_hello *m)
{
	WITH(m, EXT_COOKIE);
	m->cookie = vec_noise(100);
}

/* None was given: a retry without cookie is answered without. */
static void unasked(void **state)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct tamper t = { .name = "unasked",
		.from = LEAT_CLIENT,
		.msg = MSG_CLIENT_HELLO,
		.skip = 1,
		.ch = ch_unasked };
	struct pair p = { .on_unit = tamper_unit, .arg = &t };

	(void)state;
	pair_set(s, "groups", "secp521r1");
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, LEAT_SERVER, A(ILLEGAL_PARAMETER));
	pair_clear(&p);
}

/* A cookie is good for its own connection, also where two servers share their keys. */
static void of_another_connection(void **state)
{
	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		struct tamper t = { .name = "other",
			.from = LEAT_CLIENT,
			.msg = MSG_CLIENT_HELLO,
			.skip = 1,
			.ch = ch_other };
		struct leat_config *s[2];
		struct leat_ticket_keys *keys;
		struct leat_err err = { 0 };
		struct seen seen = { 0 };

		assert_int_equal(leat_ticket_keys_new(&keys, 86400, 86400, &err), LEAT_OK);
		for (int i = 0; i < 2; i++) {
			s[i] = pair_server_config(KEY_EC_P256);
			pair_set(s[i], "always_retry", "true");
			if (shared)
				assert_int_equal(
					leat_config_set_ticket_keys(s[i], keys, &err), LEAT_OK);
			pair_set(s[i], "session_tickets", "disabled"); /* the pair reads none */
		}
		for (int i = 0; i < 2; i++) {
			struct pair p = { .on_unit = i ? tamper_unit : look,
				.arg = i ? (void *)&t : (void *)&seen };

			pair_init(&p, pair_client_config(), s[i], NULL);
			if (i == 0) {
				pair_must_connect(&p);
				other = vec_copy(seen.cookie, seen.cookie_n);
			} else {
				pair_must_refuse(&p, LEAT_SERVER, A(ILLEGAL_PARAMETER));
			}
			pair_clear(&p);
		}
		leat_ticket_keys_unref(keys);
	}
}

/* Keys given, and none of them in force: no cookie then, and where it was the reason, no connection. */
static void no_key_in_force(void **state)
{
	(void)state;
	for (int needed = 0; needed < 2; needed++) {
		struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
		struct leat_ticket_keys *keys;
		struct leat_err err = { 0 };
		struct pair p = { 0 };

		assert_int_equal(leat_ticket_keys_new(&keys, 0, 86400, &err), LEAT_OK);
		assert_int_equal(leat_config_set_ticket_keys(s, keys, &err), LEAT_OK);
		leat_ticket_keys_unref(keys);
		pair_set(s, needed ? "always_retry" : "cookie", "true");
		if (!needed)
			pair_set(s, "groups", "secp521r1");
		pair_init(&p, c, s, NULL);
		if (needed)
			pair_must_refuse(&p, LEAT_SERVER, A(INTERNAL_ERROR));
		else
			pair_must_connect(&p);
		pair_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(with_a_share, vec_teardown),
		cmocka_unit_test_teardown(always, vec_teardown),
		cmocka_unit_test_teardown(not_in_12, vec_teardown),
		cmocka_unit_test_teardown(without_tickets, vec_teardown),
		cmocka_unit_test_teardown(within_a_minute, vec_teardown),
		cmocka_unit_test_teardown(refused, vec_teardown),
		cmocka_unit_test_teardown(unasked, vec_teardown),
		cmocka_unit_test_teardown(of_another_connection, vec_teardown),
		cmocka_unit_test_teardown(no_key_in_force, vec_teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}
