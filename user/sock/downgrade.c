/* SPDX-License-Identifier: Apache-2.0
 *
 * downgrade.c - from TLS back to the TCP connection below it, by agreement of both sides: after a close_notify
 * from each (RFC 8446 6.1, RFC 5246 7.2.1) what follows on the wire is no TLS any more.
 *
 * Nothing behind the peer's close_notify may be swallowed: reads are exact from the moment on that ours goes out,
 * and what was read before is handed back. A kernel that carries records cannot stop: its keys stay on the
 * socket for its life, so such a connection is refused before anything is said to the peer.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/mem.h"
#include "sock/conn.h"

static enum leat_ret unsupported(struct leat_err *err, const char *what)
{
	(void)err_misuse(err, what);
	return LEAT_UNSUPPORTED;
}

static enum leat_ret check_downgrade(const struct leat_conn *c, struct leat_err *err)
{
	if (!c->up)
		return unsupported(err, "downgrade: the handshake is not complete");
	if (handover_is_kernel(&c->ho, LEAT_RX) || handover_is_kernel(&c->ho, LEAT_TX))
		return unsupported(err, "in_kernel: the kernel carries records and cannot stop; "
					"use records=user on connections that go back to TCP");
	return LEAT_OK;
}

/* Behind the close_notify: what the engine has, then what was read before there was a connection. */
static bool take_left(struct leat_conn *c, struct leat_plain *out)
{
	struct leat_span first = leat_engine_left(c->e), then = bytes_span(&c->pre);
	struct bytes left = { .b = NULL };

	if (first.n + then.n == 0)
		return true;
	if (!bytes_add(&left, first.p, first.n) || !bytes_add(&left, then.p, then.n)) {
		bytes_clear(&left);
		return false;
	}
	out->left = left.b;
	out->left_len = left.len;
	return true;
}

static enum leat_ret hand_out(struct leat_conn *c, struct leat_plain *out, struct leat_err *err)
{
	if (!take_left(c, out))
		return err_memory(err);
	if (c->fd >= 0)
		(void)fcntl(c->fd, F_SETFL, c->fd_flags);
	app_socket_remove(&c->app);
	out->fd = c->fd;
	out->stream = c->via.it;
	c->fd = -1;
	c->via.ops = NULL;
	return LEAT_OK;
}

/* LEAT_AGAIN and LEAT_FAILED, as the application is told. */
static enum leat_ret failed(struct leat_conn *c, enum leat_ret r, struct leat_err *err)
{
	if (r == LEAT_AGAIN)
		return err_raise(err, LEAT_E_TIMEOUT, 0, 0, LEAT_HERE,
			"downgrade: no close_notify from the peer in time");
	if (c->first)
		*err = *c->first;
	return LEAT_FAILED;
}

enum leat_ret leat_downgrade(
	struct leat_conn *c, int timeout_ms, struct leat_plain *out, struct leat_err *err)
{
	int64_t deadline = conn_deadline(c, timeout_ms);
	enum leat_ret r = check_downgrade(c, err);

	*out = (struct leat_plain){ .fd = -1 };
	if (r != LEAT_OK)
		return r;
	leat_engine_in_exact(c->e, true);
	if (c->shut[LEAT_TX] || c->shut[LEAT_RX])
		r = err_misuse(err, "downgrade: a side was shut already");
	else
		r = conn_end_tx(c, false, deadline);
	if (r == LEAT_OK)
		r = conn_await_end(c, deadline);
	r = r == LEAT_OK ? hand_out(c, out, err) : failed(c, r, err);
	leat_conn_free(c);
	return r;
}

void leat_plain_free_left(struct leat_plain *p)
{
	leat_free(p->left);
	p->left = NULL;
	p->left_len = 0;
}
