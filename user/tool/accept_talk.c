/* SPDX-License-Identifier: Apache-2.0
 *
 * accept_talk.c - what `leat accept` answers. Early data is never mixed up with data: an echo of it is
 * marked, and an HTTP answer says how much of the request came early.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/accept.h"
#include "x509/verify.h"

static void answer(struct guest *g, const void *p, size_t n)
{
	g->out = p;
	g->out_n = n;
}

/* ---- echo ------------------------------------------------------------------------------------ */

static void echo(struct guest *g, const uint8_t *p, size_t n, bool early)
{
	size_t mark = sizeof(EARLY_MARK) - 1;

	if (!early) {
		answer(g, p, n);
		return;
	}
	/* There is room for the mark: on_early */
	memmove(g->early_data + mark, g->early_data, n);
	memcpy(g->early_data, EARLY_MARK, mark);
	answer(g, g->early_data, n + mark);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* Is a request's head complete? Lines end with CRLF or LF; the request itself does not matter. */
static bool head_ends(struct guest *g, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			g->newlines++;
		else if (p[i] != '\r')
			g->newlines = 0;
		if (g->newlines == 2)
			return true;
	}
	g->head += n;
	return false;
}

static int put_facts(const struct guest *g, char *out, size_t size)
{
	struct leat_engine_info in;
	char alpn[128], sni[300], cert[512] = "-";
	struct leat_span der = leat_engine_peer_cert(g->io.e, 0);

	leat_engine_info(g->io.e, &in);
	report_text(alpn, sizeof(alpn), in.alpn);
	report_text(sni, sizeof(sni), in.sni);
	if (der.n > 0 && verify_describe(der, cert, sizeof(cert)) != LEAT_OK)
		snprintf(cert, sizeof(cert), "(cannot be read)");
	return snprintf(out, size,
		"leat accept\nversion: %s\nsuite: %s\ngroup: %s\nsignature: %s\nresumed: %s\n"
		"alpn: %s\nservername: %s\nclient certificate: %s\nearly: %" PRIu64 " bytes\n",
		leat_version_name(in.version), in.suite_name ? in.suite_name : "-",
		in.group_name ? in.group_name : "-", in.scheme_name ? in.scheme_name : "-",
		in.resumed ? "yes" : "no", alpn, sni, cert, g->early);
}

static void http_answer(struct guest *g)
{
	char body[1536];
	int n = put_facts(g, body, sizeof(body));

	if (n >= (int)sizeof(body))
		n = (int)sizeof(body) - 1;
	n = snprintf(g->text, sizeof(g->text),
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
		"Connection: close\r\n\r\n%s",
		n, body);
	answer(g, g->text, (size_t)n);
	g->end_after = true;
}

static void http(struct guest *g, const uint8_t *p, size_t n)
{
	static const char too_long[] =
		"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n";

	if (g->end_after)
		return; /* answered already; what is behind the request is nobody's */
	if (head_ends(g, p, n)) {
		http_answer(g);
	} else if (g->head > ACCEPT_BUF) {
		answer(g, too_long, sizeof(too_long) - 1);
		g->end_after = true;
	}
}

void talk_data(struct guest *g, const uint8_t *p, size_t n, bool early)
{
	switch (g->a->o->talk) {
	case ACCEPT_DROP: return;
	case ACCEPT_PRINT: report_data(g, p, n, early); return;
	case ACCEPT_ECHO: echo(g, p, n, early); return;
	case ACCEPT_HTTP: http(g, p, n); return;
	}
}
