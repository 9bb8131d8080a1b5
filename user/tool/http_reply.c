/* SPDX-License-Identifier: Apache-2.0
 *
 * http_reply.c - writes the heads of answers and of multipart bodies. Every byte comes from us or
 * from a file name that http_location escaped: nothing a peer sent can end a line here.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/http.h"

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 100, "Continue" },
	{ 200, "OK" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 425, "Too Early" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* A bounded printer that keeps counting past the end; p may be NULL to count only. */
struct out {
	char *p;
	size_t n, cap;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *fmt, ...)
{
	bool fits = o->p != NULL && o->n < o->cap;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(fits ? o->p + o->n : NULL, fits ? o->cap - o->n : 0, fmt, ap);
	va_end(ap);
	if (n > 0)
		o->n += (size_t)n;
}

static void put_range(struct out *o, const struct http_range *r, uint64_t size)
{
	put(o, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", r->first,
		r->first + r->len - 1, size);
}

/* What is said of the file itself. RFC 9110 15.4.5: 304 carries the validators, not the rest. */
static void put_file(struct out *o, const struct http_reply *r)
{
	char date[HTTP_DATE_LEN + 1], etag[HTTP_ETAG_MAX];
	int64_t changed = r->meta->mtime_s;

	/* 8.8.2.1: MUST NOT be later than the time of the message */
	http_date_print(changed < r->date_s ? changed : r->date_s, date);
	http_etag(r->meta, etag);
	put(o, "Last-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n", date, etag);
	if (r->plan->status == 206 && r->plan->num == 1)
		put_range(o, &r->plan->r[0], r->meta->size);
	if (r->plan->status == 416)
		put(o, "Content-Range: bytes */%" PRIu64 "\r\n", r->meta->size);
}

static void put_body(struct out *o, const struct http_reply *r)
{
	if (r->type != NULL && r->plan != NULL && r->plan->num > 1)
		put(o, "Content-Type: multipart/byteranges; boundary=%s\r\n", r->boundary);
	else if (r->type != NULL)
		put(o, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", r->type);
	if (r->type != NULL)
		put(o, "Content-Length: %" PRIu64 "\r\n", r->length);
}

size_t http_reply_head(char *out, size_t cap, const struct http_reply *r)
{
	struct out o = { out, 0, cap };
	char date[HTTP_DATE_LEN + 1];

	http_date_print(r->date_s, date);
	/* RFC 9112 2.3: the version is ours, whatever the request's minor version was. */
	put(&o, "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: leat\r\n", r->status, http_reason(r->status),
		date);
	if (r->meta != NULL)
		put_file(&o, r);
	if (r->location != NULL)
		put(&o, "Location: %s\r\n", r->location);
	if (r->allow != NULL)
		put(&o, "Allow: %s\r\n", r->allow);
	put_body(&o, r);
	if (!r->keep_alive)
		put(&o, "Connection: close\r\n");
	else if (r->minor == 0)
		put(&o, "Connection: keep-alive\r\n");
	put(&o, "\r\n");
	return o.n < cap ? o.n : 0;
}

size_t http_part_head(char *out, size_t cap, const struct http_plan *plan, unsigned i,
	const struct http_meta *m, const char *type, const char *boundary)
{
	struct out o = { out, 0, cap };

	if (i >= plan->num) {
		put(&o, "\r\n--%s--\r\n", boundary);
	} else {
		/* RFC 2046 5.1.1: the line break before a boundary belongs to the boundary */
		put(&o, "%s--%s\r\nContent-Type: %s\r\n", i > 0 ? "\r\n" : "", boundary, type);
		put_range(&o, &plan->r[i], m->size);
		put(&o, "\r\n");
	}
	return out == NULL || o.n < cap ? o.n : 0;
}

uint64_t http_body_len(const struct http_plan *plan, const struct http_meta *m, const char *type,
	const char *boundary)
{
	uint64_t n = 0;

	if (plan->status == 200)
		return m->size;
	if (plan->status != 206)
		return 0;
	if (plan->num == 1)
		return plan->r[0].len;
	for (unsigned i = 0; i <= plan->num; i++) {
		n += http_part_head(NULL, 0, plan, i, m, type, boundary);
		if (i < plan->num)
			n += plan->r[i].len;
	}
	return n;
}
