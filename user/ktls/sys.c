/* SPDX-License-Identifier: Apache-2.0
 *
 * sys.c - the real system calls behind sys.h.
 */
#include "ktls/sys.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

static int real_setsockopt(int fd, int level, int name, const void *v, socklen_t n)
{
	return setsockopt(fd, level, name, v, n) == 0 ? 0 : -errno;
}

static int real_getsockopt(int fd, int level, int name, void *v, socklen_t *n)
{
	return getsockopt(fd, level, name, v, n) == 0 ? 0 : -errno;
}

static ssize_t real_sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t n = sendmsg(fd, m, flags | MSG_NOSIGNAL);

	return n >= 0 ? n : -errno;
}

static ssize_t real_recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = recvmsg(fd, m, flags);

	return n >= 0 ? n : -errno;
}

/* SIGPIPE is held back in this thread during the call and, if the call made it pending, taken away:
 * other threads and the application's own handler see nothing. */
static ssize_t real_sendfile(int out, int in, off_t *off, size_t n)
{
	static const struct timespec now;
	sigset_t pipe_only, before, pending;
	ssize_t r;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	sigpending(&pending);
	r = sendfile(out, in, off, n);
	if (r < 0)
		r = -errno;
	if (r == -EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int real_poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
	int r = poll(p, n, timeout_ms);

	return r >= 0 ? r : -errno;
}

static int real_shutdown(int fd, int how)
{
	return shutdown(fd, how) == 0 ? 0 : -errno;
}

static int real_close(int fd)
{
	return close(fd) == 0 ? 0 : -errno;
}

static int64_t real_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const struct leat_sys sys_real = {
	.setsockopt = real_setsockopt,
	.getsockopt = real_getsockopt,
	.sendmsg = real_sendmsg,
	.recvmsg = real_recvmsg,
	.sendfile = real_sendfile,
	.poll = real_poll,
	.shutdown = real_shutdown,
	.close = real_close,
	.now_ms = real_now_ms,
};
