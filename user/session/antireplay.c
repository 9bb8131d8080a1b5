/* SPDX-License-Identifier: Apache-2.0
 *
 * antireplay.c - the memory of ClientHellos that brought early data.
 *
 * A hello made at time t counts as fresh while |now - t| <= window, so a copy can come up to two windows
 * after the first. Two tables, each filled for two windows: the older one is emptied and becomes the
 * current one when the current one has been filled for that long. So whatever was taken is remembered for
 * at least two windows, and each lookup is a probe of both.
 *
 * Ids are cut to 16 bytes of a binder, an HMAC under a key the attacker lacks: taking one for another
 * refuses early data that was new, the harmless way round, and cannot be aimed at.
 */
#include "session/antireplay.h"

#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#define ID_LEN 16

struct seen {
	uint8_t id[ID_LEN];
};

struct table {
	int64_t since_s;
	size_t num;
	struct seen *slot; /* all zero: free */
};

struct leat_antireplay {
	atomic_uint refs;
	struct leat_lock lock;
	bool (*is_new)(
		void *arg, struct leat_span id, int64_t until_s); /* in place of the tables */
	void *is_new_arg;
	int64_t start_s, span_s; /* span: two windows */
	int64_t window_s;
	size_t max, mask;
	unsigned current;
	struct table table[2];
	struct seen slots[];
};

/* An object with room for that many slots in each table. */
static enum leat_ret make(struct leat_antireplay **out, size_t slots, uint32_t window_s,
	const struct leat_env *env, struct leat_err *err)
{
	struct leat_antireplay *a;

	if (window_s == 0 || window_s > LIM_REPLAY_WINDOW_S)
		return err_option(err, "anti_replay", NULL,
			"a window of 1 to " LEAT_STR(LIM_REPLAY_WINDOW_S) " seconds");
	a = leat_zalloc(sizeof(*a) + 2 * slots * sizeof(a->slots[0]));
	if (!a)
		return err_memory(err);
	atomic_init(&a->refs, 1);
	a->window_s = window_s;
	a->span_s = 2 * (int64_t)window_s + 1; /* + 1: our clock counts whole seconds */
	a->start_s = env->now_s(env->arg);
	*out = a;
	return LEAT_OK;
}

enum leat_ret leat_antireplay_cb_new(struct leat_antireplay **out, uint32_t window_s,
	const struct leat_env *env, bool (*is_new)(void *arg, struct leat_span id, int64_t until_s),
	void *arg, struct leat_err *err)
{
	*out = NULL;
	if (!is_new)
		return err_misuse(err, "anti_replay: without is_new");
	if (make(out, 0, window_s, env, err) != LEAT_OK)
		return LEAT_FAILED;
	(*out)->is_new = is_new;
	(*out)->is_new_arg = arg;
	return LEAT_OK;
}

enum leat_ret leat_antireplay_new(struct leat_antireplay **out, size_t max, uint32_t window_s,
	const struct leat_env *env, const struct leat_lock *lock, struct leat_err *err)
{
	struct leat_antireplay *a = NULL;
	size_t slots = 16;

	*out = NULL;
	if (max == 0 || max > LIM_STORE)
		return err_option(err, "anti_replay", NULL, "1 to " LEAT_STR(LIM_STORE) " hellos");
	while (slots < 2 * max) /* never more than half full */
		slots *= 2;
	if (make(&a, slots, window_s, env, err) != LEAT_OK)
		return LEAT_FAILED;
	if (lock)
		a->lock = *lock;
	a->max = max;
	a->mask = slots - 1;
	a->table[0] = (struct table){ .since_s = a->start_s, .slot = a->slots };
	a->table[1] = (struct table){ .since_s = a->start_s, .slot = a->slots + slots };
	*out = a;
	return LEAT_OK;
}

struct leat_antireplay *leat_antireplay_ref(struct leat_antireplay *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void leat_antireplay_unref(struct leat_antireplay *a)
{
	if (a && atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		leat_free(a);
}

/* The slot of this id, or the free one where it belongs. */
static struct seen *slot_of(
	const struct leat_antireplay *a, const struct table *t, const struct seen *id)
{
	static const struct seen none;
	uint64_t h;
	size_t i;

	memcpy(&h, id->id, sizeof(h));
	for (i = (size_t)h & a->mask; memcmp(&t->slot[i], &none, sizeof(none)) != 0 &&
				      memcmp(&t->slot[i], id, sizeof(*id)) != 0;
		i = (i + 1) & a->mask)
		;
	return &t->slot[i];
}

static bool has(const struct leat_antireplay *a, const struct table *t, const struct seen *id)
{
	return memcmp(slot_of(a, t, id), id, sizeof(*id)) == 0;
}

static void turn(struct leat_antireplay *a, int64_t now_s)
{
	struct table *next = &a->table[!a->current];

	if (now_s - a->table[a->current].since_s < a->span_s)
		return;
	memset(next->slot, 0, (a->mask + 1) * sizeof(next->slot[0]));
	next->num = 0;
	next->since_s = now_s;
	a->current = !a->current;
}

static enum antireplay_verdict look(struct leat_antireplay *a, const struct seen *id, int64_t now_s)
{
	struct table *t;

	/* A clock set back makes what is recorded look younger than it is: nothing is forgotten early. */
	turn(a, now_s);
	t = &a->table[a->current];
	if (has(a, &a->table[0], id) || has(a, &a->table[1], id))
		return ANTIREPLAY_SEEN;
	if (t->num == a->max)
		return ANTIREPLAY_FULL;
	*slot_of(a, t, id) = *id;
	t->num++;
	return ANTIREPLAY_NEW;
}

enum antireplay_verdict antireplay_check(
	struct leat_antireplay *a, struct leat_span id, int64_t made_s, int64_t now_s)
{
	static const struct seen none;
	enum antireplay_verdict v;
	struct seen key = { 0 };

	/* RFC 8446 8.2: "When implementations are freshly started, they SHOULD reject 0-RTT as long as any
	 * portion of their recording window overlaps the startup time." */
	if (now_s - a->start_s < a->span_s)
		return ANTIREPLAY_STARTING;
	if (now_s - made_s > a->window_s || made_s - now_s > a->window_s)
		return ANTIREPLAY_STALE;
	if (id.n < ID_LEN)
		return ANTIREPLAY_FULL;
	memcpy(key.id, id.p, ID_LEN);
	if (memcmp(&key, &none, sizeof(none)) == 0)
		return ANTIREPLAY_SEEN;
	if (a->is_new)
		return a->is_new(a->is_new_arg, (struct leat_span){ key.id, ID_LEN },
			       made_s + a->window_s)
			       ? ANTIREPLAY_NEW
			       : ANTIREPLAY_SEEN;
	if (a->lock.lock)
		a->lock.lock(a->lock.arg);
	v = look(a, &key, now_s);
	if (a->lock.unlock)
		a->lock.unlock(a->lock.arg);
	return v;
}
