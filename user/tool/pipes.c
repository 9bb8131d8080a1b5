/* SPDX-License-Identifier: Apache-2.0
 *
 * pipes.c - see pipes.h.
 */
#include "tool/pipes.h"

#include <fcntl.h>
#include <unistd.h>

static void shut(struct splice_pipe *p)
{
	close(p->rd);
	close(p->wr);
}

bool pipe_pool_take(struct pipe_pool *pool, struct splice_pipe *p)
{
	int fd[2];

	if (pool->num > 0) {
		*p = pool->spare[--pool->num];
		return true;
	}
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	/* Refused (EPERM) when the user's pipes are at their limit: 64 KiB do as well. */
	(void)fcntl(fd[1], F_SETPIPE_SZ, (int)pool->room);
	*p = (struct splice_pipe){ .rd = fd[0], .wr = fd[1] };
	return true;
}

void pipe_pool_put(struct pipe_pool *pool, struct splice_pipe *p)
{
	if (p->rd < 0)
		return;
	if (p->held == 0 && pool->num < PIPES_SPARE)
		pool->spare[pool->num++] = *p;
	else
		shut(p);
	*p = pipe_none();
}

void pipe_pool_clear(struct pipe_pool *pool)
{
	while (pool->num > 0)
		shut(&pool->spare[--pool->num]);
}
