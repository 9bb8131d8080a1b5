/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - session stores that outlive a process and are shared by the processes of one machine: LMDB
 * files. They are stores as leat/session.h describes them, for leat_config_set_session_store.
 *
 * A store that is broken, full or out of reach keeps nothing and finds nothing: then handshakes are full
 * ones, and none of them fails for it. All functions of these stores may be called by any thread.
 *
 * What is kept holds the secrets of sessions. With a key it is sealed (AES-256-GCM, bound to its id and
 * its end): who reads the file learns nothing of them. All who share a store use one key. Who can write
 * to the file or cut it while it is open can end the processes that have it open: it is mode 0600.
 *
 * They wait for other writers, mostly microseconds. For an event loop that must not there is
 * leat_config_set_lookup_jobs: lookups become jobs, and leat_job_run does them on another thread.
 */
#ifndef LEAT_STORE_H
#define LEAT_STORE_H

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
};

/* leat_store_lmdb_new opens the file at path, or makes it (mode 0600, with path-lock and path-boot beside
 * it). Needs liblmdb.so.0 at run time. The file survives the death of any process at any moment; a
 * restart of the machine empties it. It keeps as many sessions as it was made for, whatever later openers
 * say. After fork the child may go on using the store. LEAT_FAILED, LEAT_E_FILE with option
 * "session_store": not a file of this kind (it is not changed then), cut short, open to other users, no
 * room, not to be opened; LEAT_E_OPTION: opts; LEAT_UNSUPPORTED: no liblmdb. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_lmdb_new(struct leat_store **out,
	const char *path, const struct leat_store_opts *opts, struct leat_err *err);

/* leat_store_open opens what text names: "memory:N" (N sessions in this process, for any thread) or
 * "lmdb:PATH". opts may be NULL. Errors as above, LEAT_E_OPTION for text. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_store_open(struct leat_store **out, const char *text,
	const struct leat_store_opts *opts, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif
