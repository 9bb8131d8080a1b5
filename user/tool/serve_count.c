/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_count.c - see serve_count.h. One writer for each number, so plain loads and stores do; they are atomic
 * for the readers.
 */
#include "tool/serve_count.h"

#include "engine/engine.h"
#include "tool/serve.h"

static void add(atomic_ullong *to, uint64_t n)
{
	atomic_store_explicit(
		to, atomic_load_explicit(to, memory_order_relaxed) + n, memory_order_relaxed);
}

void tally_add(struct tally *t, uint32_t key, uint64_t n)
{
	unsigned num = atomic_load_explicit(&t->num, memory_order_relaxed), i = 0;

	while (i < num && t->v[i].key != key && i < TALLY_SLOTS - 1)
		i++;
	add(&t->v[i].n, n);
	if (i < num)
		return;
	t->v[i].key = i < TALLY_SLOTS - 1 ? key : UINT32_MAX;
	/* The reader looks at a slot after it saw the number. */
	atomic_store_explicit(&t->num, i + 1, memory_order_release);
}

void tally_merge(struct tally *sum, struct tally *from)
{
	unsigned num = atomic_load_explicit(&from->num, memory_order_acquire);

	for (unsigned i = 0; i < num; i++)
		tally_add(sum, from->v[i].key,
			atomic_load_explicit(&from->v[i].n, memory_order_relaxed));
}

void count_handshake(struct conn *c)
{
	struct serve_counts *n = &c->w->counts;
	struct leat_engine_info info;
	uint32_t key;

	leat_engine_info(c->io.e, &info);
	key = (uint32_t)info.version << 16 | info.suite;
	tally_add(info.resumed ? &n->resumed : &n->handshakes, key, 1);
}

void count_request(struct conn *c, const struct exchange *x)
{
	struct serve_counts *n = &c->w->counts;
	unsigned http = c->h2 != NULL ? 20 : 10 + x->req.minor;

	atomic_fetch_add(&c->w->s->requests, 1);
	atomic_fetch_add(&c->w->s->bytes, x->sent);
	tally_add(&n->requests, COUNT_REQUEST(http, x->status), 1);
	tally_add(&n->bytes, handover_is_kernel(&c->io.h, LEAT_TX), x->sent);
}

static void count_error(struct serve_counts *n, const struct leat_err *err)
{
	tally_add(&n->errors, (uint32_t)err->cls, 1);
	if (err->cls == LEAT_E_PEER_ALERT || err->cls == LEAT_E_OUR_ALERT)
		tally_add(&n->alerts, COUNT_ALERT(err->cls == LEAT_E_OUR_ALERT, err->alert), 1);
}

void count_end(struct conn *c)
{
	struct serve_counts *n = &c->w->counts;

	if (c->io.err.cls != LEAT_E_NONE)
		count_error(n, &c->io.err);
	if (!c->was_up)
		return;
	for (enum leat_dir dir = LEAT_RX; dir <= LEAT_TX; dir++)
		tally_add(&n->backends,
			COUNT_BACKEND(dir, handover_is_kernel(&c->io.h, dir), c->io.h.dir[dir].why),
			1);
}
