/* SPDX-License-Identifier: Apache-2.0
 *
 * store_lmdb.h - LMDB as the session store uses it: the library (loaded when the first store is opened),
 * and files that are open. store_lmdb_env.c opens and checks, store_lmdb.c keeps and finds sessions.
 */
#ifndef LEAT_SOCK_STORE_LMDB_H
#define LEAT_SOCK_STORE_LMDB_H

#include <leat/types.h>

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* clang-format off */
#define LMDB_CALLS(X) \
	X(env_create) X(env_open) X(env_close) X(env_set_mapsize) X(env_set_maxdbs) \
	X(env_set_maxreaders) X(env_info) X(env_get_fd) X(env_stat) X(reader_check) \
	X(txn_begin) X(txn_commit) X(txn_abort) X(dbi_open) X(get) X(put) X(del) X(stat) \
	X(cursor_open) X(cursor_close) X(cursor_get) X(strerror)
/* clang-format on */

/* lmdb_api()->env_create is mdb_env_create, and so on. */
struct lmdb_api {
#define X(name) __typeof__(mdb_##name) *name;
	LMDB_CALLS(X)
#undef X
};

/* NULL: liblmdb is not on this machine. */
const struct lmdb_api *lmdb_api(void);

/* A file that is open in this process: once, however many stores use it, because the locks of a process
 * on a file go when any of its descriptors of that file is closed. */
struct lmdb_file {
	struct lmdb_file *next;
	unsigned refs;
	dev_t dev;
	ino_t ino;
	char *path;
	size_t map_bytes;  /* how large it may grow: what its first opener said */
	_Atomic pid_t pid; /* whose env it is: after fork the child needs one of its own */
	MDB_env *env;
	MDB_dbi by_id;  /* id -> value (store_value.h) */
	MDB_dbi by_end; /* expires_s (big endian), id -> nothing */
};

LEAT_MUST_CHECK enum leat_ret lmdb_file_open(
	struct lmdb_file **out, const char *path, size_t map_bytes, struct leat_err *err);
void lmdb_file_close(struct lmdb_file *f);
/* After fork: opens the file anew. Otherwise nothing to do. false: it cannot be had any more. */
bool lmdb_file_mine(struct lmdb_file *f);

#endif
