/* SPDX-License-Identifier: Apache-2.0
 *
 * recv.c - application data in: decrypted by the engine or by the kernel, and the move of RX from the
 * one to the other at a record boundary.
 */
#include <errno.h>
#include <string.h>

#include "base/secret.h"
#include "config/config.h"
#include "hs/hs.h"
#include "sock/conn.h"

/* The peer's close_notify: the end, in order. */
static enum leat_ret at_end(struct leat_conn *c, size_t *got)
{
	c->eof = true;
	*got = 0;
	if (c->set.exit_on_close)
		(void)!conn_end_tx(c, true, c->sys->now_ms());
	return LEAT_OK;
}

/* Takes plaintext that waits in the engine; false when there is none. */
static bool take_plaintext(struct leat_conn *c, void *buf, size_t n, size_t *got, enum leat_ret *r)
{
	struct leat_span data;

	leat_engine_data(c->e, &data);
	if (data.n == 0)
		return false;
	*got = data.n < n ? data.n : n;
	memcpy(buf, data.p, *got);
	/* A bad record behind these bytes is the next call's affair: they are good. */
	*r = LEAT_OK;
	if (leat_engine_data_done(c->e, *got) == LEAT_FAILED)
		(void)!conn_flush_some(c);
	return true;
}

/* RX is to go to the kernel and has not yet, because it was not at a record boundary. */
static enum leat_ret try_move(struct leat_conn *c)
{
	struct leat_err err = { 0 };

	if (c->ho.dir[LEAT_RX].policy != LEAT_RECORDS_KERNEL ||
		handover_is_kernel(&c->ho, LEAT_RX) || bytes_span(&c->pre).n)
		return LEAT_OK;
	if (handover_try(&c->ho, c->e, LEAT_RX, HANDOVER_ASKED, 0, &err) != LEAT_FAILED)
		return LEAT_OK;
	return conn_fail_closing(c, LEAT_RX, &err);
}

static bool is_record_error(int sys)
{
	return sys == EBADMSG || sys == EMSGSIZE || sys == EINVAL || sys == EPROTO || sys == EIO ||
	       sys == EKEYEXPIRED;
}

/* The kernel refused what arrived. Its error must be read off the socket before the alert can go. */
static enum leat_ret rx_failed(struct leat_conn *c, int sys)
{
	if (!is_record_error(sys))
		return conn_sys(c, LEAT_RX, sys, "recv: failed");
	rec_kernel_take_error(c->sys, c->fd);
	(void)leat_engine_rx_failed(c->e, sys);
	return conn_fail_engine(c);
}

/* One receive from the kernel, without waiting. LEAT_OK with *got 0 and not at the end: a control
 * record was dealt with, go on. */
static enum leat_ret step_kernel(struct leat_conn *c, void *buf, size_t n, size_t *got)
{
	struct rec_kernel_got g;
	enum leat_ret r;
	int sys;

	if (handover_rekey(&c->ho, c->e, LEAT_RX) == LEAT_FAILED)
		return conn_fail_engine(c);
	sys = rec_kernel_recv(c->sys, c->fd, buf, n, &g);
	if (sys == -EAGAIN)
		return LEAT_AGAIN;
	if (sys < 0)
		return rx_failed(c, -sys);
	if (g.type == 0)
		r = leat_engine_in_eof(c->e);
	else if (g.type == REC_DATA)
		r = leat_engine_saw_data(c->e);
	else
		r = leat_engine_control(c->e, g.type, (struct leat_span){ buf, g.n }, g.record_end);
	if (g.type == REC_DATA && r == LEAT_OK)
		*got = g.n;
	else
		leat_wipe(buf, g.n); /* not the application's: a ticket, or refused */
	if (r == LEAT_FAILED)
		return conn_fail_engine(c);
	return LEAT_OK;
}

static enum leat_ret step(struct leat_conn *c, void *buf, size_t n, size_t *got)
{
	enum leat_ret r;

	*got = 0;
	if (take_plaintext(c, buf, n, got, &r))
		return r;
	r = conn_run_jobs(c);
	if (r != LEAT_OK)
		return r;
	r = try_move(c);
	if (r != LEAT_OK)
		return r;
	return handover_is_kernel(&c->ho, LEAT_RX) ? step_kernel(c, buf, n, got) : conn_fill(c);
}

void conn_hibernate(struct leat_conn *c)
{
	if (!c->up)
		return;
	leat_engine_rest(c->e);
	bytes_rest(&c->pre);
	bytes_rest(&c->in);
}

uint32_t conn_hibernate_after(const struct leat_conn *c)
{
	return leat_engine_config(c->e)->hibernate_after_ms;
}

/* Waits for data; hibernates when none comes for long enough. */
static enum leat_ret wait_for_data(struct leat_conn *c, int64_t deadline)
{
	uint32_t after_ms = conn_hibernate_after(c);
	int64_t rest_at = after_ms == HIBERNATE_NEVER ? deadline : c->sys->now_ms() + after_ms;
	enum leat_ret r;

	if (rest_at < deadline) {
		r = conn_wait(c, LEAT_RX, POLLIN, rest_at);
		if (r != LEAT_AGAIN)
			return r;
		conn_hibernate(c);
	}
	return conn_wait(c, LEAT_RX, POLLIN, deadline);
}

static enum leat_ret receive(
	struct leat_conn *c, void *buf, size_t n, int64_t deadline, size_t *got)
{
	for (;;) {
		enum leat_ret r;

		*got = 0;
		if (c->eof)
			return LEAT_OK;
		r = step(c, buf, n, got);
		if (*got > 0 || r == LEAT_FAILED)
			return r;
		/* An answer to the peer (KeyUpdate, alert) must not wait for our next send. */
		(void)!conn_flush_some(c);
		if (leat_engine_wants(c->e) & LEAT_IS_EOF &&
			!(leat_engine_wants(c->e) & LEAT_HAS_DATA))
			return at_end(c, got);
		if (r == LEAT_AGAIN)
			r = wait_for_data(c, deadline);
		if (r != LEAT_OK)
			return r;
	}
}

enum leat_ret conn_recv(struct leat_conn *c, void *buf, size_t n, int64_t deadline, size_t *got)
{
	enum leat_ret r;

	*got = 0;
	if (atomic_exchange(&c->reading, true))
		return LEAT_AGAIN;
	r = receive(c, buf, n, deadline, got);
	atomic_store(&c->reading, false);
	return r;
}

enum leat_ret conn_check_recv(struct leat_conn *c)
{
	bool waits = c->up && !c->shut[LEAT_RX] && c->in.len - c->in.off > c->lent;
	struct leat_err err = { 0 };

	/* What came before an error is good. */
	if (!waits && conn_check(c, LEAT_RX) != LEAT_OK)
		return LEAT_FAILED;
	if (c->set.active != ACTIVE_OFF && c->mail) {
		err_raise(&err, LEAT_E_MISUSE, 0, EINVAL, LEAT_HERE,
			"recv: the connection is active, its mailbox receives");
		return conn_note(c, &err);
	}
	bytes_used(&c->in, c->lent);
	c->lent = 0;
	return LEAT_OK;
}

enum leat_ret leat_recv(struct leat_conn *c, void *buf, size_t n, int timeout_ms, size_t *got)
{
	enum leat_ret r;

	*got = 0;
	r = conn_check_recv(c);
	if (r != LEAT_OK)
		return r;
	if (n == 0)
		return conn_refuse(c, LEAT_RX, "recv: no room given");
	c->searched = 0;
	*got = bytes_take(&c->in, buf, n);
	bytes_rest(&c->in);
	if (*got == 0)
		r = conn_recv(c, buf, n, conn_deadline(c, timeout_ms), got);
	c->end_told = c->end_told || r == LEAT_FAILED || (r == LEAT_OK && *got == 0);
	return r;
}

/* What was received for nothing waits for the next call. */
static enum leat_ret keep(struct leat_conn *c, const void *p, size_t *n)
{
	if (!bytes_add(&c->in, p, *n))
		return conn_refuse(c, LEAT_RX, NULL);
	*n = 0;
	return LEAT_AGAIN;
}

enum leat_ret leat_recv_exact(struct leat_conn *c, void *buf, size_t n, int timeout_ms, size_t *got)
{
	int64_t deadline = conn_deadline(c, timeout_ms);
	uint8_t *p = buf;
	enum leat_ret r;
	size_t more;

	*got = 0;
	r = conn_check_recv(c);
	if (r != LEAT_OK)
		return r;
	c->searched = 0;
	*got = bytes_take(&c->in, p, n);
	while (*got < n) {
		r = conn_recv(c, p + *got, n - *got, deadline, &more);
		*got += more;
		if (r == LEAT_AGAIN)
			return keep(c, p, got);
		c->end_told = c->end_told || r == LEAT_FAILED || (r == LEAT_OK && more == 0);
		if (r != LEAT_OK)
			return r;
		if (more == 0)
			return conn_fail_end(c, "recv: the peer closed before all of it had come");
	}
	bytes_rest(&c->in);
	return LEAT_OK;
}
