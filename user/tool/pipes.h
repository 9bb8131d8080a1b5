/* SPDX-License-Identifier: Apache-2.0
 *
 * pipes.h - a worker's spare pipes for splice(2). Making one costs more than a splice, so they are kept.
 */
#ifndef LEAT_TOOL_PIPES_H
#define LEAT_TOOL_PIPES_H

#include <stdbool.h>
#include <stddef.h>

#define PIPES_SPARE 64

/* held: bytes that were spliced in and not out yet. */
struct splice_pipe {
	int rd, wr; /* -1: none */
	size_t held;
};

struct pipe_pool {
	size_t room; /* of each pipe, where the system allows so much */
	unsigned num;
	struct splice_pipe spare[PIPES_SPARE];
};

static inline struct splice_pipe pipe_none(void)
{
	return (struct splice_pipe){ .rd = -1, .wr = -1 };
}
/* false: none to be had (descriptors). */
bool pipe_pool_take(struct pipe_pool *pool, struct splice_pipe *p);
/* Gives it back, *p is none then. One that holds bytes is closed: they belong to nobody. */
void pipe_pool_put(struct pipe_pool *pool, struct splice_pipe *p);
void pipe_pool_clear(struct pipe_pool *pool);

#endif
