/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_poll.c - the poll(2) backend: for places where io_uring is forbidden, and the oracle the
 * io_uring backend is compared with. Small and plain on purpose: cost grows with the number of
 * descriptors, nothing else does.
 *
 * A new op is tried once in the next round before anything is polled, as io_uring does; one that
 * would block waits in the descriptor's list, whose events are merged into one pollfd.
 */
#include "loop/loop_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Connections taken per descriptor and round, so that a flood does not starve the rest. */
#define ACCEPT_BURST 64
#define PFDS_MIN     64

struct pollbe {
	struct loop_queue fresh; /* started since the last round, not tried yet */
	struct pollfd *pfds;
	size_t num, cap;
	uint64_t due_ms; /* the first limit of an op that waits; UINT64_MAX: none */
};

static int poll_open(struct loop *l)
{
	struct pollbe *b = leat_zalloc(sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	loop_queue_init(&b->fresh);
	l->be = b;
	return 0;
}

static void poll_close(struct loop *l)
{
	struct pollbe *b = l->be;

	leat_free(b->pfds);
	leat_free(b);
	l->be = NULL;
}

/* ---- one attempt ----------------------------------------------------------------------------- */

static short events_of(const struct loop_op *op)
{
	switch ((enum loop_kind)op->kind) {
	case LOOP_ACCEPT:
	case LOOP_RECV:
	case LOOP_RECVMSG:
	case LOOP_TAKE: return POLLIN;
	case LOOP_READY: return op->events;
	case LOOP_SPLICE: return op->fd == op->splice.in ? POLLIN : POLLOUT;
	case LOOP_SEND:
	case LOOP_SENDMSG:
	case LOOP_END:
	case LOOP_SETSOCKOPT:
	case LOOP_PASS:
	case LOOP_IDLE:
	case LOOP_KIND_COUNT: break;
	}
	return POLLOUT;
}

static ssize_t try_splice(const struct loop_op *op)
{
	loff_t in_off = op->splice.in_off, out_off = op->splice.out_off;

	return splice(op->splice.in, in_off < 0 ? NULL : &in_off, op->splice.out,
		out_off < 0 ? NULL : &out_off, op->splice.n, op->splice.flags | SPLICE_F_NONBLOCK);
}

static int try_ready(const struct loop_op *op)
{
	struct pollfd p = { .fd = op->fd, .events = op->events };
	int rc = poll(&p, 1, 0);

	if (rc < 0)
		return -errno;
	if (p.revents & POLLNVAL)
		return -EBADF;
	return rc == 0 ? -EAGAIN : p.revents;
}

/* The result, or -EAGAIN / -EINTR. */
static int try_once(const struct loop_op *op)
{
	ssize_t rc;

	switch ((enum loop_kind)op->kind) {
	case LOOP_ACCEPT: rc = accept4(op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); break;
	case LOOP_RECV: rc = recv(op->fd, op->io.buf, op->io.n, op->io.flags | MSG_DONTWAIT); break;
	case LOOP_SEND: rc = send(op->fd, op->io.buf, op->io.n, op->io.flags | MSG_DONTWAIT); break;
	case LOOP_RECVMSG: rc = recvmsg(op->fd, op->msg.msg, op->msg.flags | MSG_DONTWAIT); break;
	case LOOP_SENDMSG: rc = sendmsg(op->fd, op->msg.msg, op->msg.flags | MSG_DONTWAIT); break;
	case LOOP_READY: return try_ready(op);
	case LOOP_SPLICE: rc = try_splice(op); break;
	case LOOP_END: return loop_end_plain(op);
	default: return -EINVAL;
	}
	return rc < 0 ? -errno : (int)rc;
}

static int poll_start(struct loop *l, struct loop_op *op)
{
	struct pollbe *b = l->be;

	if (op->kind == LOOP_SETSOCKOPT)
		loop_finish_later(l, op, loop_setsockopt_plain(op));
	else if (op->kind == LOOP_PASS)
		loop_finish_later(l, op, loop_pass_plain(op->pass_to, op->fd));
	else
		loop_queue_push(&b->fresh, op);
	return 0;
}

static void poll_cancel(struct loop *l, struct loop_op *op)
{
	struct pollbe *b = l->be;

	if (op->q_pprev != NULL)
		loop_queue_drop(&b->fresh, op);
	loop_finish_later(l, op, -ECANCELED);
}

/* Cancelled ops are out of every list at once: nothing holds their descriptor. */
static void poll_flush(struct loop *l)
{
	(void)l;
}

/* Returns the number of callbacks. op may be gone afterwards when it is not 0. */
static int attempt_accepts(struct loop *l, struct loop_op *op)
{
	int num = 0;

	while (num < ACCEPT_BURST && !op->cancelled) {
		int res = try_once(op);

		/* ECONNABORTED is the fate of one peer, not of the listener; io_uring's multishot
		 * accept reports it as the end, so it is one here too. */
		if (res == -EAGAIN || res == -EINTR)
			break;
		num++;
		if (res < 0) {
			loop_finish(l, op, res);
			break;
		}
		loop_more(l, op, res);
	}
	return num;
}

static int attempt(struct loop *l, struct loop_op *op)
{
	int res;

	if (op->kind == LOOP_ACCEPT)
		return attempt_accepts(l, op);
	if (op->kind == LOOP_TAKE)
		return loop_take_all(l, op);
	do
		res = try_once(op);
	while (res == -EINTR);
	if (res == -EAGAIN)
		return 0;
	loop_finish(l, op, res);
	return 1;
}

static int attempt_fresh(struct loop *l)
{
	struct pollbe *b = l->be;
	size_t most = b->fresh.num; /* what callbacks start is for the next round */
	int num = 0;

	while (most-- > 0 && b->fresh.first != NULL) {
		struct loop_op *op = b->fresh.first;

		loop_queue_drop(&b->fresh, op);
		num += attempt(l, op);
	}
	return num;
}

/* ---- polling --------------------------------------------------------------------------------- */

static int pfds_room(struct pollbe *b)
{
	size_t cap = b->cap ? b->cap * 2 : PFDS_MIN;
	struct pollfd *v;

	if (b->num < b->cap)
		return 0;
	v = leat_array(cap, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	if (b->num > 0)
		memcpy(v, b->pfds, b->num * sizeof(*v));
	leat_free(b->pfds);
	b->pfds = v;
	b->cap = cap;
	return 0;
}

/* Builds the array anew from the descriptors' lists: one pass over what poll(2) passes over too. */
static int collect(struct loop *l)
{
	struct pollbe *b = l->be;
	int rc;

	b->num = 0;
	b->due_ms = UINT64_MAX;
	for (size_t fd = 0; fd < l->num_fds; fd++) {
		short events = 0;

		if (l->fds[fd].first == NULL)
			continue;
		for (const struct loop_op *op = l->fds[fd].first; op != NULL; op = op->next) {
			events |= events_of(op);
			if (op->due_ms != 0 && op->due_ms < b->due_ms)
				b->due_ms = op->due_ms;
		}
		if ((rc = pfds_room(b)) != 0)
			return rc;
		b->pfds[b->num++] = (struct pollfd){ .fd = (int)fd, .events = events };
	}
	return 0;
}

/* Tries the first op of each kind of event on one descriptor that poll(2) called ready. */
static int on_ready(struct loop *l, const struct pollfd *p)
{
	struct loop_op *op = l->fds[p->fd].first;
	short bad = p->revents & (POLLERR | POLLHUP | POLLNVAL);
	int num = 0;

	/* Callbacks may start and cancel ops of this very descriptor, so what to try is noted first,
	 * in the op itself; a cancelled op has left the list by the time we look again. */
	for (; op != NULL; op = op->next)
		op->waiting = op->q_pprev == NULL && (bad || (events_of(op) & p->revents));
	for (;;) {
		for (op = l->fds[p->fd].first; op != NULL && !op->waiting; op = op->next)
			;
		if (op == NULL)
			return num;
		op->waiting = false;
		if (p->revents & POLLNVAL) {
			loop_finish(l, op, -EBADF);
			num++;
		} else {
			num += attempt(l, op);
		}
	}
}

static struct loop_op *overdue(const struct loop *l, size_t fd)
{
	struct loop_op *op = l->fds[fd].first;

	while (op != NULL && (op->due_ms == 0 || op->due_ms > l->now_ms))
		op = op->next;
	return op;
}

/* Ends what has waited as long as it may. Returns the number of callbacks. */
static int expire(struct loop *l)
{
	struct pollbe *b = l->be;
	struct loop_op *op;
	int num = 0;

	for (size_t fd = 0; b->due_ms <= l->now_ms && fd < l->num_fds; fd++)
		for (; (op = overdue(l, fd)) != NULL; num++) {
			if (op->q_pprev != NULL)
				loop_queue_drop(&b->fresh, op);
			loop_finish(l, op, -ETIME);
		}
	return num;
}

/* timeout_ms, or less where a limit comes before. */
static int until_due(const struct loop *l, int timeout_ms)
{
	const struct pollbe *b = l->be;
	uint64_t left = b->due_ms > l->now_ms ? b->due_ms - l->now_ms : 0;

	if (b->due_ms == UINT64_MAX || (timeout_ms >= 0 && (uint64_t)timeout_ms < left))
		return timeout_ms;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static int poll_wait(struct loop *l, int timeout_ms)
{
	struct pollbe *b = l->be;
	int num, rc;

	num = attempt_fresh(l);
	if (num > 0 || b->fresh.first != NULL || l->ended.first != NULL)
		timeout_ms = 0;
	rc = collect(l);
	if (rc != 0)
		return rc;
	rc = poll(b->pfds, b->num, until_due(l, timeout_ms));
	if (rc < 0 && errno != EINTR)
		return -errno;
	loop_tick(l);
	for (size_t i = 0; rc > 0 && i < b->num; i++) {
		struct pollfd p = b->pfds[i];

		if (p.revents == 0)
			continue;
		rc--;
		num += on_ready(l, &p);
	}
	return num + expire(l);
}

const struct loop_backend_ops loop_poll_ops = {
	.name = "poll",
	.blocks_on_disk = true,
	.open = poll_open,
	.close = poll_close,
	.start = poll_start,
	.cancel = poll_cancel,
	.flush = poll_flush,
	.wait = poll_wait,
};
