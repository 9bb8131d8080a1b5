/* SPDX-License-Identifier: Apache-2.0
 *
 * epoll_server.c - a TLS server on epoll that drives leat's engines itself: one thread, any number of
 * connections, no copy of the bytes of a connection anywhere but in its engine.
 *
 *	epoll_server CERT.pem KEY.pem [PORT]
 *	curl --cacert CA.pem https://localhost:PORT/1000000 | wc -c
 *
 * It answers `GET /N` with N zero bytes and closes. What to look at: drive() is the whole of the engine's
 * protocol; a peer that does not read is not read from either (back-pressure); a connection ends with
 * close_notify both ways, or with a sentence that says why not.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <leat/engine.h>

#define IDLE_S      30 /* nothing moved for so long: out. A handshake that stalls is idle too */
#define REQUEST_MAX 4096

struct conn {
	struct conn *next, **at; /* in the list of all */
	struct leat_engine *e;
	int fd;
	time_t moved;     /* when a byte last moved */
	size_t request_n; /* bytes of the request so far */
	char request[REQUEST_MAX + 1];
	bool answering, sent_fin;
	unsigned long long left; /* bytes of the body still to be written */
};

static struct conn *conns;
static int ep;

/* ---- the engine's view of the world ---- */

static int64_t now_s(void *arg)
{
	(void)arg;
	return time(NULL);
}

static void random_bytes(void *arg, void *buf, size_t n)
{
	(void)arg;
	for (size_t k; n; n -= k, buf = (char *)buf + k) {
		k = n < 256 ? n : 256;
		if (getentropy(buf, k) != 0)
			abort(); /* weak bytes are no way out */
	}
}

static const struct leat_env env = { .now_s = now_s, .random = random_bytes };

static int complain(const char *what, const struct leat_err *err)
{
	char text[256];

	fprintf(stderr, "epoll_server: %s: %s\n", what,
		err ? leat_strerror(err, text, sizeof(text)) : strerror(errno));
	return 1;
}

/* ---- connections ---- */

static void conn_free(struct conn *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	leat_engine_free(c->e); /* wipes the keys */
	close(c->fd);           /* leaves epoll too */
	free(c);
}

static void conn_new(int fd, struct leat_config *cfg)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
	struct leat_err err = { 0 };

	if (!c || leat_engine_new(&c->e, cfg, NULL, &env, &err) != LEAT_OK ||
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0) {
		complain("connection refused", err.cls ? &err : NULL);
		if (c)
			leat_engine_free(c->e);
		free(c);
		close(fd);
		return;
	}
	c->fd = fd;
	c->moved = time(NULL);
	c->next = conns;
	c->at = &conns;
	if (conns)
		conns->at = &c->next;
	conns = c;
}

/* Sends what the engine has for the peer. false: the socket is full, or broken (then *ok is false). */
static bool flush(struct conn *c, bool *ok)
{
	const uint8_t *p;
	size_t n;

	while ((p = leat_engine_out(c->e, &n))) {
		ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			*ok = errno == EAGAIN;
			return false;
		}
		leat_engine_out_done(c->e, (size_t)r); /* a part of it is fine */
		c->moved = time(NULL);
	}
	return true;
}

/* Reads once, straight into the engine. false: nothing there, or broken (then *ok is false). */
static bool fill(struct conn *c, bool *ok)
{
	size_t room;
	uint8_t *p = leat_engine_in(c->e, &room);
	ssize_t r = p ? recv(c->fd, p, room, 0) : 0;

	if (r > 0) {
		c->moved = time(NULL);
		(void)!leat_engine_in_done(c->e, (size_t)r); /* if it fails: LEAT_IS_DEAD */
		return true;
	}
	if (r == 0 && p) {
		(void)!leat_engine_in_eof(c->e); /* without close_notify: dead, cut off */
		return true;
	}
	*ok = !p || errno == EAGAIN || errno == EINTR;
	(void)!leat_engine_in_done(c->e, 0); /* an idle connection holds no buffer */
	return false;
}

/* ---- the application: one request, one answer ---- */

static void take_request(struct conn *c)
{
	char head[128] =
		"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	struct leat_span data;
	size_t k, taken;

	leat_engine_data(c->e, &data);
	k = data.n < REQUEST_MAX - c->request_n ? data.n : REQUEST_MAX - c->request_n;
	memcpy(c->request + c->request_n, data.p, k);
	c->request_n += k;
	(void)!leat_engine_data_done(c->e, data.n);
	if (c->answering || (!strstr(c->request, "\r\n\r\n") && c->request_n < REQUEST_MAX))
		return;
	c->answering = true;
	if (sscanf(c->request, "GET /%llu HTTP/1.", &c->left) == 1)
		snprintf(head, sizeof(head),
			"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %llu\r\n\r\n",
			c->left);
	(void)!leat_engine_write(c->e, head, strlen(head), &taken); /* short: there is room */
}

/* Some more of the body, or the end. The engine takes what its out buffer has room for. */
static void write_answer(struct conn *c)
{
	static char body[16384];
	size_t taken;

	if (c->left == 0) {
		(void)!leat_engine_close(c->e); /* queues close_notify */
		return;
	}
	(void)!leat_engine_write(
		c->e, body, c->left < sizeof(body) ? c->left : sizeof(body), &taken);
	c->left -= taken;
}

/* ---- the driver ---- */

/* As far as this connection gets without waiting: epoll tells of a change only, so it goes on until the
 * socket is full or empty. false: it is over. */
static bool drive(struct conn *c)
{
	bool ok = true;

	for (;;) {
		unsigned w = leat_engine_wants(c->e);

		if (w & LEAT_WANT_JOB) { /* the signature; a thread pool would take it away here */
			(void)!leat_engine_job_run(c->e);
			continue;
		}
		/* First what the peer is owed. While it does not take it, it is not listened to. */
		if ((w & LEAT_WANT_SEND) && !flush(c, &ok))
			return ok;
		if (w & LEAT_IS_DEAD) { /* and the alert is out */
			complain("connection ended", leat_engine_error(c->e));
			return false;
		}
		if (w & LEAT_HAS_DATA) {
			take_request(c);
		} else if ((w & LEAT_MAY_WRITE) && c->answering) {
			write_answer(c);
		} else if (w & LEAT_IS_EOF) {
			if (w & LEAT_IS_CLOSED)
				return false; /* both said goodbye */
			(void)!leat_engine_close(c->e);
		} else {
			/* Ours is said: no more bytes, but wait for the peer's goodbye, so that its
			 * unread bytes do not turn our close into a reset. */
			if ((w & LEAT_IS_CLOSED) && !c->sent_fin)
				c->sent_fin = shutdown(c->fd, SHUT_WR) == 0;
			if (!fill(c, &ok))
				return ok;
		}
	}
}

static void sweep(void)
{
	for (struct conn *c = conns, *next; c; c = next) {
		next = c->next;
		if (time(NULL) - c->moved > IDLE_S)
			conn_free(c);
	}
}

static void serve(int listener, struct leat_config *cfg)
{
	struct epoll_event got[64];
	int fd;

	for (;;) {
		int n = epoll_wait(ep, got, 64, 1000);

		for (int i = 0; i < n; i++) {
			struct conn *c = got[i].data.ptr;

			if (c && !drive(c))
				conn_free(c);
			while (!c && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				conn_new(fd, cfg);
		}
		sweep();
	}
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	struct epoll_event ev = { .events = EPOLLIN };
	socklen_t len = sizeof(a);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 512) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		return -1;
	printf("listening on port %d\n", ntohs(a.sin6_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct leat_files files = { 0 };
	struct leat_config *cfg = NULL;
	struct leat_err err = { 0 };
	int fd, ret = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: epoll_server CERT.pem KEY.pem [PORT]\n");
		return 2;
	}
	files.certfile = argv[1];
	files.keyfile = argv[2];
	if (leat_config_new(&cfg, LEAT_SERVER, &err) != LEAT_OK ||
		leat_config_use_files(cfg, &files, &err) != LEAT_OK ||
		leat_config_freeze(cfg, &err) != LEAT_OK)
		ret = complain("configuration", &err);
	else if ((ep = epoll_create1(0)) < 0 ||
		 (fd = listen_on(argc > 3 ? (uint16_t)atoi(argv[3]) : 0)) < 0)
		ret = complain("socket", NULL);
	else
		serve(fd, cfg);
	leat_config_unref(cfg);
	return ret;
}
