/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - see listen.h. Knows nothing of TLS.
 */
#include "tool/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/tool.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static void host_text(const union address *a, char host[LISTEN_TEXT], uint16_t *port)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (a->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof(text));
		*port = ntohs(a->in6.sin6_port);
		snprintf(host, LISTEN_TEXT, "[%s]", text);
	} else {
		inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof(text));
		*port = ntohs(a->in.sin_port);
		snprintf(host, LISTEN_TEXT, "%s", text);
	}
}

bool listen_peer(int fd, char text[LISTEN_TEXT])
{
	union address a = { 0 };
	socklen_t n = sizeof(a);
	size_t len;
	uint16_t port;

	if (getpeername(fd, &a.any, &n) != 0)
		return false;
	host_text(&a, text, &port);
	len = strlen(text);
	snprintf(text + len, LISTEN_TEXT - len, ":%u", port);
	return true;
}

/* 0 or an errno. */
static int listen_at(const struct addrinfo *ai, int *out)
{
	int one = 1, rc, fd;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	/* NODELAY is inherited by accepted sockets: one call for all of them. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
		bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 4096) != 0) {
		rc = errno;
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

void listen_name(int fd, char addr[LISTEN_TEXT], uint16_t *port)
{
	union address a = { 0 };
	socklen_t n = sizeof(a);

	(void)getsockname(fd, &a.any, &n);
	host_text(&a, addr, port);
}

int listen_open(const struct args *args, const char *host, uint16_t port, char addr[LISTEN_TEXT],
	uint16_t *got)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[8];
	int rc, fd = -1;

	snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(host[0] != '\0' ? host : NULL, service, &hints, &list);
	if (rc != 0) {
		(void)tool_fail(args, TOOL_FAILED, "cannot listen on %s:%s: %s", host, service,
			gai_strerror(rc));
		return -1;
	}
	rc = listen_at(list, &fd);
	freeaddrinfo(list);
	if (rc != 0) {
		(void)tool_fail(args, TOOL_FAILED, "cannot listen on %s:%s: %s", host, service,
			strerror(rc));
		return -1;
	}
	listen_name(fd, addr, got);
	return fd;
}
