/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_uring.c - the io_uring backend: ring set-up, submission, dispatch of completions.
 *
 * What the kernel contract asks for, and where it is obeyed:
 *  - A submission names a descriptor by number until io_uring_submit has run; loop_close therefore
 *    calls flush() between cancelling and close(2). A pending operation keeps its file alive after
 *    close, so it must be cancelled (docs/kernel.md 5).
 *  - Cancellation is a request like any other: by tag, so that it cannot hit the next user of the
 *    slot. Its own completion is ignored; the target's arrives in any case.
 *  - O_NONBLOCK descriptors may complete with -EAGAIN (splice always does, sends and receives on some
 *    kernels): a POLL_ADD with the same tag then stands in (op->waiting), and the operation is
 *    submitted again when it fires.
 *  - Multishot accept may end at any time without an error: it is started again unseen.
 *  - A multishot receive ends when the buffers are used up (-ENOBUFS) and whenever the kernel likes: it
 *    is started again unseen, after the buffers of what came before were given back.
 *  - A multishot recvmsg tells the end of the stream by an empty message (docs/kernel.md 5).
 *  - A chain of links must lie in one submission; each link has a completion, also when it was cancelled
 *    because one before it failed. The time limit of an op is a link of its own.
 *  - Asking a socket's URING_CMD for an option is refused by kernels before 6.7 and by protocols that do not
 *    have it, with the same errors: the call itself decides then.
 *  - CQ overflow loses nothing (IORING_FEAT_NODROP is required).
 * Rejected: SQPOLL (a kernel thread per loop, and no gain measured for sockets); linked operations
 * for plain send-close (short sends do not break a link on kTLS, docs/kernel.md 5).
 */
#include "loop/loop_int.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "loop/uring_bufs.h"
#include "loop/uring_op.h"

#define SQ_ENTRIES 512
#define CQ_ENTRIES 4096
/* Completions delivered per round before the timers get their turn. */
#define ROUND_MAX 4096

/* How LOOP_TAKE is done, found out by the first one. */
enum take_way {
	TAKE_UNKNOWN = 0,
	TAKE_LENT, /* the ring receives into buffers it lends */
	TAKE_PLAIN, /* wait for readiness, then loop_take_plain: the kernel has no memory for buffers */
};

struct uring {
	struct io_uring ring;
	struct uring_slots slots;
	int broken;         /* the errno that ended the ring, or 0 */
	bool has_multishot; /* for receiving */
	enum take_way take_way;
	struct uring_bufs bufs;
	struct msghdr take_msg; /* what every typed LOOP_TAKE asks for */
	/* Of limits that were not submitted yet: each entry of the queue has one. */
	struct __kernel_timespec limits[SQ_ENTRIES];
	unsigned num_limits;
};

/* ---- set-up ---------------------------------------------------------------------------------- */

/* One issuer, completions run only when we ask: fewer interrupts of the loop (6.1). Older kernels
 * refuse the flags with EINVAL and get a plain ring. */
static int ring_open(struct io_uring *ring, struct io_uring_params *p)
{
	const unsigned wanted[] = {
		IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_CQSIZE,
	};
	int rc = -EINVAL;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && rc == -EINVAL; i++) {
		*p = (struct io_uring_params){ .flags = wanted[i], .cq_entries = CQ_ENTRIES };
		rc = io_uring_queue_init_params(SQ_ENTRIES, ring, p);
	}
	return rc;
}

/* Multishot accept, cancel flags and provided buffers have no probe of their own; all came with
 * IORING_OP_SOCKET (5.19), which has. So did multishot receive with IORING_OP_SEND_ZC (6.0). */
static bool ring_is_young_enough(struct uring *u, const struct io_uring_params *p)
{
	const unsigned need = IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG;
	struct io_uring_probe *probe = io_uring_get_probe_ring(&u->ring);
	bool ok = probe != NULL && (p->features & need) == need &&
		  io_uring_opcode_supported(probe, IORING_OP_SOCKET);

	u->has_multishot = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
	io_uring_free_probe(probe);
	return ok;
}

static int uring_open(struct loop *l)
{
	struct uring *u = leat_zalloc(sizeof(*u));
	struct io_uring_params p;
	int rc;

	if (u == NULL) {
		snprintf(l->why, sizeof(l->why), "io_uring: out of memory");
		return -ENOMEM;
	}
	rc = ring_open(&u->ring, &p);
	if (rc != 0) {
		const char *hint =
			rc == -EPERM    ? " (forbidden here: seccomp or kernel.io_uring_disabled)"
			: rc == -ENOSYS ? " (not in this kernel, or hidden by seccomp)"
					: "";

		snprintf(l->why, sizeof(l->why), "io_uring_setup: %s%s", strerror(-rc), hint);
		leat_free(u);
		return rc;
	}
	if (!ring_is_young_enough(u, &p)) {
		snprintf(l->why, sizeof(l->why),
			"io_uring: this kernel's is older than Linux 5.19's");
		io_uring_queue_exit(&u->ring);
		leat_free(u);
		return -EOPNOTSUPP;
	}
	/* Saves a descriptor look-up per enter; without it everything works too. */
	(void)io_uring_register_ring_fd(&u->ring);
	l->be = u;
	return 0;
}

/* ---- submission ------------------------------------------------------------------------------ */

/* Room for num entries that must be submitted together. */
static bool has_room(struct uring *u, unsigned num)
{
	for (int tries = 0; io_uring_sq_space_left(&u->ring) < num && tries < 16; tries++) {
		int rc = io_uring_submit(&u->ring);

		if (rc < 0 && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN) {
			u->broken = -rc;
			return false;
		}
	}
	return io_uring_sq_space_left(&u->ring) >= num;
}

/* An empty entry; NULL only on a broken ring. */
static struct io_uring_sqe *next_sqe(struct uring *u)
{
	return has_room(u, 1) ? io_uring_get_sqe(&u->ring) : NULL;
}

static short events_of(const struct loop_op *op)
{
	switch (op->kind) {
	case LOOP_ACCEPT:
	case LOOP_RECV:
	case LOOP_RECVMSG:
	case LOOP_TAKE: return POLLIN;
	case LOOP_SPLICE: return op->fd == op->splice.in ? POLLIN : POLLOUT;
	default: return POLLOUT;
	}
}

/* By plain calls where the ring cannot. A single typed receive would need control data of its own for each
 * op: it is rare enough to be done by a plain call. */
static bool takes_plainly(const struct uring *u, const struct loop_op *op)
{
	if (u->take_way != TAKE_LENT)
		return true;
	return op->take.once ? op->take.typed : !u->has_multishot;
}

/* Ops that are done by plain calls when their descriptor is ready. A chain has no place for a limit. */
static bool acts_when_ready(const struct uring *u, const struct loop_op *op)
{
	return (op->kind == LOOP_TAKE && takes_plainly(u, op)) ||
	       (op->kind == LOOP_END && op->due_ms != 0);
}

static void prepare_take(struct uring *u, struct io_uring_sqe *sqe, struct loop_op *op)
{
	if (op->take.once)
		io_uring_prep_recv(sqe, op->fd, NULL, LIM_LOOP_BUF, 0);
	else if (op->take.typed)
		io_uring_prep_recvmsg_multishot(sqe, op->fd, &u->take_msg, 0);
	else
		io_uring_prep_recv_multishot(sqe, op->fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = URING_BUFS_GROUP;
}

#define CMD_SETSOCKOPT 3 /* SOCKET_URING_OP_SETSOCKOPT; liburing 2.3 does not know it */

static void prepare_setsockopt(struct io_uring_sqe *sqe, const struct loop_op *op)
{
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, op->fd, NULL, 0, 0);
	sqe->cmd_op = CMD_SETSOCKOPT;
	sqe->addr = (unsigned)op->opt.level | (uint64_t)(unsigned)op->opt.name << 32;
	sqe->file_index = op->opt.n;
	sqe->addr3 = (uintptr_t)op->opt.val;
}

static void prepare_pass(struct io_uring_sqe *sqe, const struct loop_op *op)
{
	const struct uring *to = op->pass_to->be;

	io_uring_prep_msg_ring(
		sqe, to->ring.ring_fd, (unsigned)op->fd, uring_tag(UR_KIND_PASS, 0, 0), 0);
}

static void prepare(struct uring *u, struct io_uring_sqe *sqe, struct loop_op *op)
{
	if (op->waiting) {
		io_uring_prep_poll_add(sqe, op->fd, (unsigned)events_of(op));
		return;
	}
	switch ((enum loop_kind)op->kind) {
	case LOOP_ACCEPT:
		io_uring_prep_multishot_accept(
			sqe, op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		break;
	case LOOP_RECV: io_uring_prep_recv(sqe, op->fd, op->io.buf, op->io.n, op->io.flags); break;
	case LOOP_SEND: io_uring_prep_send(sqe, op->fd, op->io.buf, op->io.n, op->io.flags); break;
	case LOOP_RECVMSG:
		io_uring_prep_recvmsg(sqe, op->fd, op->msg.msg, (unsigned)op->msg.flags);
		break;
	case LOOP_SENDMSG:
		io_uring_prep_sendmsg(sqe, op->fd, op->msg.msg, (unsigned)op->msg.flags);
		break;
	case LOOP_READY:
		io_uring_prep_poll_add(sqe, op->fd, (unsigned)(unsigned short)op->events);
		break;
	case LOOP_SPLICE:
		io_uring_prep_splice(sqe, op->splice.in, op->splice.in_off, op->splice.out,
			op->splice.out_off, op->splice.n, op->splice.flags | SPLICE_F_NONBLOCK);
		break;
	case LOOP_TAKE: prepare_take(u, sqe, op); break;
	case LOOP_SETSOCKOPT: prepare_setsockopt(sqe, op); break;
	case LOOP_PASS: prepare_pass(sqe, op); break;
	case LOOP_END: /* submit_end */
	case LOOP_IDLE:
	case LOOP_KIND_COUNT: io_uring_prep_nop(sqe); break;
	}
}

/* The time that op has left, as a link behind its entry. */
static void add_limit(struct loop *l, struct loop_op *op, struct io_uring_sqe *sqe)
{
	struct uring *u = l->be;
	struct __kernel_timespec *ts = &u->limits[u->num_limits++ % SQ_ENTRIES];
	uint64_t left = op->due_ms > l->now_ms ? op->due_ms - l->now_ms : 0;

	*ts = (struct __kernel_timespec){ .tv_sec = (long long)(left / 1000),
		.tv_nsec = (long long)(left % 1000) * 1000000 };
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_link_timeout(sqe, ts, 0);
	io_uring_sqe_set_data64(sqe, uring_tag(UR_KIND_LIMIT, 0, 0));
}

#define NUM_LINKS 3 /* of LOOP_END */

static void submit_end(struct uring *u, struct loop_op *op)
{
	struct io_uring_sqe *sqe[NUM_LINKS];

	for (int i = 0; i < NUM_LINKS; i++)
		sqe[i] = io_uring_get_sqe(&u->ring);
	io_uring_prep_sendmsg(sqe[0], op->fd, op->end.msg, MSG_NOSIGNAL);
	io_uring_prep_shutdown(sqe[1], op->fd, SHUT_WR);
	io_uring_prep_close(sqe[2], op->fd);
	for (int i = 0; i < NUM_LINKS; i++) {
		sqe[i]->flags |= i + 1 < NUM_LINKS ? IOSQE_IO_LINK : 0;
		io_uring_sqe_set_data64(sqe[i], uring_slot_tag(&u->slots, op->slot, op->kind));
	}
	op->end.err = 0;
	op->end.left = NUM_LINKS;
}

static int submit_op(struct loop *l, struct loop_op *op)
{
	struct uring *u = l->be;
	struct io_uring_sqe *sqe;

	if (!has_room(u, NUM_LINKS))
		return u->broken ? -u->broken : -EBUSY;
	if (op->kind == LOOP_END && !op->waiting) {
		submit_end(u, op);
		return 0;
	}
	sqe = io_uring_get_sqe(&u->ring);
	prepare(u, sqe, op);
	io_uring_sqe_set_data64(sqe, uring_slot_tag(&u->slots, op->slot, op->kind));
	if (op->due_ms != 0)
		add_limit(l, op, sqe);
	return 0;
}

/* With the first LOOP_TAKE: a loop that receives in other ways needs no buffers. */
static void open_bufs(struct uring *u)
{
	if (u->take_way != TAKE_UNKNOWN)
		return;
	u->take_way = uring_bufs_open(&u->bufs, &u->ring) == 0 ? TAKE_LENT : TAKE_PLAIN;
	u->take_msg.msg_controllen = LOOP_TAKE_CONTROL;
}

static int uring_start(struct loop *l, struct loop_op *op)
{
	struct uring *u = l->be;
	int rc;

	if (op->kind == LOOP_PASS && op->pass_to->ops != &loop_uring_ops) {
		loop_finish_later(l, op, loop_pass_plain(op->pass_to, op->fd));
		return 0;
	}
	rc = uring_slot_take(&u->slots, op, &op->slot);
	if (rc != 0)
		return rc;
	if (op->kind == LOOP_TAKE)
		open_bufs(u);
	op->waiting = acts_when_ready(u, op);
	rc = submit_op(l, op);
	if (rc != 0)
		uring_slot_put(&u->slots, op->slot);
	return rc;
}

static void uring_cancel(struct loop *l, struct loop_op *op)
{
	struct uring *u = l->be;
	struct io_uring_sqe *sqe = next_sqe(u);

	if (sqe == NULL)
		return; /* the ring is broken; wait() says so */
	io_uring_prep_cancel64(sqe, uring_slot_tag(&u->slots, op->slot, op->kind), 0);
	io_uring_sqe_set_data64(sqe, uring_tag(UR_KIND_CANCEL, 0, 0));
}

static void uring_flush(struct loop *l)
{
	struct uring *u = l->be;

	while (io_uring_sq_ready(&u->ring) > 0) {
		int rc = io_uring_submit(&u->ring);

		if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) {
			u->broken = -rc;
			return;
		}
	}
}

/* ---- completions ----------------------------------------------------------------------------- */

static void finish(struct loop *l, struct loop_op *op, int res)
{
	struct uring *u = l->be;

	if (res == -ECANCELED && op->due_ms != 0 && !op->cancelled)
		res = -ETIME;
	uring_slot_put(&u->slots, op->slot);
	loop_finish(l, op, res);
}

/* Submits op once more under the same tag. */
static void again(struct loop *l, struct loop_op *op)
{
	int rc;

	if (op->cancelled) {
		finish(l, op, -ECANCELED);
		return;
	}
	rc = submit_op(l, op);
	if (rc != 0)
		finish(l, op, rc);
}

static bool would_block(const struct loop_op *op, int res)
{
	return (res == -EAGAIN || res == -EINTR) && op->kind != LOOP_READY;
}

/* Submits op again, by way of a poll when it is done by plain calls. */
static void once_more(struct loop *l, struct loop_op *op)
{
	op->waiting = acts_when_ready(l->be, op);
	again(l, op);
}

/* The descriptor became ready for an op of which acts_when_ready is true. */
static int act(struct loop *l, struct loop_op *op)
{
	int res = op->cancelled          ? -ECANCELED
		  : op->kind == LOOP_END ? loop_end_plain(op)
					 : loop_take_plain(l, op);

	if (res == -EAGAIN || res == -EINTR) {
		once_more(l, op);
		return 0;
	}
	if (res <= 0 || op->take.once) {
		finish(l, op, res);
	} else {
		loop_more(l, op, res);
		once_more(l, op);
	}
	return 1;
}

/* One link of a LOOP_END. */
static int on_link(struct loop *l, struct loop_op *op, int res)
{
	if (res < 0 && op->end.err == 0)
		op->end.err = res;
	if (--op->end.left > 0)
		return 0;
	if (would_block(op, op->end.err)) {
		op->waiting = op->end.err == -EAGAIN;
		again(l, op);
		return 0;
	}
	finish(l, op, op->end.err);
	return 1;
}

/* What the ring could not do is done here and now. */
static int do_plainly(struct loop_op *op, int res)
{
	if (op->kind == LOOP_SETSOCKOPT && (res == -EOPNOTSUPP || res == -EINVAL))
		return loop_setsockopt_plain(op);
	if (op->kind == LOOP_PASS && res < 0 && res != -ECANCELED)
		return loop_pass_plain(op->pass_to, op->fd);
	return res;
}

/* What a multishot recvmsg left in a buffer: header, room for control data, payload. */
static int open_message(struct loop *l, uint8_t *buf, int res)
{
	struct uring *u = l->be;
	struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buf, res, &u->take_msg);
	struct msghdr m = { 0 };

	if (out == NULL)
		return -EBADMSG;
	m.msg_control = buf + sizeof(*out);
	m.msg_controllen = out->controllen;
	l->piece = (struct loop_piece){
		.p = io_uring_recvmsg_payload(out, &u->take_msg),
		.n = io_uring_recvmsg_payload_length(out, res, &u->take_msg),
		.type = loop_record_type(&m),
		.record_end = (out->flags & MSG_EOR) != 0,
	};
	return (int)l->piece.n;
}

/* The bytes of a lent buffer become l->piece. Returns their number; 0: the end of the stream. */
static int open_lent(struct loop *l, const struct loop_op *op, uint8_t *buf, int res)
{
	if (res <= 0)
		return res;
	if (op->take.typed)
		return open_message(l, buf, res);
	l->piece = (struct loop_piece){ .p = buf, .n = (size_t)res };
	return res;
}

/* Returns the number of callbacks made. op may be gone afterwards. */
static int on_take(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct uring *u = l->be;
	uint8_t *buf = uring_bufs_find(&u->bufs, flags);
	bool more = flags & IORING_CQE_F_MORE, once = op->take.once;
	int num = 1;

	if (buf != NULL)
		res = open_lent(l, op, buf, res);
	if (once && res != -ENOBUFS)
		finish(l, op, res);
	else if (res > 0)
		loop_more(l, op, res);
	else
		num = 0;
	if (buf != NULL)
		uring_bufs_give_back(&u->bufs, flags);
	if (more || (once && num > 0))
		return num;
	if (res > 0 || res == -ENOBUFS) {
		once_more(l, op);
		return num;
	}
	finish(l, op, res);
	return 1;
}

/* Returns the number of callbacks made. */
static int on_cqe(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	if (op->waiting) {
		/* The stand-in fired. An error of the poll itself is the descriptor's: the operation
		 * would meet it too and report it better, unless there is no descriptor any more. */
		op->waiting = false;
		if (res < 0 && res != -EINTR && res != -EAGAIN)
			finish(l, op, res);
		else if (acts_when_ready(l->be, op))
			return act(l, op);
		else
			again(l, op);
		return 1;
	}
	if (op->kind == LOOP_END)
		return on_link(l, op, res);
	if (would_block(op, res)) {
		op->waiting = res == -EAGAIN;
		again(l, op);
		return 0;
	}
	if (op->kind == LOOP_TAKE)
		return on_take(l, op, res, flags);
	if (op->kind == LOOP_ACCEPT && res >= 0) {
		loop_more(l, op, res);
		if (!(flags & IORING_CQE_F_MORE))
			again(l, op);
		return 1;
	}
	if (flags & IORING_CQE_F_MORE) {
		loop_more(l, op, res);
		return 1;
	}
	res = do_plainly(op, res);
	/* A splice in a kernel worker that was told to stop. */
	finish(l, op, op->cancelled && res == -EINTR ? -ECANCELED : res);
	return 1;
}

static int deliver(struct loop *l)
{
	struct uring *u = l->be;
	struct io_uring_cqe *cqe;
	int num = 0;

	for (int i = 0; i < ROUND_MAX && io_uring_peek_cqe(&u->ring, &cqe) == 0; i++) {
		uint64_t tag = io_uring_cqe_get_data64(cqe);
		int res = cqe->res;
		unsigned flags = cqe->flags;
		struct loop_op *op;

		/* Given back before the callback: it may submit and need the room. */
		io_uring_cqe_seen(&u->ring, cqe);
		if (uring_tag_kind(tag) == UR_KIND_PASS) {
			loop_passed(l, res);
			num++;
			continue;
		}
		op = uring_slot_find(&u->slots, tag);
		if (op != NULL)
			num += on_cqe(l, op, res, flags);
		else if (uring_bufs_find(&u->bufs, flags) != NULL)
			uring_bufs_give_back(&u->bufs, flags);
	}
	return num;
}

static int uring_wait(struct loop *l, int timeout_ms)
{
	struct uring *u = l->be;
	struct io_uring_cqe *cqe = NULL;
	struct __kernel_timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long long)(timeout_ms % 1000) * 1000000,
	};
	int rc;

	if (u->broken)
		return -u->broken;
	if (timeout_ms == 0)
		rc = io_uring_submit_and_get_events(&u->ring);
	else
		rc = io_uring_submit_and_wait_timeout(
			&u->ring, &cqe, 1, timeout_ms < 0 ? NULL : &ts, NULL);
	loop_tick(l);
	if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) {
		u->broken = -rc;
		return rc;
	}
	return deliver(l);
}

static void uring_close(struct loop *l)
{
	struct uring *u = l->be;

	/* Descriptors that were sent to this loop and not delivered. */
	if (u->broken == 0 && io_uring_submit_and_get_events(&u->ring) >= 0)
		(void)deliver(l);
	uring_bufs_close(&u->bufs, &u->ring);
	io_uring_queue_exit(&u->ring);
	uring_slots_clear(&u->slots);
	leat_free(u);
	l->be = NULL;
}

const struct loop_backend_ops loop_uring_ops = {
	.name = "io_uring",
	.blocks_on_disk = false,
	.open = uring_open,
	.close = uring_close,
	.start = uring_start,
	.cancel = uring_cancel,
	.flush = uring_flush,
	.wait = uring_wait,
};
