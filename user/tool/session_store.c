/* SPDX-License-Identifier: Apache-2.0
 *
 * session_store.c - see session_store.h.
 */
#include "tool/session_store.h"

#include <stdio.h>
#include <string.h>

#include <leat/store.h>

#include "base/secret.h"
#include "sock/redis_url.h"
#include "tool/tool.h"

#define MEMORY "memory:20000" /* what "memory" means: some 10 MB when it is full */

/* Nothing of a URL is repeated: a password may be in it. */
static bool check_redis(const struct args *args, const char *text)
{
	LEAT_SCOPED(redis_url_clear) struct redis_url url;
	struct leat_err err = { 0 };

	if (redis_url_parse(&url, text, &err) == LEAT_OK)
		return true;
	args_wrong(args, "--session-store: %s", err.what);
	return false;
}

bool session_store_check(const struct args *args, const char *text)
{
	if (redis_url_is(text))
		return check_redis(args, text);
	if (strcmp(text, "memory") == 0 || strncmp(text, "memory:", 7) == 0 ||
		(strncmp(text, "lmdb:", 5) == 0 && text[5] != '\0'))
		return true;
	args_wrong(
		args, "--session-store: not memory, memory:N, lmdb:PATH or redis://HOST: %s", text);
	return false;
}

/* A store that stops working costs full handshakes, nothing else: one line, and it goes on. */
static void on_news(void *arg, const char *line)
{
	(void)tool_fail(arg, TOOL_OK, "--session-store: %s", line);
}

struct leat_store *session_store_open(const struct args *args, const char *text)
{
	const struct leat_store_opts opts = { .log = on_news, .log_arg = (void *)(uintptr_t)args };
	struct leat_store *store = NULL;
	struct leat_err err = { 0 };

	if (leat_store_open(&store, strcmp(text, "memory") == 0 ? MEMORY : text, &opts, &err) !=
		LEAT_OK) {
		(void)tool_fail_err(args, TOOL_FAILED, &err);
		return NULL;
	}
	return store;
}
