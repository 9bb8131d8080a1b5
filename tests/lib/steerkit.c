/* SPDX-License-Identifier: Apache-2.0
 *
 * steerkit.c - see steerkit.h.
 */
#include "steerkit.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int steer_bound(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

int steer_listening(uint16_t *port)
{
	int fd = steer_bound(port);

	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

int steer_dial(const char *addr, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool v6 = inet_pton(AF_INET, addr, &a.sin_addr) != 1;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), err;

	assert_true(fd >= 0);
	assert_true(!v6 || inet_pton(AF_INET6, addr, &a6.sin6_addr) == 1);
	if (connect(fd, v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a,
		    v6 ? sizeof(a6) : sizeof(a)) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

unsigned steer_queued(int lfd)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	assert_int_equal(getsockopt(lfd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
	return info.tcpi_unacked;
}

void steer_await(const int *fd, unsigned num, unsigned want)
{
	unsigned queued = 0;

	for (int tries = 0; tries < 5000; tries++) {
		queued = 0;
		for (unsigned i = 0; i < num; i++)
			queued += fd[i] >= 0 ? steer_queued(fd[i]) : 0;
		if (queued == want)
			return;
		usleep(1000);
	}
	fail_msg("%u of %u connections wait", queued, want);
}

unsigned steer_accept_all(int lfd)
{
	unsigned num = 0;
	int fd;

	while ((fd = accept(lfd, NULL, NULL)) >= 0) {
		close(fd);
		num++;
	}
	assert_int_equal(errno, EAGAIN);
	return num;
}

void steer_skip(const char *why)
{
	if (strstr(why, "verifier") != NULL)
		fail_msg("%s", why);
	print_message("%s\n", why);
	skip();
}

void steer_own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET) != 0) {
		print_message("no network namespace of its own: %s\n", strerror(errno));
		skip();
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
}
