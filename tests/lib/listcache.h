/* SPDX-License-Identifier: Apache-2.0
 *
 * listcache.h - a storage for session caches (leat/cache.h) as an application would write one: a list, or files in
 * a folder that outlive the process. It notes who calls it, from which thread, and with what.
 */
#ifndef LEAT_TESTS_LISTCACHE_H
#define LEAT_TESTS_LISTCACHE_H

#include <leat/cache.h>

#include <pthread.h>
#include <stdatomic.h>

/* Of all storages since listcache_reset. */
struct listcache_calls {
	atomic_uint init, terminate, lookup, update, remove, foldl, select, size;
	atomic_uint elsewhere; /* calls of what only the cache's thread may call, by another one */
	char args[256];        /* of the last init: "name=value " each */
	bool refuses;          /* init says no */
};
extern struct listcache_calls listcache_calls;
void listcache_reset(void);

/* In a list in memory. */
extern const struct leat_cache_ops listcache_ops;
/* In files of the folder that is ops' user: hex of the key is the name, the serialised session the content. */
extern const struct leat_cache_ops filecache_ops;

#endif
