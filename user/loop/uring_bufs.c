/* SPDX-License-Identifier: Apache-2.0
 *
 * uring_bufs.c - see uring_bufs.h. One mapping: a page for the ring, then the buffers. A page of it
 * costs memory from its first use on.
 */
#include "loop/uring_bufs.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/limits.h"

#define RING_LEN 4096 /* whole pages, as io_uring_register_buf_ring asks */

_Static_assert(LIM_LOOP_BUFS * sizeof(struct io_uring_buf) <= RING_LEN, "the ring fits its page");
_Static_assert((LIM_LOOP_BUFS & (LIM_LOOP_BUFS - 1)) == 0, "a power of two, says the kernel");

static void add(struct uring_bufs *b, unsigned id, int offset)
{
	io_uring_buf_ring_add(b->ring, b->mem + (size_t)id * LIM_LOOP_BUF, LIM_LOOP_BUF,
		(unsigned short)id, io_uring_buf_ring_mask(LIM_LOOP_BUFS), offset);
}

int uring_bufs_open(struct uring_bufs *b, struct io_uring *ring)
{
	struct io_uring_buf_reg reg = { .ring_entries = LIM_LOOP_BUFS, .bgid = URING_BUFS_GROUP };
	size_t n = RING_LEN + (size_t)LIM_LOOP_BUFS * LIM_LOOP_BUF;
	void *mem = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (mem == MAP_FAILED)
		return -errno;
	reg.ring_addr = (uintptr_t)mem;
	rc = io_uring_register_buf_ring(ring, &reg, 0);
	if (rc != 0) {
		munmap(mem, n);
		return rc;
	}
	*b = (struct uring_bufs){ .ring = mem, .mem = (uint8_t *)mem + RING_LEN, .mapped = n };
	io_uring_buf_ring_init(b->ring);
	for (unsigned i = 0; i < LIM_LOOP_BUFS; i++)
		add(b, i, (int)i);
	io_uring_buf_ring_advance(b->ring, LIM_LOOP_BUFS);
	return 0;
}

void uring_bufs_close(struct uring_bufs *b, struct io_uring *ring)
{
	if (b->ring == NULL)
		return;
	(void)io_uring_unregister_buf_ring(ring, URING_BUFS_GROUP);
	munmap(b->ring, b->mapped);
	*b = (struct uring_bufs){ 0 };
}

static unsigned id_of(unsigned cqe_flags)
{
	return cqe_flags >> IORING_CQE_BUFFER_SHIFT;
}

uint8_t *uring_bufs_find(const struct uring_bufs *b, unsigned cqe_flags)
{
	if (!(cqe_flags & IORING_CQE_F_BUFFER) || id_of(cqe_flags) >= LIM_LOOP_BUFS)
		return NULL;
	return b->mem + (size_t)id_of(cqe_flags) * LIM_LOOP_BUF;
}

void uring_bufs_give_back(struct uring_bufs *b, unsigned cqe_flags)
{
	add(b, id_of(cqe_flags), 0);
	io_uring_buf_ring_advance(b->ring, 1);
}
