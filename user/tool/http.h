/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - HTTP/1.1 for a server of static files, as pure functions: bytes in, decisions out. No
 * socket, no file, no clock; everything here is reached by peers and fuzzed (tests/fuzz/fz_http.c).
 *
 * Order of use: http_head_end finds the end of a request's head in what was received, http_parse
 * reads it, http_path makes a file name of its target, the server opens that file, http_plan decides
 * what to send of it (conditions, ranges), http_reply_head and http_part_head write the heads.
 *
 * RFC 9110 (semantics), RFC 9112 (syntax). Strict where laxity has hurt others: lines end in CRLF,
 * no white space before a colon, no folded lines, exactly one Host, no Content-Length beside
 * Transfer-Encoding. Not done: request bodies (nothing here takes one), trailers, content codings.
 */
#ifndef LEAT_TOOL_HTTP_H
#define LEAT_TOOL_HTTP_H

#include <leat/types.h>

#define HTTP_MAX_FIELDS 100  /* header lines of one request; 431 beyond */
#define HTTP_MAX_RANGES 16   /* ranges of one request; more are answered with the whole file */
#define HTTP_PATH_MAX   2048 /* decoded path with its NUL; 414 beyond */
#define HTTP_DATE_LEN   29   /* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define HTTP_HEAD_MAX   4096 /* room that http_reply_head needs for any reply */

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_FORBIDDEN, /* a method we know and do not serve: 405 */
	HTTP_UNKNOWN,   /* 501 */
};

/* A parsed head. All spans lie in the buffer that was parsed. */
struct http_req {
	enum http_method method;
	uint8_t minor;                /* HTTP/1.minor */
	struct leat_span method_text; /* for the log */
	struct leat_span target;      /* as sent, for the log */
	struct leat_span path, query; /* of the target: path starts with '/', query without '?' */
	struct leat_span authority;   /* of a target in absolute form; NULL without one */
	struct leat_span fields;      /* all header lines, checked */
	size_t head_len;              /* bytes up to and including the empty line */
	bool keep_alive;              /* as the client asks or the version implies */
	bool expect_continue;
	bool chunked;      /* a body of unknown length follows */
	uint64_t body_len; /* Content-Length, 0 without */
};

/* ---- requests -------------------------------------------------------------------------------- */

/* Looks for the end of a head in n bytes. Returns its length; 0: not there yet (go on with the same
 * *scanned, initially 0, when more has come). A line feed without carriage return ends the head too,
 * for http_parse to refuse at once. */
size_t http_head_end(const uint8_t *p, size_t n, size_t *scanned);
/* Parses a whole head. Returns 0, or the status to refuse it with (400, 417,
 * 431, 501, 505). The log fields of *r are filled as far as they could be read, keep_alive is false. */
unsigned http_parse(const uint8_t *p, size_t n, struct http_req *r);
/* The status for a head longer than the limit: 414 when not even its first line ended, else 431. */
unsigned http_too_long(const uint8_t *p, size_t n);
/* The value of the next header called name (lower case), trimmed; *at is a cursor, initially 0.
 * Returns false when there is none. */
bool http_field(const struct http_req *r, const char *name, size_t *at, struct leat_span *value);

/* The authority a request is for: of its target, or of its Host field; empty where it has none. */
struct leat_span http_host(const struct http_req *r);

/* Makes a path relative to the served folder from a target's path: percent-decoded, "." and ".."
 * resolved, runs of '/' merged; "." for the root. *is_dir: it ended in '/'. Returns 0 or a status:
 * 400 (bad escape, NUL, above the root), 404 (an encoded slash; a name starting with '.' unless
 * hidden_too or below /.well-known/), 414. */
unsigned http_path(struct leat_span path, bool hidden_too, char out[HTTP_PATH_MAX], bool *is_dir);

/* ---- what to send ---------------------------------------------------------------------------- */

/* What is known of the file. */
struct http_meta {
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
};

struct http_range {
	uint64_t first, len;
};

/* status: 200, 206, 304, 412, 416. For 206, num ranges of at least one byte. */
struct http_plan {
	unsigned status;
	unsigned num;
	struct http_range r[HTTP_MAX_RANGES];
};

/* Evaluates the preconditions in the order of RFC 9110 13.2.2, then Range. now_s: Unix time. */
void http_plan(
	const struct http_req *r, const struct http_meta *m, int64_t now_s, struct http_plan *out);

/* The entity tag: 2 quotes, up to 3 hexadecimal numbers. */
#define HTTP_ETAG_MAX 48
void http_etag(const struct http_meta *m, char out[HTTP_ETAG_MAX]);

/* ---- replies --------------------------------------------------------------------------------- */

struct http_reply {
	unsigned status;
	uint8_t minor; /* of the request */
	bool keep_alive;
	int64_t date_s;
	const struct http_meta *meta; /* of the file, or NULL: an answer made up here */
	const struct http_plan *plan; /* with meta */
	const char *type;             /* content type, or NULL: no body fields */
	const char *boundary;         /* for several ranges */
	uint64_t length;              /* body length, for Content-Length */
	const char *location;         /* 301 */
	const char *allow;            /* 405 */
};

/* Writes status line and header; returns the bytes written, 0 when cap is too small (cannot happen
 * with HTTP_HEAD_MAX plus the lengths of location and type). */
size_t http_reply_head(char *out, size_t cap, const struct http_reply *r);
/* The head of part i of a multipart/byteranges body, leading CRLF included where there is one before; i == plan->num writes the
 * end. Returns its length, also when out is NULL. */
size_t http_part_head(char *out, size_t cap, const struct http_plan *plan, unsigned i,
	const struct http_meta *m, const char *type, const char *boundary);
/* Length of the body that a plan means, parts and boundaries included. */
uint64_t http_body_len(const struct http_plan *plan, const struct http_meta *m, const char *type,
	const char *boundary);
/* "Not Found"; "Unknown" for a status nobody uses here. */
const char *http_reason(unsigned status);
/* Where a folder asked for without its slash lives: '/' + path + '/' + '?' + query, escaped. Returns
 * false when it does not fit. */
bool http_location(char *out, size_t cap, const char *path, struct leat_span query);

/* Content type by the name's last extension; application/octet-stream when unknown. */
const char *http_mime(const char *name);

/* ---- dates ----------------------------------------------------------------------------------- */

/* RFC 9110 5.6.7, IMF-fixdate. Years 0 to 9999. */
void http_date_print(int64_t unix_s, char out[HTTP_DATE_LEN + 1]);
/* All three forms of RFC 9110 5.6.7. now_s decides the century of a two-digit year. */
bool http_date_parse(struct leat_span text, int64_t now_s, int64_t *unix_s);

#endif
