/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_connect.c - `leat connect HOST:PORT`: options into a config, TCP, handshake, pump, end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/secret.h"
#include "base/wr.h"
#include "config/option.h"
#include "sock/anchors.h"
#include "tool/connect.h"
#include "tool/keylog.h"
#include "tool/settings.h"

enum {
	OPT_PEER_KEY = 1,
	OPT_CACERT,
	OPT_CRL_CACHE,
	OPT_CERT,
	OPT_KEY,
	OPT_OCSP,
	OPT_SCT,
	OPT_SERVERNAME,
	OPT_INSECURE,
	OPT_ALPN,
	OPT_TLS12,
	OPT_TLS13,
	OPT_VERSIONS,
	OPT_SUITES,
	OPT_GROUPS,
	OPT_RECORDS,
	OPT_RECORDS_RX,
	OPT_RECORDS_TX,
	OPT_SET,
	OPT_TIMEOUT,
	OPT_SESSION,
	OPT_EARLY,
	OPT_RECONNECT,
	OPT_KEYLOG,
	OPT_EXPORT,
	OPT_BINDINGS,
	OPT_KEY_UPDATE,
	OPT_PSK,
	OPT_PSK_IMPORTED,
	OPT_JSON,
	OPT_BRIEF,
	OPT_QUIET,
	OPT_COUNT
};

static const struct arg_opt options[] = {
	{ "peer-key", 0, "FILE", OPT_PEER_KEY,
		"accept this raw public key, PEM (RFC 7250); with --set\n"
		"server_certificate_type=raw" },
	{ "cacert", 'c', "FILE", OPT_CACERT, "trust the CAs in this PEM file, not the system's" },
	{ "crl-cache", 0, "WHERE", OPT_CRL_CACHE,
		"internal, file:PATH (PEM) or dir:PATH, perhaps with\n"
		",http=MS: where CRLs are, for --crl-check" },
	{ "servername", 'n', "NAME", OPT_SERVERNAME,
		"name to ask for and to check, if it is not HOST" },
	{ "insecure", 'k', NULL, OPT_INSECURE, "accept any certificate: anybody may be answering" },
	{ "cert", 0, "FILE", OPT_CERT, "our certificate and its intermediates, PEM" },
	{ "key", 0, "FILE", OPT_KEY, "its private key, PEM (default: in the --cert file)" },
	{ "ocsp-file", 0, "FILE", OPT_OCSP,
		"OCSP response (DER) for it, sent to servers that ask" },
	{ "sct-file", 0, "FILE", OPT_SCT,
		"SCTs (SignedCertificateTimestampList) for it, likewise" },
	{ "alpn", 'a', "A,B", OPT_ALPN, "protocols to offer, best first" },
	{ "tls1_2", 0, NULL, OPT_TLS12, "TLS 1.2 only" },
	{ "tls1_3", 0, NULL, OPT_TLS13, "TLS 1.3 only" },
	{ "versions", 0, "A,B", OPT_VERSIONS, "tlsv1.3, tlsv1.2" },
	{ "suites", 0, "A,B", OPT_SUITES, "cipher suites by IANA or OpenSSL name, best first" },
	{ "groups", 0, "A,B", OPT_GROUPS, "key exchange groups, best first" },
	{ "records", 'r', "WHERE", OPT_RECORDS,
		"auto, kernel or user: where records are protected;\n"
		"kernel fails where it cannot be had" },
	{ "records-rx", 0, "WHERE", OPT_RECORDS_RX, "the same for what is received" },
	{ "records-tx", 0, "WHERE", OPT_RECORDS_TX, "the same for what is sent" },
	{ "set", 's', "OPTION=VALUE", OPT_SET, "any other option of the configuration" },
	{ "timeout", 't', "SECONDS", OPT_TIMEOUT,
		"limit for connection and handshake (default 10)" },
	{ "session", 0, "FILE", OPT_SESSION,
		"resume the session in FILE if there is one, and keep\n"
		"the newest one there (secret: readable by you only)" },
	{ "reconnect", 0, "N", OPT_RECONNECT,
		"before, connect N times (1 to 1000), each time with the\n"
		"session that the time before gave" },
	{ "early-data", 0, "FILE", OPT_EARLY,
		"send FILE as 0-RTT data if the session allows it, after\n"
		"the handshake if not; others can send it again" },
	{ "keylog", 0, "FILE", OPT_KEYLOG,
		"append the secrets of the connection to FILE, for\n"
		"debugging; env:NAME: to the file the variable names" },
	{ "export", 0, "LABEL[:BYTES]", OPT_EXPORT,
		"say what the exporter gives for LABEL, 32 bytes or as\n"
		"many as said" },
	{ "bindings", 0, NULL, OPT_BINDINGS, "say the channel bindings of the connection" },
	{ "key-update", 0, NULL, OPT_KEY_UPDATE,
		"TLS 1.3: change keys before the first byte of stdin, and\n"
		"ask the server to" },
	{ "psk", 0, "ID:HEX[:HASH]", OPT_PSK,
		"offer an external PSK (TLS 1.3); HASH is sha256 (default)\n"
		"or sha384; may be repeated" },
	{ "psk-imported", 0, "ID:HEX[:HASH]", OPT_PSK_IMPORTED, "the same, imported (RFC 9258)" },
	{ "json", 0, NULL, OPT_JSON, "at the end one JSON object on stderr, nothing else" },
	{ "brief", 'b', NULL, OPT_BRIEF, "say only what was negotiated" },
	{ "quiet", 'q', NULL, OPT_QUIET, "say only errors" },
	{ 0 },
};

static const char notes[] =
	"What comes from stdin goes to the peer, what the peer sends goes to stdout. At the end of\n"
	"stdin our side is closed (close_notify); what the peer still sends is awaited.\n"
	"\n"
	"exit codes: 0 ended in order, 1 TLS or I/O failed, 2 wrong command line, 3 no TCP\n"
	"connection, 4 certificate refused, 5 ended without the peer's close_notify (what came may\n"
	"be incomplete), 6 --records kernel cannot be had here\n"
	"\n"
	"example: printf 'GET / HTTP/1.0\\r\\n\\r\\n' | leat connect example.org:443";

/* Options that are one setting of the config under another name. */
static const char *const setting_of[OPT_COUNT] = {
	[OPT_ALPN] = "alpn",
	[OPT_VERSIONS] = "versions",
	[OPT_SUITES] = "suites",
	[OPT_GROUPS] = "groups",
	[OPT_RECORDS] = "records",
	[OPT_RECORDS_RX] = "records_rx",
	[OPT_RECORDS_TX] = "records_tx",
};

struct job {
	struct args *args;
	struct connect_wish w;
	struct leat_config *cfg;
	struct leat_files files;
	const char *name;
	bool key_update;
};

static int refuse(struct job *j, const struct leat_err *err)
{
	return tool_fail_err(j->args, TOOL_USAGE, err);
}

static int take_target(struct job *j, const char *text)
{
	if (j->w.host[0]) {
		args_wrong(j->args, "one HOST:PORT is enough: %s", text);
		return TOOL_USAGE;
	}
	if (!args_host_port(j->args, text, false, j->w.host, sizeof(j->w.host), &j->w.port))
		return TOOL_USAGE;
	return 0;
}

static int take_number(struct job *j, int id, const char *value)
{
	bool ok = id == OPT_RECONNECT
			  ? args_count(j->args, "--reconnect", value, 1, 1000, &j->w.reconnect)
			  : args_seconds(j->args, "--timeout", value, &j->w.timeout_ms);

	return ok ? 0 : TOOL_USAGE;
}

static int take_export(struct job *j, const char *value)
{
	return args_export(
		       j->args, value, CONNECT_EXPORT_MAX, j->w.export_label, &j->w.export_bytes)
		       ? 0
		       : TOOL_USAGE;
}

static int take_setting(struct job *j, int id, const char *value)
{
	if (setting_of[id])
		return settings_set(j->args, j->cfg, setting_of[id], value);
	switch (id) {
	case OPT_TLS12: return settings_set(j->args, j->cfg, "versions", "tlsv1.2");
	case OPT_TLS13: return settings_set(j->args, j->cfg, "versions", "tlsv1.3");
	case OPT_PEER_KEY: return settings_take(j->args, j->cfg, SETTINGS_PEER_KEY, value);
	case OPT_PSK: return settings_take(j->args, j->cfg, SETTINGS_PSK, value);
	case OPT_PSK_IMPORTED: return settings_take(j->args, j->cfg, SETTINGS_PSK_IMPORTED, value);
	default: return settings_take(j->args, j->cfg, SETTINGS_PAIR, value);
	}
}

static int take(void *arg, int id, const char *value)
{
	struct job *j = arg;

	switch (id) {
	case ARG_PLAIN: return take_target(j, value);
	case ARG_SETTING: return settings_set(j->args, j->cfg, j->args->setting, value);
	case OPT_CACERT: j->files.cacertfile = value; return 0;
	case OPT_CRL_CACHE: j->files.crl_cache = value; return 0;
	case OPT_CERT: j->files.certfile = value; return 0;
	case OPT_KEY: j->files.keyfile = value; return 0;
	case OPT_OCSP: j->files.ocsp_file = value; return 0;
	case OPT_SCT: j->files.sct_file = value; return 0;
	case OPT_SERVERNAME: j->name = value; return 0;
	case OPT_INSECURE: j->w.insecure = true; return 0;
	case OPT_KEY_UPDATE: j->key_update = true; return 0;
	case OPT_TIMEOUT:
	case OPT_RECONNECT: return take_number(j, id, value);
	case OPT_SESSION: j->w.session_file = value; return 0;
	case OPT_EARLY: j->w.early_file = value; return 0;
	case OPT_KEYLOG: return keylog_start(j->args, value, j->cfg) ? 0 : TOOL_USAGE;
	case OPT_EXPORT: return take_export(j, value);
	case OPT_BINDINGS: j->w.bindings = true; return 0;
	case OPT_JSON: j->w.talk = TALK_JSON; return 0;
	case OPT_BRIEF: j->w.talk = TALK_BRIEF; return 0;
	case OPT_QUIET: j->w.talk = TALK_QUIET; return 0;
	default: return take_setting(j, id, value);
	}
}

/* Trust, credential, freeze. */
static int finish_config(struct job *j)
{
	struct leat_err err = { 0 };

	if (j->w.insecure && leat_config_set_verify(j->cfg, LEAT_VERIFY_NONE, &err) != LEAT_OK)
		return refuse(j, &err);
	if (leat_config_use_files(j->cfg, &j->files, &err) != LEAT_OK)
		return refuse(j, &err);
	if (!j->w.insecure && !j->files.cacertfile &&
		leat_config_use_system_trust(j->cfg, &err) != LEAT_OK)
		return refuse(j, &err);
	if ((j->w.session_file || j->w.reconnect) &&
		leat_config_set(j->cfg, "session_tickets", "manual", &err) != LEAT_OK)
		return refuse(j, &err);
	if (leat_config_freeze(j->cfg, &err) != LEAT_OK)
		return refuse(j, &err);
	return 0;
}

static int parse(struct job *j)
{
	int code = args_each(j->args, take, j);

	if (code)
		return code;
	if (!j->w.host[0]) {
		args_wrong(j->args, "no HOST:PORT given");
		return TOOL_USAGE;
	}
	j->w.name = j->name ? j->name : j->w.host;
	return finish_config(j);
}

static int failed(struct job *j, const struct leat_err *err, int code)
{
	struct connect_totals t = { .err = *err };

	connect_report_end(&j->w, NULL, &t, code);
	return code;
}

/* The handshake, with what is brought to it. */
static enum leat_ret upgrade(
	struct job *j, int fd, struct leat_span early, struct leat_conn **c, struct leat_err *err)
{
	struct leat_client_opts opts = { .host = j->w.name, .early = early };
	enum leat_ret r;

	if (j->w.session)
		opts.session = leat_session_ref(j->w.session);
	else if (j->w.session_file)
		opts.session = connect_load_session(&j->w);
	r = leat_upgrade_client_with(c, j->cfg, fd, &opts, 0, j->w.timeout_ms, err);
	leat_session_unref(opts.session);
	return r;
}

/* What was to be early data and did not get through, or not all of it. */
static void send_rest(struct leat_conn *c, struct leat_span early, struct connect_totals *t)
{
	size_t sent;

	t->early = leat_conn_early(c, &t->early_sent);
	if (t->early == LEAT_EARLY_ACCEPTED) {
		early.p += t->early_sent;
		early.n -= t->early_sent;
	} else {
		t->early_sent = 0;
	}
	if (early.n == 0)
		return;
	if (leat_send(c, early.p, early.n, LEAT_INFINITY, &sent) == LEAT_FAILED)
		t->err = *leat_conn_error(c);
	t->sent += sent;
}

static int talk(struct job *j)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr early = { 0 };
	struct leat_err err = { 0 };
	struct connect_totals t = { 0 };
	struct leat_conn *c;
	int fd, code;

	if (j->w.early_file && anchors_read("early-data", j->w.early_file, &early, &err) != LEAT_OK)
		return refuse(j, &err);

	if (connect_again(&j->w, j->cfg, &err) != LEAT_OK)
		return failed(j, &err, connect_exit_code(&err));
	if (leat_tcp_connect(&fd, j->w.host, j->w.port, j->w.timeout_ms, &err) != LEAT_OK)
		return failed(j, &err, CONNECT_NO_TCP);
	if (upgrade(j, fd, leat_wr_done(&early), &c, &err) != LEAT_OK) {
		code = connect_exit_code(&err);
		return failed(j, &err, code == CONNECT_TRUNCATED ? TOOL_FAILED : code);
	}
	send_rest(c, leat_wr_done(&early), &t);
	connect_report_start(&j->w, c);
	if (j->key_update && leat_conn_key_update(c, true) == LEAT_FAILED)
		t.err = *leat_conn_error(c);
	if (t.err.cls == LEAT_E_NONE)
		connect_pump(c, &t);
	if (j->w.session_file)
		connect_save_session(&j->w, c);
	code = connect_exit_code(&t.err);
	connect_report_end(&j->w, c, &t, code);
	/* Our close_notify, if it is not out yet; after an error the peer's is not waited for. The
	 * result is known already: whatever the peer does now, its data is complete or not. */
	leat_close_timeout(c, t.err.cls == LEAT_E_NONE ? 1000 : 0, NULL);
	return code;
}

static int run(struct args *args)
{
	struct job j = { .args = args, .w = { .timeout_ms = 10000 } };
	struct leat_err err = { 0 };
	int code;

	if (leat_config_new(&j.cfg, LEAT_CLIENT, &err) != LEAT_OK)
		return tool_fail_err(args, TOOL_FAILED, &err);
	/* A closed stdout is an error with a sentence and an exit code, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	code = parse(&j);
	if (code == 0)
		code = talk(&j);
	leat_session_unref(j.w.session);
	leat_config_unref(j.cfg);
	return code;
}

const struct tool_cmd cmd_connect = {
	.name = "connect",
	.synopsis = "HOST:PORT [options]",
	.summary = "a TLS connection between a server and stdin/stdout",
	.opts = options,
	.settings = OPTION_CLIENT,
	.notes = notes,
	.run = run,
};
