/* SPDX-License-Identifier: Apache-2.0
 *
 * t_padding.c - padding of TLS 1.3 records (RFC 8446 5.4): lengths on the wire say no more than the policy
 * allows, no record gets too long by it, and what is inside arrives.
 *
 * REQ: F-padding13
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include <leat/config.h>

#include "engine/engine.h"
#include "engine/engine_int.h"

#define NUM(a)   (sizeof(a) / sizeof((a)[0]))
#define OVERHEAD (1 + 16) /* content type, tag */

static struct leat_config *server;

/* Checks each protected record on a side's wire, then passes it on: content and padding are a multiple of
 * `to`, or as much as a record holds. Returns how many there were. */
static size_t check_wire(struct duo *d, enum leat_role from, size_t to, size_t max)
{
	struct duo_side *s = &d->side[from];
	size_t num = 0, n;

	duo_pull(s);
	for (size_t at = 0; at < s->wire.n; at += 5 + n) {
		n = (size_t)s->wire.p[at + 3] << 8 | s->wire.p[at + 4];
		if (s->wire.p[at] != 23)
			continue;
		num++;
		assert_true(n - OVERHEAD <= max);
		assert_true((n - OVERHEAD) % to == 0 || n - OVERHEAD == max);
	}
	(void)!duo_pass(d, from);
	return num;
}

static void say_checked(struct duo *d, enum leat_role from, size_t n, size_t to, size_t max)
{
	struct leat_span data = vec_noise(n);
	size_t at = 0, taken;

	while (at < n) {
		assert_int_not_equal(
			leat_engine_write(d->side[from].e, data.p + at, n - at, &taken),
			LEAT_FAILED);
		at += taken;
		(void)check_wire(d, from, to, max);
	}
	assert_int_equal(d->side[!from].got.n, n);
	assert_memory_equal(d->side[!from].got.p, data.p, n);
	leat_wr_clear(&d->side[!from].got);
}

static void to_a_multiple(void **state)
{
	static const unsigned multiples[] = { 2, 3, 64, 100, 512, 4096, 16383, 16384 };
	static const size_t sizes[] = { 1, 63, 64, 65, 1000, 16383, 16384, 16385, 50000 };
	char text[60];

	(void)state;
	for (size_t i = 0; i < 2 * NUM(multiples); i++) {
		enum leat_role who = i % 2 ? LEAT_SERVER : LEAT_CLIENT;
		unsigned to = multiples[i / 2];
		struct leat_config *mine, *peer;
		struct duo d;

		snprintf(text, sizeof(text), "record_padding=%u", to);
		mine = ids_config(who, KEY_EC_P256, text, NULL);
		peer = ids_config((enum leat_role) !who, KEY_EC_P256, NULL);
		duo_open(&d, who == LEAT_CLIENT ? mine : peer, who == LEAT_SERVER ? mine : peer,
			"localhost");
		/* the handshake too: the length of a chain tells who is there */
		for (int k = 0; k < 4; k++) {
			(void)check_wire(&d, LEAT_CLIENT, who ? 1 : to, LIM_PLAINTEXT);
			(void)check_wire(&d, LEAT_SERVER, who ? to : 1, LIM_PLAINTEXT);
		}
		assert_true(duo_run(&d));
		for (size_t k = 0; k < NUM(sizes); k++)
			say_checked(&d, who, sizes[k], to, LIM_PLAINTEXT);
		assert_int_equal(leat_engine_key_update(d.side[who].e, false), LEAT_OK);
		assert_int_equal(leat_engine_close(d.side[who].e), LEAT_OK);
		assert_int_equal(check_wire(&d, who, to, LIM_PLAINTEXT), 2);
		assert_true(leat_engine_wants(d.side[!who].e) & LEAT_IS_EOF);
		duo_close(&d);
		leat_config_unref(mine);
		leat_config_unref(peer);
	}
}

/* RFC 8449 4: padding counts; RFC 8446 5.4. */
static void not_beyond_what_was_agreed(void **state)
{
	struct leat_config *c = ids_config(LEAT_CLIENT, KEY_NONE, "record_size_limit=200", NULL);
	struct leat_config *s = ids_config(LEAT_SERVER, KEY_EC_P256, "record_padding=128", NULL);
	struct duo d;

	(void)state;
	duo_open(&d, c, s, "localhost");
	assert_true(duo_run(&d));
	say_checked(&d, LEAT_SERVER, 1, 128, 199);
	say_checked(&d, LEAT_SERVER, 129, 128, 199); /* 199, not 256 */
	say_checked(&d, LEAT_SERVER, 5000, 128, 199);
	duo_close(&d);
	leat_config_unref(c);
	leat_config_unref(s);
}

struct asked {
	size_t calls[256], answer;
};

static size_t pad(void *arg, uint8_t type, size_t n, size_t room)
{
	struct asked *a = arg;

	a->calls[type]++;
	assert_true(n > 0 && n + room <= LIM_PLAINTEXT);
	return a->answer;
}

static void by_a_function(void **state)
{
	static const size_t answers[] = { 0, 1, 100, 16384, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < NUM(answers); i++) {
		struct asked a = { .answer = answers[i] };
		struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_NONE);
		struct leat_err err = { 0 };
		struct duo d;

		assert_int_equal(leat_config_set_record_padding(c, pad, &a, &err), LEAT_OK);
		assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
		assert_int_equal(leat_config_set_record_padding(c, NULL, NULL, &err), LEAT_FAILED);
		duo_open(&d, c, server, "localhost");
		assert_true(duo_run(&d));
		assert_int_equal(a.calls[22], 1); /* its Finished; the hello is in clear */
		duo_say(&d, LEAT_CLIENT, "hello", 5);
		assert_int_equal(a.calls[23], 1);
		assert_int_equal(d.side[LEAT_SERVER].got.n, 5);
		assert_int_equal(leat_engine_close(d.side[LEAT_CLIENT].e), LEAT_OK);
		(void)!duo_pass(&d, LEAT_CLIENT);
		assert_int_equal(a.calls[21], 1);
		assert_true(leat_engine_wants(d.side[LEAT_SERVER].e) & LEAT_IS_EOF);
		duo_close(&d);
		leat_config_unref(c);
	}
}

/* TLS 1.2 has none, and nothing is said about it. */
static void not_in_12(void **state)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_NONE, "record_padding=1000", "versions=tlsv1.2", NULL);
	struct duo d;

	(void)state;
	duo_open(&d, c, server, "localhost");
	assert_true(duo_run(&d));
	assert_false(leat_engine_pads(d.side[LEAT_CLIENT].e));
	assert_int_equal(d.side[LEAT_CLIENT].wire.n, 0);
	{
		size_t taken;

		assert_int_equal(leat_engine_write(d.side[LEAT_CLIENT].e, "x", 1, &taken), LEAT_OK);
		duo_pull(&d.side[LEAT_CLIENT]);
		assert_int_equal(d.side[LEAT_CLIENT].wire.n, 5 + 8 + 1 + 16);
	}
	duo_close(&d);
	leat_config_unref(c);
}

static int setup(void **state)
{
	(void)state;
	server = ids_config(LEAT_SERVER, KEY_EC_P256, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(server);
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_a_multiple),
		cmocka_unit_test(not_beyond_what_was_agreed),
		cmocka_unit_test(by_a_function),
		cmocka_unit_test(not_in_12),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
