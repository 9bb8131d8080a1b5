/* SPDX-License-Identifier: Apache-2.0
 *
 * accept.c - the server of `leat accept`: listener, newcomers, signals, the end.
 *
 * Newcomers are taken one by one, only while there is a place for them: what is in the backlog waits
 * and is not turned away, so `--max-connections 1` serves one after the other.
 */
#include "tool/accept.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

/* How long accepting rests after it ran out of descriptors. */
#define RETRY_MS 100
/* For guests to leave, once we stop. */
#define GRACE_MS 3000

static void wait_for_arrival(struct accept *a)
{
	if (a->lfd >= 0 && !loop_op_busy(&a->arrival) && a->num_guests < a->o->max_conns)
		loop_ready(a->loop, &a->arrival, a->lfd, POLLIN);
}

static bool all_came(const struct accept *a)
{
	return a->o->count != 0 && a->num_total >= a->o->count;
}

static void close_listener(struct accept *a)
{
	a->stopping = true;
	loop_timer_stop(a->loop, &a->retry);
	if (a->lfd >= 0)
		loop_close(a->loop, a->lfd);
	a->lfd = -1;
}

static void on_arrival(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct accept *a = op->arg;
	int fd, err = 0;

	(void)flags;
	if (a->lfd < 0 || res == -ECANCELED)
		return;
	while (a->num_guests < a->o->max_conns && !all_came(a) && err == 0) {
		fd = accept4(a->lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			a->num_total++;
			guest_new(a, fd);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			err = errno;
		}
	}
	if (all_came(a))
		close_listener(a);
	else if (err != 0 && err != EAGAIN)
		loop_timer_start(l, &a->retry, RETRY_MS); /* EMFILE, ENFILE, ENOMEM */
	else
		wait_for_arrival(a);
}

static void on_retry(struct loop *l, struct loop_timer *t)
{
	(void)l;
	wait_for_arrival(t->arg);
}

void accept_guest_gone(struct accept *a)
{
	a->num_guests--;
	if (!loop_timer_armed(&a->retry))
		wait_for_arrival(a);
}

/* ---- stopping -------------------------------------------------------------------------------- */

void accept_for_all(struct accept *a, void (*fn)(struct guest *g))
{
	struct guest *next;

	for (struct guest *g = a->guests; g != NULL; g = next) {
		next = g->next;
		fn(g);
	}
}

static void on_grace(struct loop *l, struct loop_timer *t)
{
	(void)l;
	accept_for_all(t->arg, guest_kill);
}

void accept_stop(struct accept *a)
{
	close_listener(a);
	if (!loop_timer_armed(&a->grace))
		loop_timer_start(a->loop, &a->grace, GRACE_MS);
	accept_for_all(a, guest_close);
}

static void on_signal(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct accept *a = op->arg;
	struct signalfd_siginfo info;

	(void)flags;
	if (res < 0)
		return;
	if (read(a->sigfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR2)
			tool_switch_kernel(a->args);
		else if (loop_timer_armed(&a->grace))
			accept_for_all(a, guest_kill); /* the second one */
		else
			accept_stop(a);
	}
	loop_ready(l, op, a->sigfd, POLLIN);
}

/* ---- running --------------------------------------------------------------------------------- */

static int prepare(struct accept *a)
{
	char addr[LISTEN_TEXT];
	uint16_t port;
	sigset_t set;
	int err;

	/* A gone reader of the report is no reason to stop. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a->sigfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (a->sigfd < 0)
		return tool_fail(a->args, TOOL_FAILED, "signalfd: %s", strerror(errno));
	a->loop = loop_new(LOOP_AUTO, &err);
	if (a->loop == NULL)
		return tool_fail(a->args, TOOL_FAILED, "event loop: %s", strerror(-err));
	a->lfd = listen_open(a->args, a->o->host, a->o->port, addr, &port);
	if (a->lfd < 0)
		return TOOL_FAILED;
	a->arrival = (struct loop_op){ .done = on_arrival, .arg = a };
	a->signal = (struct loop_op){ .done = on_signal, .arg = a };
	a->retry = (struct loop_timer){ .fn = on_retry, .arg = a };
	a->grace = (struct loop_timer){ .fn = on_grace, .arg = a };
	loop_ready(a->loop, &a->signal, a->sigfd, POLLIN);
	if (a->o->orders)
		orders_start(a);
	report_start(a, addr, port);
	wait_for_arrival(a);
	return TOOL_OK;
}

int accept_run(const struct args *args, const struct accept_opts *o, const struct tls_site *tls)
{
	struct accept *a = leat_zalloc(sizeof(*a));
	int rc, code;

	if (a == NULL)
		return tool_fail(args, TOOL_FAILED, "out of memory");
	a->args = args;
	a->o = o;
	a->tls = *tls;
	a->lfd = a->sigfd = -1;
	code = prepare(a);
	if (code == TOOL_OK) {
		do
			rc = loop_run_once(a->loop, -1);
		while (rc >= 0 && !(a->stopping && a->num_guests == 0));
		accept_for_all(a, guest_kill);
		if (rc < 0)
			code = tool_fail(args, TOOL_FAILED, "event loop: %s", strerror(-rc));
		report_end(a);
	}
	loop_free(a->loop); /* ends what is pending; the last guests go with it */
	if (a->lfd >= 0)
		close(a->lfd);
	if (a->sigfd >= 0)
		close(a->sigfd);
	leat_free(a);
	return code;
}
