/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_page.c - the counts as a page for a person with a browser: HTML and a style sheet, no script. All that is
 * written comes from us, from the configuration (escaped) or is a number.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <leat/version.h>

#include "ktls/probe.h"
#include "ktls/why.h"
#include "tool/serve_report.h"

static const char head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta http-equiv=\"refresh\" content=\"5\">\n<title>leat serve</title>\n<style>\n"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;"
	"color:#222;background:#fff}\n"
	"table{border-collapse:collapse;margin:.5em 0 1.5em}\n"
	"th,td{text-align:left;padding:.2em 1em .2em 0;border-bottom:1px solid #ddd}\n"
	"td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	"@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
	"th,td{border-color:#444}}\n"
	"</style>\n</head>\n<body>\n<h1>leat serve</h1>\n";

static void escaped(struct leat_wr *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (strchr("<>&\"'", *s))
			report_put(out, "&#%d;", *s);
		else
			leat_wr_u8(out, (uint8_t)*s);
	}
}

static void table(struct leat_wr *out, const char *title, const char *columns)
{
	report_put(out, "<h2>%s</h2>\n<table>\n<tr>%s</tr>\n", title, columns);
}

static void end_table(struct leat_wr *out)
{
	report_put(out, "</table>\n");
}

static void put_summary(struct serve *s, struct leat_wr *out, struct serve_counts *n)
{
	int64_t up = (int64_t)time(NULL) - s->start_s;
	char caps[256];
	int open = 0;

	for (unsigned i = 0; i < SERVE_PHASES - 1; i++)
		open += n->phases[i];
	(void)leat_ktls_caps_line(leat_ktls_caps_get(), caps, sizeof(caps));
	report_put(out,
		"<p id=\"summary\">leat %s, up %" PRId64 " h %02" PRId64 " min, %u workers on %s, "
		"%d of at most %u connections open.</p>\n<p>",
		LEAT_VERSION_STRING, up / 3600, up / 60 % 60, s->num_workers,
		loop_name(s->workers[0].loop), open, s->max_conns);
	escaped(out, caps);
	report_put(out, "</p>\n");
}

static void put_workers(struct serve *s, struct leat_wr *out)
{
	report_put(out, "<h2>Workers</h2>\n<p>steered by %s</p>\n<table>\n<tr>%s</tr>\n",
		s->steering.mode == STEER_OFF ? "the kernel's hash" : steering_name(&s->steering),
		"<th>worker<th>connections now<th>steered to it<th>of these migrated");
	for (unsigned i = 0; i < s->num_workers; i++) {
		struct steer_counts n = steer_count(s->steering.steer, i);

		report_put(out,
			"<tr><td>%u<td class=n>%u<td class=n>%" PRIu64 "<td class=n>%" PRIu64
			"</tr>\n",
			i, atomic_load(&s->workers[i].num_conns), n.picked, n.migrated);
	}
	end_table(out);
}

static void put_hosts(struct serve *s, struct leat_wr *out)
{
	struct serve_site *site;

	pthread_mutex_lock(&s->lock);
	site = site_ref(s->site);
	pthread_mutex_unlock(&s->lock);
	table(out, "Hosts", "<th>names<th>folder");
	for (unsigned i = serve_has_default(site->o) ? 0 : 1; i < site->o->num_hosts; i++) {
		const struct serve_host_opts *h = &site->o->hosts[i];

		report_put(out, "<tr><td>");
		escaped(out, h->names.text ? h->names.text : "(default)");
		report_put(out, "<td>");
		escaped(out, h->dir.text);
		report_put(out, "</tr>\n");
	}
	end_table(out);
	site_unref(site);
}

static void put_handshakes(struct leat_wr *out, struct tally *t, const char *kind)
{
	for (unsigned i = 0; i < t->num; i++) {
		const char *version, *suite;

		report_suite(t->v[i].key, &version, &suite);
		report_put(out, "<tr><td>%s<td>%s<td>%s<td class=n>%llu</tr>\n", version, suite,
			kind, (unsigned long long)t->v[i].n);
	}
}

static void put_backends(struct leat_wr *out, struct tally *t)
{
	table(out, "Who carried the records of connections that ended",
		"<th>direction<th>backend<th>reason<th>connections");
	for (unsigned i = 0; i < t->num; i++) {
		uint32_t key = t->v[i].key;

		report_put(out, "<tr><td>%s<td>%s<td>%s<td class=n>%llu</tr>\n",
			key >> 16 == LEAT_TX ? "sent" : "received",
			key >> 8 & 1 ? "kernel" : "user", why_name((enum leat_why)(key & 0xff)),
			(unsigned long long)t->v[i].n);
	}
	end_table(out);
}

static void put_errors(struct leat_wr *out, struct serve_counts *n)
{
	table(out, "Errors", "<th>what<th>connections");
	for (unsigned i = 0; i < n->errors.num; i++)
		report_put(out, "<tr><td>%s<td class=n>%llu</tr>\n",
			report_error(n->errors.v[i].key), (unsigned long long)n->errors.v[i].n);
	for (unsigned i = 0; i < n->alerts.num; i++)
		report_put(out, "<tr><td>alert %s, from %s<td class=n>%llu</tr>\n",
			leat_alert_name(n->alerts.v[i].key & 0xff),
			n->alerts.v[i].key >> 8 ? "us" : "the peer",
			(unsigned long long)n->alerts.v[i].n);
	end_table(out);
}

static void put_requests(struct leat_wr *out, struct serve_counts *n)
{
	table(out, "Requests", "<th>HTTP<th>status<th>answers");
	for (unsigned i = 0; i < n->requests.num; i++) {
		uint32_t key = n->requests.v[i].key;

		report_put(out, "<tr><td>%u.%u<td>%u %s<td class=n>%llu</tr>\n", (key >> 16) / 10,
			(key >> 16) % 10, key & 0xffff, http_reason(key & 0xffff),
			(unsigned long long)n->requests.v[i].n);
	}
	end_table(out);
	table(out, "Bytes of bodies", "<th>protected by<th>bytes");
	for (unsigned i = 0; i < n->bytes.num; i++)
		report_put(out, "<tr><td>%s<td class=n>%llu</tr>\n",
			n->bytes.v[i].key ? "kernel" : "user", (unsigned long long)n->bytes.v[i].n);
	end_table(out);
}

void report_page(struct serve *s, struct leat_wr *out)
{
	struct serve_counts n;

	report_sum(s, &n);
	report_put(out, "%s", head);
	put_summary(s, out, &n);
	table(out, "Connections", "<th>phase<th>now");
	for (unsigned i = 0; i < SERVE_PHASES - 1; i++)
		report_put(out, "<tr><td>%s<td class=n>%d</tr>\n", report_phase(i), n.phases[i]);
	end_table(out);
	put_workers(s, out);
	put_hosts(s, out);
	table(out, "Handshakes", "<th>version<th>suite<th>kind<th>number");
	put_handshakes(out, &n.handshakes, "full");
	put_handshakes(out, &n.resumed, "resumed");
	end_table(out);
	put_backends(out, &n.backends);
	put_requests(out, &n);
	put_errors(out, &n);
	report_put(out,
		"<p><a href=\"/metrics\">all numbers as OpenMetrics</a></p>\n</body>\n</html>\n");
}
