/* SPDX-License-Identifier: Apache-2.0
 *
 * accept_conn.c - one connection of `leat accept`: phases and deadlines.
 *
 *	HANDSHAKE --> OPEN --> CLOSE --> LINGER --> freed
 *
 * guest_run steps through phases until one has to wait; then exactly one operation (g->op) is started
 * and its completion calls guest_run again. A deadline or an order acts by changing the phase and
 * cancelling the operation. A failure goes to CLOSE too: its alert is still to be sent, and the peer
 * must get a chance to read it before the transport ends.
 */
#include "tool/accept.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define CLOSE_MS     5000 /* for our last bytes to get into the transport */
#define LINGER_MS    2000
#define LINGER_BYTES (1024 * 1024)

static void guest_run(struct guest *g);

/* ---- the end --------------------------------------------------------------------------------- */

static size_t early_room(const struct accept *a)
{
	return a->o->early_max + sizeof(EARLY_MARK);
}

static void guest_free(struct guest *g)
{
	struct accept *a = g->a;

	report_guest(g);
	loop_timer_stop(a->loop, &g->timer);
	tls_io_clear(&g->io);
	if (g->io.fd >= 0)
		close(g->io.fd);
	leat_free_wipe(g->early_data, g->early_data != NULL ? early_room(a) : 0);
	*g->pprev = g->next;
	if (g->next != NULL)
		g->next->pprev = g->pprev;
	leat_free_wipe(g, sizeof(*g));
	accept_guest_gone(a);
}

void guest_kill(struct guest *g)
{
	if (!loop_op_busy(&g->op)) {
		guest_free(g);
		return;
	}
	if (g->phase == GUEST_GONE)
		return;
	report_guest(g);
	g->phase = GUEST_GONE;
	loop_timer_stop(g->a->loop, &g->timer);
	loop_cancel(g->a->loop, &g->op);
	loop_close(g->a->loop, g->io.fd);
	g->io.fd = -1;
}

/* ---- phases ---------------------------------------------------------------------------------- */

static void arm(struct guest *g, int ms)
{
	loop_timer_start(g->a->loop, &g->timer, (uint64_t)ms);
}

static enum io to_close(struct guest *g)
{
	g->phase = GUEST_CLOSE;
	arm(g, CLOSE_MS);
	return IO_OK;
}

static void timed_out(struct guest *g, const char *what)
{
	if (g->io.err.cls == LEAT_E_NONE)
		(void)err_raise(&g->io.err, LEAT_E_TIMEOUT, 0, 0, LEAT_HERE, what);
}

static void on_deadline(struct loop *l, struct loop_timer *t)
{
	struct guest *g = t->arg;

	switch (g->phase) {
	case GUEST_HANDSHAKE: timed_out(g, "handshake: not complete in time"); break;
	case GUEST_OPEN: timed_out(g, "connection: idle for too long"); break;
	case GUEST_CLOSE: timed_out(g, "close: the peer takes no more"); break;
	case GUEST_LINGER:
	case GUEST_GONE: break;
	}
	if (g->phase == GUEST_OPEN) {
		(void)to_close(g);
		loop_cancel(l, &g->op);
	} else {
		guest_kill(g);
	}
}

/* During the handshake; answered after it. The engine takes no more than the option allows. */
static void on_early(void *arg, struct leat_span data)
{
	struct guest *g = arg;

	if (g->early_data == NULL)
		g->early_data = leat_malloc(early_room(g->a));
	if (g->early_data == NULL || data.n > g->a->o->early_max - g->early)
		return;
	memcpy(g->early_data + g->early, data.p, data.n);
	g->early += data.n;
}

static enum io step_handshake(struct guest *g)
{
	enum io io = tls_io_handshake(&g->io, &g->a->tls);

	if (io == IO_FAIL)
		return to_close(g);
	if (io != IO_OK)
		return io;
	g->was_up = true;
	g->phase = GUEST_OPEN;
	arm(g, g->a->o->idle_ms);
	report_export(g);
	if (g->early > 0)
		talk_data(g, g->early_data, g->early, true);
	return IO_OK;
}

static enum io send_answer(struct guest *g)
{
	size_t taken;
	enum io io = tls_io_write(&g->io, g->out, g->out_n, &taken);

	if (io == IO_OK) {
		g->sent += taken;
		g->out += taken;
		g->out_n -= taken;
		arm(g, g->a->o->idle_ms);
	}
	return io;
}

/* What the client answered to guest_ask. */
static void note_auth(struct guest *g)
{
	if (leat_engine_wants(g->io.e) & LEAT_HAS_AUTH)
		report_auth(g, leat_engine_auth(g->io.e));
}

static enum io step_open(struct guest *g)
{
	size_t got;
	enum io io;

	if (g->out_n > 0) {
		io = send_answer(g);
	} else if ((io = tls_io_flush(&g->io)) != IO_OK) {
		;
	} else if (g->end_after) {
		return to_close(g);
	} else if ((io = tls_io_read(&g->io, g->buf, sizeof(g->buf), &got)) == IO_OK) {
		arm(g, g->a->o->idle_ms);
		g->received += got;
		talk_data(g, g->buf, got, false);
		if (g->a->o->key_update != 0 && ++g->pieces % g->a->o->key_update == 0)
			guest_key_update(g);
	}
	note_auth(g);
	return io == IO_EOF || io == IO_FAIL ? to_close(g) : io;
}

static enum io step_close(struct guest *g)
{
	enum io io = tls_io_shut(&g->io);

	if (io != IO_OK && io != IO_FAIL)
		return io;
	report_guest(g);
	if (io == IO_FAIL)
		return io;
	g->phase = GUEST_LINGER;
	g->linger_left = LINGER_BYTES;
	arm(g, LINGER_MS);
	return IO_OK;
}

static enum io step(struct guest *g)
{
	struct accept *a = g->a;

	switch (g->phase) {
	case GUEST_HANDSHAKE: return step_handshake(g);
	case GUEST_OPEN: return step_open(g);
	case GUEST_CLOSE: return step_close(g);
	case GUEST_LINGER:
		return tls_io_linger(&g->io, a->scratch, sizeof(a->scratch), &g->linger_left);
	case GUEST_GONE: break;
	}
	return IO_FAIL;
}

static void on_ready(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct guest *g = op->arg;

	(void)l;
	(void)flags;
	if (g->phase == GUEST_GONE || (res < 0 && res != -ECANCELED))
		guest_free(g);
	else
		guest_run(g);
}

static void guest_run(struct guest *g)
{
	enum io io;

	do
		io = step(g);
	while (io == IO_OK);
	if (io == IO_READ || io == IO_WRITE)
		loop_ready(g->a->loop, &g->op, g->io.fd, io == IO_READ ? POLLIN : POLLOUT);
	else if (io != IO_WAIT) /* lingering without reading waits for its deadline alone */
		guest_free(g);
}

/* ---- beginning, and ending from outside --------------------------------------------------------- */

void guest_new(struct accept *a, int fd)
{
	struct guest *g = leat_zalloc(sizeof(*g));

	if (g == NULL) {
		close(fd);
		return;
	}
	a->num_guests++;
	g->a = a;
	g->number = a->num_total;
	g->start_ms = loop_now_ms(a->loop);
	g->op = (struct loop_op){ .done = on_ready, .arg = g };
	g->timer = (struct loop_timer){ .fn = on_deadline, .arg = g };
	if (!listen_peer(fd, g->peer))
		memcpy(g->peer, "?", 2);
	g->next = a->guests;
	g->pprev = &a->guests;
	if (g->next != NULL)
		g->next->pprev = &g->next;
	a->guests = g;
	tls_io_init(&g->io, &a->tls, fd);
	g->io.on_early = on_early;
	g->io.early_arg = g;
	arm(g, a->o->handshake_ms);
	guest_run(g);
}

void guest_close(struct guest *g)
{
	if (g->phase == GUEST_HANDSHAKE) {
		guest_kill(g);
	} else if (g->phase == GUEST_OPEN) {
		(void)to_close(g);
		loop_cancel(g->a->loop, &g->op);
	}
}

/* A waiting guest is woken: the message goes out with its next step. A failure shows there too. */
void guest_key_update(struct guest *g)
{
	if (g->phase != GUEST_OPEN)
		return;
	(void)!leat_engine_key_update(g->io.e, true);
	loop_cancel(g->a->loop, &g->op);
}

void guest_ask(struct guest *g)
{
	if (g->phase != GUEST_OPEN)
		return;
	if (leat_engine_request_auth(g->io.e) == LEAT_UNSUPPORTED)
		report_auth(g, LEAT_AUTH_NONE);
	loop_cancel(g->a->loop, &g->op);
}
