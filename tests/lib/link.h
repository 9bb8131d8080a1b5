/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h - two connections (struct leat_conn) joined by a real TCP connection over the loopback, both in one
 * thread: what one sends in small pieces is there for the other at once.
 */
#ifndef LEAT_TESTS_LINK_H
#define LEAT_TESTS_LINK_H

#include "vec.h"

#include <leat/sockopt.h>

#include "sock/conn.h"

#define LINK_MS 10000 /* nothing here takes that long: a lost byte is a failure, not a hang */

/* What a link is made of. Zero: TLS 1.3, records in user space, default options. */
struct link_opts {
	const char *versions;
	const char *records[2]; /* by enum leat_role */
	const struct leat_sys *sys[2];
	const struct leat_sockopt *sockopts[2];
	size_t num_sockopts[2];
	const char *suites; /* NULL: the default */
	const char *alpn;   /* of both sides; NULL: none */
	bool ask;           /* the client shows a certificate */
	const char *set[2]; /* one more option "name=value" of that side's config; NULL: none */
};

struct link {
	struct leat_conn *c[2]; /* by enum leat_role */
	struct leat_config *cfg[2];
};

/* Connected and up; fails the test otherwise. */
void link_open(struct link *l, const struct link_opts *o);
/* A second one under the configs of l. */
void link_open_again(struct link *l, const struct link *from, const struct link_opts *o);
/* Also when a connection is gone already (NULL). */
void link_close(struct link *l);
/* Both sides' option. */
void link_set(struct link *l, const char *name, const char *value);
/* From one side to the other, as bytes: must arrive. */
void link_say(struct link *l, enum leat_role from, const void *p, size_t n);
/* Open descriptors of this process. */
unsigned open_fds(void);

#endif
