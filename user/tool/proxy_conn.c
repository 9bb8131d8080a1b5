/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_conn.c - one connection of `leat proxy`: phases, deadlines, what it waits for, its end.
 *
 *	[HEADER] --> HANDSHAKE --> CONNECT --> PIPE --> freed      both ways ended in order
 *	                 |            |          |
 *	                 v            v          v
 *	               CLOSE        ABORT      ABORT               something was cut
 *	                 |
 *	               LINGER
 *
 * proxy_run_conn steps until a step has to wait. Both ways go on by themselves, so a connection may wait for
 * up to four things, each with an op of its own; a completion says no more than "look again", and every step
 * may be called without reason. An op that is not needed any more stays pending: it fires at most once.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/proxy.h"

/* What a side is owed when the other one was cut may take so long to be acknowledged. */
#define ABORT_MS 2000
#define LOOK_MS  20
/* An alert, and the client's end after it. */
#define CLOSE_MS     2000
#define LINGER_BYTES (256 * 1024)

/* ---- the end --------------------------------------------------------------------------------- */

static bool is_busy(const struct proxy_conn *c)
{
	for (unsigned i = 0; i < PROXY_WAITS; i++)
		if (loop_op_busy(&c->wait[i]))
			return true;
	return false;
}

static void free_if_idle(struct proxy_conn *c)
{
	struct proxy_worker *w = c->w;

	if (is_busy(c))
		return;
	*c->pprev = c->next;
	if (c->next != NULL)
		c->next->pprev = c->pprev;
	leat_free(c);
	crew_conn_gone(w->m);
}

/* close(2) then resets the connection: the peer must not take it for an end. A unix socket knows no reset;
 * its peer sees one only when it has sent bytes that we did not read. */
static void close_side(struct proxy_conn *c, int *fd, bool reset)
{
	const struct linger now = { .l_onoff = 1 };

	if (*fd < 0)
		return;
	if (reset)
		(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_close(c->w->m->loop, *fd);
	*fd = -1;
}

/* Everything but the ops that are still pending goes. */
static unsigned end(struct proxy_conn *c, const char *why, bool reset)
{
	if (c->phase == PX_GONE)
		return 0;
	c->phase = PX_GONE;
	if (c->why == NULL)
		c->why = why;
	loop_timer_stop(c->w->m->loop, &c->timer);
	loop_timer_stop(c->w->m->loop, &c->turn);
	proxy_log_conn(c);
	leat_free(c->error);
	c->error = NULL;
	close_side(c, &c->io.fd, reset);
	close_side(c, &c->back, reset);
	tls_io_clear(&c->io);
	way_clear(&c->up);
	way_clear(&c->down);
	pipe_pool_put(&c->w->pipes, &c->pipe);
	leat_free(c->header);
	c->header = NULL;
	atomic_fetch_add(&c->w->p->bytes_up, c->up.bytes);
	atomic_fetch_add(&c->w->p->bytes_down, c->down.bytes);
	return 0;
}

void proxy_conn_kill(struct proxy_conn *c, const char *why)
{
	(void)end(c, why, true);
	free_if_idle(c);
}

unsigned proxy_done(struct proxy_conn *c)
{
	return end(c, "done", false);
}

unsigned proxy_abort(struct proxy_conn *c, const char *why)
{
	c->why = why;
	proxy_phase(c, PX_ABORT, ABORT_MS);
	return 0;
}

unsigned proxy_close(struct proxy_conn *c, const char *why)
{
	c->why = why;
	proxy_note_io(c);
	close_side(c, &c->back, true);
	proxy_phase(c, PX_CLOSE, CLOSE_MS);
	return 0;
}

/* Where an error's text goes; NULL: there is one already, or no memory for it. */
static char *new_error(struct proxy_conn *c)
{
	return c->error ? NULL : (c->error = leat_malloc(PROXY_ERROR));
}

void proxy_note(struct proxy_conn *c, const char *what, int sys)
{
	char *text = new_error(c);

	if (text != NULL)
		snprintf(text, PROXY_ERROR, "%s%s%s", what, sys ? ": " : "",
			sys ? strerror(sys) : "");
}

void proxy_note_io(struct proxy_conn *c)
{
	char *text = c->io.err.cls != LEAT_E_NONE ? new_error(c) : NULL;

	if (text != NULL)
		(void)leat_strerror(&c->io.err, text, PROXY_ERROR);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void arm(struct proxy_conn *c, int ms)
{
	loop_timer_start(c->w->m->loop, &c->timer, (uint64_t)ms);
}

void proxy_phase(struct proxy_conn *c, enum proxy_phase phase, int ms)
{
	c->phase = phase;
	if (phase == PX_PIPE) {
		c->progress_ms = proxy_now(c);
		ms = c->w->p->o->idle_ms / 2 + 1;
	}
	arm(c, ms);
}

/* Bytes that a side has not acknowledged; 0 for none, or no side. */
static int unacknowledged(int fd)
{
	int n = 0;

	return fd >= 0 && ioctl(fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* Bytes that we moved are progress, and so are those that a slow reader has acknowledged since: a socket
 * calls itself writable only when a good part of its buffer is free again. */
static uint64_t idle_for(struct proxy_conn *c)
{
	int now[2] = { unacknowledged(c->io.fd), unacknowledged(c->back) };

	if (now[0] != c->queued[0] || now[1] != c->queued[1])
		c->progress_ms = proxy_now(c);
	memcpy(c->queued, now, sizeof(now));
	return proxy_now(c) - c->progress_ms;
}

/* The next look at a connection that pipes: often enough for both of its limits. */
static void arm_pipe(struct proxy_conn *c)
{
	const struct proxy_opts *o = c->w->p->o;
	int ms = o->idle_ms / 2 + 1;

	if (c->half_ms != 0) {
		uint64_t past = proxy_now(c) - c->half_ms;
		int left = past < (uint64_t)o->half_ms ? o->half_ms - (int)past : 0;

		ms = left < ms ? left : ms;
	}
	arm(c, ms);
}

static void pipe_deadline(struct proxy_conn *c)
{
	const struct proxy_opts *o = c->w->p->o;

	if (c->half_ms != 0 && proxy_now(c) - c->half_ms >= (uint64_t)o->half_ms)
		proxy_conn_kill(c, "half_close_timeout");
	else if (idle_for(c) >= (uint64_t)o->idle_ms)
		proxy_conn_kill(c, "idle_timeout");
	else
		arm_pipe(c);
}

static void on_deadline(struct loop *l, struct loop_timer *t)
{
	struct proxy_conn *c = t->arg;

	(void)l;
	switch (c->phase) {
	case PX_HEADER:
	case PX_HANDSHAKE:
		proxy_note(c, "handshake: not complete in time", 0);
		proxy_conn_kill(c, "handshake_timeout");
		return;
	case PX_CONNECT:
		(void)backend_late(c);
		proxy_run_conn(c);
		return;
	case PX_PIPE: pipe_deadline(c); return;
	case PX_ABORT:
	case PX_CLOSE:
	case PX_LINGER:
	case PX_GONE: proxy_conn_kill(c, c->why); return;
	}
}

static void on_turn(struct loop *l, struct loop_timer *t)
{
	(void)l;
	proxy_run_conn(t->arg);
}

unsigned proxy_soon(struct proxy_conn *c, unsigned ms)
{
	loop_timer_start(c->w->m->loop, &c->turn, ms);
	return WANT_TIMER;
}

/* ---- phases ---------------------------------------------------------------------------------- */

static unsigned to_backend(struct proxy_conn *c)
{
	struct leat_engine_info info;
	struct route *r;

	leat_engine_info(c->io.e, &info);
	r = proxy_route(c->w->p, info.sni);
	if (r == NULL) {
		proxy_note(c, "the client named no server, and there is no --backend", 0);
		return proxy_abort(c, "no_route");
	}
	c->group = &r->group;
	return backend_start(c);
}

static unsigned step_handshake(struct proxy_conn *c)
{
	switch (tls_io_handshake(&c->io, &c->w->p->tls)) {
	case IO_OK: return to_backend(c);
	case IO_READ: return WANT(FRONT_IN);
	case IO_WRITE: return WANT(FRONT_OUT);
	default: return proxy_close(c, "handshake_failed");
	}
}

static unsigned step_pipe(struct proxy_conn *c)
{
	unsigned want = ways_step(c);

	if (c->phase == PX_PIPE && c->half_ms == 0 &&
		(c->up.end == WAY_DONE || c->down.end == WAY_DONE)) {
		c->half_ms = proxy_now(c);
		arm_pipe(c);
	}
	return want;
}

static unsigned step_abort(struct proxy_conn *c)
{
	unsigned want = ways_flush(c);

	if (want != 0)
		return want;
	if (unacknowledged(c->io.fd) == 0 && unacknowledged(c->back) == 0)
		return end(c, c->why, true);
	return proxy_soon(c, LOOK_MS);
}

static unsigned step_close(struct proxy_conn *c)
{
	switch (tls_io_shut(&c->io)) {
	case IO_OK:
		c->linger_left = LINGER_BYTES;
		proxy_phase(c, PX_LINGER, CLOSE_MS);
		return 0;
	case IO_WRITE: return WANT(FRONT_OUT);
	default: return end(c, c->why, false);
	}
}

static unsigned step_linger(struct proxy_conn *c)
{
	switch (tls_io_linger(&c->io, c->w->scratch, c->w->p->o->buffer, &c->linger_left)) {
	case IO_OK: return 0;
	case IO_READ: return WANT(FRONT_IN);
	case IO_WAIT: return WANT_TIMER;
	default: return end(c, c->why, false);
	}
}

static unsigned step(struct proxy_conn *c)
{
	switch (c->phase) {
	case PX_HEADER: return hello_read(c);
	case PX_HANDSHAKE: return step_handshake(c);
	case PX_CONNECT: return backend_step(c);
	case PX_PIPE: return step_pipe(c);
	case PX_ABORT: return step_abort(c);
	case PX_CLOSE: return step_close(c);
	case PX_LINGER: return step_linger(c);
	case PX_GONE: break;
	}
	return 0;
}

static void start_wait(struct proxy_conn *c, enum proxy_wait w)
{
	static const short events[PROXY_WAITS] = { POLLIN, POLLOUT, POLLIN, POLLOUT };
	int fd = w == FRONT_IN || w == FRONT_OUT ? c->io.fd : c->back;

	/* One that waits for a backend that was given up is about to end, and comes here again. */
	if (!loop_op_busy(&c->wait[w]))
		loop_ready(c->w->m->loop, &c->wait[w], fd, events[w]);
}

void proxy_run_conn(struct proxy_conn *c)
{
	unsigned want;

	do
		want = step(c);
	while (want == 0 && c->phase != PX_GONE);
	if (c->phase == PX_GONE) {
		free_if_idle(c);
		return;
	}
	if (want & WANT_TURN)
		(void)proxy_soon(c, 0);
	for (unsigned w = 0; w < PROXY_WAITS; w++)
		if (want & WANT(w))
			start_wait(c, (enum proxy_wait)w);
}

static void on_wait(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct proxy_conn *c = op->arg;

	(void)l;
	(void)flags;
	if (c->phase == PX_GONE)
		free_if_idle(c);
	else if (res < 0 && res != -ECANCELED)
		proxy_conn_kill(c, "out_of_memory"); /* the loop's */
	else
		proxy_run_conn(c);
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* A listener on all addresses shows IPv4 clients as IPv6 ones; they are told apart by this. */
static void unmap(union proxy_addr *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = a->in6.sin6_port };

	if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	memcpy(&in.sin_addr, a->in6.sin6_addr.s6_addr + 12, sizeof(in.sin_addr));
	a->in = in;
}

static void learn_addresses(struct proxy_conn *c)
{
	socklen_t n = sizeof(c->src), k = sizeof(c->dst);

	c->has_addr = getpeername(c->io.fd, &c->src.any, &n) == 0 &&
		      getsockname(c->io.fd, &c->dst.any, &k) == 0;
	unmap(&c->src);
	unmap(&c->dst);
}

void proxy_conn_new(struct proxy_worker *w, int fd)
{
	const struct proxy_opts *o = w->p->o;
	struct proxy_conn *c = leat_zalloc(sizeof(*c));

	if (c == NULL) {
		close(fd);
		crew_conn_gone(w->m);
		return;
	}
	c->w = w;
	c->back = -1;
	c->pipe = pipe_none();
	for (unsigned i = 0; i < PROXY_WAITS; i++) {
		c->wait[i].done = on_wait;
		c->wait[i].arg = c;
	}
	c->timer = (struct loop_timer){ .fn = on_deadline, .arg = c };
	c->turn = (struct loop_timer){ .fn = on_turn, .arg = c };
	c->next = w->conns;
	c->pprev = &w->conns;
	if (c->next != NULL)
		c->next->pprev = &c->next;
	w->conns = c;
	c->number = atomic_fetch_add(&w->p->number, 1) + 1;
	c->start_ms = proxy_now(c);
	tls_io_init(&c->io, &w->p->tls, fd);
	c->io.full_duplex = true;
	learn_addresses(c);
	proxy_phase(c, o->accept_proxy ? PX_HEADER : PX_HANDSHAKE, o->handshake_ms);
	proxy_run_conn(c);
}
