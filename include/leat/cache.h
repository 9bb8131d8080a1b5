/* SPDX-License-Identifier: Apache-2.0
 *
 * cache.h - session caches: where clients keep the sessions they may offer again, and servers those that clients
 * may ask for; with a storage of the application's in place of memory if it wants (the behaviour
 * ssl_session_cache_api of the manual).
 *
 *	struct leat_session_cache *cache;
 *	leat_session_cache_new(&cache, LEAT_CLIENT, NULL, &err);
 *	opts.host = "example.org"; opts.cache = cache;
 *	leat_connect_with(&c, cfg, 443, &opts, 10000, &err);     picks a session, keeps the new one
 *
 * A cache is for one role. It has a thread of its own, which does everything that changes it: keeping, marking,
 * deleting, validating. Looking something up is done by who asks.
 *
 *  - Life: a session can be resumed for lifetime_s after it was kept (and for as long as it says itself). A
 *    validation lifetime_s + 5 seconds after the start, and every 60 seconds from then on, finds those that cannot.
 *  - A session that ends (by age, a fatal alert, a server that did not take it up, invalidation) is first marked: nobody resumes it any more. After
 *    delay_cleanup_ms it is deleted, since handshakes that are under way may still look it up.
 *  - Bound: when max sessions are there (marked ones too) another one is not kept, and all that are there are
 *    invalidated, whatever is left of their lives.
 *  - A client keeps no session beside an equivalent one for the same host and port (TLS 1.2: same certificates of
 *    both sides, same suite, name, protocol and settings); of TLS 1.3 the newer one replaces it, since tickets are
 *    for one use.
 *
 * Any thread may call these functions, those of cache_ops excepted. After fork the child's copy finds what is there in
 * memory, and keeps nothing: it makes its own.
 */
#ifndef LEAT_CACHE_H
#define LEAT_CACHE_H

#include <leat/config.h>
#include <leat/session.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEAT_CACHE_PARTIAL_MAX 320
#define LEAT_CACHE_ID_MAX      64

/* partial: where sessions are that could stand for each other: of a client, host and port; of a server, what
 * leat_session_cache_store was given, its port for instance. id: which of them. Bytes, of 1 to
 * LEAT_CACHE_PARTIAL_MAX and 1 to LEAT_CACHE_ID_MAX (session ids have 32). */
struct leat_cache_key {
	struct leat_span partial, id;
};

/* An argument of init. */
struct leat_cache_arg {
	const char *name, *value;
};

/* Folds one session; s is borrowed. Returns the next acc. Must not use the cache. */
typedef void *leat_cache_fold_fn(
	const struct leat_cache_key *key, struct leat_session *s, void *acc);

/* A storage. "The cache's thread" is one thread for the life of a cache: of what is called by it alone, one call
 * at a time. Keys are borrowed for the call. */
struct leat_cache_ops {
	/* By the cache's thread, once, first: *cache is the first argument of all others. args[0] is {"role",
	 * "client"} or {"role", "server"}, those of leat_session_cache_opts follow; borrowed for the call. user is
	 * the opts'. Anything but LEAT_OK: there is no storage, and no cache. */
	enum leat_ret (*init)(
		void **cache, void *user, const struct leat_cache_arg *args, size_t num_args);
	/* By the cache's thread, last. */
	void (*terminate)(void *cache);
	/* By any thread, several at once: a new reference to what is kept under key, or NULL. */
	struct leat_session *(*lookup)(void *cache, const struct leat_cache_key *key);
	/* By the cache's thread: keeps s, a new reference if it keeps the object, in place of what is there under
	 * key. A storage outside of the process keeps leat_session_serialise's bytes, which hold secrets. */
	void (*update)(void *cache, const struct leat_cache_key *key, struct leat_session *s);
	/* By the cache's thread: forgets what is there under key, if anything. */
	void (*remove)(void *cache, const struct leat_cache_key *key);
	/* By the cache's thread: fn for each element, whatever it is; the last acc. */
	void *(*foldl)(void *cache, leat_cache_fold_fn *fn, void *acc);
	/* By any thread, several at once: new references to sessions with this partial key, at most max of them, to
	 * out; how many. */
	size_t (*select_session)(
		void *cache, struct leat_span partial, struct leat_session **out, size_t max);
	/* By the cache's thread, and by leat_session_cache_size: how many there are. NULL: not known, and the
	 * cache has no bound. */
	size_t (*size)(void *cache);
};

/* Zero is the default everywhere; what is a setting is looked up when it is needed. */
struct leat_session_cache_opts {
	const struct leat_cache_ops *ops;  /* copied; NULL: in memory, gone with the cache */
	void *user;                        /* for ops->init */
	const struct leat_cache_arg *args; /* likewise */
	size_t num_args;
	size_t max; /* the setting session_cache_client_max or _server_max of leat/app.h: 1000 */
	uint32_t
		lifetime_s; /* session_lifetime: 86400, a day, after which a secret has been good for long enough */
	uint32_t delay_cleanup_ms; /* session_delay_cleanup_time: 60000 */
};

#define LEAT_CACHE_MAX              1000
#define LEAT_CACHE_LIFETIME_S       86400
#define LEAT_CACHE_DELAY_CLEANUP_MS 60000

struct leat_session_cache;

/* leat_session_cache_new makes a cache and waits for its init. opts may be NULL. LEAT_FAILED: LEAT_E_OPTION (an op is
 * missing, max above 16777216, lifetime_s above a week, more than 32 arguments), LEAT_E_MISUSE "init said no",
 * LEAT_E_MEMORY, LEAT_E_SYSTEM (no thread). */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_session_cache_new(struct leat_session_cache **out,
	enum leat_role role, const struct leat_session_cache_opts *opts, struct leat_err *err);
/* leat_session_cache_ref adds a reference and returns its argument. */
LEAT_API struct leat_session_cache *leat_session_cache_ref(struct leat_session_cache *c);
/* leat_session_cache_unref: the last one waits for what was to be kept and deleted now, calls terminate and ends the
 * thread. Not from within cache_ops. NULL is fine. */
LEAT_API void leat_session_cache_unref(struct leat_session_cache *c);

/* leat_session_cache_set_limits changes what opts said, from now on; 0: as it is. */
LEAT_API void leat_session_cache_set_limits(
	struct leat_session_cache *c, size_t max, uint32_t lifetime_s, uint32_t delay_cleanup_ms);

/* leat_session_cache_put keeps s (referenced) under its id and partial, soon: leat_session_cache_sync waits for that. What
 * stands in the way is told by nobody: a full cache, an equivalent session, no memory. */
LEAT_API void leat_session_cache_put(
	struct leat_session_cache *c, struct leat_span partial, struct leat_session *s);
/* leat_session_cache_lookup returns a reference to the session under key, or NULL: none that can be resumed. */
LEAT_API struct leat_session *leat_session_cache_lookup(
	struct leat_session_cache *c, const struct leat_cache_key *key);
/* leat_session_cache_pick (a client's) returns a reference to the session to offer to host and port: the first that can be
 * resumed, made with this name, these certificates of ours and verification settings, and a version and suite that
 * cfg (frozen) has; or NULL. One of TLS 1.3 is not in the cache any more then. */
LEAT_API struct leat_session *leat_session_cache_pick(struct leat_session_cache *c,
	const struct leat_config *cfg, const char *host, uint16_t port);
/* leat_session_cache_key fills *out with the key under which a client keeps s, made with host and port; spans lie in buf,
 * of LEAT_CACHE_PARTIAL_MAX + LEAT_CACHE_ID_MAX bytes. LEAT_FAILED: host is too long. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_session_cache_key(struct leat_cache_key *out,
	uint8_t *buf, const struct leat_session *s, const char *host, uint16_t port);
/* leat_session_cache_invalidate marks the session under key, soon; it is deleted after the delay. */
LEAT_API void leat_session_cache_invalidate(
	struct leat_session_cache *c, const struct leat_cache_key *key);
/* leat_session_cache_fold has the cache's thread fold all elements, those that are marked too, and returns the last acc
 * (acc itself for an empty cache). */
LEAT_API void *leat_session_cache_fold(
	struct leat_session_cache *c, leat_cache_fold_fn *fn, void *acc);
/* leat_session_cache_size tells how many sessions are kept, marked ones too; SIZE_MAX when the storage cannot tell. */
LEAT_API size_t leat_session_cache_size(struct leat_session_cache *c);
/* leat_session_cache_sync returns when everything that was asked for before is done. */
LEAT_API void leat_session_cache_sync(struct leat_session_cache *c);

/* leat_session_cache_store makes a server's cache (referenced) a store for leat_config_set_session_store; partial (copied)
 * tells its sessions apart from those of other servers in the cache. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_session_cache_store(struct leat_store **out,
	struct leat_session_cache *c, struct leat_span partial, struct leat_err *err);

/* ---- the process's own --------------------------------------------------------------------------- */

/* leat_session_caches_start makes one cache for clients and one for servers (opts may be NULL) that the whole process
 * shares. Both or none: the reason of the one that failed. From then on connections of clients whose config keeps
 * sessions use the one for clients, unless they bring a session or a cache. LEAT_UNSUPPORTED: they were started
 * already, and stay as they are. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_session_caches_start(
	const struct leat_session_cache_opts *client, const struct leat_session_cache_opts *server,
	struct leat_err *err);
/* leat_session_caches_stop lets go of both: each ends with its last reference. */
LEAT_API void leat_session_caches_stop(void);
/* leat_session_caches_get returns a reference to the process's cache for a role, or NULL. */
LEAT_API struct leat_session_cache *leat_session_caches_get(enum leat_role role);

#ifdef __cplusplus
}
#endif
#endif
