/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_io.c - TLS on a non-blocking socket for a server's loop: moves bytes between the engine and
 * the descriptor, hands directions over to the kernel, feeds the engine the kernel's control records.
 *
 * Never waits: every function comes back with what it waits for. Plain system calls after io_uring
 * said that the socket is ready: the engine lends its buffers only until its next call, so a receive
 * cannot stay pending in one of them, and an idle connection holds none at all.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "engine/engine.h"
#include "ktls/rec_kernel.h"
#include "tool/tls_io.h"

/* Sealed bytes that may wait while more is read (full_duplex). */
#define FULL_DUPLEX_MAX (128 * 1024)

void tls_io_init(struct tls_io *t, const struct tls_site *s, int fd)
{
	*t = (struct tls_io){ .fd = fd };
	handover_init(&t->h, &sys_real, fd, s->cfg);
}

void tls_io_clear(struct tls_io *t)
{
	leat_engine_free(t->e);
	t->e = NULL;
}

static enum io broken(struct tls_io *t, int err, const char *what)
{
	t->broken = true;
	(void)err_sys(&t->err, err, what);
	return IO_FAIL;
}

/* The engine is dead: its error is ours. Its alert still waits to be sent. */
static enum io engine_died(struct tls_io *t)
{
	if (t->err.cls == LEAT_E_NONE)
		t->err = *leat_engine_error(t->e);
	return IO_FAIL;
}

/* ---- sending --------------------------------------------------------------------------------- */

static enum io send_control(struct tls_io *t)
{
	struct leat_span payload;
	uint8_t type;

	while (leat_engine_ctl(t->e, &type, &payload)) {
		int rc = rec_kernel_send_ctl(&sys_real, t->fd, type, payload);

		if (rc == -EAGAIN)
			return IO_WRITE;
		if (rc != 0)
			return broken(t, -rc, "connection: send");
		handover_count_tx(&t->h, 0, false);
		leat_engine_ctl_done(t->e);
	}
	return IO_OK;
}

static enum io flush_control(struct tls_io *t)
{
	enum leat_ret r = LEAT_AGAIN;
	enum io io;

	while (r == LEAT_AGAIN) {
		if ((io = send_control(t)) != IO_OK)
			return io;
		r = handover_rekey(&t->h, t->e, LEAT_TX);
	}
	if (r == LEAT_OK)
		return IO_OK;
	t->broken = true;
	return engine_died(t);
}

enum io tls_io_flush(struct tls_io *t)
{
	const uint8_t *p;
	size_t n;

	if (t->broken)
		return IO_FAIL;
	if (t->e == NULL)
		return IO_OK;
	if (tls_io_tx_kernel(t))
		return flush_control(t);
	while ((p = leat_engine_out(t->e, &n)) != NULL && n > 0) {
		ssize_t sent = send(t->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? IO_WRITE : broken(t, errno, "connection: send");
		leat_engine_out_done(t->e, (size_t)sent);
	}
	return IO_OK;
}

enum io tls_io_write(struct tls_io *t, const void *p, size_t n, size_t *taken)
{
	enum leat_ret r;
	enum io io = tls_io_flush(t);
	ssize_t sent;

	*taken = 0;
	if (io != IO_OK)
		return io;
	if (handover_grow(&t->h, t->e, n, &t->err) != LEAT_OK)
		return IO_FAIL;
	if (!tls_io_tx_kernel(t)) {
		r = leat_engine_write(t->e, p, n, taken);
		handover_streamed(&t->h, *taken);
		if (r == LEAT_FAILED)
			return engine_died(t);
		return *taken > 0 ? IO_OK : IO_WRITE;
	}
	if ((io = tls_io_room(t, &n)) != IO_OK)
		return io;
	sent = rec_kernel_send(&sys_real, t->fd, p, n);
	if (sent == -EAGAIN)
		return IO_WRITE;
	if (sent < 0)
		return broken(t, (int)-sent, "connection: send");
	*taken = (size_t)sent;
	if (sent > 0)
		handover_count_tx(&t->h, (size_t)sent, false);
	return IO_OK;
}

enum io tls_io_room(struct tls_io *t, size_t *n)
{
	uint64_t room = handover_room_tx(&t->h);
	enum io io;

	if (*n > 0 && room == 0 && handover_renew(&t->h, t->e)) {
		if ((io = tls_io_flush(t)) != IO_OK)
			return io;
		room = handover_room_tx(&t->h);
	}
	if (*n > 0 && room == 0) {
		/* RFC 8446 5.5: the answer is cut short; close_notify follows. */
		(void)err_raise(&t->err, LEAT_E_CLOSED, 0, 0, LEAT_HERE, ENGINE_KEYS_USED_UP);
		return IO_FAIL;
	}
	*n = *n < room ? *n : (size_t)room;
	return IO_OK;
}

void tls_io_spliced(struct tls_io *t, size_t n, bool more)
{
	handover_count_tx(&t->h, n, more);
}

enum io tls_io_file_next(struct tls_io *t, uint64_t n)
{
	enum leat_ret r;

	r = handover_try(&t->h, t->e, LEAT_TX, HANDOVER_FILE, n, &t->err);
	if (r == LEAT_AGAIN)
		return IO_WRITE;
	return r == LEAT_FAILED ? IO_FAIL : IO_OK;
}

enum io tls_io_close(struct tls_io *t)
{
	if (t->broken)
		return IO_FAIL;
	if (t->e == NULL)
		return IO_OK;
	/* A dead engine has its alert in the out buffer; close_notify would follow a fatal alert. */
	if (!t->closing && !(leat_engine_wants(t->e) & LEAT_IS_DEAD)) {
		t->closing = true;
		if ((leat_engine_wants(t->e) & LEAT_IS_UP) && leat_engine_close(t->e) != LEAT_OK)
			return IO_FAIL;
	}
	return tls_io_flush(t);
}

enum io tls_io_shut(struct tls_io *t)
{
	enum io io = tls_io_close(t);

	if (io != IO_OK)
		return io;
	/* After the peer's own end nothing of it is under way that could make our close a reset. */
	if (t->e != NULL && (leat_engine_wants(t->e) & LEAT_IS_EOF))
		return IO_FAIL;
	return shutdown(t->fd, SHUT_WR) == 0 ? IO_OK : IO_FAIL;
}

enum io tls_io_linger(struct tls_io *t, void *scratch, size_t cap, uint64_t *left)
{
	ssize_t n;

	do
		n = recv(t->fd, scratch, cap, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return IO_READ;
	/* Kernel receive that has failed (a record under keys it was not given) cannot be read to its
	 * end, and closing with bytes unread is a reset: give the peer the whole time. */
	if (n < 0 && handover_is_kernel(&t->h, LEAT_RX) && errno != ECONNRESET)
		return IO_WAIT;
	if (n <= 0 || (uint64_t)n >= *left)
		return IO_FAIL;
	*left -= (uint64_t)n;
	return IO_OK;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* One recv into the engine. IO_OK: it got something. */
static enum io fill_engine(struct tls_io *t)
{
	uint8_t *p;
	ssize_t got;
	size_t n;

	if (t->drained) {
		t->drained = false;
		return IO_READ;
	}
	p = leat_engine_in(t->e, &n);
	if (p == NULL)
		return leat_engine_wants(t->e) & LEAT_IS_DEAD ? engine_died(t) : IO_OK;
	do
		got = recv(t->fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN) {
		t->gone = true;
		return broken(t, errno, "connection: receive");
	}
	if (got == 0) {
		t->gone = true;
		t->broken = t->broken || !(leat_engine_wants(t->e) & LEAT_IS_UP);
		return leat_engine_in_eof(t->e) == LEAT_OK ? IO_EOF : engine_died(t);
	}
	t->drained = got > 0 && (size_t)got < n;
	/* Nothing came: zero bytes give the engine its buffer back. */
	if (leat_engine_in_done(t->e, got < 0 ? 0 : (size_t)got) == LEAT_FAILED)
		return engine_died(t);
	return got < 0 ? IO_READ : IO_OK;
}

static size_t take_data(struct tls_io *t, uint8_t *buf, size_t cap)
{
	struct leat_span data;
	size_t n;

	leat_engine_data(t->e, &data);
	n = data.n < cap ? data.n : cap;
	if (n > 0) {
		memcpy(buf, data.p, n);
		/* A failure of what is behind these bytes shows at the next call. */
		(void)!leat_engine_data_done(t->e, n);
	}
	return n;
}

/* What waits to be sent, before more is read: else a peer that makes us answer and does not read the answers
 * could fill our memory. With full_duplex data waits in the same place: up to twice the engine's mark. */
static enum io flush_first(struct tls_io *t)
{
	enum io io;
	size_t n;

	if (!(leat_engine_wants(t->e) & LEAT_WANT_SEND))
		return IO_OK;
	io = tls_io_flush(t);
	if (io != IO_WRITE || !t->full_duplex || tls_io_tx_kernel(t))
		return io;
	(void)leat_engine_out(t->e, &n);
	return n <= FULL_DUPLEX_MAX ? IO_OK : IO_WRITE;
}

static enum io read_user(struct tls_io *t, uint8_t *buf, size_t cap, size_t *got)
{
	for (;;) {
		unsigned wants;
		enum io io;

		*got = take_data(t, buf, cap);
		if (*got > 0)
			return IO_OK;
		wants = leat_engine_wants(t->e);
		if (wants & LEAT_IS_DEAD)
			return engine_died(t);
		if (wants & LEAT_IS_EOF)
			return IO_EOF;
		if (wants & LEAT_WANT_JOB) {
			if (leat_engine_job_run(t->e) == LEAT_FAILED)
				return engine_died(t);
			continue;
		}
		if ((io = flush_first(t)) != IO_OK || (io = fill_engine(t)) != IO_OK)
			return io;
	}
}

/* A failed receive leaves an error on the socket that would refuse the alert as well. */
static enum io rx_failed(struct tls_io *t, int err)
{
	if (err == ECONNRESET || err == EPIPE || err == ETIMEDOUT) {
		t->gone = true;
		return broken(t, err, "connection: receive");
	}
	(void)rec_kernel_take_error(&sys_real, t->fd);
	(void)!leat_engine_rx_failed(t->e, err);
	return engine_died(t);
}

static enum io read_kernel(struct tls_io *t, uint8_t *buf, size_t cap, size_t *got)
{
	struct rec_kernel_got g;
	enum leat_ret r;
	enum io io;
	int rc;

	for (;;) {
		if ((io = flush_first(t)) != IO_OK)
			return io;
		rc = rec_kernel_recv(&sys_real, t->fd, buf, cap, &g);
		if (rc == -EAGAIN)
			return IO_READ;
		if (rc != 0)
			return rx_failed(t, -rc);
		t->gone = g.type == 0;
		if (t->gone)
			return leat_engine_in_eof(t->e) == LEAT_OK ? IO_EOF : engine_died(t);
		if (g.type == 23) {
			if (leat_engine_saw_data(t->e) != LEAT_OK)
				return engine_died(t);
			*got = g.n;
			return IO_OK;
		}
		r = leat_engine_control(t->e, g.type, (struct leat_span){ buf, g.n }, g.record_end);
		while (r != LEAT_FAILED && (leat_engine_wants(t->e) & LEAT_WANT_JOB))
			r = leat_engine_job_run(t->e);
		if (r == LEAT_FAILED || handover_rekey(&t->h, t->e, LEAT_RX) == LEAT_FAILED)
			return engine_died(t);
		if (leat_engine_wants(t->e) & LEAT_IS_EOF)
			return IO_EOF;
	}
}

enum io tls_io_read(struct tls_io *t, uint8_t *buf, size_t cap, size_t *got)
{
	*got = 0;
	if (handover_is_kernel(&t->h, LEAT_RX))
		return read_kernel(t, buf, cap, got);
	return read_user(t, buf, cap, got);
}

/* ---- handshake ------------------------------------------------------------------------------- */

/* The first byte is there: now an engine is worth its memory. */
static enum io open_engine(struct tls_io *t, const struct tls_site *s)
{
	if (leat_engine_new(&t->e, s->cfg, NULL, &s->env, &t->err) != LEAT_OK)
		return IO_FAIL;
	/* When receiving may move to the kernel, no byte behind the handshake may be taken here. */
	if (s->demand_kernel)
		leat_engine_in_exact(t->e, true);
	return IO_OK;
}

/* Moves what the policy demands; with `auto`, receiving is asked for only to learn the reason. */
static enum io hand_over(struct tls_io *t, const struct tls_site *s)
{
	enum handover_use use = HANDOVER_STREAM;
	enum leat_ret r;

	r = handover_try(&t->h, t->e, LEAT_RX, use, 0, &t->err);
	if (r == LEAT_OK || r == LEAT_UNSUPPORTED)
		r = handover_try(&t->h, t->e, LEAT_TX, use, 0, &t->err);
	leat_engine_in_exact(t->e, false);
	/* LEAT_AGAIN: not at a record boundary. With exact reads and after a flush that cannot be, so
	 * there is no second try for those who said `kernel`. With `auto`, sending is asked for again
	 * before the next file. */
	if (r == LEAT_AGAIN && s->demand_kernel) {
		(void)err_raise(&t->err, LEAT_E_MISUSE, 0, 0, LEAT_HERE,
			"records=kernel: not at a record boundary after the handshake");
		return IO_FAIL;
	}
	return r == LEAT_FAILED ? IO_FAIL : IO_OK;
}

static enum io take_early(struct tls_io *t)
{
	struct leat_span data;

	leat_engine_early_data(t->e, &data);
	if (t->on_early)
		t->on_early(t->early_arg, data);
	return leat_engine_early_data_done(t->e, data.n) == LEAT_FAILED ? engine_died(t) : IO_OK;
}

enum io tls_io_handshake(struct tls_io *t, const struct tls_site *s)
{
	enum io io;

	if (!t->early) {
		t->early = true;
		if (handover_early(&t->h, &t->err) != LEAT_OK)
			return IO_FAIL;
		return IO_READ;
	}
	if (t->e == NULL && (io = open_engine(t, s)) != IO_OK)
		return io;
	for (;;) {
		unsigned wants = leat_engine_wants(t->e);

		if (wants & LEAT_IS_DEAD)
			return engine_died(t);
		if (wants & LEAT_HAS_EARLY_DATA) {
			if ((io = take_early(t)) != IO_OK)
				return io;
			continue;
		}
		if (wants & LEAT_WANT_JOB) {
			if (leat_engine_job_run(t->e) == LEAT_FAILED)
				return engine_died(t);
			continue;
		}
		if ((wants & LEAT_WANT_SEND) && (io = tls_io_flush(t)) != IO_OK)
			return io;
		if (wants & LEAT_IS_UP)
			return hand_over(t, s);
		if ((io = fill_engine(t)) != IO_OK)
			return io == IO_EOF ? IO_FAIL : io;
	}
}
