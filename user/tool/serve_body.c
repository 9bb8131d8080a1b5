/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_body.c - sends an answer: what is in exchange.text, then ranges of the file, each perhaps with
 * a part head before it.
 *
 *   kernel records:  file --splice--> pipe --splice--> socket     no byte enters this process
 *   user records:    file --pread--> worker's scratch --seal--> engine's out buffer --send--> socket
 *   small files:     file_cache's memory --> scratch, then as any bytes of this process
 *
 * Splice by plain system calls: measured, it costs what sendfile does and less than io_uring's linked
 * splices, which always go through a kernel worker (docs/kernel.md 9). Only a file that is not in the page
 * cache is spliced into the pipe by the ring, so that the disk does not stop the loop. Pipes are
 * pooled; when none is to be had (descriptors, pipe limits), sendfile does the same work without.
 *
 * SPLICE_F_MORE is never used: an open record that nothing closes is lost (docs/kernel.md 4).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "tool/serve.h"

/* ---- pipes ----------------------------------------------------------------------------------- */

bool pipe_take(struct worker *w, struct body_pipe *p)
{
	int fd[2];

	if (w->num_pipes > 0) {
		*p = w->pipes[--w->num_pipes];
		return true;
	}
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	/* Refused (EPERM) when the user's pipes are at their limit: 64 KiB do as well. */
	(void)fcntl(fd[1], F_SETPIPE_SZ, SERVE_TURN);
	*p = (struct body_pipe){ .rd = fd[0], .wr = fd[1] };
	return true;
}

void pipe_put(struct worker *w, struct body_pipe *p)
{
	if (p->rd < 0)
		return;
	if (p->held == 0 && w->num_pipes < PIPES_KEPT) {
		w->pipes[w->num_pipes++] = *p;
	} else {
		close(p->rd);
		close(p->wr);
	}
	*p = (struct body_pipe){ .rd = -1, .wr = -1 };
}

/* ---- kernel records -------------------------------------------------------------------------- */

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* Is everything at off..off+n in the page cache? Where the kernel cannot tell (before 6.5), yes: the
 * cost of being wrong is a wait for the disk. */
static bool is_cached(int fd, uint64_t off, uint64_t n)
{
	struct {
		uint64_t off, len;
	} range = { off, n };
	struct {
		uint64_t cached, dirty, writeback, evicted, recently_evicted;
	} got = { 0 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (syscall(SYS_cachestat, fd, &range, &got, 0u) != 0)
		return true;
	return got.cached >= (off + n - 1) / page - off / page + 1;
}

static enum io sys_fail(struct conn *c, int err, const char *what)
{
	c->io.broken = true;
	(void)err_sys(&c->io.err, err, what);
	return IO_FAIL;
}

/* The file became shorter than announced: the peer must see that something is missing. */
static enum io file_shrank(struct conn *c)
{
	c->io.broken = true;
	(void)err_raise(
		&c->io.err, LEAT_E_FILE, 0, 0, LEAT_HERE, "file: became shorter while it was sent");
	return IO_FAIL;
}

static void on_cold_splice(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct conn *c = op->arg;

	(void)l;
	(void)flags;
	if (c->phase != PH_GONE && c->x != NULL) {
		if (res > 0)
			c->x->pipe.held = (size_t)res;
		else if (res == 0)
			(void)file_shrank(c);
		else
			(void)sys_fail(c, -res, "file: read");
	}
	conn_continue(c);
}

/* file -> pipe. IO_OK: the pipe holds something. */
static enum io fill_pipe(struct conn *c, struct exchange *x, uint64_t off, uint64_t n)
{
	loff_t at = (loff_t)off;
	ssize_t got;

	if (n > SERVE_TURN)
		n = SERVE_TURN;
	if (!loop_blocks_on_disk(c->w->loop) && !is_cached(x->file->fd, off, n)) {
		c->op.done = on_cold_splice;
		loop_splice(
			c->w->loop, &c->op, x->file->fd, at, x->pipe.wr, -1, (uint32_t)n, 0, false);
		return IO_WAIT;
	}
	do
		got = splice(x->file->fd, &at, x->pipe.wr, NULL, n, SPLICE_F_MOVE);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return sys_fail(c, errno, "file: read");
	if (got == 0)
		return file_shrank(c);
	x->pipe.held = (size_t)got;
	return IO_OK;
}

/* One system call that moves bytes to the socket, by pipe or by sendfile. */
static ssize_t push(struct conn *c, struct exchange *x, uint64_t off, size_t n)
{
	off_t at = (off_t)off;

	if (x->pipe.rd < 0)
		return sendfile(c->io.fd, x->file->fd, &at, n);
	return splice(x->pipe.rd, NULL, c->io.fd, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static enum io send_range_kernel(struct conn *c, struct exchange *x, const struct http_range *r)
{
	uint64_t off = r->first + x->part_off, left = r->len - x->part_off;
	size_t most;
	enum io io;
	ssize_t n;

	if (x->pipe.rd < 0)
		(void)pipe_take(c->w, &x->pipe);
	if (x->pipe.rd >= 0 && x->pipe.held == 0 && (io = fill_pipe(c, x, off, left)) != IO_OK)
		return io;
	most = x->pipe.rd >= 0 ? x->pipe.held : left < SERVE_TURN ? (size_t)left : SERVE_TURN;
	if ((io = tls_io_room(&c->io, &most)) != IO_OK)
		return io;
	do
		n = push(c, x, off, most);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? IO_WRITE : sys_fail(c, errno, "connection: send");
	if (n == 0)
		return file_shrank(c);
	if (x->pipe.rd >= 0)
		x->pipe.held -= (size_t)n;
	x->part_off += (uint64_t)n;
	x->sent += (uint64_t)n;
	tls_io_spliced(&c->io, (size_t)n, (size_t)n < most);
	return IO_OK;
}

/* ---- through memory -------------------------------------------------------------------------- */

/* Up to n bytes of a range, from where it is, from memory or from the file. 0: it ends before; -1: errno. */
static ssize_t read_range(
	const struct exchange *x, const struct http_range *r, uint8_t *p, size_t n)
{
	uint64_t off = r->first + x->part_off;
	ssize_t got;

	if (x->file->data != NULL) {
		memcpy(p, x->file->data + off, n);
		return (ssize_t)n;
	}
	do
		got = pread(x->file->fd, p, n, (off_t)off);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Puts text and file bytes together into scratch, so that a small answer is one record. */
static enum io send_range_copied(struct conn *c, struct exchange *x, const struct http_range *r)
{
	uint64_t left = r->len - x->part_off;
	size_t text = x->text_n - x->text_at, room = SERVE_SCRATCH, taken;
	uint8_t *p = c->w->scratch;
	enum io io;
	ssize_t n;

	if ((io = tls_io_flush(&c->io)) != IO_OK)
		return io;
	memcpy(p, x->text + x->text_at, text);
	n = read_range(x, r, p + text, left < room ? (size_t)left : room);
	if (n < 0)
		return sys_fail(c, errno, "file: read");
	if (n == 0)
		return file_shrank(c);
	io = tls_io_write(&c->io, p, text + (size_t)n, &taken);
	if (io != IO_OK)
		return io;
	if (taken < text) {
		x->text_at += taken;
		return IO_OK;
	}
	x->text_at = x->text_n;
	x->part_off += taken - text;
	x->sent += taken - text;
	return IO_OK;
}

/* ---- the whole answer ------------------------------------------------------------------------ */

static enum io send_text(struct conn *c, struct exchange *x)
{
	size_t taken;
	enum io io = tls_io_write(&c->io, x->text + x->text_at, x->text_n - x->text_at, &taken);

	if (io == IO_OK)
		x->text_at += taken;
	return io;
}

/* Several ranges: the head of the next part, or the end, becomes the text to send. */
static void next_part_head(struct conn *c, struct exchange *x)
{
	x->text_n = http_part_head(x->text, BODY_TEXT_MAX, &x->plan, x->part, &x->file->meta,
		x->type, c->w->s->boundary);
	x->text_at = 0;
	x->part_headed = true;
}

/* A small file in memory: one call that copies it costs less than the splices. */
static bool is_one_record(const struct exchange *x, const struct http_range *r)
{
	return x->file->data != NULL &&
	       x->text_n - x->text_at + r->len - x->part_off <= LIM_PLAINTEXT;
}

/* What is left to do, one step at a time. IO_OK: something was done; *end: nothing is left. */
static enum io send_step(struct conn *c, struct exchange *x, bool *end)
{
	bool has_text = x->text_at < x->text_n;
	const struct http_range *r;

	if (x->part >= x->plan.num) {
		if (has_text)
			return send_text(c, x);
		if (x->plan.num > 1 && !x->part_headed) {
			next_part_head(c, x);
			return IO_OK;
		}
		*end = true;
		return tls_io_flush(&c->io);
	}
	if (x->plan.num > 1 && !x->part_headed) {
		if (has_text)
			return send_text(c, x);
		next_part_head(c, x);
		return IO_OK;
	}
	r = &x->plan.r[x->part];
	if (x->part_off == r->len) {
		x->part++;
		x->part_off = 0;
		x->part_headed = false;
		return IO_OK;
	}
	if (!tls_io_tx_kernel(&c->io) || is_one_record(x, r))
		return send_range_copied(c, x, r);
	return has_text ? send_text(c, x) : send_range_kernel(c, x, r);
}

/* ---- by the bytes ---------------------------------------------------------------------------- */

static size_t pull_text(struct exchange *x, uint8_t *p, size_t n)
{
	size_t left = x->text_n - x->text_at, take = left < n ? left : n;

	memcpy(p, x->text + x->text_at, take);
	x->text_at += take;
	return take;
}

/* Up to n bytes of the present range; 0: that was its end; -1: the file has not got them. */
static ssize_t pull_range(struct exchange *x, uint8_t *p, size_t n)
{
	const struct http_range *r = &x->plan.r[x->part];
	uint64_t left = r->len - x->part_off;
	ssize_t got;

	if (left == 0) {
		x->part++;
		x->part_off = 0;
		x->part_headed = false;
		return 0;
	}
	got = read_range(x, r, p, left < n ? (size_t)left : n);
	if (got <= 0)
		return -1;
	x->part_off += (uint64_t)got;
	return got;
}

bool body_pull(struct conn *c, struct exchange *x, uint8_t *p, size_t n)
{
	ssize_t got;

	for (; n > 0; p += got, n -= (size_t)got) {
		if (x->text_at < x->text_n) {
			got = (ssize_t)pull_text(x, p, n);
		} else if (x->plan.num > 1 && !x->part_headed) {
			next_part_head(c, x);
			got = 0;
		} else if (x->part < x->plan.num) {
			got = pull_range(x, p, n);
		} else {
			return false;
		}
		if (got < 0)
			return false;
		x->sent += (uint64_t)got;
	}
	return true;
}

/* ---- the whole answer ------------------------------------------------------------------------ */

/* Bytes of the file that this answer will carry. */
static uint64_t file_bytes(const struct http_plan *p)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < p->num; i++)
		n += p->r[i].len;
	return n;
}

enum io body_send(struct conn *c, struct exchange *x)
{
	uint64_t before = x->sent;
	bool end = false;
	enum io io = IO_OK;

	if (c->io.err.cls != LEAT_E_NONE) /* a cold read failed meanwhile */
		return IO_FAIL;
	if (x->text_at == 0 && x->sent == 0 && x->plan.num > 0) {
		io = tls_io_flush(&c->io);
		if (io == IO_OK)
			io = tls_io_file_next(&c->io, file_bytes(&x->plan));
	}
	while (io == IO_OK && !end) {
		/* Others wait too; the socket is writable, so this goes on in the next round. */
		if (x->sent - before >= SERVE_TURN)
			return IO_WRITE;
		io = send_step(c, x, &end);
		if (io == IO_OK)
			c->progress_ms = loop_now_ms(c->w->loop);
	}
	if (io == IO_OK)
		x->whole = true;
	return io;
}
