/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.c - what both backends of the event loop have in common: the life of an operation, which
 * operations belong to which descriptor, deadlines, wake-ups, running. loop.h is the contract.
 *
 * The table of descriptors exists for two reasons: loop_close must find what is pending, and the
 * poll backend needs the union of the events its operations wait for.
 */
#include "loop/loop_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define FDS_MIN 64

/* ---- queues ---------------------------------------------------------------------------------- */

void loop_queue_init(struct loop_queue *q)
{
	q->first = NULL;
	q->tail = &q->first;
	q->num = 0;
}

void loop_queue_push(struct loop_queue *q, struct loop_op *op)
{
	op->q_next = NULL;
	op->q_pprev = q->tail;
	*q->tail = op;
	q->tail = &op->q_next;
	q->num++;
}

void loop_queue_drop(struct loop_queue *q, struct loop_op *op)
{
	if (op->q_next != NULL)
		op->q_next->q_pprev = op->q_pprev;
	else
		q->tail = op->q_pprev;
	*op->q_pprev = op->q_next;
	op->q_next = NULL;
	op->q_pprev = NULL;
	q->num--;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static int fds_grow(struct loop *l, int fd)
{
	size_t num = l->num_fds ? l->num_fds : FDS_MIN;
	struct loop_fd *v;

	while (num <= (size_t)fd)
		num *= 2;
	v = leat_array(num, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < l->num_fds; i++)
		v[i] = l->fds[i];
	/* The first op of each descriptor points back into the table. */
	for (size_t i = 0; i < l->num_fds; i++)
		if (v[i].first != NULL)
			v[i].first->pprev = &v[i].first;
	leat_free(l->fds);
	l->fds = v;
	l->num_fds = num;
	return 0;
}

static int file_under_fd(struct loop *l, struct loop_op *op)
{
	struct loop_op **end;
	int rc;

	if (op->fd < 0)
		return -EBADF;
	if ((size_t)op->fd >= l->num_fds && (rc = fds_grow(l, op->fd)) != 0)
		return rc;
	for (end = &l->fds[op->fd].first; *end != NULL; end = &(*end)->next)
		;
	op->next = NULL;
	op->pprev = end;
	*end = op;
	return 0;
}

static void unfile(struct loop_op *op)
{
	if (op->pprev == NULL)
		return;
	*op->pprev = op->next;
	if (op->next != NULL)
		op->next->pprev = op->pprev;
	op->next = NULL;
	op->pprev = NULL;
}

/* ---- the life of an operation ---------------------------------------------------------------- */

/* accept4 of the poll backend would hang the loop on a blocking listener when a connection goes away
 * between poll and accept; the rule is the same for both backends so that it is not forgotten. */
static int check_listener(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0)
		return -errno;
	return fl & O_NONBLOCK ? 0 : -EINVAL;
}

static void start(struct loop *l, struct loop_op *op, enum loop_kind kind, int fd)
{
	int rc;

	op->kind = (uint8_t)kind;
	op->cancelled = false;
	op->waiting = false;
	op->fd = fd;
	op->next = NULL;
	op->pprev = NULL;
	op->q_next = NULL;
	op->q_pprev = NULL;
	l->num_busy++;
	rc = file_under_fd(l, op);
	if (rc == 0 && kind == LOOP_ACCEPT)
		rc = check_listener(fd);
	if (rc == 0)
		rc = l->ops->start(l, op);
	if (rc != 0)
		loop_finish_later(l, op, rc);
}

void loop_finish(struct loop *l, struct loop_op *op, int res)
{
	unfile(op);
	op->kind = LOOP_IDLE;
	op->due_ms = 0;
	l->num_busy--;
	op->done(l, op, res, 0);
}

void loop_finish_later(struct loop *l, struct loop_op *op, int res)
{
	unfile(op);
	op->res = res;
	/* From here on there is nothing left to cancel: the result stands. */
	op->cancelled = true;
	loop_queue_push(&l->ended, op);
}

void loop_more(struct loop *l, struct loop_op *op, int res)
{
	op->done(l, op, res, LOOP_MORE);
}

void loop_cancel(struct loop *l, struct loop_op *op)
{
	if (!loop_op_busy(op) || op->cancelled)
		return;
	op->cancelled = true;
	l->ops->cancel(l, op);
}

void loop_close(struct loop *l, int fd)
{
	if (fd < 0)
		return;
	if ((size_t)fd < l->num_fds && l->fds[fd].first != NULL) {
		struct loop_op *next;

		for (struct loop_op *op = l->fds[fd].first; op != NULL; op = next) {
			next = op->next;
			loop_cancel(l, op);
		}
		l->ops->flush(l);
	}
	/* Linux frees the number whatever close returns; there is nothing to repeat. */
	(void)close(fd);
}

size_t loop_num_busy(const struct loop *l)
{
	return l->num_busy - (loop_op_busy(&l->wake_op) ? 1 : 0);
}

/* ---- start functions ------------------------------------------------------------------------- */

void loop_accept(struct loop *l, struct loop_op *op, int fd)
{
	start(l, op, LOOP_ACCEPT, fd);
}

void loop_recv(struct loop *l, struct loop_op *op, int fd, void *buf, size_t n)
{
	op->io.buf = buf;
	op->io.n = n;
	op->io.flags = 0;
	start(l, op, LOOP_RECV, fd);
}

void loop_send(struct loop *l, struct loop_op *op, int fd, const void *buf, size_t n, int flags)
{
	op->io.buf = (void *)(uintptr_t)buf; /* only ever read from */
	op->io.n = n;
	op->io.flags = flags | MSG_NOSIGNAL;
	start(l, op, LOOP_SEND, fd);
}

void loop_recvmsg(struct loop *l, struct loop_op *op, int fd, struct msghdr *msg, int flags)
{
	op->msg.msg = msg;
	op->msg.flags = flags;
	start(l, op, LOOP_RECVMSG, fd);
}

void loop_sendmsg(struct loop *l, struct loop_op *op, int fd, struct msghdr *msg, int flags)
{
	op->msg.msg = msg;
	op->msg.flags = flags | MSG_NOSIGNAL;
	start(l, op, LOOP_SENDMSG, fd);
}

static void start_take(struct loop *l, struct loop_op *op, int fd, bool typed, bool once)
{
	op->take.typed = typed;
	op->take.once = once;
	start(l, op, LOOP_TAKE, fd);
}

void loop_take(struct loop *l, struct loop_op *op, int fd, bool typed)
{
	start_take(l, op, fd, typed, false);
}

void loop_take_once(struct loop *l, struct loop_op *op, int fd, bool typed)
{
	start_take(l, op, fd, typed, true);
}

const struct loop_piece *loop_piece(const struct loop *l)
{
	return &l->piece;
}

void loop_setsockopt(
	struct loop *l, struct loop_op *op, int fd, int level, int name, const void *val, size_t n)
{
	op->opt.val = val;
	op->opt.level = level;
	op->opt.name = name;
	op->opt.n = (uint32_t)n;
	start(l, op, LOOP_SETSOCKOPT, fd);
}

void loop_end(struct loop *l, struct loop_op *op, int fd, struct msghdr *msg)
{
	op->end.msg = msg;
	start(l, op, LOOP_END, fd);
}

void loop_pass(struct loop *l, struct loop_op *op, struct loop *to, int fd)
{
	op->pass_to = to;
	start(l, op, LOOP_PASS, fd);
}

void loop_on_pass(struct loop *l, void (*fn)(struct loop *l, int fd, void *arg), void *arg)
{
	l->on_pass = fn;
	l->pass_arg = arg;
}

void loop_limit(struct loop *l, struct loop_op *op, uint32_t ms)
{
	op->due_ms = l->now_ms + ms + (ms == 0);
}

void loop_ready(struct loop *l, struct loop_op *op, int fd, short events)
{
	op->events = events;
	start(l, op, LOOP_READY, fd);
}

void loop_splice(struct loop *l, struct loop_op *op, int in, int64_t in_off, int out,
	int64_t out_off, uint32_t n, unsigned flags, bool wait_in)
{
	op->splice.in = in;
	op->splice.out = out;
	op->splice.in_off = in_off;
	op->splice.out_off = out_off;
	op->splice.n = n;
	op->splice.flags = flags;
	start(l, op, LOOP_SPLICE, wait_in ? in : out);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void loop_tick(struct loop *l)
{
	l->now_ms = clock_ms();
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

void loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ms)
{
	uint64_t due = l->now_ms + delay_ms;

	timer_set(&l->timers, &t->node, due < delay_ms ? UINT64_MAX : due);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	timer_unset(&l->timers, &t->node);
}

static int run_timers(struct loop *l)
{
	struct timer_node *n;
	int num = 0;

	/* now_ms stands still here, so a timer that restarts itself with a delay waits for a later
	 * round; one that restarts itself with 0 is cut off by the count. */
	size_t most = l->timers.num;

	while (most-- > 0 && (n = timer_first(&l->timers)) != NULL && n->due_ms <= l->now_ms) {
		struct loop_timer *t = (struct loop_timer *)(void *)n;

		timer_unset(&l->timers, n);
		num++;
		t->fn(l, t);
	}
	return num;
}

/* ---- wake-ups -------------------------------------------------------------------------------- */

static void on_wake_fd(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	uint64_t count;

	(void)flags;
	if (res < 0)
		return; /* cancelled by loop_free */
	if (read(l->wake_fd, &count, sizeof(count)) < 0) {
		/* EAGAIN: another round took it already. */
	}
	loop_ready(l, op, l->wake_fd, POLLIN);
	if (!atomic_exchange(&l->woken, false))
		return;
	loop_deliver_passed(l);
	if (l->on_wake != NULL)
		l->on_wake(l, l->wake_arg);
}

/* write(2) is async-signal-safe; the only failure possible is a full counter, which wakes too. */
static void poke(struct loop *l)
{
	uint64_t one = 1;
	int saved = errno;

	if (write(l->wake_fd, &one, sizeof(one)) < 0) {
		/* Nothing to add: the counter is not zero. */
	}
	errno = saved;
}

void loop_wake(struct loop *l)
{
	if (!atomic_exchange(&l->woken, true))
		poke(l);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	poke(l);
}

void loop_on_wake(struct loop *l, void (*fn)(struct loop *l, void *arg), void *arg)
{
	l->on_wake = fn;
	l->wake_arg = arg;
}

/* ---- making, running, ending ----------------------------------------------------------------- */

static int open_backend(struct loop *l, enum loop_backend want)
{
	int rc;

	if (want == LOOP_POLL) {
		l->ops = &loop_poll_ops;
		return l->ops->open(l);
	}
	l->ops = &loop_uring_ops;
	rc = l->ops->open(l);
	if (rc == 0 || want == LOOP_URING)
		return rc;
	/* Containers refuse io_uring with EPERM or ENOSYS, tight memory limits with ENOMEM; whatever
	 * the reason, the fallback serves. open() wrote it down in l->why. */
	l->ops = &loop_poll_ops;
	return l->ops->open(l);
}

struct loop *loop_new(enum loop_backend want, int *err)
{
	struct loop *l = leat_zalloc(sizeof(*l));
	int rc = -ENOMEM;

	if (l == NULL)
		goto fail;
	loop_queue_init(&l->ended);
	pthread_mutex_init(&l->passed_lock, NULL);
	l->now_ms = clock_ms();
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0) {
		rc = -errno;
		goto fail;
	}
	rc = open_backend(l, want);
	if (rc != 0)
		goto fail;
	l->wake_op.done = on_wake_fd;
	loop_ready(l, &l->wake_op, l->wake_fd, POLLIN);
	*err = 0;
	return l;
fail:
	if (l != NULL) {
		pthread_mutex_destroy(&l->passed_lock);
		if (l->wake_fd >= 0)
			close(l->wake_fd);
	}
	leat_free(l);
	*err = rc;
	return NULL;
}

static int deliver_ended(struct loop *l)
{
	/* What callbacks add is for the next round: a caller that restarts an op which cannot start
	 * must not keep us here for ever. */
	size_t most = l->ended.num;
	int num = 0;

	while (most-- > 0 && l->ended.first != NULL) {
		struct loop_op *op = l->ended.first;

		loop_queue_drop(&l->ended, op);
		num++;
		loop_finish(l, op, op->res);
	}
	return num;
}

int loop_run_once(struct loop *l, int timeout_ms)
{
	int num, wait, rc;

	loop_tick(l);
	num = deliver_ended(l);
	wait = timer_wait_ms(&l->timers, l->now_ms);
	if (wait < 0 || (timeout_ms >= 0 && timeout_ms < wait))
		wait = timeout_ms;
	if (num > 0 || l->ended.first != NULL || atomic_load(&l->stop))
		wait = 0;
	rc = l->ops->wait(l, wait);
	if (rc < 0)
		return rc;
	return num + rc + run_timers(l);
}

int loop_run(struct loop *l)
{
	int rc = 0;

	while (rc >= 0 && !atomic_load(&l->stop))
		rc = loop_run_once(l, -1);
	atomic_store(&l->stop, false);
	return rc < 0 ? rc : 0;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	while (l->num_busy > 0) {
		for (size_t fd = 0; fd < l->num_fds; fd++) {
			struct loop_op *next;

			for (struct loop_op *op = l->fds[fd].first; op != NULL; op = next) {
				next = op->next;
				loop_cancel(l, op);
			}
		}
		(void)deliver_ended(l);
		/* A broken ring cannot deliver; leaving its ops behind beats never returning. */
		if (l->num_busy > 0 && l->ops->wait(l, l->ended.first != NULL ? 0 : -1) < 0)
			break;
	}
	l->on_pass = NULL; /* what still comes is closed */
	l->ops->close(l);
	loop_deliver_passed(l);
	pthread_mutex_destroy(&l->passed_lock);
	close(l->wake_fd);
	leat_free(l->take_buf);
	leat_free(l->fds);
	leat_free(l);
}

const char *loop_name(const struct loop *l)
{
	return l->ops->name;
}

const char *loop_why(const struct loop *l)
{
	return l->why;
}

bool loop_blocks_on_disk(const struct loop *l)
{
	return l->ops->blocks_on_disk;
}
