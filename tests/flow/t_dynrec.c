/* SPDX-License-Identifier: Apache-2.0
 *
 * t_dynrec.c - dynamic record sizing: how long the records are at the start of a stream, when it has grown,
 * after a pause, and beside other bounds on their length.
 *
 * REQ: F-dynrec
 */
#include "duo.h"
#include "ids.h"
#include "pki.h"

#include "base/limits.h"
#include "engine/engine_int.h"

#define SEGMENT 1400
#define RAMP    65536

static uint8_t text[200000];

/* A connection between configs that are changed by this setting. */
static void start(struct duo *d, const char *version, const char *setting, const char *more)
{
	struct leat_config *c = ids_config(
		LEAT_CLIENT, KEY_NONE, version, setting, more ? more : "depth=10", NULL);
	struct leat_config *s = ids_config(
		LEAT_SERVER, KEY_EC_P256, version, setting, more ? more : "depth=10", NULL);

	duo_later_s = 0;
	duo_open(d, c, s, "localhost");
	assert_true(duo_run(d));
	leat_config_unref(c);
	leat_config_unref(s);
}

/* What a side sent, record by record. */
struct sent {
	size_t num, len[256]; /* on the wire, header included */
	size_t segments;      /* those of SEGMENT bytes at the start */
};

/* Writes n bytes and passes them on; they must arrive. */
static struct sent say(struct duo *d, enum leat_role from, size_t n)
{
	struct duo_side *s = &d->side[from], *to = &d->side[!from];
	size_t had = to->got.n, at = 0, taken;
	struct sent sent = { 0 };

	while (at < n) {
		assert_int_equal(leat_engine_write(s->e, text + at, n - at, &taken), LEAT_OK);
		at += taken;
		duo_pull(s);
		for (size_t i = 0; i < s->wire.n; i += sent.len[sent.num++]) {
			assert_in_range(sent.num, 0, 255);
			assert_int_equal(s->wire.p[i], 23);
			sent.len[sent.num] = 5 + (size_t)(s->wire.p[i + 3] << 8 | s->wire.p[i + 4]);
		}
		assert_int_equal(duo_pass(d, from), LEAT_OK);
	}
	assert_int_equal(to->got.n - had, n);
	assert_memory_equal(to->got.p + had, text, n);
	while (sent.segments < sent.num && sent.len[sent.segments] == SEGMENT)
		sent.segments++;
	return sent;
}

/* So many records of a segment each go before RAMP bytes are sent. */
static size_t ramp_records(const struct duo *d, enum leat_role side)
{
	size_t content = SEGMENT - rec_overhead(&d->side[side].e->rec->tx);

	return (RAMP + content - 1) / content;
}

static const char *const versions[] = { "versions=tlsv1.2", "versions=tlsv1.3" };

static void off_unless_asked(void **state)
{
	struct duo d;

	(void)state;
	start(&d, versions[1], "depth=10", NULL);
	assert_int_equal(say(&d, LEAT_SERVER, 40000).num, 3);
	duo_close(&d);
}

/* Both ways, each on its own: the one that starts later begins anew. */
static void grows(void **state)
{
	static const char *const ciphers[2][2] = {
		{ "ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			"ciphers=TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
		{ "ciphers=TLS_AES_256_GCM_SHA384", "ciphers=TLS_CHACHA20_POLY1305_SHA256" },
	};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct duo d;

		start(&d, versions[i / 2], "dynamic_record_size=true", ciphers[i / 2][i % 2]);
		for (int side = 0; side < 2; side++) {
			enum leat_role from = (enum leat_role)side;
			size_t overhead = rec_overhead(&d.side[side].e->rec->tx);
			struct sent s = say(&d, from, sizeof(text));

			assert_int_equal(s.segments, ramp_records(&d, from));
			for (size_t k = s.segments; k + 1 < s.num; k++)
				assert_int_equal(s.len[k], LIM_PLAINTEXT + overhead);
			assert_int_equal(say(&d, from, 50000).segments, 0);
		}
		duo_close(&d);
	}
}

/* Short writes count by their bytes, and are records of their own as ever. */
static void short_writes(void **state)
{
	struct duo d;

	(void)state;
	start(&d, versions[1], "dynamic_record_size=true", NULL);
	for (size_t n = 0; n < RAMP; n += 1024)
		assert_int_equal(say(&d, LEAT_CLIENT, 1024).num, 1);
	assert_int_equal(say(&d, LEAT_CLIENT, LIM_PLAINTEXT).num, 1);
	duo_close(&d);
}

/* The last byte of the ramp, and the one after it. */
static void its_end(void **state)
{
	(void)state;
	for (size_t left = 0; left < 2; left++) {
		struct duo d;
		struct sent s;

		start(&d, versions[1], "dynamic_record_size=true", NULL);
		(void)say(&d, LEAT_CLIENT, RAMP - left);
		s = say(&d, LEAT_CLIENT, 10000);
		assert_int_equal(s.segments, left);
		assert_int_equal(s.num, 1 + left);
		duo_close(&d);
	}
}

/* A whole second without data, which two ticks of the clock are; and a clock that was set back. */
static void idle(void **state)
{
	static const struct {
		int64_t later_s;
		bool anew;
	} rows[] = { { 0, false }, { 1, false }, { 2, true }, { 3600, true }, { -1, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct duo d;

		start(&d, versions[1], "dynamic_record_size=true", NULL);
		(void)say(&d, LEAT_SERVER, sizeof(text));
		duo_later_s += rows[i].later_s;
		assert_int_equal(say(&d, LEAT_SERVER, 100000).segments,
			rows[i].anew ? ramp_records(&d, LEAT_SERVER) : 0);
		/* data without pause is none, however long it goes on */
		for (int k = 0; k < 5; k++) {
			duo_later_s++;
			assert_int_equal(say(&d, LEAT_SERVER, 30000).segments, 0);
		}
		duo_close(&d);
	}
}

/* What was agreed is kept to, whether it is shorter than a segment or longer. */
static void with_record_size_limit(void **state)
{
	static const struct {
		const char *limit;
		size_t content; /* of TLS 1.3, the type not counted */
	} rows[] = { { "record_size_limit=512", 511 }, { "record_size_limit=4096", 4095 } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct duo d;
		struct sent s;

		start(&d, versions[1], "dynamic_record_size=true", rows[i].limit);
		s = say(&d, LEAT_CLIENT, 100000);
		assert_int_equal(s.segments, i ? ramp_records(&d, LEAT_CLIENT) : 0);
		for (size_t k = 0; k < s.num; k++)
			assert_true(
				s.len[k] <= rows[i].content + rec_overhead(&d.side[0].e->rec->tx));
		assert_int_equal(
			s.len[s.segments], rows[i].content + rec_overhead(&d.side[0].e->rec->tx));
		duo_close(&d);
	}
}

/* New keys are not a new stream. */
static void with_key_update(void **state)
{
	struct duo d;

	(void)state;
	start(&d, versions[1], "dynamic_record_size=true", NULL);
	(void)say(&d, LEAT_CLIENT, sizeof(text));
	assert_int_equal(leat_engine_key_update(d.side[0].e, false), LEAT_OK);
	duo_pull(&d.side[0]);
	assert_int_equal(duo_pass(&d, LEAT_CLIENT), LEAT_OK);
	assert_int_equal(say(&d, LEAT_CLIENT, 50000).segments, 0);
	duo_close(&d);
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_unless_asked),
		cmocka_unit_test(grows),
		cmocka_unit_test(short_writes),
		cmocka_unit_test(its_end),
		cmocka_unit_test(idle),
		cmocka_unit_test(with_record_size_limit),
		cmocka_unit_test(with_key_update),
	};

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	return cmocka_run_group_tests(tests, NULL, teardown);
}
