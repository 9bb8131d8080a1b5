/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_worker.c - one thread of `leat serve`: its loop, its listener, its connections.
 *
 * Every worker has a listener of its own on the same address (SO_REUSEPORT), so the kernel spreads
 * connections and nothing is shared on the way. The number of connections is bounded for the whole
 * server: at the bound a worker stops accepting and the backlog waits.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/serve.h"

/* How long accepting rests after it ran out of descriptors or connections. */
#define RETRY_MS 100

static void accept_start(struct worker *w)
{
	if (w->accepting || w->stopped || w->lfd < 0)
		return;
	w->accepting = true;
	loop_accept(w->loop, &w->accept, w->lfd);
}

static void on_retry(struct loop *l, struct loop_timer *t)
{
	struct worker *w = t->arg;

	(void)l;
	if (atomic_load(&w->s->num_conns) < w->s->max_conns)
		accept_start(w);
	else
		loop_timer_start(w->loop, &w->retry, RETRY_MS);
}

/* false: its address has as many as it may. */
static bool addr_enter(struct serve *s, int fd, struct addr_key *key)
{
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(a);
	bool ok;

	*key = (struct addr_key){ 0 };
	if (s->addrs == NULL)
		return true;
	(void)getpeername(fd, (struct sockaddr *)&a, &n);
	*key = addr_key_of((struct sockaddr *)&a);
	pthread_mutex_lock(&s->addr_lock);
	ok = addr_limit_enter(s->addrs, *key);
	pthread_mutex_unlock(&s->addr_lock);
	if (!ok)
		*key = (struct addr_key){ 0 }; /* nothing to leave */
	return ok;
}

static void turn_away(struct worker *w, int fd, struct addr_key key, atomic_ullong *counter)
{
	atomic_fetch_add(counter, 1);
	close(fd);
	worker_conn_gone(w, key);
}

/* One or two may still come between the bound and the end of accepting; they are turned away. One that was
 * accepted when the listener was about to close is served: nobody else could. */
static void on_connection(struct worker *w, int fd)
{
	unsigned num = atomic_fetch_add(&w->s->num_conns, 1) + 1;
	struct addr_key key;

	w->num_conns++;
	steer_accepted(w->s->steering.steer, w->id);
	steer_publish(w->s->steering.steer, w->id, w->num_conns);
	atomic_fetch_add(&w->counts.accepted, 1);
	if (num == w->s->max_conns)
		serve_wake_all(w->s); /* the others must stop accepting too */
	if (num >= w->s->max_conns)
		loop_cancel(w->loop, &w->accept);
	if (!addr_enter(w->s, fd, &key))
		turn_away(w, fd, key, &w->counts.addr_full);
	else if (w->killed || num > w->s->max_conns)
		turn_away(w, fd, key, &w->counts.full);
	else
		conn_new(w, fd, key);
}

static void on_accept(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct worker *w = op->arg;

	if (flags & LOOP_MORE) {
		on_connection(w, res);
		return;
	}
	w->accepting = false;
	/* EMFILE, ENFILE, ENOMEM, ECONNABORTED, or our own bound: later again. */
	if (!w->stopped)
		loop_timer_start(l, &w->retry, res == -ECONNABORTED ? 0 : RETRY_MS);
}

void worker_conn_gone(struct worker *w, struct addr_key addr)
{
	if (addr.family != 0) {
		pthread_mutex_lock(&w->s->addr_lock);
		addr_limit_leave(w->s->addrs, addr);
		pthread_mutex_unlock(&w->s->addr_lock);
	}
	w->num_conns--;
	steer_publish(w->s->steering.steer, w->id, w->num_conns);
	atomic_fetch_sub(&w->s->num_conns, 1);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void kill_all(struct worker *w)
{
	struct conn *next;

	w->killed = true;
	for (struct conn *c = w->conns; c != NULL; c = next) {
		next = c->next;
		w->cut++;
		conn_kill(c);
	}
	idle_kill(w);
}

static void on_grace(struct loop *l, struct loop_timer *t)
{
	(void)l;
	kill_all(t->arg);
}

/* After a reload new connections get the new site. Old ones keep theirs for the answer under way and the
 * next, which says Connection: close: to close an idle one could cut off a request that is on its way. */
static void follow_site(struct worker *w)
{
	struct serve_site *site;

	pthread_mutex_lock(&w->s->lock);
	site = site_ref(w->s->site);
	pthread_mutex_unlock(&w->s->lock);
	if (w->site != NULL && w->site != site)
		file_cache_forget(&w->files);
	site_unref(w->site);
	w->site = site;
}

/* The main thread raised a flag or has a new site, or another worker met the bound. */
static void on_wake(struct loop *l, void *arg)
{
	struct worker *w = arg;
	struct conn *next;

	follow_site(w);
	if (atomic_load(&w->s->num_conns) >= w->s->max_conns)
		loop_cancel(l, &w->accept);
	if (atomic_load(&w->s->stop_now)) {
		w->stopped = true;
		kill_all(w);
	} else if (atomic_load(&w->s->stopping) && !w->stopped) {
		w->stopped = true;
		loop_timer_stop(l, &w->retry);
		loop_timer_start(l, &w->grace, (uint64_t)w->s->o->grace_ms);
		for (struct conn *c = w->conns; c != NULL; c = next) {
			next = c->next;
			conn_stop(c);
		}
		idle_stop(w);
	}
	if (w->stopped && w->lfd >= 0) {
		/* Closed at once, so that newcomers are refused rather than left waiting. Where a server that was
		 * started beside this one steers the address, those that wait here move to its listeners. */
		steer_drain(w->s->steering.steer, w->id);
		loop_close(l, w->lfd);
		w->lfd = -1;
	}
}

/* ---- the thread ------------------------------------------------------------------------------ */

static int worker_open(struct worker *w)
{
	int err = 0;

	follow_site(w);
	w->loop = loop_new(w->s->o->loop, &err);
	if (w->loop == NULL)
		return -err;
	file_cache_init(&w->files, w->loop, (uint64_t)w->s->o->file_cache_ms);
	w->scratch = leat_malloc(SERVE_SCRATCH + EXCHANGE_TEXT);
	if (w->scratch == NULL || !log_start(w))
		return ENOMEM;
	w->accept.done = on_accept;
	w->accept.arg = w;
	w->retry = (struct loop_timer){ .fn = on_retry, .arg = w };
	w->grace = (struct loop_timer){ .fn = on_grace, .arg = w };
	idle_init(w);
	loop_on_wake(w->loop, on_wake, w);
	return steer_pin(w->s->steering.steer, w->id) ? 0 : errno;
}

static void worker_close(struct worker *w)
{
	kill_all(w);
	loop_free(w->loop); /* ends what kill_all left pending */
	w->loop = NULL;
	file_cache_clear(&w->files);
	if (w->lfd >= 0)
		close(w->lfd);
	w->lfd = -1;
	while (w->num_pipes > 0) {
		struct body_pipe *p = &w->pipes[--w->num_pipes];

		close(p->rd);
		close(p->wr);
	}
	log_end(w);
	leat_free(w->scratch);
	site_unref(w->site);
}

void *worker_main(void *arg)
{
	struct worker *w = arg;
	int rc = worker_open(w);

	serve_worker_ready(w, rc);
	if (rc == 0) {
		accept_start(w);
		while (!(w->stopped && !w->accepting && w->num_conns == 0) && rc >= 0) {
			rc = loop_run_once(w->loop, -1);
			log_flush(w);
		}
	}
	w->stopped = true;
	serve_worker_deaf(w);
	worker_close(w);
	serve_worker_ended(w, rc < 0 ? -rc : 0);
	return NULL;
}
