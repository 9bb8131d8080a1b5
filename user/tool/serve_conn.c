/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_conn.c - one connection of `leat serve`: phases, deadlines, requests one after the other.
 *
 *	HANDSHAKE --> HEAD --> SEND --> HEAD ...          keep-alive, pipelining
 *	                         |  \-> DRAIN --> HEAD    a request's body is dropped
 *	                         v
 *	                       CLOSE --> LINGER --> freed
 *
 * conn_run steps through phases until one has to wait; then exactly one operation (c->op) is started
 * and its completion calls conn_run again. So there is one owner of the state at any time, and a
 * deadline acts by changing the phase and cancelling the operation.
 *
 * Where the handshake chose HTTP/2, PH_H2 takes the place of HEAD, SEND and DRAIN (serve_h2.c).
 *
 * Every phase has a deadline: handshake and request head absolute (a byte now and then does not help),
 * sending by progress, idle, lingering. An idle connection holds no buffer, and after a second goes to
 * serve_idle.c.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tool/serve.h"
#include "tool/serve_h2.h"

/* Wait for the peer's end after ours. */
#define LINGER_MS    2000
#define LINGER_BYTES (256 * 1024)
/* Exchanges of one connection before the others get their turn (pipelining). */
#define TURN_MAX 16

static void conn_run(struct conn *c);

const char *conn_peer(struct conn *c)
{
	if (c->peer[0] == '\0' && (c->io.fd < 0 || !listen_peer(c->io.fd, c->peer)))
		return "?"; /* reset before we looked */
	return c->peer;
}

static void set_phase(struct conn *c, enum conn_phase phase)
{
	atomic_fetch_sub(&c->w->counts.phases[c->phase], 1);
	atomic_fetch_add(&c->w->counts.phases[phase], 1);
	c->phase = phase;
}

void conn_uncount(struct worker *w, enum conn_phase phase)
{
	atomic_fetch_sub(&w->counts.phases[phase], 1);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void drop_exchange(struct conn *c)
{
	if (c->x == NULL)
		return;
	reply_clear(c->w, c->x);
	leat_free(c->x);
	c->x = NULL;
}

static void unlink_conn(struct conn *c)
{
	*c->pprev = c->next;
	if (c->next != NULL)
		c->next->pprev = c->pprev;
}

static void conn_free(struct conn *c)
{
	struct worker *w = c->w;
	struct addr_key addr = c->addr;

	drop_exchange(c);
	h2_free(c);
	count_end(c);
	conn_uncount(w, c->phase);
	loop_timer_stop(w->loop, &c->timer);
	tls_io_clear(&c->io);
	if (c->io.fd >= 0)
		close(c->io.fd);
	leat_free(c->buf);
	site_unref(c->site);
	unlink_conn(c);
	leat_free(c);
	worker_conn_gone(w, addr);
}

void conn_leave(struct conn *c)
{
	set_phase(c, PH_IDLE);
	loop_timer_stop(c->w->loop, &c->timer);
	unlink_conn(c);
	leat_free(c);
}

void conn_kill(struct conn *c)
{
	if (!loop_op_busy(&c->op)) {
		conn_free(c);
		return;
	}
	if (c->phase == PH_GONE)
		return;
	/* The op may be a splice between file and pipe: those stay open until it has ended. */
	set_phase(c, PH_GONE);
	loop_timer_stop(c->w->loop, &c->timer);
	loop_cancel(c->w->loop, &c->op);
	loop_close(c->w->loop, c->io.fd);
	c->io.fd = -1;
}

void conn_continue(struct conn *c)
{
	if (c->phase == PH_GONE)
		conn_free(c);
	else
		conn_run(c);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* While the server stops, a connection that has had no answer yet is waited for so long. */
#define STOP_MS 3000

static void arm(struct conn *c, int ms)
{
	if (ms > STOP_MS && c->w->stopped)
		ms = STOP_MS;
	loop_timer_start(c->w->loop, &c->timer, (uint64_t)ms);
}

static void begin_exchange(struct conn *c, unsigned status, size_t head_len);

static void timed_out(struct conn *c, const char *what)
{
	struct leat_err err = { 0 };

	(void)err_raise(&err, LEAT_E_TIMEOUT, 0, 0, LEAT_HERE, what);
	log_refused(c, &err);
}

/* Is the peer taking what was sent? That we can send more says too little: the kernel calls a socket
 * writable only when a third of its buffer, a megabyte perhaps, is free again, which a slow but honest
 * reader may take minutes for. So ask how much the peer has acknowledged. */
static bool still_moving(struct conn *c)
{
	uint64_t now = loop_now_ms(c->w->loop);
	int queued = 0;

	if (ioctl(c->io.fd, SIOCOUTQ, &queued) == 0 && queued != c->queued) {
		c->queued = queued;
		c->progress_ms = now;
	}
	return now - c->progress_ms < (uint64_t)c->site->o->stall_ms;
}

static enum io to_close(struct conn *c)
{
	h2_free(c);
	set_phase(c, PH_CLOSE);
	/* What was sent may still wait for the peer, and our close_notify behind it. */
	c->progress_ms = loop_now_ms(c->w->loop);
	arm(c, c->site->o->stall_ms / 2 + 1);
	return IO_OK;
}

static void on_h2_deadline(struct conn *c)
{
	uint64_t again_ms;
	const char *why = h2_overdue(c, still_moving(c), &again_ms);

	if (why != NULL) {
		timed_out(c, why);
		conn_kill(c);
		return;
	}
	arm(c, (int)again_ms);
	/* It may have come to its end: that is for its next step to do. */
	loop_cancel(c->w->loop, &c->op);
}

static void on_deadline(struct loop *l, struct loop_timer *t)
{
	struct conn *c = t->arg;

	switch (c->phase) {
	case PH_H2: on_h2_deadline(c); return;
	case PH_HANDSHAKE:
		timed_out(c, "handshake: not complete in time");
		conn_kill(c);
		return;
	case PH_HEAD:
		if (c->half_head) {
			begin_exchange(c, 408, 0);
		} else if (c->awake) {
			set_phase(c, PH_CLOSE);
		} else {
			c->awake = c->pack = true;
			arm(c, c->site->o->idle_ms - IDLE_AFTER_MS);
		}
		break;
	case PH_SEND:
	case PH_CLOSE:
		if (still_moving(c)) {
			arm(c, c->site->o->stall_ms / 2 + 1);
			return;
		}
		if (c->x != NULL)
			log_request(c, c->x);
		timed_out(c, "answer: the peer takes no more of it");
		conn_kill(c);
		return;
	case PH_DRAIN: set_phase(c, PH_CLOSE); break;
	case PH_LINGER:
	case PH_IDLE:
	case PH_GONE: conn_kill(c); return;
	}
	if (c->phase == PH_CLOSE)
		(void)to_close(c);
	/* The new phase starts when the wait of the old one has ended. */
	loop_cancel(l, &c->op);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static enum io to_head(struct conn *c)
{
	set_phase(c, PH_HEAD);
	c->half_head = false;
	c->scanned = 0;
	c->pack = false;
	c->awake = c->site->o->idle_ms <= IDLE_AFTER_MS;
	arm(c, c->awake ? c->site->o->idle_ms : IDLE_AFTER_MS);
	return IO_OK;
}

static void find_host(struct conn *c)
{
	struct leat_engine_info info;

	leat_engine_info(c->io.e, &info);
	c->host = site_host(c->site, info.sni);
}

/* The handshake is complete: it says for whom, and in which version of HTTP. */
static enum io to_requests(struct conn *c)
{
	struct leat_engine_info info;

	find_host(c);
	leat_engine_info(c->io.e, &info);
	if (info.alpn.n != 2 || memcmp(info.alpn.p, "h2", 2) != 0)
		return to_head(c);
	if (!h2_start(c))
		return to_close(c);
	set_phase(c, PH_H2);
	c->progress_ms = loop_now_ms(c->w->loop);
	on_h2_deadline(c);
	return IO_OK;
}

static enum io step_handshake(struct conn *c)
{
	enum io io = tls_io_handshake(&c->io, &c->site->tls);

	if (io == IO_OK) {
		atomic_fetch_add(&c->w->s->handshakes, 1);
		c->was_up = true;
		count_handshake(c);
		return to_requests(c);
	}
	if (io != IO_FAIL)
		return io;
	atomic_fetch_add(&c->w->s->failed_handshakes, 1);
	atomic_fetch_add(&c->w->counts.failed, 1);
	log_refused(c, &c->io.err);
	return to_close(c); /* the alert is still to be sent */
}

/* The request of head_len bytes at the start of buf, or one refused with status. */
static void begin_exchange(struct conn *c, unsigned status, size_t head_len)
{
	struct exchange *x = leat_malloc(sizeof(*x));

	if (x == NULL) {
		(void)to_close(c);
		return;
	}
	exchange_init(x);
	c->x = x;
	if (status == 0)
		status = http_parse(c->buf, head_len, &x->req);
	else
		x->req.head_len = c->buf_n;
	c->drain = x->req.body_len;
	reply_make(c, x, status);
	set_phase(c, PH_SEND);
	c->progress_ms = loop_now_ms(c->w->loop);
	arm(c, c->site->o->stall_ms / 2 + 1);
}

/* A whole head in buf? IO_READ: no, and it may still come. */
static enum io find_head(struct conn *c)
{
	size_t max = c->site->o->max_head, n;

	n = c->buf_n > 0 ? http_head_end(c->buf, c->buf_n, &c->scanned) : 0;
	if (n > max || (n == 0 && c->buf_n >= max))
		begin_exchange(c, http_too_long(c->buf, c->buf_n), 0);
	else if (n > 0)
		begin_exchange(c, 0, n);
	else
		return IO_READ;
	return IO_OK;
}

static enum io step_head(struct conn *c)
{
	size_t cap = c->site->o->max_head, got;
	enum io io;

	if (c->buf == NULL && (c->buf = leat_malloc(cap)) == NULL)
		return to_close(c);
	if (find_head(c) == IO_OK)
		return IO_OK;
	io = tls_io_read(&c->io, c->buf + c->buf_n, cap - c->buf_n, &got);
	if (io == IO_OK) {
		c->buf_n += got;
		if (!c->half_head)
			arm(c, c->site->o->head_ms);
		c->half_head = true;
		return IO_OK;
	}
	if (io == IO_EOF || io == IO_FAIL) {
		/* A client that simply goes away between requests is no news. */
		if (io == IO_FAIL && !(c->io.gone && c->buf_n == 0))
			log_refused(c, &c->io.err);
		return to_close(c);
	}
	if (c->buf_n == 0) {
		leat_free(c->buf);
		c->buf = NULL;
	}
	return io;
}

/* Drops n bytes at the start of buf. */
static void consume(struct conn *c, size_t n)
{
	c->buf_n -= n;
	memmove(c->buf, c->buf + n, c->buf_n);
}

static enum io step_drain(struct conn *c)
{
	size_t n = c->buf_n < c->drain ? c->buf_n : (size_t)c->drain;
	enum io io;

	consume(c, n);
	c->drain -= n;
	if (c->drain == 0) {
		(void)to_head(c);
		if (c->buf_n > 0) { /* the next request is here already */
			c->half_head = true;
			arm(c, c->site->o->head_ms);
		}
		return IO_OK;
	}
	io = tls_io_read(&c->io, c->buf, c->site->o->max_head, &c->buf_n);
	return io == IO_EOF || io == IO_FAIL ? to_close(c) : io;
}

static enum io step_send(struct conn *c)
{
	struct serve *s = c->w->s;
	struct exchange *x = c->x;
	enum io io = body_send(c, x);
	bool keep = x->keep_alive && !atomic_load(&s->stopping);

	if (io != IO_OK && io != IO_FAIL)
		return io;
	count_request(c, x);
	log_request(c, x);
	if (io == IO_FAIL && c->io.err.cls != LEAT_E_SYSTEM)
		log_refused(c, &c->io.err);
	if (io == IO_OK && keep)
		consume(c, x->req.head_len);
	drop_exchange(c);
	if (io == IO_FAIL || !keep)
		return to_close(c);
	set_phase(c, PH_DRAIN);
	arm(c, c->site->o->head_ms);
	return ++c->turn % TURN_MAX == 0 ? IO_WRITE : IO_OK;
}

static enum io step_close(struct conn *c)
{
	enum io io = tls_io_shut(&c->io);

	if (io != IO_OK)
		return io;
	set_phase(c, PH_LINGER);
	arm(c, LINGER_MS);
	c->drain = LINGER_BYTES;
	return IO_OK;
}

static enum io step_linger(struct conn *c)
{
	return tls_io_linger(&c->io, c->w->scratch, SERVE_SCRATCH, &c->drain);
}

static enum io step_h2(struct conn *c)
{
	enum io io = h2_step(c);

	/* Who goes away without having asked for anything is no news. */
	if (io == IO_FAIL && c->io.err.cls != LEAT_E_SYSTEM && !(c->io.gone && h2_is_idle(c)))
		log_refused(c, &c->io.err);
	return io == IO_EOF || io == IO_FAIL ? to_close(c) : io;
}

static enum io step(struct conn *c)
{
	switch (c->phase) {
	case PH_HANDSHAKE: return step_handshake(c);
	case PH_HEAD: return step_head(c);
	case PH_DRAIN: return step_drain(c);
	case PH_SEND: return step_send(c);
	case PH_H2: return step_h2(c);
	case PH_CLOSE: return step_close(c);
	case PH_LINGER: return step_linger(c);
	case PH_IDLE:
	case PH_GONE: break;
	}
	return IO_FAIL;
}

static void on_ready(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct conn *c = op->arg;

	(void)l;
	(void)flags;
	if (res < 0 && res != -ECANCELED && c->phase != PH_GONE)
		conn_free(c); /* the loop has no memory for us */
	else
		conn_continue(c);
}

static void conn_run(struct conn *c)
{
	enum io io;

	do
		io = step(c);
	while (io == IO_OK);
	if (c->pack && c->phase == PH_HEAD && io == IO_READ && idle_add(c))
		return;
	switch (io) {
	case IO_READ:
	case IO_WRITE:
		c->op.done = on_ready;
		loop_ready(c->w->loop, &c->op, c->io.fd, io == IO_READ ? POLLIN : POLLOUT);
		return;
	case IO_WAIT: return;
	case IO_OK:
	case IO_EOF:
	case IO_FAIL: conn_free(c); return;
	}
}

/* ---- beginning and stopping ------------------------------------------------------------------ */

/* One of the worker's, with nothing in it; NULL: no memory. */
static struct conn *new_conn(struct worker *w, struct addr_key addr)
{
	struct conn *c = leat_zalloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->w = w;
	c->addr = addr;
	c->op.arg = c;
	c->timer.fn = on_deadline;
	c->timer.arg = c;
	c->next = w->conns;
	c->pprev = &w->conns;
	if (c->next != NULL)
		c->next->pprev = &c->next;
	w->conns = c;
	return c;
}

bool conn_again(struct worker *w, const struct conn_parts *p)
{
	struct conn *c = new_conn(w, p->addr);

	if (c == NULL)
		return false;
	c->site = p->site;
	c->io = (struct tls_io){ .fd = p->fd, .early = true, .e = p->e, .h = p->h };
	c->phase = PH_IDLE;
	set_phase(c, PH_HEAD);
	c->was_up = c->awake = true;
	find_host(c);
	if (p->left_ms > 0)
		arm(c, (int)p->left_ms);
	else
		(void)to_close(c);
	conn_run(c);
	return true;
}

void conn_new(struct worker *w, int fd, struct addr_key addr)
{
	struct conn *c = new_conn(w, addr);

	if (c == NULL) {
		close(fd);
		worker_conn_gone(w, addr);
		return;
	}
	atomic_fetch_add(&w->counts.phases[c->phase], 1);
	c->site = site_ref(w->site);
	tls_io_init(&c->io, &c->site->tls, fd);
	arm(c, c->site->o->handshake_ms);
	conn_run(c);
}

/* A client that has just come is on its way to its first request, which it could not know to bring elsewhere. */
static bool is_fresh(const struct conn *c)
{
	return c->phase == PH_HANDSHAKE || (c->phase == PH_HEAD && c->turn == 0 && !c->awake);
}

void conn_stop(struct conn *c)
{
	if (is_fresh(c)) {
		arm(c, STOP_MS);
	} else if (c->phase == PH_H2) {
		h2_end(c);
		loop_cancel(c->w->loop, &c->op);
	} else if (c->phase == PH_HEAD && !c->half_head) {
		(void)to_close(c);
		loop_cancel(c->w->loop, &c->op);
	}
}
