/* SPDX-License-Identifier: Apache-2.0
 *
 * timer.c - the pairing heap of timer.h. Insert and meld are O(1), removal O(log n) amortised.
 * Recursion-free: a peer that opens many connections must not choose our stack depth.
 */
#include "loop/timer.h"

/* Makes the later of two roots the first child of the earlier. Either may be NULL. */
static struct timer_node *meld(struct timer_node *a, struct timer_node *b)
{
	struct timer_node *late;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (b->due_ms < a->due_ms) {
		late = a;
		a = b;
	} else {
		late = b;
	}
	late->next = a->child;
	if (late->next != NULL)
		late->next->prev = late;
	late->prev = a;
	a->child = late;
	a->next = NULL;
	a->prev = NULL;
	return a;
}

/* The two-pass merge of a list of siblings into one root. */
static struct timer_node *meld_siblings(struct timer_node *first)
{
	struct timer_node *pairs = NULL; /* a stack through next: the last pair is merged first */
	struct timer_node *root = NULL;

	while (first != NULL) {
		struct timer_node *a = first;
		struct timer_node *b = a->next;
		struct timer_node *pair;

		first = b != NULL ? b->next : NULL;
		a->next = NULL;
		a->prev = NULL;
		if (b != NULL) {
			b->next = NULL;
			b->prev = NULL;
		}
		pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs != NULL) {
		struct timer_node *rest = pairs->next;

		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = rest;
	}
	return root;
}

void timer_unset(struct timer_heap *h, struct timer_node *n)
{
	struct timer_node *sub;

	if (!n->armed)
		return;
	sub = meld_siblings(n->child);
	if (n == h->root) {
		h->root = sub;
	} else {
		if (n->prev->child == n)
			n->prev->child = n->next;
		else
			n->prev->next = n->next;
		if (n->next != NULL)
			n->next->prev = n->prev;
		h->root = meld(h->root, sub);
	}
	h->num--;
	*n = (struct timer_node){ .due_ms = n->due_ms };
}

void timer_set(struct timer_heap *h, struct timer_node *n, uint64_t due_ms)
{
	timer_unset(h, n);
	*n = (struct timer_node){ .due_ms = due_ms, .armed = true };
	h->root = meld(h->root, n);
	h->num++;
}

int timer_wait_ms(const struct timer_heap *h, uint64_t now_ms)
{
	uint64_t left;

	if (h->root == NULL)
		return -1;
	if (h->root->due_ms <= now_ms)
		return 0;
	left = h->root->due_ms - now_ms;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}
