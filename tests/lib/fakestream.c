/* SPDX-License-Identifier: Apache-2.0
 *
 * fakestream.c - see fakestream.h. One listener at a time, with a few streams in its queue.
 */
#include "fakestream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vec.h"

#define QUEUE 8

struct fake {
	int fd, epoll;  /* epoll: for watch, or -1 */
	int bell;       /* of a listener: what is written here wakes it */
	char color[16]; /* an option of its own */
};

static struct {
	unsigned nth, calls;
	int answer;
} orders[STREAM_CALL_COUNT];
static size_t most;
static atomic_uint open_now;
static struct fake *listening, *queue[QUEUE];
static unsigned queued;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fakestream_reset(void)
{
	memset(orders, 0, sizeof(orders));
	most = 0;
}

void fakestream_short(size_t n)
{
	most = n;
}

void fakestream_answer(enum fakestream_call call, unsigned nth, int answer)
{
	orders[call].nth = nth;
	orders[call].answer = answer;
}

unsigned fakestream_calls(enum fakestream_call call)
{
	return orders[call].calls;
}

unsigned fakestream_open(void)
{
	return open_now;
}

int fakestream_fd(const void *it)
{
	return ((const struct fake *)it)->fd;
}

/* Whether this call is to answer something else; it does nothing then. */
static bool ordered(enum fakestream_call call, int *answer)
{
	bool now;

	pthread_mutex_lock(&lock);
	orders[call].calls++;
	now = orders[call].nth && --orders[call].nth == 0;
	*answer = orders[call].answer;
	pthread_mutex_unlock(&lock);
	return now;
}

static struct fake *fake_new(int fd)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*f = (struct fake){ .fd = fd, .epoll = -1, .bell = -1 };
	open_now++;
	return f;
}

void fakestream_pair(void *it[2])
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	it[0] = fake_new(fd[0]);
	it[1] = fake_new(fd[1]);
}

static void fake_close(void *it)
{
	struct fake *f = it;
	int answer;

	(void)ordered(STREAM_CLOSE, &answer);
	if (f == listening)
		listening = NULL;
	close(f->fd);
	if (f->epoll >= 0)
		close(f->epoll);
	if (f->bell >= 0)
		close(f->bell);
	open_now--;
	free(f);
}

/* Something that listens is one end of a pair: each byte in it is a stream in the queue. */
static int fake_listen(void *ctx, void **out, const char *host, uint16_t port, int backlog)
{
	int fd[2], answer;

	(void)ctx, (void)host, (void)port, (void)backlog;
	if (ordered(STREAM_LISTEN, &answer))
		return answer;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	*out = listening = fake_new(fd[0]);
	listening->bell = fd[1];
	queued = 0;
	return 0;
}

static int fake_connect(void *ctx, void **out, const char *host, uint16_t port, int timeout_ms)
{
	void *it[2];
	int answer;

	(void)ctx, (void)host, (void)port, (void)timeout_ms;
	if (ordered(STREAM_CONNECT, &answer))
		return answer;
	if (!listening || queued == QUEUE)
		return -ECONNREFUSED;
	fakestream_pair(it);
	queue[queued++] = it[1];
	assert_int_equal(write(listening->bell, "", 1), 1);
	*out = it[0];
	return 0;
}

static int fake_accept(void *it, void **out)
{
	struct fake *f = it;
	ssize_t n;
	int answer;
	char b;

	if (ordered(STREAM_ACCEPT, &answer))
		return answer;
	n = read(f->fd, &b, 1);
	if (n <= 0)
		return n == 0 ? -EINVAL : -errno;
	*out = queue[0];
	memmove(queue, queue + 1, --queued * sizeof(queue[0]));
	return 0;
}

static ssize_t fake_send(void *it, const void *p, size_t n)
{
	ssize_t r;
	int answer;

	if (ordered(STREAM_SEND, &answer))
		return answer;
	r = send(fakestream_fd(it), p, most && n > most ? most : n, MSG_NOSIGNAL);
	return r < 0 ? -errno : r;
}

static ssize_t fake_recv(void *it, void *p, size_t n)
{
	ssize_t r;
	int answer;

	if (ordered(STREAM_RECV, &answer))
		return answer;
	r = recv(fakestream_fd(it), p, most && n > most ? most : n, 0);
	return r < 0 ? -errno : r;
}

static int fake_wait(void *it, short events, int timeout_ms)
{
	struct pollfd p = { fakestream_fd(it), events, 0 };
	int answer, r;

	if (ordered(STREAM_WAIT, &answer))
		return answer;
	r = poll(&p, 1, timeout_ms);
	return r < 0 ? -errno : r;
}

static int fake_watch(void *it, short events)
{
	struct fake *f = it;
	struct epoll_event e = { .events = (uint32_t)events };
	int answer;

	if (ordered(STREAM_WATCH, &answer))
		return answer;
	if (f->epoll < 0) {
		f->epoll = epoll_create1(EPOLL_CLOEXEC);
		assert_int_equal(epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->fd, &e), 0);
	}
	assert_int_equal(epoll_ctl(f->epoll, EPOLL_CTL_MOD, f->fd, &e), 0);
	return f->epoll;
}

static int fake_shutdown(void *it, int how)
{
	int answer;

	if (ordered(STREAM_SHUTDOWN, &answer))
		return answer;
	return shutdown(fakestream_fd(it), how) == 0 ? 0 : -errno;
}

static int fake_setopt(void *it, const char *name, const char *value)
{
	struct fake *f = it;
	int answer;

	if (ordered(STREAM_SETOPT, &answer))
		return answer;
	if (strcmp(name, "color") != 0)
		return -ENOPROTOOPT;
	if (!value || strlen(value) >= sizeof(f->color))
		return -EINVAL;
	snprintf(f->color, sizeof(f->color), "%s", value);
	return 0;
}

static int fake_getopt(void *it, const char *name, char *buf, size_t n)
{
	const struct fake *f = it;
	int answer;

	if (ordered(STREAM_GETOPT, &answer))
		return answer;
	if (strcmp(name, "color") != 0)
		return -ENOPROTOOPT;
	snprintf(buf, n, "%s", f->color);
	return 0;
}

static int fake_name(void *it, struct sockaddr_storage *out)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "fake %d", fakestream_fd(it));
	memset(out, 0, sizeof(*out));
	memcpy(out, &a, sizeof(a));
	return 0;
}

static int fake_port(void *it, uint16_t *port)
{
	int answer;

	(void)it;
	*port = 4711;
	return ordered(STREAM_PORT, &answer) ? answer : 0;
}

const struct leat_transport fakestream = {
	.name = "fake",
	.data_tag = "fake",
	.closed_tag = "fake_closed",
	.error_tag = "fake_error",
	.connect = fake_connect,
	.listen = fake_listen,
	.accept = fake_accept,
	.send = fake_send,
	.recv = fake_recv,
	.wait = fake_wait,
	.watch = fake_watch,
	.shutdown = fake_shutdown,
	.close = fake_close,
	.setopt = fake_setopt,
	.getopt = fake_getopt,
	.peername = fake_name,
	.sockname = fake_name,
	.port = fake_port,
};
