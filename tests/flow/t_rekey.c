/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rekey.c - keys that are used up: TLS 1.3 takes new ones by KeyUpdate, by bytes (option key_update_at)
 * and by records (what the cipher stands); TLS 1.2 ends in order. The limits of records are lowered from
 * the inside, so that a test reaches them.
 *
 * REQ: F-keyupd-auto
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include "engine/engine.h"
#include "engine/engine_int.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))

static struct leat_config *client, *server, *client12;

/* Data from one side to the other, in pieces of n bytes. */
static void talk(struct duo *d, enum leat_role from, size_t total, size_t n)
{
	struct leat_span data = vec_noise(total);

	for (size_t at = 0; at < total; at += n)
		duo_say(d, from, data.p + at, n < total - at ? n : total - at);
	assert_int_equal(d->side[!from].got.n, total);
	assert_memory_equal(d->side[!from].got.p, data.p, total);
	leat_wr_clear(&d->side[!from].got);
}

static void keys_agree(const struct duo *d)
{
	for (int r = 0; r < 2; r++) {
		const struct hs_post *out = &d->side[r].e->w->post, *in = &d->side[!r].e->w->post;

		assert_memory_equal(&out->tx, &in->rx, sizeof(out->tx));
		assert_int_equal(out->updates[LEAT_TX], in->updates[LEAT_RX]);
	}
}

static void by_bytes(void **state)
{
	static const struct {
		const char *at;
		size_t piece;
		unsigned updates; /* for 100 pieces */
	} rows[] = {
		{ "key_update_at=1", 10, 99 }, /* before each record but the first */
		{ "key_update_at=10", 10, 99 },
		{ "key_update_at=11", 10, 49 },
		{ "key_update_at=100", 10, 9 },
		{ "key_update_at=999", 10, 0 },
		{ "key_update_at=50000", 1000, 1 },
		{ "key_update_at=388736063997", 1000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * NUM(rows); i++) {
		enum leat_role who = i % 2 ? LEAT_SERVER : LEAT_CLIENT;
		/* tickets would count too */
		struct leat_config *c = ids_config(
			who, KEY_EC_P256, rows[i / 2].at, "session_tickets=disabled", NULL);
		size_t piece = rows[i / 2].piece;
		struct duo d;

		duo_open(&d, who == LEAT_CLIENT ? c : client, who == LEAT_SERVER ? c : server,
			"localhost");
		assert_true(duo_run(&d));
		talk(&d, who, 100 * piece, piece);
		assert_int_equal(d.side[who].e->w->post.updates[LEAT_TX], rows[i / 2].updates);
		/* only who sends so much changes keys, and asks nobody else to */
		assert_int_equal(d.side[!who].e->w->post.updates[LEAT_TX], 0);
		talk(&d, !who, 5000, 1000);
		keys_agree(&d);
		duo_close(&d);
		leat_config_unref(c);
	}
}

/* One big write crosses the limit several times; the records before it keep their keys. */
static void in_one_write(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, "key_update_at=20000", NULL);
	struct duo d;

	(void)state;
	duo_open(&d, c, server, "localhost");
	assert_true(duo_run(&d));
	talk(&d, LEAT_CLIENT, 200000, 200000);
	assert_int_equal(d.side[LEAT_CLIENT].e->w->post.updates[LEAT_TX], 6);
	keys_agree(&d);
	duo_close(&d);
	leat_config_unref(c);
}

/* What the cipher stands, RFC 8446 5.5: by number of records. */
static void by_records(void **state)
{
	struct duo d;

	(void)state;
	for (int who = 0; who < 2; who++) {
		struct leat_engine *e;

		duo_open(&d, client, server, "localhost");
		assert_true(duo_run(&d));
		e = d.side[who].e;
		e->rec->tx.limit = e->rec->tx.seq + 10;
		talk(&d, (enum leat_role)who, 7, 1);
		assert_int_equal(e->w->post.updates[LEAT_TX], 0);
		talk(&d, (enum leat_role)who, 5, 1); /* two records are kept back */
		assert_int_equal(e->w->post.updates[LEAT_TX], 1);
		assert_true(e->rec->tx.limit > 1000); /* the new key has its own */
		talk(&d, (enum leat_role)who, 100000, 100000);
		keys_agree(&d);
		duo_close(&d);
	}
}

/* RFC 8446 5.5, 5.3: AES-GCM 2^24.5, CCM by RFC 9147 4.5.3, ChaCha20 before the number wraps. */
static void limits_of_ciphers(void **state)
{
	static const struct {
		const char *suite;
		uint64_t limit;
	} rows[] = {
		{ "ciphers=TLS_AES_128_GCM_SHA256", 23726566 },
		{ "ciphers=TLS_AES_256_GCM_SHA384", 23726566 },
		{ "ciphers=TLS_AES_128_CCM_SHA256", 1u << 23 },
		{ "ciphers=TLS_AES_128_CCM_8_SHA256", 1u << 23 },
		{ "ciphers=TLS_CHACHA20_POLY1305_SHA256", UINT64_MAX - 1 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct leat_config *c = ids_config(
			LEAT_CLIENT, KEY_NONE, "versions=tlsv1.3", rows[i].suite, NULL);
		struct leat_config *s = ids_config(
			LEAT_SERVER, KEY_EC_P256, "versions=tlsv1.3", rows[i].suite, NULL);
		struct duo d;

		duo_open(&d, c, s, "localhost");
		assert_true(duo_run(&d));
		assert_true(d.side[0].e->rec->tx.limit == rows[i].limit);
		/* not the peer's keys: nobody can make it change them, it is its own business */
		assert_true(d.side[0].e->rec->rx.limit == UINT64_MAX - 1);
		duo_close(&d);
		leat_config_unref(c);
		leat_config_unref(s);
	}
}

/* The sequence number does not wrap: at its end a new key comes, on the last record none is left out. */
static void the_number_does_not_wrap(void **state)
{
	struct duo d;

	(void)state;
	duo_open(&d, client, server, "localhost");
	assert_true(duo_run(&d));
	d.side[LEAT_CLIENT].e->rec->tx.limit = d.side[LEAT_SERVER].e->rec->rx.limit = UINT64_MAX -
										      1;
	d.side[LEAT_CLIENT].e->rec->tx.seq = d.side[LEAT_SERVER].e->rec->rx.seq = UINT64_MAX - 6;
	talk(&d, LEAT_CLIENT, 10, 1);
	assert_int_equal(d.side[LEAT_CLIENT].e->w->post.updates[LEAT_TX], 1);
	assert_true(d.side[LEAT_CLIENT].e->rec->tx.seq < 10);
	keys_agree(&d);
	duo_close(&d);
}

/* TLS 1.2 has no new keys: everything so far arrives, then close_notify; both sides say why. */
static void the_end_of_12(void **state)
{
	struct leat_engine *e;
	struct duo d;
	size_t taken;

	(void)state;
	for (int who = 0; who < 2; who++) {
		duo_open(&d, client12, server, "localhost");
		assert_true(duo_run(&d));
		e = d.side[who].e;
		e->rec->tx.limit = e->rec->tx.seq + 10;
		talk(&d, (enum leat_role)who, 8, 1);
		assert_int_equal(leat_engine_write(e, "x", 1, &taken), LEAT_FAILED);
		assert_int_equal(taken, 0);
		assert_int_equal(leat_engine_error(e)->cls, LEAT_E_CLOSED);
		assert_non_null(strstr(leat_engine_error(e)->what, "as many records as they may"));
		assert_true(leat_engine_wants(e) & LEAT_WANT_SEND);
		(void)!duo_pass(&d, (enum leat_role)who);
		/* for the peer it is an end in order */
		assert_true(leat_engine_wants(d.side[!who].e) & LEAT_IS_EOF);
		assert_int_equal(leat_engine_error(d.side[!who].e)->cls, LEAT_E_NONE);
		assert_int_equal(leat_engine_write(e, "x", 1, &taken), LEAT_FAILED);
		duo_close(&d);
	}
}

/* key_update_at is TLS 1.3's. */
static void bytes_do_not_end_12(void **state)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", "key_update_at=1", NULL);
	struct duo d;

	(void)state;
	duo_open(&d, c, server, "localhost");
	assert_true(duo_run(&d));
	talk(&d, LEAT_CLIENT, 1000, 10);
	duo_close(&d);
	leat_config_unref(c);
}

/* After our close_notify nothing is written, no KeyUpdate either. */
static void nothing_after_the_end(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, "key_update_at=1", NULL);
	struct duo d;
	size_t taken;

	(void)state;
	duo_open(&d, c, server, "localhost");
	assert_true(duo_run(&d));
	talk(&d, LEAT_CLIENT, 1, 1);
	assert_int_equal(leat_engine_close(d.side[LEAT_CLIENT].e), LEAT_OK);
	assert_int_equal(leat_engine_write(d.side[LEAT_CLIENT].e, "x", 1, &taken), LEAT_AGAIN);
	assert_int_equal(d.side[LEAT_CLIENT].e->w->post.updates[LEAT_TX], 0);
	duo_close(&d);
	leat_config_unref(c);
}

static int setup(void **state)
{
	(void)state;
	client = ids_config(LEAT_CLIENT, KEY_NONE, NULL);
	client12 = ids_config(LEAT_CLIENT, KEY_NONE, "versions=tlsv1.2", NULL);
	server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(client);
	leat_config_unref(client12);
	leat_config_unref(server);
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_bytes),
		cmocka_unit_test(in_one_write),
		cmocka_unit_test(by_records),
		cmocka_unit_test(limits_of_ciphers),
		cmocka_unit_test(the_number_does_not_wrap),
		cmocka_unit_test(the_end_of_12),
		cmocka_unit_test(bytes_do_not_end_12),
		cmocka_unit_test(nothing_after_the_end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
