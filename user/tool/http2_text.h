/* SPDX-License-Identifier: Apache-2.0
 *
 * http2_text.h - HTTP/2 messages as HTTP/1.1 text and back, as pure functions: what is decided about a request
 * is decided in one place for both versions (http.h). nghttp2 has decoded and checked the fields (RFC 9113 8.2,
 * 8.3) before they come here; nothing relies on that but the answer's status.
 */
#ifndef LEAT_TOOL_HTTP2_TEXT_H
#define LEAT_TOOL_HTTP2_TEXT_H

#include "base/wr.h"
#include "tool/http.h"

enum http2_pseudo { HTTP2_METHOD, HTTP2_PATH, HTTP2_AUTHORITY, HTTP2_PSEUDO_COUNT };

/* A request while its fields come. Zero state is empty and legal to clear. */
struct http2_request {
	struct leat_wr pseudo[HTTP2_PSEUDO_COUNT];
	struct leat_wr fields; /* "name: value\r\n" of each */
	size_t n;              /* bytes of names and values so far, 4 more for each field */
	bool too_long, bad;
};

/* Adds one field; nothing is kept beyond max bytes in all. */
void http2_request_add(
	struct http2_request *r, struct leat_span name, struct leat_span value, size_t max);
/* Writes the head that http_parse reads. 0, or the status to refuse the request with. */
unsigned http2_request_text(const struct http2_request *r, struct leat_wr *out);
void http2_request_clear(struct http2_request *r);

#define HTTP2_MAX_REPLY_FIELDS 24
struct http2_field {
	struct leat_span name, value;
};
/* Cuts the head of an answer (of http_reply_head; n bytes, its end included) into fields, ":status" first, in
 * head itself, which is changed: names become lower case. What is of HTTP/1.1 only is left out. Returns the
 * number of fields. */
size_t http2_reply_fields(char *head, size_t n, struct http2_field out[HTTP2_MAX_REPLY_FIELDS]);

#endif
