/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.c - the main thread of `leat serve`: prepares everything that can fail before the first
 * connection, starts one thread per worker, waits for signals, and sees the workers out.
 *
 * Signals are taken by sigtimedwait here and nowhere else, so no handler runs in the middle of
 * anything. The first SIGTERM or SIGINT: finish what is going on; the second: now. SIGHUP: serve_reload.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <leat/leat.h>

#include "base/mem.h"
#include "ktls/probe.h"
#include "tool/keylog.h"
#include "tool/serve.h"
#include "tool/sandbox.h"
#include "tool/serve_admin.h"
#include "tool/session_store.h"
#include "tool/systemd.h"

/* Descriptors that are no connections: listeners, rings, eventfds, the log, the folder. */
#define FDS_RESERVED 64
#define MAX_WORKERS  256
/* How often the main thread looks up from its signals. */
#define TICKS_PER_SECOND 10

/* ---- workers' news --------------------------------------------------------------------------- */

static void tell(struct serve *s, unsigned *counter, int err)
{
	pthread_mutex_lock(&s->lock);
	++*counter;
	if (err != 0 && s->worker_err == 0)
		s->worker_err = err;
	pthread_cond_broadcast(&s->news);
	pthread_mutex_unlock(&s->lock);
}

void serve_worker_ready(struct worker *w, int err)
{
	pthread_mutex_lock(&w->s->lock);
	w->may_wake = err == 0;
	pthread_mutex_unlock(&w->s->lock);
	tell(w->s, &w->s->num_ready, err);
}

void serve_worker_deaf(struct worker *w)
{
	pthread_mutex_lock(&w->s->lock);
	w->may_wake = false;
	pthread_mutex_unlock(&w->s->lock);
}

void serve_worker_ended(struct worker *w, int err)
{
	tell(w->s, &w->s->num_ended, err);
}

/* ---- before ---------------------------------------------------------------------------------- */

static unsigned num_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > MAX_WORKERS ? MAX_WORKERS : (unsigned)n;
}

/* As many descriptors as we may have. A connection needs one, a transfer up to four; four fifths for
 * connections leave enough for those that are at work, and what is short is waited for. */
static unsigned conns_allowed(unsigned wanted)
{
	struct rlimit lim;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return wanted;
	lim.rlim_cur = lim.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	(void)getrlimit(RLIMIT_NOFILE, &lim);
	room = lim.rlim_cur > 2 * FDS_RESERVED ? (lim.rlim_cur - FDS_RESERVED) / 5 * 4 : 16;
	return wanted < room ? wanted : (unsigned)room;
}

/* Several ranges are cut apart by this line; random, so that no file can hold it on purpose. */
static void make_boundary(struct serve *s)
{
	uint8_t r[16];

	s->shared.env.random(s->shared.env.arg, r, sizeof(r));
	snprintf(s->boundary, sizeof(s->boundary), "leat-");
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(s->boundary + 5 + 2 * i, 3, "%02x", r[i]);
}

/* What every site shares. */
static bool open_shared(struct serve *s, const struct serve_opts *o)
{
	struct leat_err err = { 0 };

	leat_env_system(&s->shared.env);
	s->shared.keys = o->key_process ? key_process_start(s->args) : NULL;
	if (o->key_process && s->shared.keys == NULL)
		return false;
	s->shared.keylog_fd = o->keylog ? keylog_open(s->args, o->keylog) : -1;
	if (o->keylog && s->shared.keylog_fd < 0)
		return false;
	s->shared.store = o->session_store ? session_store_open(s->args, o->session_store) : NULL;
	if (o->session_store && s->shared.store == NULL)
		return false;
	if (leat_ticket_keys_new(&s->shared.ticket_keys, LEAT_TICKET_KEY_PERIOD_S,
		    LEAT_TICKET_KEY_KEEP_S, &err) == LEAT_OK)
		return true;
	(void)tool_fail_err(s->args, TOOL_FAILED, &err);
	return false;
}

/* The first site, which takes o. */
static int make_site(struct serve *s, struct serve_opts *o)
{
	if (!open_shared(s, o)) {
		serve_opts_free(o);
		return TOOL_FAILED;
	}
	make_boundary(s);
	s->max_conns = conns_allowed(o->max_conns);
	s->max_h2_streams = s->max_conns / 6 + 16;
	s->first = site_new(s->args, o, &s->shared);
	if (s->first == NULL)
		return TOOL_FAILED;
	s->site = site_ref(s->first);
	s->o = s->first->o;
	return 0;
}

static bool make_addrs(struct serve *s)
{
	uint64_t seed;

	if (s->o->max_per_addr == 0)
		return true;
	s->shared.env.random(s->shared.env.arg, &seed, sizeof(seed));
	/* One or two more than max_conns may be there for a moment, each worker's last. */
	s->addrs = addr_limit_new(s->max_conns + 2 * s->num_workers, s->o->max_per_addr, seed);
	if (s->addrs == NULL)
		(void)tool_fail(s->args, TOOL_FAILED, "out of memory");
	return s->addrs != NULL;
}

/* A listener of each worker's own: the first one finds the port, the others share it. One that was handed over
 * is shared itself. */
static bool open_listeners(struct serve *s, int given, char addr[LISTEN_TEXT], uint16_t *port)
{
	*port = 0;
	if (given >= 0 && s->o->listen_given) {
		(void)tool_fail(s->args, TOOL_FAILED,
			"--listen: a socket was handed over already (LISTEN_FDS)");
		return false;
	}
	for (unsigned i = 0; i < s->num_workers; i++) {
		int fd = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, 0)
				    : listen_open(s->args, s->o->host,
					      *port != 0 ? *port : s->o->port, addr, port);

		if (given >= 0 && fd < 0)
			(void)tool_fail(s->args, TOOL_FAILED, "LISTEN_FDS: %s", strerror(errno));
		if (fd < 0)
			return false;
		s->workers[i].lfd = fd;
	}
	if (given >= 0)
		listen_name(given, addr, port);
	return true;
}

/* One that was handed over is the same for all workers: there is nothing to choose. */
static bool start_steering(struct serve *s, bool given)
{
	int *fds = leat_array(s->num_workers, sizeof(*fds));

	if (fds == NULL) {
		(void)tool_fail(s->args, TOOL_FAILED, "out of memory");
		return false;
	}
	s->steering = s->o->steering;
	for (unsigned i = 0; i < s->num_workers; i++)
		fds[i] = s->workers[i].lfd;
	if (given && s->steering.mode != STEER_OFF) {
		(void)tool_fail(s->args, TOOL_OK,
			"--steer: a socket that was handed over (LISTEN_FDS) is the same for all workers");
		s->steering.mode = STEER_OFF;
	}
	steering_start(s->args, &s->steering, fds, given ? 1 : s->num_workers);
	leat_free(fds);
	return true;
}

static int prepare(
	struct serve *s, struct serve_opts *o, int given, char addr[LISTEN_TEXT], uint16_t *port)
{
	int rc = make_site(s, o);

	if (rc != 0)
		return rc;
	s->log_fd = log_open(s->o->access_log);
	if (s->log_fd == -2)
		return tool_fail(s->args, TOOL_FAILED, "--access-log %s: %s", s->o->access_log,
			strerror(errno));
	s->num_workers = s->o->workers != 0 ? s->o->workers : num_cpus();
	s->workers = leat_array(s->num_workers, sizeof(*s->workers));
	if (s->workers == NULL)
		return tool_fail(s->args, TOOL_FAILED, "out of memory");
	for (unsigned i = 0; i < s->num_workers; i++) {
		struct worker *w = &s->workers[i];

		*w = (struct worker){ .s = s, .id = i, .lfd = -1 };
	}
	return make_addrs(s) && open_listeners(s, given, addr, port) &&
			       start_steering(s, given >= 0)
		       ? 0
		       : TOOL_FAILED;
}

static int start_workers(struct serve *s)
{
	unsigned started = 0;
	int rc = 0;

	for (; started < s->num_workers && rc == 0; started++) {
		struct worker *w = &s->workers[started];

		rc = pthread_create(&w->thread, NULL, worker_main, w);
		w->started = rc == 0;
	}
	if (rc != 0)
		started--;
	pthread_mutex_lock(&s->lock);
	while (s->num_ready < started)
		pthread_cond_wait(&s->news, &s->lock);
	if (rc == 0)
		rc = s->worker_err;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* ---- during and after ------------------------------------------------------------------------ */

/* A worker that has ended has no loop to wake; the lock keeps it from ending meanwhile. */
void serve_wake_all(struct serve *s)
{
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->num_workers; i++)
		if (s->workers[i].may_wake)
			loop_wake(s->workers[i].loop);
	pthread_mutex_unlock(&s->lock);
}

static bool all_ended(struct serve *s, unsigned started)
{
	bool ended, failed;

	pthread_mutex_lock(&s->lock);
	ended = s->num_ended == started;
	failed = s->worker_err != 0;
	pthread_mutex_unlock(&s->lock);
	if (failed && !atomic_load(&s->stopping))
		atomic_store(&s->stopping, true);
	return ended;
}

/* Without signatures every handshake fails: it is better to end, and to be started anew. */
static void watch_keys(struct serve *s)
{
	if (s->shared.keys == NULL || s->keys_gone || !key_process_is_gone(s->shared.keys))
		return;
	s->keys_gone = true;
	(void)tool_fail(s->args, TOOL_FAILED,
		"the key process has ended: nothing can be signed any more, the server stops");
	atomic_store(&s->stopping, true);
}

/* Returns when every worker has ended. */
static void wait_for_end(struct serve *s, const sigset_t *set)
{
	const struct timespec tick = { .tv_nsec = 1000000000 / TICKS_PER_SECOND };
	unsigned ticks = 0;
	unsigned started = 0;
	bool told = false;

	for (unsigned i = 0; i < s->num_workers; i++)
		started += s->workers[i].started;
	while (!all_ended(s, started)) {
		watch_keys(s);
		if (++ticks % TICKS_PER_SECOND == 0)
			steer_age(s->steering.steer);
		/* Without a signal there is nothing to do until one comes; afterwards, look often. */
		int sig = sigtimedwait(set, NULL, &tick);

		if (sig == SIGHUP) {
			serve_reload(s);
		} else if (sig == SIGUSR2) {
			tool_switch_kernel(s->args);
		} else if (sig > 0) {
			if (atomic_exchange(&s->stopping, true))
				atomic_store(&s->stop_now, true);
			systemd_notify("STOPPING=1");
			told = false;
		}
		if (atomic_load(&s->stopping) && !told) {
			serve_wake_all(s);
			told = true;
		}
	}
}

static unsigned join_all(struct serve *s)
{
	unsigned cut = 0;

	for (unsigned i = 0; s->workers != NULL && i < s->num_workers; i++) {
		struct worker *w = &s->workers[i];

		if (w->started)
			pthread_join(w->thread, NULL);
		else if (w->lfd >= 0)
			close(w->lfd);
		cut += w->cut;
	}
	return cut;
}

static void clear(struct serve *s)
{
	leat_free(s->workers);
	steering_clear(&s->steering);
	site_unref(s->site);
	site_unref(s->first);
	leat_ticket_keys_unref(s->shared.ticket_keys);
	leat_store_unref(s->shared.store);
	key_process_stop(s->shared.keys);
	if (s->log_fd > STDERR_FILENO)
		close(s->log_fd);
	pthread_cond_destroy(&s->news);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->addr_lock);
	addr_limit_free(s->addrs);
}

/* Signals are for sigtimedwait alone, in every thread. */
static void block_signals(sigset_t *set)
{
	/* splice and sendfile raise it where send has a flag against it */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* What a server never does it cannot do either; where the kernel has no filters it goes on without. */
static void enter_sandbox(struct serve *s)
{
	(void)leat_ktls_caps_get(); /* tries the kernel out with sockets of its own, once */
	if (!s->o->no_sandbox && !sandbox_server())
		(void)tool_fail(
			s->args, TOOL_OK, "no filter of system calls here: %s", strerror(errno));
}

/* Everything that is to be opened; and the last thing before the first thread: the rights it took are given up. */
static int open_all(struct serve *s, struct serve_opts *o, struct serve_admin *admin,
	char addr[LISTEN_TEXT], uint16_t *port)
{
	struct systemd_sockets given;
	int rc;

	if (!systemd_take_sockets(s->args, &given)) {
		serve_opts_free(o);
		return TOOL_FAILED;
	}
	rc = prepare(s, o, given.serve, addr, port);
	if (given.serve >= 0)
		close(given.serve);
	if (rc == 0 && !serve_admin_open(admin, s, given.metrics))
		rc = TOOL_FAILED;
	if (rc == 0 && !identity_become(s->args, &s->o->user))
		rc = TOOL_FAILED;
	if (rc == 0)
		enter_sandbox(s);
	return rc;
}

/* Until a signal, and the end of every worker. */
static int serve_all(struct serve *s, struct serve_admin *admin, const char *addr, uint16_t port,
	const sigset_t *set)
{
	int rc = 0, err = start_workers(s);

	if (err == 0)
		err = serve_admin_start(admin);
	if (err == 0) {
		say_start(s, addr, port, admin->addr);
		systemd_notify("READY=1\nSTATUS=Serving.");
	} else {
		rc = tool_fail(s->args, TOOL_FAILED, "cannot start a worker: %s", strerror(err));
		atomic_store(&s->stop_now, true);
		atomic_store(&s->stopping, true);
	}
	wait_for_end(s, set);
	return rc;
}

int serve_run(const struct args *args, struct serve_opts *o)
{
	struct serve s = { .args = args, .log_fd = -1, .start_s = time(NULL) };
	struct serve_admin admin = { .lfd = -1, .stop_fd = -1 };
	char addr[LISTEN_TEXT] = "";
	uint16_t port = 0;
	unsigned cut;
	sigset_t set;
	int rc;

	block_signals(&set);
	pthread_mutex_init(&s.lock, NULL);
	pthread_mutex_init(&s.addr_lock, NULL);
	pthread_cond_init(&s.news, NULL);

	rc = open_all(&s, o, &admin, addr, &port);
	if (rc == 0)
		rc = serve_all(&s, &admin, addr, port, &set);
	serve_admin_close(&admin);
	cut = join_all(&s);
	if (rc == 0) {
		say_end(&s, cut);
		if (s.worker_err != 0)
			rc = tool_fail(
				args, TOOL_FAILED, "a worker failed: %s", strerror(s.worker_err));
	}
	if (s.keys_gone)
		rc = TOOL_FAILED;
	clear(&s);
	return rc;
}
