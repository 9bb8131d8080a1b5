/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - one event loop: accept, receive, send, splice, poll, deadlines, cancellation, wake-ups,
 * over io_uring, or over poll(2) where io_uring is forbidden or too old. Both obey the contract
 * below and pass the same tests (tests/unit/t_loop.c); poll(2) is the oracle of the other.
 *
 * Knows nothing of TLS. Callers: sock/ and the servers in tool/.
 *
 * The contract
 *  - An operation is a struct loop_op inside the caller's object. A start function takes it from
 *    idle to busy. From then on the op, and every buffer, msghdr and iovec given with it, belongs to
 *    the loop until its last completion.
 *  - Starting cannot fail and never calls back: whatever is wrong (no memory, bad descriptor)
 *    arrives as the completion. Every busy op gets exactly one completion without LOOP_MORE; within
 *    that call the op is idle again: it may be restarted, or the memory that holds it freed.
 *  - A completion carries what the system call would have returned, errors as -errno. Counts may be
 *    short. EINTR and EAGAIN are never seen: the loop waits and tries again.
 *  - loop_cancel asks; the completion still arrives, later, with -ECANCELED and nothing transferred,
 *    or with the result if that was faster. No byte is lost either way.
 *  - At most one receiving and one sending op per descriptor at a time: io_uring gives no order
 *    between two (and a short send does not stop the next one).
 *  - Descriptors should be O_NONBLOCK. A regular file as the source of a splice may still wait for
 *    the disk: with io_uring in a kernel worker, with poll(2) in this thread (loop_blocks_on_disk).
 *  - One loop belongs to the thread that called loop_new. Only loop_wake and loop_stop may be called
 *    from elsewhere, signal handlers included.
 *
 * Seats kept for later: direct descriptors.
 */
#ifndef LEAT_LOOP_H
#define LEAT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop/timer.h"

struct loop;
struct loop_op;

enum loop_backend {
	LOOP_AUTO,  /* io_uring, else poll(2); loop_why() says why not the first */
	LOOP_URING, /* io_uring or nothing */
	LOOP_POLL,  /* poll(2) */
};

enum loop_kind {
	LOOP_IDLE = 0,
	LOOP_ACCEPT,
	LOOP_RECV,
	LOOP_SEND,
	LOOP_RECVMSG,
	LOOP_SENDMSG,
	LOOP_READY, /* poll(2) events on a descriptor */
	LOOP_SPLICE,
	LOOP_TAKE, /* receiving into buffers of the loop */
	LOOP_SETSOCKOPT,
	LOOP_END,  /* a last message, shutdown, close */
	LOOP_PASS, /* a descriptor to another loop */
	LOOP_KIND_COUNT
};

/* Completion flags. */
#define LOOP_MORE 1u /* not the last completion: the op stays busy */

/* Called on the loop's thread. res: see the start functions. arg: op->arg. */
typedef void loop_fn(struct loop *l, struct loop_op *op, int res, unsigned flags);

struct loop_op {
	loop_fn *done; /* set by the caller before starting */
	void *arg;     /* the caller's */

	/* Everything below is the loop's. Zero state is idle. */
	uint8_t kind;                  /* enum loop_kind */
	bool cancelled;                /* asked for */
	bool waiting;                  /* uring: a poll stands in for the operation after EAGAIN */
	uint32_t slot;                 /* uring: index of the slot that points here */
	int fd;                        /* the descriptor the op is filed under and waits for */
	int res;                       /* result, while queued for delivery */
	uint64_t due_ms;               /* loop_limit; 0: none */
	struct loop_op *next, **pprev; /* ops of the same descriptor */
	struct loop_op *q_next, **q_pprev; /* the queue the op stands in, if any */
	union {
		struct {
			void *buf;
			size_t n;
			int flags;
		} io;
		struct {
			struct msghdr *msg;
			int flags;
		} msg;
		short events;
		struct {
			int in, out;
			int64_t in_off, out_off;
			uint32_t n;
			uint32_t flags;
		} splice;
		struct {
			bool typed, once;
		} take;
		struct {
			const void *val;
			int level, name;
			uint32_t n;
		} opt;
		struct {
			struct msghdr *msg;
			int err;       /* uring: of the first link that failed */
			unsigned left; /* uring: links without a completion */
		} end;
		struct loop *pass_to;
	};
};

/* What a LOOP_TAKE lends until its callback returns. */
struct loop_piece {
	const uint8_t *p;
	size_t n;
	uint8_t type; /* loop_take typed: the TLS record type as the kernel tells it; 0: it told none */
	bool record_end; /* the same: MSG_EOR */
};

static inline bool loop_op_busy(const struct loop_op *op)
{
	return op->kind != LOOP_IDLE;
}

/* loop_new makes a loop for the calling thread. NULL: *err is a negative errno (for LOOP_URING that
 * of io_uring_setup, or -EOPNOTSUPP where the kernel's io_uring lacks what is needed). */
struct loop *loop_new(enum loop_backend want, int *err);
/* loop_free cancels every busy op, delivers all completions (callbacks must not start new ops
 * without end), and frees. NULL is fine. Timers are dropped silently. */
void loop_free(struct loop *l);

/* "io_uring" or "poll". */
const char *loop_name(const struct loop *l);
/* Why LOOP_AUTO did not take io_uring, as a sentence; "" when it did. */
const char *loop_why(const struct loop *l);
/* A cold file given to loop_splice stops this loop until the disk answers. */
bool loop_blocks_on_disk(const struct loop *l);

/* ---- operations ------------------------------------------------------------------------------ */

/* Every connection arriving at listening socket fd (O_NONBLOCK, else -EINVAL): res is a new descriptor (close-on-exec and
 * non-blocking) with LOOP_MORE. Ends with the first error, -EMFILE and -ENFILE among them: the
 * connection stays in the backlog; start again after something was closed. */
void loop_accept(struct loop *l, struct loop_op *op, int fd);
/* res: bytes, 0 at end of stream. */
void loop_recv(struct loop *l, struct loop_op *op, int fd, void *buf, size_t n);
/* res: bytes taken, maybe fewer than n. No SIGPIPE. flags: MSG_MORE or 0. */
void loop_send(struct loop *l, struct loop_op *op, int fd, const void *buf, size_t n, int flags);
/* With control data (record types). msg->msg_controllen is an input: reset it before each use. */
void loop_recvmsg(struct loop *l, struct loop_op *op, int fd, struct msghdr *msg, int flags);
void loop_sendmsg(struct loop *l, struct loop_op *op, int fd, struct msghdr *msg, int flags);
/* Everything that arrives at fd, in pieces of up to LIM_LOOP_BUF bytes that the loop lends: each with
 * LOOP_MORE, res bytes at loop_piece. Nothing is held while nothing arrives. The end is 0 (of the stream) or
 * an error. typed: with record types, for sockets whose records the kernel opens; without, a control
 * record ends it with -EIO, as with recv(2). After loop_cancel the pieces that had arrived still come, then
 * -ECANCELED: what is not taken stays in the socket, for the next op. */
void loop_take(struct loop *l, struct loop_op *op, int fd, bool typed);
/* The same for one piece: res bytes, 0 or an error, without LOOP_MORE. */
void loop_take_once(struct loop *l, struct loop_op *op, int fd, bool typed);
/* Within the callback of a loop_take that says res > 0. */
const struct loop_piece *loop_piece(const struct loop *l);
/* Once, when any of events (POLLIN, POLLOUT, POLLRDHUP) is true; res: the events seen, POLLERR and
 * POLLHUP included. */
void loop_ready(struct loop *l, struct loop_op *op, int fd, short events);
/* Moves up to n bytes; one side is a pipe. Offsets as splice(2), -1 for none. flags:
 * SPLICE_F_MORE, SPLICE_F_MOVE. Where it would block, the loop waits for `in` when wait_in is set,
 * else for `out`. The op is filed under that descriptor. res: bytes, 0 at end of input. */
void loop_splice(struct loop *l, struct loop_op *op, int in, int64_t in_off, int out,
	int64_t out_off, uint32_t n, unsigned flags, bool wait_in);

/* setsockopt(2): res 0 or an error. val stays until then. Linux 6.7's ring does it, also for keys of kernel
 * TLS; else it is a plain call. */
void loop_setsockopt(
	struct loop *l, struct loop_op *op, int fd, int level, int name, const void *val, size_t n);
/* The proper end of a connection: sends msg (an alert: too small to be sent in part), then shutdown(SHUT_WR),
 * then close, each only if the one before worked. res 0: fd is gone. Else the first error, and fd is still
 * open, -ECANCELED included. No other op on fd. */
void loop_end(struct loop *l, struct loop_op *op, int fd, struct msghdr *msg);
/* Hands fd to another thread's loop, whose loop_on_pass function gets it. res 0: it is theirs; an error: it is
 * still the caller's. `to` must live until the completion. A loop that ends closes what it was not asked
 * about any more. */
void loop_pass(struct loop *l, struct loop_op *op, struct loop *to, int fd);
void loop_on_pass(struct loop *l, void (*fn)(struct loop *l, int fd, void *arg), void *arg);

/* Just before starting op: it will end with -ETIME when ms have passed before it is through; as with
 * loop_cancel, what was transferred by then is told instead. Not for what completes more than once. */
void loop_limit(struct loop *l, struct loop_op *op, uint32_t ms);

/* Asks for the end of a busy op; harmless on an idle one, and when asked twice. */
void loop_cancel(struct loop *l, struct loop_op *op);
/* Cancels every op filed under fd, then closes it. Their completions arrive later and cannot touch a
 * new descriptor that got the same number. */
void loop_close(struct loop *l, int fd);

/* Number of busy ops, the loop's own excluded. */
size_t loop_num_busy(const struct loop *l);

/* ---- deadlines ------------------------------------------------------------------------------- */

struct loop_timer;
typedef void loop_timer_fn(struct loop *l, struct loop_timer *t);

/* In the caller's object; zero state plus fn is ready for loop_timer_start. */
struct loop_timer {
	struct timer_node node; /* must stay first */
	loop_timer_fn *fn;      /* called once when due, unarmed by then */
	void *arg;              /* the caller's */
};

/* Arms or moves the deadline to delay_ms after loop_now_ms. */
void loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ms);
/* After this it does not fire; harmless when unarmed. */
void loop_timer_stop(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t)
{
	return t->node.armed;
}
/* Monotonic milliseconds as of the start of this round of the loop. */
uint64_t loop_now_ms(const struct loop *l);

/* ---- running --------------------------------------------------------------------------------- */

/* One round: submits, waits up to timeout_ms (-1: until something happens, 0: not at all), delivers
 * what is ready. Returns the number of callbacks made, or a negative errno (the loop is broken). */
int loop_run_once(struct loop *l, int timeout_ms);
/* Rounds until loop_stop. Returns 0, or a negative errno. */
int loop_run(struct loop *l);

/* Makes loop_run return after the current round; sticky until then. Any thread, any signal handler. */
void loop_stop(struct loop *l);
/* Makes the loop's thread call its on_wake function soon; several calls may become one. Any thread,
 * any signal handler. */
void loop_wake(struct loop *l);
void loop_on_wake(struct loop *l, void (*fn)(struct loop *l, void *arg), void *arg);

#endif
