/* SPDX-License-Identifier: Apache-2.0
 *
 * t_cache.c: x509/cache.c through its users: chain_get and verify_chain. What makes a hit, what must
 * not, that what is kept is bounded, and that threads may do it all at once (TSan has run this).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "pki.h"
#include "x509/cache.h"
#include "x509/chain_int.h"
#include "x509/store_int.h"
#include "x509/verify.h"

static struct crypto *crypto;

static struct store *new_store(void)
{
	struct leat_err err = { 0 };
	struct store *s;

	assert_int_equal(store_new(&s, &err), LEAT_OK);
	assert_int_equal(store_add_pem(s, pki_root_pem(), NULL, &err), LEAT_OK);
	return s;
}

static struct chain *get(
	const struct store *s, bool server, const struct leat_span *der, size_t num)
{
	struct leat_err err = { 0 };
	struct chain *ch;

	assert_int_equal(chain_get(&ch, crypto, s, server, der, num, &err), LEAT_OK);
	return ch;
}

static enum leat_ret judge(const struct store *s, struct chain *ch, const char *host, int64_t now)
{
	struct leat_err err = { 0 };
	struct verify_in in = { .chain = ch,
		.store = s,
		.host = host,
		.leaf_is_server = true,
		.now_s = now,
		.depth = 1,
		.keep = true };

	return verify_chain(crypto, &in, &err);
}

static const struct leat_span *good_chain(void)
{
	static struct leat_span der[2];

	der[0] = pki_der(pki_server(KEY_EC_P256)->leaf);
	der[1] = pki_der(pki_inter());
	return der;
}

static void a_hit_is_the_same_object(void **state)
{
	const struct leat_span *der = good_chain();
	struct store *s = new_store();
	struct chain *a = get(s, true, der, 2), *b;

	(void)state;
	/* not before it has passed */
	b = get(s, true, der, 2);
	assert_ptr_not_equal(a, b);
	assert_int_equal(judge(s, b, "other.test", PKI_NOW), LEAT_FAILED);
	chain_unref(b);
	b = get(s, true, der, 2);
	assert_false(b->shared);
	chain_unref(b);
	assert_int_equal(judge(s, a, "localhost", PKI_NOW), LEAT_OK);
	b = get(s, true, der, 2);
	assert_ptr_equal(a, b);
	assert_int_equal(key_kind(chain_key(b)), KEY_EC_P256);
	chain_rest(b, crypto); /* of no effect: others have it */
	assert_non_null(chain_key(b));
	/* the cache keeps its own reference */
	chain_unref(a);
	chain_unref(b);
	b = get(s, true, der, 2);
	assert_true(b->shared);
	chain_unref(b);
	store_unref(s);
}

/* REQ: GEN-hostverif */
static void a_hit_is_looked_at_again(void **state)
{
	struct store *s = new_store();
	struct chain *ch = get(s, true, good_chain(), 2);

	(void)state;
	assert_int_equal(judge(s, ch, "localhost", PKI_NOW), LEAT_OK);
	assert_int_equal(judge(s, ch, "other.test", PKI_NOW), LEAT_FAILED);
	assert_int_equal(judge(s, ch, "192.0.2.1", PKI_NOW), LEAT_FAILED);
	assert_int_equal(judge(s, ch, "127.0.0.1", PKI_NOW), LEAT_OK);
	assert_int_equal(judge(s, ch, "localhost", PKI_NOW + 10 * PKI_DAY - 1), LEAT_OK);
	assert_int_equal(judge(s, ch, "localhost", PKI_NOW + 10 * PKI_DAY), LEAT_FAILED);
	assert_int_equal(judge(s, ch, "localhost", PKI_NOW - 10 * PKI_DAY), LEAT_OK);
	assert_int_equal(judge(s, ch, "localhost", PKI_NOW - 10 * PKI_DAY - 1), LEAT_FAILED);
	chain_unref(ch);
	store_unref(s);
}

static void what_is_no_hit(void **state)
{
	struct leat_span der[2] = { good_chain()[0], good_chain()[1] };
	struct store *s = new_store(), *other = new_store();
	struct chain *ch = get(s, true, der, 2), *b;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(judge(s, ch, "localhost", PKI_NOW), LEAT_OK);
	/* another store, no store, another purpose, fewer certificates */
	b = get(other, true, der, 2);
	assert_ptr_not_equal(b, ch);
	chain_unref(b);
	b = get(NULL, true, der, 2);
	assert_ptr_not_equal(b, ch);
	chain_unref(b);
	b = get(s, false, der, 2);
	assert_ptr_not_equal(b, ch);
	chain_unref(b);
	b = get(s, true, der, 1);
	assert_ptr_not_equal(b, ch);
	chain_unref(b);
	/* one bit of the signed part, the ends as they were: the same seat, not the same bytes */
	der[0] = pki_join(der[0], (struct leat_span){ NULL, 0 });
	((uint8_t *)(uintptr_t)der[0].p)[20] ^= 1;
	b = get(s, true, der, 2);
	assert_ptr_not_equal(b, ch);
	assert_int_equal(judge(s, b, "localhost", PKI_NOW), LEAT_FAILED);
	chain_unref(b);
	/* what it passed under is no longer what is trusted */
	assert_int_equal(store_add_pem(s, pki_stranger_pem(), NULL, &err), LEAT_OK);
	b = get(s, true, good_chain(), 2);
	assert_ptr_not_equal(b, ch);
	chain_unref(b);
	chain_unref(ch);
	store_unref(s);
	store_unref(other);
}

static void old_ones_leave(void **state)
{
	struct store *s = new_store();
	struct leat_span der[300][2];
	unsigned kept = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct make_spec spec = pki_spec();
		struct chain *ch;

		der[i][0] = pki_der(pki_make(&spec));
		der[i][1] = good_chain()[1];
		ch = get(s, true, der[i], 2);
		assert_int_equal(judge(s, ch, "localhost", PKI_NOW), LEAT_OK);
		chain_unref(ch);
	}
	for (int i = 0; i < 300; i++) {
		struct chain *ch = get(s, true, der[i], 2);

		kept += ch->shared;
		if (i == 299)
			assert_true(ch->shared); /* the newest */
		chain_unref(ch);
	}
	assert_in_range(kept, 20, 64);
	store_unref(s);
}

struct work {
	struct store *s;
	const struct leat_span *der;
};

/* Looks up, verifies, puts in, now for the right host and now for a wrong one. */
static void *connect_often(void *arg)
{
	const struct work *w = arg;
	uintptr_t wrong = 0;

	for (int i = 0; i < 150; i++) {
		struct chain *ch = get(w->s, true, w->der, 2);
		const char *host = i % 3 ? "localhost" : "other.test";

		wrong += (judge(w->s, ch, host, PKI_NOW) == LEAT_OK) != (i % 3 != 0);
		wrong += chain_key(ch) == NULL;
		chain_rest(ch, crypto);
		chain_unref(ch);
	}
	return (void *)wrong;
}

static void many_threads(void **state)
{
	struct work w = { new_store(), good_chain() };
	pthread_t threads[4];
	void *wrong;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, connect_often, &w), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	store_unref(w.s);
}

static int open_all(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	return crypto_new(&crypto, &err) == LEAT_OK ? 0 : -1;
}

static int close_all(void **state)
{
	(void)state;
	crypto_unref(crypto);
	pki_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_is_the_same_object),
		cmocka_unit_test(a_hit_is_looked_at_again),
		cmocka_unit_test(what_is_no_hit),
		cmocka_unit_test(old_ones_leave),
		cmocka_unit_test(many_threads),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
