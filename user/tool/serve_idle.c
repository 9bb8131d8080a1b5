/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_idle.c - see serve_idle.h. One block holds a connection that waits: its socket, its engine (which rests too),
 * where its records are, and the operation that waits for the next byte. The worker has one deadline for all of
 * them, since they wait in order.
 *
 * After a reload with a shorter idle-timeout those of before go first, so the new ones may wait as long as these.
 */
#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "tool/serve.h"

/* What is to become of one when its operation has ended. */
enum idle_then {
	IDLE_GO_ON,
	IDLE_CLOSE, /* with close_notify */
	IDLE_GONE,  /* its descriptor is closed already */
};

struct idle_conn {
	struct idle_conn *next, **pprev; /* pprev NULL: taken out of the list */
	struct serve_site *site;         /* a reference */
	struct leat_engine *e;           /* owned */
	uint64_t addr_bits;              /* struct addr_key */
	uint8_t addr_family;
	bool in_kernel; /* both directions: then h is not there, but made again of ho */
	uint8_t then;   /* enum idle_then */
	uint32_t since_ms;
	int fd;
	struct loop_op op; /* its arg is the worker */
	struct handover_adopted ho;
	struct handover h[];
};

static struct addr_key addr_of(const struct idle_conn *i)
{
	return (struct addr_key){ i->addr_bits, i->addr_family };
}

/* ---- the list -------------------------------------------------------------------------------- */

static void list_append(struct idle_list *l, struct idle_conn *i)
{
	i->next = NULL;
	i->pprev = l->last;
	*l->last = i;
	l->last = &i->next;
	l->num++;
}

static void list_drop(struct idle_list *l, struct idle_conn *i)
{
	if (i->pprev == NULL)
		return;
	*i->pprev = i->next;
	if (i->next != NULL)
		i->next->pprev = i->pprev;
	else
		l->last = i->pprev;
	i->pprev = NULL;
	l->num--;
}

/* Milliseconds until i has waited as long as its site allows; 0: it has. */
static uint64_t left_ms(const struct worker *w, const struct idle_conn *i)
{
	uint32_t waited = (uint32_t)loop_now_ms(w->loop) - i->since_ms;
	uint32_t all = (uint32_t)i->site->o->idle_ms - IDLE_AFTER_MS;

	return waited < all ? all - waited : 0;
}

static void arm(struct worker *w)
{
	if (w->idle.first != NULL)
		loop_timer_start(w->loop, &w->idle.timer, left_ms(w, w->idle.first));
}

/* Its operation ends; on_ready does the rest. */
static void end(struct worker *w, struct idle_conn *i, enum idle_then then)
{
	list_drop(&w->idle, i);
	i->then = (uint8_t)then;
	loop_cancel(w->loop, &i->op);
}

static void on_deadline(struct loop *l, struct loop_timer *t)
{
	struct worker *w = t->arg;

	(void)l;
	while (w->idle.first != NULL && left_ms(w, w->idle.first) == 0)
		end(w, w->idle.first, IDLE_CLOSE);
	arm(w);
}

void idle_init(struct worker *w)
{
	w->idle.last = &w->idle.first;
	w->idle.timer = (struct loop_timer){ .fn = on_deadline, .arg = w };
}

/* ---- one of them ----------------------------------------------------------------------------- */

static void idle_free(struct worker *w, struct idle_conn *i)
{
	struct addr_key addr = addr_of(i);

	list_drop(&w->idle, i);
	leat_engine_free(i->e);
	if (i->fd >= 0)
		close(i->fd);
	site_unref(i->site);
	leat_free(i);
	conn_uncount(w, PH_IDLE);
	worker_conn_gone(w, addr);
}

/* A connection again. */
static void wake(struct worker *w, struct idle_conn *i)
{
	struct conn_parts p = { .fd = i->fd,
		.e = i->e,
		.site = i->site,
		.addr = addr_of(i),
		.left_ms = i->then == IDLE_CLOSE ? 0 : left_ms(w, i) };

	if (i->in_kernel)
		handover_adopt(&p.h, &sys_real, i->fd, &i->ho);
	else
		p.h = i->h[0];
	list_drop(&w->idle, i);
	if (conn_again(w, &p))
		leat_free(i);
	else
		idle_free(w, i);
}

static void on_ready(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct idle_conn *i = (struct idle_conn *)((char *)op - offsetof(struct idle_conn, op));
	struct worker *w = op->arg;

	(void)l;
	(void)flags;
	if (w->idle.killed || i->then == IDLE_GONE || (res < 0 && i->then == IDLE_GO_ON))
		idle_free(w, i); /* with an error: the loop has no memory for us */
	else
		wake(w, i);
}

bool idle_add(struct conn *c)
{
	bool in_kernel = handover_outcome(&c->io.h) == HANDOVER_BOTH;
	struct idle_conn *i;
	struct worker *w = c->w;

	if (c->buf != NULL || c->x != NULL || c->h2 != NULL || c->io.broken || c->io.closing ||
		(leat_engine_wants(c->io.e) & (LEAT_WANT_SEND | LEAT_IS_DEAD | LEAT_IS_EOF)))
		return false;
	i = leat_malloc(sizeof(*i) + (in_kernel ? 0 : sizeof(i->h[0])));
	if (i == NULL)
		return false;
	*i = (struct idle_conn){ .addr_bits = c->addr.bits,
		.addr_family = c->addr.family,
		.in_kernel = in_kernel,
		.since_ms = (uint32_t)loop_now_ms(w->loop),
		.fd = c->io.fd,
		.op = { .done = on_ready, .arg = w },
		.ho = { c->io.h.tx_left, c->io.h.tx_limit, c->io.h.tx_open },
		.e = c->io.e,
		.site = c->site };
	if (!in_kernel)
		i->h[0] = c->io.h;
	conn_leave(c);
	leat_engine_rest(i->e);
	list_append(&w->idle, i);
	if (w->idle.first == i)
		arm(w);
	loop_ready(w->loop, &i->op, i->fd, POLLIN);
	return true;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void idle_stop(struct worker *w)
{
	while (w->idle.first != NULL)
		end(w, w->idle.first, IDLE_CLOSE);
}

void idle_kill(struct worker *w)
{
	w->idle.killed = true;
	while (w->idle.first != NULL) {
		struct idle_conn *i = w->idle.first;

		w->cut++;
		end(w, i, IDLE_GONE);
		loop_close(w->loop, i->fd);
		i->fd = -1;
	}
}
