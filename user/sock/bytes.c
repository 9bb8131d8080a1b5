/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.c - see bytes.h.
 */
#include "sock/bytes.h"

#include <string.h>

#include "base/mem.h"

struct leat_span bytes_span(const struct bytes *q)
{
	return q->b ? (struct leat_span){ q->b + q->off, q->len - q->off }
		    : (struct leat_span){ NULL, 0 };
}

/* Doubles, so that the cost of moving stays in proportion to what came. */
static bool grow(struct bytes *q, size_t need)
{
	size_t have = q->len - q->off, cap = q->cap ? q->cap : 256;
	uint8_t *p;

	while (cap < need)
		if (!leat_add_ok(cap, cap, &cap))
			return false;
	p = leat_malloc(cap);
	if (!p)
		return false;
	if (have)
		memcpy(p, q->b + q->off, have);
	leat_free(q->b);
	*q = (struct bytes){ .b = p, .len = have, .cap = cap };
	return true;
}

uint8_t *bytes_reserve(struct bytes *q, size_t n)
{
	size_t have = q->len - q->off, need;

	if (!leat_add_ok(have, n, &need))
		return NULL;
	if (q->cap - q->len < n) {
		/* What is little is moved to the front rather than the block made larger. */
		if (need <= q->cap && have <= q->cap / 2) {
			memmove(q->b, q->b + q->off, have);
			q->off = 0;
			q->len = have;
		} else if (!grow(q, need)) {
			return NULL;
		}
	}
	return q->b + q->len;
}

void bytes_added(struct bytes *q, size_t n)
{
	q->len += n;
}

bool bytes_add(struct bytes *q, const void *p, size_t n)
{
	uint8_t *to;

	if (n == 0)
		return true;
	to = bytes_reserve(q, n);
	if (!to)
		return false;
	memcpy(to, p, n);
	bytes_added(q, n);
	return true;
}

void bytes_used(struct bytes *q, size_t n)
{
	q->off += n;
	if (q->off == q->len)
		q->off = q->len = 0;
}

size_t bytes_take(struct bytes *q, void *buf, size_t n)
{
	struct leat_span s = bytes_span(q);

	if (n > s.n)
		n = s.n;
	if (n)
		memcpy(buf, s.p, n);
	bytes_used(q, n);
	return n;
}

void bytes_rest(struct bytes *q)
{
	if (q->off == q->len)
		bytes_clear(q);
}

void bytes_clear(struct bytes *q)
{
	leat_free(q->b);
	*q = (struct bytes){ .b = NULL };
}
