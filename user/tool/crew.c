/* SPDX-License-Identifier: Apache-2.0
 *
 * crew.c - see crew.h: first the members, then the main thread.
 */
#include "tool/crew.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/tool.h"

/* How long accepting rests after it ran out of descriptors or connections. */
#define RETRY_MS 100
/* Descriptors that are no connections: listeners, rings, eventfds, logs. */
#define FDS_RESERVED 64
#define MAX_MEMBERS  256
/* How often the main thread looks up from its signals. */
#define TICKS_PER_SECOND 10

/* ---- accepting ------------------------------------------------------------------------------- */

static void wake_all(struct crew *c);

static void accept_start(struct crew_member *m)
{
	if (m->accepting || m->stopped || m->lfd < 0)
		return;
	m->accepting = true;
	loop_accept(m->loop, &m->accept, m->lfd);
}

static void on_retry(struct loop *l, struct loop_timer *t)
{
	struct crew_member *m = t->arg;

	if (atomic_load(&m->crew->num_conns) < m->crew->max_conns)
		accept_start(m);
	else
		loop_timer_start(l, &m->retry, RETRY_MS);
}

/* One or two may still come between the bound and the end of accepting; they are turned away. One that was
 * accepted when the listener was about to close is served: nobody else could. */
static void on_connection(struct crew_member *m, int fd)
{
	struct crew *c = m->crew;
	unsigned num = atomic_fetch_add(&c->num_conns, 1) + 1;

	m->num_conns++;
	steer_accepted(c->steering.steer, m->id);
	steer_publish(c->steering.steer, m->id, m->num_conns);
	if (num == c->max_conns)
		wake_all(c); /* the others must stop accepting too */
	if (num >= c->max_conns)
		loop_cancel(m->loop, &m->accept);
	if (m->killed || num > c->max_conns) {
		close(fd);
		crew_conn_gone(m);
		return;
	}
	c->ops->conn(m, fd);
}

static void on_accept(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct crew_member *m = op->arg;

	if (flags & LOOP_MORE) {
		on_connection(m, res);
		return;
	}
	m->accepting = false;
	/* EMFILE, ENFILE, ENOMEM, ECONNABORTED, or our own bound: later again. */
	if (!m->stopped)
		loop_timer_start(l, &m->retry, res == -ECONNABORTED ? 0 : RETRY_MS);
}

void crew_conn_gone(struct crew_member *m)
{
	m->num_conns--;
	steer_publish(m->crew->steering.steer, m->id, m->num_conns);
	atomic_fetch_sub(&m->crew->num_conns, 1);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void end_all(struct crew_member *m)
{
	m->killed = true;
	m->crew->ops->kill(m);
}

static void on_grace(struct loop *l, struct loop_timer *t)
{
	(void)l;
	end_all(t->arg);
}

/* Listeners close at once, so that newcomers are refused rather than left waiting. Where a server that was
 * started beside this one steers the address, those that wait here move to its listeners. */
static void hear_no_more(struct crew_member *m)
{
	m->stopped = true;
	steer_drain(m->crew->steering.steer, m->id);
	loop_timer_stop(m->loop, &m->retry);
	if (m->lfd >= 0)
		loop_close(m->loop, m->lfd);
	m->lfd = -1;
}

/* The main thread raised a flag, or another member met the bound. */
static void on_wake(struct loop *l, void *arg)
{
	struct crew_member *m = arg;
	struct crew *c = m->crew;

	if (atomic_load(&c->num_conns) >= c->max_conns)
		loop_cancel(l, &m->accept);
	if (atomic_load(&c->stop_now)) {
		hear_no_more(m);
		end_all(m);
	} else if (atomic_load(&c->stopping) && !m->stopped) {
		hear_no_more(m);
		loop_timer_start(l, &m->grace, (uint64_t)c->grace_ms);
		c->ops->stop(m);
	}
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void tell(struct crew *c, unsigned *counter, int err)
{
	pthread_mutex_lock(&c->lock);
	++*counter;
	if (err != 0 && c->err == 0)
		c->err = err;
	pthread_cond_broadcast(&c->news);
	pthread_mutex_unlock(&c->lock);
}

static void set_may_wake(struct crew_member *m, bool may)
{
	pthread_mutex_lock(&m->crew->lock);
	m->may_wake = may;
	pthread_mutex_unlock(&m->crew->lock);
}

static int member_open(struct crew_member *m)
{
	int err = 0;

	m->loop = loop_new(m->crew->loop, &err);
	if (m->loop == NULL)
		return -err;
	m->accept.done = on_accept;
	m->accept.arg = m;
	m->retry = (struct loop_timer){ .fn = on_retry, .arg = m };
	m->grace = (struct loop_timer){ .fn = on_grace, .arg = m };
	loop_on_wake(m->loop, on_wake, m);
	if (!steer_pin(m->crew->steering.steer, m->id))
		return errno;
	return m->crew->ops->open(m);
}

static void member_close(struct crew_member *m)
{
	struct crew *c = m->crew;

	m->killed = true;
	if (m->own != NULL)
		c->ops->kill(m);
	loop_free(m->loop); /* ends what kill left pending */
	m->loop = NULL;
	if (m->own != NULL)
		c->ops->close(m);
	if (m->lfd >= 0)
		close(m->lfd);
	m->lfd = -1;
}

static void *member_main(void *arg)
{
	struct crew_member *m = arg;
	int rc = member_open(m);

	set_may_wake(m, rc == 0);
	tell(m->crew, &m->crew->num_ready, rc);
	if (rc == 0) {
		accept_start(m);
		while (!(m->stopped && !m->accepting && m->num_conns == 0) && rc >= 0)
			rc = loop_run_once(m->loop, -1);
	}
	m->stopped = true;
	set_may_wake(m, false);
	member_close(m);
	tell(m->crew, &m->crew->num_ended, rc < 0 ? -rc : 0);
	return NULL;
}

/* ---- the main thread: before ----------------------------------------------------------------- */

static unsigned num_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > MAX_MEMBERS ? MAX_MEMBERS : (unsigned)n;
}

/* As many descriptors as we may have, then as many connections as they are enough for. */
static void bound_conns(struct crew *c)
{
	struct rlimit lim;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	lim.rlim_cur = lim.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	(void)getrlimit(RLIMIT_NOFILE, &lim);
	room = lim.rlim_cur > 2 * FDS_RESERVED ? (lim.rlim_cur - FDS_RESERVED) / c->fds_per_conn
					       : 16;
	if (c->max_conns > room)
		c->max_conns = (unsigned)room;
}

static int open_members(struct crew *c)
{
	c->members = leat_array(c->num, sizeof(*c->members));
	if (c->members == NULL)
		return tool_fail(c->args, TOOL_FAILED, "out of memory");
	for (unsigned i = 0; i < c->num; i++)
		c->members[i] = (struct crew_member){ .crew = c, .id = i, .lfd = -1 };
	/* The first one finds the port, the others share it. */
	for (unsigned i = 0; i < c->num; i++)
		if ((c->members[i].lfd = listen_open(
			     c->args, c->host, c->port, c->addr, &c->port)) < 0)
			return TOOL_FAILED;
	return 0;
}

static int start_steering(struct crew *c)
{
	int *fds = leat_array(c->num, sizeof(*fds));

	if (fds == NULL)
		return tool_fail(c->args, TOOL_FAILED, "out of memory");
	for (unsigned i = 0; i < c->num; i++)
		fds[i] = c->members[i].lfd;
	steering_start(c->args, &c->steering, fds, c->num);
	leat_free(fds);
	return 0;
}

static int start_threads(struct crew *c)
{
	unsigned started = 0;
	int rc = 0;

	for (; started < c->num && rc == 0; started++) {
		rc = pthread_create(
			&c->members[started].thread, NULL, member_main, &c->members[started]);
		c->members[started].started = rc == 0;
	}
	if (rc != 0)
		started--;
	pthread_mutex_lock(&c->lock);
	while (c->num_ready < started)
		pthread_cond_wait(&c->news, &c->lock);
	if (rc == 0)
		rc = c->err;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static void take_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGUSR2);
}

int crew_start(struct crew *c)
{
	sigset_t set;
	int rc;

	/* splice raises it where send has a flag against it */
	signal(SIGPIPE, SIG_IGN);
	take_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->news, NULL);
	bound_conns(c);
	if (c->num == 0)
		c->num = num_cpus();
	rc = open_members(c);
	if (rc == 0)
		rc = start_steering(c);
	if (rc != 0)
		return rc;
	rc = start_threads(c);
	if (rc == 0)
		return 0;
	atomic_store(&c->stop_now, true);
	atomic_store(&c->stopping, true);
	return tool_fail(c->args, TOOL_FAILED, "cannot start a worker: %s", strerror(rc));
}

/* ---- the main thread: during and after ------------------------------------------------------- */

/* A member that has ended has no loop to wake; the lock keeps it from ending meanwhile. */
static void wake_all(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->num; i++)
		if (c->members[i].may_wake)
			loop_wake(c->members[i].loop);
	pthread_mutex_unlock(&c->lock);
}

static bool all_ended(struct crew *c)
{
	unsigned started = 0;
	bool ended;

	for (unsigned i = 0; i < c->num; i++)
		started += c->members[i].started;
	pthread_mutex_lock(&c->lock);
	ended = c->num_ended >= started;
	if (c->err != 0)
		atomic_store(&c->stopping, true);
	pthread_mutex_unlock(&c->lock);
	return ended;
}

static void wait_for_end(struct crew *c)
{
	const struct timespec tick = { .tv_nsec = 1000000000 / TICKS_PER_SECOND };
	bool told = false;
	unsigned ticks = 0;
	sigset_t set;

	take_signals(&set);
	while (!all_ended(c)) {
		int sig = sigtimedwait(&set, NULL, &tick);

		if (++ticks % TICKS_PER_SECOND == 0)
			steer_age(c->steering.steer);
		if (sig == SIGUSR2) {
			tool_switch_kernel(c->args);
		} else if (sig > 0) {
			if (atomic_exchange(&c->stopping, true))
				atomic_store(&c->stop_now, true);
			told = false;
		}
		if (atomic_load(&c->stopping) && !told) {
			wake_all(c);
			told = true;
		}
	}
}

static void join_all(struct crew *c)
{
	for (unsigned i = 0; c->members != NULL && i < c->num; i++) {
		if (c->members[i].started)
			pthread_join(c->members[i].thread, NULL);
		else if (c->members[i].lfd >= 0)
			close(c->members[i].lfd);
		c->members[i].started = false;
		c->members[i].lfd = -1;
	}
}

int crew_wait(struct crew *c)
{
	wait_for_end(c);
	join_all(c);
	return c->err == 0
		       ? TOOL_OK
		       : tool_fail(c->args, TOOL_FAILED, "a worker failed: %s", strerror(c->err));
}

void crew_clear(struct crew *c)
{
	if (c->members != NULL)
		wait_for_end(c);
	join_all(c);
	leat_free(c->members);
	c->members = NULL;
	steering_clear(&c->steering);
	pthread_cond_destroy(&c->news);
	pthread_mutex_destroy(&c->lock);
}
