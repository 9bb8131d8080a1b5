/* SPDX-License-Identifier: Apache-2.0
 *
 * session_cache.h - session caches inside sock/. The public half is leat/cache.h.
 *
 *   session_cache.c   the object, its thread, the orders it is given
 *   cache_rules.c     what may be resumed, what is equivalent, what is picked; keys
 *   cache_mem.c       the storage in memory
 *   cache_store.c     a server's cache as a session store; the process's pair
 *   conn_cache.c      connections of clients that use one
 */
#ifndef LEAT_SOCK_SESSION_CACHE_H
#define LEAT_SOCK_SESSION_CACHE_H

#include <leat/cache.h>

#include "session/session.h"

#define CACHE_KEY_MAX (LEAT_CACHE_PARTIAL_MAX + LEAT_CACHE_ID_MAX)
#define CACHE_SELECT  32 /* sessions of one partial key that are looked at */

/* A key with its bytes. */
struct session_cache_key {
	size_t partial_n, id_n;
	uint8_t b[CACHE_KEY_MAX];
};

static inline struct leat_cache_key session_cache_key_of(const struct session_cache_key *k)
{
	return (struct leat_cache_key){ { k->b, k->partial_n }, { k->b + k->partial_n, k->id_n } };
}
/* false: a part is empty or too long. */
bool session_cache_key_copy(struct session_cache_key *out, const struct leat_cache_key *key);

/* Of a client: host (without a dot at its end) and port. false: no host, or too long. */
bool session_cache_partial_client(struct session_cache_key *out, const char *host, uint16_t port);
/* Adds the id of s: its session id, or a hash of its ticket. */
void session_cache_key_id(struct session_cache_key *out, const struct session_data *d);

/* May s be resumed, as far as the cache decides? now_s and life_s: on the cache's clock. */
bool session_cache_is_valid(const struct leat_session *s, int64_t now_s, uint32_t life_s);
bool session_cache_is_equivalent(const struct session_data *a, const struct session_data *b);
bool session_cache_is_offerable(
	const struct leat_config *cfg, const struct session_data *d, const char *host);

/* Waited for, by the cache's thread. Takes what is there under key out: one of several gets it. */
struct leat_session *session_cache_take(
	struct leat_session_cache *c, const struct leat_cache_key *key);
/* Puts a place holder there, which nobody can resume. LEAT_UNSUPPORTED: the id is in use. */
LEAT_MUST_CHECK enum leat_ret session_cache_reserve(
	struct leat_session_cache *c, const struct leat_cache_key *key);
/* leat_session_cache_put under any key. */
void session_cache_put(
	struct leat_session_cache *c, const struct leat_cache_key *key, struct leat_session *s);
enum leat_role session_cache_role(const struct leat_session_cache *c);

extern const struct leat_cache_ops session_cache_mem_ops;

/* Tests: other times than 5 and 60 seconds, for caches made from now on. */
struct session_cache_times {
	int64_t after_life_ms, every_ms;
};
void session_cache_use_times(const struct session_cache_times *times);
/* Tests: the clock (milliseconds that also pass while the machine sleeps). NULL: the real one. */
void session_cache_use_clock(int64_t (*now_ms)(void));

#endif
