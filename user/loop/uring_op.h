/* SPDX-License-Identifier: Apache-2.0
 *
 * uring_op.h - the identity of io_uring operations: slots, generations, tags.
 *
 * The kernel knows an operation by 64 bits only. They name a slot and the generation of its use, so
 * a completion (or a cancellation) that comes late for a slot used again is recognised and ignored.
 * Pure bookkeeping: no ring, no system call.
 *
 * user_data = kind:8 | generation:24 | slot:32
 */
#ifndef LEAT_LOOP_URING_OP_H
#define LEAT_LOOP_URING_OP_H

#include <stddef.h>
#include <stdint.h>

struct loop_op;

/* Tag kinds that are not enum loop_kind: entries whose completion nobody waits for. */
#define UR_KIND_CANCEL 0xff
#define UR_KIND_LIMIT  0xfe
/* A descriptor that another ring sent. */
#define UR_KIND_PASS 0xfd

struct uring_slot {
	struct loop_op *op; /* NULL: free */
	uint32_t gen;       /* of the present or, when free, the next use; 24 bits are used */
	uint32_t next_free;
};

/* Zero state is the empty table. */
struct uring_slots {
	struct uring_slot *v;
	uint32_t num;
	uint32_t free; /* 1 + first free slot; 0 for none */
};

static inline uint64_t uring_tag(uint8_t kind, uint32_t gen, uint32_t slot)
{
	return (uint64_t)kind << 56 | (uint64_t)(gen & 0xffffff) << 32 | slot;
}

static inline uint8_t uring_tag_kind(uint64_t tag)
{
	return (uint8_t)(tag >> 56);
}

/* A slot for op, or -ENOMEM. */
int uring_slot_take(struct uring_slots *s, struct loop_op *op, uint32_t *slot);
/* Frees the slot; tags of this use are stale from now on. */
void uring_slot_put(struct uring_slots *s, uint32_t slot);
/* The tag of the slot's present use. */
uint64_t uring_slot_tag(const struct uring_slots *s, uint32_t slot, uint8_t kind);
/* The op a completion belongs to, or NULL for a stale or foreign tag. */
struct loop_op *uring_slot_find(const struct uring_slots *s, uint64_t tag);
void uring_slots_clear(struct uring_slots *s);

#endif
