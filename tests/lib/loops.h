/* SPDX-License-Identifier: Apache-2.0
 *
 * loops.h - what tests of user/loop share: every test runs on both backends (LOOPS_BOTH), and what
 * completions said is noted.
 */
#ifndef TESTS_LOOPS_H
#define TESTS_LOOPS_H

#include "vec.h"

#include <netinet/in.h>

#include "loop/loop.h"

/* Two entries of a table of tests; *state is the backend. */
#define LOOPS_BOTH(fn)                                      \
	{ #fn "_uring", fn, NULL, NULL, &loops_on_uring },  \
	{                                                   \
#fn "_poll", fn, NULL, NULL, &loops_on_poll \
	}
extern enum loop_backend loops_on_uring, loops_on_poll;

/* A loop of the test's backend; skips the test where there is none. */
struct loop *loops_open(void **state);

/* What an op's completions left behind. */
struct loops_seen {
	int calls, last, more;
	int fds[64];
};

/* An op that notes into s. */
struct loop_op loops_op(struct loops_seen *s);
void loops_note(struct loop *l, struct loop_op *op, int res, unsigned flags);
/* Rounds until *flag reaches want; a loop that stands still fails the test. */
void loops_until(struct loop *l, const int *flag, int want);
void loops_quiet(struct loop *l, int rounds);

/* Two connected sockets, non-blocking. */
void loops_pair(int sv[2]);
/* A listener on loopback, non-blocking, and a blocking connection to it. */
int loops_listener(struct sockaddr_in *addr);
int loops_dial(const struct sockaddr_in *addr);
/* Bytes at..at+n of an endless pattern. */
void loops_fill(uint8_t *p, size_t n, size_t at);

#endif
