/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_log.c - the access log: one line per request, with version, suite, which backend carried each
 * direction and why. Text for people and awk, or JSON lines (--json). Lines are collected per worker
 * and written with one O_APPEND write per round of the loop, so lines of different workers never mix.
 *
 * What a peer sent is escaped: a log line is one line, whatever was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "tool/serve.h"

#define LOG_BUF      (64 * 1024)
#define LINE_MAX_LEN 2048
/* A target longer than this is cut in the log. */
#define TARGET_MAX 512

int log_open(const char *path)
{
	int fd;

	if (path == NULL)
		return -1;
	if (strcmp(path, "-") == 0)
		return STDOUT_FILENO;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	return fd < 0 ? -2 : fd;
}

bool log_start(struct worker *w)
{
	if (w->s->log_fd < 0)
		return true;
	w->log = leat_malloc(LOG_BUF);
	return w->log != NULL;
}

void log_flush(struct worker *w)
{
	size_t at = 0;

	while (at < w->log_n) {
		ssize_t n = write(w->s->log_fd, w->log + at, w->log_n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* a full disk or a gone reader must not stop the service */
		at += (size_t)n;
	}
	w->log_n = 0;
}

void log_end(struct worker *w)
{
	if (w->log == NULL)
		return;
	log_flush(w);
	leat_free(w->log);
	w->log = NULL;
}

/* ---- one line -------------------------------------------------------------------------------- */

struct line {
	char b[LINE_MAX_LEN];
	size_t n;
};

static void add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->b + l->n, sizeof(l->b) - l->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->n += (size_t)n;
	if (l->n >= sizeof(l->b))
		l->n = sizeof(l->b) - 1;
}

/* Printable ASCII but no blank, quote or backslash stays; the rest becomes %XX, which is legal in a
 * JSON string as well. */
static void add_peer_text(struct line *l, struct leat_span s)
{
	if (s.n == 0)
		add(l, "-");
	for (size_t i = 0; i < s.n && i < TARGET_MAX; i++) {
		uint8_t c = s.p[i];

		if (c > ' ' && c < 0x7f && c != '"' && c != '\\')
			add(l, "%c", c);
		else
			add(l, "%%%02X", c);
	}
}

static void put_line(struct worker *w, struct line *l)
{
	add(l, "\n");
	if (l->n == sizeof(l->b) - 1)
		l->b[l->n - 1] = '\n';
	if (w->log_n + l->n > LOG_BUF)
		log_flush(w);
	memcpy(w->log + w->log_n, l->b, l->n);
	w->log_n += l->n;
}

static void add_time(struct line *l)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	add(l, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000);
}

uint64_t log_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static const char *version_name(unsigned v)
{
	return v == LEAT_TLS13 ? "TLSv1.3" : v == LEAT_TLS12 ? "TLSv1.2" : "-";
}

static const char *backend(const struct conn *c, enum leat_dir dir)
{
	return handover_is_kernel(&c->io.h, dir) ? "kernel" : "user";
}

static const char *why(const struct conn *c, enum leat_dir dir)
{
	return why_name(c->io.h.dir[dir].why);
}

static const char *http_version(const struct conn *c, const struct exchange *x)
{
	return c->h2 != NULL ? "2" : x->req.minor > 0 ? "1.1" : "1.0";
}

/* Whose certificate the client showed, now or when the session began; ends the object. */
static void add_client(struct line *l, const struct conn *c)
{
	uint8_t digest[32];

	if (leat_engine_peer_digest(c->io.e, digest)) {
		add(l, ",\"client\":\"");
		for (size_t i = 0; i < sizeof(digest); i++)
			add(l, "%02x", digest[i]);
		add(l, "\"");
	}
	add(l, "}");
}

void log_request(struct conn *c, const struct exchange *x)
{
	struct leat_engine_info info = { 0 };
	struct line l = { .n = 0 };
	double ms = (double)(log_now_us() - x->start_us) / 1000;
	bool json = c->w->s->o->json;

	if (c->w->log == NULL)
		return;
	leat_engine_info(c->io.e, &info);
	if (json)
		add(&l, "{\"event\":\"request\",\"time\":\"");
	add_time(&l);
	add(&l, json ? "\",\"peer\":\"%s\",\"method\":\"" : " %s ", conn_peer(c));
	add_peer_text(&l, x->req.method_text);
	add(&l, json ? "\",\"target\":\"" : " ");
	add_peer_text(&l, x->req.target);
	add(&l,
		json ? "\",\"status\":%u,\"bytes\":%" PRIu64
		       ",\"whole\":%s,\"ms\":%.3f,\"version\":\"%s\",\"suite\":\"%s\","
		       "\"group\":\"%s\",\"tx\":\"%s\",\"rx\":\"%s\",\"tx_why\":\"%s\",\"rx_why\":\"%s\",\"http\":\"%s\""
		     : " %u %" PRIu64 " %s %.3fms %s %s %s tx=%s rx=%s tx_why=%s rx_why=%s http=%s",
		x->status, x->sent,
		json       ? (x->whole ? "true" : "false")
		: x->whole ? "whole"
			   : "cut",
		ms, json ? leat_version_name(info.version) : version_name(info.version),
		info.suite_name ? info.suite_name : "-", info.group_name ? info.group_name : "-",
		backend(c, LEAT_TX), backend(c, LEAT_RX), why(c, LEAT_TX), why(c, LEAT_RX),
		http_version(c, x));
	if (json)
		add_client(&l, c);
	put_line(c->w, &l);
}

void log_refused(struct conn *c, const struct leat_err *err)
{
	char text[512];
	struct line l = { .n = 0 };
	bool json = c->w->s->o->json;

	if (c->w->log == NULL)
		return;
	(void)leat_strerror(err, text, sizeof(text));
	for (char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '\'';
	if (json)
		add(&l, "{\"event\":\"refused\",\"time\":\"");
	add_time(&l);
	add(&l, json ? "\",\"peer\":\"%s\",\"error\":\"%s\"}" : " %s refused \"%s\"", conn_peer(c),
		text);
	put_line(c->w, &l);
}
