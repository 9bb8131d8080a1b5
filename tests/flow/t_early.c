/* SPDX-License-Identifier: Apache-2.0
 *
 * t_early.c - early data between two engines: taken once, kept apart from other data, refused wherever
 * RFC 8446 8 says so, skipped when refused, bounded.
 *
 * REQ: F-0rtt-c F-0rtt-s F-antireplay
 */
#include "earlykit.h"

#include "base/limits.h"
#include "base/mem.h"
#include "session/session.h"
#include "wire/client_hello.h"

static void write_early(struct duo *d, const char *text)
{
	size_t taken;

	assert_true(leat_engine_wants(d->side[0].e) & LEAT_MAY_WRITE_EARLY);
	assert_int_equal(
		leat_engine_write_early(d->side[0].e, text, strlen(text), &taken), LEAT_OK);
	assert_int_equal(taken, strlen(text));
}

static bool got(const struct leat_wr *w, const char *text)
{
	return w->n == strlen(text) && (w->n == 0 || memcmp(w->p, text, w->n) == 0);
}

static void status_is(const struct duo *d, enum leat_early want)
{
	assert_int_equal(leat_engine_early_status(d->side[0].e), want);
	assert_int_equal(leat_engine_early_status(d->side[1].e), want);
}

static bool is_resumed(const struct duo *d)
{
	struct leat_engine_info info;

	leat_engine_info(d->side[1].e, &info);
	return info.resumed;
}

static void talk(struct duo *d)
{
	duo_say(d, LEAT_CLIENT, "late", 4);
	assert_true(got(&d->side[1].got, "late"));
	duo_say(d, LEAT_SERVER, "answer", 6);
	assert_true(got(&d->side[0].got, "answer"));
}

static void accepted(void **state)
{
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;
	size_t n;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	assert_int_equal(session_data(x.t[0])->max_early, EARLY_MAX);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	assert_int_equal(leat_engine_early_status(d.side[0].e), LEAT_EARLY_OFFERED);
	assert_false(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE);
	/* the ordinary function does not write early */
	assert_int_equal(leat_engine_write(d.side[0].e, "x", 1, &n), LEAT_AGAIN);
	write_early(&d, "early ");
	write_early(&d, "bird");
	assert_true(duo_run(&d));
	status_is(&d, LEAT_EARLY_ACCEPTED);
	assert_true(is_resumed(&d));
	assert_true(got(&d.side[1].early, "early bird"));
	assert_true(got(&d.side[1].got, "")); /* never as ordinary data */
	/* and it is over */
	assert_false(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE_EARLY);
	assert_int_equal(leat_engine_write_early(d.side[0].e, "x", 1, &n), LEAT_AGAIN);
	assert_int_equal(n, 0);
	talk(&d);
	assert_true(got(&d.side[1].early, "early bird"));
	duo_close(&d);
	early_tear_down(&x);
}

/* The server may answer at once, before the client's Finished. */
static void answered_at_once(void **state)
{
	struct leat_engine_opts o;
	struct leat_span data;
	struct early_set x;
	struct duo d;
	size_t n;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	write_early(&d, "GET");
	(void)!duo_pass(&d, LEAT_CLIENT);
	assert_false(leat_engine_wants(d.side[1].e) & LEAT_IS_UP);
	assert_true(got(&d.side[1].early, "GET"));
	assert_true(leat_engine_wants(d.side[1].e) & LEAT_MAY_WRITE);
	assert_int_equal(leat_engine_write(d.side[1].e, "200", 3, &n), LEAT_OK);
	(void)!duo_pass(&d, LEAT_SERVER);
	/* between the flights more early data is late: EndOfEarlyData went out */
	leat_engine_data(d.side[0].e, &data);
	assert_true(got(&d.side[0].got, "200"));
	assert_true(duo_run(&d));
	duo_close(&d);
	early_tear_down(&x);
}

static void functions_stay_apart(void **state)
{
	struct leat_engine_opts o;
	struct leat_span data;
	struct leat_wr wire;
	struct early_set x;
	struct duo d;
	uint8_t *room;
	size_t n;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	write_early(&d, "GET");
	duo_pull(&d.side[0]);
	wire = d.side[0].wire;
	room = leat_engine_in(d.side[1].e, &n);
	assert_true(n >= wire.n);
	memcpy(room, wire.p, wire.n);
	(void)!leat_engine_in_done(d.side[1].e, wire.n);
	assert_true(leat_engine_wants(d.side[1].e) & LEAT_HAS_EARLY_DATA);
	assert_false(leat_engine_wants(d.side[1].e) & (LEAT_HAS_DATA | LEAT_WANT_BYTES));
	leat_engine_data(d.side[1].e, &data);
	assert_int_equal(data.n, 0);
	assert_int_equal(leat_engine_data_done(d.side[1].e, 3), LEAT_OK); /* takes nothing */
	leat_engine_early_data(d.side[1].e, &data);
	assert_int_equal(data.n, 3);
	assert_int_equal(leat_engine_early_data_done(d.side[1].e, 1), LEAT_OK);
	leat_engine_early_data(d.side[1].e, &data);
	assert_int_equal(data.n, 2);
	assert_int_equal(leat_engine_early_data_done(d.side[1].e, 2), LEAT_OK);
	assert_false(leat_engine_wants(d.side[1].e) & LEAT_HAS_EARLY_DATA);
	duo_close(&d);
	early_tear_down(&x);
}

/* Runs with the first session and early text; refused, and the connection works all the same. */
static void must_reject(
	struct early_set *x, struct leat_config *c, struct leat_config *s, bool resumed)
{
	struct leat_engine_opts o = early_opts(x);
	struct duo d;

	duo_open_with(&d, c, s, &o);
	write_early(&d, "early");
	write_early(&d, "more early");
	assert_true(duo_run(&d));
	status_is(&d, LEAT_EARLY_REJECTED);
	assert_int_equal(is_resumed(&d), resumed);
	assert_true(got(&d.side[1].early, ""));
	assert_true(got(&d.side[1].got, ""));
	assert_false(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE_EARLY);
	talk(&d);
	duo_close(&d);
}

static void server_without(void **state)
{
	struct leat_config *none;
	struct early_set x;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	/* another server: cannot open the ticket, has no early data */
	none = ids_config(LEAT_SERVER, KEY_EC_P256, "depth=10", NULL);
	must_reject(&x, x.c, none, false);
	leat_config_unref(none);
	early_tear_down(&x);
}

static void starting_up(void **state)
{
	struct leat_antireplay *young;
	struct leat_err err = { 0 };
	struct leat_config *s;
	struct early_set x;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	assert_int_equal(
		leat_antireplay_new(&young, 1000, EARLY_WINDOW, &duo_env, NULL, &err), LEAT_OK);
	s = early_server(young, EARLY_MAX, NULL);
	for (unsigned i = 0; i < x.num; i++)
		leat_session_unref(x.t[i]);
	early_get_tickets(&x, s);
	must_reject(&x, x.c, s, true);
	duo_later_s += 2 * EARLY_WINDOW; /* one second short of it */
	must_reject(&x, x.c, s, true);
	duo_later_s += 1;
	{
		struct leat_engine_opts o = early_opts(&x);
		struct duo d;

		duo_open_with(&d, x.c, s, &o);
		write_early(&d, "now");
		assert_true(duo_run(&d));
		status_is(&d, LEAT_EARLY_ACCEPTED);
		duo_close(&d);
	}
	leat_config_unref(s);
	leat_antireplay_unref(young);
	early_tear_down(&x);
}

/* The whole first flight of a client, given to the server again and again. */
static void replayed(void **state)
{
	struct leat_wr flight = { 0 };
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	write_early(&d, "pay 100");
	duo_pull(&d.side[0]);
	leat_wr_bytes(&flight, d.side[0].wire.p, d.side[0].wire.n);
	assert_true(duo_run(&d));
	status_is(&d, LEAT_EARLY_ACCEPTED);
	assert_true(got(&d.side[1].early, "pay 100"));
	duo_close(&d);
	for (int later = 0; later < 100; later++, duo_later_s++) {
		duo_open(&d, x.c, x.s, "localhost");
		(void)!duo_feed(&d, LEAT_SERVER, flight.p, flight.n);
		assert_true(got(&d.side[1].early, ""));
		assert_true(got(&d.side[1].got, ""));
		assert_int_equal(leat_engine_early_status(d.side[1].e), LEAT_EARLY_REJECTED);
		duo_close(&d);
	}
	leat_wr_clear(&flight);
	early_tear_down(&x);
}

/* A flight that was held back: never seen, but too old. */
static void delayed(void **state)
{
	struct leat_wr flight = { 0 };
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	for (int late = EARLY_WINDOW; late <= EARLY_WINDOW + 1; late++) {
		early_set_up(&x, EARLY_MAX, NULL);
		duo_later_s += 50; /* the ticket has an age */
		o = early_opts(&x);
		duo_open_with(&d, x.c, x.s, &o);
		write_early(&d, "x");
		duo_pull(&d.side[0]);
		leat_wr_bytes(&flight, d.side[0].wire.p, d.side[0].wire.n);
		duo_close(&d);
		duo_later_s += late;
		duo_open(&d, x.c, x.s, "localhost");
		(void)!duo_feed(&d, LEAT_SERVER, flight.p, flight.n);
		assert_int_equal(leat_engine_early_status(d.side[1].e),
			late <= EARLY_WINDOW ? LEAT_EARLY_ACCEPTED : LEAT_EARLY_REJECTED);
		assert_true(got(&d.side[1].early, late <= EARLY_WINDOW ? "x" : ""));
		duo_close(&d);
		leat_wr_clear(&flight);
		early_tear_down(&x);
	}
}

/* The age in the first record on the wire, in milliseconds. */
static uint32_t age_sent(const struct duo *d, uint32_t add)
{
	const struct leat_wr *w = &d->side[LEAT_CLIENT].wire;
	struct client_hello ch;
	struct leat_rd ids;
	struct psk_id id;
	uint8_t alert;

	assert_true(w->n > 9 && w->p[5] == MSG_CLIENT_HELLO);
	assert_true(dec_client_hello(
		(struct leat_span){ w->p + 9, (size_t)(w->p[7] << 8 | w->p[8]) }, &ch, &alert));
	ids = leat_rd_of(ch.psk_ids);
	assert_true(psk_id_next(&ids, &id));
	return id.age - add;
}

/* Seconds are all that is known: what is said is never above the truth, and less than two seconds below. */
static void age_is_never_ahead(void **state)
{
	static const uint32_t want[] = { 0, 0, 1000, 2000 };
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++, duo_later_s++) {
		o = early_opts(&x);
		duo_open_with(&d, x.c, x.s, &o);
		duo_pull(&d.side[LEAT_CLIENT]);
		assert_int_equal(age_sent(&d, session_data(x.t[0])->age_add), want[i]);
		duo_close(&d);
	}
	early_tear_down(&x);
}

static void memory_is_full(void **state)
{
	struct leat_err err = { 0 };
	struct leat_engine_opts o;
	struct leat_antireplay *a;
	struct leat_config *s;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	assert_int_equal(leat_antireplay_new(&a, 3, EARLY_WINDOW, &duo_env, NULL, &err), LEAT_OK);
	s = early_server(a, EARLY_MAX, NULL);
	duo_later_s += 2 * EARLY_WINDOW + 1;
	for (unsigned i = 0; i < x.num; i++)
		leat_session_unref(x.t[i]);
	early_get_tickets(&x, s);
	o = early_opts(&x);
	for (int i = 0; i < 6; i++) {
		duo_open_with(&d, x.c, s, &o);
		write_early(&d, "x");
		assert_true(duo_run(&d));
		status_is(&d, i < 3 ? LEAT_EARLY_ACCEPTED : LEAT_EARLY_REJECTED);
		duo_close(&d);
	}
	leat_config_unref(s);
	leat_antireplay_unref(a);
	early_tear_down(&x);
}

static void retry_rejects(void **state)
{
	struct leat_config *c, *s;
	struct leat_err err = { 0 };
	struct leat_engine_info info;
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	for (unsigned i = 0; i < x.num; i++)
		leat_session_unref(x.t[i]);
	s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	assert_int_equal(leat_config_set_early_data(s, EARLY_MAX, x.a, &err), LEAT_OK);
	assert_int_equal(leat_config_set(s, "groups", "secp384r1", &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	c = ids_config(LEAT_CLIENT, KEY_EC_P256, "session_tickets=manual", "key_shares=1", NULL);
	leat_config_unref(x.c);
	x.c = c;
	early_get_tickets(&x, s);
	assert_int_equal(x.num, 2);
	o = early_opts(&x);
	for (int chunk = 0; chunk < 3; chunk++) {
		duo_open_with(&d, c, s, &o);
		d.chunk = (size_t)chunk * 7;
		write_early(&d, "early");
		assert_true(duo_run(&d));
		status_is(&d, LEAT_EARLY_REJECTED);
		leat_engine_info(d.side[1].e, &info);
		assert_true(info.retried);
		assert_true(info.resumed);
		assert_true(got(&d.side[1].early, ""));
		talk(&d);
		duo_close(&d);
	}
	leat_config_unref(s);
	early_tear_down(&x);
}

static void other_protocol(void **state)
{
	struct leat_config *c;
	struct early_set x;

	(void)state;
	early_set_up(&x, EARLY_MAX, "h2,http/1.1");
	assert_int_equal(session_data(x.t[0])->alpn.n, 2);
	/* the client prefers nothing now but http/1.1: the session's h2 is not on offer */
	c = ids_config(LEAT_CLIENT, KEY_EC_P256, "versions=tlsv1.3", "alpn=http/1.1", NULL);
	{
		struct leat_engine_opts o = early_opts(&x);
		struct duo d;

		duo_open_with(&d, c, x.s, &o);
		assert_int_equal(leat_engine_early_status(d.side[0].e), LEAT_EARLY_NONE);
		assert_false(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE_EARLY);
		assert_true(duo_run(&d));
		assert_true(is_resumed(&d)); /* resumption itself does not care */
		duo_close(&d);
	}
	leat_config_unref(c);
	early_tear_down(&x);
}

/* The same ticket under another suite of the same hash: resumed, early data refused. */
static void other_suite(void **state)
{
	struct leat_config *c, *s;
	struct leat_err err = { 0 };
	struct leat_ticket_keys *k;
	struct early_set x;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	for (unsigned i = 0; i < x.num; i++)
		leat_session_unref(x.t[i]);
	assert_int_equal(leat_ticket_keys_new(&k, 3600, 3600, &err), LEAT_OK);
	leat_config_unref(x.s);
	x.s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	assert_int_equal(leat_config_set(s, "ciphers",
				 "TLS_CHACHA20_POLY1305_SHA256,TLS_AES_128_GCM_SHA256,"
				 "ECDHE-ECDSA-AES128-GCM-SHA256",
				 &err),
		LEAT_OK);
	assert_int_equal(leat_config_set(x.s, "ciphers",
				 "TLS_AES_128_GCM_SHA256,"
				 "ECDHE-ECDSA-AES128-GCM-SHA256",
				 &err),
		LEAT_OK);
	for (int i = 0; i < 2; i++) {
		struct leat_config *each = i ? s : x.s;

		assert_int_equal(leat_config_set_ticket_keys(each, k, &err), LEAT_OK);
		assert_int_equal(leat_config_set_early_data(each, EARLY_MAX, x.a, &err), LEAT_OK);
		assert_int_equal(leat_config_freeze(each, &err), LEAT_OK);
	}
	c = x.c;
	early_get_tickets(&x, x.s);
	must_reject(&x, c, s, true);
	leat_config_unref(s);
	leat_ticket_keys_unref(k);
	early_tear_down(&x);
}

static void bounded_by_the_client(void **state)
{
	static const char big[2 * EARLY_MAX];
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;
	size_t taken;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	assert_int_equal(leat_engine_write_early(d.side[0].e, big, EARLY_MAX - 1, &taken), LEAT_OK);
	assert_int_equal(leat_engine_write_early(d.side[0].e, big, 100, &taken), LEAT_OK);
	assert_int_equal(taken, 1);
	assert_false(leat_engine_wants(d.side[0].e) & LEAT_MAY_WRITE_EARLY);
	assert_int_equal(leat_engine_write_early(d.side[0].e, big, 1, &taken), LEAT_AGAIN);
	assert_true(duo_run(&d));
	assert_int_equal(d.side[1].early.n, EARLY_MAX);
	duo_close(&d);
	early_tear_down(&x);
}

/* A client whose session says more than the server's does. */
static void bounded_by_the_server(void **state)
{
	static const char big[2 * EARLY_MAX];
	struct leat_engine_opts o;
	struct leat_session *bent;
	struct session_data data;
	struct leat_err err = { 0 };
	struct early_set x;
	struct duo d;
	size_t taken;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	data = *session_data(x.t[0]);
	data.max_early = 2 * EARLY_MAX;
	assert_int_equal(session_new(&bent, &data, &err), LEAT_OK);
	o = early_opts(&x);
	o.session = bent;
	duo_open_with(&d, x.c, x.s, &o);
	assert_int_equal(leat_engine_write_early(d.side[0].e, big, EARLY_MAX + 1, &taken), LEAT_OK);
	assert_false(duo_run(&d));
	assert_int_equal(leat_engine_error(d.side[1].e)->cls, LEAT_E_OUR_ALERT);
	assert_int_equal(leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
	duo_close(&d);
	leat_session_unref(bent);
	early_tear_down(&x);
}

/* Refused early data is skipped as far as the ticket allowed it, not for ever. */
static void skipped_with_a_bound(void **state)
{
	static const char big[16000];
	struct leat_engine_opts o;
	struct leat_session *bent;
	struct session_data data;
	struct leat_config *none;
	struct leat_err err = { 0 };
	struct early_set x;
	struct duo d;
	size_t taken;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	none = ids_config(LEAT_SERVER, KEY_EC_P256, "depth=10", NULL);
	data = *session_data(x.t[0]);
	data.max_early = 1000000;
	assert_int_equal(session_new(&bent, &data, &err), LEAT_OK);
	o = early_opts(&x);
	o.session = bent;
	for (int records = 1; records < 5; records += 3) {
		duo_open_with(&d, x.c, none, &o);
		for (int i = 0; i < records; i++)
			assert_int_equal(
				leat_engine_write_early(d.side[0].e, big, sizeof(big), &taken),
				LEAT_OK);
		if (records == 1) {
			assert_true(duo_run(&d));
			status_is(&d, LEAT_EARLY_REJECTED);
		} else {
			assert_false(duo_run(&d));
			assert_int_equal(
				leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_BAD_RECORD_MAC);
		}
		duo_close(&d);
	}
	leat_config_unref(none);
	leat_session_unref(bent);
	early_tear_down(&x);
}

/* n bytes of what might be early data, in one record, sealed by nobody. */
static enum leat_ret feed_junk(struct duo *d, size_t n)
{
	static uint8_t rec[LIM_RECORD_HEADER + LIM_CIPHERTEXT13] = { 23, 3, 3 };

	assert_in_range(n, 17, LIM_CIPHERTEXT13);
	rec[3] = (uint8_t)(n >> 8);
	rec[4] = (uint8_t)n;
	return duo_feed(d, LEAT_SERVER, rec, LIM_RECORD_HEADER + n);
}

/* LIM_EARLY_SKIP: one below, at, one above. */
static void skipped_to_the_byte(void **state)
{
	struct leat_engine_opts o;
	struct leat_config *none;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	none = ids_config(LEAT_SERVER, KEY_EC_P256, "depth=10", NULL);
	o = early_opts(&x);
	for (size_t n = LIM_EARLY_SKIP - 1; n <= LIM_EARLY_SKIP + 1; n++) {
		duo_open_with(&d, x.c, none, &o);
		duo_pull(&d.side[LEAT_CLIENT]);
		assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
		assert_int_equal(feed_junk(&d, LIM_EARLY_SKIP / 2), LEAT_OK);
		assert_int_equal(feed_junk(&d, n - LIM_EARLY_SKIP / 2),
			n <= LIM_EARLY_SKIP ? LEAT_OK : LEAT_FAILED);
		if (n > LIM_EARLY_SKIP)
			assert_int_equal(
				leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_BAD_RECORD_MAC);
		else
			assert_true(duo_run(&d));
		duo_close(&d);
	}
	leat_config_unref(none);
	early_tear_down(&x);
}

static void every_split(void **state)
{
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	for (size_t chunk = 1; chunk < 600; chunk += chunk < 30 ? 1 : 57) {
		duo_open_with(&d, x.c, x.s, &o);
		d.chunk = chunk;
		write_early(&d, "in pieces");
		assert_true(duo_run(&d));
		status_is(&d, LEAT_EARLY_ACCEPTED);
		assert_true(got(&d.side[1].early, "in pieces"));
		talk(&d);
		duo_close(&d);
	}
	early_tear_down(&x);
}

/* Nothing is written, or EndOfEarlyData is missing, or comes without early data. */
static void without_a_byte(void **state)
{
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	duo_open_with(&d, x.c, x.s, &o);
	assert_true(duo_run(&d));
	status_is(&d, LEAT_EARLY_ACCEPTED);
	assert_true(got(&d.side[1].early, ""));
	talk(&d);
	duo_close(&d);
	early_tear_down(&x);
}

static void to_a_12_server(void **state)
{
	struct leat_config *c, *s12;
	struct leat_engine_opts o;
	struct early_set x;
	struct duo d;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	c = ids_config(LEAT_CLIENT, KEY_EC_P256, "session_tickets=manual", NULL);
	s12 = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	o = early_opts(&x);
	duo_open_with(&d, c, s12, &o);
	/* RFC 8446 D.3: fails; our server sends the downgrade first, so whichever refuses, it is over */
	assert_false(duo_run(&d));
	assert_true(leat_engine_wants(d.side[0].e) & LEAT_IS_DEAD);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s12);
	early_tear_down(&x);
}

/* Each allocation of a resumed handshake with early data fails once: one side says so, nothing leaks
 * (sanitizers), and early data is never taken for other data. */
static void without_memory(void **state)
{
	struct leat_engine_opts o;
	unsigned long made, nth;
	struct early_set x;
	struct duo d;
	size_t taken;
	bool up = false;

	(void)state;
	early_set_up(&x, EARLY_MAX, NULL);
	o = early_opts(&x);
	for (nth = 1; !up && nth < 500; nth++) {
		memset(&d, 0, sizeof(d));
		assert_int_equal(
			leat_engine_new(&d.side[1].e, x.s, NULL, &duo_env, &d.err), LEAT_OK);
		leat_mem_fail_at(nth);
		if (leat_engine_new_with(&d.side[0].e, x.c, &o, &duo_env, &d.err) != LEAT_OK) {
			leat_mem_fail_at(0);
			assert_int_equal(d.err.cls, LEAT_E_MEMORY);
			leat_engine_free(d.side[1].e);
			continue;
		}
		(void)!leat_engine_write_early(d.side[0].e, "early", 5, &taken);
		/* the test's own buffers come from the same door: those failures are not of interest */
		while (leat_engine_wants(d.side[0].e) & LEAT_WANT_SEND) {
			size_t n, room;
			const uint8_t *p = leat_engine_out(d.side[0].e, &n);
			uint8_t *at = leat_engine_in(d.side[1].e, &room);

			if (!p || !at)
				break;
			n = n < room ? n : room;
			memcpy(at, p, n);
			leat_engine_out_done(d.side[0].e, n);
			(void)!leat_engine_in_done(d.side[1].e, n);
			if (leat_engine_wants(d.side[1].e) & LEAT_HAS_EARLY_DATA)
				(void)!leat_engine_early_data_done(d.side[1].e, 5);
			assert_false(leat_engine_wants(d.side[1].e) & LEAT_HAS_DATA);
		}
		made = leat_mem_fail_at(0);
		up = duo_run(&d);
		if (!up) {
			enum leat_err_class c = leat_engine_error(d.side[0].e)->cls,
					    s = leat_engine_error(d.side[1].e)->cls;

			assert_true(c == LEAT_E_MEMORY || s == LEAT_E_MEMORY);
		} else if (made >= nth) {
			up = false; /* it got over it: a ticket less */
		}
		duo_close(&d);
	}
	assert_in_range(nth, 5, 400);
	early_tear_down(&x);
}

static void misuse(void **state)
{
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256);
	struct leat_antireplay *a;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_set_early_data(s, 1, NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_config_set_early_data(s, 0, NULL, &err), LEAT_OK);
	assert_int_equal(
		leat_antireplay_new(&a, 0, EARLY_WINDOW, &duo_env, NULL, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_antireplay_new(&a, 10, 0, &duo_env, NULL, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_antireplay_new(&a, 10, 3601, &duo_env, NULL, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_antireplay_new(&a, 10, 10, &duo_env, NULL, &err), LEAT_OK);
	assert_int_equal(leat_config_set_early_data(c, 10, a, &err), LEAT_FAILED);
	assert_string_equal(err.option, "early_data");
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_config_set_early_data(s, 16777217, a, &err), LEAT_FAILED);
	leat_antireplay_unref(a);
	leat_config_unref(s);
	leat_config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(answered_at_once),
		cmocka_unit_test(functions_stay_apart),
		cmocka_unit_test(server_without),
		cmocka_unit_test(starting_up),
		cmocka_unit_test(replayed),
		cmocka_unit_test(delayed),
		cmocka_unit_test(age_is_never_ahead),
		cmocka_unit_test(memory_is_full),
		cmocka_unit_test(retry_rejects),
		cmocka_unit_test(other_protocol),
		cmocka_unit_test(other_suite),
		cmocka_unit_test(bounded_by_the_client),
		cmocka_unit_test(bounded_by_the_server),
		cmocka_unit_test(skipped_with_a_bound),
		cmocka_unit_test(skipped_to_the_byte),
		cmocka_unit_test(every_split),
		cmocka_unit_test(without_a_byte),
		cmocka_unit_test(to_a_12_server),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(misuse),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}
