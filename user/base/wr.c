/* SPDX-License-Identifier: Apache-2.0
 *
 * wr.c - the builder. Growth is allocate, copy, wipe the old block: never realloc, which would leave
 * the old bytes behind.
 */
#include "base/wr.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

void leat_wr_fixed(struct leat_wr *w, void *buf, size_t cap)
{
	*w = (struct leat_wr){ .p = buf, .cap = cap, .fixed = true };
}

void leat_wr_clear(struct leat_wr *w)
{
	if (w->fixed)
		leat_wipe(w->p, w->n);
	else
		leat_free_wipe(w->p, w->cap);
	*w = (struct leat_wr){ 0 };
}

static bool set_cap(struct leat_wr *w, size_t cap)
{
	uint8_t *p = leat_malloc(cap);

	if (!p)
		return false;
	if (w->p)
		memcpy(p, w->p, w->n);
	leat_free_wipe(w->p, w->cap);
	w->p = p;
	w->cap = cap;
	return true;
}

static bool grow(struct leat_wr *w, size_t need)
{
	size_t cap = w->cap ? w->cap : 256;

	/* twice as much, or just enough where that is more: who asks for all at once gets no surplus */
	if (cap < need && (!leat_add_ok(cap, cap, &cap) || cap < need))
		cap = need;
	return set_cap(w, cap);
}

void leat_wr_expect(struct leat_wr *w, size_t n)
{
	if (!w->fixed && !w->bad && w->cap < n && !set_cap(w, n))
		w->bad = true;
}

uint8_t *leat_wr_room(struct leat_wr *w, size_t n)
{
	size_t need;
	uint8_t *at;

	if (w->bad)
		return NULL;
	if (!leat_add_ok(w->n, n, &need) || (need > w->cap && (w->fixed || !grow(w, need)))) {
		w->bad = true;
		return NULL;
	}
	/* room of 0 in an empty writer still gives an address */
	if (!w->p && (w->fixed || !grow(w, 1))) {
		w->bad = true;
		return NULL;
	}
	at = w->p + w->n;
	w->n = need;
	return at;
}

static void put(struct leat_wr *w, uint64_t v, unsigned width)
{
	uint8_t *p = leat_wr_room(w, width);

	for (unsigned i = 0; p && i < width; i++)
		p[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

void leat_wr_u8(struct leat_wr *w, uint8_t v)
{
	put(w, v, 1);
}

void leat_wr_u16(struct leat_wr *w, uint16_t v)
{
	put(w, v, 2);
}

void leat_wr_u24(struct leat_wr *w, uint32_t v)
{
	if (v >> 24)
		w->bad = true;
	put(w, v, 3);
}

void leat_wr_u32(struct leat_wr *w, uint32_t v)
{
	put(w, v, 4);
}

void leat_wr_u64(struct leat_wr *w, uint64_t v)
{
	put(w, v, 8);
}

void leat_wr_bytes(struct leat_wr *w, const void *p, size_t n)
{
	uint8_t *at = leat_wr_room(w, n);

	if (at && n)
		memcpy(at, p, n);
}

void leat_wr_vec(struct leat_wr *w, unsigned width, struct leat_span s)
{
	size_t m = leat_wr_open(w, width);

	leat_wr_span(w, s);
	leat_wr_close(w, m, width);
}

size_t leat_wr_open(struct leat_wr *w, unsigned width)
{
	size_t mark = w->n;

	leat_wr_room(w, width);
	return mark;
}

void leat_wr_close(struct leat_wr *w, size_t mark, unsigned width)
{
	size_t body;

	if (w->bad)
		return;
	body = w->n - mark - width;
	if (width < sizeof(body) && body >> (8 * width)) {
		w->bad = true;
		return;
	}
	for (unsigned i = 0; i < width; i++)
		w->p[mark + i] = (uint8_t)(body >> 8 * (width - 1 - i));
}
