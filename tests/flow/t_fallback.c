/* SPDX-License-Identifier: Apache-2.0
 *
 * t_fallback.c - TLS_FALLBACK_SCSV (RFC 7507) from both ends: a client that says it fell back is refused by
 * a server that can do better, and by no other.
 *
 * REQ: OPT-fallback SEC-fallback EX-fallback-ladder
 */
#include "pair.h"

#include "config/option.h"
#include "pki.h"
#include "wire/client_hello.h"

static struct pair_unit *hello(struct pair *p)
{
	struct pair_unit *u = pair_peek(p, LEAT_CLIENT);

	assert_non_null(u);
	assert_int_equal(u->p[0], MSG_CLIENT_HELLO);
	return u;
}

static struct leat_span suites(struct pair *p, struct client_hello *ch)
{
	struct pair_unit *u = hello(p);
	uint8_t alert;

	assert_true(dec_client_hello((struct leat_span){ u->p + 4, u->n - 4 }, ch, &alert));
	return ch->suites;
}

static void open_as(struct pair *p, const char *client, const char *server, bool fallback)
{
	struct leat_config *c = pair_client_config(), *s = pair_server_config(KEY_EC_P256);

	memset(p, 0, sizeof(*p));
	pair_set(c, "versions", client);
	pair_set(s, "versions", server);
	pair_set(c, "fallback", fallback ? "true" : "false");
	pair_init(p, c, s, NULL);
}

/* RFC 7507 4: last of the list, and only when asked for. */
static void it_stands_last(void **state)
{
	struct client_hello ch;
	struct leat_span with, without;
	struct pair p;

	(void)state;
	open_as(&p, "tlsv1.2", "tlsv1.2", false);
	without = suites(&p, &ch);
	assert_false(list16_has(without, SUITE_FALLBACK_SCSV));
	without = vec_copy(without.p, without.n);
	pair_clear(&p);
	open_as(&p, "tlsv1.2", "tlsv1.2", true);
	with = suites(&p, &ch);
	assert_int_equal(with.n, without.n + 2);
	assert_memory_equal(with.p, without.p, without.n);
	assert_int_equal(list16_at(with, list16_num(with) - 1), SUITE_FALLBACK_SCSV);
	pair_clear(&p);
}

static void refused_by_a_better_server(void **state)
{
	struct pair p;

	(void)state;
	open_as(&p, "tlsv1.2", "tlsv1.3,tlsv1.2", true);
	pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_INAPPROPRIATE_FALLBACK);
	pair_clear(&p);
}

static void taken_by_an_equal_server(void **state)
{
	static const char *const rows[][2] = {
		{ "tlsv1.2", "tlsv1.2" },
		{ "tlsv1.3,tlsv1.2", "tlsv1.2" },
		{ "tlsv1.3,tlsv1.2", "tlsv1.3,tlsv1.2" },
		{ "tlsv1.3", "tlsv1.3" },
	};
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_as(&p, rows[i][0], rows[i][1], true);
		pair_must_connect(&p);
		pair_clear(&p);
	}
}

static void not_said_not_refused(void **state)
{
	struct pair p;

	(void)state;
	open_as(&p, "tlsv1.2", "tlsv1.3,tlsv1.2", false);
	pair_must_connect(&p);
	pair_clear(&p);
}

/* The manual's ladder, on the rungs there are: the highest version first, then one lower with the option set.
 * Somebody on the way kills the first try; a server that knows the signal refuses the second. */
static void down_the_ladder(void **state)
{
	static const char *const rungs[] = { "tlsv1.3", "tlsv1.2" };
	struct pair p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		open_as(&p, rungs[i], "tlsv1.3,tlsv1.2", i > 0);
		if (i == 0)
			pair_pop(&p, LEAT_CLIENT);
		else
			pair_must_refuse(&p, LEAT_SERVER, LEAT_ALERT_INAPPROPRIATE_FALLBACK);
		pair_clear(&p);
	}
	/* a server that has nothing better is reached that way */
	open_as(&p, rungs[0], "tlsv1.2", false);
	assert_int_equal(pair_run(&p), LEAT_FAILED);
	pair_clear(&p);
	open_as(&p, rungs[1], "tlsv1.2", true);
	pair_must_connect(&p);
	pair_clear(&p);
}

/* The option's help says whom it protects. */
static void its_help_warns(void **state)
{
	const char *help = option_find("fallback", OPTION_CLIENT)->help;

	(void)state;
	assert_non_null(strstr(help, "only where the server knows it"));
	assert_non_null(strstr(help, "not for first tries"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(it_stands_last, vec_teardown),
		cmocka_unit_test_teardown(refused_by_a_better_server, vec_teardown),
		cmocka_unit_test_teardown(taken_by_an_equal_server, vec_teardown),
		cmocka_unit_test_teardown(not_said_not_refused, vec_teardown),
		cmocka_unit_test_teardown(down_the_ladder, vec_teardown),
		cmocka_unit_test(its_help_warns),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}
