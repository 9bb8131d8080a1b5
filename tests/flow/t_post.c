/* SPDX-License-Identifier: Apache-2.0
 *
 * t_post.c - handshake messages after the handshake: KeyUpdate both ways and asked for, tickets, what is
 * refused, floods, cuts. Works on struct hs_post and a sink, without records.
 *
 * REQ: F-keyupdate
 */
#include "pair.h"

#include "base/limits.h"
#include "pki.h"
#include "wire/key_update.h"
#include "wire/session_ticket.h"

#define A(name) LEAT_ALERT_##name

/* Both sides of an established connection. */
struct up {
	struct pair pair;
	struct hs_post post[2];
};

static void connect_up(struct up *u)
{
	memset(u, 0, sizeof(*u));
	pair_init(&u->pair, pair_client_config(), pair_server_config(KEY_EC_P256), NULL);
	pair_must_connect(&u->pair);
	for (int i = 0; i < 2; i++)
		hs_finish(u->pair.side[i].hs, &u->post[i]);
}

static void tear_down(struct up *u)
{
	for (int i = 0; i < 2; i++)
		hs_post_clear(&u->post[i]);
	pair_clear(&u->pair);
}

static enum leat_ret feed(struct up *u, enum leat_role to, const void *b, size_t n)
{
	struct pair_side *s = &u->pair.side[to];

	return hs_post_record(&u->post[to], s->cfg, &s->sink, vec_copy(b, n), &s->err);
}

static void refused(struct up *u, enum leat_role to, const void *b, size_t n, unsigned alert)
{
	struct pair_side *s = &u->pair.side[to];

	assert_int_equal(feed(u, to, b, n), LEAT_FAILED);
	assert_int_equal(s->err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(s->err.alert, alert);
	memset(&s->err, 0, sizeof(s->err));
}

static bool keys_agree(const struct up *u)
{
	const struct pair_side *c = &u->pair.side[0], *s = &u->pair.side[1];
	bool same = true;

	for (int d = 0; d < 2; d++)
		same = same &&
		       memcmp(&c->dir[d].keys, &s->dir[!d].keys, sizeof(struct traffic_keys)) == 0;
	return same;
}

static const uint8_t update[] = { MSG_KEY_UPDATE, 0, 0, 1, 0 },
		     update_please[] = { MSG_KEY_UPDATE, 0, 0, 1, 1 };

static void finish_hands_over(void **state)
{
	struct up u;

	(void)state;
	connect_up(&u);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(u.post[i].version, LEAT_TLS13);
		assert_int_equal(u.post[i].role, i);
		assert_true(u.post[i].resumption.n == 32 || u.post[i].resumption.n == 48);
	}
	assert_memory_equal(&u.post[0].rx, &u.post[1].tx, sizeof(struct leat_secret));
	assert_memory_equal(&u.post[0].tx, &u.post[1].rx, sizeof(struct leat_secret));
	assert_memory_equal(
		&u.post[0].resumption, &u.post[1].resumption, sizeof(struct leat_secret));
	assert_memory_equal(&u.post[0].exporter, &u.post[1].exporter, sizeof(struct leat_secret));
	/* what the sink was given is what can be derived again */
	for (int d = 0; d < 2; d++) {
		struct traffic_keys k = { 0 };

		assert_int_equal(hs_post_keys(&u.post[0], (enum leat_dir)d, &k), LEAT_OK);
		assert_memory_equal(&k, &u.pair.side[0].dir[d].keys, sizeof(k));
	}
	tear_down(&u);
}

static void update_out_and_in(void **state)
{
	struct up u;

	(void)state;
	connect_up(&u);
	for (int round = 0; round < 5; round++) {
		enum leat_role who = (enum leat_role)(round % 2);
		struct traffic_keys before = u.pair.side[who].dir[LEAT_TX].keys;
		struct pair_side *s = &u.pair.side[who];
		struct pair_unit *unit;

		assert_int_equal(hs_post_key_update(&u.post[who], s->cfg, &s->sink, false, &s->err),
			LEAT_OK);
		unit = pair_peek(&u.pair, who);
		assert_int_equal(unit->n, sizeof(update));
		assert_memory_equal(unit->p, update, sizeof(update));
		/* it went out under the old keys */
		assert_memory_equal(&unit->keys, &before, sizeof(before));
		assert_memory_not_equal(&s->dir[LEAT_TX].keys, &before, sizeof(before));
		assert_false(keys_agree(&u));
		assert_int_equal(feed(&u, !who, unit->p, unit->n), LEAT_OK);
		assert_true(keys_agree(&u));
		assert_null(pair_peek(&u.pair, !who)); /* no answer unasked */
		pair_pop(&u.pair, who);
	}
	tear_down(&u);
}

static void update_is_answered_once(void **state)
{
	struct up u;
	struct pair_unit *unit;

	(void)state;
	connect_up(&u);
	assert_int_equal(feed(&u, LEAT_SERVER, update_please, sizeof(update_please)), LEAT_OK);
	unit = pair_peek(&u.pair, LEAT_SERVER);
	assert_non_null(unit);
	assert_memory_equal(unit->p, update, sizeof(update)); /* not a request again */
	pair_pop(&u.pair, LEAT_SERVER);
	assert_true(u.post[LEAT_SERVER].answered);
	assert_int_equal(feed(&u, LEAT_SERVER, update_please, sizeof(update_please)), LEAT_OK);
	assert_null(pair_peek(&u.pair, LEAT_SERVER));
	/* application data went out: the next request counts again */
	u.post[LEAT_SERVER].answered = false;
	assert_int_equal(feed(&u, LEAT_SERVER, update_please, sizeof(update_please)), LEAT_OK);
	assert_non_null(pair_peek(&u.pair, LEAT_SERVER));
	tear_down(&u);
}

static void flood_is_refused(void **state)
{
	struct up u;

	(void)state;
	connect_up(&u);
	for (int i = 0; i < LIM_POST_MESSAGES; i++)
		assert_int_equal(feed(&u, LEAT_SERVER, update, sizeof(update)), LEAT_OK);
	refused(&u, LEAT_SERVER, update, sizeof(update), A(UNEXPECTED_MESSAGE));
	/* data in between makes it right */
	u.post[LEAT_CLIENT].key_updates_in = 0;
	for (int i = 0; i < 3 * LIM_POST_MESSAGES; i++) {
		u.post[LEAT_CLIENT].key_updates_in = 0;
		assert_int_equal(feed(&u, LEAT_CLIENT, update, sizeof(update)), LEAT_OK);
	}
	tear_down(&u);
}

static void bad_updates(void **state)
{
	static const uint8_t two[] = { MSG_KEY_UPDATE, 0, 0, 1, 2 },
			     empty[] = { MSG_KEY_UPDATE, 0, 0, 0 },
			     long_one[] = { MSG_KEY_UPDATE, 0, 0, 2, 0, 0 },
			     followed[] = { MSG_KEY_UPDATE, 0, 0, 1, 0, MSG_KEY_UPDATE },
			     big[] = { MSG_KEY_UPDATE, 1, 0, 0 };
	struct up u;
	struct traffic_keys before;

	(void)state;
	connect_up(&u);
	for (int to = 0; to < 2; to++) {
		before = u.pair.side[to].dir[LEAT_RX].keys;
		refused(&u, (enum leat_role)to, two, sizeof(two), A(ILLEGAL_PARAMETER));
		refused(&u, (enum leat_role)to, empty, sizeof(empty), A(DECODE_ERROR));
		refused(&u, (enum leat_role)to, long_one, sizeof(long_one), A(DECODE_ERROR));
		refused(&u, (enum leat_role)to, followed, sizeof(followed), A(UNEXPECTED_MESSAGE));
		refused(&u, (enum leat_role)to, big, sizeof(big), A(ILLEGAL_PARAMETER));
		refused(&u, (enum leat_role)to, "", 0, A(UNEXPECTED_MESSAGE));
		/* refused input changed nothing */
		assert_memory_equal(&before, &u.pair.side[to].dir[LEAT_RX].keys, sizeof(before));
	}
	tear_down(&u);
}

/* Every other message, to both sides. */
static void nothing_else(void **state)
{
	struct up u;

	(void)state;
	connect_up(&u);
	for (unsigned msg = 0; msg < 256; msg++) {
		uint8_t b[] = { (uint8_t)msg, 0, 0, 1, 0 };

		for (int to = 0; to < 2; to++) {
			if (msg == MSG_KEY_UPDATE ||
				(msg == MSG_SESSION_TICKET && to == LEAT_CLIENT))
				continue;
			refused(&u, (enum leat_role)to, b, sizeof(b), A(UNEXPECTED_MESSAGE));
		}
	}
	tear_down(&u);
}

static struct leat_span ticket(uint32_t lifetime_s)
{
	struct session_ticket t = {
		.lifetime_s = lifetime_s, .nonce = vec_str("n"), .ticket = vec_noise(200)
	};
	struct leat_wr w = { 0 };
	struct leat_span out;

	enc_session_ticket(&w, &t);
	out = vec_copy(w.p, w.n);
	leat_wr_clear(&w);
	return out;
}

static void tickets(void **state)
{
	struct leat_span good = ticket(604800), late = ticket(604801), zero = ticket(0);
	struct up u;

	(void)state;
	connect_up(&u);
	assert_int_equal(feed(&u, LEAT_CLIENT, good.p, good.n), LEAT_OK);
	assert_int_equal(feed(&u, LEAT_CLIENT, zero.p, zero.n), LEAT_OK);
	refused(&u, LEAT_CLIENT, late.p, late.n, A(ILLEGAL_PARAMETER));
	for (size_t cut = 1; cut + 4 < good.n; cut += 7) {
		uint8_t *b = malloc(good.n);

		memcpy(b, good.p, good.n);
		b[2] = (uint8_t)((good.n - 4 - cut) >> 8);
		b[3] = (uint8_t)(good.n - 4 - cut);
		u.post[LEAT_CLIENT].key_updates_in = 0;
		refused(&u, LEAT_CLIENT, b, good.n - cut, A(DECODE_ERROR));
		free(b);
	}
	tear_down(&u);
}

/* A message may come in pieces; between them the connection holds it, and nothing after. */
static void pieces(void **state)
{
	struct leat_span t = ticket(1);
	struct up u;

	(void)state;
	connect_up(&u);
	for (size_t cut = 1; cut < t.n; cut++) {
		u.post[LEAT_CLIENT].key_updates_in = 0;
		assert_int_equal(feed(&u, LEAT_CLIENT, t.p, cut), LEAT_OK);
		assert_int_equal(u.post[LEAT_CLIENT].partial.n, cut);
		assert_int_equal(feed(&u, LEAT_CLIENT, t.p + cut, t.n - cut), LEAT_OK);
		assert_int_equal(u.post[LEAT_CLIENT].partial.n, 0);
		assert_null(u.post[LEAT_CLIENT].partial.p);
	}
	/* two in one record, a KeyUpdate behind them */
	uint8_t *b = malloc(2 * t.n + sizeof(update));
	memcpy(b, t.p, t.n);
	memcpy(b + t.n, t.p, t.n);
	memcpy(b + 2 * t.n, update, sizeof(update));
	assert_int_equal(feed(&u, LEAT_CLIENT, b, 2 * t.n + sizeof(update)), LEAT_OK);
	free(b);
	tear_down(&u);
}

/* The keys of a direction live in the kernel, which takes no new ones: an end with a name, no alert. */
static void no_secret_no_update(void **state)
{
	struct up u;
	struct pair_side *s = &u.pair.side[LEAT_CLIENT];

	(void)state;
	connect_up(&u);
	hs_post_forget_keys(&u.post[LEAT_CLIENT], LEAT_TX, false);
	assert_int_equal(hs_post_key_update(&u.post[LEAT_CLIENT], s->cfg, &s->sink, true, &s->err),
		LEAT_FAILED);
	assert_int_equal(s->err.cls, LEAT_E_CLOSED);
	assert_null(pair_peek(&u.pair, LEAT_CLIENT));
	memset(&s->err, 0, sizeof(s->err));
	hs_post_forget_keys(&u.post[LEAT_CLIENT], LEAT_RX, false);
	assert_int_equal(feed(&u, LEAT_CLIENT, update, sizeof(update)), LEAT_FAILED);
	assert_int_equal(s->err.cls, LEAT_E_CLOSED);
	tear_down(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(finish_hands_over, vec_teardown),
		cmocka_unit_test_teardown(update_out_and_in, vec_teardown),
		cmocka_unit_test_teardown(update_is_answered_once, vec_teardown),
		cmocka_unit_test_teardown(flood_is_refused, vec_teardown),
		cmocka_unit_test_teardown(bad_updates, vec_teardown),
		cmocka_unit_test_teardown(nothing_else, vec_teardown),
		cmocka_unit_test_teardown(tickets, vec_teardown),
		cmocka_unit_test_teardown(pieces, vec_teardown),
		cmocka_unit_test_teardown(no_secret_no_update, vec_teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	return r;
}
