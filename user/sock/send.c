/* SPDX-License-Identifier: Apache-2.0
 *
 * send.c - application data out: sealed by the engine, or handed to the kernel.
 */
#include <errno.h>

#include "sock/conn.h"

/* RFC 8446 5.5: what the engine checks for its own records must be checked for the kernel's. Without new
 * keys the end is a planned one: close_notify, then an error. */
static enum leat_ret keys_used_up(struct leat_conn *c)
{
	if (leat_engine_close(c->e) != LEAT_OK)
		return conn_fail_engine(c);
	if (conn_flush_some(c) == LEAT_FAILED)
		return LEAT_FAILED;
	err_raise(&c->err[LEAT_TX], LEAT_E_CLOSED, 0, 0, LEAT_HERE, ENGINE_KEYS_USED_UP);
	if (!c->first)
		c->first = &c->err[LEAT_TX];
	return LEAT_FAILED;
}

enum leat_ret conn_room_tx(struct leat_conn *c, size_t *n)
{
	uint64_t room = handover_room_tx(&c->ho);
	enum leat_ret r;

	if (room == 0 && *n > 0 && handover_renew(&c->ho, c->e)) {
		r = conn_flush_some(c);
		if (r != LEAT_OK)
			return r;
		room = handover_room_tx(&c->ho);
	}
	if (room == 0 && *n > 0)
		return keys_used_up(c);
	*n = *n < room ? *n : (size_t)room;
	return LEAT_OK;
}

/* One step without waiting: *took bytes were taken. LEAT_AGAIN: the socket is full. */
static enum leat_ret step_kernel(struct leat_conn *c, const uint8_t *p, size_t n, size_t *took)
{
	enum leat_ret r = conn_flush_some(c);
	ssize_t s;

	*took = 0;
	if (r == LEAT_OK)
		r = conn_room_tx(c, &n);
	if (r != LEAT_OK)
		return r;
	s = rec_kernel_send(c->sys, c->fd, p, n);
	if (s == -EAGAIN)
		return LEAT_AGAIN;
	if (s < 0)
		return conn_sys(c, LEAT_TX, (int)-s, "send: failed");
	*took = (size_t)s;
	if (s > 0)
		handover_count_tx(&c->ho, (size_t)s, false);
	return LEAT_OK;
}

static enum leat_ret step_user(struct leat_conn *c, const uint8_t *p, size_t n, size_t *took)
{
	enum leat_ret r = LEAT_OK;

	*took = 0;
	if (n > 0)
		r = leat_engine_write(c->e, p, n, took);
	if (r == LEAT_FAILED)
		return conn_fail_engine(c);
	r = conn_flush_some(c);
	/* full socket, but the engine took bytes: that is progress */
	return r == LEAT_AGAIN && *took > 0 ? LEAT_OK : r;
}

enum leat_ret conn_send(
	struct leat_conn *c, const void *data, size_t n, int64_t deadline, size_t *sent)
{
	const uint8_t *p = data;
	size_t done = 0;
	enum leat_ret r;

	do {
		size_t took;

		r = handover_is_kernel(&c->ho, LEAT_TX) ? step_kernel(c, p + done, n - done, &took)
							: step_user(c, p + done, n - done, &took);
		done += took;
		if (r == LEAT_AGAIN)
			r = conn_wait(c, LEAT_TX, POLLOUT, deadline);
	} while (r == LEAT_OK && done < n);
	*sent = done;
	return r == LEAT_OK ? conn_flush(c, deadline) : r;
}

enum leat_ret conn_send_stream(
	struct leat_conn *c, const void *data, size_t n, int64_t deadline, size_t *sent)
{
	struct leat_err err = { 0 };
	enum leat_ret r;

	*sent = 0;
	if (handover_grow(&c->ho, c->e, n, &err) == LEAT_FAILED)
		return conn_fail_closing(c, LEAT_TX, &err);
	r = conn_send(c, data, n, deadline, sent);
	handover_streamed(&c->ho, *sent);
	return r;
}

enum leat_ret leat_send(
	struct leat_conn *c, const void *data, size_t n, int timeout_ms, size_t *sent)
{
	size_t unused;

	if (!sent)
		sent = &unused;
	*sent = 0;
	if (conn_check(c, LEAT_TX) != LEAT_OK)
		return LEAT_FAILED;
	return conn_send_stream(c, data, n, conn_deadline(c, timeout_ms), sent);
}

enum leat_ret leat_conn_key_update(struct leat_conn *c, bool ask)
{
	enum leat_ret r = conn_check(c, LEAT_TX);

	if (r != LEAT_OK)
		return r;
	r = leat_engine_key_update(c->e, ask);
	return r == LEAT_FAILED ? conn_fail_engine(c) : r;
}

enum leat_ret leat_renegotiate(struct leat_conn *c)
{
	struct leat_engine_info info;
	struct leat_err why = { 0 };

	if (conn_check(c, LEAT_TX) != LEAT_OK)
		return LEAT_FAILED;
	leat_engine_info(c->e, &info);
	err_raise(&why, LEAT_E_ABSENT, 0, 0, LEAT_HERE,
		info.version == LEAT_TLS13
			? "renegotiation_rejected: TLS 1.3 has none; see leat_conn_key_update and "
			  "leat_conn_request_auth"
			: "renegotiation_rejected: leat does not renegotiate TLS 1.2");
	return conn_note(c, &why);
}
