/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_serve.c - `leat serve DIR`: the command line. What it means is in serve.h. Page:
 * docs/man/leat-serve.1.
 */
#include <stdio.h>
#include <string.h>

#include "config/option.h"
#include "tool/serve.h"

enum {
	OPT_LISTEN = 1,
	OPT_CERT,
	OPT_KEY,
	OPT_OCSP,
	OPT_SCT,
	OPT_CACERT,
	OPT_DHFILE,
	OPT_DEV,
	OPT_RECORDS,
	OPT_SET,
	OPT_WORKERS,
	OPT_LOG,
	OPT_JSON,
	OPT_HIDDEN,
	OPT_KEYLOG,
	OPT_CONNS,
	OPT_HEAD_BYTES,
	OPT_T_HANDSHAKE,
	OPT_T_HEAD,
	OPT_T_IDLE,
	OPT_T_STALL,
	OPT_T_GRACE,
	OPT_LOOP,
};

static const struct arg_opt options[] = {
	{ "listen", 'l', "ADDR:PORT", OPT_LISTEN,
		"where to listen (default 127.0.0.1:8443); port 0: any\n"
		"free one; no ADDR: all addresses" },
	{ "cert", 'c', "FILE", OPT_CERT,
		"certificate chain, PEM, leaf first; with --key. Several\n"
		"pairs may be given: the first that fits a client is used" },
	{ "key", 'k', "FILE", OPT_KEY, "private key, PEM" },
	{ "ocsp-file", 0, "FILE", OPT_OCSP,
		"OCSP response (DER) for the --cert before it, sent to\n"
		"clients that ask" },
	{ "sct-file", 0, "FILE", OPT_SCT,
		"SCTs (SignedCertificateTimestampList) for the --cert\n"
		"before it, sent to clients that ask" },
	{ "cacert", 0, "FILE", OPT_CACERT,
		"ask clients for a certificate under one of these CAs, PEM;\n"
		"--set fail_if_no_peer_cert=true: refuse those without" },
	{ "dhfile", 0, "FILE", OPT_DHFILE,
		"DH parameters, PEM, for DHE suites of TLS 1.2 (default:\n"
		"ffdhe2048); --dh overrides it" },
	{ "dev", 0, NULL, OPT_DEV,
		"make up a certificate for localhost in memory instead;\n"
		"for trying things out only" },
	{ "records", 'r', "WHERE", OPT_RECORDS,
		"auto: kernel records for files where it pays (default);\n"
		"kernel: in the kernel or not at all; user: never there" },
	{ "set", 's', "NAME=VALUE", OPT_SET,
		"a TLS option, as \"versions=tlsv1.3\", see leat-options(7);\n"
		"may be repeated" },
	{ "workers", 'w', "N", OPT_WORKERS, "threads, each with a loop (default: one per CPU)" },
	{ "access-log", 'a', "FILE", OPT_LOG, "\"-\": stdout (default), \"none\": none" },
	{ "json", 0, NULL, OPT_JSON, "one JSON object per line, the access log included" },
	{ "hidden", 0, NULL, OPT_HIDDEN,
		"serve names that start with a dot (else 404, but for\n"
		"/.well-known/)" },
	{ "keylog", 0, "FILE", OPT_KEYLOG,
		"append the secrets of every connection to FILE, for\n"
		"debugging; env:NAME: to the file the variable names" },
	{ "max-connections", 0, "N", OPT_CONNS,
		"at once, for the whole server (default 16384, less where\n"
		"descriptors are few); further ones wait in the backlog" },
	{ "max-header", 0, "BYTES", OPT_HEAD_BYTES, "of one request (default 8192)" },
	{ "handshake-timeout", 0, "SECONDS", OPT_T_HANDSHAKE,
		"for the whole handshake (default 10)" },
	{ "header-timeout", 0, "SECONDS", OPT_T_HEAD,
		"from a request's first byte to its last (default 15)" },
	{ "idle-timeout", 0, "SECONDS", OPT_T_IDLE, "between requests (default 60)" },
	{ "stall-timeout", 0, "SECONDS", OPT_T_STALL,
		"for a client that takes no byte of an answer (default 30)" },
	{ "grace", 0, "SECONDS", OPT_T_GRACE, "for answers under way after SIGTERM (default 30)" },
	{ "loop", 0, "KIND", OPT_LOOP, "auto (default), io_uring, poll" },
	{ 0 },
};

static const char notes[] =
	"Serves GET and HEAD of the files beneath DIR over HTTP/1.1, with ranges and\n"
	"conditional requests. Symbolic links work as long as they stay beneath DIR. A\n"
	"folder is its index.html. Prints what this kernel can carry and, as the last\n"
	"line before the access log, \"listening on ADDR:PORT\".\n"
	"\n"
	"SIGTERM and SIGINT: no new connections, answers under way are finished; the\n"
	"second one ends it at once.\n"
	"\n"
	"exit codes: 0 stopped by a signal, 1 could not start or go on, 2 bad usage.\n"
	"\n"
	"example: leat serve /srv/files --dev\n"
	"         curl -k https://localhost:8443/";

struct job {
	struct args *args;
	struct serve_opts o;
};

static bool ms_option(const struct args *args, const char *name, const char *value, int *out)
{
	if (!args_seconds(args, name, value, out))
		return false;
	if (*out > 0)
		return true;
	args_wrong(args, "%s: must be more than 0", name);
	return false;
}

/* name NULL: value is NAME=VALUE. */
static bool add_setting(
	const struct args *args, struct serve_opts *o, const char *name, const char *value)
{
	if (o->num_options == SERVE_MAX_OPTIONS) {
		args_wrong(args, "--set: more than %d", SERVE_MAX_OPTIONS);
		return false;
	}
	if (!name && (strchr(value, '=') == NULL || value[0] == '=')) {
		args_wrong(args, "--set: not NAME=VALUE: %s", value);
		return false;
	}
	o->names[o->num_options] = name;
	o->options[o->num_options++] = value;
	return true;
}

static bool take_choice(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	static const char *const records[] = { "auto", "kernel", "user", NULL };
	static const char *const loops[] = { "auto", "io_uring", "poll", NULL };
	unsigned i;

	if (!args_choice(args, id == OPT_LOOP ? "--loop" : "--records", value,
		    id == OPT_LOOP ? loops : records, &i))
		return false;
	if (id == OPT_LOOP)
		o->loop = (enum loop_backend)i;
	else
		o->records = (enum leat_records)i;
	return true;
}

static bool take_limit(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	switch (id) {
	case OPT_WORKERS: return args_count(args, "--workers", value, 1, 256, &o->workers);
	case OPT_CONNS:
		return args_count(args, "--max-connections", value, 1, 1000000, &o->max_conns);
	case OPT_HEAD_BYTES:
		return args_count(args, "--max-header", value, 256, 65536, &o->max_head);
	case OPT_T_HANDSHAKE:
		return ms_option(args, "--handshake-timeout", value, &o->handshake_ms);
	case OPT_T_HEAD: return ms_option(args, "--header-timeout", value, &o->head_ms);
	case OPT_T_IDLE: return ms_option(args, "--idle-timeout", value, &o->idle_ms);
	case OPT_T_STALL: return ms_option(args, "--stall-timeout", value, &o->stall_ms);
	default: return ms_option(args, "--grace", value, &o->grace_ms);
	}
}

static int take_dir(const struct args *args, struct serve_opts *o, const char *value)
{
	if (o->dir) {
		args_wrong(args, "%s: only one folder is served", value);
		return TOOL_USAGE;
	}
	o->dir = value;
	return 0;
}

/* What can only be refused, not fail otherwise. */
static bool take_value(struct job *j, int id, const char *value)
{
	struct serve_opts *o = &j->o;

	switch (id) {
	case OPT_LISTEN:
		return args_host_port(j->args, value, true, o->host, sizeof(o->host), &o->port);
	case ARG_SETTING: return add_setting(j->args, o, j->args->setting, value);
	case OPT_SET: return add_setting(j->args, o, NULL, value);
	case OPT_RECORDS:
	case OPT_LOOP: return take_choice(j->args, id, value, o);
	default: return take_limit(j->args, id, value, o);
	}
}

static int take(void *arg, int id, const char *value)
{
	struct job *j = arg;
	struct serve_opts *o = &j->o;

	switch (id) {
	case ARG_PLAIN: return take_dir(j->args, o, value);
	case OPT_CERT: return cred_files_cert(j->args, &o->files, value);
	case OPT_KEY: return cred_files_key(j->args, &o->files, value);
	case OPT_OCSP: return cred_files_attach(j->args, &o->files, CRED_OCSP, value);
	case OPT_SCT: return cred_files_attach(j->args, &o->files, CRED_SCT, value);
	case OPT_CACERT: o->files.cacert = value; return 0;
	case OPT_DHFILE: o->files.dhfile = value; return 0;
	case OPT_DEV: o->files.dev = true; return 0;
	case OPT_LOG: o->access_log = strcmp(value, "none") == 0 ? NULL : value; return 0;
	case OPT_JSON: o->json = true; return 0;
	case OPT_HIDDEN: o->hidden = true; return 0;
	case OPT_KEYLOG: o->keylog = value; return 0;
	default: return take_value(j, id, value) ? 0 : TOOL_USAGE;
	}
}

static int check(const struct args *args, const struct serve_opts *o)
{
	if (o->dir == NULL)
		args_wrong(args, "the folder to serve is missing");
	else if (o->files.num_certs != o->files.num_keys)
		args_wrong(args, "every --cert needs a --key and the other way round");
	else
		return cred_files_check(args, &o->files, false);
	return TOOL_USAGE;
}

static int run(struct args *args)
{
	struct job j = {
		.args = args,
		.o = { .host = "127.0.0.1",
			.port = 8443,
			.access_log = "-",
			.max_conns = 16384,
			.max_head = 8192,
			.handshake_ms = 10000,
			.head_ms = 15000,
			.idle_ms = 60000,
			.stall_ms = 30000,
			.grace_ms = 30000 },
	};
	int code = args_each(args, take, &j);

	if (code == 0)
		code = check(args, &j.o);
	if (code)
		return code;
	if (j.o.files.dev)
		fprintf(stderr,
			"leat serve: --dev: this certificate was made up a moment ago and nobody "
			"vouches for it.\nleat serve: --dev: for trying things out only; never "
			"serve strangers with it.\n");
	return serve_run(args, &j.o);
}

const struct tool_cmd cmd_serve = {
	.name = "serve",
	.synopsis = "DIR (--cert FILE --key FILE | --dev) [options]",
	.summary = "serve a folder of files over HTTPS, from the kernel where it can",
	.opts = options,
	.settings = OPTION_SERVER,
	.notes = notes,
	.run = run,
};
