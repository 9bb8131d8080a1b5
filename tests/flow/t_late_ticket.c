/* SPDX-License-Identifier: Apache-2.0
 *
 * t_late_ticket.c - tickets that a server sends at any time after the handshake (RFC 8446 4.6.1): they are
 * as good as those of the handshake, and refused where there can be none.
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/session.h>

#include "engine/engine_int.h"

static struct leat_config *client, *server;

static int setup(void **state)
{
	(void)state;
	client = ids_config(LEAT_CLIENT, KEY_NONE, "session_tickets=manual", NULL);
	server = ids_config(LEAT_SERVER, KEY_EC_P256, "session_tickets=stateless",
		"session_tickets_amount=1", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(client);
	leat_config_unref(server);
	pki_done();
	vec_free_all();
	return 0;
}

/* The last session that has come to the client; *n: of so many. */
static struct leat_session *newest(struct duo *d, unsigned *n)
{
	struct leat_session *s, *last = NULL;

	for (*n = 0; (s = leat_engine_take_session(d->side[LEAT_CLIENT].e)); (*n)++) {
		leat_session_unref(last);
		last = s;
	}
	return last;
}

static void a_late_ticket_resumes(void **state)
{
	struct leat_engine_opts opts = { .host = "localhost" };
	struct leat_engine_info info;
	struct leat_session *s;
	struct duo d;
	unsigned n;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_true(duo_run(&d));
	leat_session_unref(newest(&d, &n));
	assert_int_equal(n, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(leat_engine_send_ticket(d.side[LEAT_SERVER].e), LEAT_OK);
	assert_true(duo_run(&d));
	opts.session = newest(&d, &n);
	assert_int_equal(n, 2);
	duo_close(&d);

	duo_open_with(&d, client, server, &opts);
	assert_true(duo_run(&d));
	for (int role = 0; role < 2; role++) {
		leat_engine_info(d.side[role].e, &info);
		assert_true(info.resumed);
	}
	/* and a resumed connection gives more */
	assert_int_equal(leat_engine_send_ticket(d.side[LEAT_SERVER].e), LEAT_OK);
	assert_true(duo_run(&d));
	s = newest(&d, &n);
	assert_int_equal(n, 2);
	leat_session_unref(s);
	leat_session_unref(opts.session);
	duo_close(&d);
}

/* RFC 8446 4.6.1: the nonce is "unique across all tickets issued on this connection", and is one byte here. */
static void not_more_than_nonces(void **state)
{
	struct duo d;
	unsigned n;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_true(duo_run(&d));
	for (int i = 1; i < UINT8_MAX; i++) {
		assert_int_equal(leat_engine_send_ticket(d.side[LEAT_SERVER].e), LEAT_OK);
		duo_say(&d, LEAT_SERVER, "x", 1); /* the client takes only so many without data */
		leat_session_unref(newest(&d, &n));
		assert_int_equal(n, i == 1 ? 2 : 1);
	}
	assert_int_equal(leat_engine_send_ticket(d.side[LEAT_SERVER].e), LEAT_UNSUPPORTED);
	duo_close(&d);
}

/* A server of these settings has no ticket for this client; the connection goes on. */
static void refused(struct leat_config *c, struct leat_config *s, enum leat_role who)
{
	struct duo d;

	duo_open(&d, c, s, "localhost");
	assert_int_equal(leat_engine_send_ticket(d.side[who].e), LEAT_AGAIN);
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_send_ticket(d.side[who].e), LEAT_UNSUPPORTED);
	duo_say(&d, LEAT_SERVER, "still here", 10);
	assert_int_equal(d.side[LEAT_CLIENT].got.n, 10);
	duo_close(&d);
}

static void where_there_is_none(void **state)
{
	struct leat_config *off = ids_config(
		LEAT_SERVER, KEY_EC_P256, "session_tickets=disabled", NULL);
	struct leat_config *old = ids_config(
		LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", "session_tickets=manual", NULL);
	struct duo d;

	(void)state;
	refused(client, server, LEAT_CLIENT);
	refused(client, off, LEAT_SERVER);
	refused(old, server, LEAT_SERVER);
	duo_open(&d, client, server, "localhost");
	assert_true(duo_run(&d));
	assert_int_equal(leat_engine_close(d.side[LEAT_SERVER].e), LEAT_OK);
	assert_int_equal(leat_engine_send_ticket(d.side[LEAT_SERVER].e), LEAT_UNSUPPORTED);
	duo_close(&d);
	leat_config_unref(off);
	leat_config_unref(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_ticket_resumes),
		cmocka_unit_test(not_more_than_nonces),
		cmocka_unit_test(where_there_is_none),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
