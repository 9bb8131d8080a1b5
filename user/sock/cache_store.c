/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_store.c - a server's session cache as the store of its configs, and the two caches of the process.
 */
#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "session/store.h"
#include "sock/session_cache.h"

struct bridge {
	struct leat_session_cache *cache;
	size_t n;
	uint8_t partial[LEAT_CACHE_PARTIAL_MAX];
};

static struct leat_cache_key key_of(const struct bridge *b, struct leat_span id)
{
	return (struct leat_cache_key){ { b->partial, b->n }, id };
}

static bool is_id(struct leat_span id)
{
	return id.n > 0 && id.n <= LEAT_CACHE_ID_MAX;
}

static enum leat_ret bridge_put(
	void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s)
{
	struct bridge *b = arg;
	const struct leat_cache_key key = key_of(b, id);
	struct leat_err ignored = { 0 };
	struct leat_session *s;

	(void)expires_s; /* the session says so too */
	if (!is_id(id) || leat_session_parse(&s, bytes, &ignored) != LEAT_OK)
		return LEAT_UNSUPPORTED;
	session_cache_put(b->cache, &key, s);
	leat_session_unref(s);
	return LEAT_OK;
}

static enum leat_ret bridge_find(
	void *arg, struct leat_span id, bool take, int64_t now_s, void *buf, size_t cap, size_t *n)
{
	struct bridge *b = arg;
	const struct leat_cache_key key = key_of(b, id);
	struct leat_session *s;
	enum leat_ret r;

	(void)now_s; /* ages are the cache's matter, and then the handshake's */
	*n = 0;
	if (!is_id(id))
		return LEAT_UNSUPPORTED;
	s = take ? session_cache_take(b->cache, &key) : leat_session_cache_lookup(b->cache, &key);
	if (!s)
		return LEAT_UNSUPPORTED;
	r = leat_session_serialise(s, buf, cap, n);
	leat_session_unref(s);
	return r == LEAT_OK ? LEAT_OK : LEAT_UNSUPPORTED;
}

static void bridge_drop(void *arg, struct leat_span id)
{
	struct bridge *b = arg;
	const struct leat_cache_key key = key_of(b, id);

	leat_session_cache_invalidate(b->cache, &key);
}

static enum leat_ret bridge_reserve(void *arg, struct leat_span id)
{
	struct bridge *b = arg;
	const struct leat_cache_key key = key_of(b, id);

	return session_cache_reserve(b->cache, &key);
}

static void bridge_free(void *arg)
{
	struct bridge *b = arg;

	leat_session_cache_unref(b->cache);
	leat_free(b);
}

enum leat_ret leat_session_cache_store(struct leat_store **out, struct leat_session_cache *c,
	struct leat_span partial, struct leat_err *err)
{
	static const struct leat_store_ops ops = { bridge_put, bridge_find, bridge_drop,
		bridge_free, bridge_reserve };
	struct bridge *b;

	*out = NULL;
	if (session_cache_role(c) != LEAT_SERVER)
		return err_misuse(err, "session cache: a store is made of a server's");
	if (partial.n == 0 || partial.n > LEAT_CACHE_PARTIAL_MAX)
		return err_misuse(err, "session cache: a partial key has 1 to 320 bytes");
	b = leat_malloc(sizeof(*b));
	if (!b)
		return err_memory(err);
	b->cache = leat_session_cache_ref(c);
	b->n = partial.n;
	memcpy(b->partial, partial.p, partial.n);
	if (leat_store_cb_new(out, &ops, b, err) == LEAT_OK)
		return LEAT_OK;
	bridge_free(b);
	return LEAT_FAILED;
}

/* ---- the process's own ---- */

static pthread_mutex_t pair_lock = PTHREAD_MUTEX_INITIALIZER;
static struct leat_session_cache *pair[2]; /* by enum leat_role */

enum leat_ret leat_session_caches_start(const struct leat_session_cache_opts *client,
	const struct leat_session_cache_opts *server, struct leat_err *err)
{
	struct leat_session_cache *made[2] = { NULL, NULL };
	enum leat_ret r = LEAT_UNSUPPORTED;

	pthread_mutex_lock(&pair_lock);
	if (!pair[LEAT_CLIENT]) {
		r = leat_session_cache_new(&made[LEAT_CLIENT], LEAT_CLIENT, client, err);
		if (r == LEAT_OK)
			r = leat_session_cache_new(&made[LEAT_SERVER], LEAT_SERVER, server, err);
		if (r == LEAT_OK)
			memcpy(pair, made, sizeof(pair));
	}
	pthread_mutex_unlock(&pair_lock);
	if (r == LEAT_FAILED)
		leat_session_cache_unref(made[LEAT_CLIENT]);
	return r;
}

void leat_session_caches_stop(void)
{
	struct leat_session_cache *old[2];

	pthread_mutex_lock(&pair_lock);
	memcpy(old, pair, sizeof(pair));
	memset(pair, 0, sizeof(pair));
	pthread_mutex_unlock(&pair_lock);
	leat_session_cache_unref(old[LEAT_CLIENT]);
	leat_session_cache_unref(old[LEAT_SERVER]);
}

struct leat_session_cache *leat_session_caches_get(enum leat_role role)
{
	struct leat_session_cache *c;

	pthread_mutex_lock(&pair_lock);
	c = pair[role] ? leat_session_cache_ref(pair[role]) : NULL;
	pthread_mutex_unlock(&pair_lock);
	return c;
}
