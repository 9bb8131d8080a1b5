/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rd.c: user/base/rd.c - the reader: exact ends, sticky failure, bounds of vectors.
 */
#include "vec.h"

#include "base/rd.h"

static struct leat_rd of(const char *hex)
{
	return leat_rd_of(vec_hex(hex));
}

static void numbers(void **state)
{
	struct leat_rd r = of("01 0203 040506 0708090a 0b0c0d0e0f101112");
	uint8_t a;
	uint16_t b;
	uint32_t d, e;
	uint64_t f;

	(void)state;
	leat_rd_u8(&r, &a);
	leat_rd_u16(&r, &b);
	leat_rd_u24(&r, &d);
	leat_rd_u32(&r, &e);
	assert_true(leat_rd_more(&r));
	leat_rd_u64(&r, &f);
	assert_int_equal(a, 0x01);
	assert_int_equal(b, 0x0203);
	assert_int_equal(d, 0x040506);
	assert_int_equal(e, 0x0708090a);
	assert_int_equal(f, 0x0b0c0d0e0f101112);
	assert_true(leat_rd_end(&r));
	assert_false(leat_rd_more(&r));
}

static void largest_numbers(void **state)
{
	struct leat_rd r = of("ff ffff ffffff ffffffff ffffffffffffffff");
	uint8_t a;
	uint16_t b;
	uint32_t d, e;
	uint64_t f;

	(void)state;
	leat_rd_u8(&r, &a);
	leat_rd_u16(&r, &b);
	leat_rd_u24(&r, &d);
	leat_rd_u32(&r, &e);
	leat_rd_u64(&r, &f);
	assert_int_equal(a, 0xff);
	assert_int_equal(b, 0xffff);
	assert_int_equal(d, 0xffffff);
	assert_true(e == UINT32_MAX);
	assert_true(f == UINT64_MAX);
	assert_true(leat_rd_end(&r));
}

static uint64_t number(struct leat_rd *r, unsigned width)
{
	uint8_t a = 0xee;
	uint16_t b = 0xeeee;
	uint32_t d = 0xeeeeeeee;
	uint64_t f = 0xeeeeeeee;

	switch (width) {
	case 1: leat_rd_u8(r, &a); return a;
	case 2: leat_rd_u16(r, &b); return b;
	case 3: leat_rd_u24(r, &d); return d;
	case 4: leat_rd_u32(r, &d); return d;
	default: leat_rd_u64(r, &f); return f;
	}
}

/* One byte short of every width: zero, failed, empty; and failed it stays, for every other read. */
static void failure_is_sticky(void **state)
{
	static const unsigned widths[] = { 1, 2, 3, 4, 8 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t n = 0; n < widths[i]; n++) {
			struct leat_rd r = leat_rd_of(vec_noise(n)), sub;
			struct leat_span s;

			assert_int_equal(number(&r, widths[i]), 0);
			assert_false(leat_rd_ok(&r));
			assert_false(leat_rd_end(&r));
			assert_false(leat_rd_more(&r));
			assert_int_equal(r.n, 0);
			for (size_t j = 0; j < 5; j++)
				assert_int_equal(number(&r, widths[j]), 0);
			s = leat_rd_bytes(&r, 0);
			assert_null(s.p);
			s = leat_rd_rest(&r);
			assert_null(s.p);
			assert_int_equal(s.n, 0);
			leat_rd_vec8(&r, &sub, 0, 255);
			assert_false(leat_rd_ok(&sub));
			s = leat_rd_opaque16(&r, 0, 65535);
			assert_null(s.p);
			assert_false(leat_rd_ok(&r));
		}
}

static void bytes(void **state)
{
	struct leat_span in = vec_noise(10), s;
	struct leat_rd r = leat_rd_of(in);

	(void)state;
	s = leat_rd_bytes(&r, 0);
	assert_int_equal(s.n, 0);
	assert_true(leat_rd_ok(&r));
	s = leat_rd_bytes(&r, 4);
	assert_ptr_equal(s.p, in.p); /* borrowed, not copied */
	assert_int_equal(s.n, 4);
	s = leat_rd_rest(&r);
	assert_ptr_equal(s.p, in.p + 4);
	assert_int_equal(s.n, 6);
	assert_true(leat_rd_end(&r));
	s = leat_rd_rest(&r); /* the rest of nothing is nothing, and no failure */
	assert_int_equal(s.n, 0);
	assert_true(leat_rd_end(&r));
	s = leat_rd_bytes(&r, 1);
	assert_null(s.p);
	assert_false(leat_rd_ok(&r));
}

static void too_many_bytes(void **state)
{
	const size_t lens[] = { 11, 12, 1000, SIZE_MAX / 2, SIZE_MAX - 5, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct leat_rd r = leat_rd_of(vec_noise(10));
		struct leat_span s = leat_rd_bytes(&r, lens[i]);

		assert_null(s.p);
		assert_int_equal(s.n, 0);
		assert_false(leat_rd_ok(&r));
	}
}

static void null_span(void **state)
{
	struct leat_rd r = leat_rd_of((struct leat_span){ NULL, 0 });
	uint8_t a;

	(void)state;
	assert_true(leat_rd_end(&r));
	assert_false(leat_rd_more(&r));
	assert_null(leat_rd_bytes(&r, 0).p);
	assert_null(leat_rd_rest(&r).p);
	assert_true(leat_rd_end(&r));
	leat_rd_u8(&r, &a);
	assert_false(leat_rd_ok(&r));
	assert_false(leat_rd_end(&r));
}

static void read_vec(
	struct leat_rd *in, struct leat_rd *sub, unsigned width, size_t min, size_t max)
{
	if (width == 1)
		leat_rd_vec8(in, sub, min, max);
	else if (width == 2)
		leat_rd_vec16(in, sub, min, max);
	else
		leat_rd_vec24(in, sub, min, max);
}

static struct leat_span read_opaque(struct leat_rd *in, unsigned width, size_t min, size_t max)
{
	return width == 1   ? leat_rd_opaque8(in, min, max)
	       : width == 2 ? leat_rd_opaque16(in, min, max)
			    : leat_rd_opaque24(in, min, max);
}

/* A vector of n bytes behind a prefix of each width, with `after` bytes following. */
static struct leat_span vector(unsigned width, size_t n, size_t after)
{
	uint8_t buf[600] = { 0 };

	for (unsigned i = 0; i < width; i++)
		buf[i] = (uint8_t)(n >> 8 * (width - 1 - i));
	memset(buf + width, 7, n + after);
	return vec_copy(buf, width + n + after);
}

/* opaque x<3..5>: one below, at, and one above each bound. */
static void vector_bounds(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 3; width++)
		for (size_t n = 0; n <= 8; n++)
			for (int sub_form = 0; sub_form < 2; sub_form++) {
				bool ok = n >= 3 && n <= 5;
				struct leat_rd r = leat_rd_of(vector(width, n, 2)), sub;
				struct leat_span s;

				if (sub_form) {
					read_vec(&r, &sub, width, 3, 5);
					assert_int_equal(leat_rd_ok(&sub), ok);
					s = leat_rd_rest(&sub);
				} else {
					s = read_opaque(&r, width, 3, 5);
				}
				assert_int_equal(leat_rd_ok(&r), ok);
				assert_int_equal(s.n, ok ? n : 0);
				assert_int_equal(s.p != NULL, ok);
				assert_int_equal(r.n, ok ? 2 : 0);
			}
}

/* The prefix promises more than there is: by one, and by as much as it can say. */
static void vector_past_the_end(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 3; width++) {
		struct leat_span v = vector(width, 20, 0);
		uint8_t b[32];

		for (size_t n = 0; n < v.n; n++) {
			struct leat_rd r = leat_rd_of(vec_copy(v.p, n)), sub;

			read_vec(&r, &sub, width, 0, 255);
			assert_false(leat_rd_ok(&r));
			assert_false(leat_rd_ok(&sub));
			assert_int_equal(sub.n, 0);
			r = leat_rd_of(vec_copy(v.p, n));
			assert_null(read_opaque(&r, width, 0, 255).p);
			assert_false(leat_rd_ok(&r));
		}
		memcpy(b, v.p, v.n);
		memset(b, 0xff, width);
		struct leat_rd r = leat_rd_of(vec_copy(b, v.n)), sub;

		read_vec(&r, &sub, width, 0, SIZE_MAX);
		assert_false(leat_rd_ok(&r));
		assert_false(leat_rd_ok(&sub));
	}
}

static void empty_vectors(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 3; width++) {
		struct leat_rd r = leat_rd_of(vector(width, 0, 0)), sub;

		read_vec(&r, &sub, width, 0, 10);
		assert_true(leat_rd_end(&sub));
		assert_true(leat_rd_end(&r));
		r = leat_rd_of(vector(width, 0, 0));
		assert_int_equal(read_opaque(&r, width, 0, 10).n, 0);
		assert_true(leat_rd_end(&r));
		r = leat_rd_of(vector(width, 0, 0));
		read_vec(&r, &sub, width, 1, 10);
		assert_false(leat_rd_ok(&r));
	}
}

/* extensions<..> of (type, data<..>): a length inside may not reach out of its vector, even when there
 * are bytes outside of it. */
static void nested_vectors(void **state)
{
	struct leat_rd r = of("0007 0001 02aabb 05 0102030405"), outer, inner;
	uint16_t type;
	uint8_t v;

	(void)state;
	/* 7 bytes: type, data<0..255> of 2, and then a data of 5 that lies half outside */
	leat_rd_vec16(&r, &outer, 0, 100);
	leat_rd_u16(&outer, &type);
	leat_rd_vec8(&outer, &inner, 0, 255);
	leat_rd_u8(&inner, &v);
	assert_int_equal(v, 0xaa);
	leat_rd_u8(&inner, &v);
	assert_int_equal(v, 0xbb);
	assert_true(leat_rd_end(&inner));
	leat_rd_u8(&inner, &v); /* one too far: only the inner reader fails */
	assert_int_equal(v, 0);
	assert_false(leat_rd_ok(&inner));
	assert_true(leat_rd_ok(&outer));
	leat_rd_vec8(&outer, &inner, 0, 255);
	assert_false(leat_rd_ok(&inner));
	assert_false(leat_rd_ok(&outer));
	assert_true(leat_rd_ok(&r)); /* the enclosing one is still good: its owner asks outer */
	assert_int_equal(r.n, 4);
}

static void fail_by_hand(void **state)
{
	struct leat_rd r = of("010203");
	uint8_t v;

	(void)state;
	leat_rd_fail(&r);
	assert_false(leat_rd_ok(&r));
	leat_rd_u8(&r, &v);
	assert_int_equal(v, 0);
}

/* A loop over a reader ends when the reader fails: decoders rely on it. */
static void loops_end(void **state)
{
	struct leat_rd r = of("01 02 03 ff");
	int rounds = 0;

	(void)state;
	while (leat_rd_more(&r)) {
		uint16_t v;

		leat_rd_u16(&r, &v);
		if (++rounds == 2)
			leat_rd_fail(&r);
		assert_true(rounds < 3);
	}
	r = of("010203");
	for (rounds = 0; leat_rd_more(&r); rounds++) {
		uint16_t v;

		leat_rd_u16(&r, &v);
	}
	assert_int_equal(rounds, 2);
	assert_false(leat_rd_ok(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(largest_numbers),
		cmocka_unit_test(failure_is_sticky),
		cmocka_unit_test(bytes),
		cmocka_unit_test(too_many_bytes),
		cmocka_unit_test(null_span),
		cmocka_unit_test(vector_bounds),
		cmocka_unit_test(vector_past_the_end),
		cmocka_unit_test(empty_vectors),
		cmocka_unit_test(nested_vectors),
		cmocka_unit_test(fail_by_hand),
		cmocka_unit_test(loops_end),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
