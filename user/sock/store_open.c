/* SPDX-License-Identifier: Apache-2.0
 *
 * store_open.c - a session store by its name in text, as an operator writes it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <leat/store.h>

#include "base/err.h"
#include "base/limits.h"
#include "sock/redis_url.h"

/* One lock for all stores in memory: it is held for less than a microsecond. */
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static void enter(void *arg)
{
	pthread_mutex_lock(arg);
}

static void leave(void *arg)
{
	pthread_mutex_unlock(arg);
}

static enum leat_ret open_memory(struct leat_store **out, const char *number, struct leat_err *err)
{
	const struct leat_lock lock = { enter, leave, &memory_lock };
	unsigned long long max;
	char *end;

	errno = 0;
	max = strtoull(number, &end, 10);
	if (number[0] < '0' || number[0] > '9' || *end != '\0' || errno != 0 || max > LIM_STORE)
		return err_option(err, "session_store", number,
			"memory: 1 to " LEAT_STR(LIM_STORE) " sessions");
	return leat_store_mem_new(out, (size_t)max, &lock, err);
}

enum leat_ret leat_store_open(struct leat_store **out, const char *text,
	const struct leat_store_opts *opts, struct leat_err *err)
{
	*out = NULL;
	if (strncmp(text, "memory:", 7) == 0)
		return open_memory(out, text + 7, err);
	if (strncmp(text, "lmdb:", 5) == 0)
		return leat_store_lmdb_new(out, text + 5, opts, err);
	if (redis_url_is(text))
		return leat_store_redis_new(out, text, opts, err);
	return err_option(
		err, "session_store", text, "not memory:N, lmdb:PATH or redis://HOST:PORT/DB");
}
