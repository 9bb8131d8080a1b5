/* SPDX-License-Identifier: Apache-2.0
 *
 * rd.h - byte reader for wire formats. Failure is sticky: a failed reader yields zeros and is empty,
 * so decoders read like the RFC's presentation language and check once, at the end.
 */
#ifndef LEAT_BASE_RD_H
#define LEAT_BASE_RD_H

#include <leat/types.h>

struct leat_rd {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static inline struct leat_rd leat_rd_of(struct leat_span s)
{
	return (struct leat_rd){ s.p, s.n, false };
}

/* Each sets *out to the next number in network byte order, or to 0 on failure. */
void leat_rd_u8(struct leat_rd *in, uint8_t *out);
void leat_rd_u16(struct leat_rd *in, uint16_t *out);
void leat_rd_u24(struct leat_rd *in, uint32_t *out);
void leat_rd_u32(struct leat_rd *in, uint32_t *out);
void leat_rd_u64(struct leat_rd *in, uint64_t *out);

/* The next n bytes, borrowed. */
struct leat_span leat_rd_bytes(struct leat_rd *in, size_t n);
/* Everything that is left, borrowed; the reader is empty afterwards. */
struct leat_span leat_rd_rest(struct leat_rd *in);

/* A vector with a 1, 2 or 3 byte length, opaque x<min..max>: *sub reads its body. A length outside
 * the bounds or past the end fails both readers. */
void leat_rd_vec8(struct leat_rd *in, struct leat_rd *sub, size_t min, size_t max);
void leat_rd_vec16(struct leat_rd *in, struct leat_rd *sub, size_t min, size_t max);
void leat_rd_vec24(struct leat_rd *in, struct leat_rd *sub, size_t min, size_t max);
/* The same as a borrowed span. */
struct leat_span leat_rd_opaque8(struct leat_rd *in, size_t min, size_t max);
struct leat_span leat_rd_opaque16(struct leat_rd *in, size_t min, size_t max);
struct leat_span leat_rd_opaque24(struct leat_rd *in, size_t min, size_t max);

/* Do both hold the same bytes? For what is public only. */
bool leat_span_same(struct leat_span a, struct leat_span b);

void leat_rd_fail(struct leat_rd *in);
static inline bool leat_rd_more(const struct leat_rd *in)
{
	return !in->bad && in->n > 0;
}
static inline bool leat_rd_ok(const struct leat_rd *in)
{
	return !in->bad;
}
/* Nothing failed and nothing is left over. */
static inline bool leat_rd_end(const struct leat_rd *in)
{
	return !in->bad && in->n == 0;
}

#endif
