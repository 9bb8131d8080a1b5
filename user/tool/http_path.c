/* SPDX-License-Identifier: Apache-2.0
 *
 * http_path.c - from a request target to a file name, and back for redirects; content types.
 *
 * The result never starts with '/', holds no ".." and no NUL. That is the first of two fences: the
 * server opens it with openat2(RESOLVE_BENEATH), which also holds against symbolic links.
 */
#include <string.h>
#include <strings.h>

#include "tool/http.h"

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte of the decoded path. Returns 0 or a status. */
static unsigned decode_byte(struct leat_span *in, uint8_t *c, bool *escaped)
{
	*c = in->p[0];
	*escaped = *c == '%';
	if (!*escaped) {
		in->p++;
		in->n--;
		return *c == '\0' ? 400 : 0;
	}
	if (in->n < 3 || hex(in->p[1]) < 0 || hex(in->p[2]) < 0)
		return 400;
	*c = (uint8_t)(hex(in->p[1]) << 4 | hex(in->p[2]));
	in->p += 3;
	in->n -= 3;
	if (*c == '\0')
		return 400; /* would end the name early for the kernel, not for our checks */
	return *c == '/' ? 404 : 0; /* no file name holds a slash */
}

/* Ends the segment out[from..*n): resolves dots, refuses hidden names. */
static unsigned end_segment(char *out, size_t from, size_t *n, bool hidden_too)
{
	const char *seg = out + from;
	size_t len = *n - from;

	if (len == 0 || (len == 1 && seg[0] == '.')) {
		*n = from;
		return 0;
	}
	if (len == 2 && seg[0] == '.' && seg[1] == '.') {
		if (from == 0)
			return 400; /* above the root: nobody's browser sends that */
		*n = from - 1;      /* drop the slash, then the segment before it */
		while (*n > 0 && out[*n - 1] != '/')
			(*n)--;
		return 0;
	}
	/* RFC 8615: /.well-known/ is there to be read by everybody. */
	if (seg[0] == '.' && !hidden_too &&
		!(from == 0 && len == 11 && memcmp(seg, ".well-known", 11) == 0))
		return 404;
	out[(*n)++] = '/';
	return 0;
}

unsigned http_path(struct leat_span path, bool hidden_too, char out[HTTP_PATH_MAX], bool *is_dir)
{
	size_t n = 0, from = 0; /* from: where the present segment starts; all before ends in '/' */
	unsigned status;
	bool dots = false;

	*is_dir = false;
	if (path.n == 0 || path.p[0] != '/')
		return 400;
	while (path.n > 0) {
		bool escaped;
		uint8_t c;

		if ((status = decode_byte(&path, &c, &escaped)) != 0)
			return status;
		if (n + 2 >= HTTP_PATH_MAX)
			return 414;
		if (c != '/') {
			out[n++] = (char)c;
			continue;
		}
		if ((status = end_segment(out, from, &n, hidden_too)) != 0)
			return status;
		from = n;
	}
	dots = n == from || (n - from <= 2 && memcmp(out + from, "..", n - from) == 0);
	if ((status = end_segment(out, from, &n, hidden_too)) != 0)
		return status;
	*is_dir = dots;
	if (n > 0)
		n--; /* the trailing slash */
	else
		out[n++] = '.';
	out[n] = '\0';
	return 0;
}

/* RFC 3986 3.3: pchar without the escape, plus '/'. */
static bool is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != 0 && strchr("/-._~!$&'()*+,;=:@", c) != NULL);
}

bool http_location(char *out, size_t cap, const char *path, struct leat_span query)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	if (cap < 3)
		return false;
	out[n++] = '/';
	for (; *path != '\0'; path++) {
		uint8_t c = (uint8_t)*path;

		if (n + 4 >= cap)
			return false;
		if (is_plain(c)) {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
	}
	if (n + 1 + (query.n > 0 ? query.n + 1 : 0) >= cap)
		return false;
	out[n++] = '/';
	if (query.n > 0) {
		out[n++] = '?';
		for (size_t i = 0; i < query.n; i++) /* already checked to be visible or above 7f */
			out[n++] = query.p[i] < 0x80 ? (char)query.p[i] : '?';
	}
	out[n] = '\0';
	return true;
}

/* ---- content types --------------------------------------------------------------------------- */

static const struct {
	const char *ext, *type;
} types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "atom", "application/atom+xml" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bin", "application/octet-stream" },
	{ "bmp", "image/bmp" },
	{ "bz2", "application/x-bzip2" },
	{ "c", "text/plain; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "csv", "text/csv; charset=utf-8" },
	{ "deb", "application/vnd.debian.binary-package" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "h", "text/plain; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "html", "text/html; charset=utf-8" },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "ics", "text/calendar; charset=utf-8" },
	{ "iso", "application/x-iso9660-image" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "log", "text/plain; charset=utf-8" },
	{ "m3u8", "application/vnd.apple.mpegurl" },
	{ "m4a", "audio/mp4" },
	{ "m4s", "video/iso.segment" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpd", "application/dash+xml" },
	{ "mpeg", "video/mpeg" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "rss", "application/rss+xml" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "toml", "application/toml" },
	{ "ts", "video/mp2t" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "vtt", "text/vtt; charset=utf-8" },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "webm", "video/webm" },
	{ "webmanifest", "application/manifest+json" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xml", "application/xml" },
	{ "xz", "application/x-xz" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

const char *http_mime(const char *name)
{
	const char *base = strrchr(name, '/');
	const char *dot;

	base = base != NULL ? base + 1 : name;
	dot = strrchr(base, '.');
	if (dot == NULL || dot == base)
		return "application/octet-stream";
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(types[i].ext, dot + 1) == 0)
			return types[i].type;
	return "application/octet-stream";
}
