/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_serve.c - `leat serve DIR`: the table of its options and the help. What an option means is in
 * serve_opts.c, what becomes of it in serve.h. Page: docs/man/leat-serve.1.
 */
#include <stdio.h>

#include "config/option.h"
#include "tool/serve.h"

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
	{ "crl-cache", 0, "WHERE", OPT_CRL_CACHE,
		"file:PATH (PEM) or dir:PATH: CRLs for --crl-check" },
	{ "dhfile", 0, "FILE", OPT_DHFILE,
		"DH parameters, PEM, for DHE suites of TLS 1.2 (default:\n"
		"ffdhe2048); --dh overrides it" },
	{ "dev", 0, NULL, OPT_DEV,
		"make up a certificate for localhost in memory instead;\n"
		"for trying things out only" },
	{ "config", 0, "FILE", OPT_CONFIG,
		"read options from FILE: a line each, without dashes; a host\n"
		"begins with [host NAMES]; see leat-serve(1)" },
	{ "check", 0, NULL, OPT_CHECK,
		"look at the configuration, files and all, say what is wrong\n"
		"with it, and end" },
	{ "host", 0, "NAMES", OPT_HOST,
		"a further host: --root, --cert, --key, --ocsp-file,\n"
		"--sct-file, --cacert, --crl-cache, --dhfile, --dev, --hidden,\n"
		"--http2 and TLS options after this belong to it. NAMES:\n"
		"exact ones, or *.example.org, with commas between" },
	{ "root", 0, "DIR", OPT_ROOT, "the folder of the --host before it" },
	{ "unknown-name", 0, "HOW", OPT_UNKNOWN_NAME,
		"names that no --host has: default (they get DIR, the\n"
		"default) or refuse (unrecognized_name)" },
	{ "records", 'r', "WHERE", OPT_RECORDS,
		"auto: kernel records for files where it pays (default);\n"
		"kernel: in the kernel or not at all; user: never there" },
	{ "set", 's', "NAME=VALUE", OPT_SET,
		"a TLS option, as \"versions=tlsv1.3\", see leat-options(7);\n"
		"may be repeated" },
	{ "workers", 'w', "N", OPT_WORKERS, "threads, each with a loop (default: one per CPU)" },
	{ "steer", 0, "HOW", OPT_STEER,
		"which worker gets a connection, by a BPF program: cpu (where\n"
		"it arrived), load (the fewest connections), off (default:\n"
		"the kernel's hash)" },
	{ "lookup", 0, "ADDR[/N]:PORTS", OPT_LOOKUP,
		"connections to these addresses (of this machine) and ports\n"
		"too, by a BPF program; may be repeated" },
	{ "access-log", 'a', "FILE", OPT_LOG, "\"-\": stdout (default), \"none\": none" },
	{ "json", 0, NULL, OPT_JSON, "one JSON object per line, the access log included" },
	{ "key-process", 0, NULL, OPT_KEY_PROCESS,
		"keep the private keys in a process of their own, which can\n"
		"do nothing but sign" },
	{ "insecure-no-sandbox", 0, NULL, OPT_NO_SANDBOX,
		"leave out the filter of system calls that the server puts\n"
		"itself behind when it has started" },
	{ "session-store", 0, "STORE", OPT_STORE,
		"keep sessions in memory[:N]; in lmdb:PATH, a file that\n"
		"outlives the server and may be shared by several; or in\n"
		"Redis, for many machines: redis://HOST[:PORT][/DB]" },
	{ "metrics", 0, "ADDR:PORT", OPT_METRICS,
		"tell in plain HTTP there what is counted: /metrics for a\n"
		"collector (OpenMetrics), / for a browser" },
	{ "hidden", 0, NULL, OPT_HIDDEN,
		"serve names that start with a dot (else 404, but for\n"
		"/.well-known/)" },
	{ "http2", 0, NULL, OPT_HTTP2,
		"offer HTTP/2 to clients before HTTP/1.1; their answers are\n"
		"never sent from the kernel" },
	{ "keylog", 0, "FILE", OPT_KEYLOG,
		"append the secrets of every connection to FILE, for\n"
		"debugging; env:NAME: to the file the variable names" },
	{ "max-connections", 0, "N", OPT_CONNS,
		"at once, for the whole server (default 16384, less where\n"
		"descriptors are few); further ones wait in the backlog" },
	{ "max-per-address", 0, "N", OPT_PER_ADDR,
		"connections of one IPv4 address, or one IPv6 /64, at once\n"
		"(default: as many as --max-connections)" },
	{ "user", 0, "USER[:GROUP]", OPT_USER, "when everything is open, go on as USER" },
	{ "max-header", 0, "BYTES", OPT_HEAD_BYTES, "of one request (default 8192)" },
	{ "handshake-timeout", 0, "SECONDS", OPT_T_HANDSHAKE,
		"for the whole handshake (default 10)" },
	{ "header-timeout", 0, "SECONDS", OPT_T_HEAD,
		"from a request's first byte to its last (default 15)" },
	{ "idle-timeout", 0, "SECONDS", OPT_T_IDLE, "between requests (default 60)" },
	{ "stall-timeout", 0, "SECONDS", OPT_T_STALL,
		"for a client that takes no byte of an answer (default 30)" },
	{ "grace", 0, "SECONDS", OPT_T_GRACE, "for answers under way after SIGTERM (default 30)" },
	{ "file-cache", 0, "SECONDS", OPT_FILE_CACHE,
		"how long a path is taken to lead to the same file (default 1;\n"
		"a changed file is noticed at once); 0: keep no file open" },
	{ "loop", 0, "KIND", OPT_LOOP, "auto (default), io_uring, poll" },
	{ 0 },
};

static const char notes[] =
	"Serves GET and HEAD of the files beneath DIR over HTTP/1.1 (and HTTP/2), with ranges and\n"
	"conditional requests. Symbolic links work as long as they stay beneath DIR. A\n"
	"folder is its index.html. Prints what this kernel can carry and, as the last\n"
	"line before the access log, \"listening on ADDR:PORT\".\n"
	"\n"
	"SIGHUP: the configuration is read anew, certificates and all; if it is good, new\n"
	"connections get it, else the old one stays. SIGTERM and SIGINT: no new connections, answers under way are finished; the\n"
	"second one ends it at once.\n"
	"\n"
	"exit codes: 0 stopped by a signal, 1 could not start or go on, 2 bad usage.\n"
	"\n"
	"example: leat serve /srv/files --dev\n"
	"         curl -k https://localhost:8443/";

static bool any_dev(const struct serve_opts *o)
{
	for (unsigned i = 0; i < o->num_hosts; i++)
		if (o->hosts[i].files.dev)
			return true;
	return false;
}

static int run(struct args *args)
{
	struct serve_opts *o = serve_opts_read(args);

	if (o == NULL)
		return TOOL_USAGE;
	if (any_dev(o))
		fprintf(stderr,
			"leat serve: --dev: this certificate was made up a moment ago and nobody "
			"vouches for it.\nleat serve: --dev: for trying things out only; never "
			"serve strangers with it.\n");
	return o->check ? serve_check(args, o) : serve_run(args, o);
}

const struct tool_cmd cmd_serve = {
	.name = "serve",
	.synopsis = "DIR (--cert FILE --key FILE | --dev) [options] [--host NAMES --root DIR ...]",
	.summary = "serve a folder of files over HTTPS, from the kernel where it can",
	.opts = options,
	.settings = OPTION_SERVER,
	.notes = notes,
	.run = run,
};
