/* SPDX-License-Identifier: Apache-2.0
 *
 * t_engine.c: whole connections through two engines in memory: every cut of the byte stream, data of
 * awkward sizes, closing, truncation, alerts, tampering, buffers that come and go, key export.
 *
 * REQ: GEN-handshake-first GEN-confidentiality GEN-integrity F-sansio LIM-record SEC-garbage
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include "base/mem.h"
#include "engine/engine_int.h"

static struct leat_config *client, *server, *client12, *server12;

static struct leat_config *of(struct leat_config *c13, struct leat_config *c12, bool v12)
{
	return v12 ? c12 : c13;
}

static void up(struct duo *d, bool v12)
{
	char text[256];

	duo_open(d, of(client, client12, v12), of(server, server12, v12), "localhost");
	if (!duo_run(d))
		fail_msg("client: %s; server: %s",
			leat_strerror(leat_engine_error(d->side[0].e), text, sizeof(text)),
			leat_engine_state(d->side[1].e));
}

static void assert_got(struct duo *d, enum leat_role side, const void *p, size_t n)
{
	struct leat_span got = leat_wr_done(&d->side[side].got);

	assert_int_equal(got.n, n);
	if (n)
		assert_memory_equal(got.p, p, n);
}

static void test_up_and_talk(void **state)
{
	static const size_t sizes[] = { 1, 2, 1000, 16383, 16384, 16385, 65536, 100000, 300000 };
	struct leat_engine_info info;
	struct leat_span data;
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		leat_engine_info(d.side[0].e, &info);
		assert_int_equal(info.version, v12 ? LEAT_TLS12 : LEAT_TLS13);
		assert_non_null(info.suite_name);
		assert_string_equal(info.group_name, "x25519");
		assert_true(leat_engine_peer_cert(d.side[0].e, 0).n > 0);
		assert_int_equal(leat_engine_peer_cert(d.side[0].e, 9).n, 0);
		leat_engine_info(d.side[1].e, &info);
		assert_int_equal(info.sni.n, strlen("localhost"));
		assert_memory_equal(info.sni.p, "localhost", info.sni.n);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (int from = 0; from < 2; from++) {
				data = vec_noise(sizes[i]);
				duo_say(&d, (enum leat_role)from, data.p, data.n);
				assert_got(&d, (enum leat_role) !from, data.p, data.n);
				leat_wr_clear(&d.side[!from].got);
			}
		duo_close(&d);
	}
}

/* One byte at a time, and every other piece size up to 40: the same connection. */
static void test_every_chunk(void **state)
{
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++)
		for (size_t chunk = 1; chunk <= 40; chunk++) {
			duo_open(&d, of(client, client12, v12), of(server, server12, v12),
				"localhost");
			d.chunk = chunk;
			assert_true(duo_run(&d));
			duo_say(&d, LEAT_CLIENT, "ping", 4);
			duo_say(&d, LEAT_SERVER, "pong", 4);
			assert_got(&d, LEAT_SERVER, "ping", 4);
			assert_got(&d, LEAT_CLIENT, "pong", 4);
			duo_close(&d);
		}
}

/* Exact reads never take a byte of the next record: at every stop the engine is at a boundary or
 * knows what is missing. */
static void test_exact(void **state)
{
	struct duo d;
	size_t n, left, pos;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		leat_engine_in_exact(d.side[1].e, true);
		for (int i = 0; i < 3; i++) {
			size_t taken;

			assert_int_equal(
				leat_engine_write(d.side[0].e, "abcdef", 6, &taken), LEAT_OK);
		}
		duo_pull(&d.side[0]);
		left = d.side[0].wire.n;
		for (pos = 0; left;) {
			uint8_t *room = leat_engine_in(d.side[1].e, &n);

			assert_non_null(room);
			if (leat_engine_in_missing(d.side[1].e))
				assert_int_equal(n, leat_engine_in_missing(d.side[1].e));
			assert_true(n <= left);
			memcpy(room, d.side[0].wire.p + pos, n);
			pos += n;
			left -= n;
			assert_int_equal(leat_engine_in_done(d.side[1].e, n), LEAT_OK);
			if (leat_engine_wants(d.side[1].e) & LEAT_HAS_DATA) {
				assert_int_equal(leat_engine_in_missing(d.side[1].e), 0);
				assert_int_equal(leat_engine_data_done(d.side[1].e, 99), LEAT_OK);
				assert_int_equal(leat_engine_export_ready(d.side[1].e, LEAT_RX),
					EXPORT_READY);
			}
		}
		duo_close(&d);
	}
}

/* An idle engine holds no buffer: neither after the handshake nor after data both ways. */
static void test_idle_holds_nothing(void **state)
{
	struct duo d;

	(void)state;
	up(&d, false);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++) {
			assert_null(d.side[i].e->w->in);
			assert_null(d.side[i].e->w->out);
			assert_null(d.side[i].e->w->hs);
		}
		duo_say(&d, LEAT_CLIENT, "some bytes", 10);
		duo_say(&d, LEAT_SERVER, "some bytes", 10);
	}
	{ /* a read that gave nothing gives the buffer back */
		size_t n;

		assert_non_null(leat_engine_in(d.side[0].e, &n));
		assert_int_equal(leat_engine_in_done(d.side[0].e, 0), LEAT_OK);
		assert_null(d.side[0].e->w->in);
	}
	duo_close(&d);
}

/* Resting is invisible: before every message, in any phase, also while a record is half received. */
static void test_rest(void **state)
{
	struct duo d;
	size_t taken;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		duo_open(&d, of(client, client12, v12), of(server, server12, v12), "localhost");
		leat_engine_rest(d.side[0].e); /* too early: nothing happens */
		assert_true(duo_run(&d));
		for (int i = 0; i < 20; i++) {
			leat_engine_rest(d.side[i % 2].e);
			leat_engine_rest(d.side[!(i % 2)].e);
			assert_null(d.side[0].e->w);
			duo_say(&d, (enum leat_role)(i % 3 == 0), "0123456789", 10);
		}
		assert_int_equal(d.side[0].got.n + d.side[1].got.n, 200);
		/* half a record in hand: rest must not lose it */
		assert_int_equal(leat_engine_write(d.side[0].e, "abc", 3, &taken), LEAT_OK);
		duo_pull(&d.side[0]);
		assert_int_equal(duo_feed(&d, LEAT_SERVER, d.side[0].wire.p, 7), LEAT_OK);
		leat_engine_rest(d.side[1].e);
		taken = d.side[1].got.n;
		assert_int_equal(
			duo_feed(&d, LEAT_SERVER, d.side[0].wire.p + 7, d.side[0].wire.n - 7),
			LEAT_OK);
		assert_int_equal(d.side[1].got.n, taken + 3);
		leat_wr_clear(&d.side[0].wire);
		assert_int_equal(leat_engine_export_ready(d.side[1].e, LEAT_RX), EXPORT_READY);
		leat_engine_rest(d.side[1].e);
		assert_int_equal(leat_engine_close(d.side[1].e), LEAT_OK);
		assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_OK);
		assert_true(leat_engine_wants(d.side[0].e) & LEAT_IS_EOF);
		duo_close(&d);
	}
}

/* REQ: F-keyupdate
 * Every side asks again and again, with data between or without: each request after data gets its own
 * answer (RFC 8446 4.6.3), the streams go on under the new keys. */
static void test_key_update(void **state)
{
	struct duo d;
	struct leat_err err = { 0 };

	(void)state;
	up(&d, false);
	for (int i = 0; i < 12; i++) {
		struct leat_engine *e = d.side[i % 2].e, *peer = d.side[!(i % 2)].e;

		assert_int_equal(
			hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, true, &err), LEAT_OK);
		assert_int_equal(out_flush(e), LEAT_OK);
		assert_int_equal(e->rec->tx.seq, 0); /* new keys */
		assert_int_equal(duo_pass(&d, (enum leat_role)(i % 2)), LEAT_OK);
		assert_int_equal(duo_pass(&d, (enum leat_role) !(i % 2)), LEAT_OK);
		assert_int_equal(peer->rec->rx.seq, 0);
		assert_int_equal(e->rec->rx.seq, 0); /* the answer came, under the keys before */
		duo_say(&d, LEAT_CLIENT, "abc", 3);
		duo_say(&d, LEAT_SERVER, "xyz", 3);
	}
	assert_int_equal(d.side[0].got.n, 36);
	assert_int_equal(d.side[1].got.n, 36);
	duo_close(&d);
}

static void test_key_update_on_request(void **state)
{
	struct duo d;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_int_equal(leat_engine_key_update(d.side[0].e, true), LEAT_FAILED); /* not up */
	assert_int_equal(leat_engine_error(d.side[0].e)->cls, LEAT_E_NONE);
	assert_true(duo_run(&d));
	for (int i = 0; i < 2; i++) {
		struct leat_engine *e = d.side[i].e, *peer = d.side[!i].e;
		uint64_t before = e->rec->rx.seq;

		assert_int_equal(leat_engine_key_update(e, false), LEAT_OK);
		duo_say(&d, (enum leat_role)i, "abc", 3);
		assert_int_equal(e->rec->tx.seq, 1);
		assert_int_equal(peer->rec->rx.seq, 1);
		assert_true(e->rec->rx.seq >= before); /* only our direction */
		assert_int_equal(leat_engine_key_update(e, true), LEAT_OK);
		duo_say(&d, (enum leat_role)i, "def", 3);
		duo_say(&d, (enum leat_role) !i, "ghi", 3);
		assert_int_equal(e->rec->rx.seq, 1); /* the peer changed its keys as well */
	}
	assert_int_equal(leat_engine_close(d.side[0].e), LEAT_OK);
	assert_int_equal(leat_engine_key_update(d.side[0].e, false), LEAT_FAILED);
	duo_close(&d);
	up(&d, true);
	assert_int_equal(leat_engine_key_update(d.side[0].e, false), LEAT_UNSUPPORTED);
	duo_say(&d, LEAT_CLIENT, "abc", 3); /* nothing happened */
	leat_engine_export_commit(d.side[1].e, LEAT_TX, NULL);
	assert_int_equal(leat_engine_key_update(d.side[1].e, false), LEAT_UNSUPPORTED);
	duo_close(&d);
	up(&d, false);
	leat_engine_export_commit(d.side[1].e, LEAT_TX, NULL);
	assert_int_equal(leat_engine_key_update(d.side[1].e, true), LEAT_UNSUPPORTED);
	assert_false(leat_engine_wants(d.side[1].e) & LEAT_IS_DEAD);
	duo_close(&d);
}

static void test_close_both_ways(void **state)
{
	struct duo d;
	size_t taken;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		duo_say(&d, LEAT_CLIENT, "last words", 10);
		assert_int_equal(leat_engine_close(d.side[0].e), LEAT_OK);
		assert_int_equal(leat_engine_close(d.side[0].e), LEAT_OK); /* again is fine */
		assert_int_equal(leat_engine_write(d.side[0].e, "x", 1, &taken), LEAT_AGAIN);
		assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
		assert_true(leat_engine_wants(d.side[1].e) & LEAT_IS_EOF);
		assert_got(&d, LEAT_SERVER, "last words", 10);
		/* RFC 8446 6.1: the other direction stays open */
		duo_say(&d, LEAT_SERVER, "still here", 10);
		assert_got(&d, LEAT_CLIENT, "still here", 10);
		assert_int_equal(leat_engine_in_eof(d.side[1].e), LEAT_OK);
		assert_int_equal(leat_engine_close(d.side[1].e), LEAT_OK);
		assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_OK);
		assert_true(leat_engine_wants(d.side[0].e) & LEAT_IS_EOF);
		assert_false(leat_engine_wants(d.side[0].e) & LEAT_IS_DEAD);
		assert_int_equal(leat_engine_in_eof(d.side[0].e), LEAT_OK);
		duo_close(&d);
	}
}

/* A file's piece with its head in front leaves as one batch in one block: it is neither cut in two nor
 * copied while it grows. What is longer waits, small writes too. */
static void test_large_write_is_one_batch(void **state)
{
	static uint8_t data[ENGINE_OUT_MARK + 4096];
	struct duo d;
	size_t taken, n;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++) {
		up(&d, v12);
		(void)leat_mem_fail_at(0);
		assert_int_equal(leat_engine_write(d.side[0].e, data,
					 ENGINE_OUT_MARK + ENGINE_OUT_REST, &taken),
			LEAT_OK);
		assert_int_equal(taken, ENGINE_OUT_MARK + ENGINE_OUT_REST);
		assert_int_equal(leat_mem_fail_at(0), 1);
		assert_int_equal(leat_engine_write(d.side[0].e, "x", 1, &taken), LEAT_AGAIN);
		(void)leat_engine_out(d.side[0].e, &n);
		leat_engine_out_done(d.side[0].e, n);
		assert_int_equal(
			leat_engine_write(d.side[0].e, data, sizeof(data), &taken), LEAT_OK);
		assert_int_equal(taken, ENGINE_OUT_MARK);
		assert_int_equal(leat_mem_fail_at(0), 1);
		duo_close(&d);
	}
}

/* The transport's end at every byte of a record is a truncation, never a clean end. */
static void test_truncation(void **state)
{
	struct leat_wr wire;
	struct duo d;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++)
		for (size_t cut = 0; cut < 12; cut++) {
			size_t taken;

			up(&d, v12);
			assert_int_equal(leat_engine_write(d.side[0].e, "abc", 3, &taken), LEAT_OK);
			assert_int_equal(leat_engine_close(d.side[0].e), LEAT_OK);
			duo_pull(&d.side[0]);
			wire = d.side[0].wire;
			assert_true(cut < wire.n);
			assert_int_equal(
				duo_feed(&d, LEAT_SERVER, wire.p, wire.n - 1 - cut), LEAT_OK);
			assert_int_equal(leat_engine_in_eof(d.side[1].e), LEAT_FAILED);
			assert_int_equal(leat_engine_error(d.side[1].e)->cls, LEAT_E_CLOSED);
			duo_close(&d);
		}
}

static void test_eof_in_handshake(void **state)
{
	struct duo d;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_int_equal(leat_engine_in_eof(d.side[1].e), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[1].e)->cls, LEAT_E_CLOSED);
	duo_close(&d);
}

/* Each byte of each flight changed: both sides end, at least one with an alert, nobody comes up with
 * a peer that saw something else. */
static void test_tampered_handshake(void **state)
{
	struct duo d;
	struct leat_wr wire;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++)
		for (int flight = 0; flight < 2; flight++) {
			size_t step = 1, n = 1;

			for (size_t i = 0; i < n; i += step) {
				duo_open(&d, of(client, client12, v12), of(server, server12, v12),
					"localhost");
				if (flight == 1)
					assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
				duo_pull(&d.side[flight]);
				wire = d.side[flight].wire;
				d.side[flight].wire = (struct leat_wr){ 0 };
				n = wire.n;
				step = flight ? 7
					      : 3; /* every 3rd byte of a hello, every 7th after */
				if (i < n)         /* an ECDSA signature may be shorter this time */
					wire.p[i] ^= 0x41;
				(void)!duo_feed(&d, !flight, wire.p, wire.n);
				/* the version bytes of a record header are not protected */
				if (duo_run(&d) && !(i == 1 || i == 2)) {
					duo_say(&d, LEAT_CLIENT, "x", 1);
					assert_got(&d, LEAT_SERVER, "x", 1);
				}
				leat_wr_clear(&wire);
				duo_close(&d);
			}
		}
}

static void test_tampered_data(void **state)
{
	struct duo d;
	size_t taken;

	(void)state;
	for (int v12 = 0; v12 < 2; v12++)
		for (size_t i = 5; i < 30; i++) {
			up(&d, v12);
			assert_int_equal(
				leat_engine_write(d.side[0].e, "0123456789", 10, &taken), LEAT_OK);
			duo_pull(&d.side[0]);
			if (i >= d.side[0].wire.n) {
				duo_close(&d);
				break;
			}
			d.side[0].wire.p[i] ^= 1;
			assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_FAILED);
			assert_int_equal(
				leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_BAD_RECORD_MAC);
			assert_got(&d, LEAT_SERVER, NULL, 0);
			/* the alert reaches the other side, once, and the dead stays dead */
			assert_int_equal(duo_pass(&d, LEAT_SERVER), LEAT_FAILED);
			assert_int_equal(leat_engine_error(d.side[0].e)->cls, LEAT_E_PEER_ALERT);
			assert_int_equal(
				leat_engine_error(d.side[0].e)->alert, LEAT_ALERT_BAD_RECORD_MAC);
			assert_int_equal(
				leat_engine_write(d.side[1].e, "x", 1, &taken), LEAT_FAILED);
			assert_int_equal(leat_engine_close(d.side[1].e), LEAT_FAILED);
			duo_close(&d);
		}
}

/* Garbage of every first byte, hand-made nonsense, and other protocols. */
static void test_garbage(void **state)
{
	static const char *const words[] = { "GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
		"HELO mail.example\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
		"\x16\x03\x01\x40\x01", "\x15\x03\x01\x00\x02\x02\x28", "\x80\x2e\x01\x03\x01" };
	struct duo d;
	uint8_t junk[64];

	(void)state;
	for (int first = 0; first < 256; first++) {
		duo_open(&d, client, server, "localhost");
		memset(junk, first, sizeof(junk));
		(void)!duo_feed(&d, LEAT_SERVER, junk, sizeof(junk));
		(void)!leat_engine_in_eof(d.side[1].e);
		assert_true(leat_engine_wants(d.side[1].e) & LEAT_IS_DEAD);
		duo_close(&d);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (int to = 0; to < 2; to++) {
			duo_open(&d, client, server, "localhost");
			(void)!duo_feed(&d, (enum leat_role)to, words[i],
				i < 3    ? strlen(words[i])
				: i == 3 ? 10
				: i == 5 ? 7
					 : 5);
			assert_true(leat_engine_wants(d.side[to].e) & LEAT_IS_DEAD);
			assert_true(leat_engine_error(d.side[to].e)->what != NULL);
			duo_close(&d);
		}
}

/* Nothing may be written or read as application data before the handshake is complete. */
static void test_nothing_before_finished(void **state)
{
	static const uint8_t clear_data[] = { 23, 3, 3, 0, 2, 'h', 'i' };
	struct leat_config *draft;
	struct duo d;
	size_t taken = 7;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_int_equal(leat_engine_write(d.side[0].e, "x", 1, &taken), LEAT_AGAIN);
	assert_int_equal(taken, 0);
	assert_int_equal(duo_feed(&d, LEAT_SERVER, clear_data, sizeof(clear_data)), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[1].e)->alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
	assert_got(&d, LEAT_SERVER, NULL, 0);
	duo_close(&d);
	draft = ids_draft(LEAT_CLIENT, KEY_NONE); /* not frozen */
	assert_int_equal(
		leat_engine_new(&d.side[0].e, draft, "localhost", &duo_env, &d.err), LEAT_FAILED);
	leat_config_unref(draft);
	assert_int_equal(d.err.cls, LEAT_E_MISUSE);
}

/* A client that refuses our certificate may say so in cleartext (OpenSSL does): a server that has not
 * yet read a protected record takes it, anybody else does not, and nothing is ever ended by it in
 * peace. */
static void test_cleartext_alert(void **state)
{
	static const uint8_t unknown_ca[] = { 21, 3, 3, 0, 2, 2, 48 };
	static const uint8_t close_notify[] = { 21, 3, 3, 0, 2, 1, 0 };
	static const uint8_t too_long[] = { 21, 3, 3, 0, 3, 2, 48, 0 };
	const struct leat_err *err;
	struct duo d;

	(void)state;
	duo_open(&d, client, server, "localhost");
	duo_pull(&d.side[LEAT_CLIENT]);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	assert_int_equal(duo_feed(&d, LEAT_SERVER, unknown_ca, sizeof(unknown_ca)), LEAT_FAILED);
	err = leat_engine_error(d.side[LEAT_SERVER].e);
	assert_int_equal(err->cls, LEAT_E_PEER_ALERT);
	assert_int_equal(err->alert, LEAT_ALERT_UNKNOWN_CA);
	duo_close(&d);

	duo_open(&d, client, server, "localhost");
	duo_pull(&d.side[LEAT_CLIENT]);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	assert_int_equal(
		duo_feed(&d, LEAT_SERVER, close_notify, sizeof(close_notify)), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[LEAT_SERVER].e)->cls, LEAT_E_CLOSED);
	duo_close(&d);

	duo_open(&d, client, server, "localhost");
	duo_pull(&d.side[LEAT_CLIENT]);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	assert_int_equal(duo_feed(&d, LEAT_SERVER, too_long, sizeof(too_long)), LEAT_FAILED);
	assert_int_equal(leat_engine_error(d.side[LEAT_SERVER].e)->cls, LEAT_E_OUR_ALERT);
	duo_close(&d);

	for (int to = 0; to < 2; to++) {
		duo_open(&d, client, server, "localhost");
		assert_true(duo_run(&d));
		assert_int_equal(
			duo_feed(&d, (enum leat_role)to, close_notify, sizeof(close_notify)),
			LEAT_FAILED);
		err = leat_engine_error(d.side[to].e);
		assert_int_equal(err->cls, LEAT_E_OUR_ALERT);
		assert_int_equal(err->alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
		duo_close(&d);
	}
}

static int setup(void **state)
{
	(void)state;
	client = ids_config(LEAT_CLIENT, KEY_NONE, NULL);
	server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	client12 = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", NULL);
	server12 = ids_config(LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.2", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(client);
	leat_config_unref(server);
	leat_config_unref(client12);
	leat_config_unref(server12);
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_and_talk),
		cmocka_unit_test(test_every_chunk),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_idle_holds_nothing),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_key_update_on_request),
		cmocka_unit_test(test_close_both_ways),
		cmocka_unit_test(test_large_write_is_one_batch),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_eof_in_handshake),
		cmocka_unit_test(test_tampered_handshake),
		cmocka_unit_test(test_tampered_data),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_nothing_before_finished),
		cmocka_unit_test(test_cleartext_alert),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
