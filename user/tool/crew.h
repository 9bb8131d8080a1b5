/* SPDX-License-Identifier: Apache-2.0
 *
 * crew.h - the threads of a server: each has a loop and a listener of its own on the same address
 * (SO_REUSEPORT), so the kernel spreads connections (by its hash, or as steer.h says) and nothing is shared on the
 * way. What is done with a
 * connection is the server's affair (struct crew_ops); the crew counts them, stops accepting at the bound,
 * takes the signals and sees everybody out.
 *
 * The first SIGTERM or SIGINT: listeners close, crew_ops.stop, and after grace_ms crew_ops.kill; the second:
 * kill now. Signals are taken by sigtimedwait in the main thread, no handler runs in the middle of anything.
 *
 * A member is touched by its own thread only, but for crew_conn_gone's counter and what stands under lock.
 */
#ifndef LEAT_TOOL_CREW_H
#define LEAT_TOOL_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "loop/loop.h"
#include "tool/listen.h"
#include "tool/steering.h"

struct crew;

struct crew_member {
	struct crew *crew;
	unsigned id;
	void *own; /* the server's part; set by crew_ops.open */
	struct loop *loop;
	bool stopped;
	/* below: the crew's */
	pthread_t thread;
	bool started, may_wake; /* the second under crew.lock */
	int lfd;
	unsigned num_conns;
	bool accepting;
	bool killed; /* what still comes is turned away */
	struct loop_op accept;
	struct loop_timer retry; /* accept again after it ran out of something */
	struct loop_timer grace;
};

struct crew_ops {
	/* In the member's thread, when its loop stands: sets m->own. 0 or an errno. */
	int (*open)(struct crew_member *m);
	/* Frees m->own, if there is one: connections and loop are gone. */
	void (*close)(struct crew_member *m);
	/* A connection; takes fd. Its end is told by crew_conn_gone, once. */
	void (*conn)(struct crew_member *m, int fd);
	/* No more will come: finish what is going on. */
	void (*stop)(struct crew_member *m);
	/* End all that is left now. */
	void (*kill)(struct crew_member *m);
};

struct crew {
	const struct crew_ops *ops;
	void *arg; /* the server's */
	const struct args *args;
	const char *host;
	uint16_t port;         /* 0: a free one; the one got, after the start */
	unsigned num;          /* threads; 0: one per CPU this process may use */
	unsigned max_conns;    /* at once; cut to what descriptors allow */
	unsigned fds_per_conn; /* how many one may need */
	int grace_ms;
	enum loop_backend loop;
	struct steering steering;
	char addr[LISTEN_TEXT]; /* where it listens */
	/* below: the crew's */
	struct crew_member *members;
	atomic_uint num_conns;
	atomic_bool stopping, stop_now;
	pthread_mutex_t lock;
	pthread_cond_t news;
	unsigned num_ready, num_ended;
	int err; /* errno of the first member that could not go on */
};

/* Opens listeners and starts the threads. 0, or an exit code after saying why; crew_clear in either case. */
int crew_start(struct crew *c);
/* Returns the exit code when a signal has ended it all. */
int crew_wait(struct crew *c);
void crew_clear(struct crew *c);
/* A connection that crew_ops.conn was given has ended: its place may be taken by the next. */
void crew_conn_gone(struct crew_member *m);

#endif
