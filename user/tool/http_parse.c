/* SPDX-License-Identifier: Apache-2.0
 *
 * http_parse.c - the head of a request: request line, header lines, what they say about the body and
 * the connection. RFC 9112 2 to 6. Whatever is refused here ends the connection after the answer:
 * after a head that was not understood nobody knows where the next one starts.
 */
#include <string.h>
#include <strings.h>

#include "tool/http.h"

/* Empty lines before a request line that are forgiven (RFC 9112 2.2: SHOULD ignore at least one). */
#define EMPTY_LINES 2

static bool is_tchar(uint8_t c)
{
	/* RFC 9110 5.6.2 */
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct leat_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar(s.p[i]))
			return false;
	return s.n > 0;
}

static bool span_is(struct leat_span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static bool span_is_nocase(struct leat_span s, const char *text)
{
	return s.n == strlen(text) && strncasecmp((const char *)s.p, text, s.n) == 0;
}

static struct leat_span trim(struct leat_span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static size_t skip_empty_lines(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at / 2 < EMPTY_LINES && n - at >= 2 && p[at] == '\r' && p[at + 1] == '\n')
		at += 2;
	return at;
}

size_t http_head_end(const uint8_t *p, size_t n, size_t *scanned)
{
	size_t start = skip_empty_lines(p, n);
	size_t i = *scanned > start ? *scanned : start;

	for (; i < n; i++) {
		const uint8_t *lf = memchr(p + i, '\n', n - i);

		if (lf == NULL)
			break;
		i = (size_t)(lf - p);
		if (i == start || p[i - 1] != '\r') {
			/* "\r" may be the last byte of the empty lines skipped: that is no line */
			*scanned = i + 1;
			return i + 1;
		}
		if (i - start >= 3 && p[i - 2] == '\n') {
			*scanned = i + 1;
			return i + 1;
		}
		if (i - start == 1) { /* one empty line too many */
			*scanned = i + 1;
			return i + 1;
		}
	}
	/* While empty lines may still be skipped, nothing is settled. */
	*scanned = n > start ? n : 0;
	return 0;
}

unsigned http_too_long(const uint8_t *p, size_t n)
{
	return memchr(p, '\n', n) == NULL ? 414 : 431;
}

/* Takes one line off *in, without its CRLF; false when a bare CR or LF is in the way. */
static bool take_line(struct leat_span *in, struct leat_span *line)
{
	const uint8_t *lf = in->n > 0 ? memchr(in->p, '\n', in->n) : NULL;
	size_t n;

	if (lf == NULL || lf == in->p || lf[-1] != '\r')
		return false;
	n = (size_t)(lf - in->p) - 1;
	*line = (struct leat_span){ in->p, n };
	in->p += n + 2;
	in->n -= n + 2;
	return n == 0 || memchr(line->p, '\r', n) == NULL;
}

/* ---- request line ---------------------------------------------------------------------------- */

static enum http_method method_of(struct leat_span s)
{
	/* RFC 9110 9.3 and RFC 5789: known, and nothing a file server does */
	static const char *const others[] = { "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
		"TRACE", "PATCH" };

	if (span_is(s, "GET"))
		return HTTP_GET;
	if (span_is(s, "HEAD"))
		return HTTP_HEAD;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (span_is(s, others[i]))
			return HTTP_FORBIDDEN;
	return HTTP_UNKNOWN;
}

/* Cuts *s at the first byte c: the part before is returned, *s is what follows. */
static struct leat_span cut(struct leat_span *s, uint8_t c)
{
	const uint8_t *at = s->n > 0 ? memchr(s->p, c, s->n) : NULL;
	struct leat_span head = *s;

	if (at == NULL) {
		*s = (struct leat_span){ s->p + s->n, 0 };
		return head;
	}
	head.n = (size_t)(at - s->p);
	s->p += head.n + 1;
	s->n -= head.n + 1;
	return head;
}

static unsigned parse_version(struct leat_span v, struct http_req *r)
{
	/* RFC 9112 2.3: HTTP-version = HTTP-name "/" DIGIT "." DIGIT, case-sensitive */
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[5] < '0' || v.p[5] > '9' ||
		v.p[6] != '.' || v.p[7] < '0' || v.p[7] > '9')
		return 400;
	if (v.p[5] != '1')
		return 505;
	r->minor = (uint8_t)(v.p[7] - '0');
	return 0;
}

/* RFC 9112 3.2: origin-form, or absolute-form, which a server MUST accept. */
static unsigned parse_target(struct http_req *r)
{
	struct leat_span t = r->target, path;
	static const char *const schemes[] = { "https://", "http://" };

	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] == 0x7f || t.p[i] == '#')
			return 400;
	/* Only OPTIONS uses "*" and only CONNECT a bare authority; both are refused by method. */
	if (r->method == HTTP_FORBIDDEN || r->method == HTTP_UNKNOWN)
		return t.n > 0 ? 0 : 400;
	for (size_t i = 0; i < 2 && t.n > 0 && t.p[0] != '/'; i++) {
		size_t n = strlen(schemes[i]);

		if (t.n >= n && strncasecmp((const char *)t.p, schemes[i], n) == 0) {
			t.p += n;
			t.n -= n;
			r->authority.p = t.p;
			while (t.n > 0 && t.p[0] != '/' && t.p[0] != '?') {
				t.p++;
				t.n--;
				r->authority.n++;
			}
			if (t.n == 0 || t.p[0] == '?') { /* "http://host" means "/" */
				(void)cut(&t, '?');
				r->path = (struct leat_span){ (const uint8_t *)"/", 1 };
				r->query = t;
				return 0;
			}
			break;
		}
	}
	path = cut(&t, '?');
	if (path.n == 0 || path.p[0] != '/')
		return 400;
	r->path = path;
	r->query = t;
	return 0;
}

static unsigned parse_request_line(struct leat_span line, struct http_req *r)
{
	unsigned status;

	r->method_text = cut(&line, ' ');
	r->target = cut(&line, ' ');
	if (!is_token(r->method_text))
		return 400;
	r->method = method_of(r->method_text);
	status = parse_version(line, r);
	return status ? status : parse_target(r);
}

/* ---- header lines ---------------------------------------------------------------------------- */

static bool is_value(struct leat_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

bool http_field(const struct http_req *r, const char *name, size_t *at, struct leat_span *value)
{
	struct leat_span in = { r->fields.p + *at, r->fields.n - *at };
	struct leat_span line;

	while (in.n > 0 && take_line(&in, &line)) {
		struct leat_span key = cut(&line, ':');

		if (span_is_nocase(key, name)) {
			*value = trim(line);
			*at = r->fields.n - in.n;
			return true;
		}
	}
	*at = r->fields.n;
	return false;
}

struct leat_span http_host(const struct http_req *r)
{
	struct leat_span v = { NULL, 0 };
	size_t at = 0;

	/* RFC 9112 3.2.2: MUST ignore the received Host header field (if any) and instead replace it */
	if (r->authority.p != NULL)
		return r->authority;
	(void)http_field(r, "host", &at, &v);
	return v;
}

/* Does a comma-separated list hold the token? */
static bool list_has(struct leat_span list, const char *token)
{
	while (list.n > 0)
		if (span_is_nocase(trim(cut(&list, ',')), token))
			return true;
	return false;
}

static bool parse_length(struct leat_span s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 19)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = v;
	return true;
}

/* RFC 9112 6.3: what says how long the body is must say it once and without contradiction. */
static unsigned parse_body(struct http_req *r)
{
	struct leat_span v;
	size_t at = 0;
	bool has_len = false;

	while (http_field(r, "content-length", &at, &v)) {
		uint64_t len;

		if (!parse_length(v, &len) || (has_len && len != r->body_len))
			return 400;
		r->body_len = len;
		has_len = true;
	}
	at = 0;
	while (http_field(r, "transfer-encoding", &at, &v)) {
		/* 6.1: in HTTP/1.0, or beside a Content-Length, treat the framing as faulty. */
		if (has_len || r->minor == 0 || r->chunked)
			return 400;
		if (!span_is_nocase(v, "chunked"))
			return 501;
		r->chunked = true;
	}
	return 0;
}

static unsigned parse_connection(struct http_req *r)
{
	struct leat_span v;
	size_t at = 0;
	bool close = false, keep = false;

	while (http_field(r, "connection", &at, &v)) {
		close |= list_has(v, "close");
		keep |= list_has(v, "keep-alive");
	}
	r->keep_alive = !close && (r->minor > 0 || keep);
	at = 0;
	while (http_field(r, "expect", &at, &v)) {
		if (!span_is_nocase(v, "100-continue"))
			return 417;
		/* RFC 9110 10.1.1: MUST ignore it in HTTP/1.0 */
		r->expect_continue = r->minor > 0;
	}
	return 0;
}

/* RFC 9112 3.2: 400 to an HTTP/1.1 request without Host, with several, or with an invalid one. */
static unsigned check_host(const struct http_req *r)
{
	struct leat_span v;
	size_t at = 0;
	unsigned num = 0;

	while (http_field(r, "host", &at, &v)) {
		num++;
		for (size_t i = 0; i < v.n; i++)
			if (v.p[i] <= ' ' || v.p[i] >= 0x7f || strchr("/?#@\\\"<>", v.p[i]))
				return 400;
	}
	return num > 1 || (num == 0 && r->minor > 0) ? 400 : 0;
}

static unsigned check_fields(struct leat_span in, struct http_req *r)
{
	struct leat_span line;
	unsigned num = 0;

	r->fields = in;
	for (;;) {
		struct leat_span key;

		if (!take_line(&in, &line))
			return 400;
		if (line.n == 0)
			break;
		if (++num > HTTP_MAX_FIELDS)
			return 431;
		/* RFC 9112 5.1: no white space before the colon; 5.2: folded lines may be refused.
		 * Both are caught because SP and HTAB are no token characters. */
		if (memchr(line.p, ':', line.n) == NULL)
			return 400;
		key = cut(&line, ':');
		if (!is_token(key) || !is_value(line))
			return 400;
	}
	r->fields.n -= in.n + 2;
	return in.n == 0 ? 0 : 400;
}

unsigned http_parse(const uint8_t *p, size_t n, struct http_req *r)
{
	size_t skip = skip_empty_lines(p, n);
	struct leat_span in = { p + skip, n - skip };
	struct leat_span line;
	unsigned status;

	*r = (struct http_req){ .head_len = n };
	if (!take_line(&in, &line))
		return 400;
	if ((status = parse_request_line(line, r)) != 0)
		return status;
	if ((status = check_fields(in, r)) != 0)
		return status;
	if ((status = check_host(r)) != 0 || (status = parse_body(r)) != 0 ||
		(status = parse_connection(r)) != 0) {
		r->keep_alive = false;
		return status;
	}
	return 0;
}
