/* SPDX-License-Identifier: Apache-2.0
 *
 * t_session_store.c - the session store in memory and the callbacks of another one: bounds, order of
 * forgetting, one taker of several, answers that make no sense; and the memory against replay.
 *
 * REQ: GEN-session-cb F-antireplay
 */
#include "vec.h"

#include <pthread.h>

#include "base/mem.h"
#include "session/antireplay.h"
#include "session/store.h"
#include "session/ticket.h"

#define NOW 1700000000

static struct leat_err err;

static struct session_data sample(unsigned number)
{
	struct session_data d = {
		.version = LEAT_TLS13,
		.suite = suite_by_id(0x1301),
		.issued_s = NOW,
		.auth_s = NOW,
		.lifetime_s = 1000,
		.age_add = number,
	};

	leat_secret_set(&d.secret, "0123456789abcdef0123456789abcdef", 32);
	return d;
}

static struct leat_span id_of(unsigned number)
{
	static uint8_t b[4][32];
	static unsigned at;
	uint8_t *p = b[at++ % 4];

	memset(p, 0, 32);
	memcpy(p, &number, sizeof(number));
	return (struct leat_span){ p, 32 };
}

static struct leat_store *mem_of(size_t max, const struct leat_lock *lock)
{
	struct leat_store *s;

	assert_int_equal(leat_store_mem_new(&s, max, lock, &err), LEAT_OK);
	return s;
}

static void put(struct leat_store *s, unsigned number)
{
	struct session_data d = sample(number);

	assert_int_equal(store_put(s, id_of(number), &d), LEAT_OK);
}

static bool find(struct leat_store *s, unsigned number, bool take, int64_t now_s)
{
	struct ticket_plain plain = { 0 };
	struct session_data d;
	bool found = store_find(s, id_of(number), take, now_s, &plain, &d) == LEAT_OK;

	if (found)
		assert_int_equal(d.age_add, number);
	else
		assert_int_equal(d.secret.n, 0);
	ticket_plain_clear(&plain);
	return found;
}

static void there_and_back(void **state)
{
	struct leat_store *s = mem_of(10, NULL);
	struct session_data d = sample(1);

	(void)state;
	assert_false(find(s, 1, false, NOW));
	put(s, 1);
	assert_true(find(s, 1, false, NOW));
	assert_true(find(s, 1, false, NOW));
	assert_true(find(s, 1, true, NOW));
	assert_false(find(s, 1, true, NOW));
	put(s, 1);
	store_drop(s, id_of(1));
	store_drop(s, id_of(1));
	assert_false(find(s, 1, false, NOW));
	/* the same id again: the newer one stays */
	put(s, 2);
	d.age_add = 7;
	assert_int_equal(store_put(s, id_of(2), &d), LEAT_OK);
	{
		struct ticket_plain plain = { 0 };

		assert_int_equal(store_find(s, id_of(2), false, NOW, &plain, &d), LEAT_OK);
		assert_int_equal(d.age_add, 7);
	}
	leat_store_unref(s);
	leat_store_unref(NULL);
}

static void expiry(void **state)
{
	struct leat_store *s = mem_of(10, NULL);

	(void)state;
	put(s, 1);
	assert_true(find(s, 1, false, NOW + 999));
	assert_false(find(s, 1, false, NOW + 1000));
	assert_false(find(s, 1, false, NOW)); /* forgotten for good */
	leat_store_unref(s);
}

static void least_recently_used_goes(void **state)
{
	struct leat_store *s = mem_of(3, NULL);

	(void)state;
	put(s, 1);
	put(s, 2);
	put(s, 3);
	assert_true(find(s, 1, false, NOW));
	put(s, 4); /* in place of 2 */
	assert_true(find(s, 1, false, NOW));
	assert_false(find(s, 2, false, NOW));
	assert_true(find(s, 3, false, NOW));
	assert_true(find(s, 4, false, NOW));
	leat_store_unref(s);
}

/* Against a model: an array of what must be there. */
static void at_random(void **state)
{
	enum { MAX = 20, IDS = 60 };
	struct leat_store *s = mem_of(MAX, NULL);
	unsigned order[IDS], n = 0; /* least recently used first */

	(void)state;
	for (int i = 0; i < 20000; i++) {
		unsigned id = vec_rand() % IDS, what = vec_rand() % 4, at;

		for (at = 0; at < n && order[at] != id; at++)
			;
		if (what == 0) {
			put(s, id);
			if (at == n && n == MAX)
				at = 0;
		} else if (what == 1) {
			assert_int_equal(find(s, id, false, NOW), at < n);
			if (at == n)
				continue;
		} else {
			if (what == 2)
				assert_int_equal(find(s, id, true, NOW), at < n);
			else
				store_drop(s, id_of(id));
			if (at == n)
				continue;
		}
		if (at < n) {
			memmove(order + at, order + at + 1, (n - at - 1) * sizeof(order[0]));
			n--;
		}
		if (what <= 1)
			order[n++] = id;
	}
	leat_store_unref(s);
}

static void bounds(void **state)
{
	struct leat_store *s;
	struct session_data d = sample(1);
	static const uint8_t id[65], big[TICKET_PLAIN_MAX];

	(void)state;
	assert_int_equal(leat_store_mem_new(&s, 0, NULL, &err), LEAT_FAILED);
	assert_string_equal(err.option, "session_cache");
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_store_mem_new(&s, 16777217, NULL, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	s = mem_of(1, NULL);
	assert_int_equal(store_put(s, (struct leat_span){ id, 0 }, &d), LEAT_UNSUPPORTED);
	assert_int_equal(store_put(s, (struct leat_span){ id, 65 }, &d), LEAT_UNSUPPORTED);
	assert_int_equal(store_put(s, (struct leat_span){ id, 64 }, &d), LEAT_OK);
	d.ticket = (struct leat_span){ big, sizeof(big) };
	assert_int_equal(store_put(s, (struct leat_span){ id, 1 }, &d), LEAT_UNSUPPORTED);
	leat_store_unref(s);
}

static void without_memory(void **state)
{
	struct session_data d = sample(1);
	struct leat_store *s;

	(void)state;
	for (unsigned long n = 1; n <= 2; n++) {
		leat_mem_fail_at(n);
		assert_int_equal(leat_store_mem_new(&s, 10, NULL, &err), LEAT_FAILED);
		leat_mem_fail_at(0);
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		assert_null(s);
		memset(&err, 0, sizeof(err));
	}
	s = mem_of(10, NULL);
	leat_mem_fail_at(1);
	assert_int_equal(store_put(s, id_of(1), &d), LEAT_UNSUPPORTED);
	leat_mem_fail_at(0);
	assert_false(find(s, 1, false, NOW));
	leat_store_unref(s);
}

/* ---- threads ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void lock(void *arg)
{
	pthread_mutex_lock(arg);
}

static void unlock(void *arg)
{
	pthread_mutex_unlock(arg);
}

static const struct leat_lock guard = { lock, unlock, &mutex };
static struct leat_store *shared;

static void *taker(void *arg)
{
	uintptr_t got = 0;

	(void)arg;
	for (unsigned i = 0; i < 2000; i++) {
		struct ticket_plain plain = { 0 };
		struct session_data d;
		uint8_t id[32] = { 0 };

		memcpy(id, &i, sizeof(i));
		got += store_find(shared, (struct leat_span){ id, 32 }, true, NOW, &plain, &d) ==
		       LEAT_OK;
	}
	return (void *)got;
}

static void one_taker_of_several(void **state)
{
	pthread_t t[4];
	uintptr_t sum = 0;
	void *got;

	(void)state;
	shared = mem_of(2000, &guard);
	for (unsigned i = 0; i < 2000; i++)
		put(shared, i);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, taker, NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &got), 0);
		sum += (uintptr_t)got;
	}
	assert_int_equal(sum, 2000);
	leat_store_unref(shared);
}

/* ---- a store that is somebody else's code ---- */

struct odd {
	const void *answer;
	size_t n;
	enum leat_ret ret;
	unsigned freed;
};

static enum leat_ret odd_put(
	void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	(void)id;
	(void)bytes;
	(void)expires_s;
	return ((struct odd *)arg)->ret;
}

static enum leat_ret odd_find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	struct odd *o = arg;

	(void)id;
	(void)take;
	(void)now_s;
	if (o->answer && o->n <= cap)
		memcpy(buf, o->answer, o->n);
	*n = o->n;
	return o->ret;
}

static void odd_drop(void *arg, struct leat_span id)
{
	(void)arg;
	(void)id;
}

static void odd_free(void *arg)
{
	((struct odd *)arg)->freed++;
}

static void odd_answers(void **state)
{
	const struct leat_store_ops ops = { odd_put, odd_find, odd_drop, odd_free, NULL };
	const struct leat_store_ops lame = { .put = odd_put };
	struct odd o = { .ret = LEAT_OK };
	struct session_data d = sample(1);
	struct leat_wr w = { 0 };
	struct leat_store *s;

	(void)state;
	assert_int_equal(leat_store_cb_new(&s, &lame, &o, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_store_cb_new(&s, &ops, &o, &err), LEAT_OK);
	assert_false(find(s, 1, false, NOW)); /* nothing, and it says OK */
	o.answer = "garbage";
	o.n = 7;
	assert_false(find(s, 1, false, NOW));
	o.n = SIZE_MAX; /* more than there is room for */
	assert_false(find(s, 1, false, NOW));
	session_encode(&w, &d);
	o.answer = w.p;
	o.n = w.n;
	assert_true(find(s, 1, false, NOW));
	assert_false(find(s, 1, false, NOW + 1000)); /* it should have been forgotten */
	o.ret = LEAT_FAILED;
	assert_false(find(s, 1, false, NOW));
	assert_int_equal(store_put(s, id_of(1), &d), LEAT_UNSUPPORTED);
	assert_ptr_equal(leat_store_ref(s), s);
	leat_store_unref(s);
	assert_int_equal(o.freed, 0);
	leat_store_unref(s);
	assert_int_equal(o.freed, 1);
	leat_wr_clear(&w);
}

/* ---- the memory against replay ---- */

static int64_t clock_s;

static int64_t now_s(void *arg)
{
	(void)arg;
	return clock_s;
}

static const struct leat_env env = { .now_s = now_s };

static enum antireplay_verdict check(struct leat_antireplay *a, unsigned number, int64_t made_s)
{
	uint8_t id[32] = { 1 };

	memcpy(id + 4, &number, sizeof(number));
	return antireplay_check(a, (struct leat_span){ id, 32 }, made_s, clock_s);
}

static void verdicts(void **state)
{
	struct leat_antireplay *a;
	uint8_t zero[32] = { 0 };

	(void)state;
	clock_s = NOW;
	assert_int_equal(leat_antireplay_new(&a, 4, 10, &env, NULL, &err), LEAT_OK);
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_STARTING);
	clock_s = NOW + 20;
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_STARTING);
	clock_s = NOW + 21;
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_NEW);
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_SEEN);
	assert_int_equal(check(a, 2, clock_s - 11), ANTIREPLAY_STALE);
	assert_int_equal(check(a, 2, clock_s + 11), ANTIREPLAY_STALE);
	assert_int_equal(check(a, 2, clock_s - 10), ANTIREPLAY_NEW);
	assert_int_equal(check(a, 3, clock_s + 10), ANTIREPLAY_NEW);
	assert_int_equal(check(a, 4, clock_s), ANTIREPLAY_NEW);
	assert_int_equal(check(a, 5, clock_s), ANTIREPLAY_FULL);
	assert_int_equal(check(a, 3, clock_s), ANTIREPLAY_SEEN);
	assert_int_equal(antireplay_check(a, (struct leat_span){ zero, 32 }, clock_s, clock_s),
		ANTIREPLAY_SEEN);
	assert_int_equal(antireplay_check(a, (struct leat_span){ zero, 15 }, clock_s, clock_s),
		ANTIREPLAY_FULL);
	/* a clock set back: what is remembered stays remembered */
	clock_s -= 15;
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_STARTING);
	clock_s += 15;
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_SEEN);
	/* room again when the tables turned twice */
	clock_s += 21;
	assert_int_equal(check(a, 6, clock_s), ANTIREPLAY_NEW);
	leat_antireplay_unref(a);
}

/* Each hello comes a second time at a random moment while it may still count as fresh: never taken. */
static void never_twice(void **state)
{
	enum { N = 3000 };
	static int64_t first[N];
	struct leat_antireplay *a;
	unsigned next = 0, again = 0;

	(void)state;
	clock_s = NOW;
	assert_int_equal(leat_antireplay_new(&a, 100000, 10, &env, NULL, &err), LEAT_OK);
	clock_s += 21;
	while (next < N) {
		int64_t made = clock_s - 10 + vec_rand() % 21;

		first[next] = made;
		assert_int_equal(check(a, next, made), ANTIREPLAY_NEW);
		next++;
		clock_s += vec_rand() % 2;
		for (int i = 0; i < 5; i++) {
			unsigned old = next - 1 - vec_rand() % (next < 60 ? next : 60);
			enum antireplay_verdict v = check(a, old, first[old]);

			assert_true(v == ANTIREPLAY_SEEN || v == ANTIREPLAY_STALE);
			again += v == ANTIREPLAY_SEEN;
		}
	}
	assert_true(again > N);
	leat_antireplay_unref(a);
}

/* ---- a register that several servers share ---- */

struct shared_register {
	unsigned calls;
	uint8_t seen[100][16];
	int64_t until_s;
};

static bool is_new(void *arg, struct leat_span id, int64_t until_s)
{
	struct shared_register *r = arg;

	assert_int_equal(id.n, 16);
	r->until_s = until_s;
	for (unsigned i = 0; i < r->calls; i++)
		if (memcmp(r->seen[i], id.p, 16) == 0)
			return false;
	memcpy(r->seen[r->calls++], id.p, 16);
	return true;
}

static void shared_by_servers(void **state)
{
	struct shared_register r = { 0 };
	struct leat_antireplay *a, *b;

	(void)state;
	clock_s = NOW;
	assert_int_equal(leat_antireplay_cb_new(&a, 10, &env, is_new, &r, &err), LEAT_OK);
	assert_int_equal(leat_antireplay_cb_new(&b, 10, &env, is_new, &r, &err), LEAT_OK);
	assert_int_equal(check(a, 1, clock_s), ANTIREPLAY_STARTING);
	clock_s += 21;
	assert_int_equal(check(a, 1, clock_s + 3), ANTIREPLAY_NEW);
	assert_int_equal(r.until_s, clock_s + 13); /* as long as it would count as fresh */
	assert_int_equal(check(b, 1, clock_s), ANTIREPLAY_SEEN);
	assert_int_equal(check(b, 2, clock_s), ANTIREPLAY_NEW);
	assert_int_equal(check(a, 2, clock_s), ANTIREPLAY_SEEN);
	assert_int_equal(check(a, 3, clock_s - 11), ANTIREPLAY_STALE);
	assert_int_equal(r.calls, 2);
	leat_antireplay_unref(a);
	leat_antireplay_unref(b);
	assert_int_equal(leat_antireplay_cb_new(&a, 0, &env, is_new, &r, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_antireplay_cb_new(&a, 10, &env, NULL, &r, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	memset(&err, 0, sizeof(err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(expiry),
		cmocka_unit_test(least_recently_used_goes),
		cmocka_unit_test(at_random),
		cmocka_unit_test(bounds),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(one_taker_of_several),
		cmocka_unit_test(odd_answers),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(never_twice),
		cmocka_unit_test(shared_by_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
