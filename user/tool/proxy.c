/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy.c - `leat proxy` as a whole: backends and routes resolved, the choice by server name, the workers
 * (crew.h does the threads), what is said at start and end.
 */
#include "tool/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <leat/leat.h>

#include "base/mem.h"
#include "ktls/probe.h"

/* ---- routes ---------------------------------------------------------------------------------- */

struct route *proxy_route(struct proxy *p, struct leat_span name)
{
	unsigned at = host_names_find(&p->names, name);
	struct route *r = &p->routes[at == HOST_NONE ? 0 : at];

	return r->group.num > 0 ? r : NULL;
}

static bool same_name(struct leat_span a, struct leat_span b)
{
	return a.n == b.n &&
	       (a.n == 0 || strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

/* The route of this name, a new one if need be. NULL: it cannot be had; said why. */
static struct route *route_make(struct proxy *p, struct leat_span name)
{
	const char *why;

	for (unsigned i = 0; i < p->num_routes; i++)
		if (same_name(p->routes[i].name, name))
			return &p->routes[i];
	if (host_names_add(&p->names, name, p->num_routes, &why) != LEAT_OK) {
		args_wrong(
			p->crew.args, "--route %.*s: %s", (int)name.n, (const char *)name.p, why);
		return NULL;
	}
	p->routes[p->num_routes].name = name;
	return &p->routes[p->num_routes++];
}

static int resolve(struct proxy *p)
{
	const struct proxy_opts *o = p->o;
	int rc = 0;

	p->routes = leat_array(o->num_routes + 1, sizeof(*p->routes));
	if (p->routes == NULL)
		return tool_fail(p->crew.args, TOOL_FAILED, "out of memory");
	memset(p->routes, 0, (o->num_routes + 1) * sizeof(*p->routes));
	p->num_routes = 1;
	for (unsigned i = 0; i < o->num_routes && rc == 0; i++) {
		struct route *r = route_make(p, o->routes[i].name);

		rc = r == NULL ? TOOL_USAGE : backend_add(p, &r->group, o->routes[i].backend);
	}
	(void)host_names_seal(&p->names); /* no two are the same */
	return rc;
}

/* RFC 6066 3: a server that does not know the name may end the handshake with unrecognized_name. */
static enum leat_ret on_name(void *arg, struct leat_span name, struct leat_config **out)
{
	struct proxy *p = arg;

	(void)out;
	return proxy_route(p, name) != NULL ? LEAT_OK : LEAT_UNSUPPORTED;
}

static int finish_config(struct proxy *p)
{
	struct leat_config *cfg = p->o->cfg;
	struct leat_err err = { 0 };

	if (leat_config_set_sni(cfg, on_name, p, &err) != LEAT_OK ||
		leat_config_freeze(cfg, &err) != LEAT_OK)
		return tool_fail_err(p->crew.args, TOOL_USAGE, &err);
	leat_env_system(&p->tls.env);
	p->tls.cfg = cfg;
	p->tls.demand_kernel = p->o->demand_kernel;
	hello_own_certs(p);
	return 0;
}

/* ---- workers --------------------------------------------------------------------------------- */

static int worker_open(struct crew_member *m)
{
	struct proxy *p = m->crew->arg;
	struct proxy_worker *w = leat_zalloc(sizeof(*w));

	if (w == NULL)
		return ENOMEM;
	m->own = w;
	w->m = m;
	w->p = p;
	w->pipes.room = p->o->pipe;
	w->scratch = leat_malloc(p->o->buffer);
	return w->scratch != NULL && checks_start(w) ? 0 : ENOMEM;
}

static void worker_close(struct crew_member *m)
{
	struct proxy_worker *w = m->own;

	checks_end(w);
	pipe_pool_clear(&w->pipes);
	leat_free(w->scratch);
	leat_free(w);
	m->own = NULL;
}

static void worker_conn(struct crew_member *m, int fd)
{
	proxy_conn_new(m->own, fd);
}

/* Where one request ends and the next begins is not ours to know: connections go on until they end. */
static void worker_stop(struct crew_member *m)
{
	(void)m;
}

static void worker_kill(struct crew_member *m)
{
	struct proxy_worker *w = m->own;
	struct proxy_conn *next;

	for (struct proxy_conn *c = w->conns; c != NULL; c = next) {
		next = c->next;
		proxy_conn_kill(c, "stopped");
	}
}

static const struct crew_ops worker_ops = {
	.open = worker_open,
	.close = worker_close,
	.conn = worker_conn,
	.stop = worker_stop,
	.kill = worker_kill,
};

/* ---- start and end --------------------------------------------------------------------------- */

static void say_start(const struct proxy *p)
{
	const struct loop *l = p->crew.members[0].loop;
	char caps[256];

	(void)leat_ktls_caps_line(leat_ktls_caps_get(), caps, sizeof(caps));
	printf("%s\n", caps);
	printf("%u worker%s on %s%s%s%s, %u backend address%s, %u route%s%s\n", p->crew.num,
		p->crew.num == 1 ? "" : "s", loop_name(l), loop_why(l)[0] ? " (" : "", loop_why(l),
		loop_why(l)[0] ? ")" : "", p->num_backends, p->num_backends == 1 ? "" : "es",
		p->num_routes - 1, p->num_routes == 2 ? "" : "s", steering_text(&p->crew.steering));
	printf("listening on %s:%u\n", p->crew.addr, p->crew.port);
	fflush(stdout);
}

static void say_end(struct proxy *p)
{
	struct leg_counts n = leg_count(p->leg);

	if (p->leg != NULL)
		printf("redirected: %llu sockets, %llu bytes; %llu messages by TCP\n",
			(unsigned long long)n.entered, (unsigned long long)n.redirected,
			(unsigned long long)n.by_tcp);
	printf("stopped: %llu connections, %llu bytes up, %llu bytes down\n",
		atomic_load(&p->number), atomic_load(&p->bytes_up), atomic_load(&p->bytes_down));
	fflush(stdout);
}

/* Without it everything works: what is missing is one line. */
static void start_leg(struct proxy *p)
{
	char why[STEER_TEXT] = "";

	if (!p->o->redirect_local)
		return;
	p->leg = leg_open(why);
	if (p->leg == NULL)
		(void)tool_fail(
			p->crew.args, TOOL_OK, "--redirect-local: %s; TCP carries the bytes", why);
}

static int run_crew(struct proxy *p)
{
	int rc;

	start_leg(p);
	rc = crew_start(&p->crew);

	if (rc == 0) {
		say_start(p);
		rc = crew_wait(&p->crew);
		say_end(p);
	}
	crew_clear(&p->crew);
	leg_close(p->leg);
	return rc;
}

int proxy_run(const struct args *args, const struct proxy_opts *o)
{
	struct proxy *p = leat_zalloc(sizeof(*p));
	int rc;

	if (p == NULL)
		return tool_fail(args, TOOL_FAILED, "out of memory");
	p->o = o;
	p->crew = (struct crew){ .ops = &worker_ops,
		.arg = p,
		.args = args,
		.host = o->host,
		.port = o->port,
		.num = o->workers,
		.max_conns = o->max_conns,
		.fds_per_conn = 4, /* client, backend, a pipe */
		.grace_ms = o->grace_ms,
		.loop = o->loop,
		.steering = o->steering };
	p->log_fd = log_open_for(o->log);
	rc = p->log_fd == -2
		     ? tool_fail(args, TOOL_FAILED, "--access-log %s: %s", o->log, strerror(errno))
		     : resolve(p);
	if (rc == 0)
		rc = finish_config(p);
	if (rc == 0)
		rc = run_crew(p);
	if (p->log_fd > STDERR_FILENO)
		close(p->log_fd);
	host_names_clear(&p->names);
	leat_free(p->routes);
	leat_free(p);
	return rc;
}
