/* SPDX-License-Identifier: Apache-2.0
 *
 * attach.c - see attach.h. The order of everything about a seat is sequentially consistent: a reader says
 * that it is there and then looks which seat is in force, a writer looks whether somebody is there and
 * then says which seat is in force, and one of them must see the other.
 */
#include "x509/attach.h"

#include <string.h>

#include "base/mem.h"

/* ---- a set ---- */

static bool put(struct leat_span *to, struct leat_span from)
{
	uint8_t *copy = from.n ? leat_dup(from.p, from.n) : NULL;

	if (from.n && !copy)
		return false;
	leat_free((void *)to->p);
	*to = (struct leat_span){ copy, from.n };
	return true;
}

struct attach *attach_new(const struct attach *old)
{
	struct attach *a = leat_zalloc(sizeof(*a));
	bool ok = a;

	if (a)
		atomic_init(&a->refs, 1);
	for (size_t i = 0; ok && old && i < LIM_CHAIN; i++) {
		ok = put(&a->status[i], old->status[i]);
		a->from_s[i] = old->from_s[i];
		a->until_s[i] = old->until_s[i];
	}
	if (ok && old)
		ok = put(&a->sct, old->sct);
	if (ok)
		return a;
	attach_unref(a);
	return NULL;
}

struct attach *attach_ref(struct attach *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void attach_unref(struct attach *a)
{
	if (!a || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < LIM_CHAIN; i++)
		leat_free((void *)a->status[i].p);
	leat_free((void *)a->sct.p);
	for (size_t i = 0; i < ZIP_COUNT; i++)
		for (size_t k = 0; k < ATTACH_VARIANTS; k++)
			leat_free(atomic_load_explicit(&a->packed[i][k], memory_order_relaxed));
	leat_free(a);
}

bool attach_put_status(struct attach *a, size_t i, struct leat_span der)
{
	return put(&a->status[i], der);
}

bool attach_put_sct(struct attach *a, struct leat_span list)
{
	return put(&a->sct, list);
}

bool attach_is_fresh(const struct attach *a, int64_t now_s)
{
	for (size_t i = 0; i < LIM_CHAIN; i++)
		if (a->status[i].n && (now_s < a->from_s[i] || now_s > a->until_s[i]))
			return false;
	return true;
}

/* ---- packed forms ---- */

const struct packed *attach_packed(const struct attach *a, const struct zip *z, unsigned variant)
{
	return atomic_load_explicit(&a->packed[z->id - 1][variant], memory_order_acquire);
}

const struct packed *attach_keep_packed(
	struct attach *a, const struct zip *z, unsigned variant, struct packed *p)
{
	struct packed *nobody = NULL;

	if (atomic_compare_exchange_strong_explicit(&a->packed[z->id - 1][variant], &nobody, p,
		    memory_order_acq_rel, memory_order_acquire))
		return p;
	leat_free(p);
	return nobody;
}

/* ---- the seat ---- */

void attach_seat_init(struct attach_seat *s, struct attach *take)
{
	atomic_init(&s->active, 0);
	atomic_init(&s->readers[0], 0);
	atomic_init(&s->readers[1], 0);
	atomic_flag_clear(&s->writing);
	s->set[0] = take;
	s->set[1] = NULL;
}

void attach_seat_clear(struct attach_seat *s)
{
	attach_unref(s->set[0]);
	attach_unref(s->set[1]);
	s->set[0] = s->set[1] = NULL;
}

struct attach *attach_seat_get(struct attach_seat *s)
{
	struct attach *got;
	unsigned i;

	for (;;) {
		i = atomic_load(&s->active);
		atomic_fetch_add(&s->readers[i], 1);
		if (atomic_load(&s->active) == i)
			break;
		atomic_fetch_sub(&s->readers[i], 1); /* a new set came meanwhile */
	}
	got = attach_ref(s->set[i]);
	atomic_fetch_sub(&s->readers[i], 1);
	return got;
}

bool attach_seat_lock(struct attach_seat *s)
{
	return !atomic_flag_test_and_set(&s->writing);
}

void attach_seat_unlock(struct attach_seat *s)
{
	atomic_flag_clear(&s->writing);
}

bool attach_seat_put(struct attach_seat *s, struct attach *take)
{
	unsigned other = !atomic_load(&s->active);

	if (atomic_load(&s->readers[other]) != 0)
		return false;
	attach_unref(s->set[other]);
	s->set[other] = take;
	atomic_store(&s->active, other);
	return true;
}
