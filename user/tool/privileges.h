/* SPDX-License-Identifier: Apache-2.0
 *
 * privileges.h - --user: a server that had to open a port or a key as root goes on as somebody else.
 */
#ifndef LEAT_TOOL_PRIVILEGES_H
#define LEAT_TOOL_PRIVILEGES_H

#include <sys/types.h>

#include "tool/args.h"

/* Whom "USER" or "USER:GROUP" means. */
struct identity {
	const char *text; /* NULL: nobody was named */
	char name[64];
	uid_t uid;
	gid_t gid;
};

/* Looks USER (a name or a number) and GROUP up. false after saying why. */
bool identity_find(const struct args *args, const char *text, struct identity *out);
/* Becomes it, for good: groups, ids, no capability, no new privileges for programs started. Before any thread.
 * false after saying why: then the process must not go on. Does nothing without a text. */
bool identity_become(const struct args *args, const struct identity *who);

#endif
