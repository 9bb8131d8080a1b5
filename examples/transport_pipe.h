/* SPDX-License-Identifier: Apache-2.0
 *
 * transport_pipe.h - a transport (leat/transport.h) that is memory: pipes inside one process, without any descriptor
 * under them. transport_pipe.c talks over it.
 *
 * One lock and one condition serve all pipes: it is short, not fast. What it has to promise is in leat/transport.h:
 * only wait waits, what moves moves partially, the end of the stream comes behind the bytes.
 */
#ifndef TRANSPORT_PIPE_H
#define TRANSPORT_PIPE_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <leat/transport.h>

#define CAPACITY 4096 /* bytes on their way in one direction */
#define BACKLOG  8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* One direction: what was sent and not received yet. */
struct way {
	unsigned char b[CAPACITY];
	size_t at, n;
	int ended; /* nothing more will be sent, or nobody will receive */
};

/* What connect and accept hand out, and what listen does. */
struct end {
	struct way *in, *out; /* NULL: this one listens */
	struct end *queue[BACKLOG];
	unsigned queued;
	int stopped;
	int event, rings; /* for watch: an eventfd, and whether it is readable */
	short wanted;
	struct end *next;
};

static struct end *everybody; /* so that any change can ring at whom it concerns */
static struct end *shop;      /* the one listener of this little world */

/* Which of the events are so? lock is held. */
static short now(const struct end *e)
{
	if (!e->in)
		return e->queued || e->stopped ? POLLIN : 0;
	return (short)((e->in->n || e->in->ended ? POLLIN : 0) |
		       (e->out->n < CAPACITY || e->out->ended ? POLLOUT : 0));
}

static void ring(struct end *e)
{
	int want = (now(e) & e->wanted) != 0;
	eventfd_t v;

	if (e->event < 0 || want == e->rings)
		return;
	e->rings = want;
	(void)!(want ? eventfd_write(e->event, 1) : eventfd_read(e->event, &v));
}

static void unlock_changed(void)
{
	for (struct end *e = everybody; e; e = e->next)
		ring(e);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct end *end_new(struct way *in, struct way *out)
{
	struct end *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	*e = (struct end){ .in = in, .out = out, .event = -1, .next = everybody };
	everybody = e;
	return e;
}

static int pipe_listen(void *ctx, void **listening, const char *host, uint16_t port, int backlog)
{
	(void)ctx, (void)host, (void)port, (void)backlog;
	pthread_mutex_lock(&lock);
	*listening = shop = shop ? NULL : end_new(NULL, NULL);
	unlock_changed();
	return *listening ? 0 : -EADDRINUSE;
}

static int pipe_connect(void *ctx, void **stream, const char *host, uint16_t port, int timeout_ms)
{
	struct way *way = calloc(2, sizeof(*way));
	struct end *theirs = NULL, *ours = NULL;

	(void)ctx, (void)host, (void)port, (void)timeout_ms;
	pthread_mutex_lock(&lock);
	if (way && shop && !shop->stopped && shop->queued < BACKLOG) {
		theirs = end_new(&way[0], &way[1]);
		ours = end_new(&way[1], &way[0]);
	}
	if (!theirs || !ours)
		abort(); /* an example: out of memory, or nobody listens */
	shop->queue[shop->queued++] = theirs;
	*stream = ours;
	unlock_changed();
	return 0;
}

static int pipe_accept(void *listening, void **stream)
{
	struct end *l = listening;
	int r = l->stopped ? -EINVAL : -EAGAIN;

	pthread_mutex_lock(&lock);
	if (l->queued) {
		*stream = l->queue[0];
		memmove(l->queue, l->queue + 1, --l->queued * sizeof(l->queue[0]));
		r = 0;
	}
	unlock_changed();
	return r;
}

static ssize_t pipe_send(void *stream, const void *p, size_t n)
{
	struct way *w = ((struct end *)stream)->out;
	const unsigned char *from = p;
	ssize_t done = 0;

	pthread_mutex_lock(&lock);
	for (; w->n < CAPACITY && (size_t)done < n; done++)
		w->b[(w->at + w->n++) % CAPACITY] = from[done];
	done = w->ended ? -EPIPE : done ? done : -EAGAIN;
	unlock_changed();
	return done;
}

static ssize_t pipe_recv(void *stream, void *p, size_t n)
{
	struct way *w = ((struct end *)stream)->in;
	unsigned char *to = p;
	ssize_t done = 0;

	pthread_mutex_lock(&lock);
	for (; w->n && (size_t)done < n; done++, w->n--, w->at = (w->at + 1) % CAPACITY)
		to[done] = w->b[w->at];
	done = done || w->ended ? done : -EAGAIN;
	unlock_changed();
	return done;
}

static int pipe_wait(void *stream, short events, int timeout_ms)
{
	struct end *e = stream;
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += timeout_ms % 1000 * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	while (!(now(e) & events) && r == 0)
		r = timeout_ms < 0 ? pthread_cond_wait(&changed, &lock)
				   : pthread_cond_timedwait(&changed, &lock, &t);
	r = (now(e) & events) != 0;
	pthread_mutex_unlock(&lock);
	return r;
}

static int pipe_watch(void *stream, short events)
{
	struct end *e = stream;

	pthread_mutex_lock(&lock);
	if (e->event < 0)
		e->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->wanted = events;
	unlock_changed();
	return e->event < 0 ? -EMFILE : e->event;
}

static int pipe_shutdown(void *stream, int how)
{
	struct end *e = stream;

	pthread_mutex_lock(&lock);
	if (!e->in)
		e->stopped = 1;
	if (e->in && how != SHUT_RD)
		e->out->ended = 1;
	if (e->in && how != SHUT_WR)
		e->in->ended = 1;
	unlock_changed();
	return 0;
}

/* The memory of a pipe is that of its ends: who closes last frees it. */
static void pipe_close(void *stream)
{
	struct end *e = stream, **at = &everybody;
	struct way *first = e->in < e->out ? e->in : e->out;

	pipe_shutdown(e, SHUT_RDWR);
	while (e->queued > 0)
		pipe_close(e->queue[--e->queued]); /* nobody came for it */
	pthread_mutex_lock(&lock);
	shop = shop == e ? NULL : shop;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	at = &everybody;
	while (*at && (!e->in || (*at)->in != e->out))
		at = &(*at)->next;
	if (!*at)
		free(first);
	unlock_changed();
	if (e->event >= 0)
		close(e->event);
	free(e);
}

static int no_option(void *stream, const char *name, const char *value)
{
	(void)stream, (void)name, (void)value;
	return -ENOPROTOOPT;
}

static int no_value(void *stream, const char *name, char *buf, size_t n)
{
	(void)stream, (void)name, (void)buf, (void)n;
	return -ENOPROTOOPT;
}

static int no_name(void *stream, struct sockaddr_storage *out)
{
	(void)stream;
	*out = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	return 0;
}

static int no_port(void *stream, uint16_t *port)
{
	(void)stream;
	*port = 0;
	return 0;
}

static const struct leat_transport pipes = {
	.name = "pipe",
	.data_tag = "pipe",
	.closed_tag = "pipe_closed",
	.error_tag = "pipe_error",
	.connect = pipe_connect,
	.listen = pipe_listen,
	.accept = pipe_accept,
	.send = pipe_send,
	.recv = pipe_recv,
	.wait = pipe_wait,
	.watch = pipe_watch,
	.shutdown = pipe_shutdown,
	.close = pipe_close,
	.setopt = no_option,
	.getopt = no_value,
	.peername = no_name,
	.sockname = no_name,
	.port = no_port,
};

#endif
