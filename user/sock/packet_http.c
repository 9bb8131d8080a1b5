/* SPDX-License-Identifier: Apache-2.0
 *
 * packet_http.c - HTTP/1.x head lines as units: request line, status line, fields, the end of them, as
 * erlang:decode_packet(3) cuts and reads them. Lenient where it is (blanks between the parts of a request
 * line, a bare line feed); anything that is no such line is a unit of its own kind, and the stream goes
 * on. Not an HTTP server: what a field means (lengths, transfer codings) is the application's, and so is
 * refusing what two parsers may read differently (RFC 9112 11.2); leat serve has its own in tool/.
 */
#include "sock/packet.h"

#include <string.h>
#include <strings.h>

/* The numbers of erlang:decode_packet(3), from 1. */
static const char *const fields[] = {
	"Cache-Control",
	"Connection",
	"Date",
	"Pragma",
	"Transfer-Encoding",
	"Upgrade",
	"Via",
	"Accept",
	"Accept-Charset",
	"Accept-Encoding",
	"Accept-Language",
	"Authorization",
	"From",
	"Host",
	"If-Modified-Since",
	"If-Match",
	"If-None-Match",
	"If-Range",
	"If-Unmodified-Since",
	"Max-Forwards",
	"Proxy-Authorization",
	"Range",
	"Referer",
	"User-Agent",
	"Age",
	"Location",
	"Proxy-Authenticate",
	"Public",
	"Retry-After",
	"Server",
	"Vary",
	"Warning",
	"Www-Authenticate",
	"Allow",
	"Content-Base",
	"Content-Encoding",
	"Content-Language",
	"Content-Length",
	"Content-Location",
	"Content-Md5",
	"Content-Range",
	"Content-Type",
	"Etag",
	"Expires",
	"Last-Modified",
	"Accept-Ranges",
	"Set-Cookie",
	"Set-Cookie2",
	"X-Forwarded-For",
	"Cookie",
	"Keep-Alive",
	"Proxy-Connection",
};

#define NUM_FIELDS (sizeof(fields) / sizeof(fields[0]))

const char *leat_http_field_name(unsigned field_id)
{
	return field_id >= 1 && field_id <= NUM_FIELDS ? fields[field_id - 1] : NULL;
}

static unsigned id_of_field(struct leat_span name)
{
	for (unsigned i = 0; i < NUM_FIELDS; i++)
		if (strlen(fields[i]) == name.n &&
			strncasecmp(fields[i], (const char *)name.p, name.n) == 0)
			return i + 1;
	return 0;
}

/* ---- walking a line ---- */

static struct leat_span rest_from(struct leat_span s, size_t n)
{
	return (struct leat_span){ s.p + n, s.n - n };
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct leat_span skip_blanks(struct leat_span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = rest_from(s, 1);
	return s;
}

/* The part of *s before the first blank, taken off it with the blanks. */
static struct leat_span take_word(struct leat_span *s)
{
	struct leat_span word = { s->p, 0 };

	while (word.n < s->n && !is_blank(s->p[word.n]))
		word.n++;
	*s = skip_blanks(rest_from(*s, word.n));
	return word;
}

/* RFC 9110 5.6.2: tchar */
static bool is_token(uint8_t c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* How many bytes at the front are of a token. */
static size_t num_token(struct leat_span s)
{
	size_t n = 0;

	while (n < s.n && is_token(s.p[n]))
		n++;
	return n;
}

static bool starts_with(struct leat_span s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && strncasecmp((const char *)s.p, text, n) == 0;
}

/* At least one digit and at most what fits, taken off *s. */
static bool take_number(struct leat_span *s, unsigned max, unsigned *out)
{
	size_t n = 0;

	for (*out = 0; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		if (*out > max / 10)
			return false;
		*out = *out * 10 + (unsigned)(s->p[n] - '0');
	}
	*s = rest_from(*s, n);
	return n > 0 && *out <= max;
}

/* "HTTP/" major "." minor, in capitals (RFC 9112 2.3), taken off *s. */
static bool take_version(struct leat_span *s, struct leat_unit *out)
{
	if (s->n < 5 || memcmp(s->p, "HTTP/", 5) != 0)
		return false;
	*s = rest_from(*s, 5);
	if (!take_number(s, UINT16_MAX, &out->major) || s->n == 0 || s->p[0] != '.')
		return false;
	*s = rest_from(*s, 1);
	return take_number(s, UINT16_MAX, &out->minor);
}

/* ---- the first line ---- */

/* The authority behind "http://": host, optional port, path. */
static struct leat_uri read_absolute(struct leat_span s, bool https)
{
	static const uint8_t root[] = { '/' };
	struct leat_uri uri = { .kind = LEAT_URI_ABSOLUTE, .https = https, .port = -1 };
	const uint8_t *slash = memchr(s.p, '/', s.n), *colon;
	unsigned port;

	uri.host = (struct leat_span){ s.p, slash ? (size_t)(slash - s.p) : s.n };
	uri.path = slash ? rest_from(s, uri.host.n) : (struct leat_span){ root, 1 };
	colon = memchr(uri.host.p, ':', uri.host.n);
	if (colon) {
		size_t n = (size_t)(colon - uri.host.p);
		struct leat_span digits = rest_from(uri.host, n + 1);

		if (take_number(&digits, UINT16_MAX, &port) && digits.n == 0)
			uri.port = (int32_t)port;
		uri.host.n = n;
	}
	return uri;
}

static struct leat_uri read_uri(struct leat_span s)
{
	const uint8_t *colon;

	if (s.n == 1 && s.p[0] == '*')
		return (struct leat_uri){ .kind = LEAT_URI_STAR, .path = s };
	if (s.n > 0 && s.p[0] == '/')
		return (struct leat_uri){ .kind = LEAT_URI_PATH, .path = s };
	if (starts_with(s, "http://"))
		return read_absolute(rest_from(s, 7), false);
	if (starts_with(s, "https://"))
		return read_absolute(rest_from(s, 8), true);
	colon = memchr(s.p, ':', s.n);
	if (!colon)
		return (struct leat_uri){ .kind = LEAT_URI_OTHER, .path = s };
	return (struct leat_uri){
		.kind = LEAT_URI_SCHEME,
		.scheme = { s.p, (size_t)(colon - s.p) },
		.path = rest_from(s, (size_t)(colon - s.p) + 1),
	};
}

/* RFC 9112 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]; one with nothing but blanks
 * behind the version has status 0, as in Erlang. */
static bool read_status(struct leat_span line, struct leat_unit *out)
{
	out->kind = LEAT_UNIT_HTTP_RESPONSE;
	if (!take_version(&line, out) || line.n == 0 || !is_blank(line.p[0]))
		return false;
	line = skip_blanks(line);
	if (line.n > 0 && !take_number(&line, UINT16_MAX, &out->status))
		return false;
	out->phrase = skip_blanks(line);
	return line.n == 0 || is_blank(line.p[0]);
}

/* RFC 9112 3: request-line = method SP request-target SP HTTP-version; without one it is HTTP/0.9. */
static bool read_request(struct leat_span line, struct leat_unit *out)
{
	struct leat_span target;

	out->kind = LEAT_UNIT_HTTP_REQUEST;
	out->method = take_word(&line);
	target = take_word(&line);
	if (out->method.n == 0 || num_token(out->method) != out->method.n || target.n == 0)
		return false;
	out->uri = read_uri(target);
	out->minor = 9;
	return line.n == 0 || take_version(&line, out);
}

/* ---- fields ---- */

static bool read_field(struct leat_span line, struct leat_unit *out)
{
	size_t n = num_token(line);

	out->kind = LEAT_UNIT_HTTP_FIELD;
	if (n == line.n || line.p[n] != ':')
		return false;
	out->field = (struct leat_span){ line.p, n };
	out->field_id = id_of_field(out->field);
	out->value = skip_blanks(rest_from(line, n + 1));
	return true;
}

/* ---- cutting ---- */

static bool is_empty_line(struct leat_span in, size_t n)
{
	return n == 1 || (n == 2 && in.p[0] == '\r');
}

/* Bytes up to and with the line feed that ends the unit. LEAT_AGAIN: it is not there yet. A field goes on
 * in the next line when that begins with a blank (obs-fold, RFC 9112 5.2), so its end shows in the byte
 * after. Only a line of more than its line end can go on. The empty line is never too long. */
static enum leat_ret find_end(
	const struct leat_framing *f, struct leat_span in, bool in_headers, size_t *end)
{
	const uint8_t *at = in.p, *feed;
	size_t n = 0;

	while ((feed = memchr(at, '\n', in.n - (size_t)(at - in.p)))) {
		n = (size_t)(feed - in.p) + 1;
		*end = n;
		if (in_headers && is_empty_line(in, n))
			return LEAT_OK;
		if (f->packet_size && n > f->packet_size)
			return LEAT_FAILED;
		if (!in_headers || (n < in.n && (n <= 2 || !is_blank(in.p[n]))))
			return LEAT_OK;
		if (n == in.n)
			return LEAT_AGAIN;
		at = feed + 1;
	}
	return f->packet_size && in.n >= f->packet_size ? LEAT_FAILED : LEAT_AGAIN;
}

static struct leat_span without_line_end(struct leat_span s)
{
	s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

static bool is_trailer(const struct leat_framing *f)
{
	return f->type == LEAT_PACKET_HTTPH || f->type == LEAT_PACKET_HTTPH_BIN;
}

enum leat_ret packet_decode_http(struct leat_framing *f, struct leat_span in, struct leat_unit *out)
{
	bool in_headers = is_trailer(f) || f->in_headers;
	struct leat_unit u = { 0 };
	enum leat_ret r = find_end(f, in, in_headers, &u.used);
	struct leat_span line;
	bool good;

	if (r != LEAT_OK)
		return r;
	u.body = (struct leat_span){ in.p, u.used };
	line = without_line_end(u.body);
	if (in_headers && line.n == 0) {
		u.kind = LEAT_UNIT_HTTP_END;
		f->in_headers = false;
		*out = u;
		return LEAT_OK;
	}
	if (in_headers)
		good = read_field(line, &u);
	else
		good = line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0 ? read_status(line, &u)
								      : read_request(line, &u);
	if (!good)
		u = (struct leat_unit){ LEAT_UNIT_HTTP_ERROR, .used = u.used, .body = u.body };
	else if (!in_headers)
		f->in_headers = true;
	*out = u;
	return LEAT_OK;
}
