/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd.c - see systemd.h.
 */
#include "tool/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tool/tool.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define MAX_FDS  16

/* A small decimal number in an environment variable; 0 without one. */
static unsigned long number(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long v;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	v = strtoul(text, &end, 10);
	return *end == '\0' ? v : 0;
}

static bool is_listener(int fd)
{
	int listening = 0, one = 1;
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(listening), an = sizeof(a);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0 || !listening ||
		getsockname(fd, (struct sockaddr *)&a, &an) != 0 ||
		(a.ss_family != AF_INET && a.ss_family != AF_INET6))
		return false;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0;
}

/* The name of descriptor number i in "a:b:c". */
static bool is_named(const char *names, unsigned i, const char *name)
{
	size_t n = strlen(name);

	for (; names != NULL && i > 0; i--) {
		names = strchr(names, ':');
		names = names ? names + 1 : NULL;
	}
	return names != NULL && strncmp(names, name, n) == 0 &&
	       (names[n] == ':' || names[n] == '\0');
}

static bool take(const struct args *args, int fd, bool metrics, struct systemd_sockets *out)
{
	int *to = metrics ? &out->metrics : &out->serve;

	if (!is_listener(fd))
		(void)tool_fail(args, TOOL_FAILED,
			"LISTEN_FDS: descriptor %d is not a listening TCP socket", fd);
	else if (*to >= 0)
		(void)tool_fail(args, TOOL_FAILED, "LISTEN_FDS: more than one socket to %s",
			metrics ? "tell metrics on" : "serve");
	else
		*to = fd;
	return *to == fd;
}

bool systemd_take_sockets(const struct args *args, struct systemd_sockets *out)
{
	unsigned long num = number("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	bool ok = true;

	*out = (struct systemd_sockets){ .serve = -1, .metrics = -1 };
	/* They may be meant for a parent of ours. */
	if (num == 0 || number("LISTEN_PID") != (unsigned long)getpid())
		return true;
	if (num > MAX_FDS)
		num = MAX_FDS;
	for (unsigned i = 0; i < num && ok; i++)
		ok = take(args, FIRST_FD + (int)i, is_named(names, i, "metrics"), out);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return ok;
}

void systemd_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0'; /* an abstract name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void systemd_notify_reloading(void)
{
	struct timespec ts;
	char text[80];

	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	systemd_notify(text);
}
