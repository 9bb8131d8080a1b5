/* SPDX-License-Identifier: Apache-2.0
 *
 * uring_bufs.h - the buffers that a ring lends to whatever arrives: one ring of provided buffers per
 * loop, so memory follows the number of loops and not that of connections (LIM_LOOP_BUFS, LIM_LOOP_BUF).
 * The kernel takes them in order; each is given back when its bytes have been used.
 */
#ifndef LEAT_LOOP_URING_BUFS_H
#define LEAT_LOOP_URING_BUFS_H

#include <stdint.h>

#include <liburing.h>

#define URING_BUFS_GROUP 1

/* Zero state: not open. */
struct uring_bufs {
	struct io_uring_buf_ring *ring; /* NULL: not open */
	uint8_t *mem;                   /* of the buffers */
	size_t mapped;
};

/* 0, or a negative errno: -EINVAL on kernels before 5.19. */
int uring_bufs_open(struct uring_bufs *b, struct io_uring *ring);
void uring_bufs_close(struct uring_bufs *b, struct io_uring *ring);
/* The buffer a completion's flags name; NULL: none. */
uint8_t *uring_bufs_find(const struct uring_bufs *b, unsigned cqe_flags);
/* May be lent again. Only for flags that name one. */
void uring_bufs_give_back(struct uring_bufs *b, unsigned cqe_flags);

#endif
