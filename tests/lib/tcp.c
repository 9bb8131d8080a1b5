/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp.c - see tcp.h.
 */
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vec.h"

static void set_limits(int fd)
{
	struct timeval t = { 10, 0 };
	int one = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
}

static int listen_on(struct sockaddr *sa, socklen_t n)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, sa, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, sa, &n), 0);
	return fd;
}

static void pair_of(int fd[2], struct sockaddr *sa, socklen_t n)
{
	int l = listen_on(sa, n);

	fd[0] = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd[0] >= 0);
	assert_int_equal(connect(fd[0], sa, n), 0);
	fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd[1] >= 0);
	close(l);
	set_limits(fd[0]);
	set_limits(fd[1]);
}

void tcp_pair(int fd[2])
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	pair_of(fd, (struct sockaddr *)&sa, sizeof(sa));
}

void tcp_pair6(int fd[2])
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	pair_of(fd, (struct sockaddr *)&sa, sizeof(sa));
}

int tcp_listen(uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = listen_on((struct sockaddr *)&sa, sizeof(sa));

	*port = ntohs(sa.sin_port);
	return fd;
}

void tcp_nonblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

bool tcp_read_all(int fd, void *buf, size_t n)
{
	return tcp_read_to_end(fd, buf, n) == n;
}

size_t tcp_read_to_end(int fd, void *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = recv(fd, (char *)buf + got, n - got, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	return got;
}

bool tcp_write_all(int fd, const void *buf, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t r = send(fd, (const char *)buf + sent, n - sent, MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		sent += (size_t)r;
	}
	return true;
}

bool tcp_has_ktls(void)
{
	int fd[2];
	bool has;

	tcp_pair(fd);
	has = setsockopt(fd[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0;
	close(fd[0]);
	close(fd[1]);
	return has;
}

void tcp_need_ktls(void)
{
	if (tcp_has_ktls())
		return;
	printf("this kernel has no TLS (TCP_ULP refused)\n");
	exit(77);
}
