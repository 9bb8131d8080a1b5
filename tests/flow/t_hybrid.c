/* SPDX-License-Identifier: Apache-2.0
 *
 * t_hybrid.c - whole TLS 1.3 handshakes with hybrid groups: what is offered, when it is asked for, shares
 * that are cut or bent on the way, at message level and as engines with records. On a libcrypto without
 * ML-KEM by means of tests/lib/fakekem: lengths, order and calls are the real ones.
 *
 * TIMEOUT: 120
 */
#include "duo.h"
#include "fakekem.h"
#include "tamper.h"

#include "base/mem.h"
#include "pki.h"

static const char *const hybrids[] = { "X25519MLKEM768", "SecP256r1MLKEM768",
	"SecP384r1MLKEM1024" };

#define NUM(a) (sizeof(a) / sizeof((a)[0]))

static void connect_groups(const char *client, const char *server, const char *group, bool retried)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };
	struct hs_facts f;

	if (client)
		pair_set(c, "groups", client);
	if (server)
		pair_set(s, "groups", server);
	pair_init(&p, c, s, NULL);
	pair_must_connect(&p);
	for (int i = 0; i < 2; i++) {
		hs_facts(p.side[i].hs, &f);
		assert_string_equal(f.group->name, group);
		assert_int_equal(f.retried, retried);
	}
	pair_clear(&p);
}

/* Where ML-KEM is there, it is what two of us use. */
static void first_by_default(void **state)
{
	(void)state;
	connect_groups(NULL, NULL, "X25519MLKEM768", false);
}

static void each_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(hybrids); i++) {
		connect_groups(hybrids[i], hybrids[i], hybrids[i], false);
		/* by HelloRetryRequest: the share is behind two others in the client's list */
		connect_groups(
			"x25519,secp256r1,X25519MLKEM768,SecP256r1MLKEM768,SecP384r1MLKEM1024",
			hybrids[i], hybrids[i], true);
	}
}

/* docs/decisions/0004: preferred means asked for. */
static void hybrid_is_asked_for(void **state)
{
	(void)state;
	/* the client's two shares are of a curve and of a finite field */
	for (size_t i = 0; i < NUM(hybrids); i++) {
		char list[80], ours[80];

		snprintf(list, sizeof(list), "x25519,%s", hybrids[i]);
		snprintf(ours, sizeof(ours), "%s,x25519", hybrids[i]);
		connect_groups(list, ours, hybrids[i], false);
		connect_groups(list, list, "x25519", false);
	}
	connect_groups("SecP256r1MLKEM768,x25519,X25519MLKEM768", "X25519MLKEM768,x25519",
		"X25519MLKEM768", true);
}

/* A peer without hybrids notices nothing. */
static void others_without(void **state)
{
	(void)state;
	connect_groups("x25519", NULL, "x25519", false);
	connect_groups(NULL, "x25519", "x25519", false);
	connect_groups(NULL, "secp256r1", "secp256r1", true);
}

/* ---- bent on the way ---- */

/* No ML-KEM key has such coefficients, and the fake has none either. */
static void bad_client_key(struct client_hello *m)
{
	struct leat_span s = vec_copy(m->key_shares.p, m->key_shares.n);

	memset((uint8_t *)(uintptr_t)s.p + 4, FAKEKEM_BAD_KEY, 300);
	m->key_shares = s;
}

static void zero_client_curve(struct client_hello *m)
{
	struct leat_span s = vec_copy(m->key_shares.p, m->key_shares.n);

	memset((uint8_t *)(uintptr_t)s.p + 4 + 1184, 0, 32);
	m->key_shares = s;
}

static void short_client(struct client_hello *m)
{
	uint8_t b[4 + 1215];

	memcpy(b, m->key_shares.p, sizeof(b));
	b[2] = 1215 >> 8;
	b[3] = 1215 & 0xff;
	m->key_shares = vec_copy(b, sizeof(b));
}

static void short_server(struct server_hello *m)
{
	m->share.n--;
}

static void long_server(struct server_hello *m)
{
	uint8_t b[1121] = { 0 };

	memcpy(b, m->share.p, m->share.n);
	m->share = vec_copy(b, sizeof(b));
}

static void zero_server_curve(struct server_hello *m)
{
	struct leat_span s = vec_copy(m->share.p, m->share.n);

	memset((uint8_t *)(uintptr_t)s.p + 1088, 0, 32);
	m->share = s;
}

static void refused(
	void (*ch)(struct client_hello *), void (*sh)(struct server_hello *), unsigned alert)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct tamper t = { .name = "share",
		.from = ch ? LEAT_CLIENT : LEAT_SERVER,
		.msg = ch ? MSG_CLIENT_HELLO : MSG_SERVER_HELLO,
		.ch = ch,
		.sh = sh };
	struct pair p = { .on_unit = tamper_unit, .arg = &t };

	pair_set(c, "groups", "X25519MLKEM768");
	pair_set(s, "groups", "X25519MLKEM768");
	pair_init(&p, c, s, NULL);
	pair_must_refuse(&p, ch ? LEAT_SERVER : LEAT_CLIENT, alert);
	assert_true(t.hit);
	pair_clear(&p);
}

static void bent_shares(void **state)
{
	(void)state;
	refused(bad_client_key, NULL, LEAT_ALERT_ILLEGAL_PARAMETER);
	refused(zero_client_curve, NULL, LEAT_ALERT_ILLEGAL_PARAMETER);
	refused(short_client, NULL, LEAT_ALERT_ILLEGAL_PARAMETER);
	refused(NULL, short_server, LEAT_ALERT_ILLEGAL_PARAMETER);
	refused(NULL, long_server, LEAT_ALERT_ILLEGAL_PARAMETER);
	refused(NULL, zero_server_curve, LEAT_ALERT_ILLEGAL_PARAMETER);
}

/* ---- as engines: a first flight of more than one segment, in pieces of every kind ---- */

static void in_pieces(void **state)
{
	static const size_t chunks[] = { 1, 7, 536, 1214, 1448, 4096, 0 };

	(void)state;
	for (size_t i = 0; i < NUM(hybrids); i++) {
		for (size_t k = 0; k < NUM(chunks); k++) {
			struct leat_config *c = pair_client_config();
			struct leat_config *s = pair_server_config(KEY_EC_P256);
			struct leat_err err = { 0 };
			struct duo d = { .chunk = chunks[k] };

			pair_set(c, "groups", hybrids[i]);
			assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
			assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
			duo_open(&d, c, s, "localhost");
			assert_true(duo_run(&d) == (i == 0)); /* the others are not ours unasked */
			duo_close(&d);
			leat_config_unref(c);
			leat_config_unref(s);
		}
	}
}

static bool connects(unsigned long fail_at, unsigned long *made)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);
	struct pair p = { 0 };
	enum leat_ret r;

	pair_set(c, "groups", "SecP384r1MLKEM1024");
	pair_set(s, "groups", "SecP384r1MLKEM1024");
	(void)leat_mem_fail_at(fail_at);
	r = pair_try_init(&p, c, s, "localhost");
	if (r == LEAT_OK)
		r = pair_run(&p);
	*made = leat_mem_fail_at(0);
	if (r != LEAT_OK)
		assert_non_null(p.side[0].err.cls ? p.side[0].err.what : p.side[1].err.what);
	pair_clear(&p);
	return r == LEAT_OK;
}

/* Each allocation of ours failing in turn: an error with a reason, nothing kept. */
static void without_memory(void **state)
{
	unsigned long total, made, failed = 0;

	(void)state;
	assert_true(connects(0, &total));
	for (unsigned long n = 1; n <= total; n++)
		failed += !connects(n, &made);
	assert_true(total > 5 && failed > total / 2);
	assert_true(connects(0, &made));
}

static int setup(void **state)
{
	(void)state;
	fakekem_load();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(first_by_default, vec_teardown),
		cmocka_unit_test_teardown(each_of_them, vec_teardown),
		cmocka_unit_test_teardown(hybrid_is_asked_for, vec_teardown),
		cmocka_unit_test_teardown(others_without, vec_teardown),
		cmocka_unit_test_teardown(bent_shares, vec_teardown),
		cmocka_unit_test_teardown(in_pieces, vec_teardown),
		cmocka_unit_test_teardown(without_memory, vec_teardown),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
