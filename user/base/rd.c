/* SPDX-License-Identifier: Apache-2.0
 *
 * rd.c - the reader. The only place where peer bytes are indexed.
 */
#include "base/rd.h"

#include <string.h>

void leat_rd_fail(struct leat_rd *in)
{
	in->bad = true;
	in->n = 0;
}

static uint64_t take(struct leat_rd *in, unsigned width)
{
	uint64_t v = 0;

	if (in->n < width) {
		leat_rd_fail(in);
		return 0;
	}
	for (unsigned i = 0; i < width; i++)
		v = v << 8 | in->p[i];
	in->p += width;
	in->n -= width;
	return v;
}

void leat_rd_u8(struct leat_rd *in, uint8_t *out)
{
	*out = (uint8_t)take(in, 1);
}

void leat_rd_u16(struct leat_rd *in, uint16_t *out)
{
	*out = (uint16_t)take(in, 2);
}

void leat_rd_u24(struct leat_rd *in, uint32_t *out)
{
	*out = (uint32_t)take(in, 3);
}

void leat_rd_u32(struct leat_rd *in, uint32_t *out)
{
	*out = (uint32_t)take(in, 4);
}

void leat_rd_u64(struct leat_rd *in, uint64_t *out)
{
	*out = take(in, 8);
}

struct leat_span leat_rd_bytes(struct leat_rd *in, size_t n)
{
	struct leat_span s = { in->p, n };

	if (in->bad || n > in->n) {
		leat_rd_fail(in);
		return (struct leat_span){ NULL, 0 };
	}
	if (n == 0) /* an empty reader may stand on NULL, where arithmetic is undefined */
		return (struct leat_span){ NULL, 0 };
	in->p += n;
	in->n -= n;
	return s;
}

struct leat_span leat_rd_rest(struct leat_rd *in)
{
	return leat_rd_bytes(in, in->n);
}

static struct leat_span vec(struct leat_rd *in, unsigned width, size_t min, size_t max)
{
	size_t n = (size_t)take(in, width);

	if (!in->bad && (n < min || n > max))
		leat_rd_fail(in);
	return in->bad ? (struct leat_span){ NULL, 0 } : leat_rd_bytes(in, n);
}

static void sub_vec(struct leat_rd *in, struct leat_rd *sub, unsigned width, size_t min, size_t max)
{
	*sub = leat_rd_of(vec(in, width, min, max));
	sub->bad = in->bad;
}

void leat_rd_vec8(struct leat_rd *in, struct leat_rd *sub, size_t min, size_t max)
{
	sub_vec(in, sub, 1, min, max);
}

void leat_rd_vec16(struct leat_rd *in, struct leat_rd *sub, size_t min, size_t max)
{
	sub_vec(in, sub, 2, min, max);
}

void leat_rd_vec24(struct leat_rd *in, struct leat_rd *sub, size_t min, size_t max)
{
	sub_vec(in, sub, 3, min, max);
}

struct leat_span leat_rd_opaque8(struct leat_rd *in, size_t min, size_t max)
{
	return vec(in, 1, min, max);
}

struct leat_span leat_rd_opaque16(struct leat_rd *in, size_t min, size_t max)
{
	return vec(in, 2, min, max);
}

struct leat_span leat_rd_opaque24(struct leat_rd *in, size_t min, size_t max)
{
	return vec(in, 3, min, max);
}

bool leat_span_same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
