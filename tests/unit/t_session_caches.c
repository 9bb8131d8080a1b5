/* SPDX-License-Identifier: Apache-2.0
 *
 * t_session_caches.c - session caches by themselves: who calls the storage from which thread, lives by the clock of
 * the machine, marked before deleted, the bound that ends everything, one of several equivalent ones, ids that are
 * reserved, and the caches of the process. Connections that use them are in tests/flow/t_session_cache.c.
 *
 * REQ: SESS-purpose SESS-type-ref SESS-type-key SESS-delete SESS-foldl SESS-init SESS-lookup SESS-select
 * REQ: SESS-terminate SESS-update SESS-size SESS-sem-lifetime SESS-sem-validate SESS-sem-invalid
 * REQ: GEN-session-mem TIM-session-24h TIM-cache-1000 TIM-sessdel-60s TIM-sessval-60s SEC-session-24h
 * REQ: ENV-session_cb ENV-session_cb_init_args ENV-session_cache_client_max ENV-session_cache_server_max
 * REQ: ENV-session_cache-overflow ENV-session_delay_cleanup_time CB-sess-* T-sc-api T-rn-17
 */
#include "vec.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <leat/app.h>

#include "base/mem.h"
#include "listcache.h"
#include "session/store.h"
#include "sock/session_cache.h"
#include "storekit.h"

static struct leat_err err;
static int64_t wall_s;

/* The clock of the caches, which the tests move. */
static atomic_llong clock_now = 1000000;

static int64_t clock_ms(void)
{
	return atomic_load(&clock_now);
}

/* The clock moves on; what is due then is done. */
static void pass(struct leat_session_cache *c, int64_t ms)
{
	atomic_fetch_add(&clock_now, ms);
	leat_session_cache_sync(c);
}

static struct leat_session *session(unsigned number, uint16_t version)
{
	uint8_t id[32] = { 0 }, bind[32] = { 0 }, peer[32] = { 0 };
	struct session_data d = {
		.version = version,
		.suite = suite_by_id(version == LEAT_TLS13 ? 0x1301 : 0xc02f),
		.ems = version == LEAT_TLS12,
		.issued_s = wall_s,
		.auth_s = wall_s,
		.lifetime_s = SESSION_WEEK_S,
		.bind = { bind, 32 },
		.peer = { peer, 32 },
		.host = { (const uint8_t *)"host", 4 },
	};
	struct leat_session *s;

	memcpy(id, &number, sizeof(number));
	peer[0] = (uint8_t)(number >> 8); /* those of one hundred are equivalent */
	leat_secret_set(&d.secret, "0123456789abcdef0123456789abcdef0123456789abcdef",
		version == LEAT_TLS13 ? 32 : 48);
	if (version == LEAT_TLS13)
		d.ticket = (struct leat_span){ id, 32 };
	else
		d.id = (struct leat_span){ id, 32 };
	assert_int_equal(session_new(&s, &d, &err), LEAT_OK);
	return s;
}

static const struct leat_span port = { (const uint8_t *)"4433", 4 };

/* As number in 1.2. */
static struct leat_cache_key key(unsigned number)
{
	static _Thread_local uint8_t b[4][32];
	static _Thread_local unsigned at;
	uint8_t *p = b[at++ % 4];

	memset(p, 0, 32);
	memcpy(p, &number, sizeof(number));
	return (struct leat_cache_key){ port, { p, 32 } };
}

static void put(struct leat_session_cache *c, unsigned number)
{
	struct leat_session *s = session(number, LEAT_TLS12);

	leat_session_cache_put(c, port, s);
	leat_session_unref(s);
	leat_session_cache_sync(c);
}

static bool has(struct leat_session_cache *c, unsigned number)
{
	const struct leat_cache_key k = key(number);
	struct leat_session *s = leat_session_cache_lookup(c, &k);

	leat_session_unref(s);
	return s != NULL;
}

static void end(struct leat_session_cache *c, unsigned number)
{
	const struct leat_cache_key k = key(number);

	leat_session_cache_invalidate(c, &k);
	leat_session_cache_sync(c);
}

static struct leat_session_cache *cache_of(
	enum leat_role role, const struct leat_session_cache_opts *opts)
{
	struct leat_session_cache *c;

	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_session_cache_new(&c, role, opts, &err), LEAT_OK);
	return c;
}

static const struct leat_session_cache_opts listed = { .ops = &listcache_ops };

/* ---- the contract, of every storage ---- */

static void *count(const struct leat_cache_key *k, struct leat_session *s, void *acc)
{
	assert_int_equal(k->partial.n, port.n);
	assert_int_equal(k->id.n, 32);
	assert_non_null(s);
	return (void *)((uintptr_t)acc + 1);
}

static uintptr_t counted(struct leat_session_cache *c)
{
	return (uintptr_t)leat_session_cache_fold(c, count, NULL);
}

static void contract(const struct leat_session_cache_opts *opts, bool has_size)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, opts);
	const struct leat_cache_key other = { { (const uint8_t *)"443", 3 }, key(1).id };
	int mark;

	assert_false(has(c, 1));
	assert_ptr_equal(
		leat_session_cache_fold(c, count, &mark), &mark); /* Acc0 of an empty cache */
	put(c, 1);
	put(c, 2);
	put(c, 2);
	assert_true(has(c, 1) && has(c, 2) && !has(c, 3));
	assert_null(leat_session_cache_lookup(c, &other)); /* the partial key is half of the key */
	assert_int_equal(counted(c), 2);
	assert_int_equal(leat_session_cache_size(c), has_size ? 2 : SIZE_MAX);
	end(c, 1);
	assert_true(!has(c, 1) && has(c, 2));
	assert_int_equal(counted(c), 2);
	pass(c, LEAT_CACHE_DELAY_CLEANUP_MS);
	assert_int_equal(counted(c), 1);
	end(c, 7);
	assert_int_equal(counted(c), 1);
	leat_session_cache_unref(c);
}

static void every_storage(void **state)
{
	char folder[100];
	const struct leat_session_cache_opts files = { .ops = &filecache_ops, .user = folder };

	(void)state;
	snprintf(folder, sizeof(folder), "%s", kit_dir());
	contract(NULL, true);
	contract(&listed, true);
	contract(&files, false);
	kit_clear();
}

static void who_calls_what(void **state)
{
	static const struct leat_cache_arg args[] = { { "name", "value" }, { "x", "" } };
	struct leat_session_cache_opts opts = listed;
	struct leat_session_cache *c;
	struct leat_store *store;

	(void)state;
	listcache_reset();
	opts.args = args;
	opts.num_args = 2;
	c = cache_of(LEAT_SERVER, &opts);
	assert_int_equal(listcache_calls.init, 1);
	assert_string_equal(listcache_calls.args, "role=server name=value x= ");
	assert_int_equal(leat_session_cache_store(&store, c, port, &err), LEAT_OK);
	put(c, 1);
	assert_true(has(c, 1));
	store_drop(store, key(1).id);
	pass(c, LEAT_CACHE_DELAY_CLEANUP_MS);
	(void)counted(c);
	leat_store_unref(store);
	assert_int_equal(listcache_calls.terminate, 0);
	leat_session_cache_unref(c);
	assert_int_equal(listcache_calls.terminate, 1);
	assert_true(listcache_calls.update >= 2 && listcache_calls.remove == 1);
	assert_true(listcache_calls.foldl >= 1 && listcache_calls.lookup >= 1);
	/* init, terminate, update, remove, foldl: none of them by another thread than init's */
	assert_int_equal(listcache_calls.elsewhere, 0);
}

static void refusals(void **state)
{
	static const struct leat_cache_arg many[33] = { { "a", "b" } };
	struct leat_cache_ops lame = listcache_ops;
	struct leat_session_cache_opts opts = { .ops = &lame };
	struct leat_session_cache *c;
	struct leat_store *store;

	(void)state;
	lame.select_session = NULL;
	assert_int_equal(leat_session_cache_new(&c, LEAT_CLIENT, &opts, &err), LEAT_FAILED);
	assert_string_equal(err.option, "session_cb");
	assert_null(c);
	memset(&err, 0, sizeof(err));
	opts = (struct leat_session_cache_opts){ .lifetime_s = SESSION_WEEK_S + 1 };
	assert_int_equal(leat_session_cache_new(&c, LEAT_CLIENT, &opts, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	opts = (struct leat_session_cache_opts){ .max = 16777217 };
	assert_int_equal(leat_session_cache_new(&c, LEAT_CLIENT, &opts, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	opts = (struct leat_session_cache_opts){ .args = many, .num_args = 33 };
	assert_int_equal(leat_session_cache_new(&c, LEAT_CLIENT, &opts, &err), LEAT_FAILED);
	memset(&err, 0, sizeof(err));
	listcache_reset();
	listcache_calls.refuses = true;
	assert_int_equal(leat_session_cache_new(&c, LEAT_CLIENT, &listed, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_int_equal(listcache_calls.terminate, 0);
	listcache_reset();
	memset(&err, 0, sizeof(err));
	c = cache_of(LEAT_CLIENT, NULL);
	assert_int_equal(leat_session_cache_store(&store, c, port, &err), LEAT_FAILED);
	leat_session_cache_unref(c);
	c = cache_of(LEAT_SERVER, NULL);
	assert_int_equal(
		leat_session_cache_store(&store, c, (struct leat_span){ 0 }, &err), LEAT_FAILED);
	leat_session_cache_unref(c);
	leat_session_cache_unref(NULL);
}

/* ---- time ---- */

static void a_day(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, NULL);

	(void)state;
	put(c, 1);
	pass(c, (LEAT_CACHE_LIFETIME_S - 1) * INT64_C(1000));
	assert_true(has(c, 1));
	pass(c, 1000);
	assert_false(has(c, 1)); /* age < lifetime, before anything was validated */
	assert_int_equal(leat_session_cache_size(c), 1);
	leat_session_cache_unref(c);
}

/* The session's own life counts as well. */
static void a_short_life_of_its_own(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, NULL);
	struct leat_session *s = session(1, LEAT_TLS12);
	struct session_data d = *session_data(s);
	struct leat_session *brief;

	(void)state;
	d.lifetime_s = 10;
	assert_int_equal(session_new(&brief, &d, &err), LEAT_OK);
	leat_session_cache_put(c, port, brief);
	leat_session_cache_sync(c);
	pass(c, 9000);
	assert_true(has(c, 1));
	pass(c, 1000);
	assert_false(has(c, 1));
	leat_session_unref(brief);
	leat_session_unref(s);
	leat_session_cache_unref(c);
}

/* First at lifetime + 5 seconds, then every 60; marked, and deleted after the delay. */
static void validations(void **state)
{
	const struct leat_session_cache_opts opts = { .lifetime_s = 100,
		.delay_cleanup_ms = 30000 };
	struct leat_session_cache *c = cache_of(LEAT_SERVER, &opts);

	(void)state;
	put(c, 1);
	pass(c, 50000);
	put(c, 2);
	pass(c, 54999); /* 104.999 s */
	assert_false(has(c, 1));
	assert_int_equal(leat_session_cache_size(c), 2);
	pass(c, 1); /* the first validation marks 1 */
	pass(c, 29999);
	assert_int_equal(leat_session_cache_size(c), 2);
	pass(c, 1); /* 135 s */
	assert_int_equal(leat_session_cache_size(c), 1);
	pass(c, 29999); /* 2 is too old by now, but nobody has looked */
	assert_false(has(c, 2));
	pass(c, 1); /* 165 s: the second validation */
	pass(c, 30000);
	assert_int_equal(leat_session_cache_size(c), 0);
	leat_session_cache_unref(c);
}

static void what_is_marked_stays_for_a_minute(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, &listed);

	(void)state;
	put(c, 1);
	end(c, 1);
	end(c, 1); /* marked already: nothing more happens */
	assert_false(has(c, 1));
	pass(c, 59999);
	assert_int_equal(leat_session_cache_size(c), 1);
	pass(c, 1);
	assert_int_equal(leat_session_cache_size(c), 0);
	leat_session_cache_unref(c);
}

static void limits_change_at_run_time(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, NULL);

	(void)state;
	put(c, 1);
	leat_session_cache_set_limits(c, 2, 10, 500);
	pass(c, 10000);
	assert_false(has(c, 1));
	put(c, 2);
	put(c, 3); /* no room */
	assert_false(has(c, 2) || has(c, 3));
	pass(c, 500);
	assert_int_equal(leat_session_cache_size(c), 0);
	leat_session_cache_unref(c);
}

/* ---- number ---- */

/* The limit ends all that are there, old and new, and not the least recently used; the one that came is not kept. */
static void overflow(const struct leat_session_cache_opts *opts, unsigned max)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, opts);

	for (unsigned i = 0; i < max; i++)
		put(c, i);
	assert_true(has(c, 0) && has(c, max - 1));
	put(c, max - 1); /* in place of itself: there is room */
	assert_true(has(c, 0));
	put(c, max);
	for (unsigned i = 0; i <= max; i++)
		assert_false(has(c, i));
	assert_int_equal(leat_session_cache_size(c), max);
	pass(c, LEAT_CACHE_DELAY_CLEANUP_MS);
	assert_int_equal(leat_session_cache_size(c), 0);
	put(c, 5);
	assert_true(has(c, 5));
	leat_session_cache_unref(c);
}

/* Settings of the process hold for caches whose opts say nothing, at once. */
static void by_the_setting(enum leat_role role, const char *name)
{
	const struct leat_session_cache_opts said = { .max = 3 };
	struct leat_session_cache *c = cache_of(role, NULL), *own = cache_of(role, &said);

	assert_int_equal(leat_app_set(name, "2", &err), LEAT_OK);
	assert_int_equal(leat_app_set("session_delay_cleanup_time", "7000", &err), LEAT_OK);
	for (unsigned i = 0; i < 3; i++) {
		put(c, i * 256);
		put(own, i * 256);
	}
	assert_false(has(c, 0) || has(c, 512)); /* the third ended all */
	assert_true(has(own, 0) && has(own, 512));
	pass(c, 6999);
	assert_int_equal(leat_session_cache_size(c), 2);
	pass(c, 1);
	assert_int_equal(leat_session_cache_size(c), 0);
	assert_int_equal(leat_app_set(name, "", &err), LEAT_OK);
	assert_int_equal(leat_app_set("session_delay_cleanup_time", "", &err), LEAT_OK);
	for (unsigned i = 0; i < 3; i++)
		put(c, i * 256);
	assert_true(has(c, 512));
	leat_session_cache_unref(c);
	leat_session_cache_unref(own);
}

static void settings_of_the_process(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_CLIENT, NULL);

	(void)state;
	by_the_setting(LEAT_CLIENT, "session_cache_client_max");
	by_the_setting(LEAT_SERVER, "session_cache_server_max");
	put(c, 1);
	assert_int_equal(leat_app_set("session_lifetime", "10", &err), LEAT_OK);
	pass(c, 9000);
	assert_true(has(c, 1));
	pass(c, 1000);
	assert_false(has(c, 1));
	assert_int_equal(leat_app_set("session_lifetime", "", &err), LEAT_OK);
	leat_session_cache_unref(c);
}

static void the_limit(void **state)
{
	struct leat_cache_ops boundless = listcache_ops;
	const struct leat_session_cache_opts five = { .ops = &listcache_ops, .max = 5 };
	const struct leat_session_cache_opts none = { .ops = &boundless, .max = 5 };
	struct leat_session_cache *c;

	(void)state;
	overflow(NULL, LEAT_CACHE_MAX);
	overflow(&five, 5);
	boundless.size = NULL;
	c = cache_of(LEAT_SERVER, &none);
	for (unsigned i = 0; i < 50; i++)
		put(c, i);
	assert_true(has(c, 0) && has(c, 49));
	leat_session_cache_unref(c);
}

/* ---- clients ---- */

static void one_of_equivalent_ones(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_CLIENT, NULL);
	struct leat_session *s;

	(void)state;
	put(c, 1);
	put(c, 2); /* equivalent: the first stays */
	assert_true(has(c, 1) && !has(c, 2));
	put(c, 300); /* another certificate of the peer */
	assert_true(has(c, 1) && has(c, 300));
	end(c, 1);
	put(c, 2); /* what is marked stands in nobody's way */
	assert_true(has(c, 2));
	/* of TLS 1.3 the newer one replaces the older */
	for (unsigned i = 0; i < 3; i++) {
		s = session(i, LEAT_TLS13);
		leat_session_cache_put(c, port, s);
		leat_session_unref(s);
	}
	leat_session_cache_sync(c);
	assert_int_equal(counted(c), 4);
	leat_session_cache_unref(c);
	c = cache_of(LEAT_SERVER, NULL);
	put(c, 1);
	put(c, 2);
	assert_true(has(c, 1) && has(c, 2)); /* servers keep what they gave */
	leat_session_cache_unref(c);
}

/* ---- as a store ---- */

static void ids_are_reserved(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, NULL);
	struct leat_session *s = session(1, LEAT_TLS12);
	struct session_data found;
	struct ticket_plain plain = { 0 };
	struct leat_store *store;
	const struct leat_span id = session_data(s)->id;

	(void)state;
	assert_int_equal(leat_session_cache_store(&store, c, port, &err), LEAT_OK);
	assert_true(store_reserves(store));
	assert_int_equal(store_reserve(store, id), LEAT_OK);
	assert_int_equal(store_reserve(store, id), LEAT_UNSUPPORTED);
	assert_int_equal(store_find(store, id, false, wall_s, &plain, &found), LEAT_UNSUPPORTED);
	store_drop(store, id); /* the handshake failed: nothing stays, and at once */
	leat_session_cache_sync(c);
	assert_int_equal(leat_session_cache_size(c), 0);
	assert_int_equal(store_reserve(store, id), LEAT_OK);
	assert_int_equal(store_put(store, id, session_data(s)), LEAT_OK);
	leat_session_cache_sync(c);
	assert_int_equal(leat_session_cache_size(c), 1);
	assert_int_equal(store_find(store, id, false, wall_s, &plain, &found), LEAT_OK);
	assert_int_equal(store_reserve(store, id), LEAT_UNSUPPORTED);
	assert_int_equal(store_find(store, id, true, wall_s, &plain, &found), LEAT_OK);
	assert_int_equal(store_find(store, id, true, wall_s, &plain, &found), LEAT_UNSUPPORTED);
	ticket_plain_clear(&plain);
	leat_session_unref(s);
	leat_store_unref(store);
	leat_session_cache_unref(c);
}

/* A place holder whose process was killed is forgotten by a later validation. */
static void what_others_left(void **state)
{
	char folder[100];
	const struct leat_session_cache_opts files = {
		.ops = &filecache_ops, .user = folder, .lifetime_s = 100
	};
	struct leat_session_cache *c;
	struct leat_store *store;

	(void)state;
	snprintf(folder, sizeof(folder), "%s", kit_dir());
	c = cache_of(LEAT_SERVER, &files);
	assert_int_equal(leat_session_cache_store(&store, c, port, &err), LEAT_OK);
	assert_int_equal(store_reserve(store, key(9).id), LEAT_OK);
	leat_store_unref(store);
	leat_session_cache_unref(c);
	c = cache_of(LEAT_SERVER, &files);
	assert_int_equal(counted(c), 1);
	pass(c, 105000);
	assert_int_equal(counted(c), 0);
	leat_session_cache_unref(c);
}

/* ---- several threads ---- */

struct crowd {
	struct leat_session_cache *c;
	unsigned seed;
};

static void *member(void *arg)
{
	struct crowd *m = arg;

	for (unsigned i = 0; i < 400; i++) {
		unsigned n = (m->seed * 7919 + i * 31) % 40;
		const struct leat_cache_key k = key(n);
		struct leat_session *s;

		switch (i % 4) {
		case 0:
			s = session(n, LEAT_TLS12);
			leat_session_cache_put(m->c, port, s);
			leat_session_unref(s);
			break;
		case 1: leat_session_unref(leat_session_cache_lookup(m->c, &k)); break;
		case 2: leat_session_unref(session_cache_take(m->c, &k)); break;
		default: leat_session_cache_invalidate(m->c, &k);
		}
	}
	return NULL;
}

static void a_crowd(void **state)
{
	const struct leat_session_cache_opts opts = { .max = 30, .delay_cleanup_ms = 1 };
	struct leat_session_cache *c = cache_of(LEAT_SERVER, &opts);
	struct crowd m[4];
	pthread_t t[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		m[i] = (struct crowd){ c, i };
		assert_int_equal(pthread_create(&t[i], NULL, member, &m[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	leat_session_cache_sync(c);
	assert_in_range(leat_session_cache_size(c), 0, 30);
	leat_session_cache_unref(c);
}

static pthread_barrier_t at_once;

static void *starter(void *arg)
{
	struct leat_err mine = { 0 };

	(void)arg;
	pthread_barrier_wait(&at_once);
	return (void *)(uintptr_t)(leat_session_caches_start(&listed, &listed, &mine) == LEAT_OK);
}

/* init twice, once per role, however many start them at the same moment. */
static void the_process_has_one_pair(void **state)
{
	struct leat_session_cache *a, *b;
	pthread_t t[16];
	uintptr_t sum = 0;
	void *made;

	(void)state;
	assert_null(leat_session_caches_get(LEAT_CLIENT));
	leat_session_caches_stop();
	listcache_reset();
	pthread_barrier_init(&at_once, NULL, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&t[i], NULL, starter, NULL), 0);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(pthread_join(t[i], &made), 0);
		sum += (uintptr_t)made;
	}
	pthread_barrier_destroy(&at_once);
	assert_int_equal(sum, 1);
	assert_int_equal(listcache_calls.init, 2);
	assert_string_equal(listcache_calls.args, "role=server ");
	a = leat_session_caches_get(LEAT_CLIENT);
	b = leat_session_caches_get(LEAT_SERVER);
	assert_true(a && b && a != b);
	leat_session_caches_stop();
	assert_int_equal(listcache_calls.terminate, 0); /* who has a reference goes on */
	leat_session_cache_unref(a);
	leat_session_cache_unref(b);
	assert_int_equal(listcache_calls.terminate, 2);
	/* one that cannot begin: none of both */
	listcache_reset();
	listcache_calls.refuses = true;
	assert_int_equal(leat_session_caches_start(NULL, &listed, &err), LEAT_FAILED);
	assert_null(leat_session_caches_get(LEAT_CLIENT));
	memset(&err, 0, sizeof(err));
	listcache_reset();
}

/* A child has no thread of the cache: nothing is kept, and nothing waits for it. */
static void after_fork(void **state)
{
	struct leat_session_cache *c = cache_of(LEAT_SERVER, NULL);
	const struct leat_cache_key k = key(1);
	int status;
	pid_t child;

	(void)state;
	put(c, 1);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		bool ok = has(c, 1);

		put(c, 2);
		end(c, 1);
		ok = ok && has(c, 1) && !has(c, 2) && !session_cache_take(c, &k) &&
		     session_cache_reserve(c, &k) == LEAT_UNSUPPORTED;
		leat_session_cache_unref(c);
		_exit(!ok);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(has(c, 1));
	leat_session_cache_unref(c);
}

static void each_allocation_fails(void **state)
{
	struct leat_session_cache *c;
	struct leat_session *s = session(1, LEAT_TLS12);

	(void)state;
	for (unsigned long n = 1; n < 12; n++) {
		leat_mem_fail_at(n);
		memset(&err, 0, sizeof(err));
		if (leat_session_cache_new(&c, LEAT_SERVER, NULL, &err) != LEAT_OK) {
			leat_mem_fail_at(0);
			continue;
		}
		leat_session_cache_put(c, port, s);
		leat_session_cache_sync(c);
		(void)has(c, 1);
		end(c, 1);
		leat_mem_fail_at(0);
		put(c, 2);
		assert_true(has(c, 2));
		leat_session_cache_unref(c);
	}
	leat_session_unref(s);
}

static int start(void **state)
{
	(void)state;
	wall_s = (int64_t)time(NULL);
	session_cache_use_clock(clock_ms);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	session_cache_use_clock(NULL);
	kit_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_storage),
		cmocka_unit_test(who_calls_what),
		cmocka_unit_test(refusals),
		cmocka_unit_test(a_day),
		cmocka_unit_test(a_short_life_of_its_own),
		cmocka_unit_test(validations),
		cmocka_unit_test(what_is_marked_stays_for_a_minute),
		cmocka_unit_test(limits_change_at_run_time),
		cmocka_unit_test(the_limit),
		cmocka_unit_test(settings_of_the_process),
		cmocka_unit_test(one_of_equivalent_ones),
		cmocka_unit_test(ids_are_reserved),
		cmocka_unit_test(what_others_left),
		cmocka_unit_test(a_crowd),
		cmocka_unit_test(the_process_has_one_pair),
		cmocka_unit_test(after_fork),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
