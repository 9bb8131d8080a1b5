/* SPDX-License-Identifier: Apache-2.0
 *
 * t_mem.c: user/base/mem.c - sizes that overflow, sizes of nothing, and the failure hook that other
 * tests stand on.
 */
#include "vec.h"

#include "base/mem.h"

static void sizes_of_nothing(void **state)
{
	void *a = leat_malloc(0), *b = leat_malloc(0), *d = leat_zalloc(0), *e = leat_array(0, 8),
	     *f = leat_array(8, 0), *g = leat_dup(NULL, 0);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_non_null(d);
	assert_non_null(e);
	assert_non_null(f);
	assert_non_null(g);
	leat_free(a);
	leat_free(b);
	leat_free(d);
	leat_free(e);
	leat_free_wipe(f, 0);
	leat_free_wipe(g, 0);
	leat_free(NULL);
	leat_free_wipe(NULL, 0);
	leat_free_wipe(NULL, 100);
}

static void zeroed(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		uint8_t *p = leat_malloc(1000), *q;

		memset(p, 0xff, 1000);
		leat_free(p);
		q = round & 1 ? leat_zalloc(1000) : leat_array(125, 8);
		for (int i = 0; i < 1000; i++)
			assert_int_equal(q[i], 0);
		leat_free(q);
	}
}

static void products_that_overflow(void **state)
{
	static const struct {
		size_t num, size;
	} t[] = {
		{ SIZE_MAX, 2 },
		{ 2, SIZE_MAX },
		{ SIZE_MAX, SIZE_MAX },
		{ SIZE_MAX / 2 + 1, 2 },
		{ (size_t)1 << 32, (size_t)1 << 32 },
		{ ((size_t)1 << 32) + 1, (size_t)1 << 32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_null(leat_array(t[i].num, t[i].size));
}

static void sums(void **state)
{
	size_t s = 7;

	(void)state;
	assert_true(leat_add_ok(1, 2, &s));
	assert_int_equal(s, 3);
	assert_true(leat_add_ok(SIZE_MAX, 0, &s));
	assert_true(s == SIZE_MAX);
	assert_true(leat_add_ok(SIZE_MAX - 5, 5, &s));
	assert_false(leat_add_ok(SIZE_MAX, 1, &s));
	assert_false(leat_add_ok(SIZE_MAX - 5, 6, &s));
	assert_false(leat_add_ok(SIZE_MAX, SIZE_MAX, &s));
}

static void copies(void **state)
{
	char src[] = "text", *s = leat_strdup(src);
	uint8_t *d = leat_dup(src, 3), *e = NULL;

	(void)state;
	src[0] = 'n';
	assert_string_equal(s, "text");
	assert_memory_equal(d, "tex", 3);
	e = (uint8_t *)leat_strdup("");
	assert_int_equal(e[0], 0);
	leat_free(s);
	leat_free(d);
	leat_free(e);
}

static void *by_kind(int kind)
{
	switch (kind) {
	case 0: return leat_malloc(10);
	case 1: return leat_zalloc(10);
	case 2: return leat_array(2, 5);
	case 3: return leat_dup("0123456789", 10);
	default: return leat_strdup("012345678");
	}
}

/* The n-th allocation from now fails, once, of whatever kind it is. */
static void the_nth_fails_once(void **state)
{
	(void)state;
	for (int kind = 0; kind < 5; kind++)
		for (unsigned long nth = 1; nth <= 4; nth++) {
			leat_mem_fail_at(nth);
			for (unsigned long i = 1; i <= 6; i++) {
				void *p = by_kind(kind);

				assert_int_equal(p == NULL, i == nth);
				leat_free(p);
			}
			assert_int_equal(leat_mem_fail_at(0), 6);
		}
}

static void counting_without_failing(void **state)
{
	(void)state;
	leat_mem_fail_at(0);
	for (int i = 0; i < 3; i++)
		leat_free(by_kind(i));
	assert_int_equal(leat_mem_fail_at(0), 3);
	assert_int_equal(leat_mem_fail_at(0), 0);
	/* an array whose size overflows never gets as far as an allocation */
	assert_null(leat_array(SIZE_MAX, 2));
	assert_int_equal(leat_mem_fail_at(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_of_nothing),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(products_that_overflow),
		cmocka_unit_test(sums),
		cmocka_unit_test(copies),
		cmocka_unit_test(the_nth_fails_once),
		cmocka_unit_test(counting_without_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
