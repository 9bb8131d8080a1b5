/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wr.c: user/base/wr.c - the builder: prefixes and what does not fit them, sticky failure, fixed and
 * growing memory, and that old blocks are wiped before they go.
 */
#include "vec.h"

#include "base/mem.h"
#include "base/wr.h"

static void numbers(void **state)
{
	struct leat_wr w = { 0 };

	(void)state;
	leat_wr_u8(&w, 0x01);
	leat_wr_u16(&w, 0x0203);
	leat_wr_u24(&w, 0x040506);
	leat_wr_u32(&w, 0x0708090a);
	leat_wr_u64(&w, 0x0b0c0d0e0f101112);
	leat_wr_bytes(&w, "\xfe\xff", 2);
	assert_true(leat_wr_ok(&w));
	assert_hex(leat_wr_done(&w).p, leat_wr_done(&w).n,
		"01 0203 040506 0708090a 0b0c0d0e0f101112 feff");
	leat_wr_clear(&w);
	assert_null(w.p);
	assert_int_equal(w.n, 0);
	leat_wr_clear(&w);
}

static void u24_limit(void **state)
{
	struct leat_wr w = { 0 };

	(void)state;
	leat_wr_u24(&w, 0xffffff);
	assert_true(leat_wr_ok(&w));
	leat_wr_u24(&w, 0x1000000);
	assert_false(leat_wr_ok(&w));
	assert_null(leat_wr_done(&w).p);
	leat_wr_clear(&w);
}

static void nothing_written_yet(void **state)
{
	struct leat_wr w = { 0 };
	struct leat_span s = leat_wr_done(&w);

	(void)state;
	assert_true(leat_wr_ok(&w));
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	leat_wr_bytes(&w, NULL, 0); /* an empty span may be NULL */
	leat_wr_span(&w, (struct leat_span){ NULL, 0 });
	assert_true(leat_wr_ok(&w));
	assert_int_equal(w.n, 0);
	assert_non_null(leat_wr_room(&w, 0)); /* room of nothing is an address, not a failure */
	leat_wr_vec(&w, 2, (struct leat_span){ NULL, 0 });
	assert_hex(w.p, w.n, "0000");
	leat_wr_clear(&w);
}

static void nested_prefixes(void **state)
{
	struct leat_wr w = { 0 };
	size_t a, b, d;

	(void)state;
	leat_wr_u8(&w, 0x99);
	a = leat_wr_open(&w, 3);
	b = leat_wr_open(&w, 2);
	leat_wr_u8(&w, 1);
	d = leat_wr_open(&w, 1);
	leat_wr_bytes(&w, "xyz", 3);
	leat_wr_close(&w, d, 1);
	leat_wr_close(&w, b, 2);
	leat_wr_vec(&w, 1, vec_str("ab"));
	leat_wr_close(&w, a, 3);
	assert_true(leat_wr_ok(&w));
	assert_hex(w.p, w.n, "99 00000a 0005 01 03 78797a 02 6162");
	leat_wr_clear(&w);
}

/* Bodies one below, at and one above what a prefix can say. */
static void prefix_limits(void **state)
{
	static const struct {
		unsigned width;
		size_t max;
	} t[] = { { 1, 0xff }, { 2, 0xffff }, { 3, 0xffffff } };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t n = t[i].max - 1; n <= t[i].max + 1; n++)
			for (int vec = 0; vec < 2; vec++) {
				struct leat_wr w = { 0 };
				bool ok = n <= t[i].max;
				uint8_t *p;

				if (vec) {
					p = calloc(1, n);
					leat_wr_vec(&w, t[i].width, (struct leat_span){ p, n });
					free(p);
				} else {
					size_t m = leat_wr_open(&w, t[i].width);

					p = leat_wr_room(&w, n);
					assert_non_null(p);
					memset(p, 0, n);
					leat_wr_close(&w, m, t[i].width);
				}
				assert_int_equal(leat_wr_ok(&w), ok);
				assert_int_equal(leat_wr_done(&w).n, ok ? t[i].width + n : 0);
				for (unsigned k = 0; ok && k < t[i].width; k++)
					assert_int_equal(
						w.p[k], (uint8_t)(n >> 8 * (t[i].width - 1 - k)));
				leat_wr_clear(&w);
			}
}

/* After a failure nothing is written, whatever is asked. */
static void failure_is_sticky(void **state)
{
	uint8_t buf[4] = { 9, 9, 9, 9 };
	struct leat_wr w;
	size_t m;

	(void)state;
	leat_wr_fixed(&w, buf, 3);
	leat_wr_u32(&w, 0x01020304);
	assert_false(leat_wr_ok(&w));
	leat_wr_u8(&w, 1); /* would fit */
	leat_wr_bytes(&w, "x", 1);
	leat_wr_vec(&w, 1, (struct leat_span){ NULL, 0 });
	m = leat_wr_open(&w, 1);
	leat_wr_close(&w, m, 1);
	assert_null(leat_wr_room(&w, 0));
	assert_false(leat_wr_ok(&w));
	assert_int_equal(w.n, 0);
	assert_hex(buf, 4, "09090909");
	assert_null(leat_wr_done(&w).p);
}

static void fixed_room_to_the_byte(void **state)
{
	(void)state;
	for (size_t cap = 0; cap <= 20; cap++) {
		uint8_t *buf = malloc(cap + 1); /* a block of its own, so that ASan sees its end */
		struct leat_wr w;
		size_t n = 0;

		buf[cap] = 0xee;
		leat_wr_fixed(&w, buf, cap);
		for (; leat_wr_ok(&w); n++)
			leat_wr_u8(&w, (uint8_t)n);
		assert_int_equal(n, cap + 1); /* the last one failed */
		assert_int_equal(w.n, cap);
		for (size_t i = 0; i < cap; i++)
			assert_int_equal(buf[i], i);
		assert_int_equal(buf[cap], 0xee);
		leat_wr_clear(&w);
		for (size_t i = 0; i < cap; i++)
			assert_int_equal(buf[i], 0); /* wiped, and still the caller's */
		free(buf);
	}
}

static void fixed_without_memory(void **state)
{
	struct leat_wr w;

	(void)state;
	leat_wr_fixed(&w, NULL, 0);
	assert_null(leat_wr_room(&w, 1));
	assert_false(leat_wr_ok(&w));
	leat_wr_clear(&w);
}

static void lengths_that_overflow(void **state)
{
	(void)state;
	for (int fixed = 0; fixed < 2; fixed++) {
		const size_t lens[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 2, SIZE_MAX - 4 };

		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			struct leat_wr w = { 0 };
			uint8_t buf[16];

			if (fixed)
				leat_wr_fixed(&w, buf, sizeof(buf));
			leat_wr_u32(&w, 1);
			assert_null(leat_wr_room(&w, lens[i]));
			assert_false(leat_wr_ok(&w));
			assert_int_equal(w.n, 4);
			leat_wr_clear(&w);
		}
	}
}

static void grows_without_losing_a_byte(void **state)
{
	struct leat_wr w = { 0 };
	size_t m = leat_wr_open(&w, 3);

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		leat_wr_u8(&w, (uint8_t)(i * 7));
	leat_wr_close(&w, m, 3);
	assert_true(leat_wr_ok(&w));
	assert_hex(w.p, 3, "0186a0");
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(w.p[3 + i], (uint8_t)(i * 7));
	assert_true(w.cap < 4 * w.n);
	leat_wr_clear(&w);
}

/* What was expected takes no more memory than that; more than was expected is written all the same. */
static void expected_to_the_byte(void **state)
{
	struct leat_wr w = { 0 }, fixed;
	uint8_t *block, room[4];

	(void)state;
	leat_wr_expect(&w, 130);
	block = w.p;
	for (unsigned i = 0; i < 130; i++)
		leat_wr_u8(&w, (uint8_t)i);
	assert_ptr_equal(w.p, block);
	assert_int_equal(w.cap, 130);
	leat_wr_expect(&w, 10); /* there already */
	assert_ptr_equal(w.p, block);
	leat_wr_u8(&w, 130);
	assert_true(leat_wr_ok(&w));
	for (unsigned i = 0; i <= 130; i++)
		assert_int_equal(w.p[i], i);
	leat_wr_clear(&w);
	leat_wr_fixed(&fixed, room, sizeof(room));
	leat_wr_expect(&fixed, 5);
	assert_ptr_equal(fixed.p, room);
	assert_true(leat_wr_ok(&fixed));
	leat_mem_fail_at(1);
	leat_wr_expect(&w, 1);
	leat_mem_fail_at(0);
	assert_false(leat_wr_ok(&w));
	leat_wr_clear(&w);
}

/* Every allocation of a growing writer fails once: sticky, what was there stays clearable. */
static void out_of_memory(void **state)
{
	unsigned long nth;
	bool failed = true;

	(void)state;
	for (nth = 1; failed && nth < 50; nth++) {
		struct leat_wr w = { 0 };

		leat_mem_fail_at(nth);
		for (int i = 0; i < 5000; i++)
			leat_wr_u8(&w, 1);
		failed = !leat_wr_ok(&w);
		leat_mem_fail_at(0);
		if (failed)
			leat_wr_u8(&w, 1); /* memory is back, the failure is not forgotten */
		assert_int_equal(leat_wr_ok(&w), !failed);
		assert_int_equal(leat_wr_done(&w).n, failed ? 0 : 5000);
		leat_wr_clear(&w);
	}
	assert_true(nth > 4 && nth < 50);
}

/* libc's wiping, overheard: base/secret.c calls one of these two (the second when fortified). */
static struct {
	const void *p;
	size_t n;
	unsigned calls;
} wiped;

void explicit_bzero(void *p, size_t n);
void __explicit_bzero_chk(void *p, size_t n, size_t room);

void explicit_bzero(void *p, size_t n)
{
	volatile uint8_t *b = p;

	wiped.p = p;
	wiped.n = n;
	wiped.calls++;
	while (n--)
		*b++ = 0;
}

void __explicit_bzero_chk(void *p, size_t n, size_t room)
{
	(void)room;
	explicit_bzero(p, n);
}

/* Growth may not leave the old bytes in freed memory, nor may clear: each block is wiped whole. */
static void every_block_is_wiped(void **state)
{
	struct leat_wr w = { 0 };
	const void *old;
	size_t cap;

	(void)state;
	for (int round = 0; round < 5; round++) {
		while (w.n < w.cap || w.n == 0)
			leat_wr_u8(&w, 0x5a);
		old = w.p;
		cap = w.cap;
		wiped.calls = 0;
		leat_wr_u8(&w, 0x5a);
		assert_int_not_equal(w.cap, cap);
		assert_int_equal(wiped.calls, 1);
		assert_ptr_equal(wiped.p, old);
		assert_int_equal(wiped.n, cap);
	}
	old = w.p;
	cap = w.cap;
	wiped.calls = 0;
	leat_wr_clear(&w);
	assert_int_equal(wiped.calls, 1);
	assert_ptr_equal(wiped.p, old);
	assert_int_equal(wiped.n, cap);
}

/* close without anything between, and a mark that belongs to a longer prefix */
static void empty_bodies(void **state)
{
	struct leat_wr w = { 0 };

	(void)state;
	for (unsigned width = 1; width <= 4; width++) {
		size_t m = leat_wr_open(&w, width);

		leat_wr_close(&w, m, width);
	}
	assert_hex(w.p, w.n, "00 0000 000000 00000000");
	leat_wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(u24_limit),
		cmocka_unit_test(nothing_written_yet),
		cmocka_unit_test(nested_prefixes),
		cmocka_unit_test(prefix_limits),
		cmocka_unit_test(failure_is_sticky),
		cmocka_unit_test(fixed_room_to_the_byte),
		cmocka_unit_test(fixed_without_memory),
		cmocka_unit_test(lengths_that_overflow),
		cmocka_unit_test(grows_without_losing_a_byte),
		cmocka_unit_test(expected_to_the_byte),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(every_block_is_wiped),
		cmocka_unit_test(empty_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
