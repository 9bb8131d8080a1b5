/* SPDX-License-Identifier: Apache-2.0
 *
 * http2_text.c - see http2_text.h. RFC 9113 8.3.1 (requests), 8.2.2 (fields of a connection).
 */
#include "tool/http2_text.h"

#include <string.h>

static bool is_text(struct leat_span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* May stand in a line: whatever ends or hides one does not. */
static bool is_one_line(struct leat_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static void add_pseudo(struct http2_request *r, struct leat_span name, struct leat_span value)
{
	static const char *const names[HTTP2_PSEUDO_COUNT] = { ":method", ":path", ":authority" };

	for (int i = 0; i < HTTP2_PSEUDO_COUNT; i++) {
		if (!is_text(name, names[i]))
			continue;
		/* RFC 9113 8.3: the same pseudo-header field name MUST NOT appear more than once */
		r->bad |= r->pseudo[i].n > 0 || value.n == 0;
		for (size_t j = 0; j < value.n; j++)
			r->bad |= value.p[j] == ' ' || value.p[j] == '\t';
		leat_wr_span(&r->pseudo[i], value);
		return;
	}
	/* :scheme; what it says does not matter to a server of files */
	r->bad |= !is_text(name, ":scheme");
}

void http2_request_add(
	struct http2_request *r, struct leat_span name, struct leat_span value, size_t max)
{
	if (name.n > max || value.n > max || r->n + name.n + value.n + 4 > max) {
		r->too_long = true;
		return;
	}
	r->n += name.n + value.n + 4;
	if (name.n == 0 || !is_one_line(name) || !is_one_line(value)) {
		r->bad = true;
		return;
	}
	if (name.p[0] == ':') {
		add_pseudo(r, name, value);
		return;
	}
	/* RFC 9113 8.3.1: Host and :authority mean the same; where both are, they must say the same */
	if (is_text(name, "host") && r->pseudo[HTTP2_AUTHORITY].n > 0) {
		struct leat_span said = leat_wr_done(&r->pseudo[HTTP2_AUTHORITY]);

		r->bad |= said.p == NULL || said.n != value.n ||
			  memcmp(said.p, value.p, said.n) != 0;
		return;
	}
	leat_wr_span(&r->fields, name);
	leat_wr_bytes(&r->fields, ": ", 2);
	leat_wr_span(&r->fields, value);
	leat_wr_bytes(&r->fields, "\r\n", 2);
}

static void put_line(struct leat_wr *out, const char *before, struct leat_span s, const char *after)
{
	leat_wr_bytes(out, before, strlen(before));
	leat_wr_span(out, s);
	leat_wr_bytes(out, after, strlen(after));
}

unsigned http2_request_text(const struct http2_request *r, struct leat_wr *out)
{
	struct leat_span method = leat_wr_done(&r->pseudo[HTTP2_METHOD]);
	struct leat_span path = leat_wr_done(&r->pseudo[HTTP2_PATH]);
	struct leat_span authority = leat_wr_done(&r->pseudo[HTTP2_AUTHORITY]);

	if (r->too_long)
		return path.n == 0 ? 414 : 431;
	if (r->bad || method.n == 0)
		return 400;
	/* CONNECT has no path, and is refused by its method */
	put_line(out, "", method, " ");
	put_line(out, "", path.n > 0 ? path : authority, " HTTP/1.1\r\n");
	if (authority.n > 0)
		put_line(out, "Host: ", authority, "\r\n");
	leat_wr_span(out, leat_wr_done(&r->fields));
	leat_wr_bytes(out, "\r\n", 2);
	return leat_wr_ok(out) && leat_wr_ok(&r->fields) ? 0 : 500;
}

void http2_request_clear(struct http2_request *r)
{
	for (int i = 0; i < HTTP2_PSEUDO_COUNT; i++)
		leat_wr_clear(&r->pseudo[i]);
	leat_wr_clear(&r->fields);
	*r = (struct http2_request){ .n = 0 };
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct leat_span lowered(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return (struct leat_span){ (uint8_t *)p, n };
}

size_t http2_reply_fields(char *head, size_t n, struct http2_field out[HTTP2_MAX_REPLY_FIELDS])
{
	char *end = head + n, *next = memchr(head, '\n', n);
	size_t num = 1;

	out[0] = (struct http2_field){ { (const uint8_t *)":status", 7 },
		{ (const uint8_t *)head + sizeof("HTTP/1.1 ") - 1, 3 } };
	while (next != NULL && num < HTTP2_MAX_REPLY_FIELDS) {
		char *line = next + 1, *colon;

		next = memchr(line, '\n', (size_t)(end - line));
		if (next == NULL)
			break;
		colon = memchr(line, ':', (size_t)(next - line));
		if (colon == NULL) /* the empty line */
			break;
		out[num].name = lowered(line, (size_t)(colon - line));
		/* behind the colon a blank, before the line feed a carriage return */
		out[num].value = (struct leat_span){ (uint8_t *)colon + 2,
			(size_t)(next - colon) - 3 };
		/* RFC 9113 8.2.2: MUST NOT generate connection-specific header fields */
		num += !is_text(out[num].name, "connection");
	}
	return num;
}
