/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_exec.c - `leat exec --listen [ADDR:]PORT -- PROG ARGS`: the command line and the TLS config it asks
 * for. What is done with them is in exec.h. Page: docs/man/leat-exec.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/option.h"
#include "tool/cred_files.h"
#include "tool/exec.h"
#include "tool/settings.h"
#include "tool/tool.h"

enum {
	OPT_LISTEN = 1,
	OPT_CERT,
	OPT_KEY,
	OPT_DEV,
	OPT_CACERT,
	OPT_CRL_CACHE,
	OPT_INPUT,
	OPT_CONNS,
	OPT_T_HANDSHAKE,
	OPT_T_LIMIT,
	OPT_GRACE,
	OPT_SET,
	OPT_NO_GUARD,
	OPT_USER,
};

static const struct arg_opt options[] = {
	{ "listen", 'l', "[ADDR:]PORT", OPT_LISTEN,
		"where to listen; ADDR is 127.0.0.1 unless given" },
	{ "cert", 'c', "FILE", OPT_CERT, "certificate chain, PEM, leaf first; may be repeated" },
	{ "key", 'k', "FILE", OPT_KEY, "its private key, PEM (default: in the --cert file)" },
	{ "dev", 0, NULL, OPT_DEV, "make up a certificate for localhost instead" },
	{ "cacert", 0, "FILE", OPT_CACERT, "PEM: trusted CAs, for certificates of clients" },
	{ "crl-cache", 0, "WHERE", OPT_CRL_CACHE,
		"file:PATH (PEM) or dir:PATH: CRLs for --crl-check" },
	{ "input", 'i', "pipe|socket", OPT_INPUT,
		"pipe (default): stdin ends when the client ends;\n"
		"socket: the connection itself, whose end is EIO" },
	{ "max-connections", 0, "N", OPT_CONNS,
		"at once (default 40); further ones wait in the backlog" },
	{ "handshake-timeout", 0, "SECONDS", OPT_T_HANDSHAKE,
		"for the whole handshake (default 10)" },
	{ "time-limit", 0, "SECONDS", OPT_T_LIMIT, "for the whole connection (default 0: none)" },
	{ "grace", 0, "SECONDS", OPT_GRACE,
		"from SIGTERM to SIGKILL, and from a connection that\n"
		"is gone to SIGTERM (default 10)" },
	{ "set", 's', "OPTION=VALUE", OPT_SET, "an option of leat-options(7)" },
	{ "user", 0, "USER[:GROUP]", OPT_USER,
		"when the port is open and the keys are read, go on as USER;\n"
		"the programs too" },
	{ "insecure-no-guard", 0, NULL, OPT_NO_GUARD,
		"where the kernel has no seccomp: programs may read the\n"
		"keys of their connection" },
	{ 0 },
};

static const char notes[] =
	"Runs PROG for each connection, with the decrypted stream as stdin and stdout, as inetd\n"
	"does. PROG needs no TLS and sees no key. What was negotiated is in its environment:\n"
	"LEAT_VERSION LEAT_SUITE LEAT_GROUP LEAT_RESUMED LEAT_PEER LEAT_SNI LEAT_ALPN\n"
	"LEAT_PEER_CERT LEAT_PEER_CERT_SHA256; TCPREMOTEIP and the like of tcpserver.\n"
	"\n"
	"SIGTERM and SIGINT end the programs and then it; the second one ends all at once.\n"
	"\n"
	"exit codes: 0 stopped, 1 could not start, 2 wrong command line.\n"
	"\n"
	"example: leat exec --listen 7007 --dev -- sort\n"
	"         printf 'b\\na\\n' | leat connect -k localhost:7007";

struct job {
	struct args *args;
	struct exec_opts o;
	struct cred_files files;
	bool have_target;
};

static int take_input(struct job *j, const char *value)
{
	static const char *const kinds[] = { "pipe", "socket", NULL };
	unsigned i;

	if (!args_choice(j->args, "--input", value, kinds, &i))
		return TOOL_USAGE;
	j->o.input_socket = i == 1;
	return 0;
}

static int take_number(struct job *j, int id, const char *value)
{
	bool ok = false;

	switch (id) {
	case OPT_CONNS:
		ok = args_count(j->args, "--max-connections", value, 1, 10000, &j->o.max_conns);
		break;
	case OPT_T_HANDSHAKE:
		ok = args_seconds(j->args, "--handshake-timeout", value, &j->o.handshake_ms);
		break;
	case OPT_T_LIMIT: ok = args_seconds(j->args, "--time-limit", value, &j->o.limit_ms); break;
	case OPT_GRACE: ok = args_seconds(j->args, "--grace", value, &j->o.grace_ms); break;
	default: break;
	}
	return ok ? 0 : TOOL_USAGE;
}

static int take_listen(struct job *j, const char *value)
{
	j->have_target = true;
	return args_listen(j->args, "--listen", value, j->o.host, sizeof(j->o.host), &j->o.port)
		       ? 0
		       : TOOL_USAGE;
}

static int take(void *arg, int id, const char *value)
{
	struct job *j = arg;

	switch (id) {
	case ARG_PLAIN: /* the program; all that follows is its own */
		j->o.argv = j->args->argv + j->args->at - 1;
		j->args->at = j->args->argc;
		return 0;
	case ARG_SETTING: return settings_set(j->args, j->o.cfg, j->args->setting, value);
	case OPT_LISTEN: return take_listen(j, value);
	case OPT_CERT: return cred_files_cert(j->args, &j->files, value);
	case OPT_KEY: return cred_files_key(j->args, &j->files, value);
	case OPT_DEV: j->files.dev = true; return 0;
	case OPT_CACERT: j->files.cacert = value; return 0;
	case OPT_CRL_CACHE: return cred_files_crl_cache(j->args, &j->files, value);
	case OPT_INPUT: return take_input(j, value);
	case OPT_SET: return settings_take(j->args, j->o.cfg, SETTINGS_PAIR, value);
	case OPT_USER: return identity_find(j->args, value, &j->o.user) ? 0 : TOOL_USAGE;
	case OPT_NO_GUARD: j->o.no_guard = true; return 0;
	default: return take_number(j, id, value);
	}
}

/* Is there a program of that name? Better said now than to the first client. */
static bool can_run(const char *name)
{
	const char *p = getenv("PATH");
	char path[4096];

	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	while (p && *p) {
		size_t n = strcspn(p, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, p, name);
		if (n > 0 && access(path, X_OK) == 0)
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

static int check(struct job *j)
{
	if (!j->have_target)
		args_wrong(j->args, "no --listen [ADDR:]PORT given");
	else if (!j->o.argv)
		args_wrong(j->args, "no program given (-- PROG ARGS)");
	else if (!can_run(j->o.argv[0]))
		args_wrong(j->args, "no program that can be run: %s", j->o.argv[0]);
	else
		return cred_files_check(j->args, &j->files, false);
	return TOOL_USAGE;
}

static int finish_config(struct job *j)
{
	struct leat_err err = { 0 };
	enum leat_ret r = cred_files_load(&j->files, j->o.cfg, NULL, &err);
	const struct leat_config *c = j->o.cfg;

	if (r == LEAT_OK)
		r = leat_config_freeze(j->o.cfg, &err);
	j->o.demand_kernel = c->records[LEAT_TX] == LEAT_RECORDS_KERNEL ||
			     c->records[LEAT_RX] == LEAT_RECORDS_KERNEL;
	j->o.never_kernel = c->records[LEAT_TX] == LEAT_RECORDS_USER;
	return r == LEAT_OK ? 0 : tool_fail_err(j->args, TOOL_USAGE, &err);
}

static int prepare(struct job *j)
{
	int code = args_each(j->args, take, j);

	if (code == 0)
		code = check(j);
	return code ? code : finish_config(j);
}

static int run(struct args *args)
{
	struct job j = {
		.args = args,
		.o = { .host = "127.0.0.1",
			.max_conns = 40,
			.handshake_ms = 10000,
			.grace_ms = 10000 },
	};
	struct leat_err err = { 0 };
	int code;

	if (leat_config_new(&j.o.cfg, LEAT_SERVER, &err) != LEAT_OK)
		return tool_fail_err(args, TOOL_FAILED, &err);
	code = prepare(&j);
	if (code == 0)
		code = exec_run(args, &j.o);
	leat_config_unref(j.o.cfg);
	return code;
}

const struct tool_cmd cmd_exec = {
	.name = "exec",
	.synopsis = "--listen [ADDR:]PORT (--cert FILE | --dev) [options] -- PROG [ARGS]",
	.summary = "run a program for each TLS connection, which needs no TLS itself",
	.opts = options,
	.settings = OPTION_SERVER,
	.notes = notes,
	.run = run,
};
