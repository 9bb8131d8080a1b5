/* SPDX-License-Identifier: Apache-2.0
 *
 * ring.h - doubly linked lists through members of the things in them. The head is a member of its own. Private to
 * sock/.
 */
#ifndef LEAT_SOCK_RING_H
#define LEAT_SOCK_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring {
	struct ring *prev, *next;
};

static inline void ring_init(struct ring *head)
{
	head->prev = head->next = head;
}

static inline void ring_add(struct ring *head, struct ring *r) /* last */
{
	r->prev = head->prev;
	r->next = head;
	head->prev->next = r;
	head->prev = r;
}

static inline void ring_remove(struct ring *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
}

/* NULL: the ring is empty. */
static inline struct ring *ring_first(const struct ring *head)
{
	return head->next == head ? NULL : head->next;
}

/* The struct of this type whose member r is; r may be NULL. */
#define RING_OF(r, type, member)                                                         \
	({                                                                               \
		struct ring *ring_ = (r);                                                \
		ring_ ? (type *)(void *)((char *)ring_ - offsetof(type, member)) : NULL; \
	})

#endif
