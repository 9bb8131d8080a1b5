/* SPDX-License-Identifier: Apache-2.0
 *
 * timer.h - deadlines of one loop: an intrusive pairing heap ordered by due time.
 *
 * Nodes live in the caller's objects, so arming a deadline allocates nothing and cannot fail, and
 * a server with ten thousand connections pays for the deadlines it moves, not for those it has.
 * Knows no clock: times are plain milliseconds handed in by loop.c. Not thread-safe.
 */
#ifndef LEAT_LOOP_TIMER_H
#define LEAT_LOOP_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One node. Zero state is "not armed". Do not move an armed node in memory. */
struct timer_node {
	uint64_t due_ms;
	struct timer_node *child; /* first child */
	struct timer_node *next;  /* next sibling */
	struct timer_node *prev;  /* previous sibling, or the parent when this is its first child */
	bool armed;
};

/* Zero state is the empty heap. */
struct timer_heap {
	struct timer_node *root;
	size_t num;
};

/* Arms n for due_ms; an armed node is moved. */
void timer_set(struct timer_heap *h, struct timer_node *n, uint64_t due_ms);
/* Disarms n; harmless on a node that is not armed. */
void timer_unset(struct timer_heap *h, struct timer_node *n);
/* The node that is due first, or NULL. */
static inline struct timer_node *timer_first(const struct timer_heap *h)
{
	return h->root;
}
/* Milliseconds from now_ms until the first deadline, 0 when it has passed, -1 when there is none.
 * Never more than INT32_MAX. */
int timer_wait_ms(const struct timer_heap *h, uint64_t now_ms);

#endif
