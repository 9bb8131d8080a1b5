/* SPDX-License-Identifier: Apache-2.0
 *
 * session_cache.c - a session cache: its thread, which is given orders, and its rules of time and number.
 *
 *	any thread --order--> [queue] --> the cache's thread --> update, remove, foldl of the storage
 *	any thread -----------------------------------------> lookup, select_session of the storage
 *
 * Orders that are waited for lie on their caller's stack, others are freed when they are done. Deletions that are due
 * later are a list in the order in which they came. The thread sleeps until an order, a deletion or a validation
 * is due; there is one thread, so there is one validation and one invalidation of everything at a time.
 */
#include "sock/session_cache.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sock/app.h"

#define MAX_ARGS 32

/* The manual's: the first validation five seconds after the first session can have become too old, then each minute. */
static const struct session_cache_times real_times = { 5000, 60000 };
static struct session_cache_times times = { 5000, 60000 };

static int64_t boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t (*_Atomic clock_ms)(void) = boot_ms;

void session_cache_use_times(const struct session_cache_times *other)
{
	times = other ? *other : real_times;
}

void session_cache_use_clock(int64_t (*now_ms)(void))
{
	atomic_store(&clock_ms, now_ms ? now_ms : boot_ms);
}

static int64_t now_ms(void)
{
	return atomic_load(&clock_ms)();
}

static int64_t now_s(void)
{
	return now_ms() / 1000;
}

enum what { DO_UPDATE, DO_INVALIDATE, DO_DELETE, DO_TAKE, DO_RESERVE, DO_FOLD, DO_NOTHING };

struct order {
	struct order *next;
	enum what what;
	bool waited, done;
	bool granted;                 /* DO_RESERVE */
	struct leat_session *session; /* DO_UPDATE: to be kept; DO_TAKE: found */
	leat_cache_fold_fn *fn;       /* DO_FOLD */
	void *acc;
	struct session_cache_key key;
};

/* A deletion that is due later. */
struct later {
	struct later *next;
	int64_t due_ms;
	struct session_cache_key key;
};

struct leat_session_cache {
	atomic_uint refs;
	enum leat_role role;
	struct leat_cache_ops ops;
	void *storage;
	atomic_size_t max; /* these three: 0 is the setting of the process */
	_Atomic uint32_t lifetime_s, delay_ms;
	pid_t pid; /* after fork there is no thread: nothing is done any more */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news; /* an order came, or is done */
	/* under the lock */
	struct order *first, **last;
	bool stopping, started;
	enum leat_ret init_said;
	/* of the thread */
	struct later *soon, **latest;
	struct session_cache_times times;
	int64_t validate_ms;
	/* for init only */
	const struct leat_session_cache_opts *opts;
};

/* ---- numbers ---- */

static size_t max_of(const struct leat_session_cache *c)
{
	size_t max = atomic_load(&c->max);

	return max ? max
		   : (size_t)app_number(c->role == LEAT_CLIENT ? APP_SESSION_CACHE_CLIENT_MAX
							       : APP_SESSION_CACHE_SERVER_MAX);
}

static uint32_t life_of(const struct leat_session_cache *c)
{
	uint32_t s = atomic_load(&c->lifetime_s);

	return s ? s : (uint32_t)app_number(APP_SESSION_LIFETIME);
}

static uint32_t delay_of(const struct leat_session_cache *c)
{
	uint32_t ms = atomic_load(&c->delay_ms);

	return ms ? ms : (uint32_t)app_number(APP_SESSION_DELAY_CLEANUP);
}

/* ---- what was found ---- */

/* One that came out of a storage of bytes knows its age by the wall clock only. */
static void settle_age(struct leat_session *s)
{
	int64_t age_s = (int64_t)time(NULL) - session_data(s)->issued_s;

	session_is_born(s, now_s() - (age_s > 0 ? age_s : 0));
}

static struct leat_session *look_up(struct leat_session_cache *c, const struct leat_cache_key *key)
{
	struct leat_session *s = c->ops.lookup(c->storage, key);

	if (s)
		settle_age(s);
	return s;
}

static bool is_valid(const struct leat_session_cache *c, const struct leat_session *s)
{
	return session_cache_is_valid(s, now_s(), life_of(c));
}

struct leat_session *leat_session_cache_lookup(
	struct leat_session_cache *c, const struct leat_cache_key *key)
{
	struct leat_session *s = look_up(c, key);

	if (s && is_valid(c, s))
		return s;
	leat_session_unref(s);
	return NULL;
}

/* The first of those with this partial key for which is_it says so: a reference, or NULL. */
static struct leat_session *choose(struct leat_session_cache *c, struct leat_span partial,
	bool (*is_it)(const struct leat_session *s, const void *arg), const void *arg)
{
	struct leat_session *all[CACHE_SELECT], *found = NULL;
	size_t n = c->ops.select_session(c->storage, partial, all, CACHE_SELECT);

	for (size_t i = 0; i < n; i++) {
		settle_age(all[i]);
		if (!found && is_valid(c, all[i]) && is_it(all[i], arg))
			found = all[i];
		else
			leat_session_unref(all[i]);
	}
	return found;
}

/* ---- the thread: one order ---- */

static void remove_later(struct leat_session_cache *c, const struct session_cache_key *key)
{
	struct later *l = leat_malloc(sizeof(*l));
	const struct leat_cache_key now = session_cache_key_of(key);

	if (!l) { /* rather at once than never */
		c->ops.remove(c->storage, &now);
		return;
	}
	*l = (struct later){ .due_ms = now_ms() + delay_of(c), .key = *key };
	*c->latest = l;
	c->latest = &l->next;
}

static bool is_due_later(const struct leat_session_cache *c, const struct session_cache_key *key)
{
	const struct later *l = c->soon;

	while (l && !(l->key.partial_n == key->partial_n && l->key.id_n == key->id_n &&
			    memcmp(l->key.b, key->b, key->partial_n + key->id_n) == 0))
		l = l->next;
	return l != NULL;
}

/* The same session, marked. NULL without memory. */
static struct leat_session *marked(const struct leat_session *s)
{
	struct session_data d = *session_data(s);
	struct leat_err ignored = { 0 };
	struct leat_session *m = NULL;

	d.ended = true;
	if (session_new(&m, &d, &ignored) == LEAT_OK)
		session_is_born(m, session_born(s));
	session_data_clear(&d);
	return m;
}

static void invalidate(struct leat_session_cache *c, const struct session_cache_key *key)
{
	const struct leat_cache_key k = session_cache_key_of(key);
	struct leat_session *s = look_up(c, &k), *m;

	if (!s)
		return;
	if (session_data(s)->ended) {
		/* A place holder, or what another process left: nothing is coming for it. */
		if (!is_due_later(c, key))
			c->ops.remove(c->storage, &k);
	} else if ((m = marked(s))) {
		c->ops.update(c->storage, &k, m);
		leat_session_unref(m);
		remove_later(c, key);
	} else {
		c->ops.remove(c->storage, &k);
	}
	leat_session_unref(s);
}

/* Keys of sessions, collected while the storage is folded. */
struct keys {
	struct leat_session_cache *c;
	bool all; /* else those that are too old, or marked */
	struct session_cache_key *v;
	size_t n, cap;
};

static void *collect(const struct leat_cache_key *key, struct leat_session *s, void *acc)
{
	struct keys *k = acc;

	settle_age(s);
	if (!k->all && is_valid(k->c, s))
		return k;
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 64;
		struct session_cache_key *more = leat_array(cap, sizeof(*more));

		if (!more)
			return k; /* the next validation goes on */
		if (k->n)
			memcpy(more, k->v, k->n * sizeof(*more));
		leat_free(k->v);
		k->v = more;
		k->cap = cap;
	}
	if (session_cache_key_copy(&k->v[k->n], key))
		k->n++;
	return k;
}

static void invalidate_many(struct leat_session_cache *c, bool all)
{
	struct keys keys = { .c = c, .all = all };

	(void)c->ops.foldl(c->storage, collect, &keys);
	for (size_t i = 0; i < keys.n; i++)
		invalidate(c, &keys.v[i]);
	leat_free(keys.v);
}

static bool is_equivalent_to(const struct leat_session *s, const void *other)
{
	return session_cache_is_equivalent(session_data(s), session_data(other));
}

/* A client's: false when an equivalent one stays. Of TLS 1.3 the older one goes. */
static bool makes_place(
	struct leat_session_cache *c, const struct session_cache_key *key, struct leat_session *s)
{
	struct leat_session *old = choose(
		c, (struct leat_span){ key->b, key->partial_n }, is_equivalent_to, s);
	struct session_cache_key gone = *key;
	struct leat_cache_key k;

	if (!old)
		return true;
	if (session_data(s)->version == LEAT_TLS13) {
		session_cache_key_id(&gone, session_data(old));
		k = session_cache_key_of(&gone);
		c->ops.remove(c->storage, &k);
	}
	leat_session_unref(old);
	return session_data(s)->version == LEAT_TLS13;
}

/* Whether there is room under key. A cache that is full keeps nothing more, and ends what it has. */
static bool has_room(struct leat_session_cache *c, const struct leat_cache_key *key)
{
	struct leat_session *there;

	if (!c->ops.size || c->ops.size(c->storage) < max_of(c))
		return true;
	there = c->ops.lookup(c->storage, key);
	leat_session_unref(there);
	if (there)
		return true;
	invalidate_many(c, true);
	return false;
}

static void update(struct leat_session_cache *c, const struct order *o)
{
	const struct leat_cache_key k = session_cache_key_of(&o->key);

	session_is_born(o->session, now_s());
	if (c->role == LEAT_CLIENT && !makes_place(c, &o->key, o->session))
		return;
	if (has_room(c, &k))
		c->ops.update(c->storage, &k, o->session);
}

static void take(struct leat_session_cache *c, struct order *o)
{
	const struct leat_cache_key k = session_cache_key_of(&o->key);

	o->session = leat_session_cache_lookup(c, &k);
	if (o->session)
		c->ops.remove(c->storage, &k);
}

/* The place holder is marked, so nobody resumes it, and is over soon, should we die. */
static void reserve(struct leat_session_cache *c, struct order *o)
{
	const struct leat_cache_key k = session_cache_key_of(&o->key);
	struct session_data d = { .version = LEAT_TLS12, .ended = true, .lifetime_s = 60 };
	struct leat_session *s = c->ops.lookup(c->storage, &k);
	struct leat_err ignored = { 0 };
	static const uint8_t nothing[48];

	if (s) {
		leat_session_unref(s);
		return;
	}
	if (!has_room(c, &k))
		return;
	d.suite = suite_by_id(0xc02f);
	d.issued_s = d.auth_s = (int64_t)time(NULL);
	d.id = k.id.n <= LIM_SESSION_ID ? k.id : (struct leat_span){ NULL, 0 };
	leat_secret_set(&d.secret, nothing, sizeof(nothing));
	if (session_new(&s, &d, &ignored) != LEAT_OK)
		return;
	session_is_born(s, now_s());
	c->ops.update(c->storage, &k, s);
	leat_session_unref(s);
	o->granted = true;
}

static void obey(struct leat_session_cache *c, struct order *o)
{
	const struct leat_cache_key k = session_cache_key_of(&o->key);

	switch (o->what) {
	case DO_UPDATE: update(c, o); break;
	case DO_INVALIDATE: invalidate(c, &o->key); break;
	case DO_DELETE: c->ops.remove(c->storage, &k); break;
	case DO_TAKE: take(c, o); break;
	case DO_RESERVE: reserve(c, o); break;
	case DO_FOLD: o->acc = c->ops.foldl(c->storage, o->fn, o->acc); break;
	case DO_NOTHING: break;
	}
}

/* ---- the thread: its day ---- */

static void delete_due(struct leat_session_cache *c, int64_t until_ms)
{
	struct later *l;

	while ((l = c->soon) && l->due_ms <= until_ms) {
		const struct leat_cache_key k = session_cache_key_of(&l->key);

		c->ops.remove(c->storage, &k);
		c->soon = l->next;
		if (!c->soon)
			c->latest = &c->soon;
		leat_free(l);
	}
}

static void be_in_time(struct leat_session_cache *c)
{
	int64_t now = now_ms();

	delete_due(c, now);
	if (now < c->validate_ms)
		return;
	invalidate_many(c, false);
	c->validate_ms = now + c->times.every_ms;
}

/* Until an order comes or something is due; under the lock. */
static void rest(struct leat_session_cache *c)
{
	int64_t due = c->soon && c->soon->due_ms < c->validate_ms ? c->soon->due_ms
								  : c->validate_ms;
	int64_t ms = due - now_ms();
	struct timespec until;

	if (ms <= 0)
		return;
	if (ms > 60000) /* the machine may sleep meanwhile, which this clock does not notice */
		ms = 60000;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&c->news, &c->lock, &until);
}

static void done(struct leat_session_cache *c, struct order *o)
{
	if (o->waited) {
		o->done = true;
		pthread_cond_broadcast(&c->news);
		return;
	}
	leat_session_unref(o->session);
	leat_free(o);
}

/* Does what is ordered and what is due; under the lock, which is not held meanwhile. false: nothing was ordered. */
static bool work(struct leat_session_cache *c)
{
	struct order *o = c->first;

	if (o) {
		c->first = o->next;
		if (!c->first)
			c->last = &c->first;
	}
	pthread_mutex_unlock(&c->lock);
	be_in_time(c);
	if (o)
		obey(c, o);
	pthread_mutex_lock(&c->lock);
	if (o)
		done(c, o);
	return o != NULL;
}

static enum leat_ret call_init(struct leat_session_cache *c)
{
	struct leat_cache_arg args[MAX_ARGS + 1];
	size_t n = c->opts->num_args;

	args[0] = (struct leat_cache_arg){ "role", c->role == LEAT_CLIENT ? "client" : "server" };
	for (size_t i = 0; i < n; i++)
		args[i + 1] = c->opts->args[i];
	return c->ops.init(&c->storage, c->opts->user, args, n + 1);
}

static void *thread_main(void *arg)
{
	struct leat_session_cache *c = arg;
	enum leat_ret said = call_init(c);

	pthread_mutex_lock(&c->lock);
	c->init_said = said;
	c->started = true;
	pthread_cond_broadcast(&c->news);
	while (said == LEAT_OK && (work(c) || !c->stopping))
		if (!c->first && !c->stopping)
			rest(c);
	pthread_mutex_unlock(&c->lock);
	if (said != LEAT_OK)
		return NULL;
	delete_due(c, INT64_MAX);
	c->ops.terminate(c->storage);
	return NULL;
}

/* ---- orders ---- */

static bool has_thread(const struct leat_session_cache *c)
{
	return c->pid == getpid();
}

static void submit(struct leat_session_cache *c, struct order *o)
{
	pthread_mutex_lock(&c->lock);
	*c->last = o;
	c->last = &o->next;
	pthread_cond_broadcast(&c->news);
	pthread_mutex_unlock(&c->lock);
}

static void submit_and_wait(struct leat_session_cache *c, struct order *o)
{
	if (!has_thread(c))
		return;
	o->waited = true;
	submit(c, o);
	pthread_mutex_lock(&c->lock);
	while (!o->done)
		pthread_cond_wait(&c->news, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

/* Without memory it is not done; nobody is told. */
static void order(struct leat_session_cache *c, enum what what, const struct leat_cache_key *key,
	struct leat_session *s)
{
	struct order *o = has_thread(c) ? leat_zalloc(sizeof(*o)) : NULL;

	if (!o || !session_cache_key_copy(&o->key, key)) {
		leat_free(o);
		return;
	}
	o->what = what;
	o->session = s ? leat_session_ref(s) : NULL;
	submit(c, o);
}

void session_cache_put(
	struct leat_session_cache *c, const struct leat_cache_key *key, struct leat_session *s)
{
	order(c, DO_UPDATE, key, s);
}

void leat_session_cache_put(
	struct leat_session_cache *c, struct leat_span partial, struct leat_session *s)
{
	struct session_cache_key key = { .partial_n = partial.n };
	struct leat_cache_key k;

	if (partial.n == 0 || partial.n > LEAT_CACHE_PARTIAL_MAX)
		return;
	memcpy(key.b, partial.p, partial.n);
	session_cache_key_id(&key, session_data(s));
	k = session_cache_key_of(&key);
	session_cache_put(c, &k, s);
}

void leat_session_cache_invalidate(struct leat_session_cache *c, const struct leat_cache_key *key)
{
	order(c, DO_INVALIDATE, key, NULL);
}

struct wanted {
	const struct leat_config *cfg;
	const char *host;
};

static bool is_wanted(const struct leat_session *s, const void *arg)
{
	const struct wanted *w = arg;

	return session_cache_is_offerable(w->cfg, session_data(s), w->host);
}

struct leat_session *leat_session_cache_pick(struct leat_session_cache *c,
	const struct leat_config *cfg, const char *host, uint16_t port)
{
	const struct wanted w = { cfg, host };
	struct leat_session *s;
	struct leat_cache_key k;
	struct session_cache_key key;

	if (!session_cache_partial_client(&key, host, port))
		return NULL;
	s = choose(c, (struct leat_span){ key.b, key.partial_n }, is_wanted, &w);
	/* RFC 8446 C.4: "Clients SHOULD NOT reuse a ticket for multiple connections." */
	if (s && session_data(s)->version == LEAT_TLS13) {
		session_cache_key_id(&key, session_data(s));
		k = session_cache_key_of(&key);
		order(c, DO_DELETE, &k, NULL);
	}
	return s;
}

struct leat_session *session_cache_take(
	struct leat_session_cache *c, const struct leat_cache_key *key)
{
	struct order o = { .what = DO_TAKE };

	if (!session_cache_key_copy(&o.key, key))
		return NULL;
	submit_and_wait(c, &o);
	return o.session;
}

enum leat_ret session_cache_reserve(struct leat_session_cache *c, const struct leat_cache_key *key)
{
	struct order o = { .what = DO_RESERVE };

	if (!session_cache_key_copy(&o.key, key))
		return LEAT_UNSUPPORTED;
	submit_and_wait(c, &o);
	return o.granted ? LEAT_OK : LEAT_UNSUPPORTED;
}

void *leat_session_cache_fold(struct leat_session_cache *c, leat_cache_fold_fn *fn, void *acc)
{
	struct order o = { .what = DO_FOLD, .fn = fn, .acc = acc };

	submit_and_wait(c, &o);
	return o.acc;
}

void leat_session_cache_sync(struct leat_session_cache *c)
{
	struct order o = { .what = DO_NOTHING };

	submit_and_wait(c, &o);
}

size_t leat_session_cache_size(struct leat_session_cache *c)
{
	return c->ops.size ? c->ops.size(c->storage) : SIZE_MAX;
}

enum leat_role session_cache_role(const struct leat_session_cache *c)
{
	return c->role;
}

/* ---- beginning and end ---- */

void leat_session_cache_set_limits(
	struct leat_session_cache *c, size_t max, uint32_t lifetime_s, uint32_t delay_cleanup_ms)
{
	if (max)
		atomic_store(&c->max, max);
	if (lifetime_s)
		atomic_store(&c->lifetime_s, lifetime_s);
	if (delay_cleanup_ms)
		atomic_store(&c->delay_ms, delay_cleanup_ms);
}

static enum leat_ret check(const struct leat_session_cache_opts *o, struct leat_err *err)
{
	const struct leat_cache_ops *ops = o->ops;

	if (ops && (!ops->init || !ops->terminate || !ops->lookup || !ops->update || !ops->remove ||
			   !ops->foldl || !ops->select_session))
		return err_option(err, "session_cb", NULL, "only size may be missing");
	if (o->max > LIM_STORE)
		return err_option(
			err, "session_cache_max", NULL, "1 to " LEAT_STR(LIM_STORE) " sessions");
	if (o->lifetime_s > SESSION_WEEK_S)
		return err_option(err, "session_lifetime", NULL, "at most a week");
	return o->num_args <= MAX_ARGS ? LEAT_OK
				       : err_option(err, "session_cb_init_args", NULL,
						 "more than " LEAT_STR(MAX_ARGS));
}

static void init_parts(
	struct leat_session_cache *c, enum leat_role role, const struct leat_session_cache_opts *o)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->news, &monotonic);
	pthread_condattr_destroy(&monotonic);
	atomic_init(&c->refs, 1);
	c->role = role;
	c->pid = getpid();
	c->ops = o->ops ? *o->ops : session_cache_mem_ops;
	atomic_init(&c->max, o->max);
	atomic_init(&c->lifetime_s, o->lifetime_s);
	atomic_init(&c->delay_ms, o->delay_cleanup_ms);
	c->times = times;
	c->validate_ms = now_ms() + (int64_t)life_of(c) * 1000 + c->times.after_life_ms;
	c->last = &c->first;
	c->latest = &c->soon;
	c->opts = o;
}

static void free_parts(struct leat_session_cache *c)
{
	pthread_cond_destroy(&c->news);
	pthread_mutex_destroy(&c->lock);
	leat_free(c);
}

/* Signals are for the threads of the program. */
static bool start_thread(struct leat_session_cache *c)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&c->thread, NULL, thread_main, c) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

static enum leat_ret start(struct leat_session_cache *c, struct leat_err *err)
{
	if (!start_thread(c))
		return err_sys(err, EAGAIN, "session cache: no thread");
	pthread_mutex_lock(&c->lock);
	while (!c->started)
		pthread_cond_wait(&c->news, &c->lock);
	pthread_mutex_unlock(&c->lock);
	c->opts = NULL;
	if (c->init_said == LEAT_OK)
		return LEAT_OK;
	pthread_join(c->thread, NULL);
	return err_misuse(err, "session cache: init said no");
}

enum leat_ret leat_session_cache_new(struct leat_session_cache **out, enum leat_role role,
	const struct leat_session_cache_opts *opts, struct leat_err *err)
{
	static const struct leat_session_cache_opts defaults;
	struct leat_session_cache *c;

	*out = NULL;
	if (!opts)
		opts = &defaults;
	if (check(opts, err) != LEAT_OK)
		return LEAT_FAILED;
	c = leat_zalloc(sizeof(*c));
	if (!c)
		return err_memory(err);
	init_parts(c, role, opts);
	if (start(c, err) != LEAT_OK) {
		free_parts(c);
		return LEAT_FAILED;
	}
	*out = c;
	return LEAT_OK;
}

struct leat_session_cache *leat_session_cache_ref(struct leat_session_cache *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void leat_session_cache_unref(struct leat_session_cache *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (!has_thread(c)) /* the storage is its parent's to terminate */
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->news);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	free_parts(c);
}
