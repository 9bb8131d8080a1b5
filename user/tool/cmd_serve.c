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

static bool ms_option(const struct args *args, const char *name, const char *value, int *out)
{
	if (!args_seconds(args, name, value, out))
		return false;
	if (*out > 0)
		return true;
	args_wrong(args, "%s: must be more than 0", name);
	return false;
}

static bool uint_option(const struct args *args, const char *name, const char *value, uint64_t min,
	uint64_t max, unsigned *out)
{
	uint64_t v;

	if (!args_uint(args, name, value, min, max, &v))
		return false;
	*out = (unsigned)v;
	return true;
}

static bool add_file(const struct args *args, const char *name, const char *value,
	const char **list, unsigned *num)
{
	if (*num == SERVE_MAX_CREDS) {
		args_wrong(args, "%s: more than %d", name, SERVE_MAX_CREDS);
		return false;
	}
	list[(*num)++] = value;
	return true;
}

/* A file that goes with the last --cert. */
static bool go_with(const struct args *args, const char *name, const char *value,
	const struct serve_opts *o, const char **list)
{
	if (o->num_certs == 0 || list[o->num_certs - 1]) {
		args_wrong(args, "%s: goes with a --cert before it, one with each", name);
		return false;
	}
	list[o->num_certs - 1] = value;
	return true;
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
	case OPT_WORKERS: return uint_option(args, "--workers", value, 1, 256, &o->workers);
	case OPT_CONNS:
		return uint_option(args, "--max-connections", value, 1, 1000000, &o->max_conns);
	case OPT_HEAD_BYTES:
		return uint_option(args, "--max-header", value, 256, 65536, &o->max_head);
	case OPT_T_HANDSHAKE:
		return ms_option(args, "--handshake-timeout", value, &o->handshake_ms);
	case OPT_T_HEAD: return ms_option(args, "--header-timeout", value, &o->head_ms);
	case OPT_T_IDLE: return ms_option(args, "--idle-timeout", value, &o->idle_ms);
	case OPT_T_STALL: return ms_option(args, "--stall-timeout", value, &o->stall_ms);
	default: return ms_option(args, "--grace", value, &o->grace_ms);
	}
}

static bool take(const struct args *args, int id, const char *value, struct serve_opts *o)
{
	switch (id) {
	case OPT_LISTEN:
		return args_host_port(args, value, true, o->host, sizeof(o->host), &o->port);
	case OPT_CERT: return add_file(args, "--cert", value, o->cert, &o->num_certs);
	case OPT_KEY: return add_file(args, "--key", value, o->key, &o->num_keys);
	case OPT_OCSP: return go_with(args, "--ocsp-file", value, o, o->ocsp);
	case OPT_SCT: return go_with(args, "--sct-file", value, o, o->sct);
	case OPT_CACERT: o->cacert = value; return true;
	case OPT_DHFILE: o->dhfile = value; return true;
	case ARG_SETTING: return add_setting(args, o, args->setting, value);
	case OPT_DEV: o->dev = true; return true;
	case OPT_RECORDS:
	case OPT_LOOP: return take_choice(args, id, value, o);
	case OPT_SET: return add_setting(args, o, NULL, value);
	case OPT_LOG: o->access_log = strcmp(value, "none") == 0 ? NULL : value; return true;
	case OPT_JSON: o->json = true; return true;
	case OPT_HIDDEN: o->hidden = true; return true;
	case OPT_KEYLOG: o->keylog = value; return true;
	case ARG_WRONG: return false;
	case ARG_PLAIN:
		if (o->dir == NULL) {
			o->dir = value;
			return true;
		}
		args_wrong(args, "%s: only one folder is served", value);
		return false;
	default: return take_limit(args, id, value, o);
	}
}

static bool check(const struct args *args, const struct serve_opts *o)
{
	if (o->dir == NULL)
		args_wrong(args, "the folder to serve is missing");
	else if (o->num_certs != o->num_keys)
		args_wrong(args, "every --cert needs a --key and the other way round");
	else if (o->num_certs == 0 && !o->dev)
		args_wrong(
			args, "no certificate: give --cert and --key, or --dev to try things out");
	else if (o->num_certs > 0 && o->dev)
		args_wrong(args, "--dev makes its own certificate: leave out --cert and --key");
	else
		return true;
	return false;
}

static int run(struct args *args)
{
	struct serve_opts o = {
		.host = "127.0.0.1",
		.port = 8443,
		.access_log = "-",
		.max_conns = 16384,
		.max_head = 8192,
		.handshake_ms = 10000,
		.head_ms = 15000,
		.idle_ms = 60000,
		.stall_ms = 30000,
		.grace_ms = 30000,
	};
	const char *value;
	int id;

	while ((id = args_next(args, &value)) != ARG_END)
		if (!take(args, id, value, &o))
			return TOOL_USAGE;
	if (!check(args, &o))
		return TOOL_USAGE;
	if (o.dev)
		fprintf(stderr,
			"leat serve: --dev: this certificate was made up a moment ago and nobody "
			"vouches for it.\nleat serve: --dev: for trying things out only; never "
			"serve strangers with it.\n");
	return serve_run(args, &o);
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
