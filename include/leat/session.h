/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - what outlives a connection: sessions a client offers again, the keys a server seals its
 * tickets with, stores for servers that keep state.
 *
 * All of these are reference counted and shared: a session is immutable, ticket keys may be used,
 * rotated and imported by any thread at any time, a store is as thread-safe as its lock makes it.
 * Everything serialised here holds secrets: keep it as you keep private keys.
 */
#ifndef LEAT_SESSION_H
#define LEAT_SESSION_H

#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sessions ---- */

/* A resumable session: version, suite, secret, ticket, and what it is bound to (host, application
 * protocol, verification settings). */
struct leat_session;

/* leat_session_ref adds a reference and returns its argument. */
LEAT_API struct leat_session *leat_session_ref(struct leat_session *s);
/* leat_session_unref: the last one wipes and frees. NULL is fine. */
LEAT_API void leat_session_unref(struct leat_session *s);

/* leat_session_serialise writes s in a versioned format. *n gets the bytes needed; LEAT_AGAIN when cap
 * is smaller (nothing is written then; buf may be NULL with cap 0). The bytes hold the session's secret. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_session_serialise(
	const struct leat_session *s, void *buf, size_t cap, size_t *n);
/* leat_session_parse makes a session of such bytes (any bytes may be given). LEAT_FAILED with
 * LEAT_E_OPTION for another format version, a wrong length or values no session can have. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_session_parse(
	struct leat_session **out, struct leat_span bytes, struct leat_err *err);

struct leat_session_info {
	uint16_t version, suite;
	struct leat_span host, alpn; /* borrowed from the session; empty where there is none */
	int64_t issued_s, expires_s; /* Unix time */
	uint32_t max_early_data;     /* 0: no early data may be sent with it */
	size_t ticket_len;
};
/* leat_session_info fills out with what the session says about itself; it cannot fail. */
LEAT_API void leat_session_info(const struct leat_session *s, struct leat_session_info *out);

/* ---- locks ---- */

/* How an object that is shared by threads is guarded: leat below its system-call line has no threads and
 * so no locks. Both are called in pairs, never nested, around a few microseconds of work. */
struct leat_lock {
	void (*lock)(void *arg);
	void (*unlock)(void *arg);
	void *arg;
};

/* ---- ticket keys (server) ---- */

/* A set of AES-256-GCM keys with names. The newest one that is in force seals, all that are not expired
 * open. Thread-safe without locks. */
struct leat_ticket_keys;

#define LEAT_TICKET_KEY_PERIOD_S 43200 /* default of rotate_s: twelve hours */
#define LEAT_TICKET_KEY_KEEP_S   86400 /* default of keep_s: a ticket's default life */

/* leat_ticket_keys_new makes an empty set. rotate_s: a key that has sealed for so long is replaced by a
 * fresh random one when the next ticket is sealed; 0: only imported keys are ever used (a process that
 * follows a leader). keep_s: how long a replaced key goes on opening, at least the tickets' life.
 * LEAT_E_OPTION when keep_s is so much longer than rotate_s that keys would have to be forgotten early. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_ticket_keys_new(
	struct leat_ticket_keys **out, uint32_t rotate_s, uint32_t keep_s, struct leat_err *err);
/* leat_ticket_keys_ref adds a reference and returns its argument. */
LEAT_API struct leat_ticket_keys *leat_ticket_keys_ref(struct leat_ticket_keys *k);
/* leat_ticket_keys_unref: the last one wipes and frees. NULL is fine. */
LEAT_API void leat_ticket_keys_unref(struct leat_ticket_keys *k);

/* leat_ticket_keys_rotate makes a fresh key now; it seals from now_s on. LEAT_AGAIN: another thread is
 * changing the set. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_ticket_keys_rotate(
	struct leat_ticket_keys *k, const struct leat_env *env);
/* leat_ticket_keys_export writes every key that still opens at now_s, for other processes and hosts.
 * *n, LEAT_AGAIN and cap as in leat_session_serialise. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_ticket_keys_export(
	const struct leat_ticket_keys *k, int64_t now_s, void *buf, size_t cap, size_t *n);
/* leat_ticket_keys_import adds the keys of an export that the set does not have (by name). All of them
 * or none. LEAT_E_OPTION for bytes that are no export; LEAT_AGAIN as above. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_ticket_keys_import(
	struct leat_ticket_keys *k, struct leat_span bytes, struct leat_err *err);

/* leat_ticket_keys_on_missing: fn is called, at most once a second, by the thread that opens a ticket of
 * an unknown key or is about to seal without a key in force; it may import before it returns. To be set
 * before the keys are used. */
LEAT_API void leat_ticket_keys_on_missing(
	struct leat_ticket_keys *k, void (*fn)(void *arg, struct leat_ticket_keys *k), void *arg);

/* ---- stores (server) ---- */

/* Where a server keeps sessions under an id. Bytes in and out, so any place will do. */
struct leat_store_ops {
	/* Keeps a copy of bytes under id until expires_s. Anything but LEAT_OK: it was not kept. */
	enum leat_ret (*put)(
		void *arg, struct leat_span id, struct leat_span bytes, int64_t expires_s);
	/* Copies what is kept under id into buf and sets *n. take: also removes it; of several that
	 * take the same id at once exactly one may get LEAT_OK. LEAT_UNSUPPORTED: nothing (or more than
	 * cap bytes) there. LEAT_AGAIN: not known yet (nothing is removed); the question becomes a job,
	 * see leat_config_set_lookup_jobs. */
	enum leat_ret (*find)(void *arg, struct leat_span id, bool take, int64_t now_s, void *buf,
		size_t cap, size_t *n);
	void (*drop)(void *arg, struct leat_span id); /* forgets id, known or not */
	void (*free)(void *arg);                      /* the last reference is gone; may be NULL */
	/* TLS 1.2, for a handshake that has begun: is this id new? LEAT_OK: it is, and nobody else is told so
	 * of the same id; put, or drop when the handshake fails, follows. May be NULL: ids of 32 random bytes
	 * are taken to be new. Of ten in a row that are not, none is given: the session is not kept. */
	enum leat_ret (*reserve)(void *arg, struct leat_span id);
};

struct leat_store;

/* leat_store_cb_new: a store of the caller's. ops is copied, arg is borrowed until ops->free. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_cb_new(
	struct leat_store **out, const struct leat_store_ops *ops, void *arg, struct leat_err *err);
/* leat_store_mem_new: in this process, at most max sessions; the least recently used one makes room.
 * lock (copied) guards it where several threads use it; NULL: one thread only. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_mem_new(
	struct leat_store **out, size_t max, const struct leat_lock *lock, struct leat_err *err);
/* leat_store_ref adds a reference and returns its argument. */
LEAT_API struct leat_store *leat_store_ref(struct leat_store *s);
/* leat_store_unref: the last one forgets what a store in memory holds. NULL is fine. */
LEAT_API void leat_store_unref(struct leat_store *s);

/* ---- replays of early data (server) ---- */

/* What a server remembers so that 0-RTT data is taken once: see leat_config_set_early_data. */
struct leat_antireplay;

#define LEAT_REPLAY_WINDOW_S 10 /* RFC 8446 8.3: about ten seconds do on the internet */

/* leat_antireplay_new: a memory of max ClientHellos per two windows; when it is full, early data is
 * refused. A hello counts as new when it was made at most window_s ago (or ahead: clocks drift) and was
 * not seen before. env tells when we start: until two windows later all early data is refused, because
 * another process may have taken it before. lock (copied): where several threads use it. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_antireplay_new(struct leat_antireplay **out, size_t max,
	uint32_t window_s, const struct leat_env *env, const struct leat_lock *lock,
	struct leat_err *err);
/* leat_antireplay_cb_new: the memory is elsewhere, shared by the servers behind one name. is_new tells
 * whether this id (16 bytes) was never seen, and has recorded it until until_s when it returns true; of
 * several that ask about the same id at once exactly one may get true. It must not block for long, and
 * false is always a safe answer. Window and start as above. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_antireplay_cb_new(struct leat_antireplay **out,
	uint32_t window_s, const struct leat_env *env,
	bool (*is_new)(void *arg, struct leat_span id, int64_t until_s), void *arg,
	struct leat_err *err);
/* leat_antireplay_ref adds a reference and returns its argument. */
LEAT_API struct leat_antireplay *leat_antireplay_ref(struct leat_antireplay *a);
/* leat_antireplay_unref drops a reference. NULL is fine. */
LEAT_API void leat_antireplay_unref(struct leat_antireplay *a);

#ifdef __cplusplus
}
#endif
#endif
