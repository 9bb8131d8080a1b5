/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - a listening socket with a config, and connections taken from it.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "sock/conn.h"

struct leat_listener {
	struct leat_config *cfg;
	int fd;
	uint16_t port;
};

static uint16_t bound_port(int fd)
{
	/* Room for an IPv4 address too, whose port lies at the same place. */
	struct sockaddr_in6 a = { 0 };
	socklen_t n = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return 0;
	return ntohs(a.sin6_port);
}

/* A listening socket on one address, or -errno. any: IPv6 takes IPv4 as well. */
static int listen_on(const struct addrinfo *a, bool any)
{
	int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int one = 1, zero = 0, sys;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (any && a->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	sys = errno;
	close(fd);
	return -sys;
}

/* The first address that can be listened on, or -errno, or a positive getaddrinfo code in *gai. */
static int listen_first(const char *host, uint16_t port, int *gai)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *list, *a;
	int fd = -EADDRNOTAVAIL;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	/* For "every address" the IPv6 socket is the one that can take both families. */
	want.ai_family = host ? AF_UNSPEC : AF_INET6;
	*gai = getaddrinfo(host, service, &want, &list);
	if (*gai != 0)
		return -EADDRNOTAVAIL;
	for (a = list; a && fd < 0; a = a->ai_next)
		fd = listen_on(a, !host);
	freeaddrinfo(list);
	if (fd == -EAFNOSUPPORT && !host)
		return listen_first("0.0.0.0", port, gai);
	return fd;
}

enum leat_ret leat_listen(struct leat_listener **out, struct leat_config *cfg, const char *host,
	uint16_t port, struct leat_err *err)
{
	struct leat_listener *l;
	int fd, gai;

	*out = NULL;
	if (!cfg->frozen)
		return err_misuse(err, "config: not frozen");
	if (cfg->role != LEAT_SERVER)
		return err_misuse(err, "config: made for a client");
	fd = listen_first(host, port, &gai);
	if (fd < 0) {
		err_sys(err, gai ? 0 : -fd,
			gai ? "listen: no such address" : "listen: cannot use the address");
		err_detailf(err, "%s port %u%s%s", host ? host : "*", port, gai ? ": " : "",
			gai ? gai_strerror(gai) : "");
		return LEAT_FAILED;
	}
	l = leat_zalloc(sizeof(*l));
	if (!l) {
		close(fd);
		return err_memory(err);
	}
	l->cfg = leat_config_ref(cfg);
	l->fd = fd;
	l->port = bound_port(fd);
	*out = l;
	return LEAT_OK;
}

uint16_t leat_listener_port(const struct leat_listener *l)
{
	return l->port;
}

int leat_listener_fd(const struct leat_listener *l)
{
	return l->fd;
}

void leat_listener_close(struct leat_listener *l)
{
	if (!l)
		return;
	close(l->fd);
	leat_config_unref(l->cfg);
	leat_free(l);
}

/* accept(2) hands on what happened to the new connection; none of it is the listener's fault. */
static bool is_peers_affair(int sys)
{
	return sys == ECONNABORTED || sys == EPROTO || sys == ENETDOWN || sys == ENOPROTOOPT ||
	       sys == EHOSTDOWN || sys == ENONET || sys == EHOSTUNREACH || sys == EOPNOTSUPP ||
	       sys == ENETUNREACH || sys == EINTR || sys == EPERM;
}

static enum leat_ret accept_fd(
	struct leat_listener *l, int *fd, int64_t deadline, struct leat_err *err)
{
	for (;;) {
		enum leat_ret r;

		*fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (*fd >= 0)
			return LEAT_OK;
		if (is_peers_affair(errno))
			continue;
		if (errno != EAGAIN)
			return err_sys(err, errno, "accept: failed");
		r = sock_wait(&sys_real, l->fd, POLLIN, deadline, err);
		if (r != LEAT_OK)
			return r;
	}
}

enum leat_ret leat_accept(
	struct leat_listener *l, struct leat_conn **out, int timeout_ms, struct leat_err *err)
{
	enum leat_ret r;
	int fd, one = 1;

	*out = NULL;
	r = accept_fd(l, &fd, deadline_of(&sys_real, timeout_ms), err);
	if (r != LEAT_OK)
		return r;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	r = conn_open(out, l->cfg, fd, NULL, err);
	if (r != LEAT_OK)
		close(fd);
	return r;
}
