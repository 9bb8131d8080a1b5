/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_admin.c - the listener of --metrics: plain HTTP, read-only, on an address of its own, for those who run
 * the server. One thread, one request at a time, each with a deadline: it is asked a few times a minute, and
 * whatever it meets it does not touch the workers.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tool/serve_admin.h"
#include "tool/serve_report.h"

#define HEAD_MAX    4096
#define DEADLINE_MS 2000
#define FOREVER     INT64_MAX

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* false: not in time, or the server stops. */
static bool wait_for(const struct serve_admin *a, int fd, short events, int64_t until)
{
	struct pollfd f[2] = { { .fd = fd, .events = events },
		{ .fd = a->stop_fd, .events = POLLIN } };
	int64_t left = until == FOREVER ? -1 : until - now_ms();
	int rc;

	if (until != FOREVER && left < 0)
		left = 0;
	do
		rc = poll(f, 2, (int)left);
	while (rc < 0 && errno == EINTR);
	return rc > 0 && f[1].revents == 0;
}

/* The length of a request's head in buf; 0: none came. */
static size_t read_head(const struct serve_admin *a, int fd, uint8_t buf[HEAD_MAX], int64_t until)
{
	size_t n = 0, scanned = 0, end = 0;

	while (end == 0 && n < HEAD_MAX && wait_for(a, fd, POLLIN, until)) {
		ssize_t got = recv(fd, buf + n, HEAD_MAX - n, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return 0;
		n += got > 0 ? (size_t)got : 0;
		end = http_head_end(buf, n, &scanned);
	}
	return end;
}

static void send_all(const struct serve_admin *a, int fd, struct leat_span s, int64_t until)
{
	while (s.n > 0 && wait_for(a, fd, POLLOUT, until)) {
		ssize_t n = send(fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		s.p += n > 0 ? n : 0;
		s.n -= n > 0 ? (size_t)n : 0;
	}
}

/* The body of an answer; returns its status. */
static unsigned make_body(struct serve *s, const struct http_req *r, unsigned status,
	struct leat_wr *body, const char **type)
{
	bool metrics = r->path.n == 8 && memcmp(r->path.p, "/metrics", 8) == 0;

	*type = "text/plain; charset=utf-8";
	if (status == 0 && r->method != HTTP_GET && r->method != HTTP_HEAD)
		status = r->method == HTTP_UNKNOWN ? 501 : 405;
	if (status == 0 && metrics) {
		*type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
		report_metrics(s, body);
	} else if (status == 0 && r->path.n == 1) {
		*type = "text/html; charset=utf-8";
		report_page(s, body);
	} else if (status == 0) {
		status = 404;
	}
	if (status == 0 && leat_wr_ok(body))
		return 200;
	status = status != 0 ? status : 500;
	leat_wr_clear(body);
	report_put(body, "%u %s\n", status, http_reason(status));
	return status;
}

static void answer(struct serve_admin *a, int fd)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr body = { 0 };
	LEAT_SCOPED(leat_wr_clear) struct leat_wr out = { 0 };
	int64_t until = now_ms() + DEADLINE_MS;
	uint8_t buf[HEAD_MAX];
	size_t n = read_head(a, fd, buf, until);
	struct http_req r = { .head_len = 0 };
	unsigned status;
	const char *type;

	if (n == 0)
		return;
	status = http_parse(buf, n, &r);
	status = make_body(a->s, &r, status, &body, &type);
	report_put(&out,
		"HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
		"frame-ancestors 'none'\r\n%s\r\n",
		status, http_reason(status), type, body.n,
		status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (r.method != HTTP_HEAD)
		leat_wr_span(&out, leat_wr_done(&body));
	send_all(a, fd, leat_wr_done(&out), until);
	/* What the peer sent beyond its head must not turn our end into a reset that eats the answer. */
	(void)shutdown(fd, SHUT_WR);
	while (wait_for(a, fd, POLLIN, until) && recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void *admin_main(void *arg)
{
	struct serve_admin *a = arg;

	while (wait_for(a, a->lfd, POLLIN, FOREVER)) {
		int fd = accept4(a->lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			answer(a, fd);
			close(fd);
		} else {
			/* Out of descriptors, perhaps: not again at once. */
			(void)wait_for(a, -1, 0, now_ms() + 100);
		}
	}
	return NULL;
}

bool serve_admin_open(struct serve_admin *a, struct serve *s, int fd)
{
	char addr[LISTEN_TEXT];
	uint16_t port;

	*a = (struct serve_admin){ .s = s, .lfd = fd, .stop_fd = -1 };
	if (fd >= 0)
		listen_name(fd, addr, &port);
	else if (!s->o->metrics)
		return true;
	else
		a->lfd = listen_open(s->args, s->o->metrics_host, s->o->metrics_port, addr, &port);
	if (a->lfd < 0)
		return false;
	snprintf(a->addr, sizeof(a->addr), "%s:%u", addr, port);
	a->stop_fd = eventfd(0, EFD_CLOEXEC);
	return a->stop_fd >= 0;
}

int serve_admin_start(struct serve_admin *a)
{
	int rc = a->lfd >= 0 ? pthread_create(&a->thread, NULL, admin_main, a) : 0;

	a->started = a->lfd >= 0 && rc == 0;
	return rc;
}

void serve_admin_close(struct serve_admin *a)
{
	if (a->started) {
		(void)eventfd_write(a->stop_fd, 1);
		pthread_join(a->thread, NULL);
	}
	if (a->lfd >= 0)
		close(a->lfd);
	if (a->stop_fd >= 0)
		close(a->stop_fd);
	*a = (struct serve_admin){ .lfd = -1, .stop_fd = -1 };
}
