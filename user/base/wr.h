/* SPDX-License-Identifier: Apache-2.0
 *
 * wr.h - byte builder for wire formats: nested length prefixes, sticky failure, fixed or growing
 * memory, wiped on clear (messages may hold tickets and binders).
 *
 *	size_t m = leat_wr_open(w, 2);   // opaque x<0..2^16-1>
 *	leat_wr_u8(w, 7);
 *	leat_wr_close(w, m, 2);          // fails the writer if the body does not fit the prefix
 */
#ifndef LEAT_BASE_WR_H
#define LEAT_BASE_WR_H

#include <leat/types.h>

struct leat_wr {
	uint8_t *p;
	size_t n, cap;
	bool bad;   /* out of memory or room, or a body too long for its prefix */
	bool fixed; /* p belongs to the caller and never grows */
};

/* Zero state ({0}) is a growing writer without memory yet. */
void leat_wr_fixed(struct leat_wr *w, void *buf, size_t cap);
void leat_wr_clear(struct leat_wr *w); /* wipes; frees a growing one; legal on zero state */

/* n bytes to fill in by the caller, valid until the next write; NULL on failure. */
uint8_t *leat_wr_room(struct leat_wr *w, size_t n);
/* Takes memory for exactly n bytes now, when all that will be written is known and nothing was written yet; more
 * may be written all the same. Nothing for a fixed writer. */
void leat_wr_expect(struct leat_wr *w, size_t n);
void leat_wr_u8(struct leat_wr *w, uint8_t v);
void leat_wr_u16(struct leat_wr *w, uint16_t v);
void leat_wr_u24(struct leat_wr *w, uint32_t v);
void leat_wr_u32(struct leat_wr *w, uint32_t v);
void leat_wr_u64(struct leat_wr *w, uint64_t v);
void leat_wr_bytes(struct leat_wr *w, const void *p, size_t n);
static inline void leat_wr_span(struct leat_wr *w, struct leat_span s)
{
	leat_wr_bytes(w, s.p, s.n);
}
/* A whole vector: prefix of width bytes, then the span. */
void leat_wr_vec(struct leat_wr *w, unsigned width, struct leat_span s);

size_t leat_wr_open(struct leat_wr *w, unsigned width);
void leat_wr_close(struct leat_wr *w, size_t mark, unsigned width);

static inline bool leat_wr_ok(const struct leat_wr *w)
{
	return !w->bad;
}
static inline struct leat_span leat_wr_done(const struct leat_wr *w)
{
	return w->bad ? (struct leat_span){ NULL, 0 } : (struct leat_span){ w->p, w->n };
}

#endif
