/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_pump.c - bytes between client and backend, each way by itself:
 *
 *   up    client --> records opened, here or in the kernel --> scratch --> backend
 *   down  backend --> scratch --> sealed into the engine's out buffer --> client
 *         backend --> pipe --> client         when the kernel seals; no byte enters this process. Not from a
 *                                             socket in a map (--redirect-local), where splice sees only some
 *
 * These are the cheapest ways as measured (docs/decisions/0050-proxy-pumps.md). The scratch is the worker's and
 * empty between steps; what a reader does not take is kept per connection, and nothing more is read for it
 * until that is gone. So a way holds at most one scratch of plaintext and one of sealed records, or one pipe.
 *
 * An end is passed on behind the last byte: close_notify as FIN, FIN as close_notify and FIN. Everything else
 * that ends a side is a cut, and proxy_abort makes a reset of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/proxy.h"

/* Bytes of one way before other connections get their turn. */
#define TURN (1 << 20)
/* A read of so much is probably not the last one that is possible now. */
#define BULK (16 * 1024)
/* What the engine seals at a time (ENGINE_OUT_MARK). More would be held, and copied twice: 1.3 times the cost. */
#define SEAL (64 * 1024)

/* ---- held bytes ------------------------------------------------------------------------------ */

bool way_hold(struct proxy_way *way, const void *p, size_t n)
{
	way->held = leat_malloc(n);
	if (way->held == NULL)
		return false;
	memcpy(way->held, p, n);
	way->off = 0;
	way->n = n;
	return true;
}

void way_clear(struct proxy_way *way)
{
	leat_free(way->held);
	way->held = NULL;
	way->off = way->n = 0;
}

static void moved(struct proxy_conn *c, struct proxy_way *way, size_t n)
{
	way->bytes += n;
	c->progress_ms = proxy_now(c);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

static unsigned cut_by_client(struct proxy_conn *c)
{
	if (c->io.err.cls == LEAT_E_OUR_ALERT)
		return proxy_close(c, "client_error");
	proxy_note_io(c);
	return proxy_abort(c, "client_cut");
}

static unsigned cut_by_backend(struct proxy_conn *c, int sys)
{
	proxy_note(c, "backend", sys);
	return proxy_abort(c, "backend_cut");
}

static unsigned no_memory(struct proxy_conn *c)
{
	proxy_note(c, "out of memory", 0);
	return proxy_abort(c, "out_of_memory");
}

/* ---- up -------------------------------------------------------------------------------------- */

/* 0 or an errno; EAGAIN: a part, or nothing. */
static int to_backend(struct proxy_conn *c, const uint8_t *p, size_t n, size_t *taken)
{
	ssize_t r;

	*taken = 0;
	while (*taken < n) {
		r = send(c->back, p + *taken, n - *taken, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno;
		*taken += (size_t)r;
	}
	return 0;
}

/* What is held goes first. The PROXY header is no byte of the client's. */
static int up_deliver(struct proxy_conn *c)
{
	struct proxy_way *up = &c->up;
	size_t taken;
	int sys;

	if (up->held == NULL)
		return 0;
	sys = to_backend(c, up->held + up->off, up->n - up->off, &taken);
	up->off += taken;
	if (taken > 0)
		c->progress_ms = proxy_now(c);
	if (up->off == up->n)
		way_clear(up);
	return sys;
}

/* Is there more in the engine, for which the socket will not become readable? */
static bool has_news(const struct proxy_conn *c)
{
	return leat_engine_wants(c->io.e) &
	       (LEAT_HAS_DATA | LEAT_WANT_JOB | LEAT_IS_EOF | LEAT_IS_DEAD);
}

/* Collects records in the scratch. Returns why it ended; IO_OK: it is full, or there is no more by all
 * appearances: a poll costs less than a receive that fails. */
static enum io collect(struct proxy_conn *c, size_t *n)
{
	size_t cap = c->w->p->o->buffer, got;
	enum io io;

	*n = 0;
	do {
		io = tls_io_read(&c->io, c->w->scratch + *n, cap - *n, &got);
		*n += got;
	} while (io == IO_OK && *n < cap && (got >= BULK || has_news(c)));
	return io;
}

/* One scratch of data. 0: go on. */
static unsigned up_fill(struct proxy_conn *c)
{
	size_t n, taken;
	enum io io = collect(c, &n);
	int sys = to_backend(c, c->w->scratch, n, &taken);

	if (n > 0)
		moved(c, &c->up, n);
	if (taken < n && sys == EAGAIN && !way_hold(&c->up, c->w->scratch + taken, n - taken))
		return no_memory(c);
	if (sys != 0 && sys != EAGAIN)
		return cut_by_backend(c, sys);
	if (io == IO_FAIL)
		return cut_by_client(c);
	if (io == IO_EOF)
		c->up.end = WAY_ENDING;
	if (sys == EAGAIN)
		return WANT(BACK_OUT);
	if (io == IO_READ || (io == IO_OK && n < c->w->p->o->buffer && !has_news(c)))
		return WANT(FRONT_IN);
	return io == IO_WRITE ? WANT(FRONT_OUT) : 0;
}

/* The other way woke us: a wait that is still pending says that there is nothing to read, and saves asking. */
static bool up_rests(const struct proxy_conn *c)
{
	return c->up.end == WAY_OPEN && c->up.held == NULL && !has_news(c) &&
	       loop_op_busy(&c->wait[FRONT_IN]);
}

static unsigned up(struct proxy_conn *c)
{
	uint64_t limit = c->up.bytes + TURN;
	unsigned want = up_rests(c) ? WANT(FRONT_IN) : 0;

	while (want == 0 && c->phase == PX_PIPE && c->up.end != WAY_DONE) {
		int sys = up_deliver(c);

		if (sys != 0)
			return sys == EAGAIN ? WANT(BACK_OUT) : cut_by_backend(c, sys);
		if (c->up.end == WAY_ENDING) {
			/* ENOTCONN: it is gone; what that means is seen on the way down. */
			(void)shutdown(c->back, SHUT_WR);
			c->up.end = WAY_DONE;
			c->progress_ms = proxy_now(c);
		} else {
			want = c->up.bytes < limit ? up_fill(c) : WANT_TURN;
		}
	}
	return want;
}

/* ---- down ------------------------------------------------------------------------------------ */

static enum io push_pipe(struct proxy_conn *c)
{
	size_t room = c->pipe.held;
	enum io io = tls_io_room(&c->io, &room);
	ssize_t n;

	if (io != IO_OK)
		return io;
	do
		n = splice(
			c->pipe.rd, NULL, c->io.fd, NULL, room, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return IO_WRITE;
	if (n <= 0) {
		c->io.broken = true;
		proxy_note(c, "client", n < 0 ? errno : EPIPE);
		return IO_FAIL;
	}
	c->pipe.held -= (size_t)n;
	moved(c, &c->down, (size_t)n);
	tls_io_spliced(&c->io, (size_t)n, (size_t)n < room);
	return IO_OK;
}

/* Everything that was taken from the backend, and what the engine has to say. */
static enum io down_deliver(struct proxy_conn *c)
{
	struct proxy_way *down = &c->down;
	enum io io = tls_io_flush(&c->io);
	size_t taken;

	while (io == IO_OK && down->held != NULL) {
		io = tls_io_write(&c->io, down->held + down->off, down->n - down->off, &taken);
		down->off += taken;
		moved(c, down, taken);
		if (down->off == down->n)
			way_clear(down);
		if (io == IO_OK)
			io = tls_io_flush(&c->io);
	}
	while (io == IO_OK && c->pipe.held > 0)
		io = push_pipe(c);
	return io;
}

static unsigned from_backend_failed(struct proxy_conn *c, ssize_t n)
{
	if (n == 0) {
		c->down.end = WAY_ENDING;
		return 0;
	}
	return errno == EAGAIN ? WANT(BACK_IN) : cut_by_backend(c, errno);
}

static unsigned down_copy(struct proxy_conn *c)
{
	size_t taken, cap = c->w->p->o->buffer < SEAL ? c->w->p->o->buffer : SEAL;
	enum io io;
	ssize_t n;

	do
		n = recv(c->back, c->w->scratch, cap, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return from_backend_failed(c, n);
	io = tls_io_write(&c->io, c->w->scratch, (size_t)n, &taken);
	if (io == IO_FAIL)
		return cut_by_client(c);
	moved(c, &c->down, taken);
	if (taken < (size_t)n && !way_hold(&c->down, c->w->scratch + taken, (size_t)n - taken))
		return no_memory(c);
	io = down_deliver(c);
	if (io == IO_FAIL)
		return cut_by_client(c);
	if (io == IO_WRITE)
		return WANT(FRONT_OUT);
	return (size_t)n < cap ? WANT(BACK_IN) : 0;
}

static unsigned down_splice(struct proxy_conn *c)
{
	ssize_t n;

	if (c->pipe.rd < 0 && !pipe_pool_take(&c->w->pipes, &c->pipe))
		return down_copy(c);
	do
		n = splice(c->back, NULL, c->pipe.wr, NULL, c->w->p->o->pipe,
			SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->pipe.held = (size_t)n;
		return 0;
	}
	pipe_pool_put(&c->w->pipes, &c->pipe);
	return from_backend_failed(c, n);
}

static unsigned down_end(struct proxy_conn *c)
{
	switch (tls_io_close(&c->io)) {
	case IO_OK: break;
	case IO_WRITE: return WANT(FRONT_OUT);
	default: return cut_by_client(c);
	}
	(void)shutdown(c->io.fd, SHUT_WR);
	pipe_pool_put(&c->w->pipes, &c->pipe);
	c->down.end = WAY_DONE;
	c->progress_ms = proxy_now(c);
	return 0;
}

static bool down_rests(const struct proxy_conn *c)
{
	return c->down.end == WAY_OPEN && c->down.held == NULL && c->pipe.held == 0 &&
	       !(leat_engine_wants(c->io.e) & LEAT_WANT_SEND) && loop_op_busy(&c->wait[BACK_IN]);
}

static unsigned down(struct proxy_conn *c)
{
	uint64_t limit = c->down.bytes + TURN;
	unsigned want = down_rests(c) ? WANT(BACK_IN) : 0;

	while (want == 0 && c->phase == PX_PIPE && c->down.end != WAY_DONE) {
		enum io io = down_deliver(c);

		if (io == IO_WRITE)
			return WANT(FRONT_OUT);
		if (io != IO_OK)
			return cut_by_client(c);
		if (c->down.end == WAY_ENDING)
			want = down_end(c);
		else if (c->down.bytes >= limit)
			want = WANT_TURN;
		else
			want = tls_io_tx_kernel(&c->io) && !c->leg ? down_splice(c) : down_copy(c);
	}
	return want;
}

/* ---- both ------------------------------------------------------------------------------------ */

unsigned ways_step(struct proxy_conn *c)
{
	unsigned want = up(c);

	if (c->phase == PX_PIPE)
		want |= down(c);
	if (c->phase != PX_PIPE)
		return 0;
	if (c->up.end == WAY_DONE && c->down.end == WAY_DONE)
		return proxy_done(c);
	return want;
}

unsigned ways_flush(struct proxy_conn *c)
{
	unsigned want = 0;

	if (c->back >= 0 && up_deliver(c) == EAGAIN)
		want |= WANT(BACK_OUT);
	if (c->io.e != NULL && !c->io.broken && down_deliver(c) == IO_WRITE)
		want |= WANT(FRONT_OUT);
	return want;
}
