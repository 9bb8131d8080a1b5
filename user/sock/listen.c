/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - a listening socket with a config, and connections taken from it.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "sock/conn.h"
#include "sock/mail.h"

struct leat_listener {
	struct leat_config *cfg;
	struct sockset set;    /* for the connections */
	struct app_socket app; /* for leat_app_stop */
	struct mail *mail;     /* its place in a mailbox, or NULL */
	int fd;                /* -1: no socket, but `via` */
	struct stream via;     /* what listens of a transport */
	uint16_t port;
};

/* What was accepted. */
struct taken {
	int fd; /* -1: a stream */
	struct stream via;
};

/* Where to listen, and how. */
struct wish {
	const char *host;
	uint16_t port;
	const struct sockplan *plan;
};

static uint16_t bound_port(int fd)
{
	/* Room for an IPv4 address too, whose port lies at the same place. */
	struct sockaddr_in6 a = { 0 };
	socklen_t n = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return 0;
	return ntohs(a.sin6_port);
}

/* A listening socket on one address, or -1 with err. any: IPv6 takes IPv4 as well. */
static int listen_on(const struct wish *w, const struct addrinfo *a, bool any, struct leat_err *err)
{
	int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int one = 1, zero = 0;

	if (fd < 0) {
		(void)err_sys(err, errno, "listen: no socket");
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* what is accepted inherits it; why: connect.c */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (any && a->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (sockplan_apply(w->plan, fd, err) == LEAT_OK) {
		if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, w->plan->backlog) == 0)
			return fd;
		(void)err_sys(err, errno, "listen: cannot use the address");
	}
	close(fd);
	return -1;
}

/* The first address that can be listened on, or -1 with err. */
static int listen_first(const struct wish *w, int family, struct leat_err *err)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	bool any = !w->host && family == AF_UNSPEC;
	struct addrinfo *list, *a;
	char service[8];
	int fd = -1, gai;

	snprintf(service, sizeof(service), "%u", w->port);
	/* For "every address" the IPv6 socket is the one that can take both families. */
	want.ai_family = any ? AF_INET6 : family;
	gai = getaddrinfo(w->host, service, &want, &list);
	if (gai != 0) {
		(void)err_sys(err, 0, "listen: no such address");
		err_detailf(
			err, "%s port %u: %s", w->host ? w->host : "*", w->port, gai_strerror(gai));
		return -1;
	}
	for (a = list; a && fd < 0; a = a->ai_next) {
		*err = (struct leat_err){ 0 };
		fd = listen_on(w, a, any, err);
	}
	freeaddrinfo(list);
	if (fd < 0 && any && err->sys == EAFNOSUPPORT) {
		*err = (struct leat_err){ 0 };
		return listen_first(w, AF_INET, err);
	}
	if (fd >= 0)
		*err = (struct leat_err){ 0 };
	else if (err->cls == LEAT_E_SYSTEM)
		err_detailf(err, "%s port %u", w->host ? w->host : "*", w->port);
	return fd;
}

static enum leat_ret check_config(const struct leat_config *cfg, struct leat_err *err)
{
	if (!cfg->frozen)
		return err_misuse(err, "config: not frozen");
	if (cfg->role != LEAT_SERVER)
		return err_misuse(err, "config: made for a client");
	return LEAT_OK;
}

static enum leat_ret listen_socket(
	struct leat_listener *l, const struct wish *w, struct leat_err *err)
{
	l->fd = listen_first(w, w->plan->family, err);
	if (l->fd < 0)
		return LEAT_FAILED;
	l->port = bound_port(l->fd);
	return LEAT_OK;
}

static enum leat_ret listen_via(struct leat_listener *l, const struct wish *w, struct leat_err *err)
{
	const struct leat_transport *ops = l->cfg->transport;
	void *it = NULL;
	int r = ops->listen(l->cfg->transport_ctx, &it, w->host, w->port, w->plan->backlog);

	if (r < 0) {
		(void)err_sys(err, -r, "listen: cannot use the address");
		err_detailf(err, "%s port %u", w->host ? w->host : "*", w->port);
		return LEAT_FAILED;
	}
	l->via = (struct stream){ ops, it };
	r = ops->port(it, &l->port);
	if (r < 0)
		return err_sys(err, -r, "listen: the transport knows no port");
	return stream_apply(&l->via, w->plan, err);
}

enum leat_ret leat_listen_with(struct leat_listener **out, struct leat_config *cfg,
	const struct leat_listen_opts *opts, struct leat_err *err)
{
	struct sockplan plan;
	struct wish w = { opts->host, opts->port, &plan };
	struct leat_listener *l;

	*out = NULL;
	if (check_config(cfg, err) != LEAT_OK || app_may_begin(err) != LEAT_OK ||
		sockplan_init(&plan, cfg, opts->sockopts, opts->num_sockopts, err) != LEAT_OK)
		return LEAT_FAILED;
	w.host = w.host ? w.host : plan.ip;
	w.port = w.port ? w.port : plan.port;
	l = leat_zalloc(sizeof(*l));
	if (!l)
		return err_memory(err);
	l->cfg = leat_config_ref(cfg);
	l->set = plan.set;
	l->fd = -1;
	if ((cfg->transport ? listen_via(l, &w, err) : listen_socket(l, &w, err)) == LEAT_OK) {
		app_socket_add(&l->app, l->fd, true);
		*out = l;
		return LEAT_OK;
	}
	leat_listener_close(l);
	return LEAT_FAILED;
}

enum leat_ret leat_listen(struct leat_listener **out, struct leat_config *cfg, const char *host,
	uint16_t port, struct leat_err *err)
{
	const struct leat_listen_opts opts = { .host = host, .port = port };

	return leat_listen_with(out, cfg, &opts, err);
}

enum leat_ret leat_listener_setopt(
	struct leat_listener *l, const char *name, const char *value, struct leat_err *err)
{
	return l->via.ops ? stream_setopt(&l->via, &l->set, name, value, err)
			  : sockset_set(&l->set, l->fd, name, value, err);
}

enum leat_ret leat_listener_getopt(
	const struct leat_listener *l, const char *name, char *buf, size_t n, struct leat_err *err)
{
	return l->via.ops ? stream_getopt(&l->via, &l->set, name, buf, n, err)
			  : sockset_get(&l->set, l->fd, name, buf, n, err);
}

enum leat_ret leat_listener_set_config(
	struct leat_listener *l, struct leat_config *cfg, struct leat_err *err)
{
	if (check_config(cfg, err) != LEAT_OK)
		return LEAT_FAILED;
	if (cfg->transport != l->cfg->transport)
		return err_option(err, "cb_info", NULL, "not the transport that listens");
	leat_config_ref(cfg);
	leat_config_unref(l->cfg);
	l->cfg = cfg;
	return LEAT_OK;
}

enum leat_ret leat_listener_sockname(
	const struct leat_listener *l, struct sockaddr_storage *out, struct leat_err *err)
{
	socklen_t n = sizeof(*out);

	if (l->via.ops)
		return stream_name(l->via.ops->sockname(l->via.it, out), "sockname: failed", err);
	if (getsockname(l->fd, (struct sockaddr *)out, &n) != 0)
		return err_sys(err, errno, "getsockname: failed");
	return LEAT_OK;
}

struct mail **listener_mail(struct leat_listener *l)
{
	return &l->mail;
}

struct stream listener_via(const struct leat_listener *l)
{
	return l->via;
}

uint16_t leat_listener_port(const struct leat_listener *l)
{
	return l->port;
}

int leat_listener_fd(const struct leat_listener *l)
{
	return l->fd;
}

void leat_listener_stop(struct leat_listener *l)
{
	if (l->via.ops)
		l->via.ops->shutdown(l->via.it, SHUT_RDWR);
	else
		shutdown(l->fd, SHUT_RDWR);
}

void leat_listener_close(struct leat_listener *l)
{
	if (!l)
		return;
	app_socket_remove(&l->app);
	mail_free(l->mail);
	if (l->via.ops)
		l->via.ops->close(l->via.it);
	else if (l->fd >= 0)
		close(l->fd);
	leat_config_unref(l->cfg);
	leat_free(l);
}

/* accept(2) hands on what happened to the new connection; none of it is the listener's fault. */
static bool is_peers_affair(int sys)
{
	return sys == ECONNABORTED || sys == EPROTO || sys == ENETDOWN || sys == ENOPROTOOPT ||
	       sys == EHOSTDOWN || sys == ENONET || sys == EHOSTUNREACH || sys == EOPNOTSUPP ||
	       sys == ENETUNREACH || sys == EINTR || sys == EPERM;
}

/* What comes next of a listener: a socket, or a stream of its transport. 0 or -errno. */
static int take_next(struct leat_listener *l, struct taken *t)
{
	*t = (struct taken){ .fd = -1, .via = l->via };
	if (l->via.ops)
		return l->via.ops->accept(l->via.it, &t->via.it);
	t->fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return t->fd >= 0 ? 0 : -errno;
}

static enum leat_ret await_next(struct leat_listener *l, int64_t deadline, struct leat_err *err)
{
	return l->via.ops ? stream_wait(&l->via, POLLIN, deadline, err)
			  : sock_wait(&sys_real, l->fd, POLLIN, deadline, err);
}

static enum leat_ret accept_next(
	struct leat_listener *l, struct taken *t, int64_t deadline, struct leat_err *err)
{
	for (;;) {
		int sys = -take_next(l, t);
		enum leat_ret r;

		if (sys == 0)
			return LEAT_OK;
		if (is_peers_affair(sys))
			continue;
		if (sys == EINVAL) /* not listening any more: leat_listener_stop */
			return err_raise(err, LEAT_E_CLOSED, 0, 0, LEAT_HERE,
				"accept: the listener was stopped");
		if (sys != EAGAIN)
			return err_sys(err, sys, "accept: failed");
		r = await_next(l, deadline, err);
		if (r != LEAT_OK)
			return r;
	}
}

enum leat_ret leat_accept(
	struct leat_listener *l, struct leat_conn **out, int timeout_ms, struct leat_err *err)
{
	struct conn_opts opts = { .set = &l->set };
	struct taken t;
	enum leat_ret r;

	*out = NULL;
	r = accept_next(l, &t, deadline_of(&sys_real, timeout_ms), err);
	if (r != LEAT_OK)
		return r;
	opts.via = t.via;
	r = conn_open_with(out, l->cfg, t.fd, &opts, err);
	if (r != LEAT_OK && t.via.ops)
		t.via.ops->close(t.via.it);
	else if (r != LEAT_OK)
		close(t.fd);
	return r;
}
