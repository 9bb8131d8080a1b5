/* SPDX-License-Identifier: Apache-2.0
 *
 * carrier.h - what carries a connection's bytes: a TCP socket, by the calls of ktls/sys.h, or a transport of the
 * application (leat/transport.h). Private to sock/. What needs a socket (records in the kernel, sendfile, passing it
 * on) does not come by here.
 */
#ifndef LEAT_SOCK_CARRIER_H
#define LEAT_SOCK_CARRIER_H

#include <leat/transport.h>

#include "ktls/sys.h"
#include "sock/sockset.h"

struct leat_conn;

/* A stream of a transport, or something of it that listens. No ops: none. */
struct stream {
	const struct leat_transport *ops;
	void *it;
};

/* As sendmsg and recvmsg with one piece: bytes moved, or -errno. Without waiting. */
LEAT_MUST_CHECK ssize_t carrier_send(const struct leat_conn *c, const void *p, size_t n);
LEAT_MUST_CHECK ssize_t carrier_recv(const struct leat_conn *c, void *p, size_t n);
/* LEAT_OK, LEAT_AGAIN when the time is over, LEAT_FAILED with err. */
LEAT_MUST_CHECK enum leat_ret carrier_wait(
	const struct leat_conn *c, short events, int64_t deadline, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret stream_wait(
	const struct stream *s, short events, int64_t deadline, struct leat_err *err);
void carrier_shutdown(const struct leat_conn *c, int how);
void carrier_close(const struct leat_conn *c);
/* The transport's word for what came; why: the error, or NULL for data. NULL: it has none for that. */
const char *carrier_tag(const struct leat_conn *c, const struct leat_err *why);

/* A new stream of the config's transport. */
LEAT_MUST_CHECK enum leat_ret stream_dial(struct stream *out, const struct leat_config *cfg,
	const char *host, uint16_t port, int64_t deadline, struct leat_err *err);
/* The options of plan that are neither leat's own nor for a socket that is being made. */
LEAT_MUST_CHECK enum leat_ret stream_apply(
	const struct stream *s, const struct sockplan *plan, struct leat_err *err);
/* sockset_set and sockset_get where there is no socket. */
LEAT_MUST_CHECK enum leat_ret stream_setopt(const struct stream *s, struct sockset *set,
	const char *name, const char *value, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret stream_getopt(const struct stream *s, const struct sockset *set,
	const char *name, char *buf, size_t n, struct leat_err *err);

/* What peername or sockname of a transport said, as a result. */
LEAT_MUST_CHECK enum leat_ret stream_name(int r, const char *what, struct leat_err *err);

/* How long poll(2) may wait; false: not at all, the time is over. */
LEAT_MUST_CHECK bool time_left(const struct leat_sys *sys, int64_t deadline, int *ms);

#endif
