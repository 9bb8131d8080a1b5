/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_link.h - a connection to a Redis server: TCP, a unix socket, or TLS by leat itself. Opening takes its
 * time, everything else never waits. One thread.
 */
#ifndef LEAT_SOCK_REDIS_LINK_H
#define LEAT_SOCK_REDIS_LINK_H

#include <leat/leat.h>

#include "sock/redis_reply.h"
#include "sock/redis_url.h"

struct redis_link {
	int fd;                /* -1: none */
	struct leat_conn *tls; /* owns fd; NULL: plain */
	struct redis_reader reader;
};

/* The client's config for url, whose files it reads. url->is_tls must be set. */
LEAT_MUST_CHECK enum leat_ret redis_link_config(
	struct leat_config **out, const struct redis_url *url, struct leat_err *err);

/* Connects, says who we are and which database we mean, and hears from the server that it works. tls: for
 * a url that asks for TLS. LEAT_FAILED: *l is closed, *why a text for people. */
LEAT_MUST_CHECK enum leat_ret redis_link_open(struct redis_link *l, const struct redis_url *url,
	struct leat_config *tls, int timeout_ms, const char **why);
void redis_link_close(struct redis_link *l);

/* LEAT_OK with *sent, which may be 0 of n: the socket is full. LEAT_FAILED: the connection is gone. */
LEAT_MUST_CHECK enum leat_ret redis_link_send(
	struct redis_link *l, const void *p, size_t n, size_t *sent);
/* Takes in what has come. LEAT_FAILED: the connection is gone. */
LEAT_MUST_CHECK enum leat_ret redis_link_fill(struct redis_link *l);
/* What to poll fd for; 0: redis_link_fill has something now. */
short redis_link_events(struct redis_link *l, bool want_send);

#endif
