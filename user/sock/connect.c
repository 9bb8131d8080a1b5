/* SPDX-License-Identifier: Apache-2.0
 *
 * connect.c - TCP to one of a host's addresses, in the resolver's order, within one time limit.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sock/conn.h"

/* With more addresses to try, one that does not answer may not eat all the time. */
#define ATTEMPT_MS 5000

/* A non-blocking connect that was started: how did it end? 0 or an errno value. */
static int finish(int fd, int64_t deadline)
{
	struct leat_err err = { 0 };
	socklen_t n = sizeof(int);
	int sys = 0;

	switch (sock_wait(&sys_real, fd, POLLOUT, deadline, &err)) {
	case LEAT_OK: break;
	case LEAT_AGAIN: return ETIMEDOUT;
	default: return err.sys;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) == 0 ? sys : errno;
}

/* A connected socket, or -errno. */
static int attempt(const struct addrinfo *a, int64_t deadline)
{
	int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int one = 1, sys = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		sys = errno == EINPROGRESS || errno == EINTR ? finish(fd, deadline) : errno;
	if (sys != 0) {
		close(fd);
		return -sys;
	}
	/* Records are whole answers: waiting for more bytes to fill a segment only delays them. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int64_t attempt_deadline(const struct addrinfo *a, int64_t deadline)
{
	int64_t own = sys_real.now_ms() + ATTEMPT_MS;

	return a->ai_next && own < deadline ? own : deadline;
}

static enum leat_ret no_address(const char *host, int gai, struct leat_err *err)
{
	err_raise(err, LEAT_E_SYSTEM, 0, gai == EAI_SYSTEM ? errno : 0, LEAT_HERE,
		"connect: no address for the host");
	err_detailf(err, "%s: %s", host, gai_strerror(gai));
	return LEAT_FAILED;
}

enum leat_ret sock_dial(
	int *fd, const char *host, uint16_t port, int64_t deadline, struct leat_err *err)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *a;
	char service[8];
	int r;

	*fd = -1;
	if (!host || !*host)
		return err_option(err, "host", "", "no host to connect to");
	if (port == 0)
		return err_option(err, "port", "0", "not a port to connect to");
	snprintf(service, sizeof(service), "%u", port);
	/* A literal needs no resolver, whatever state that is in. */
	want.ai_flags = AI_NUMERICHOST;
	r = getaddrinfo(host, service, &want, &list);
	if (r == EAI_NONAME) {
		want.ai_flags = 0;
		r = getaddrinfo(host, service, &want, &list);
	}
	if (r != 0)
		return no_address(host, r, err);
	for (a = list, r = -EHOSTUNREACH; a && r < 0; a = a->ai_next)
		r = attempt(a, attempt_deadline(a, deadline));
	freeaddrinfo(list);
	if (r < 0) {
		err_raise(err, r == -ETIMEDOUT ? LEAT_E_TIMEOUT : LEAT_E_SYSTEM, 0, -r, LEAT_HERE,
			"connect: failed");
		err_detailf(err, "%s port %u", host, port);
		return LEAT_FAILED;
	}
	*fd = r;
	return LEAT_OK;
}

enum leat_ret leat_tcp_connect(
	int *fd, const char *host, uint16_t port, int timeout_ms, struct leat_err *err)
{
	return sock_dial(fd, host, port, deadline_of(&sys_real, timeout_ms), err);
}
