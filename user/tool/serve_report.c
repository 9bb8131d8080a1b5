/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_report.c - the counts as OpenMetrics text, see serve_report.h. Names and labels are a promise to those who
 * collect them: docs/man/leat-serve.1 lists them.
 */
#include "tool/serve_report.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <leat/version.h>

#include "crypto/suite.h"
#include "ktls/why.h"

/* ---- sums ------------------------------------------------------------------------------------ */

static void sum_worker(struct serve_counts *sum, struct serve_counts *from)
{
	tally_merge(&sum->handshakes, &from->handshakes);
	tally_merge(&sum->resumed, &from->resumed);
	tally_merge(&sum->backends, &from->backends);
	tally_merge(&sum->alerts, &from->alerts);
	tally_merge(&sum->errors, &from->errors);
	tally_merge(&sum->requests, &from->requests);
	tally_merge(&sum->bytes, &from->bytes);
	sum->accepted += from->accepted;
	sum->full += from->full;
	sum->addr_full += from->addr_full;
	sum->failed += from->failed;
	for (int i = 0; i < SERVE_PHASES; i++)
		sum->phases[i] += from->phases[i];
}

void report_sum(struct serve *s, struct serve_counts *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < s->num_workers; i++)
		sum_worker(sum, &s->workers[i].counts);
}

void report_put(struct leat_wr *out, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		leat_wr_bytes(out, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *report_phase(unsigned phase)
{
	static const char *const names[SERVE_PHASES] = { "handshake", "head", "drain", "send",
		"http2", "close", "linger", "idle", "gone" };

	return phase < SERVE_PHASES ? names[phase] : "other";
}

const char *report_error(unsigned cls)
{
	switch (cls) {
	case LEAT_E_PEER_ALERT: return "peer_alert";
	case LEAT_E_OUR_ALERT: return "our_alert";
	case LEAT_E_SYSTEM: return "system";
	case LEAT_E_MEMORY: return "memory";
	case LEAT_E_FILE: return "file";
	case LEAT_E_CLOSED: return "closed";
	case LEAT_E_TIMEOUT: return "timeout";
	case LEAT_E_CRYPTO: return "crypto";
	default: return "other";
	}
}

void report_suite(uint32_t key, const char **version, const char **suite)
{
	const struct suite *s = suite_by_id((uint16_t)(key & 0xffff));

	*version = key >> 16 == LEAT_TLS13   ? "TLSv1.3"
		   : key >> 16 == LEAT_TLS12 ? "TLSv1.2"
					     : "other";
	*suite = s ? s->name : "other";
}

void report_process(struct report_process *p)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	DIR *d = opendir("/proc/self/fd");

	*p = (struct report_process){ 0 };
	if (f != NULL) {
		if (fscanf(f, "%*u %llu", &pages) == 1)
			p->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
		fclose(f);
	}
	if (d == NULL)
		return;
	while (readdir(d) != NULL)
		p->fds++;
	p->fds -= p->fds > 3 ? 3 : p->fds; /* ".", "..", and what reads them */
	closedir(d);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void family(struct leat_wr *out, const char *name, const char *type, const char *help)
{
	report_put(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void put_handshakes(struct leat_wr *out, struct tally *t, const char *resumed)
{
	for (unsigned i = 0; i < t->num; i++) {
		const char *version, *suite;

		report_suite(t->v[i].key, &version, &suite);
		report_put(out,
			"leat_handshakes_total{version=\"%s\",suite=\"%s\",resumed=\"%s\"} %llu\n",
			version, suite, resumed, (unsigned long long)t->v[i].n);
	}
}

static void put_tls(struct leat_wr *out, struct serve_counts *n)
{
	family(out, "leat_handshakes", "counter", "Handshakes that were completed.");
	put_handshakes(out, &n->handshakes, "no");
	put_handshakes(out, &n->resumed, "yes");
	family(out, "leat_handshakes_failed", "counter", "Handshakes that ended otherwise.");
	report_put(out, "leat_handshakes_failed_total %llu\n", (unsigned long long)n->failed);
	family(out, "leat_backends", "counter",
		"Directions of connections that ended: who protected their records at last, and why.");
	for (unsigned i = 0; i < n->backends.num; i++) {
		uint32_t key = n->backends.v[i].key;

		report_put(out,
			"leat_backends_total{direction=\"%s\",backend=\"%s\",reason=\"%s\"} %llu\n",
			key >> 16 == LEAT_TX ? "tx" : "rx", key >> 8 & 1 ? "kernel" : "user",
			why_name((enum leat_why)(key & 0xff)),
			(unsigned long long)n->backends.v[i].n);
	}
	family(out, "leat_alerts", "counter", "Fatal alerts, by who sent them.");
	for (unsigned i = 0; i < n->alerts.num; i++)
		report_put(out, "leat_alerts_total{from=\"%s\",alert=\"%s\"} %llu\n",
			n->alerts.v[i].key >> 8 ? "us" : "peer",
			leat_alert_name(n->alerts.v[i].key & 0xff),
			(unsigned long long)n->alerts.v[i].n);
	family(out, "leat_errors", "counter", "Connections that ended by an error, by its class.");
	for (unsigned i = 0; i < n->errors.num; i++)
		report_put(out, "leat_errors_total{class=\"%s\"} %llu\n",
			report_error(n->errors.v[i].key), (unsigned long long)n->errors.v[i].n);
}

static void put_http(struct leat_wr *out, struct serve_counts *n)
{
	family(out, "leat_requests", "counter", "Requests that were answered.");
	for (unsigned i = 0; i < n->requests.num; i++) {
		uint32_t key = n->requests.v[i].key;

		report_put(out, "leat_requests_total{http=\"%u.%u\",code=\"%u\"} %llu\n",
			(key >> 16) / 10, (key >> 16) % 10, key & 0xffff,
			(unsigned long long)n->requests.v[i].n);
	}
	family(out, "leat_body_bytes", "counter", "Bytes of bodies sent, by who protected them.");
	for (unsigned i = 0; i < n->bytes.num; i++)
		report_put(out, "leat_body_bytes_total{backend=\"%s\"} %llu\n",
			n->bytes.v[i].key ? "kernel" : "user", (unsigned long long)n->bytes.v[i].n);
}

static void put_connections(struct serve *s, struct leat_wr *out, struct serve_counts *n)
{
	family(out, "leat_accepted", "counter", "Connections that were accepted.");
	report_put(out, "leat_accepted_total %llu\n", (unsigned long long)n->accepted);
	family(out, "leat_turned_away", "counter",
		"Connections that were closed at once: too many, in all or of their address.");
	report_put(
		out, "leat_turned_away_total{reason=\"all\"} %llu\n", (unsigned long long)n->full);
	report_put(out, "leat_turned_away_total{reason=\"address\"} %llu\n",
		(unsigned long long)n->addr_full);
	family(out, "leat_connections", "gauge", "Connections, by what they do now.");
	for (unsigned i = 0; i < SERVE_PHASES - 1; i++)
		report_put(
			out, "leat_connections{phase=\"%s\"} %d\n", report_phase(i), n->phases[i]);
	family(out, "leat_connections_max", "gauge", "Connections that may be at once.");
	report_put(out, "leat_connections_max %u\n", s->max_conns);
	family(out, "leat_reloads", "counter", "Reloads of the configuration, by result.");
	report_put(out, "leat_reloads_total{result=\"good\"} %u\n", atomic_load(&s->reloads_good));
	report_put(out, "leat_reloads_total{result=\"bad\"} %u\n", atomic_load(&s->reloads_bad));
}

static uint64_t worker_conns(const struct serve *s, unsigned i)
{
	return atomic_load(&s->workers[i].num_conns);
}

static uint64_t worker_steered(const struct serve *s, unsigned i)
{
	return steer_count(s->steering.steer, i).picked;
}

static uint64_t worker_migrated(const struct serve *s, unsigned i)
{
	return steer_count(s->steering.steer, i).migrated;
}

static void put_workers(struct serve *s, struct leat_wr *out, const char *name,
	uint64_t (*value)(const struct serve *s, unsigned i))
{
	for (unsigned i = 0; i < s->num_workers; i++)
		report_put(out, "%s{worker=\"%u\"} %" PRIu64 "\n", name, i, value(s, i));
}

static void put_steering(struct serve *s, struct leat_wr *out)
{
	family(out, "leat_steering", "info", "How connections are steered to workers (--steer).");
	report_put(out, "leat_steering_info{mode=\"%s\"} 1\n", steering_name(&s->steering));
	family(out, "leat_worker_connections", "gauge", "Connections of each worker.");
	put_workers(s, out, "leat_worker_connections", worker_conns);
	if (s->steering.mode == STEER_OFF)
		return;
	family(out, "leat_steered", "counter", "Connections the program gave to a worker.");
	put_workers(s, out, "leat_steered_total", worker_steered);
	family(out, "leat_migrated", "counter",
		"Those of them that waited at a listener that was closed.");
	put_workers(s, out, "leat_migrated_total", worker_migrated);
	family(out, "leat_unsteered", "counter",
		"Connections for which the program found no worker.");
	report_put(out, "leat_unsteered_total %" PRIu64 "\n", steer_passed(s->steering.steer));
}

static void put_lookup(struct serve *s, struct leat_wr *out)
{
	if (s->steering.lookup == NULL)
		return;
	family(out, "leat_lookup", "counter",
		"Connections that came by a --lookup, by its place among them.");
	for (unsigned i = 0; i < s->steering.rules.num; i++)
		report_put(out, "leat_lookup_total{rule=\"%u\"} %" PRIu64 "\n", i,
			lookup_hits(s->steering.lookup, i));
}

/* What the kernel counts of TLS, for all of this network namespace; its names as they are. */
static void put_kernel(struct leat_wr *out)
{
	FILE *f = fopen("/proc/net/tls_stat", "re");
	unsigned long long v;
	char name[64];

	if (f == NULL)
		return; /* the module is not loaded, or the kernel is without it */
	family(out, "leat_kernel_tls", "gauge",
		"/proc/net/tls_stat, all programs of this namespace.");
	while (fscanf(f, "%63[A-Za-z0-9_] %llu ", name, &v) == 2)
		report_put(out, "leat_kernel_tls{name=\"%s\"} %llu\n", name, v);
	fclose(f);
}

static void put_process(struct serve *s, struct leat_wr *out)
{
	struct report_process p;

	report_process(&p);
	family(out, "leat_build", "info", "What runs here.");
	report_put(out, "leat_build_info{version=\"%s\",loop=\"%s\"} 1\n", LEAT_VERSION_STRING,
		loop_name(s->workers[0].loop));
	family(out, "leat_workers", "gauge", "Threads that serve.");
	report_put(out, "leat_workers %u\n", s->num_workers);
	family(out, "process_start_time_seconds", "gauge", "Start of the server, Unix time.");
	report_put(out, "process_start_time_seconds %" PRId64 "\n", s->start_s);
	family(out, "process_resident_memory_bytes", "gauge", "Memory in use.");
	report_put(out, "process_resident_memory_bytes %" PRIu64 "\n", p.rss_bytes);
	if (p.fds == 0)
		return; /* after --user the kernel does not show them to us */
	family(out, "process_open_fds", "gauge", "Open descriptors.");
	report_put(out, "process_open_fds %" PRIu64 "\n", p.fds);
}

void report_metrics(struct serve *s, struct leat_wr *out)
{
	struct serve_counts n;

	report_sum(s, &n);
	put_tls(out, &n);
	put_http(out, &n);
	put_connections(s, out, &n);
	put_steering(s, out);
	put_lookup(s, out);
	put_kernel(out);
	put_process(s, out);
	report_put(out, "# EOF\n");
}
