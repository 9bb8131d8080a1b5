/* SPDX-License-Identifier: Apache-2.0
 *
 * probe_uring.c - the two things the io_uring loop would like of kernel records: keys set by a ring
 * command, and one multishot receive that tells record types apart. Tried on a ring of its own that
 * is gone afterwards. Layouts: docs/kernel.md 5; liburing 2.3 has no helper for the first.
 */
#include "ktls/probe_int.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/secret.h"

#define CMD_SETSOCKOPT 3 /* SOCKET_URING_OP_SETSOCKOPT, Linux 6.7 */

#define NUM_BUFS 4
#define BUF_LEN  256
#define RING_LEN 4096 /* one page: the descriptors of NUM_BUFS buffers fit many times */

struct probe_ring {
	struct io_uring ring;
	bool open;
};

static int ring_open(struct probe_ring *r)
{
	int err = -io_uring_queue_init(8, &r->ring, 0);

	r->open = err == 0;
	return err;
}

static void ring_clear(struct probe_ring *r)
{
	if (r->open)
		io_uring_queue_exit(&r->ring);
	r->open = false;
}

void probe_uring_setup(struct leat_ktls_caps *out)
{
	LEAT_SCOPED(ring_clear) struct probe_ring r = { 0 };

	out->uring_err = ring_open(&r);
	switch (out->uring_err) {
	case 0: out->uring = KTLS_URING_OK; break;
	case ENOSYS: out->uring = KTLS_URING_ABSENT; break;
	case EPERM:
	case EACCES: out->uring = KTLS_URING_FORBIDDEN; break;
	default: out->uring = KTLS_URING_FAILED; break;
	}
}

/* One completion within the time limit: 0 and a copy of it, or an errno. */
static int next_cqe(struct probe_ring *r, struct io_uring_cqe *out)
{
	struct __kernel_timespec ts = { .tv_sec = PROBE_WAIT_MS / 1000 };
	struct io_uring_cqe *cqe;
	int err = -io_uring_wait_cqe_timeout(&r->ring, &cqe, &ts);

	if (err)
		return err;
	memcpy(out, cqe, sizeof(*out));
	io_uring_cqe_seen(&r->ring, cqe);
	return 0;
}

static int ring_setsockopt(
	struct probe_ring *r, int fd, unsigned level, unsigned name, const void *val, size_t n)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
	struct io_uring_cqe cqe;
	int err;

	if (!sqe)
		return EBUSY;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = CMD_SETSOCKOPT;
	sqe->addr = level | (uint64_t)name << 32;
	sqe->file_index = (uint32_t)n;
	sqe->addr3 = (uintptr_t)val;
	err = -io_uring_submit(&r->ring);
	if (err > 0)
		return err;
	err = next_cqe(r, &cqe);
	if (err)
		return err;
	return cqe.res < 0 ? -cqe.res : 0;
}

/* Sender set up through the ring, receiver by setsockopt, one record to prove it. */
static int try_setsockopt(struct probe_ring *r, unsigned version, size_t cipher)
{
	LEAT_SCOPED(probe_pair_clear) struct probe_pair p = PROBE_PAIR_NONE;
	union leat_kinfo info;
	size_t n = probe_keys_fill(&info, version, cipher, 1);
	int err = probe_pair_open(&p);

	if (err == 0)
		err = probe_ulp(p.b);
	if (err == 0)
		err = probe_keys(p.b, TLS_RX, version, cipher, 1);
	if (err == 0)
		err = ring_setsockopt(r, p.a, IPPROTO_TCP, TCP_ULP, "tls", 3);
	if (err == 0)
		err = ring_setsockopt(r, p.a, SOL_TLS, TLS_TX, &info, n);
	if (err == 0)
		err = probe_send(p.a, 23, "leat", 4);
	if (err == 0)
		err = probe_expect(p.b, 23, "leat", 4);
	return err;
}

struct probe_bufs {
	struct io_uring_buf_ring *ring;
	uint8_t *mem; /* RING_LEN for the descriptors, then the buffers */
};

static void bufs_clear(struct probe_bufs *b)
{
	if (b->mem)
		munmap(b->mem, RING_LEN + NUM_BUFS * BUF_LEN);
	b->mem = NULL;
}

static int bufs_open(struct probe_bufs *b, struct probe_ring *r)
{
	struct io_uring_buf_reg reg = { .ring_entries = NUM_BUFS, .bgid = 1 };
	void *mem = mmap(NULL, RING_LEN + NUM_BUFS * BUF_LEN, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, err;

	if (mem == MAP_FAILED)
		return errno;
	b->mem = mem;
	b->ring = mem;
	reg.ring_addr = (uintptr_t)mem;
	err = -io_uring_register_buf_ring(&r->ring, &reg, 0);
	if (err)
		return err;
	io_uring_buf_ring_init(b->ring);
	for (i = 0; i < NUM_BUFS; i++)
		io_uring_buf_ring_add(b->ring, b->mem + RING_LEN + (size_t)i * BUF_LEN, BUF_LEN,
			(unsigned short)i, io_uring_buf_ring_mask(NUM_BUFS), i);
	io_uring_buf_ring_advance(b->ring, NUM_BUFS);
	return 0;
}

/* The next completion must be this record, with more to come. */
static int expect_multishot(struct probe_ring *r, const struct probe_bufs *b, struct msghdr *msg,
	uint8_t type, const void *p, size_t n)
{
	struct io_uring_recvmsg_out *out;
	struct io_uring_cqe cqe;
	struct cmsghdr *c;
	unsigned slot;
	int err = next_cqe(r, &cqe);

	if (err)
		return err;
	if (cqe.res < 0)
		return -cqe.res;
	slot = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
	if (!(cqe.flags & IORING_CQE_F_BUFFER) || !(cqe.flags & IORING_CQE_F_MORE) ||
		slot >= NUM_BUFS)
		return EBADMSG;
	out = io_uring_recvmsg_validate(b->mem + RING_LEN + slot * BUF_LEN, cqe.res, msg);
	if (!out)
		return EBADMSG;
	c = io_uring_recvmsg_cmsg_firsthdr(out, msg);
	if (!c || c->cmsg_level != SOL_TLS || c->cmsg_type != TLS_GET_RECORD_TYPE ||
		*CMSG_DATA(c) != type || io_uring_recvmsg_payload_length(out, cqe.res, msg) != n ||
		memcmp(io_uring_recvmsg_payload(out, msg), p, n) != 0)
		return EBADMSG;
	return 0;
}

static int try_multishot(unsigned version, size_t cipher)
{
	/* Cleared in reverse order: the ring first, it may still use the buffers and the sockets. */
	LEAT_SCOPED(probe_pair_clear) struct probe_pair p = PROBE_PAIR_NONE;
	LEAT_SCOPED(bufs_clear) struct probe_bufs bufs = { 0 };
	LEAT_SCOPED(ring_clear) struct probe_ring r = { 0 };
	struct msghdr msg = { .msg_controllen = CMSG_SPACE(1) };
	static const uint8_t alert[2] = { 1, 0 };
	struct io_uring_sqe *sqe;
	int err = ring_open(&r);

	if (err == 0)
		err = bufs_open(&bufs, &r);
	if (err == 0)
		err = probe_pair_open(&p);
	if (err == 0)
		err = probe_ulp(p.a);
	if (err == 0)
		err = probe_ulp(p.b);
	if (err == 0)
		err = probe_keys(p.a, TLS_TX, version, cipher, 1);
	if (err == 0)
		err = probe_keys(p.b, TLS_RX, version, cipher, 1);
	if (err)
		return err;
	sqe = io_uring_get_sqe(&r.ring);
	if (!sqe)
		return EBUSY;
	io_uring_prep_recvmsg_multishot(sqe, p.b, &msg, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 1;
	err = -io_uring_submit(&r.ring);
	if (err > 0)
		return err;
	err = probe_send(p.a, 23, "leat", 4);
	if (err == 0)
		err = expect_multishot(&r, &bufs, &msg, 23, "leat", 4);
	if (err == 0)
		err = probe_send(p.a, 21, alert, sizeof(alert));
	if (err == 0)
		err = expect_multishot(&r, &bufs, &msg, 21, alert, sizeof(alert));
	return err;
}

void probe_uring_records(struct leat_ktls_caps *out, unsigned version, size_t cipher)
{
	LEAT_SCOPED(ring_clear) struct probe_ring r = { 0 };
	int err;

	if (out->uring != KTLS_URING_OK)
		return;
	err = ring_open(&r);
	out->uring_setsockopt_err = err ? err : try_setsockopt(&r, version, cipher);
	out->uring_multishot_err = try_multishot(version, cipher);
}
