/* SPDX-License-Identifier: Apache-2.0
 *
 * app_life.c - start and stop of the whole: the process's session caches by the settings, and the end of all sockets.
 * Who never calls either gets everything but those caches.
 */
#include "sock/app_life.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/err.h"
#include "sock/conn.h"

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER; /* one starts or stops at a time */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* around all below; held for a moment */
static pthread_cond_t gone = PTHREAD_COND_INITIALIZER;   /* the last socket was removed */
static struct ring sockets = { &sockets, &sockets };
static bool is_stopped;
static bool is_started; /* under life */

/* ---- sockets ----------------------------------------------------------------------------------- */

enum leat_ret app_may_begin(struct leat_err *err)
{
	bool stopped;

	pthread_mutex_lock(&lock);
	stopped = is_stopped;
	pthread_mutex_unlock(&lock);
	return stopped ? err_misuse(err, "leat: was stopped; leat_app_start starts it again")
		       : LEAT_OK;
}

void app_socket_add(struct app_socket *s, int fd, bool listens)
{
	*s = (struct app_socket){ .fd = fd, .listens = listens, .is_known = true };
	pthread_mutex_lock(&lock);
	ring_add(&sockets, &s->ring);
	pthread_mutex_unlock(&lock);
}

void app_socket_remove(struct app_socket *s)
{
	if (!s->is_known)
		return;
	pthread_mutex_lock(&lock);
	ring_remove(&s->ring);
	s->is_known = false;
	if (!ring_first(&sockets))
		pthread_cond_broadcast(&gone);
	pthread_mutex_unlock(&lock);
}

/* Ends them for their owners, who find out and close; lock is held. */
static void end_sockets(bool listeners)
{
	for (struct ring *r = sockets.next; r != &sockets; r = r->next) {
		struct app_socket *s = RING_OF(r, struct app_socket, ring);

		if (s->listens == listeners && s->fd >= 0)
			(void)shutdown(s->fd, SHUT_RDWR);
	}
}

/* Until the owners have closed all, but no longer; lock is held. */
static void await_sockets(int timeout_ms)
{
	struct timespec until;
	int r = 0;

	if (timeout_ms < 0)
		timeout_ms = INT32_MAX;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (ring_first(&sockets) && r == 0)
		r = pthread_cond_timedwait(&gone, &lock, &until);
}

static void set_stopped(bool stopped)
{
	pthread_mutex_lock(&lock);
	is_stopped = stopped;
	pthread_mutex_unlock(&lock);
}

/* ---- start and stop ------------------------------------------------------------------------------ */

static enum leat_ret start(const struct leat_app_opts *o, struct leat_err *err)
{
	/* Numbers are those of the settings. */
	const struct leat_session_cache_opts caches = { .ops = o->session_cb,
		.user = o->session_cb_user,
		.args = o->session_cb_init_args,
		.num_args = o->num_init_args };
	enum leat_ret r;

	if (leat_app_read_environment(err) != LEAT_OK)
		return LEAT_FAILED;
	r = leat_session_caches_start(&caches, &caches, err);
	/* somebody has started caches of other kinds: they are kept */
	return r == LEAT_UNSUPPORTED ? LEAT_OK : r;
}

enum leat_ret leat_app_start(const struct leat_app_opts *opts, struct leat_err *err)
{
	static const struct leat_app_opts defaults;
	enum leat_ret r = LEAT_FAILED;

	opts = opts ? opts : &defaults;
	if (opts->type != LEAT_TEMPORARY && opts->type != LEAT_TRANSIENT &&
		opts->type != LEAT_PERMANENT)
		return err_option(err, "type", NULL, "neither temporary, transient nor permanent");
	pthread_mutex_lock(&life);
	if (is_started)
		(void)err_misuse(err, "leat: is started already");
	else
		r = start(opts, err);
	if (r == LEAT_OK) {
		is_started = true;
		set_stopped(false);
	}
	pthread_mutex_unlock(&life);
	return r;
}

void leat_app_stop(int timeout_ms)
{
	pthread_mutex_lock(&life);
	is_started = false;
	set_stopped(true);
	pthread_mutex_lock(&lock);
	end_sockets(true);
	await_sockets(timeout_ms);
	end_sockets(false);
	pthread_mutex_unlock(&lock);
	leat_session_caches_stop();
	leat_pem_cache_clear();
	pthread_mutex_unlock(&life);
}
