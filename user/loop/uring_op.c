/* SPDX-License-Identifier: Apache-2.0
 *
 * uring_op.c - the slot table of uring_op.h. Slots are never given back to the heap before the loop
 * ends: a late completion must always find its generation.
 */
#include "loop/uring_op.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "loop/loop.h"

#define SLOTS_MIN 64

static int grow(struct uring_slots *s)
{
	uint32_t num = s->num ? s->num * 2 : SLOTS_MIN;
	struct uring_slot *v;

	if (num <= s->num)
		return -ENOMEM;
	v = leat_array(num, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	if (s->num > 0)
		memcpy(v, s->v, s->num * sizeof(*v));
	/* Lowest first, so that a small server stays in few cache lines. */
	for (uint32_t i = num; i > s->num; i--) {
		v[i - 1].next_free = s->free;
		s->free = i;
	}
	leat_free(s->v);
	s->v = v;
	s->num = num;
	return 0;
}

int uring_slot_take(struct uring_slots *s, struct loop_op *op, uint32_t *slot)
{
	uint32_t i;
	int rc;

	if (s->free == 0 && (rc = grow(s)) != 0)
		return rc;
	i = s->free - 1;
	s->free = s->v[i].next_free;
	s->v[i].op = op;
	*slot = i;
	return 0;
}

void uring_slot_put(struct uring_slots *s, uint32_t slot)
{
	struct uring_slot *v = &s->v[slot];

	v->op = NULL;
	v->gen++;
	v->next_free = s->free;
	s->free = slot + 1;
}

uint64_t uring_slot_tag(const struct uring_slots *s, uint32_t slot, uint8_t kind)
{
	return uring_tag(kind, s->v[slot].gen, slot);
}

struct loop_op *uring_slot_find(const struct uring_slots *s, uint64_t tag)
{
	uint32_t slot = (uint32_t)tag;

	if (slot >= s->num || s->v[slot].op == NULL)
		return NULL;
	if (uring_slot_tag(s, slot, s->v[slot].op->kind) != tag)
		return NULL;
	return s->v[slot].op;
}

void uring_slots_clear(struct uring_slots *s)
{
	leat_free(s->v);
	*s = (struct uring_slots){ 0 };
}
