/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_int.h - what loop.c and its two backends share. Included by nobody else.
 */
#ifndef LEAT_LOOP_INT_H
#define LEAT_LOOP_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "loop/loop.h"

/* A backend. start and cancel never call back; wait delivers through loop_finish and loop_more. */
struct loop_backend_ops {
	const char *name;
	bool blocks_on_disk;
	int (*open)(struct loop *l); /* 0 or a negative errno; sets l->be */
	void (*close)(struct loop *l);
	/* Takes a busy op. A negative errno refuses it: the caller then queues that as its result. */
	int (*start)(struct loop *l, struct loop_op *op);
	/* op->cancelled is set already. */
	void (*cancel)(struct loop *l, struct loop_op *op);
	/* After this, nothing the backend holds names a descriptor by number for a cancelled op. */
	void (*flush)(struct loop *l);
	/* Waits up to timeout_ms, calls loop_tick, delivers. Number of callbacks or a negative errno. */
	int (*wait)(struct loop *l, int timeout_ms);
};

extern const struct loop_backend_ops loop_uring_ops;
extern const struct loop_backend_ops loop_poll_ops;

/* Per descriptor number. */
struct loop_fd {
	struct loop_op *first; /* busy ops filed under it, oldest first */
};

/* FIFO of ops through q_next. */
struct loop_queue {
	struct loop_op *first, **tail;
	size_t num;
};

struct loop {
	const struct loop_backend_ops *ops;
	void *be;
	struct loop_fd *fds;
	size_t num_fds;
	size_t num_busy;
	struct loop_queue ended; /* results known, to be delivered in the next round */
	struct timer_heap timers;
	uint64_t now_ms;
	atomic_bool stop;
	atomic_bool woken;
	int wake_fd;
	struct loop_op wake_op;
	void (*on_wake)(struct loop *l, void *arg);
	void *wake_arg;
	struct loop_piece piece; /* being lent */
	uint8_t *take_buf;       /* of loop_take_plain; NULL until needed */
	void (*on_pass)(struct loop *l, int fd, void *arg);
	void *pass_arg;
	pthread_mutex_t passed_lock;
	int *passed; /* under passed_lock: descriptors from other loops that were not brought by a ring */
	size_t num_passed, cap_passed;
	char why[160];
};

void loop_queue_init(struct loop_queue *q);
void loop_queue_push(struct loop_queue *q, struct loop_op *op);
/* Takes op out of the queue it stands in. */
void loop_queue_drop(struct loop_queue *q, struct loop_op *op);

/* Reads the clock; deadlines set by callbacks count from here. */
void loop_tick(struct loop *l);
/* The final completion: op becomes idle, then its owner is called; op is not touched afterwards. */
void loop_finish(struct loop *l, struct loop_op *op, int res);
/* The same, but in the next round. For backends that learn a result inside start or cancel. */
void loop_finish_later(struct loop *l, struct loop_op *op, int res);
/* A completion that leaves op busy. */
void loop_more(struct loop *l, struct loop_op *op, int res);

/* ---- loop_plain.c ---------------------------------------------------------------------------- */

/* Room for one record type. */
#define LOOP_TAKE_CONTROL CMSG_SPACE(1)
/* Pieces taken per descriptor and round by plain calls, so that a flood does not starve the rest. */
#define LOOP_TAKE_BURST 16

/* The record type in m's control data, 0: none. */
uint8_t loop_record_type(struct msghdr *m);
/* One piece by one call: the bytes at l->piece, 0, or a negative errno (-EAGAIN: nothing there). */
int loop_take_plain(struct loop *l, const struct loop_op *op);
/* Pieces until nothing is there; finishes op if it has come to its end. Number of callbacks. */
int loop_take_all(struct loop *l, struct loop_op *op);
/* Each returns the result of the op; loop_end_plain perhaps -EAGAIN. */
int loop_setsockopt_plain(const struct loop_op *op);
int loop_end_plain(const struct loop_op *op);
/* Any thread. */
int loop_pass_plain(struct loop *to, int fd);
/* In l's thread: fd came from another loop. */
void loop_passed(struct loop *l, int fd);
void loop_deliver_passed(struct loop *l);

#endif
