/* SPDX-License-Identifier: Apache-2.0
 *
 * transport_unix.c - TLS over unix sockets, as a transport (leat/transport.h): between processes of one machine that
 * shall prove to each other who they are. The host that is asked for is the name in the certificate; where it listens
 * is the path that the transport was given.
 *
 *	build/examples/transport_unix serve PATH CHAIN.pem KEY.pem     one client after another, sends back what comes
 *	build/examples/transport_unix connect PATH CA.pem HOST         standard input there, what comes back here
 *
 * (Short of needing options of its own, a program can also give a connected unix socket to leat_upgrade_client: those
 * too are sockets, only without kernel records. A transport is for what is none, or has to be dialled otherwise.)
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <leat/leat.h>
#include <leat/transport.h>

struct un {
	int fd, epoll; /* epoll: for watch, -1 until then */
};

static int un_new(void **out, int fd)
{
	struct un *u = fd < 0 ? NULL : malloc(sizeof(*u));
	int sys = errno;

	if (!u) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? -sys : -ENOMEM;
	}
	*u = (struct un){ fd, -1 };
	*out = u;
	return 0;
}

static int fd_of(const void *it)
{
	return ((const struct un *)it)->fd;
}

/* 0 or -errno of a system call's result. */
static int told(long r)
{
	return r < 0 ? -errno : (int)r;
}

static int address(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	memcpy(a->sun_path, path, strlen(path));
	return 0;
}

static int un_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void un_close(void *it)
{
	struct un *u = it;

	close(u->fd);
	if (u->epoll >= 0)
		close(u->epoll);
	free(u);
}

/* A unix socket is connected at once or not at all. */
static int un_connect(void *ctx, void **stream, const char *host, uint16_t port, int timeout_ms)
{
	struct sockaddr_un a;
	int r = address(&a, ctx);

	(void)host, (void)port, (void)timeout_ms;
	if (r == 0)
		r = un_new(stream, un_socket());
	if (r == 0 && connect(fd_of(*stream), (struct sockaddr *)&a, sizeof(a)) != 0) {
		r = -errno;
		un_close(*stream);
	}
	return r;
}

static int un_listen(void *ctx, void **listening, const char *host, uint16_t port, int backlog)
{
	struct sockaddr_un a;
	int r = address(&a, ctx);

	(void)host, (void)port;
	if (r == 0)
		r = un_new(listening, un_socket());
	if (r == 0 && (bind(fd_of(*listening), (struct sockaddr *)&a, sizeof(a)) != 0 ||
			      listen(fd_of(*listening), backlog) != 0)) {
		r = -errno;
		un_close(*listening);
	}
	return r;
}

static int un_accept(void *listening, void **stream)
{
	return un_new(stream, accept4(fd_of(listening), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static ssize_t un_send(void *it, const void *p, size_t n)
{
	return told(send(fd_of(it), p, n, MSG_NOSIGNAL));
}

static ssize_t un_recv(void *it, void *p, size_t n)
{
	return told(recv(fd_of(it), p, n, 0));
}

static int un_wait(void *it, short events, int timeout_ms)
{
	struct pollfd p = { fd_of(it), events, 0 };

	return told(poll(&p, 1, timeout_ms));
}

/* Mailboxes wait for a descriptor to become readable, whatever is waited for: an epoll set is one that does. */
static int un_watch(void *it, short events)
{
	struct un *u = it;
	struct epoll_event e = { .events = (uint32_t)events };
	int op = u->epoll < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (u->epoll < 0)
		u->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (u->epoll < 0 || epoll_ctl(u->epoll, op, u->fd, &e) != 0)
		return -errno;
	return u->epoll;
}

static int un_shutdown(void *it, int how)
{
	return told(shutdown(fd_of(it), how));
}

static int un_setopt(void *it, const char *name, const char *value)
{
	int n = value ? atoi(value) : 0;

	if (strcmp(name, "sndbuf") != 0)
		return -ENOPROTOOPT;
	return n > 0 ? told(setsockopt(fd_of(it), SOL_SOCKET, SO_SNDBUF, &n, sizeof(n))) : -EINVAL;
}

static int un_getopt(void *it, const char *name, char *buf, size_t n)
{
	socklen_t len = sizeof(int);
	int v = 0;

	if (strcmp(name, "sndbuf") != 0)
		return -ENOPROTOOPT;
	if (getsockopt(fd_of(it), SOL_SOCKET, SO_SNDBUF, &v, &len) != 0)
		return -errno;
	snprintf(buf, n, "%d", v);
	return 0;
}

static int un_peername(void *it, struct sockaddr_storage *out)
{
	socklen_t n = sizeof(*out);

	return told(getpeername(fd_of(it), (struct sockaddr *)out, &n));
}

static int un_sockname(void *it, struct sockaddr_storage *out)
{
	socklen_t n = sizeof(*out);

	return told(getsockname(fd_of(it), (struct sockaddr *)out, &n));
}

static int un_port(void *it, uint16_t *port)
{
	(void)it;
	*port = 0; /* paths have none */
	return 0;
}

static const struct leat_transport unix_sockets = {
	.name = "unix",
	.data_tag = "unix",
	.closed_tag = "unix_closed",
	.error_tag = "unix_error",
	.connect = un_connect,
	.listen = un_listen,
	.accept = un_accept,
	.send = un_send,
	.recv = un_recv,
	.wait = un_wait,
	.watch = un_watch,
	.shutdown = un_shutdown,
	.close = un_close,
	.setopt = un_setopt,
	.getopt = un_getopt,
	.peername = un_peername,
	.sockname = un_sockname,
	.port = un_port,
};

/* ---- who uses it ---- */

static int die(const char *what, const struct leat_err *err)
{
	char text[300];

	fprintf(stderr, "transport_unix: %s: %s\n", what, leat_strerror(err, text, sizeof(text)));
	return 1;
}

/* Sends back what comes, until the end. */
static int echo(struct leat_conn *c)
{
	char b[16384];
	size_t n;

	if (leat_handshake(c, 10000) != LEAT_OK)
		return die("handshake", leat_conn_error(c));
	while (leat_recv(c, b, sizeof(b), LEAT_INFINITY, &n) == LEAT_OK && n > 0)
		if (leat_send(c, b, n, LEAT_INFINITY, NULL) != LEAT_OK)
			break;
	return leat_conn_error(c)->cls == LEAT_E_NONE ? 0 : die("echo", leat_conn_error(c));
}

static int serve(struct leat_config *cfg)
{
	struct leat_listener *l;
	struct leat_conn *c;
	struct leat_err err = { 0 };

	if (leat_listen(&l, cfg, NULL, 0, &err) != LEAT_OK)
		return die("listen", &err);
	printf("listening\n");
	fflush(stdout);
	while (leat_accept(l, &c, LEAT_INFINITY, &err) == LEAT_OK) {
		(void)echo(c);
		leat_close(c, NULL);
	}
	return die("accept", &err);
}

static int pipe_through(struct leat_config *cfg, const char *host)
{
	struct leat_conn *c;
	struct leat_err err = { 0 };
	char b[4096];
	size_t n, got;

	if (leat_connect(&c, cfg, host, 1, 10000, &err) != LEAT_OK)
		return die("connect", &err);
	while ((n = fread(b, 1, sizeof(b), stdin)) > 0) {
		if (leat_send(c, b, n, 10000, NULL) != LEAT_OK ||
			leat_recv_exact(c, b, n, 10000, &got) != LEAT_OK)
			return die("data", leat_conn_error(c));
		fwrite(b, 1, n, stdout);
	}
	return leat_close(c, &err) == LEAT_OK ? 0 : die("close", &err);
}

int main(int argc, char **argv)
{
	int server = argc == 5 && strcmp(argv[1], "serve") == 0;
	struct leat_files files = { .certfile = server ? argv[3] : NULL };
	struct leat_config *c;
	struct leat_err err = { 0 };
	int status;

	if (argc != 5 || (!server && strcmp(argv[1], "connect") != 0)) {
		fprintf(stderr, "usage: transport_unix serve PATH CHAIN.pem KEY.pem\n"
				"       transport_unix connect PATH CA.pem HOST\n");
		return 2;
	}
	files.keyfile = server ? argv[4] : NULL;
	files.cacertfile = server ? NULL : argv[3];
	if (leat_config_new(&c, server ? LEAT_SERVER : LEAT_CLIENT, &err) != LEAT_OK ||
		leat_config_use_files(c, &files, &err) != LEAT_OK ||
		leat_config_set_transport(c, &unix_sockets, argv[2], &err) != LEAT_OK ||
		leat_config_freeze(c, &err) != LEAT_OK)
		return die("configuration", &err);
	status = server ? serve(c) : pipe_through(c, argv[4]);
	leat_config_unref(c);
	return status;
}
