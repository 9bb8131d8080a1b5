/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_accept.c - `leat accept [ADDR:]PORT`: the command line and the TLS config it asks for. What the
 * server does with them is in accept.h. Page: docs/man/leat-accept.1.
 */
#include <stdio.h>
#include <string.h>

#include <leat/leat.h>

#include "config/option.h"
#include "tool/accept.h"
#include "tool/cred_files.h"
#include "tool/keylog.h"
#include "tool/session_store.h"
#include "tool/settings.h"

#define MAX_REPLAYS 20000 /* hellos with early data in twenty seconds */

enum {
	OPT_CERT = 1,
	OPT_KEY,
	OPT_OCSP,
	OPT_DEV,
	OPT_PEER_KEY,
	OPT_CACERT,
	OPT_CRL_CACHE,
	OPT_ECHO,
	OPT_HTTP,
	OPT_PRINT,
	OPT_ALPN,
	OPT_TLS12,
	OPT_TLS13,
	OPT_SET,
	OPT_PSK,
	OPT_PSK_IMPORTED,
	OPT_DHFILE,
	OPT_EARLY,
	OPT_STORE,
	OPT_KEY_UPDATE,
	OPT_KEYLOG,
	OPT_EXPORT,
	OPT_COUNT,
	OPT_CONNS,
	OPT_ORDERS,
	OPT_T_HANDSHAKE,
	OPT_T_IDLE,
	OPT_JSON,
};

static const struct arg_opt options[] = {
	{ "cert", 'c', "FILE", OPT_CERT,
		"certificate chain, PEM, leaf first. Several may be given:\n"
		"the first that fits a client is used" },
	{ "key", 'k', "FILE", OPT_KEY, "its private key, PEM (default: in the --cert file)" },
	{ "ocsp-file", 0, "FILE", OPT_OCSP,
		"OCSP response (DER) for the --cert before it, sent to\n"
		"clients that ask" },
	{ "dev", 0, NULL, OPT_DEV, "make up a certificate for localhost instead" },
	{ "peer-key", 0, "FILE", OPT_PEER_KEY,
		"accept this raw public key, PEM (RFC 7250); with --set\n"
		"client_certificate_type=raw" },
	{ "cacert", 0, "FILE", OPT_CACERT, "PEM: trusted CAs, for certificates of clients" },
	{ "crl-cache", 0, "WHERE", OPT_CRL_CACHE,
		"file:PATH (PEM) or dir:PATH: CRLs for --crl-check" },
	{ "echo", 'e', NULL, OPT_ECHO,
		"send back what comes; early data with \"" EARLY_MARK "\" before it" },
	{ "http", 0, NULL, OPT_HTTP, "answer one HTTP request with what was negotiated, close" },
	{ "print", 'p', NULL, OPT_PRINT, "a line for each piece of data that comes" },
	{ "alpn", 'a', "A,B", OPT_ALPN, "protocols to take, best first" },
	{ "tls1_2", 0, NULL, OPT_TLS12, "TLS 1.2 only" },
	{ "tls1_3", 0, NULL, OPT_TLS13, "TLS 1.3 only" },
	{ "set", 's', "OPTION=VALUE", OPT_SET, "an option of leat-options(7)" },
	{ "psk", 0, "ID:HEX[:HASH]", OPT_PSK,
		"an external PSK; HASH is sha256 (default) or sha384;\n"
		"may be repeated" },
	{ "psk-imported", 0, "ID:HEX[:HASH]", OPT_PSK_IMPORTED, "the same, imported (RFC 9258)" },
	{ "dhfile", 0, "FILE", OPT_DHFILE,
		"DH parameters, PEM, for DHE suites of TLS 1.2 (default:\n"
		"ffdhe2048); --dh overrides it" },
	{ "session-store", 0, "STORE", OPT_STORE,
		"keep sessions in memory[:N]; in lmdb:PATH, a file that\n"
		"outlives the server and may be shared by several; or in\n"
		"Redis, for many machines: redis://HOST[:PORT][/DB]" },
	{ "early-data", 0, "BYTES", OPT_EARLY,
		"take up to BYTES of 0-RTT data of a connection, once" },
	{ "key-update", 0, "N", OPT_KEY_UPDATE,
		"TLS 1.3: change keys, and ask the client to, after every\n"
		"N pieces of data" },
	{ "keylog", 0, "FILE", OPT_KEYLOG,
		"append the secrets of the connections to FILE, for\n"
		"debugging; env:NAME: to the file the variable names" },
	{ "export", 0, "LABEL[:BYTES]", OPT_EXPORT,
		"report what the exporter gives for LABEL, 32 bytes or\n"
		"as many as said" },
	{ "count", 'n', "N", OPT_COUNT, "end after N connections (default: never)" },
	{ "max-connections", 0, "N", OPT_CONNS,
		"at once (default 100); further ones wait in the backlog,\n"
		"so 1 is one after the other" },
	{ "orders", 0, NULL, OPT_ORDERS, "obey lines on stdin: close, key-update, stop" },
	{ "handshake-timeout", 0, "SECONDS", OPT_T_HANDSHAKE,
		"for the whole handshake (default 10)" },
	{ "idle-timeout", 0, "SECONDS", OPT_T_IDLE, "without a byte either way (default 60)" },
	{ "json", 'j', NULL, OPT_JSON, "the report as one JSON object per line" },
	{ 0 },
};

static const char notes[] =
	"A server for trying clients out. Without --echo, --http or --print what comes is\n"
	"counted. Prints \"listening on ADDR:PORT\" and a line for each connection at its end.\n"
	"ADDR is 127.0.0.1 unless given; port 0 is any free one.\n"
	"\n"
	"SIGTERM and SIGINT close the connections and end it; the second one ends it at once.\n"
	"\n"
	"exit codes: 0 stopped, 1 could not start or go on, 2 wrong command line.\n"
	"\n"
	"example: leat accept 8443 --dev --http\n"
	"         curl -k https://localhost:8443/";

struct job {
	struct args *args;
	struct accept_opts o;
	struct tls_site tls;
	struct cred_files files;
	const char *store; /* --session-store */
	char label[ARGS_LABEL];
	bool have_target, have_psk;
};

/* ---- the command line ------------------------------------------------------------------------ */

static int take_target(struct job *j, const char *text)
{
	if (j->have_target) {
		args_wrong(j->args, "one [ADDR:]PORT is enough: %s", text);
		return TOOL_USAGE;
	}
	j->have_target = true;
	return args_listen(j->args, "port", text, j->o.host, sizeof(j->o.host), &j->o.port)
		       ? 0
		       : TOOL_USAGE;
}

static int take_export(struct job *j, const char *text)
{
	j->o.export_label = j->label;
	return args_export(j->args, text, ACCEPT_EXPORT_MAX, j->label, &j->o.export_bytes)
		       ? 0
		       : TOOL_USAGE;
}

static int take_number(struct job *j, int id, const char *value)
{
	bool ok = false;

	switch (id) {
	case OPT_EARLY:
		ok = args_uint(
			j->args, "--early-data", value, 0, ACCEPT_EARLY_MAX, &j->o.early_max);
		break;
	case OPT_KEY_UPDATE:
		ok = args_uint(j->args, "--key-update", value, 1, UINT32_MAX, &j->o.key_update);
		break;
	case OPT_COUNT: ok = args_uint(j->args, "--count", value, 1, INT64_MAX, &j->o.count); break;
	case OPT_CONNS:
		ok = args_count(j->args, "--max-connections", value, 1, 10000, &j->o.max_conns);
		break;
	case OPT_T_HANDSHAKE:
		ok = args_seconds(j->args, "--handshake-timeout", value, &j->o.handshake_ms);
		break;
	case OPT_T_IDLE: ok = args_seconds(j->args, "--idle-timeout", value, &j->o.idle_ms); break;
	default: break;
	}
	return ok ? 0 : TOOL_USAGE;
}

static int take_setting(struct job *j, int id, const char *value)
{
	struct leat_config *cfg = j->tls.cfg;

	switch (id) {
	case OPT_ALPN: return settings_set(j->args, cfg, "alpn", value);
	case OPT_TLS12: return settings_set(j->args, cfg, "versions", "tlsv1.2");
	case OPT_TLS13: return settings_set(j->args, cfg, "versions", "tlsv1.3");
	case OPT_SET: return settings_take(j->args, cfg, SETTINGS_PAIR, value);
	case OPT_PEER_KEY: return settings_take(j->args, cfg, SETTINGS_PEER_KEY, value);
	case OPT_PSK: j->have_psk = true; return settings_take(j->args, cfg, SETTINGS_PSK, value);
	case OPT_PSK_IMPORTED:
		j->have_psk = true;
		return settings_take(j->args, cfg, SETTINGS_PSK_IMPORTED, value);
	case OPT_KEYLOG: return keylog_start(j->args, value, cfg) ? 0 : TOOL_USAGE;
	default: return take_number(j, id, value);
	}
}

static int take(void *arg, int id, const char *value)
{
	struct job *j = arg;

	switch (id) {
	case ARG_PLAIN: return take_target(j, value);
	case ARG_SETTING: return settings_set(j->args, j->tls.cfg, j->args->setting, value);
	case OPT_CERT: return cred_files_cert(j->args, &j->files, value);
	case OPT_KEY: return cred_files_key(j->args, &j->files, value);
	case OPT_OCSP: return cred_files_attach(j->args, &j->files, CRED_OCSP, value);
	case OPT_DEV: j->files.dev = true; return 0;
	case OPT_CACERT: j->files.cacert = value; return 0;
	case OPT_CRL_CACHE: return cred_files_crl_cache(j->args, &j->files, value);
	case OPT_DHFILE: j->files.dhfile = value; return 0;
	case OPT_ECHO: j->o.talk = ACCEPT_ECHO; return 0;
	case OPT_HTTP: j->o.talk = ACCEPT_HTTP; return 0;
	case OPT_PRINT: j->o.talk = ACCEPT_PRINT; return 0;
	case OPT_EXPORT: return take_export(j, value);
	case OPT_ORDERS: j->o.orders = true; return 0;
	case OPT_STORE:
		j->store = value;
		return session_store_check(j->args, value) ? 0 : TOOL_USAGE;
	case OPT_JSON: j->o.json = true; return 0;
	default: return take_setting(j, id, value);
	}
}

static int check(const struct job *j)
{
	if (!j->have_target) {
		args_wrong(j->args, "no [ADDR:]PORT given");
		return TOOL_USAGE;
	}
	return cred_files_check(j->args, &j->files, j->have_psk);
}

/* ---- the config ------------------------------------------------------------------------------ */

/* session_tickets=stateful alone means memory. */
static int add_store(struct job *j)
{
	const char *where = j->store ? j->store : "memory";
	struct leat_err err = { 0 };
	struct leat_store *store;
	enum leat_ret r;

	if (!j->store && j->tls.cfg->sessions != SESSIONS_STATEFUL)
		return 0;
	store = session_store_open(j->args, where);
	if (!store)
		return TOOL_FAILED;
	r = leat_config_set_session_store(j->tls.cfg, store, &err);
	leat_store_unref(store);
	return r == LEAT_OK ? 0 : tool_fail_err(j->args, TOOL_USAGE, &err);
}

/* A register against replay that was there all the time. Keys of tickets and stored sessions are made by
 * this process and never leave it: nothing that was said before it started can be repeated to it, so
 * there is nothing to wait for. */
static int64_t long_ago(void *arg)
{
	const struct leat_env *env = arg;

	return env->now_s(env->arg) - 2 * LEAT_REPLAY_WINDOW_S - 1;
}

static enum leat_ret add_early(struct job *j, struct leat_err *err)
{
	struct leat_env env = {
		.now_s = long_ago, .random = j->tls.env.random, .arg = &j->tls.env
	};
	/* In a file they outlive us: then what was said to another process could be repeated. */
	bool ours = !j->store || strncmp(j->store, "memory", 6) == 0;
	struct leat_antireplay *memory;
	enum leat_ret r;

	if (j->o.early_max == 0)
		return LEAT_OK;
	r = leat_antireplay_new(
		&memory, MAX_REPLAYS, LEAT_REPLAY_WINDOW_S, ours ? &env : &j->tls.env, NULL, err);
	if (r == LEAT_OK) {
		r = leat_config_set_early_data(j->tls.cfg, (uint32_t)j->o.early_max, memory, err);
		leat_antireplay_unref(memory);
	}
	return r;
}

static int finish_config(struct job *j)
{
	struct leat_err err = { 0 };
	enum leat_ret r = cred_files_load(&j->files, j->tls.cfg, NULL, &err);

	if (r == LEAT_OK)
		r = add_early(j, &err);
	if (r == LEAT_OK)
		r = leat_config_freeze(j->tls.cfg, &err);
	j->tls.demand_kernel = j->tls.cfg->records[LEAT_RX] == LEAT_RECORDS_KERNEL ||
			       j->tls.cfg->records[LEAT_TX] == LEAT_RECORDS_KERNEL;
	return r == LEAT_OK ? 0 : tool_fail_err(j->args, TOOL_USAGE, &err);
}

static int prepare(struct job *j)
{
	int code = args_each(j->args, take, j);

	if (code == 0)
		code = check(j);
	if (code == 0)
		code = add_store(j);
	return code ? code : finish_config(j);
}

static int run(struct args *args)
{
	struct job j = {
		.args = args,
		.o = { .host = "127.0.0.1",
			.max_conns = 100,
			.handshake_ms = 10000,
			.idle_ms = 60000 },
	};
	struct leat_err err = { 0 };
	int code;

	leat_env_system(&j.tls.env);
	if (leat_config_new(&j.tls.cfg, LEAT_SERVER, &err) != LEAT_OK)
		return tool_fail_err(args, TOOL_FAILED, &err);
	code = prepare(&j);
	if (code == 0)
		code = accept_run(args, &j.o, &j.tls);
	leat_config_unref(j.tls.cfg);
	return code;
}

const struct tool_cmd cmd_accept = {
	.name = "accept",
	.synopsis = "[ADDR:]PORT (--cert FILE | --dev) [options]",
	.summary = "a TLS server for trying clients out",
	.opts = options,
	.settings = OPTION_SERVER,
	.notes = notes,
	.run = run,
};
