/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_mem.c - the storage of a session cache in memory: a hash table by key, and a list of the entries of each
 * partial key (all of a server's are in one). The oldest of a list is selected first.
 */
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "sock/session_cache.h"

#define BUCKETS 4096

struct entry {
	struct entry *chain;       /* next of the same bucket */
	struct entry *prev, *next; /* of the partial keys that share a list, oldest first */
	struct leat_session *s;
	struct session_cache_key key;
};

struct list {
	struct entry *first, *last;
};

struct mem {
	pthread_mutex_t lock;
	size_t num;
	struct entry *by_key[BUCKETS];
	struct list by_partial[BUCKETS];
};

/* FNV-1a. Peers do not choose ids of servers, and names of servers come from us. */
static uint64_t hash_more(uint64_t h, struct leat_span s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static size_t bucket_of(uint64_t h)
{
	return (size_t)(h ^ h >> 32) % BUCKETS;
}

static struct list *list_of(struct mem *m, struct leat_span partial)
{
	return &m->by_partial[bucket_of(hash_more(UINT64_C(0xcbf29ce484222325), partial))];
}

static bool is_same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The link that points to the entry, or to the NULL at the end of its chain. */
static struct entry **link_of(struct mem *m, const struct leat_cache_key *key)
{
	uint64_t h = hash_more(UINT64_C(0xcbf29ce484222325), key->partial);
	struct entry **at = &m->by_key[bucket_of(hash_more(h, key->id))];

	for (; *at; at = &(*at)->chain) {
		const struct leat_cache_key k = session_cache_key_of(&(*at)->key);

		if (is_same(k.id, key->id) && is_same(k.partial, key->partial))
			break;
	}
	return at;
}

static enum leat_ret mem_init(
	void **cache, void *user, const struct leat_cache_arg *args, size_t num_args)
{
	struct mem *m = leat_zalloc(sizeof(*m));

	(void)user;
	(void)args;
	(void)num_args;
	if (!m)
		return LEAT_FAILED;
	pthread_mutex_init(&m->lock, NULL);
	*cache = m;
	return LEAT_OK;
}

static void forget(struct mem *m, struct entry **at)
{
	struct entry *e = *at;
	struct list *l = list_of(m, session_cache_key_of(&e->key).partial);

	*at = e->chain;
	*(e->prev ? &e->prev->next : &l->first) = e->next;
	*(e->next ? &e->next->prev : &l->last) = e->prev;
	m->num--;
	leat_session_unref(e->s);
	leat_free(e);
}

static void mem_terminate(void *cache)
{
	struct mem *m = cache;

	for (size_t i = 0; i < BUCKETS; i++)
		while (m->by_key[i])
			forget(m, &m->by_key[i]);
	pthread_mutex_destroy(&m->lock);
	leat_free(m);
}

static struct leat_session *mem_lookup(void *cache, const struct leat_cache_key *key)
{
	struct mem *m = cache;
	struct entry *e;
	struct leat_session *s;

	pthread_mutex_lock(&m->lock);
	e = *link_of(m, key);
	s = e ? leat_session_ref(e->s) : NULL;
	pthread_mutex_unlock(&m->lock);
	return s;
}

static void insert(struct mem *m, struct entry **at, struct entry *e)
{
	struct list *l = list_of(m, session_cache_key_of(&e->key).partial);

	*at = e;
	e->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = e;
	l->last = e;
	m->num++;
}

static void mem_update(void *cache, const struct leat_cache_key *key, struct leat_session *s)
{
	struct mem *m = cache;
	struct entry *e = NULL, **at;

	pthread_mutex_lock(&m->lock);
	at = link_of(m, key);
	if (*at) {
		leat_session_unref((*at)->s);
		(*at)->s = leat_session_ref(s);
	} else if ((e = leat_zalloc(sizeof(*e)))) {
		(void)session_cache_key_copy(&e->key, key); /* the cache has checked it */
		e->s = leat_session_ref(s);
		insert(m, at, e);
	}
	pthread_mutex_unlock(&m->lock);
}

static void mem_remove(void *cache, const struct leat_cache_key *key)
{
	struct mem *m = cache;
	struct entry **at;

	pthread_mutex_lock(&m->lock);
	at = link_of(m, key);
	if (*at)
		forget(m, at);
	pthread_mutex_unlock(&m->lock);
}

static void *mem_foldl(void *cache, leat_cache_fold_fn *fn, void *acc)
{
	struct mem *m = cache;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = m->by_key[i]; e; e = e->chain) {
			const struct leat_cache_key k = session_cache_key_of(&e->key);

			acc = fn(&k, e->s, acc);
		}
	pthread_mutex_unlock(&m->lock);
	return acc;
}

static size_t mem_select(
	void *cache, struct leat_span partial, struct leat_session **out, size_t max)
{
	struct mem *m = cache;
	size_t n = 0;

	pthread_mutex_lock(&m->lock);
	for (struct entry *e = list_of(m, partial)->first; e && n < max; e = e->next)
		if (is_same(session_cache_key_of(&e->key).partial, partial) &&
			!session_data(e->s)->ended)
			out[n++] = leat_session_ref(e->s);
	pthread_mutex_unlock(&m->lock);
	return n;
}

static size_t mem_size(void *cache)
{
	struct mem *m = cache;
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = m->num;
	pthread_mutex_unlock(&m->lock);
	return n;
}

const struct leat_cache_ops session_cache_mem_ops = {
	.init = mem_init,
	.terminate = mem_terminate,
	.lookup = mem_lookup,
	.update = mem_update,
	.remove = mem_remove,
	.foldl = mem_foldl,
	.select_session = mem_select,
	.size = mem_size,
};
