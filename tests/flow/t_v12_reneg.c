/* SPDX-License-Identifier: Apache-2.0
 *
 * t_v12_reneg.c - a peer that wants to renegotiate an established TLS 1.2 connection: it gets a
 * no_renegotiation warning and everything goes on as before (RFC 5246 7.2.2, 7.4.1.1). Messages are
 * sealed by the peer's own engine.
 *
 * REQ: SEC-reneg
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include "base/limits.h"
#include "engine/engine_int.h"
#include "wire/hs_hdr.h"

static struct leat_config *client, *server;

static const uint8_t hello_request[] = { MSG_HELLO_REQUEST, 0, 0, 0 };
static const uint8_t client_hello[] = { MSG_CLIENT_HELLO, 0, 0, 4, 3, 3, 0, 0 };

static void up(struct duo *d)
{
	duo_open(d, client, server, "localhost");
	assert_true(duo_run(d));
}

/* `from` says msg in a handshake record under its present keys. */
static enum leat_ret say_msg(struct duo *d, enum leat_role from, const uint8_t *msg, size_t n)
{
	struct leat_engine *e = d->side[from].e;

	assert_int_equal(e->w->sink.send(e, (struct leat_span){ msg, n }), LEAT_OK);
	assert_int_equal(out_flush(e), LEAT_OK);
	duo_pull(&d->side[from]);
	return duo_pass(d, from);
}

static void talks(struct duo *d)
{
	for (int from = 0; from < 2; from++) {
		struct leat_wr *got = &d->side[!from].got;

		leat_wr_clear(got);
		duo_say(d, (enum leat_role)from, "still here", 10);
		assert_int_equal(got->n, 10);
		assert_memory_equal(got->p, "still here", 10);
	}
}

static void asked_to_renegotiate(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++) {
		struct duo d = { 0 };
		struct leat_wr *answer;

		up(&d);
		assert_int_equal(from == LEAT_SERVER ? say_msg(&d, LEAT_SERVER, hello_request, 4)
						     : say_msg(&d, LEAT_CLIENT, client_hello, 8),
			LEAT_OK);
		duo_pull(&d.side[!from]);
		answer = &d.side[!from].wire;
		assert_true(answer->n > LIM_RECORD_HEADER);
		assert_int_equal(answer->p[0], REC_ALERT);
		assert_int_equal(duo_pass(&d, (enum leat_role) !from), LEAT_OK);
		assert_int_equal(d.side[from].e->warn_run, 1); /* it was a warning */
		assert_true(leat_engine_wants(d.side[0].e) & LEAT_IS_UP);
		talks(&d);
		duo_close(&d);
	}
}

/* A server that says client_renegotiation=false, one that says true and one that says nothing refuse alike, at any time and
 * any number of times while data flows.  REQ: OPT-client_renegotiation OPT-renegotiation-dos SEC-reneg-dos
 * REQ: T-reneg-absolute */
static void never(void **state)
{
	static const char *const says[] = { "client_renegotiation=false",
		"client_renegotiation=true", NULL };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct leat_config *own = ids_config(
			LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", says[i], NULL);
		struct duo d = { 0 };

		duo_open(&d, client, own, "localhost");
		assert_true(duo_run(&d));
		for (int tries = 0; tries < 3 * LIM_POST_MESSAGES; tries++) {
			assert_int_equal(say_msg(&d, LEAT_CLIENT, client_hello, 8), LEAT_OK);
			duo_pull(&d.side[LEAT_SERVER]);
			assert_int_equal(d.side[LEAT_SERVER].wire.p[0], REC_ALERT);
			assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_OK);
			if (tries == LIM_POST_MESSAGES / 2)
				duo_later_s += 13; /* past the manual's 12 seconds */
			talks(&d);
		}
		duo_close(&d);
		leat_config_unref(own);
	}
}

/* In pieces, and twice in one record. */
static void however_it_is_cut(void **state)
{
	static const uint8_t twice[] = { 0, 0, 0, 0, 0, 0, 0, 0 };

	(void)state;
	for (size_t cut = 1; cut < 4; cut++) {
		struct duo d = { 0 };

		up(&d);
		assert_int_equal(say_msg(&d, LEAT_SERVER, hello_request, cut), LEAT_OK);
		duo_pull(&d.side[LEAT_CLIENT]);
		assert_int_equal(d.side[LEAT_CLIENT].wire.n, 0);
		assert_int_equal(say_msg(&d, LEAT_SERVER, hello_request + cut, 4 - cut), LEAT_OK);
		duo_pull(&d.side[LEAT_CLIENT]);
		assert_int_equal(d.side[LEAT_CLIENT].wire.p[0], REC_ALERT);
		assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
		assert_int_equal(say_msg(&d, LEAT_SERVER, twice, 8), LEAT_OK);
		talks(&d);
		duo_close(&d);
	}
}

static void must_die(struct duo *d, enum leat_role who, uint8_t alert)
{
	assert_true(leat_engine_wants(d->side[who].e) & LEAT_IS_DEAD);
	assert_int_equal(leat_engine_error(d->side[who].e)->cls, LEAT_E_OUR_ALERT);
	assert_int_equal(leat_engine_error(d->side[who].e)->alert, alert);
	duo_close(d);
}

/* The wrong side asks; a message between two halves of the question; a flood of it. */
static void refused(void **state)
{
	struct duo d = { 0 };
	enum leat_ret r = LEAT_OK;
	int num = 0;

	(void)state;
	up(&d);
	assert_int_equal(say_msg(&d, LEAT_CLIENT, hello_request, 4), LEAT_FAILED);
	must_die(&d, LEAT_SERVER, LEAT_ALERT_UNEXPECTED_MESSAGE);

	up(&d);
	assert_int_equal(say_msg(&d, LEAT_SERVER, client_hello, 8), LEAT_FAILED);
	must_die(&d, LEAT_CLIENT, LEAT_ALERT_UNEXPECTED_MESSAGE);

	up(&d);
	assert_int_equal(say_msg(&d, LEAT_SERVER, hello_request, 2), LEAT_OK);
	duo_say(&d, LEAT_SERVER, "data", 4);
	must_die(&d, LEAT_CLIENT, LEAT_ALERT_UNEXPECTED_MESSAGE);

	up(&d);
	while (r == LEAT_OK && num < 1000) {
		r = say_msg(&d, LEAT_SERVER, hello_request, 4);
		num += r == LEAT_OK;
	}
	assert_int_equal(num, LIM_POST_MESSAGES);
	must_die(&d, LEAT_CLIENT, LEAT_ALERT_UNEXPECTED_MESSAGE);
}

/* Behind our close_notify nothing more is said. */
static void silent_when_closed(void **state)
{
	struct duo d = { 0 };

	(void)state;
	up(&d);
	assert_int_equal(leat_engine_close(d.side[LEAT_CLIENT].e), LEAT_OK);
	duo_pull(&d.side[LEAT_CLIENT]);
	leat_wr_clear(&d.side[LEAT_CLIENT].wire); /* on its way */
	assert_int_equal(say_msg(&d, LEAT_SERVER, hello_request, 4), LEAT_OK);
	duo_pull(&d.side[LEAT_CLIENT]);
	assert_int_equal(d.side[LEAT_CLIENT].wire.n, 0);
	assert_false(leat_engine_wants(d.side[LEAT_CLIENT].e) & LEAT_IS_DEAD);
	duo_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_to_renegotiate),
		cmocka_unit_test(never),
		cmocka_unit_test(however_it_is_cut),
		cmocka_unit_test(refused),
		cmocka_unit_test(silent_when_closed),
	};
	int r;

	client = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", NULL);
	server = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	leat_config_unref(client);
	leat_config_unref(server);
	pki_done();
	vec_free_all();
	return r;
}
