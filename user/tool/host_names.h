/* SPDX-License-Identifier: Apache-2.0
 *
 * host_names.h - which host a name means: exact names, and wildcards for one label on the left, as in
 * certificates (RFC 9525 6.3). Pure; both kinds of names a peer sends end here (SNI, Host).
 */
#ifndef LEAT_TOOL_HOST_NAMES_H
#define LEAT_TOOL_HOST_NAMES_H

#include <leat/types.h>

#define HOST_NAME_MAX_LEN 253 /* RFC 1035 2.3.4, as text without the final dot */
#define HOST_NONE         UINT32_MAX

struct host_name {
	char *text; /* lower case; "*.example.org" for a wildcard */
	unsigned host;
};

/* Zero state is empty and legal to clear. */
struct host_names {
	struct host_name *v;
	size_t num;
};

/* Adds a name (copied). LEAT_FAILED: *why says what is wrong with it, as a phrase. */
LEAT_MUST_CHECK enum leat_ret host_names_add(
	struct host_names *names, struct leat_span name, unsigned host, const char **why);
/* After the last add: sorts. Returns a name that two hosts (or one, twice) have, or NULL. */
const char *host_names_seal(struct host_names *names);
/* The host of a name as a peer wrote it, in any case, perhaps with a final dot; HOST_NONE. An exact name goes
 * before a wildcard. */
unsigned host_names_find(const struct host_names *names, struct leat_span name);
void host_names_clear(struct host_names *names);

/* The name in the value of a Host field or :authority: without port. Empty: there is none. */
struct leat_span host_of_authority(struct leat_span authority);

#endif
