/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_idle.h - connections of one worker that wait for their next request, in as few bytes as will do (decision
 * 0080). serve_conn.c gives a connection away after a second without a byte; the first byte makes one of it again.
 *
 *	conn (PH_HEAD) --- idle_add: nothing is under way -->  idle_conn
 *	conn (PH_HEAD) <-- conn_again: readable ------------   idle_conn
 *	conn (PH_CLOSE) <- conn_again: overdue, stopping ---   idle_conn
 *
 * Not for HTTP/2, whose session holds state of its own.
 */
#ifndef LEAT_TOOL_SERVE_IDLE_H
#define LEAT_TOOL_SERVE_IDLE_H

#include "loop/loop.h"

struct conn;
struct idle_conn;
struct worker;

/* After so long without a byte a connection is worth the work of packing it. */
#define IDLE_AFTER_MS 1000

/* In struct worker. */
struct idle_list {
	struct idle_conn *first, **last; /* longest waiting first */
	struct loop_timer timer;         /* until the first is overdue */
	unsigned num;
	bool killed; /* none is to come back */
};

void idle_init(struct worker *w);
/* Takes over what c holds and frees it. false: no memory, or c cannot rest; nothing happened. c->op is idle. */
bool idle_add(struct conn *c);
/* All of them say goodbye. */
void idle_stop(struct worker *w);
/* All of them end now. */
void idle_kill(struct worker *w);

#endif
