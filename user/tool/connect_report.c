/* SPDX-License-Identifier: Apache-2.0
 *
 * connect_report.c - what `leat connect` says about its connection, to stderr: stdout is the peer's.
 */
#include <jansson.h>
#include <stdio.h>

#include "tool/attached.h"
#include "tool/connect.h"
#include "x509/verify.h"

#define LINE 512

static bool is_certificate_alert(unsigned alert)
{
	return (alert >= LEAT_ALERT_BAD_CERTIFICATE && alert <= LEAT_ALERT_CERTIFICATE_UNKNOWN) ||
	       alert == LEAT_ALERT_UNKNOWN_CA ||
	       alert == LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE;
}

int connect_exit_code(const struct leat_err *err)
{
	switch (err->cls) {
	case LEAT_E_NONE: return TOOL_OK;
	case LEAT_E_OPTION: return CONNECT_NOT_KERNEL; /* all others were refused before */
	case LEAT_E_CLOSED: return CONNECT_TRUNCATED;
	case LEAT_E_OUR_ALERT:
		return is_certificate_alert(err->alert) ? CONNECT_CERTIFICATE : TOOL_FAILED;
	default: return TOOL_FAILED;
	}
}

static const char *describe(const struct leat_conn *c, size_t i, char line[LINE])
{
	struct leat_span der = leat_peer_cert(c, i);

	if (der.n == 0)
		return NULL;
	if (verify_describe(der, line, LINE) != LEAT_OK)
		snprintf(line, LINE, "(cannot be read)");
	return line;
}

static void print_records(const struct leat_conn_info *in)
{
	fprintf(stderr, "records: rx=%s (%s), tx=%s (%s)\n", in->rx.backend, in->rx.why_text,
		in->tx.backend, in->tx.why_text);
}

static void print_attached(const struct leat_conn *c, const struct leat_engine_info *t)
{
	fprintf(stderr, "ocsp: %s, scts: %d sent, %d in the certificate, packed: %s\n",
		attached_ocsp_name(t->ocsp), attached_count_scts(leat_peer_sct(c, LEAT_SCT_TLS)),
		attached_count_scts(leat_peer_sct(c, LEAT_SCT_CERT)),
		t->cert_packed ? t->cert_packed : "no");
}

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static void print_tls(const struct leat_engine_info *t)
{
	fprintf(stderr, "%s, %s, group %s, signature %s, alpn %.*s%s\n",
		leat_version_name(t->version), or_dash(t->suite_name), or_dash(t->group_name),
		or_dash(t->scheme_name), t->alpn.n ? (int)t->alpn.n : 1,
		t->alpn.n ? (const char *)t->alpn.p : "-", t->resumed ? ", resumed" : "");
}

void connect_report_start(const struct connect_wish *w, const struct leat_conn *c)
{
	struct leat_conn_info info;
	char line[LINE];

	if (w->talk != TALK_ALL && w->talk != TALK_BRIEF)
		return;
	leat_conn_info(c, &info);
	if (w->talk == TALK_ALL) {
		for (size_t i = 0; describe(c, i, line); i++)
			fprintf(stderr, "certificate %zu: %s\n", i, line);
		fprintf(stderr, "verified: %s%s\n",
			w->insecure ? "no, --insecure" : "yes, chain and name ",
			w->insecure ? "" : w->name);
		print_attached(c, &info.tls);
	}
	print_tls(&info.tls);
	print_records(&info);
	connect_print_exports(w, c);
}

static json_t *json_dir(const struct leat_conn_dir *d)
{
	return json_pack(
		"{s:s, s:s, s:s}", "backend", d->backend, "why", d->why, "text", d->why_text);
}

static json_t *json_chain(const struct leat_conn *c)
{
	json_t *list = json_array();
	char line[LINE];

	for (size_t i = 0; describe(c, i, line); i++)
		json_array_append_new(list, json_string(line));
	return list;
}

static void add_connection(json_t *o, const struct connect_wish *w, const struct leat_conn *c)
{
	struct leat_conn_info in;

	leat_conn_info(c, &in);
	json_object_update_new(
		o, json_pack("{s:s, s:s?, s:s?, s:s?, s:b, s:b, s:b}", "version",
			   leat_version_name(in.tls.version), "suite", in.tls.suite_name, "group",
			   in.tls.group_name, "signature", in.tls.scheme_name, "resumed",
			   in.tls.resumed, "retried", in.tls.retried, "verified", !w->insecure));
	json_object_set_new(o, "client_signature",
		in.tls.client_scheme_name ? json_string(in.tls.client_scheme_name) : json_null());
	json_object_set_new(o, "ocsp", json_string(attached_ocsp_name(in.tls.ocsp)));
	json_object_set_new(o, "cert_packed",
		in.tls.cert_packed ? json_string(in.tls.cert_packed) : json_null());
	json_object_set_new(o, "client_cert_packed",
		in.tls.client_cert_packed ? json_string(in.tls.client_cert_packed) : json_null());
	json_object_set_new(
		o, "scts_tls", json_integer(attached_count_scts(leat_peer_sct(c, LEAT_SCT_TLS))));
	json_object_set_new(
		o, "scts_cert", json_integer(attached_count_scts(leat_peer_sct(c, LEAT_SCT_CERT))));
	json_object_set_new(o, "alpn",
		in.tls.alpn.n ? json_stringn((const char *)in.tls.alpn.p, in.tls.alpn.n)
			      : json_null());
	json_object_set_new(o, "chain", json_chain(c));
	json_object_set_new(o, "rx", json_dir(&in.rx));
	json_object_set_new(o, "tx", json_dir(&in.tx));
	json_object_set_new(o, "record_rx", json_integer((json_int_t)in.tls.record_rx));
	json_object_set_new(o, "record_tx", json_integer((json_int_t)in.tls.record_tx));
	connect_add_exports(o, w, c);
}

static void print_json(const struct connect_wish *w, const struct leat_conn *c,
	const struct connect_totals *t, int code)
{
	json_t *o = json_pack("{s:s, s:i, s:s, s:i, s:I, s:I}", "host", w->host, "port", w->port,
		"name", w->name, "exit", code, "sent", (json_int_t)t->sent, "received",
		(json_int_t)t->received);
	char text[LINE];

	if (c) {
		add_connection(o, w, c);
		json_object_set_new(o, "early_data", json_string(connect_early_name(t->early)));
		json_object_set_new(o, "reconnects_resumed", json_integer(w->num_resumed));
		json_object_set_new(o, "early_sent", json_integer((json_int_t)t->early_sent));
	}
	json_object_set_new(o, "error",
		t->err.cls == LEAT_E_NONE
			? json_null()
			: json_string(leat_strerror(&t->err, text, sizeof(text))));
	json_dumpf(o, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(o);
}

void connect_report_end(const struct connect_wish *w, const struct leat_conn *c,
	const struct connect_totals *t, int code)
{
	struct leat_conn_info info;
	char text[LINE];

	if (w->talk == TALK_JSON) {
		print_json(w, c, t, code);
		return;
	}
	if (t->err.cls != LEAT_E_NONE)
		fprintf(stderr, "leat connect: %s\n", leat_strerror(&t->err, text, sizeof(text)));
	if (w->talk != TALK_ALL || !c)
		return;
	leat_conn_info(c, &info);
	if (t->early != LEAT_EARLY_NONE)
		fprintf(stderr, "early data: %s, %zu bytes\n", connect_early_name(t->early),
			t->early_sent);
	fprintf(stderr, "closed: %llu bytes sent, %llu received\n", (unsigned long long)t->sent,
		(unsigned long long)t->received);
	print_records(&info);
}
