/* SPDX-License-Identifier: Apache-2.0
 *
 * t_kex.c: user/crypto/kex.c - agreement by group, and every way a peer's value can be wrong.
 */
#include "vec.h"

#include "crypto/kex.h"

static struct crypto *c;

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	return crypto_new(&c, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	crypto_unref(c);
	vec_free_all();
	return 0;
}

/* Both roles of one agreement, each share through its own writer. */
static void both_sides_agree(void **state)
{
	const struct group *g;

	(void)state;
	for (size_t i = 0; (g = group_at(i)); i++) {
		struct kex k;
		struct kex_out a, b;
		struct leat_wr cs = { 0 }, ss = { 0 };
		struct leat_err err = { 0 };

		assert_true(crypto_has_group(c, g));
		assert_int_equal(kex_start(&k, c, g, &cs, &err), LEAT_OK);
		assert_int_equal(cs.n, g->share_len);
		assert_int_equal(kex_respond(c, g, leat_wr_done(&cs), &ss, &a, &err), LEAT_OK);
		assert_int_equal(ss.n, g->share_len);
		assert_int_equal(kex_finish(&k, c, leat_wr_done(&ss), &b, &err), LEAT_OK);
		assert_int_equal(a.n, g->secret_len);
		assert_int_equal(b.n, g->secret_len);
		assert_memory_equal(a.b, b.b, a.n);
		kex_clear(&k);
		leat_wr_clear(&cs);
		leat_wr_clear(&ss);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_agree),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
