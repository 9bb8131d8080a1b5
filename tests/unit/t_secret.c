/* SPDX-License-Identifier: Apache-2.0
 *
 * t_secret.c: user/base/secret.c - wiping, the secret type, constant-time comparison.
 */
#include "vec.h"

#include "base/secret.h"

static void wipe(void **state)
{
	uint8_t b[10];

	(void)state;
	memset(b, 0xff, sizeof(b));
	leat_wipe(b + 1, 8); /* exactly these */
	assert_hex(b, 10, "ff0000000000000000ff");
	leat_wipe(b, 0);
	assert_int_equal(b[0], 0xff);
	leat_wipe(NULL, 0);
}

static void set_and_limits(void **state)
{
	struct leat_span src = vec_noise(LEAT_SECRET_MAX + 1);
	static const struct leat_secret zero;
	struct leat_secret s;

	(void)state;
	for (size_t n = 0; n <= LEAT_SECRET_MAX; n++) {
		memset(&s, 0xff, sizeof(s));
		leat_secret_set(&s, src.p, n);
		assert_int_equal(s.n, n);
		assert_memory_equal(s.b, src.p, n);
		for (size_t i = n; i < LEAT_SECRET_MAX; i++)
			assert_int_equal(s.b[i], 0); /* nothing of an older, longer secret */
		assert_int_equal(leat_secret_span(&s).n, n);
		assert_ptr_equal(leat_secret_span(&s).p, s.b);
	}
	leat_secret_set(&s, src.p, LEAT_SECRET_MAX + 1); /* refused, and not the old one either */
	assert_memory_equal(&s, &zero, sizeof(s));
	leat_secret_set(&s, src.p, 300);
	assert_memory_equal(&s, &zero, sizeof(s));
	leat_secret_set(&s, "", 0);
	assert_memory_equal(&s, &zero, sizeof(s));
}

static void clear(void **state)
{
	static const struct leat_secret zero;
	struct leat_secret s;

	(void)state;
	leat_secret_set(&s, "secret", 6);
	leat_secret_clear(&s);
	assert_memory_equal(&s, &zero, sizeof(s));
	leat_secret_clear(&s);
}

static unsigned cleared;

static void note(struct leat_secret *s)
{
	leat_secret_clear(s);
	cleared++;
}

static bool leave_early(bool early)
{
	LEAT_SCOPED(note) struct leat_secret s = { .n = 1 };

	if (early)
		return s.n == 1;
	return s.n != 1;
}

static void scoped_on_every_path(void **state)
{
	(void)state;
	assert_true(leave_early(true));
	assert_int_equal(cleared, 1);
	assert_false(leave_early(false));
	assert_int_equal(cleared, 2);
}

/* Any single bit at any place makes the difference; what lies past n makes none. */
static void ct_equal(void **state)
{
	struct leat_span a = vec_noise(65);
	uint8_t b[65];

	(void)state;
	for (size_t n = 0; n < 65; n++) {
		memcpy(b, a.p, 65);
		assert_true(leat_ct_equal(a.p, b, n));
		b[n] ^= 1;
		assert_true(leat_ct_equal(a.p, b, n));
		b[n] ^= 1;
		for (size_t bit = 0; bit < 8 * n; bit++) {
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(leat_ct_equal(a.p, b, n));
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_true(leat_ct_equal(NULL, NULL, 0));
	/* differences that would cancel out under addition or xor of the whole */
	assert_false(leat_ct_equal("\x01\x01", "\x00\x00", 2));
	assert_false(leat_ct_equal("\x01\xff", "\x02\xfe", 2));
	assert_false(leat_ct_equal("ab", "ba", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wipe),
		cmocka_unit_test(set_and_limits),
		cmocka_unit_test(clear),
		cmocka_unit_test(scoped_on_every_path),
		cmocka_unit_test(ct_equal),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
