/* SPDX-License-Identifier: Apache-2.0
 *
 * connect.c - TCP to one of a host's addresses, within one time limit: a race in which each address starts
 * a little after the one before it, families by turns (RFC 8305, "happy eyeballs"). Names become addresses
 * in resolve.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "sock/conn.h"
#include "sock/resolve.h"

/* RFC 8305 5: "Connection Attempt Delay [...] 250 milliseconds." */
#define ATTEMPT_DELAY_MS 250

struct race {
	const struct addrinfo *runners[LIM_DIAL]; /* in the order in which they start */
	unsigned num_runners, started;
	struct pollfd open[LIM_DIAL]; /* attempts under way */
	unsigned num_open;
	int64_t next_ms; /* when the next one starts */
	int sys;         /* why the first one failed */
	const struct sockplan *plan;
	struct leat_err refused; /* an option of plan, by the kernel */
};

static const struct addrinfo *of_family(const struct addrinfo *a, int family, bool same)
{
	while (a && (a->ai_family == family) != same)
		a = a->ai_next;
	return a;
}

/* RFC 8305 4: the resolver's order, but "interleave address families", so that a family which does not work
 * here costs one delay and not one for each of its addresses. */
static void line_up(struct race *r, const struct addrinfo *list)
{
	int family = list->ai_family;
	const struct addrinfo *next[2] = { list, of_family(list, family, false) };

	for (unsigned turn = 0; r->num_runners < LIM_DIAL && (next[0] || next[1]); turn ^= 1) {
		const struct addrinfo *a = next[turn];

		if (!a)
			continue;
		r->runners[r->num_runners++] = a;
		next[turn] = of_family(a->ai_next, family, turn == 0);
	}
}

static void note_failure(struct race *r, int sys)
{
	if (r->sys == 0)
		r->sys = sys;
	r->next_ms = sys_real.now_ms(); /* RFC 8305 5: the next need not wait any longer */
}

/* The end that is ours. 0 or an errno value. */
static int bind_own(int fd, int family, const struct sockplan *plan)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a;
	void *ip = family == AF_INET ? (void *)&a.in.sin_addr : (void *)&a.in6.sin6_addr;

	if (!plan->ip && !plan->port)
		return 0;
	memset(&a, 0, sizeof(a));
	a.sa.sa_family = (sa_family_t)family;
	if (plan->ip && inet_pton(family, plan->ip, ip) != 1)
		return EAFNOSUPPORT;
	a.in.sin_port = htons(plan->port); /* at the same place in both */
	return bind(fd, &a.sa, family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) == 0 ? 0 : errno;
}

/* Options of a new socket, before it is connected. 0 or an errno value. */
static int equip(struct race *r, int fd, int family)
{
	int one = 1;

	/* Records are whole answers: waiting for more bytes to fill a segment only delays them. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!r->plan)
		return 0;
	if (sockplan_apply(r->plan, fd, &r->refused) != LEAT_OK)
		return r->refused.sys;
	return bind_own(fd, family, r->plan);
}

/* The next one starts. A descriptor: it is connected already; -1: it is under way, or failed. */
static int start_next(struct race *r)
{
	const struct addrinfo *a = r->runners[r->started++];
	int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int sys;

	r->next_ms = sys_real.now_ms() + ATTEMPT_DELAY_MS;
	if (fd < 0) {
		note_failure(r, errno);
		return -1;
	}
	sys = equip(r, fd, a->ai_family);
	if (sys != 0) {
		note_failure(r, sys);
		close(fd);
		return -1;
	}
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS || errno == EINTR) {
		r->open[r->num_open++] = (struct pollfd){ fd, POLLOUT, 0 };
		return -1;
	}
	note_failure(r, errno);
	close(fd);
	return -1;
}

/* Looks at those whose end poll(2) told: the first that got through, or -1. */
static int harvest(struct race *r)
{
	for (unsigned i = r->num_open; i-- > 0;) {
		int fd = r->open[i].fd, sys = 0;
		socklen_t n = sizeof(sys);

		if (r->open[i].revents == 0)
			continue;
		r->open[i] = r->open[--r->num_open];
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) != 0)
			sys = errno;
		if (sys == 0)
			return fd;
		note_failure(r, sys);
		close(fd);
	}
	return -1;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Waits until an attempt ends or the next may start; false when the time is over or poll(2) fails. */
static bool race_wait(struct race *r, int64_t deadline)
{
	bool more = r->started < r->num_runners;
	int64_t until = more ? sooner(deadline, r->next_ms) : deadline;
	int64_t now = sys_real.now_ms();
	int64_t left = until > now ? until - now : 0;
	int n = sys_real.poll(
		r->open, r->num_open, until == DEADLINE_NEVER ? -1 : (int)sooner(left, INT32_MAX));

	if (n < 0 && n != -EINTR) {
		r->sys = -n;
		return false;
	}
	if (n != 0)
		return true;
	if (sys_real.now_ms() < deadline)
		return true;
	r->sys = ETIMEDOUT;
	return false;
}

/* A connected socket, or -1 with r->sys. */
static int run(struct race *r, int64_t deadline)
{
	int fd = -1;

	while (fd < 0) {
		if (r->started < r->num_runners &&
			(r->num_open == 0 || sys_real.now_ms() >= r->next_ms)) {
			fd = start_next(r);
			continue;
		}
		if (r->num_open == 0)
			break; /* all have failed */
		for (unsigned i = 0; i < r->num_open; i++)
			r->open[i].revents = 0;
		if (!race_wait(r, deadline))
			break;
		fd = harvest(r);
	}
	while (r->num_open > 0)
		close(r->open[--r->num_open].fd);
	return fd;
}

enum leat_ret dial_any(int *fd, const struct addrinfo *list, const struct sockplan *plan,
	int64_t deadline, struct leat_err *err)
{
	struct race r = { .plan = plan };

	line_up(&r, list);
	*fd = run(&r, deadline);
	if (*fd >= 0)
		return LEAT_OK;
	if (r.refused.cls != LEAT_E_NONE) {
		*err = r.refused;
		return LEAT_FAILED;
	}
	return err_raise(err, r.sys == ETIMEDOUT ? LEAT_E_TIMEOUT : LEAT_E_SYSTEM, 0, r.sys,
		LEAT_HERE, "connect: failed");
}

enum leat_ret sock_dial(int *fd, const char *host, uint16_t port, const struct sockplan *plan,
	int64_t deadline, struct leat_err *err)
{
	struct addrinfo *list;
	enum leat_ret r;

	*fd = -1;
	if (!host || !*host)
		return err_option(err, "host", "", "no host to connect to");
	if (port == 0)
		return err_option(err, "port", "0", "not a port to connect to");
	r = resolve_host(&list, host, port, plan ? plan->family : AF_UNSPEC, deadline, err);
	if (r != LEAT_OK)
		return r;
	r = dial_any(fd, list, plan, deadline, err);
	freeaddrinfo(list);
	if (r == LEAT_FAILED && err->cls != LEAT_E_SOCKOPT)
		err_detailf(err, "%s port %u", host, port);
	return r;
}

enum leat_ret leat_tcp_connect(
	int *fd, const char *host, uint16_t port, int timeout_ms, struct leat_err *err)
{
	return sock_dial(fd, host, port, NULL, deadline_of(&sys_real, timeout_ms), err);
}
