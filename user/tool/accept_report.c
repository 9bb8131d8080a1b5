/* SPDX-License-Identifier: Apache-2.0
 *
 * accept_report.c - what `leat accept` says on stdout: where it listens, one line for each connection,
 * a count at the end. Text for people and grep, or JSON lines (--json). What a peer sent is escaped: a
 * line is one line, whatever was asked for.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <leat/export.h>

#include "base/secret.h"
#include "tool/accept.h"
#include "tool/attached.h"
#include "x509/verify.h"

#define DATA_MAX 1024 /* bytes of a piece of data that are shown */

void report_text(char *out, size_t size, struct leat_span s)
{
	size_t at = 0;

	for (size_t i = 0; i < s.n && at + 4 <= size; i++) {
		uint8_t c = s.p[i];

		if (c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '%')
			out[at++] = (char)c;
		else
			at += (size_t)snprintf(out + at, size - at, "%%%02X", c);
	}
	if (s.n == 0)
		out[at++] = '-';
	out[at] = '\0';
}

static void print_json(json_t *j)
{
	if (j == NULL || json_dumpf(j, stdout, JSON_COMPACT) != 0)
		printf("{\"event\":\"error\",\"error\":\"out of memory\"}");
	json_decref(j);
	printf("\n");
	fflush(stdout);
}

void report_start(const struct accept *a, const char *addr, uint16_t port)
{
	if (a->o->json) {
		print_json(json_pack("{s:s, s:s, s:i}", "event", "listening", "address", addr,
			"port", (int)port));
		return;
	}
	printf("listening on %s:%u\n", addr, port);
	fflush(stdout);
}

void report_end(const struct accept *a)
{
	if (a->o->json) {
		print_json(json_pack("{s:s, s:I, s:I}", "event", "stopped", "connections",
			(json_int_t)a->num_total, "failed", (json_int_t)a->num_failed));
		return;
	}
	printf("stopped: %" PRIu64 " connections, %" PRIu64 " failed\n", a->num_total,
		a->num_failed);
	fflush(stdout);
}

typedef enum leat_ret exporter_fn(const struct leat_engine *e, const struct leat_exporter *what,
	void *out, size_t n, struct leat_err *err);

static void put_export(const struct guest *g, exporter_fn *exporter, char *hex)
{
	const struct leat_exporter what = { .label = g->a->o->export_label };
	size_t n = g->a->o->export_bytes;
	uint8_t out[ACCEPT_EXPORT_MAX];
	struct leat_err err = { 0 };

	if (what.label == NULL || exporter(g->io.e, &what, out, n, &err) != LEAT_OK)
		return;
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
	leat_wipe(out, sizeof(out));
}

void report_export(struct guest *g)
{
	put_export(g, leat_engine_exporter, g->exported);
	put_export(g, leat_engine_early_exporter, g->early_exported);
}

/* ---- one connection ---------------------------------------------------------------------------- */

/* What is known of one; texts are "-" where there is nothing. */
struct facts {
	struct leat_engine_info in;
	int scts; /* that came with the client's certificate */
	char alpn[128], sni[300], cert[512], error[512];
	const char *early, *alert_sent, *alert_received;
};

static const char *alert_sent(const struct guest *g)
{
	if (g->io.err.cls == LEAT_E_OUR_ALERT)
		return g->io.broken ? NULL : leat_alert_name(g->io.err.alert);
	return g->io.closing && !g->io.broken && g->was_up ? "close_notify" : NULL;
}

static const char *alert_received(const struct guest *g, unsigned wants)
{
	if (g->io.err.cls == LEAT_E_PEER_ALERT)
		return leat_alert_name(g->io.err.alert);
	return wants & LEAT_IS_EOF ? "close_notify" : NULL;
}

static const char *early_name(enum leat_early e)
{
	return e == LEAT_EARLY_ACCEPTED   ? "accepted"
	       : e == LEAT_EARLY_REJECTED ? "rejected"
					  : "none";
}

static void find_facts(const struct guest *g, struct facts *f)
{
	unsigned wants = 0;
	char line[512] = "";

	*f = (struct facts){ .early = "none" };
	if (g->io.e != NULL) {
		struct leat_span der = leat_engine_peer_cert(g->io.e, 0);

		wants = leat_engine_wants(g->io.e);
		leat_engine_info(g->io.e, &f->in);
		f->scts = attached_count_scts(leat_engine_peer_sct(g->io.e, LEAT_SCT_TLS));
		f->early = early_name(leat_engine_early_status(g->io.e));
		if (der.n > 0 && verify_describe(der, line, sizeof(line)) != LEAT_OK)
			snprintf(line, sizeof(line), "(cannot be read)");
	}
	report_text(f->alpn, sizeof(f->alpn), f->in.alpn);
	report_text(f->sni, sizeof(f->sni), f->in.sni);
	snprintf(f->cert, sizeof(f->cert), "%s", line);
	f->alert_sent = alert_sent(g);
	f->alert_received = alert_received(g, wants);
	if (g->io.err.cls != LEAT_E_NONE)
		(void)leat_strerror(&g->io.err, f->error, sizeof(f->error));
	/* Whatever a certificate or an error quotes: no quotes, no control characters. */
	for (char *p = f->error; *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || *p == '"')
			*p = '\'';
	for (char *p = f->cert; *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || *p == '"')
			*p = '\'';
}

static json_t *maybe(const char *s)
{
	return s != NULL && s[0] != '\0' && strcmp(s, "-") != 0 ? json_string(s) : json_null();
}

static void guest_json(const struct guest *g, const struct facts *f)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:b, s:o, s:o, s:o, s:o}", "event", "connection",
		"number", (json_int_t)g->number, "peer", g->peer, "up", (int)g->was_up, "version",
		maybe(f->in.version ? leat_version_name(f->in.version) : NULL), "suite",
		maybe(f->in.suite_name), "group", maybe(f->in.group_name), "signature",
		maybe(f->in.scheme_name));

	if (o != NULL)
		json_object_update_new(
			o, json_pack("{s:b, s:b, s:b, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I}",
				   "resumed", (int)f->in.resumed, "retried", (int)f->in.retried,
				   "external_psk", (int)f->in.external_psk, "alpn", maybe(f->alpn),
				   "servername", maybe(f->sni), "certificate", maybe(f->cert),
				   "early_data", f->early, "early", (json_int_t)g->early,
				   "received", (json_int_t)g->received, "sent", (json_int_t)g->sent,
				   "ms", (json_int_t)(loop_now_ms(g->a->loop) - g->start_ms)));
	if (o != NULL)
		json_object_update_new(
			o, json_pack("{s:o, s:o, s:o, s:o}", "alert_sent", maybe(f->alert_sent),
				   "alert_received", maybe(f->alert_received), "error",
				   maybe(f->error), "exporter", maybe(g->exported)));
	if (o != NULL)
		json_object_set_new(o, "early_exporter", maybe(g->early_exported));
	if (o != NULL)
		json_object_update_new(o,
			json_pack("{s:o, s:s, s:i, s:o}", "cert_packed", maybe(f->in.cert_packed),
				"client_ocsp", attached_ocsp_name(f->in.ocsp), "client_scts",
				f->scts, "client_cert_packed", maybe(f->in.client_cert_packed)));
	print_json(o);
}

static const char *or_dash(const char *s)
{
	return s != NULL && s[0] != '\0' ? s : "-";
}

static void guest_text(const struct guest *g, const struct facts *f)
{
	printf("%" PRIu64 " %s %s %s group=%s resumed=%s alpn=%s servername=%s early=%s:%" PRIu64
	       " in=%" PRIu64 " out=%" PRIu64 " sent=%s received=%s%s%s%s",
		g->number, g->peer, f->in.version ? leat_version_name(f->in.version) : "-",
		or_dash(f->in.suite_name), or_dash(f->in.group_name),
		f->in.external_psk ? "psk"
		: f->in.resumed    ? "yes"
				   : "no",
		f->alpn, f->sni, f->early, g->early, g->received, g->sent, or_dash(f->alert_sent),
		or_dash(f->alert_received), f->cert[0] ? " certificate=\"" : "", f->cert,
		f->cert[0] ? "\"" : "");
	if (g->exported[0])
		printf(" exporter=%s", g->exported);
	if (g->early_exported[0])
		printf(" early-exporter=%s", g->early_exported);
	printf(f->error[0] ? " error=\"%s\"\n" : "%s\n", f->error);
	fflush(stdout);
}

void report_guest(struct guest *g)
{
	struct facts f;

	if (g->reported)
		return;
	g->reported = true;
	g->a->num_failed += g->io.err.cls != LEAT_E_NONE || !g->was_up;
	find_facts(g, &f);
	if (g->a->o->json)
		guest_json(g, &f);
	else
		guest_text(g, &f);
}

void report_data(const struct guest *g, const uint8_t *p, size_t n, bool early)
{
	char text[3 * DATA_MAX + 4];

	report_text(text, sizeof(text), (struct leat_span){ p, n < DATA_MAX ? n : DATA_MAX });
	if (g->a->o->json) {
		print_json(json_pack("{s:s, s:I, s:b, s:I, s:s}", "event", "data", "number",
			(json_int_t)g->number, "early", (int)early, "bytes", (json_int_t)n, "data",
			text));
		return;
	}
	printf("%" PRIu64 " %s %zu bytes: %s\n", g->number, early ? "early data" : "data", n, text);
	fflush(stdout);
}

void report_auth(const struct guest *g, enum leat_auth what)
{
	static const char *const words[] = { [LEAT_AUTH_NONE] = "unsupported",
		[LEAT_AUTH_ASKED] = "asked",
		[LEAT_AUTH_SHOWN] = "shown",
		[LEAT_AUTH_DECLINED] = "declined" };
	struct leat_span der = leat_engine_peer_cert(g->io.e, 0);
	char cert[512] = "-";

	if (what == LEAT_AUTH_SHOWN && verify_describe(der, cert, sizeof(cert)) != LEAT_OK)
		snprintf(cert, sizeof(cert), "(cannot be read)");
	if (g->a->o->json) {
		print_json(json_pack("{s:s, s:I, s:s, s:s}", "event", "auth", "number",
			(json_int_t)g->number, "result", words[what], "certificate", cert));
		return;
	}
	printf("%" PRIu64 " auth %s: %s\n", g->number, words[what], cert);
	fflush(stdout);
}
