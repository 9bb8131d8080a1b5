/* SPDX-License-Identifier: Apache-2.0
 *
 * cache.c - see cache.h. Two seats for each value of a hash over the ends of the certificates (their
 * signatures); a hit is decided by comparing all bytes, so the hash need not be strong. Who could fill
 * seats on purpose has certificates of trusted authorities, and gains that others are validated anew.
 *
 * There is no lock: whoever wants to look into a seat takes its chain out by exchange with NULL, and
 * puts it back. Another thread that looks meanwhile finds nothing and validates, which is always right.
 * docs/decisions/0010-chains.md has the alternatives.
 */
#include "x509/cache.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "x509/chain_int.h"

#define ROWS 32
#define WAYS 2

struct cache {
	_Atomic(struct chain *) seat[ROWS][WAYS];
};

struct cache *cache_new(void)
{
	return leat_zalloc(sizeof(struct cache));
}

void cache_free(struct cache *c)
{
	for (size_t i = 0; c && i < ROWS; i++)
		for (size_t k = 0; k < WAYS; k++)
			chain_unref(atomic_load_explicit(&c->seat[i][k], memory_order_relaxed));
	leat_free(c);
}

static size_t row_of(const struct leat_span *certs, size_t num)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < num; i++)
		for (size_t k = certs[i].n > 8 ? certs[i].n - 8 : 0; k < certs[i].n; k++)
			h = (h ^ certs[i].p[k]) * 16777619u;
	return (h ^ h >> 16) % ROWS;
}

static bool is_it(const struct chain *ch, uint64_t generation, bool leaf_is_server,
	const struct leat_span *certs, size_t num)
{
	if (ch->verdict.generation != generation || ch->verdict.leaf_is_server != leaf_is_server ||
		ch->num != num)
		return false;
	for (size_t i = 0; i < num; i++)
		if (ch->der[i].n != certs[i].n || memcmp(ch->der[i].p, certs[i].p, certs[i].n) != 0)
			return false;
	return true;
}

static void put_back(_Atomic(struct chain *) *seat, struct chain *ch)
{
	struct chain *nobody = NULL;

	/* someone put another one there meanwhile: that one stays */
	if (!atomic_compare_exchange_strong_explicit(
		    seat, &nobody, ch, memory_order_acq_rel, memory_order_relaxed))
		chain_unref(ch);
}

struct chain *cache_find(struct cache *c, uint64_t generation, bool leaf_is_server,
	const struct leat_span *certs, size_t num)
{
	size_t row = row_of(certs, num);
	struct chain *ch, *hit = NULL;

	for (size_t k = 0; k < WAYS && !hit; k++) {
		ch = atomic_exchange_explicit(&c->seat[row][k], NULL, memory_order_acq_rel);
		if (!ch)
			continue;
		if (is_it(ch, generation, leaf_is_server, certs, num))
			hit = chain_ref(ch);
		put_back(&c->seat[row][k], ch);
	}
	return hit;
}

/* The newest sits first, the one before it second; what sat there leaves. */
void cache_put(struct cache *c, struct chain *ch)
{
	size_t row = row_of(ch->der, ch->num);
	struct chain *old;

	old = atomic_exchange_explicit(&c->seat[row][0], chain_ref(ch), memory_order_acq_rel);
	if (!old)
		return;
	old = atomic_exchange_explicit(&c->seat[row][1], old, memory_order_acq_rel);
	chain_unref(old);
}
