/* SPDX-License-Identifier: Apache-2.0
 *
 * t_cookie.c - session/cookie.c: what is sealed opens to the same, nothing else opens: every bit, every
 * length, other keys, other times, a ticket's bytes.
 */
#include "vec.h"

#include "session/cookie.h"

static int64_t clock_s = 1700000000;

static int64_t now_s(void *arg)
{
	(void)arg;
	return clock_s;
}

static void roll(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(vec_rand() >> 9);
}

static const struct leat_env env = { now_s, roll, NULL };

static struct leat_ticket_keys *new_keys(void)
{
	struct leat_ticket_keys *k;
	struct leat_err err = { 0 };

	assert_int_equal(leat_ticket_keys_new(&k, 86400, 86400, &err), LEAT_OK);
	return k;
}

static struct cookie sample(size_t hash_n)
{
	struct cookie c = {
		.made_s = clock_s, .suite = 0x1302, .group = 29, .hash_n = (uint8_t)hash_n
	};

	memset(c.hash, 0x5a, hash_n);
	memset(c.unchanged, 0xc3, sizeof(c.unchanged));
	return c;
}

static void seal(struct leat_ticket_keys *k, const struct cookie *c, struct leat_wr *w)
{
	assert_int_equal(cookie_seal(k, &env, c, w), LEAT_OK);
	assert_true(leat_wr_ok(w));
}

static bool opens(struct leat_ticket_keys *k, struct leat_span s)
{
	static const struct cookie zero;
	struct cookie out;
	bool ok = cookie_open(k, &env, s, &out);

	if (!ok)
		assert_memory_equal(&out, &zero, sizeof(out));
	return ok;
}

static void there_and_back(void **state)
{
	struct leat_ticket_keys *k = new_keys();

	(void)state;
	for (size_t n = 32; n <= 48; n += 16) {
		struct cookie c = sample(n), out;
		struct leat_wr w = { 0 };

		leat_wr_bytes(&w, "before", 6); /* it may stand behind something */
		seal(k, &c, &w);
		assert_true(cookie_open(k, &env, (struct leat_span){ w.p + 6, w.n - 6 }, &out));
		assert_memory_equal(&out, &c, sizeof(c));
		leat_wr_clear(&w);
	}
	leat_ticket_keys_unref(k);
}

static void every_bit_counts(void **state)
{
	struct leat_ticket_keys *k = new_keys();
	struct cookie c = sample(48);
	struct leat_wr w = { 0 };

	(void)state;
	seal(k, &c, &w);
	for (size_t bit = 0; bit < 8 * w.n; bit++) {
		w.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(opens(k, leat_wr_done(&w)));
		w.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < w.n; n++)
		assert_false(opens(k, vec_copy(w.p, n)));
	assert_true(opens(k, leat_wr_done(&w)));
	leat_wr_u8(&w, 0);
	assert_false(opens(k, leat_wr_done(&w)));
	leat_wr_clear(&w);
	leat_ticket_keys_unref(k);
}

static void time_passes(void **state)
{
	struct leat_ticket_keys *k = new_keys();
	struct cookie c = sample(32);
	struct leat_wr w = { 0 };

	(void)state;
	seal(k, &c, &w);
	clock_s += COOKIE_LIFE_S;
	assert_true(opens(k, leat_wr_done(&w)));
	clock_s += 1;
	assert_false(opens(k, leat_wr_done(&w)));
	clock_s -= COOKIE_LIFE_S + 2; /* from the future: somebody's clock went back */
	assert_false(opens(k, leat_wr_done(&w)));
	clock_s += 1;
	assert_true(opens(k, leat_wr_done(&w)));
	leat_wr_clear(&w);
	leat_ticket_keys_unref(k);
}

static void keys_of_others(void **state)
{
	struct leat_ticket_keys *k = new_keys(), *other = new_keys(), *shared = new_keys();
	struct leat_ticket_keys *none;
	struct cookie c = sample(32);
	struct leat_wr w = { 0 };
	struct leat_err err = { 0 };
	uint8_t bytes[4096];
	size_t n;

	(void)state;
	seal(k, &c, &w);
	assert_int_equal(leat_ticket_keys_rotate(other, &env), LEAT_OK);
	assert_false(opens(other, leat_wr_done(&w)));
	assert_int_equal(leat_ticket_keys_export(k, clock_s, bytes, sizeof(bytes), &n), LEAT_OK);
	assert_int_equal(
		leat_ticket_keys_import(shared, (struct leat_span){ bytes, n }, &err), LEAT_OK);
	assert_true(opens(shared, leat_wr_done(&w)));
	/* a newer key does not make the cookies of the old one worthless */
	clock_s++;
	assert_int_equal(leat_ticket_keys_rotate(shared, &env), LEAT_OK);
	assert_true(opens(shared, leat_wr_done(&w)));
	leat_wr_clear(&w);
	/* no key at all */
	assert_int_equal(leat_ticket_keys_new(&none, 0, 86400, &err), LEAT_OK);
	assert_int_equal(cookie_seal(none, &env, &c, &w), LEAT_UNSUPPORTED);
	assert_int_equal(w.n, 0);
	leat_ticket_keys_unref(none);
	leat_ticket_keys_unref(k);
	leat_ticket_keys_unref(other);
	leat_ticket_keys_unref(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(there_and_back, vec_teardown),
		cmocka_unit_test_teardown(every_bit_counts, vec_teardown),
		cmocka_unit_test_teardown(time_passes, vec_teardown),
		cmocka_unit_test_teardown(keys_of_others, vec_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
