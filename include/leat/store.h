/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - session stores that outlive a process and are shared: by the processes of one machine (LMDB
 * files), or by many machines (Redis). They are stores as leat/session.h describes them, for leat_config_set_session_store.
 *
 * A store that is broken, full or out of reach keeps nothing and finds nothing: then handshakes are full
 * ones, and none of them fails for it. All functions of these stores may be called by any thread.
 *
 * What is kept holds the secrets of sessions. With a key it is sealed (AES-256-GCM, bound to its id and
 * its end): who reads the file, or asks the server, learns nothing of them. All who share a store use one key.
 * Who can write to the file or cut it while it is open can end the processes that have it open: it is mode 0600.
 *
 * Files wait for other writers, mostly microseconds; Redis for a reply, at most timeout_ms. For an event loop that must not there is
 * leat_config_set_lookup_jobs: lookups become jobs, and leat_job_run does them on another thread.
 */
#ifndef LEAT_STORE_H
#define LEAT_STORE_H

#include <leat/config.h>
#include <leat/session.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEAT_STORE_KEY_LEN 32

/* What may be said about a store; zero is the default everywhere. All is copied. */
struct leat_store_opts {
	struct leat_span key; /* LEAT_STORE_KEY_LEN secret bytes: what is kept is sealed with it */
	size_t max;           /* LMDB: sessions at most (default 100000), those that end first go */
	/* Told once when the store stops working and once when it works again: a line for people,
	 * without secrets, valid during the call. Any thread; it must not use the store. */
	void (*log)(void *arg, const char *line);
	void *log_arg;
	/* Redis by rediss://: how its server is verified and what we show it, a frozen client's config
	 * (referenced) in place of the files of the URL. NULL: those, and the system's trust anchors. */
	struct leat_config *tls;
};

/* leat_store_lmdb_new opens the file at path, or makes it (mode 0600, with path-lock and path-boot beside
 * it). Needs liblmdb.so.0 at run time. The file survives the death of any process at any moment; a
 * restart of the machine empties it. It keeps as many sessions as it was made for, whatever later openers
 * say. After fork the child may go on using the store. LEAT_FAILED, LEAT_E_FILE with option
 * "session_store": not a file of this kind (it is not changed then), cut short, open to other users, no
 * room, not to be opened; LEAT_E_OPTION: opts; LEAT_UNSUPPORTED: no liblmdb. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_lmdb_new(struct leat_store **out,
	const char *path, const struct leat_store_opts *opts, struct leat_err *err);

/* leat_store_redis_new keeps sessions in a Redis server (keys "leat:s:" and the id, each with its life):
 *
 *	redis://[[USER]:PASSWORD@]HOST[:PORT][/DB][?timeout_ms=N]
 *	rediss://...    over TLS by leat; also &cacertfile=PATH, &certfile=PATH&keyfile=PATH
 *	redis+unix://[[USER]:PASSWORD@]/PATH[?db=N]
 *
 * Percent signs as in RFC 3986. Needs libhiredis at run time. A thread of the store's own connects, at first
 * before this returns (at most two seconds); that the server is away is no error, then or later: the thread comes
 * back to it after 0.1 to 5 seconds. A lookup waits for its reply, at most timeout_ms (1 to 10000, default 100), and
 * when that is not enough none waits any more until the server has answered the thread again. put and drop never
 * wait. leat_store_unref waits up to 0.3 seconds for what is on its way, a second more while connecting. After fork
 * the child's copy keeps and finds nothing: it opens its own. LEAT_FAILED: LEAT_E_OPTION with option
 * "session_store" (url; the error shows nothing of it), LEAT_E_FILE, or whatever makes a config of the files
 * fail; LEAT_UNSUPPORTED: no libhiredis. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_redis_new(struct leat_store **out,
	const char *url, const struct leat_store_opts *opts, struct leat_err *err);

/* leat_store_open opens what text names: "memory:N" (N sessions in this process, for any thread),
 * "lmdb:PATH" or a URL of Redis. opts may be NULL. Errors as above, LEAT_E_OPTION for text. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_open(struct leat_store **out, const char *text,
	const struct leat_store_opts *opts, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif
