/* SPDX-License-Identifier: Apache-2.0
 *
 * store_redis.c - sessions in Redis, shared by many machines: SET with a life, GET, DEL under "leat:s:" and
 * the id. docs/decisions/0067.
 *
 *	callers --commands--> [out] --\                      /--> Redis
 *	   ^                           thread with the link
 *	   \--replies-- [slots] <-----/                      \<--
 *
 * A thread of the store's own has the connection: it connects, greets, waits and fails, so that nobody else
 * does. Callers append commands to one buffer and a slot for each reply to one list (Redis answers in order).
 * put and drop do not wait at all. find waits for its reply, at most timeout_ms; when that is not enough the
 * link is down at once for everybody, and until it is up again all operations return without a word to
 * anyone: sessions are then neither kept nor found, and handshakes are full ones. The thread comes back by
 * itself, later each time that it fails soon.
 *
 * One lock guards everything but the link. It is held for copies, never for a system call on the link.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "ktls/sys.h"
#include "sock/redis_link.h"

#define PREFIX        "leat:s:"
#define CONNECT_MS    1000 /* connect, TLS and greeting */
#define WRITE_LATE_MS 1000 /* a put or drop without a reply: the link is dead */
#define BACK_OFF_MS   100  /* before the second attempt; doubled with each */
#define BACK_OFF_MAX  5000
#define STEADY_MS     10000   /* a link that lasted so long was a good one */
#define OUT_MAX       1048576 /* bytes that wait to be sent: more puts are not kept */
#define STOP_MS       300     /* what is on its way when the store is freed may still arrive */

enum slot_kind { SLOT_PUT, SLOT_GET, SLOT_DROP };

/* Somebody who waits for one or two replies; on his stack. */
struct asker {
	unsigned left; /* replies to come */
	bool removed;  /* DEL removed it */
	struct store_value value;
};

/* A reply that is to come. */
struct slot {
	struct slot *next;
	struct asker *asker; /* NULL: nobody waits (any more) */
	int64_t late_ms;
	enum slot_kind kind;
};

struct rs {
	struct store_common common;
	struct redis_url url;
	struct leat_config *tls;
	pid_t pid; /* after fork there is no thread */
	int wake_fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news; /* replies, the link going up or down */
	/* under the lock */
	bool is_up, tried, stopping;
	const char *broken; /* the link is to be closed, and why */
	struct leat_wr out;
	struct slot *first, **last;
	/* of the thread */
	struct redis_link link;
	struct leat_wr sending;
	size_t sent;
	int back_off_ms;
	int64_t since_ms; /* up */
};

static void wake(const struct rs *r)
{
	uint64_t one = 1;
	ssize_t k = write(r->wake_fd, &one, sizeof(one));

	(void)k; /* full: it is awake */
}

/* ---- slots, under the lock ---- */

/* The link is down: all who wait get nothing. */
static void drop_slots(struct rs *r)
{
	struct slot *s;

	while ((s = r->first)) {
		r->first = s->next;
		if (s->asker)
			s->asker->left = 0;
		leat_free(s);
	}
	r->last = &r->first;
	pthread_cond_broadcast(&r->news);
}

static void break_link(struct rs *r, const char *why)
{
	if (!r->is_up)
		return;
	r->is_up = false;
	r->broken = why;
	drop_slots(r);
	wake(r);
}

/* One command and the place of its reply. false: it is not sent. */
static bool submit(struct rs *r, const struct leat_span *words, size_t num, enum slot_kind kind,
	struct asker *asker)
{
	struct slot *s;

	if (!r->is_up || r->stopping || r->out.n > OUT_MAX)
		return false;
	s = leat_malloc(sizeof(*s));
	if (!s)
		return false;
	if (!redis_command(&r->out, words, num)) {
		/* half a command may be there: nothing can follow it */
		leat_free(s);
		break_link(r, "out of memory");
		return false;
	}
	*s = (struct slot){
		.asker = asker, .late_ms = sys_real.now_ms() + WRITE_LATE_MS, .kind = kind
	};
	*r->last = s;
	r->last = &s->next;
	return true;
}

/* Is this what Redis answers to such a command? Otherwise we and it have lost count. */
static bool fits(enum slot_kind kind, enum redis_kind reply)
{
	switch (kind) {
	case SLOT_PUT: return reply == REDIS_STATUS || reply == REDIS_REFUSED;
	case SLOT_GET: return reply == REDIS_BYTES || reply == REDIS_NIL || reply == REDIS_REFUSED;
	case SLOT_DROP: return reply == REDIS_INTEGER || reply == REDIS_REFUSED;
	}
	return false;
}

static void on_reply(struct rs *r, struct slot *s, const struct redis_reply *reply)
{
	struct asker *a = s->asker;

	if (a && s->kind == SLOT_GET && reply->kind == REDIS_BYTES)
		a->value = reply->value;
	if (a && s->kind == SLOT_DROP && reply->kind == REDIS_INTEGER)
		a->removed = reply->integer > 0;
	if (a && --a->left == 0)
		pthread_cond_broadcast(&r->news);
}

/* ---- what callers do ---- */

struct redis_key {
	uint8_t b[sizeof(PREFIX) - 1 + STORE_ID_MAX];
};

static struct leat_span key_of(struct redis_key *key, struct leat_span id)
{
	memcpy(key->b, PREFIX, sizeof(PREFIX) - 1);
	memcpy(key->b + sizeof(PREFIX) - 1, id.p, id.n);
	return (struct leat_span){ key->b, sizeof(PREFIX) - 1 + id.n };
}

static struct leat_span word(const char *text)
{
	return (struct leat_span){ (const uint8_t *)text, strlen(text) };
}

static bool submit_get(struct rs *r, struct leat_span key, struct asker *a)
{
	const struct leat_span words[] = { word("GET"), key };

	return submit(r, words, 2, SLOT_GET, a);
}

static bool submit_drop(struct rs *r, struct leat_span key, struct asker *a)
{
	const struct leat_span words[] = { word("DEL"), key };

	return submit(r, words, 2, SLOT_DROP, a);
}

static enum leat_ret rs_put(
	void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	LEAT_SCOPED(store_value_clear) struct store_value value = { 0 };
	int64_t life_s = expires_s - (int64_t)time(NULL);
	struct rs *r = arg;
	struct redis_key key;
	char life[24];
	bool taken = false;
	enum leat_ret made = store_value_make(&r->common, id, bytes, expires_s, &value);

	if (made != LEAT_OK || life_s <= 0 || r->pid != getpid())
		return made == LEAT_OK ? LEAT_UNSUPPORTED : made;
	snprintf(life, sizeof(life), "%lld", (long long)life_s);
	{
		const struct leat_span words[] = { word("SET"), key_of(&key, id),
			{ value.b, value.n }, word("EX"), word(life) };

		pthread_mutex_lock(&r->lock);
		taken = submit(r, words, 5, SLOT_PUT, NULL);
		pthread_mutex_unlock(&r->lock);
	}
	if (taken)
		wake(r);
	return taken ? LEAT_OK : LEAT_UNSUPPORTED;
}

static struct timespec in_ms(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

/* Waits until all replies are there, or the link is down; under the lock. */
static void await(struct rs *r, const struct asker *a)
{
	const struct timespec until = in_ms(r->url.timeout_ms);

	if (a->left > 0)
		wake(r);
	while (a->left > 0)
		if (pthread_cond_timedwait(&r->news, &r->lock, &until) == ETIMEDOUT && a->left > 0)
			break_link(r, "the server does not answer in time");
}

/* GET, and DEL with take: who removed it has it. */
static void ask(struct rs *r, struct leat_span key, bool take, struct asker *a)
{
	pthread_mutex_lock(&r->lock);
	a->left = take ? 2 : 1;
	if (!submit_get(r, key, a))
		a->left = 0;
	else if (take && !submit_drop(r, key, a))
		break_link(r, "out of memory");
	await(r, a);
	pthread_mutex_unlock(&r->lock);
	if (take && !a->removed)
		a->value.n = 0;
}

static enum leat_ret rs_find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	struct asker a = { 0 };
	struct redis_key key;
	int64_t expires_s;
	struct leat_span value;
	struct rs *r = arg;
	bool found;

	if (!store_id_ok(id) || r->pid != getpid())
		return LEAT_UNSUPPORTED;
	ask(r, key_of(&key, id), take, &a);
	value = (struct leat_span){ a.value.b, a.value.n };
	found = store_value_open(&r->common, id, value, now_s, buf, cap, n);
	/* Expired (clocks differ): of no use to anybody. */
	if (!found && value.n && !take && store_value_expires(value, &expires_s) &&
		expires_s <= now_s) {
		pthread_mutex_lock(&r->lock);
		(void)submit_drop(r, key_of(&key, id), NULL);
		pthread_mutex_unlock(&r->lock);
		wake(r);
	}
	store_value_clear(&a.value);
	return found ? LEAT_OK : LEAT_UNSUPPORTED;
}

static void rs_drop(void *arg, struct leat_span id)
{
	struct redis_key key;
	struct rs *r = arg;

	if (!store_id_ok(id) || r->pid != getpid())
		return;
	pthread_mutex_lock(&r->lock);
	(void)submit_drop(r, key_of(&key, id), NULL);
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

/* ---- the thread ---- */

/* The next commands to send, when those before are gone. */
static void take_out(struct rs *r)
{
	if (r->sent < r->sending.n)
		return;
	leat_wr_clear(&r->sending);
	r->sent = 0;
	r->sending = r->out;
	r->out = (struct leat_wr){ 0 };
}

/* One reply that has come goes to who waits for it. NULL or why the link is broken. */
static const char *hand_one(struct rs *r, const struct redis_reply *reply, enum slot_kind *kind)
{
	const char *why = NULL;
	struct slot *s;

	pthread_mutex_lock(&r->lock);
	s = r->first;
	if (!s || !fits(s->kind, reply->kind)) {
		why = r->broken ? r->broken : "what the server says makes no sense";
		pthread_mutex_unlock(&r->lock);
		return why;
	}
	*kind = s->kind;
	r->first = s->next;
	if (!r->first)
		r->last = &r->first;
	on_reply(r, s, reply);
	if (!r->first && r->stopping)
		pthread_cond_broadcast(&r->news);
	pthread_mutex_unlock(&r->lock);
	leat_free(s);
	return NULL;
}

static const char *hand_out(struct rs *r)
{
	const struct redis_reply *reply = &r->link.reader.reply;
	const char *why = NULL;
	enum slot_kind kind;
	enum leat_ret got;

	while (!why && (got = redis_reader_next(&r->link.reader)) == LEAT_OK) {
		why = hand_one(r, reply, &kind);
		if (!why && reply->kind == REDIS_REFUSED)
			store_went(&r->common, "redis", "the server refuses commands");
		else if (!why && kind == SLOT_PUT)
			store_works(&r->common, "redis");
	}
	return why || got == LEAT_AGAIN ? why : "what the server says makes no sense";
}

/* How long the thread may sleep, and whether there is anything left to do. */
static const char *look(struct rs *r, int *sleep_ms, bool *idle)
{
	const char *why;
	int64_t now = sys_real.now_ms();

	pthread_mutex_lock(&r->lock);
	take_out(r);
	why = r->broken;
	*sleep_ms = -1;
	if (r->first) {
		*sleep_ms = r->first->late_ms > now ? (int)(r->first->late_ms - now) : 0;
		if (*sleep_ms == 0 && !why)
			why = "the server does not answer in time";
	}
	*idle = r->stopping && (!r->first || why);
	pthread_mutex_unlock(&r->lock);
	return why;
}

static void sleep_until_news(struct rs *r, int ms)
{
	short events = redis_link_events(&r->link, r->sent < r->sending.n);
	struct pollfd p[2] = { { r->wake_fd, POLLIN, 0 }, { r->link.fd, events, 0 } };
	uint64_t count;
	ssize_t k;

	if (poll(p, 2, events == 0 ? 0 : ms) > 0 && p[0].revents) {
		k = read(r->wake_fd, &count, sizeof(count));
		(void)k; /* it was to be reset */
	}
}

/* The link is up: until it is broken, or everything is done and the store is to end (NULL). */
static const char *serve(struct rs *r)
{
	const char *why;
	int sleep_ms;
	size_t sent;
	bool idle;

	for (;;) {
		why = look(r, &sleep_ms, &idle);
		if (why || idle)
			return idle ? NULL : why;
		if (redis_link_send(&r->link, r->sending.p + r->sent, r->sending.n - r->sent,
			    &sent) != LEAT_OK)
			return "the server closed the connection";
		r->sent += sent;
		sleep_until_news(r, sleep_ms);
		if (redis_link_fill(&r->link) != LEAT_OK)
			return "the server closed the connection";
		why = hand_out(r);
		if (why)
			return why;
	}
}

static void set_up(struct rs *r, bool up)
{
	pthread_mutex_lock(&r->lock);
	if (!up)
		drop_slots(r);
	leat_wr_clear(&r->out);
	leat_wr_clear(&r->sending);
	r->sent = 0;
	r->is_up = up;
	r->tried = true;
	r->broken = NULL;
	pthread_cond_broadcast(&r->news);
	pthread_mutex_unlock(&r->lock);
}

/* Before the next attempt; false: the store is to end. Machines that lost the same server at the same moment do
 * not come back at the same moment. */
static bool back_off(struct rs *r)
{
	struct leat_env env;
	struct timespec until;
	uint16_t dice;
	bool stopping;

	leat_env_system(&env);
	env.random(env.arg, &dice, sizeof(dice));
	until = in_ms((unsigned)(r->back_off_ms - r->back_off_ms / 4 +
				 r->back_off_ms / 2 * dice / UINT16_MAX));
	if (r->back_off_ms < BACK_OFF_MAX)
		r->back_off_ms *= 2;
	pthread_mutex_lock(&r->lock);
	while (!r->stopping && pthread_cond_timedwait(&r->news, &r->lock, &until) != ETIMEDOUT)
		;
	stopping = r->stopping;
	pthread_mutex_unlock(&r->lock);
	return !stopping;
}

static void *thread_main(void *arg)
{
	struct rs *r = arg;
	const char *why;

	do {
		if (redis_link_open(&r->link, &r->url, r->tls, CONNECT_MS, &why) == LEAT_OK) {
			store_works(&r->common, "redis");
			r->since_ms = sys_real.now_ms();
			set_up(r, true);
			why = serve(r);
			set_up(r, false);
			redis_link_close(&r->link);
			if (!why)
				return NULL;
			if (sys_real.now_ms() - r->since_ms > STEADY_MS)
				r->back_off_ms = BACK_OFF_MS;
		}
		/* first the line, then whoever waits for the first attempt goes on */
		store_went(&r->common, "redis", why);
		set_up(r, false);
	} while (back_off(r));
	return NULL;
}

/* ---- beginning and end ---- */

static void rs_free(void *arg)
{
	struct rs *r = arg;
	const struct timespec until = in_ms(STOP_MS);

	if (r->pid == getpid()) { /* else it is a child's copy: the thread is its parent's */
		pthread_mutex_lock(&r->lock);
		r->stopping = true;
		wake(r);
		pthread_cond_broadcast(&r->news);
		while (r->first && pthread_cond_timedwait(&r->news, &r->lock, &until) != ETIMEDOUT)
			;
		break_link(r, "the store is closed");
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
	}
	pthread_cond_destroy(&r->news);
	pthread_mutex_destroy(&r->lock);
	close(r->wake_fd);
	leat_config_unref(r->tls);
	redis_url_clear(&r->url);
	store_common_clear(&r->common);
	leat_free(r);
}

/* The thread takes no signals: they are for the threads of the program. */
static bool start_thread(struct rs *r)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&r->thread, NULL, thread_main, r) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

static void init_lock(struct rs *r)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->news, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r->last = &r->first;
	r->back_off_ms = BACK_OFF_MS;
	r->link.fd = -1;
	r->pid = -1;
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static enum leat_ret prepare(
	struct rs *r, const char *url, const struct leat_store_opts *opts, struct leat_err *err)
{
	init_lock(r);
	if (store_common_init(&r->common, opts, err) != LEAT_OK ||
		redis_url_parse(&r->url, url, err) != LEAT_OK)
		return LEAT_FAILED;
	if (r->wake_fd < 0)
		return err_sys(err, errno, "session store: eventfd");
	if (r->url.is_tls && opts && opts->tls)
		r->tls = leat_config_ref(opts->tls);
	else if (r->url.is_tls)
		return redis_link_config(&r->tls, &r->url, err);
	return LEAT_OK;
}

/* The first attempt is waited for: sessions made at once are to be kept if they can be. */
static enum leat_ret start(struct rs *r, struct leat_err *err)
{
	const struct timespec until = in_ms(2 * CONNECT_MS);

	r->pid = getpid();
	if (!start_thread(r)) {
		r->pid = -1;
		return err_sys(err, EAGAIN, "session store: no thread");
	}
	pthread_mutex_lock(&r->lock);
	while (!r->tried && pthread_cond_timedwait(&r->news, &r->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&r->lock);
	return LEAT_OK;
}

enum leat_ret leat_store_redis_new(struct leat_store **out, const char *url,
	const struct leat_store_opts *opts, struct leat_err *err)
{
	static const struct leat_store_ops ops = { rs_put, rs_find, rs_drop, rs_free, NULL };
	enum leat_ret r;
	struct rs *s;

	*out = NULL;
	if (!redis_has_library()) {
		err_option(
			err, "session_store", NULL, "redis: there is no hiredis on this machine");
		return LEAT_UNSUPPORTED;
	}
	s = leat_zalloc(sizeof(*s));
	if (!s)
		return err_memory(err);
	r = prepare(s, url, opts, err);
	if (r == LEAT_OK)
		r = start(s, err);
	if (r == LEAT_OK)
		r = leat_store_cb_new(out, &ops, s, err);
	if (r != LEAT_OK)
		rs_free(s);
	return r;
}
