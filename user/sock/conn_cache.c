/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_cache.c - see conn_cache.h. Whatever a cache cannot do costs a full handshake, never a connection: no memory
 * here is no error.
 */
#include "sock/conn_cache.h"

#include "base/mem.h"
#include "config/config.h"
#include "sock/session_cache.h"

struct cached {
	struct leat_session_cache *cache;
	struct session_cache_key partial;
	struct leat_session *last; /* offered or kept last */
	bool offered;              /* last was offered, and the answer is not known */
};

static struct leat_session_cache *cache_for(
	const struct leat_config *cfg, const struct leat_client_opts *opts)
{
	if (cfg->role != LEAT_CLIENT || cfg->sessions != SESSIONS_KEPT || !opts->host)
		return NULL;
	if (opts->cache)
		return session_cache_role(opts->cache) == LEAT_CLIENT
			       ? leat_session_cache_ref(opts->cache)
			       : NULL;
	return opts->session ? NULL : leat_session_caches_get(LEAT_CLIENT);
}

void conn_cache_begin(struct leat_conn *c, const struct leat_config *cfg,
	struct leat_client_opts *opts, uint16_t port)
{
	struct leat_session_cache *cache = cache_for(cfg, opts);
	struct cached *k = cache ? leat_zalloc(sizeof(*k)) : NULL;

	if (!k || !session_cache_partial_client(&k->partial, opts->host, port)) {
		leat_session_cache_unref(cache);
		leat_free(k);
		return;
	}
	k->cache = cache;
	c->cached = k;
	if (!opts->session)
		opts->session = k->last = leat_session_cache_pick(cache, cfg, opts->host, port);
	k->offered = k->last != NULL;
}

static void invalidate_last(struct cached *k)
{
	struct leat_cache_key key;

	session_cache_key_id(&k->partial, session_data(k->last));
	key = session_cache_key_of(&k->partial);
	leat_session_cache_invalidate(k->cache, &key);
}

/* A session that the server did not take up is of no use, and stands in the way of the next one. */
static void hear_answer(struct leat_conn *c)
{
	struct leat_engine_info info;
	struct cached *k = c->cached;

	if (!k->offered || !(leat_engine_wants(c->e) & LEAT_IS_UP))
		return;
	k->offered = false;
	leat_engine_info(c->e, &info);
	if (!info.resumed)
		invalidate_last(k);
}

void conn_cache_keep(struct leat_conn *c)
{
	struct cached *k = c->cached;
	struct leat_session *s;

	if (k)
		hear_answer(c);
	while (k && (s = leat_engine_take_session(c->e))) {
		leat_session_cache_put(
			k->cache, (struct leat_span){ k->partial.b, k->partial.partial_n }, s);
		leat_session_unref(k->last);
		k->last = s;
	}
}

void conn_cache_failed(struct leat_conn *c, const struct leat_err *err)
{
	struct cached *k = c->cached;

	if (!k || !k->last || (err->cls != LEAT_E_OUR_ALERT && err->cls != LEAT_E_PEER_ALERT))
		return;
	invalidate_last(k);
}

void conn_cache_free(struct leat_conn *c)
{
	struct cached *k = c->cached;

	if (!k)
		return;
	if (c->e)
		conn_cache_keep(c);
	leat_session_unref(k->last);
	leat_session_cache_unref(k->cache);
	leat_free(k);
	c->cached = NULL;
}
