/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_backend.c - where a connection goes: backends in turn, those that are down last; connecting; and the
 * health of backends.
 *
 * A backend is down for a while when connecting to it failed. Nothing has been read from the client until a
 * connection stands, so the next one is tried and no byte is lost. All being down, they are tried in spite of
 * it. Active checks connect and hang up, from worker 0, and have the last word.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/proxy.h"

/* A unix socket whose backlog is full says EAGAIN and nobody tells when to try again. */
#define BACKLOG_MS 20

/* ---- health ---------------------------------------------------------------------------------- */

static void mark_down(struct proxy *p, struct backend *b, uint64_t until, int err)
{
	if (atomic_exchange(&b->down_until, until) == 0)
		proxy_log_backend(p, b, err);
}

static void mark_up(struct proxy *p, struct backend *b)
{
	if (atomic_load(&b->down_until) != 0 && atomic_exchange(&b->down_until, 0) != 0)
		proxy_log_backend(p, b, 0);
}

static bool is_up(struct backend *b, uint64_t now)
{
	return atomic_load(&b->down_until) <= now;
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* A non-blocking socket, or a negative errno. */
static int open_socket(const struct backend *b)
{
	int one = 1,
	    fd = socket(b->addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (b->addr.any.sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Begins to connect, or asks how it stands: 0: it stands, EINPROGRESS, EAGAIN (unix: the backlog is full), or
 * why not. */
static int ask_connect(int fd, const struct backend *b)
{
	if (connect(fd, &b->addr.any, b->addr_len) == 0 || errno == EISCONN)
		return 0;
	return errno == EALREADY || errno == EINTR ? EINPROGRESS : errno;
}

/* Where it cannot be had, TCP carries the bytes as always. */
static void want_leg(struct proxy_conn *c)
{
	char why[STEER_TEXT];

	c->leg = c->w->p->leg != NULL && c->backend->addr.any.sa_family != AF_UNIX &&
		 leg_want(c->w->p->leg, c->back, why);
}

/* The next position to try: those that are up, then the others. false: none is left. */
static bool pick(struct proxy_conn *c, unsigned *at)
{
	const struct backend_group *g = c->group;

	for (int down = 0; down < 2; down++)
		for (unsigned i = 0; i < g->num; i++) {
			*at = (c->first + i) % g->num;
			if (!(c->tried >> *at & 1) &&
				(down || is_up(&c->w->p->backends[g->at[*at]], proxy_now(c))))
				return true;
		}
	return false;
}

static unsigned connected(struct proxy_conn *c)
{
	mark_up(c->w->p, c->backend);
	if (c->w->p->o->send_proxy && !hello_make(c)) {
		proxy_note(c, "out of memory", 0);
		return proxy_abort(c, "out_of_memory");
	}
	leat_free(c->header);
	c->header = NULL;
	proxy_phase(c, PX_PIPE, 0);
	return 0;
}

static void give_up(struct proxy_conn *c, int err)
{
	struct proxy *p = c->w->p;
	/* With active checks it is theirs to say when it is up again. */
	uint64_t until = p->o->health_ms ? UINT64_MAX : proxy_now(c) + (uint64_t)p->o->down_ms;

	mark_down(p, c->backend, until, err);
	loop_close(c->w->m->loop, c->back);
	c->back = -1;
}

/* Backends in turn until one is asked or none is left. */
static unsigned try_next(struct proxy_conn *c)
{
	unsigned at;

	if (!pick(c, &at)) {
		proxy_note(c, "no backend could be reached", 0);
		return proxy_abort(c, "no_backend");
	}
	c->tried |= UINT64_C(1) << at;
	c->backend = &c->w->p->backends[c->group->at[at]];
	c->back = open_socket(c->backend);
	if (c->back < 0) {
		proxy_note(c, "socket", -c->back);
		c->back = -1;
		return proxy_abort(c, "no_descriptor");
	}
	want_leg(c);
	proxy_phase(c, PX_CONNECT, c->w->p->o->connect_ms);
	return 0;
}

unsigned backend_start(struct proxy_conn *c)
{
	c->first = atomic_fetch_add(&c->group->turn, 1) % c->group->num;
	return try_next(c);
}

unsigned backend_step(struct proxy_conn *c)
{
	int err = ask_connect(c->back, c->backend);

	switch (err) {
	case 0: return connected(c);
	case EINPROGRESS: return WANT(BACK_OUT);
	case EAGAIN:
		if (c->backend->addr.any.sa_family == AF_UNIX)
			return proxy_soon(c, BACKLOG_MS);
		break;
	default: break;
	}
	give_up(c, err);
	return try_next(c);
}

unsigned backend_late(struct proxy_conn *c)
{
	give_up(c, ETIMEDOUT);
	return try_next(c);
}

/* ---- active checks --------------------------------------------------------------------------- */

struct check {
	struct proxy_worker *w;
	struct backend *b;
	struct loop_op op;
	struct loop_timer timer; /* the next check, or the end of the present one */
	int fd;                  /* -1: between checks */
};

static void check_over(struct check *k, int err)
{
	const struct proxy_opts *o = k->w->p->o;
	struct loop *l = k->w->m->loop;
	uint8_t header[PROXY_V2_FIXED];

	if (err == 0 && o->send_proxy)
		(void)send(k->fd, header, hello_local(header), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (err == 0)
		mark_up(k->w->p, k->b);
	else /* until a later check says otherwise */
		mark_down(k->w->p, k->b, UINT64_MAX, err);
	if (k->fd >= 0)
		loop_close(l, k->fd);
	k->fd = -1;
	if (!k->w->m->stopped)
		loop_timer_start(l, &k->timer, (uint64_t)o->health_ms);
}

static void check_ask(struct check *k)
{
	int err = ask_connect(k->fd, k->b);

	if (err != EINPROGRESS)
		check_over(k, err);
	else if (!loop_op_busy(&k->op))
		loop_ready(k->w->m->loop, &k->op, k->fd, POLLOUT);
}

static void on_check_ready(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct check *k = op->arg;

	(void)l;
	(void)flags;
	if (k->fd >= 0 && res != -ECANCELED)
		check_ask(k);
}

static void on_check_timer(struct loop *l, struct loop_timer *t)
{
	struct check *k = t->arg;

	if (k->fd >= 0) {
		check_over(k, ETIMEDOUT);
		return;
	}
	/* Its last wait may still be on its way back. */
	k->fd = loop_op_busy(&k->op) ? -EBUSY : open_socket(k->b);
	if (k->fd < 0) {
		k->fd = -1;
		loop_timer_start(l, t, (uint64_t)k->w->p->o->health_ms);
		return;
	}
	loop_timer_start(l, t, (uint64_t)k->w->p->o->connect_ms);
	check_ask(k);
}

bool checks_start(struct proxy_worker *w)
{
	unsigned num = w->p->num_backends;

	if (w->m->id != 0 || w->p->o->health_ms == 0)
		return true;
	w->checks = leat_array(num, sizeof(*w->checks));
	if (w->checks == NULL)
		return false;
	for (unsigned i = 0; i < num; i++) {
		struct check *k = &w->checks[i];

		*k = (struct check){ .w = w, .b = &w->p->backends[i], .fd = -1 };
		k->op.done = on_check_ready;
		k->op.arg = k;
		k->timer = (struct loop_timer){ .fn = on_check_timer, .arg = k };
		loop_timer_start(w->m->loop, &k->timer, 0);
	}
	return true;
}

void checks_end(struct proxy_worker *w)
{
	for (unsigned i = 0; w->checks != NULL && i < w->p->num_backends; i++)
		if (w->checks[i].fd >= 0)
			close(w->checks[i].fd);
	leat_free(w->checks);
	w->checks = NULL;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int full(const struct proxy *p)
{
	return tool_fail(
		p->crew.args, TOOL_USAGE, "more than %d backend addresses", PROXY_MAX_BACKENDS);
}

/* Backends of several routes at one address share their health. */
static int add_address(struct proxy *p, struct backend_group *g, const char *name,
	const union backend_addr *a, socklen_t len)
{
	unsigned i = 0;

	while (i < p->num_backends &&
		(p->backends[i].addr_len != len || memcmp(&p->backends[i].addr, a, len) != 0))
		i++;
	if (i == PROXY_MAX_BACKENDS || g->num == PROXY_MAX_BACKENDS)
		return full(p);
	if (i == p->num_backends) {
		p->num_backends++;
		p->backends[i].name = name;
		p->backends[i].addr = *a;
		p->backends[i].addr_len = len;
	}
	g->at[g->num++] = (uint8_t)i;
	return 0;
}

static int add_unix(struct proxy *p, struct backend_group *g, const char *text)
{
	const char *path = text + strlen("unix:");
	union backend_addr a = { .un = { .sun_family = AF_UNIX } };
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(a.un.sun_path))
		return tool_fail(p->crew.args, TOOL_USAGE, "%s: a path of 1 to %zu bytes is wanted",
			text, sizeof(a.un.sun_path) - 1);
	memcpy(a.un.sun_path, path, n + 1);
	return add_address(p, g, text, &a, sizeof(a.un));
}

int backend_add(struct proxy *p, struct backend_group *g, const char *text)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char host[256], service[8];
	uint16_t port;
	int rc;

	if (strncmp(text, "unix:", 5) == 0)
		return add_unix(p, g, text);
	if (!args_host_port(p->crew.args, text, false, host, sizeof(host), &port))
		return TOOL_USAGE;
	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0)
		return tool_fail(
			p->crew.args, TOOL_FAILED, "backend %s: %s", text, gai_strerror(rc));
	for (const struct addrinfo *ai = list; ai != NULL && rc == 0; ai = ai->ai_next) {
		union backend_addr a = { 0 };

		memcpy(&a, ai->ai_addr, ai->ai_addrlen);
		rc = add_address(p, g, text, &a, ai->ai_addrlen);
	}
	freeaddrinfo(list);
	return rc;
}
