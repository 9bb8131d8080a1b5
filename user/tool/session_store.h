/* SPDX-License-Identifier: Apache-2.0
 *
 * session_store.h - --session-store of the servers: where sessions are kept.
 */
#ifndef LEAT_TOOL_SESSION_STORE_H
#define LEAT_TOOL_SESSION_STORE_H

#include <leat/session.h>

#include "tool/args.h"

/* Is this "memory", "memory:N", "lmdb:PATH" or a URL of Redis? false after saying that it is not. Opens nothing. */
bool session_store_check(const struct args *args, const char *text);
/* Opens it, for any thread; one reference for the caller. NULL after saying why. */
struct leat_store *session_store_open(const struct args *args, const char *text);

#endif
