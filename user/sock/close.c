/* SPDX-License-Identifier: Apache-2.0
 *
 * close.c - the end of a connection, such that nothing sent before is lost and the peer can tell the
 * end from a cut. RFC 8446 6.1, RFC 5246 7.2.1.
 *
 * Order: close_notify, and only when the transport has it, SHUT_WR (with kernel TX everything sent
 * earlier is then in TCP too: the record goes behind it); then what the peer still sends is read and
 * dropped, because close(2) with unread bytes resets the connection and takes sent data with it.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "sock/app.h"
#include "sock/conn.h"

/* One read into trash without waiting, as bytes or as records. 0: the end; -errno. */
static ssize_t read_trash(struct leat_conn *c, void *trash, size_t cap)
{
	struct rec_kernel_got g;
	int r;

	if (!handover_is_kernel(&c->ho, LEAT_RX))
		return carrier_recv(c, trash, cap);
	r = rec_kernel_recv(c->sys, c->fd, trash, cap, &g);
	if (r < 0)
		return r;
	return g.type == 0 ? 0 : g.n ? (ssize_t)g.n : 1; /* an empty record is none of the end */
}

/* Kernel RX that refused a record gives nothing any more, but its unread bytes would make close(2) a reset.
 * The peer's own end tells that it has read what we said. */
static void await_fin(struct leat_conn *c, int64_t deadline)
{
	struct leat_err err = { 0 };

	(void)rec_kernel_take_error(c->sys, c->fd);
	(void)!sock_wait(c->sys, c->fd, POLLRDHUP, deadline, &err);
}

void conn_linger(struct leat_conn *c, int64_t deadline)
{
	uint8_t trash[4096];
	size_t left = LINGER_BYTES;
	int64_t alert_end = conn_deadline(c, (int)app_number(APP_ALERT_TIMEOUT));
	struct leat_err err = { 0 };
	bool broken = false;

	deadline = deadline < alert_end ? deadline : alert_end;
	if (!c->shut[LEAT_TX])
		carrier_shutdown(c, SHUT_WR);
	c->shut[LEAT_TX] = true;
	while (left > 0 && !broken) {
		ssize_t r = read_trash(c, trash, sizeof(trash));

		if (r == 0)
			return;
		if (r == -EAGAIN && carrier_wait(c, POLLIN, deadline, &err) != LEAT_OK)
			return;
		broken = r < 0 && r != -EAGAIN && r != -EINTR;
		if (r > 0)
			left -= (size_t)r < left ? (size_t)r : left;
	}
	if (broken && handover_is_kernel(&c->ho, LEAT_RX))
		await_fin(c, deadline);
}

enum leat_ret conn_end_tx(struct leat_conn *c, bool fin, int64_t deadline)
{
	enum leat_ret r;

	if (c->shut[LEAT_TX])
		return LEAT_OK;
	if (c->err[LEAT_TX].cls != LEAT_E_NONE)
		return LEAT_FAILED;
	if (!(leat_engine_wants(c->e) & LEAT_IS_CLOSED) && leat_engine_close(c->e) != LEAT_OK)
		return conn_fail_engine(c);
	r = conn_flush(c, deadline);
	if (r != LEAT_OK)
		return r;
	c->shut[LEAT_TX] = true;
	/* ENOTCONN: the peer is gone already; its last words may still be unread */
	if (fin)
		carrier_shutdown(c, SHUT_WR);
	return LEAT_OK;
}

enum leat_ret leat_shutdown(struct leat_conn *c, int how, int timeout_ms)
{
	enum leat_ret r = LEAT_OK;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return conn_refuse(c, LEAT_TX, "shutdown: none of SHUT_RD, SHUT_WR, SHUT_RDWR");
	if (!c->up) {
		(void)!conn_check(c, LEAT_TX);
		return LEAT_FAILED;
	}
	if (how != SHUT_RD)
		r = conn_end_tx(c, true, conn_deadline(c, timeout_ms));
	if (how != SHUT_WR)
		c->shut[LEAT_RX] = true;
	return r;
}

enum leat_ret conn_await_end(struct leat_conn *c, int64_t deadline)
{
	uint8_t trash[4096];
	size_t got = 1;
	enum leat_ret r = c->err[LEAT_RX].cls == LEAT_E_NONE ? LEAT_OK : LEAT_FAILED;

	while (r == LEAT_OK && got > 0) {
		r = conn_recv(c, trash, sizeof(trash), deadline, &got);
		/* a peer that never stops sending must not hold us beyond the time */
		if (r == LEAT_OK && got > 0 && c->sys->now_ms() >= deadline)
			r = LEAT_AGAIN;
	}
	return r;
}

static enum leat_ret finish(struct leat_conn *c, int timeout_ms, struct leat_err *err)
{
	int64_t deadline = conn_deadline(c, timeout_ms);
	enum leat_ret r = conn_end_tx(c, true, deadline);

	if (r == LEAT_OK && timeout_ms != 0)
		r = conn_await_end(c, deadline);
	if (r == LEAT_FAILED && c->err[LEAT_TX].cls == LEAT_E_OUR_ALERT && !c->mail)
		conn_linger(c, deadline);
	if (r == LEAT_AGAIN)
		return err_raise(err, LEAT_E_TIMEOUT, 0, 0, LEAT_HERE,
			c->shut[LEAT_TX] ? "close: no close_notify from the peer in time"
					 : "close: the last bytes could not be sent in time");
	if (r == LEAT_FAILED && c->first)
		*err = *c->first;
	return r;
}

enum leat_ret leat_close_timeout(struct leat_conn *c, int timeout_ms, struct leat_err *err)
{
	struct leat_err own = { 0 };
	enum leat_ret r = LEAT_OK;

	if (!c)
		return LEAT_OK;
	if (!err)
		err = &own;
	if (c->up)
		r = finish(c, timeout_ms, err);
	leat_conn_free(c);
	return r;
}

enum leat_ret leat_close(struct leat_conn *c, struct leat_err *err)
{
	return leat_close_timeout(c, LEAT_CLOSE_WAIT_MS, err);
}
