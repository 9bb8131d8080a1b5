/* SPDX-License-Identifier: Apache-2.0
 *
 * store_mem.c - the session store in this process: a hash table with chains and a list by last use.
 * Bounded by a number of sessions, each bounded by TICKET_PLAIN_MAX. Ids come from peers but are ours
 * (random), so a stranger cannot aim at a bucket; lookups of invented ids walk one chain.
 *
 * Threads: one at a time, or a caller's lock around each operation (this layer knows no threads).
 */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "session/store.h"

#define ID_MAX 64

struct entry {
	struct entry *chain;         /* next of the same bucket */
	struct entry *newer, *older; /* by last use */
	int64_t expires_s;
	size_t id_n, n;
	uint8_t b[]; /* id, then the session */
};

struct mem {
	struct leat_lock lock;
	size_t max, num, mask;
	struct entry *newest, *oldest;
	struct entry *bucket[];
};

static void enter(struct mem *m)
{
	if (m->lock.lock)
		m->lock.lock(m->lock.arg);
}

static void leave(struct mem *m)
{
	if (m->lock.unlock)
		m->lock.unlock(m->lock.arg);
}

/* FNV-1a. */
static size_t hash_of(struct leat_span id)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ id.p[i]) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32);
}

/* The link that points to the entry of this id, or to the NULL at the end of its chain. */
static struct entry **link_of(struct mem *m, struct leat_span id)
{
	struct entry **at = &m->bucket[hash_of(id) & m->mask];

	while (*at && ((*at)->id_n != id.n || memcmp((*at)->b, id.p, id.n) != 0))
		at = &(*at)->chain;
	return at;
}

static void unlist(struct mem *m, struct entry *e)
{
	*(e->newer ? &e->newer->older : &m->newest) = e->older;
	*(e->older ? &e->older->newer : &m->oldest) = e->newer;
}

static void list_newest(struct mem *m, struct entry *e)
{
	e->newer = NULL;
	e->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = e;
	m->newest = e;
}

static void forget(struct mem *m, struct entry **at)
{
	struct entry *e = *at;

	assert(e); /* who calls has found it, or knows that there is an oldest one */
	*at = e->chain;
	unlist(m, e);
	m->num--;
	leat_free_wipe(e, sizeof(*e) + e->id_n + e->n);
}

static struct leat_span id_of(const struct entry *e)
{
	return (struct leat_span){ e->b, e->id_n };
}

static enum leat_ret mem_put(
	void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	struct mem *m = arg;
	struct entry *e, **at;

	if (id.n == 0 || id.n > ID_MAX || bytes.n > TICKET_PLAIN_MAX)
		return LEAT_UNSUPPORTED;
	e = leat_malloc(sizeof(*e) + id.n + bytes.n);
	if (!e)
		return LEAT_FAILED;
	e->expires_s = expires_s;
	e->id_n = id.n;
	e->n = bytes.n;
	memcpy(e->b, id.p, id.n);
	memcpy(e->b + id.n, bytes.p, bytes.n);
	enter(m);
	at = link_of(m, id);
	if (*at)
		forget(m, at);
	else if (m->num == m->max)
		forget(m, link_of(m, id_of(m->oldest)));
	at = link_of(m, id);
	e->chain = *at;
	*at = e;
	list_newest(m, e);
	m->num++;
	leave(m);
	return LEAT_OK;
}

static enum leat_ret mem_find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	enum leat_ret r = LEAT_UNSUPPORTED;
	struct mem *m = arg;
	struct entry **at;

	if (id.n == 0 || id.n > ID_MAX)
		return LEAT_UNSUPPORTED;
	enter(m);
	at = link_of(m, id);
	if (*at && (*at)->expires_s <= now_s) {
		forget(m, at);
	} else if (*at && (*at)->n <= cap) {
		*n = (*at)->n;
		memcpy(buf, (*at)->b + id.n, *n);
		r = LEAT_OK;
		if (take) {
			forget(m, at);
		} else {
			unlist(m, *at);
			list_newest(m, *at);
		}
	}
	leave(m);
	return r;
}

static void mem_drop(void *arg, struct leat_span id)
{
	struct mem *m = arg;
	struct entry **at;

	if (id.n == 0 || id.n > ID_MAX)
		return;
	enter(m);
	at = link_of(m, id);
	if (*at)
		forget(m, at);
	leave(m);
}

static void mem_free(void *arg)
{
	struct mem *m = arg;

	while (m->oldest)
		forget(m, link_of(m, id_of(m->oldest)));
	leat_free(m);
}

enum leat_ret leat_store_mem_new(
	struct leat_store **out, size_t max, const struct leat_lock *lock, struct leat_err *err)
{
	static const struct leat_store_ops ops = { mem_put, mem_find, mem_drop, mem_free, NULL };
	size_t buckets = 16, bytes;
	struct mem *m;

	*out = NULL;
	if (max == 0 || max > LIM_STORE)
		return err_option(
			err, "session_cache", NULL, "1 to " LEAT_STR(LIM_STORE) " sessions");
	while (buckets < max)
		buckets *= 2;
	bytes = sizeof(*m) + buckets * sizeof(m->bucket[0]); /* max is bounded */
	m = leat_zalloc(bytes);
	if (!m)
		return err_memory(err);
	m->max = max;
	m->mask = buckets - 1;
	if (lock)
		m->lock = *lock;
	if (leat_store_cb_new(out, &ops, m, err) == LEAT_OK)
		return LEAT_OK;
	leat_free(m);
	return LEAT_FAILED;
}
