/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_proxy.c - `leat proxy --listen A --backend B`: the command line and the TLS config it asks for. What is
 * done with them is in proxy.h. Page: docs/man/leat-proxy.1.
 */
#include <stdio.h>
#include <string.h>

#include "config/option.h"
#include "tool/cred_files.h"
#include "tool/proxy.h"
#include "tool/settings.h"

enum {
	OPT_LISTEN = 1,
	OPT_BACKEND,
	OPT_ROUTE,
	OPT_CERT,
	OPT_KEY,
	OPT_DEV,
	OPT_CACERT,
	OPT_CRL_CACHE,
	OPT_SEND,
	OPT_ACCEPT,
	OPT_SET,
	OPT_WORKERS,
	OPT_CONNS,
	OPT_STEER,
	OPT_LOOKUP,
	OPT_REDIRECT,
	OPT_BUFFER,
	OPT_T_HANDSHAKE,
	OPT_T_CONNECT,
	OPT_T_IDLE,
	OPT_T_HALF,
	OPT_T_DOWN,
	OPT_HEALTH,
	OPT_GRACE,
	OPT_LOG,
	OPT_LOOP,
};

static const struct arg_opt options[] = {
	{ "listen", 'l', "[ADDR:]PORT", OPT_LISTEN,
		"where to listen; ADDR is 127.0.0.1 unless given" },
	{ "backend", 'b', "HOST:PORT", OPT_BACKEND,
		"or unix:/PATH: where connections go that no --route\n"
		"takes; may be repeated, then they take turns" },
	{ "route", 'r', "NAME=BACKEND", OPT_ROUTE,
		"where connections for this server name go; *.NAME: for\n"
		"all one label below it. May be repeated" },
	{ "cert", 'c', "FILE", OPT_CERT, "certificate chain, PEM, leaf first; may be repeated" },
	{ "key", 'k', "FILE", OPT_KEY, "its private key, PEM (default: in the --cert file)" },
	{ "dev", 0, NULL, OPT_DEV, "make up a certificate for localhost instead" },
	{ "cacert", 0, "FILE", OPT_CACERT, "PEM: trusted CAs, for certificates of clients" },
	{ "crl-cache", 0, "WHERE", OPT_CRL_CACHE,
		"file:PATH (PEM) or dir:PATH: CRLs for --crl-check" },
	{ "send-proxy", 0, NULL, OPT_SEND,
		"backends get a PROXY header (version 2) with the client's\n"
		"address, ALPN, server name and what TLS agreed on" },
	{ "accept-proxy", 0, NULL, OPT_ACCEPT,
		"clients come through a balancer that sends a PROXY header\n"
		"(version 2) first; without it they are refused" },
	{ "set", 's', "OPTION=VALUE", OPT_SET, "an option of leat-options(7)" },
	{ "workers", 'w', "N", OPT_WORKERS, "threads, each with a loop (default: one per CPU)" },
	{ "steer", 0, "HOW", OPT_STEER,
		"which worker gets a connection, by a BPF program: cpu (where\n"
		"it arrived), load (the fewest connections), off (default:\n"
		"the kernel's hash)" },
	{ "lookup", 0, "ADDR[/N]:PORTS", OPT_LOOKUP,
		"connections to these addresses (of this machine) and ports\n"
		"too, by a BPF program; may be repeated" },
	{ "redirect-local", 0, NULL, OPT_REDIRECT,
		"what is said to backends on this machine, and by them, skips\n"
		"the TCP stack for its first 64 KiB (BPF); for backends that\n"
		"are trusted" },
	{ "max-connections", 0, "N", OPT_CONNS,
		"at once (default 16384, less where descriptors are few);\n"
		"further ones wait in the backlog" },
	{ "buffer", 0, "BYTES", OPT_BUFFER,
		"held for a reader that stalls, in each direction (default\n"
		"65536, and 1 MiB in a pipe where the kernel seals)" },
	{ "handshake-timeout", 0, "SECONDS", OPT_T_HANDSHAKE,
		"for the whole handshake (default 10)" },
	{ "connect-timeout", 0, "SECONDS", OPT_T_CONNECT, "for one backend (default 5)" },
	{ "idle-timeout", 0, "SECONDS", OPT_T_IDLE,
		"without a byte in either direction (default 300)" },
	{ "half-close-timeout", 0, "SECONDS", OPT_T_HALF,
		"for one direction after the other has ended, in all\n"
		"(default 60)" },
	{ "down-time", 0, "SECONDS", OPT_T_DOWN,
		"a backend that could not be reached is asked last for so\n"
		"long (default 10)" },
	{ "health-interval", 0, "SECONDS", OPT_HEALTH,
		"connect to every backend so often to see if it is there\n"
		"(default 0: never)" },
	{ "grace", 0, "SECONDS", OPT_GRACE,
		"for connections under way after SIGTERM (default 30)" },
	{ "access-log", 'a', "FILE", OPT_LOG, "\"-\": stdout (default), \"none\": none" },
	{ "loop", 0, "KIND", OPT_LOOP, "auto (default), io_uring, poll" },
	{ 0 },
};

static const char notes[] =
	"Takes TLS off: clients' streams go to backends in the clear, and back. close_notify\n"
	"and FIN become each other; what was cut on one side is reset on the other. Each\n"
	"connection is a line in the log when it has ended.\n"
	"\n"
	"SIGTERM and SIGINT: no new connections, those under way go on for --grace; the second\n"
	"one ends it at once.\n"
	"\n"
	"exit codes: 0 stopped by a signal, 1 could not start or go on, 2 wrong command line.\n"
	"\n"
	"example: leat proxy --listen 8443 --dev --backend localhost:8080\n"
	"         curl -k https://localhost:8443/";

struct job {
	struct args *args;
	struct proxy_opts o;
	struct cred_files files;
	bool have_listen;
};

static int code_of(bool ok)
{
	return ok ? 0 : TOOL_USAGE;
}

static int add_route(struct job *j, struct leat_span name, const char *backend)
{
	if (j->o.num_routes == PROXY_MAX_ROUTES) {
		args_wrong(j->args, "more than %d backends and routes", PROXY_MAX_ROUTES);
		return TOOL_USAGE;
	}
	j->o.routes[j->o.num_routes++] = (struct proxy_route_opt){ name, backend };
	return 0;
}

static int take_route(struct job *j, const char *value)
{
	const char *eq = strchr(value, '=');

	if (eq == NULL || eq == value) {
		args_wrong(j->args, "--route: not NAME=BACKEND: %s", value);
		return TOOL_USAGE;
	}
	return add_route(
		j, (struct leat_span){ (const uint8_t *)value, (size_t)(eq - value) }, eq + 1);
}

static int take_listen(struct job *j, const char *value)
{
	j->have_listen = true;
	return code_of(
		args_listen(j->args, "--listen", value, j->o.host, sizeof(j->o.host), &j->o.port));
}

static int take_buffer(struct job *j, const char *value)
{
	unsigned n;

	/* A record has to fit, and the engine takes 64 KiB at a time. */
	if (!args_count(j->args, "--buffer", value, 16384, 1 << 20, &n))
		return TOOL_USAGE;
	j->o.buffer = j->o.pipe = n;
	return 0;
}

static int take_loop(struct job *j, const char *value)
{
	static const char *const kinds[] = { "auto", "io_uring", "poll", NULL };
	unsigned i;

	if (!args_choice(j->args, "--loop", value, kinds, &i))
		return TOOL_USAGE;
	j->o.loop = (enum loop_backend)i;
	return 0;
}

static int take_count(struct job *j, int id, const char *value)
{
	if (id == OPT_WORKERS)
		return code_of(args_count(j->args, "--workers", value, 1, 256, &j->o.workers));
	return code_of(
		args_count(j->args, "--max-connections", value, 1, 1000000, &j->o.max_conns));
}

static int take_time(struct job *j, int id, const char *value)
{
	const struct {
		int id;
		const char *name;
		int *ms;
		bool may_be_0;
	} times[] = {
		{ OPT_T_HANDSHAKE, "--handshake-timeout", &j->o.handshake_ms, false },
		{ OPT_T_CONNECT, "--connect-timeout", &j->o.connect_ms, false },
		{ OPT_T_IDLE, "--idle-timeout", &j->o.idle_ms, false },
		{ OPT_T_HALF, "--half-close-timeout", &j->o.half_ms, false },
		{ OPT_T_DOWN, "--down-time", &j->o.down_ms, true },
		{ OPT_HEALTH, "--health-interval", &j->o.health_ms, true },
		{ OPT_GRACE, "--grace", &j->o.grace_ms, true },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i].id != id)
			continue;
		if (!args_seconds(j->args, times[i].name, value, times[i].ms))
			return TOOL_USAGE;
		if (*times[i].ms == 0 && !times[i].may_be_0)
			return args_wrong(j->args, "%s: must be more than 0", times[i].name),
			       TOOL_USAGE;
		return 0;
	}
	return TOOL_USAGE;
}

static int take(void *arg, int id, const char *value)
{
	struct job *j = arg;

	switch (id) {
	case ARG_PLAIN: args_wrong(j->args, "what is %s?", value); return TOOL_USAGE;
	case ARG_SETTING: return settings_set(j->args, j->o.cfg, j->args->setting, value);
	case OPT_LISTEN: return take_listen(j, value);
	case OPT_BACKEND: return add_route(j, (struct leat_span){ NULL, 0 }, value);
	case OPT_ROUTE: return take_route(j, value);
	case OPT_CERT: return cred_files_cert(j->args, &j->files, value);
	case OPT_KEY: return cred_files_key(j->args, &j->files, value);
	case OPT_DEV: j->files.dev = true; return 0;
	case OPT_CACERT: j->files.cacert = value; return 0;
	case OPT_CRL_CACHE: return cred_files_crl_cache(j->args, &j->files, value);
	case OPT_REDIRECT: j->o.redirect_local = true; return 0;
	case OPT_SEND: j->o.send_proxy = true; return 0;
	case OPT_ACCEPT: j->o.accept_proxy = true; return 0;
	case OPT_SET: return settings_take(j->args, j->o.cfg, SETTINGS_PAIR, value);
	case OPT_BUFFER: return take_buffer(j, value);
	case OPT_LOG: j->o.log = strcmp(value, "none") == 0 ? NULL : value; return 0;
	case OPT_LOOP: return take_loop(j, value);
	case OPT_STEER: return code_of(steering_take_mode(j->args, value, &j->o.steering));
	case OPT_LOOKUP: return code_of(steering_take_rule(j->args, value, &j->o.steering));
	case OPT_WORKERS:
	case OPT_CONNS: return take_count(j, id, value);
	default: return take_time(j, id, value);
	}
}

static int check(struct job *j)
{
	if (!j->have_listen)
		args_wrong(j->args, "no --listen [ADDR:]PORT given");
	else if (j->o.num_routes == 0)
		args_wrong(j->args, "no --backend and no --route given");
	else
		return cred_files_check(j->args, &j->files, false);
	return TOOL_USAGE;
}

static int load(struct job *j)
{
	const struct leat_config *c = j->o.cfg;
	struct leat_err err = { 0 };

	if (cred_files_load(&j->files, j->o.cfg, NULL, &err) != LEAT_OK)
		return tool_fail_err(j->args, TOOL_USAGE, &err);
	j->o.demand_kernel = c->records[LEAT_TX] == LEAT_RECORDS_KERNEL ||
			     c->records[LEAT_RX] == LEAT_RECORDS_KERNEL;
	return 0;
}

static int run(struct args *args)
{
	struct job j = {
		.args = args,
		.o = { .host = "127.0.0.1",
			.max_conns = 16384,
			.buffer = 65536,
			.pipe = 1 << 20,
			.handshake_ms = 10000,
			.connect_ms = 5000,
			.idle_ms = 300000,
			.half_ms = 60000,
			.down_ms = 10000,
			.grace_ms = 30000,
			.log = "-" },
	};
	struct leat_err err = { 0 };
	int code;

	if (leat_config_new(&j.o.cfg, LEAT_SERVER, &err) != LEAT_OK)
		return tool_fail_err(args, TOOL_FAILED, &err);
	code = args_each(args, take, &j);
	if (code == 0)
		code = check(&j);
	if (code == 0)
		code = load(&j);
	if (code == 0)
		code = proxy_run(args, &j.o);
	leat_config_unref(j.o.cfg);
	return code;
}

const struct tool_cmd cmd_proxy = {
	.name = "proxy",
	.synopsis = "--listen [ADDR:]PORT --backend HOST:PORT (--cert FILE | --dev) [options]",
	.summary = "take TLS connections and hand their streams to plain backends",
	.opts = options,
	.settings = OPTION_SERVER,
	.notes = notes,
	.run = run,
};
