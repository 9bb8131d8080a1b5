/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h - a queue of bytes in one block: what was received and is not handed out yet. Private to sock/.
 */
#ifndef LEAT_SOCK_BYTES_H
#define LEAT_SOCK_BYTES_H

#include <leat/types.h>

/* Zero is empty; [off, len) of b waits. */
struct bytes {
	uint8_t *b;
	size_t off, len, cap;
};

struct leat_span bytes_span(const struct bytes *q);
/* Room for n more behind what waits, or NULL without memory. What waits may move. bytes_added says how many of
 * them were filled. */
uint8_t *bytes_reserve(struct bytes *q, size_t n);
void bytes_added(struct bytes *q, size_t n);
/* reserve, copy, added; false without memory. */
bool bytes_add(struct bytes *q, const void *p, size_t n);
/* The first n are done with. */
void bytes_used(struct bytes *q, size_t n);
/* Moves at most n of the first to buf; how many. */
size_t bytes_take(struct bytes *q, void *buf, size_t n);
/* Gives the block back if nothing waits in it. */
void bytes_rest(struct bytes *q);
void bytes_clear(struct bytes *q);

#endif
