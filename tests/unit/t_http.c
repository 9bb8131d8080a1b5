/*
 * t_http.c: user/tool/http*.c, the pure half of `leat serve`: requests, paths, dates, conditions,
 * ranges, replies. Most rows are things that must be refused or ignored.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/http.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))
#define H      "Host: a\r\n"

/* Appends to an array; a text that does not fit is a fault of the test. */
static void append(char *text, size_t cap, const char *more)
{
	size_t n = strlen(text);

	assert_true((size_t)snprintf(text + n, cap - n, "%s", more) < cap - n);
}

static struct leat_span span(const char *s)
{
	return (struct leat_span){ (const uint8_t *)s, strlen(s) };
}

static bool same(struct leat_span s, const char *text)
{
	return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

/* Parses a whole request text; the head must end exactly at its end. */
static unsigned parse(const char *text, struct http_req *r)
{
	size_t n = strlen(text), scanned = 0;

	assert_int_equal(http_head_end((const uint8_t *)text, n, &scanned), n);
	return http_parse((const uint8_t *)text, n, r);
}

/* ---- where a head ends ----------------------------------------------------------------------- */

static void head_end_in_any_pieces(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\n" H "\r\n",
		"\r\nGET / HTTP/1.1\r\n\r\n",
		"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"\r\n\r\n\r\n", /* too many empty lines: refused, not awaited */
		"GET / HTTP/1.1\n",
		"\n",
		"GET / HTTP/1.1\r\nA: b\n",
	};

	(void)state;
	for (size_t i = 0; i < NUM(heads); i++) {
		const uint8_t *p = (const uint8_t *)heads[i];
		size_t n = strlen(heads[i]);

		for (size_t step = 1; step <= n; step++) {
			size_t scanned = 0, have = 0, end = 0;

			while (end == 0) {
				assert_true(have < n);
				have = have + step < n ? have + step : n;
				end = http_head_end(p, have, &scanned);
			}
			assert_int_equal(end, n);
		}
	}
}

static void head_end_leaves_what_follows(void **state)
{
	const char *two = "GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
	size_t scanned = 0;

	(void)state;
	assert_int_equal(http_head_end((const uint8_t *)two, strlen(two), &scanned), 18);
	assert_int_equal(http_too_long((const uint8_t *)"GET /aaaa", 9), 414);
	assert_int_equal(http_too_long((const uint8_t *)"GET / HTTP/1.1\r\nA", 17), 431);
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void good_heads(void **state)
{
	static const struct {
		const char *text, *path, *query;
		enum http_method method;
		bool keep, expect, chunked;
		uint64_t body;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n" H "\r\n", "/", "", HTTP_GET, true, 0, 0, 0 },
		{ "HEAD /a?b=c?d HTTP/1.1\r\nhost:a\r\n\r\n", "/a", "b=c?d", HTTP_HEAD, true, 0, 0,
			0 },
		{ "GET /x HTTP/1.0\r\n\r\n", "/x", "", HTTP_GET, false, 0, 0, 0 },
		{ "GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/x", "", HTTP_GET, true, 0,
			0, 0 },
		{ "GET /x HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "/x", "", HTTP_GET, false, 0,
			0, 0 },
		{ "GET /x HTTP/1.1\r\n" H "Connection: te, CLOSE ,x\r\n\r\n", "/x", "", HTTP_GET,
			false, 0, 0, 0 },
		{ "GET /x HTTP/1.1\r\n" H "Connection: te\r\nConnection: close\r\n\r\n", "/x", "",
			HTTP_GET, false, 0, 0, 0 },
		{ "GET http://h.example/y?z HTTP/1.1\r\n" H "\r\n", "/y", "z", HTTP_GET, true, 0, 0,
			0 },
		{ "GET HTTPS://h.example HTTP/1.1\r\n" H "\r\n", "/", "", HTTP_GET, true, 0, 0, 0 },
		{ "GET https://h?q HTTP/1.1\r\n" H "\r\n", "/", "q", HTTP_GET, true, 0, 0, 0 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "/", "",
			HTTP_GET, true, 0, 0, 5 },
		{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n", "/", "", HTTP_GET,
			true, 0, true, 0 },
		{ "GET / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n\r\n", "/", "", HTTP_GET, true,
			true, 0, 0 },
		{ "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "/", "", HTTP_GET, false, false,
			0, 0 },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", "", HTTP_GET, true, 0, 0, 0 },
		{ "GET / HTTP/1.9\r\n" H "X:\t \xc3\xa9 \r\n\r\n", "/", "", HTTP_GET, true, 0, 0,
			0 },
		{ "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "/\xc3\xa9", "", HTTP_GET, true, 0, 0, 0 },
		{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", "", "", HTTP_FORBIDDEN, true, 0, 0, 0 },
		{ "CONNECT h:1 HTTP/1.1\r\n" H "\r\n", "", "", HTTP_FORBIDDEN, true, 0, 0, 0 },
		{ "POST /x HTTP/1.1\r\n" H "Content-Length: 18446744\r\n\r\n", "", "",
			HTTP_FORBIDDEN, true, 0, 0, 18446744 },
		{ "BREW /pot HTTP/1.1\r\n" H "\r\n", "", "", HTTP_UNKNOWN, true, 0, 0, 0 },
		{ "get / HTTP/1.1\r\n" H "\r\n", "", "", HTTP_UNKNOWN, true, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct http_req r;
		unsigned status = parse(rows[i].text, &r);

		if (status != 0 || !same(r.path, rows[i].path) || !same(r.query, rows[i].query))
			fail_msg("row %zu: status %u", i, status);
		assert_int_equal(r.method, rows[i].method);
		assert_int_equal(r.keep_alive, rows[i].keep);
		assert_int_equal(r.expect_continue, rows[i].expect);
		assert_int_equal(r.chunked, rows[i].chunked);
		assert_int_equal(r.body_len, rows[i].body);
		assert_int_equal(r.head_len, strlen(rows[i].text));
	}
}

static void refused_heads(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} rows[] = {
		{ "\n", 400 },
		{ "\r\n\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\n", 400 },
		{ "GET /\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET / HTTP/1.1 \r\n" H "\r\n", 400 },
		{ " GET / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET\t/ HTTP/1.1\r\n" H "\r\n", 400 },
		{ "G@T / HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET / http/1.1\r\n" H "\r\n", 400 },
		{ "GET / HTTP/1.1x\r\n" H "\r\n", 400 },
		{ "GET / HTTP/1.x\r\n" H "\r\n", 400 },
		{ "GET / HTTP/0.9\r\n\r\n", 505 },
		{ "PRI * HTTP/2.0\r\n\r\n", 505 },
		{ "GET * HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET a HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET ftp://h/a HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET http:/h/a HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET /a#b HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET /a\x01 HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET /a\x7f HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET ?a HTTP/1.1\r\n" H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A\t: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400 }, /* folded */
		{ "GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "A: b\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
			400 },
		{ "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H
		  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			400 },
		{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
		{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501 },
		{ "GET / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 417 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct http_req r;
		unsigned status = parse(rows[i].text, &r);

		if (status != rows[i].status)
			fail_msg("row %zu: status %u, not %u", i, status, rows[i].status);
		assert_false(r.keep_alive); /* nobody knows where the next request starts */
	}
}

static void embedded_nul_is_refused(void **state)
{
	static const char a[] = "GET /a\0b HTTP/1.1\r\n" H "\r\n";
	static const char b[] = "GET / HTTP/1.1\r\n" H "A: \0\r\n\r\n";
	struct http_req r;

	(void)state;
	assert_int_equal(http_parse((const uint8_t *)a, sizeof(a) - 1, &r), 400);
	assert_int_equal(http_parse((const uint8_t *)b, sizeof(b) - 1, &r), 400);
	assert_int_equal(http_parse((const uint8_t *)"", 0, &r), 400);
}

/* One below, at, and one above HTTP_MAX_FIELDS. */
static void number_of_fields_is_bounded(void **state)
{
	(void)state;
	for (unsigned extra = HTTP_MAX_FIELDS - 2; extra <= HTTP_MAX_FIELDS; extra++) {
		char text[4096] = "GET / HTTP/1.1\r\n" H;
		struct http_req r;

		for (unsigned i = 0; i < extra; i++)
			append(text, sizeof(text), "X: y\r\n");
		append(text, sizeof(text), "\r\n");
		assert_int_equal(parse(text, &r), extra + 1 > HTTP_MAX_FIELDS ? 431 : 0);
	}
}

static void fields_are_found(void **state)
{
	struct http_req r;
	struct leat_span v;
	size_t at = 0;

	(void)state;
	assert_int_equal(parse("GET / HTTP/1.1\r\n" H "A:1\r\nab: 2\r\na: \t3 4 \r\n\r\n", &r), 0);
	assert_true(http_field(&r, "a", &at, &v) && same(v, "1"));
	assert_true(http_field(&r, "a", &at, &v) && same(v, "3 4"));
	assert_false(http_field(&r, "a", &at, &v));
	assert_false(http_field(&r, "a", &at, &v)); /* and stays at the end */
}

/* ---- paths ----------------------------------------------------------------------------------- */

static void paths(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused with status */
		bool dir, hidden;
		unsigned status;
	} rows[] = {
		{ "/", ".", true, 0, 0 },
		{ "/a", "a", false, 0, 0 },
		{ "/a/", "a", true, 0, 0 },
		{ "//a///b", "a/b", false, 0, 0 },
		{ "/a/./b/.", "a/b", true, 0, 0 },
		{ "/a/b/..", "a", true, 0, 0 },
		{ "/a/b/../c", "a/c", false, 0, 0 },
		{ "/a/..", ".", true, 0, 0 },
		{ "/a%20b", "a b", false, 0, 0 },
		{ "/%61%2e%62", "a.b", false, 0, 0 },
		{ "/\xc3\xa9%C3%A9", "\xc3\xa9\xc3\xa9", false, 0, 0 },
		{ "/a\\..\\b", "a\\..\\b", false, 0, 0 }, /* no separator here */
		{ "/...", NULL, 0, false, 404 },
		{ "/a..", "a..", false, 0, 0 },
		{ "/.well-known/acme", ".well-known/acme", false, 0, 0 },
		{ "/.git/config", ".git/config", false, true, 0 },
		{ "/a%2", NULL, 0, 0, 400 },
		{ "/a%", NULL, 0, 0, 400 },
		{ "/a%zz", NULL, 0, 0, 400 },
		{ "/%+1", NULL, 0, 0, 400 },
		{ "/a%00b", NULL, 0, 0, 400 },
		{ "/%00", NULL, 0, 0, 400 },
		{ "/..", NULL, 0, 0, 400 },
		{ "/../etc/passwd", NULL, 0, 0, 400 },
		{ "/a/../../etc/passwd", NULL, 0, 0, 400 },
		{ "/%2e%2e/etc/passwd", NULL, 0, 0, 400 },
		{ "/%2e./x", NULL, 0, 0, 400 },
		{ "/.%2e/x", NULL, 0, true, 400 },
		{ "/a/%2e%2e/%2e%2e/x", NULL, 0, 0, 400 },
		{ "/..%2fetc", NULL, 0, 0, 404 },
		{ "/%2fetc/passwd", NULL, 0, 0, 404 },
		{ "/a%2fb", NULL, 0, 0, 404 },
		{ "/.git/config", NULL, 0, 0, 404 },
		{ "/a/.b", NULL, 0, 0, 404 },
		{ "/%2egit", NULL, 0, 0, 404 },
		{ "/a/.well-known/x", NULL, 0, 0, 404 },
		{ "/.well-knownx", NULL, 0, 0, 404 },
		{ "/.well-known/.x", NULL, 0, 0, 404 },
		{ "a", NULL, 0, 0, 400 },
		{ "", NULL, 0, 0, 400 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		char out[HTTP_PATH_MAX];
		bool dir;
		unsigned status = http_path(span(rows[i].in), rows[i].hidden, out, &dir);

		if (status != rows[i].status)
			fail_msg("%s: status %u", rows[i].in, status);
		if (status == 0) {
			assert_string_equal(out, rows[i].out);
			assert_int_equal(dir, rows[i].dir);
		}
	}
}

static void long_paths_are_refused(void **state)
{
	char in[HTTP_PATH_MAX + 16], out[HTTP_PATH_MAX];
	bool dir;

	(void)state;
	memset(in, 'a', sizeof(in));
	in[0] = '/';
	for (size_t n = HTTP_PATH_MAX - 8; n < HTTP_PATH_MAX + 8; n++) {
		unsigned status = http_path(
			(struct leat_span){ (const uint8_t *)in, n }, false, out, &dir);

		assert_int_equal(status, n <= HTTP_PATH_MAX - 1 ? 0 : 414);
		if (status == 0)
			assert_int_equal(strlen(out), n - 1);
	}
}

/* Every string of up to 6 bytes of a nasty alphabet: never absolute, never "..", never empty. */
static void no_path_escapes(void **state)
{
	static const char *const bits[] = { "/", ".", "..", "%2e", "a", "%2f", "%5c" };
	unsigned total = 1;

	(void)state;
	for (int i = 0; i < 6; i++)
		total *= NUM(bits);
	for (unsigned k = 0; k < total; k++) {
		char in[64] = "/", out[HTTP_PATH_MAX], *seg, *save;
		unsigned rest = k;
		bool dir;

		for (int i = 0; i < 6; i++, rest /= NUM(bits))
			append(in, sizeof(in), bits[rest % NUM(bits)]);
		if (http_path(span(in), true, out, &dir) != 0)
			continue;
		assert_true(out[0] != '/' && out[0] != '\0');
		for (seg = strtok_r(out, "/", &save); seg; seg = strtok_r(NULL, "/", &save))
			assert_true(strcmp(seg, "..") != 0);
	}
}

static void locations(void **state)
{
	char out[64], small[8];

	(void)state;
	assert_true(http_location(out, sizeof(out), "a b/\r\nX: y", span("")));
	assert_string_equal(out, "/a%20b/%0D%0AX:%20y/");
	assert_true(http_location(out, sizeof(out), "d", span("q=1")));
	assert_string_equal(out, "/d/?q=1");
	assert_true(http_location(out, sizeof(out), "\xc3\xa9?#%", span("")));
	assert_string_equal(out, "/%C3%A9%3F%23%25/");
	assert_false(http_location(small, sizeof(small), "abcdefgh", span("")));
	assert_false(http_location(small, sizeof(small), "a", span("12345")));
	assert_false(http_location(small, 0, "a", span("")));
}

static void content_types(void **state)
{
	(void)state;
	assert_string_equal(http_mime("a/b.html"), "text/html; charset=utf-8");
	assert_string_equal(http_mime("B.JPG"), "image/jpeg");
	assert_string_equal(http_mime("x.tar.gz"), "application/gzip");
	assert_string_equal(http_mime("a.html/b"), "application/octet-stream");
	assert_string_equal(http_mime(".html"), "application/octet-stream");
	assert_string_equal(http_mime("html"), "application/octet-stream");
	assert_string_equal(http_mime("x."), "application/octet-stream");
}

/* ---- dates ----------------------------------------------------------------------------------- */

#define NOW 1700000000 /* 14 Nov 2023 */

static void dates_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} rows[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 }, { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Thu, 29 Feb 2024 23:59:60 GMT", 1709251200 },
		{ "Sunday, 01-Jan-73 00:00:00 GMT", 3250454400 }, /* 2073: 50 years ahead */
		{ "Tuesday, 01-Jan-74 00:00:00 GMT", 126230400 }, /* 1974: 51 would be too far */
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		int64_t t = -1;

		if (!http_date_parse(span(rows[i].text), NOW, &t) || t != rows[i].t)
			fail_msg("%s: %lld", rows[i].text, (long long)t);
	}
}

static void bad_dates_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"Sun, 06 Nov 1994 08:49:37 GM",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 31 Feb 2000 00:00:00 GMT",
		"Sun, 29 Feb 2023 00:00:00 GMT",
		"Sun, 00 Jan 2000 00:00:00 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 00:60:00 GMT",
		"Sun, 06 Nov 1994 00:00:61 GMT",
		"Son, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun, 06 Nov -994 08:49:37 GMT",
		"Sun,  6 Nov 1994 08:49:37 GMT",
		"1994-11-06T08:49:37Z",
		"784111777",
		"Sun, +6 Nov 1994 08:49:37 GMT",
	};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		if (http_date_parse(span(rows[i]), NOW, &t))
			fail_msg("taken: %s", rows[i]);
}

static void dates_go_both_ways(void **state)
{
	static const int64_t edges[] = { -62167219200, -1, 0, 951782399, 951782400, 4102444800,
		253402300799 };
	char text[HTTP_DATE_LEN + 1];
	int64_t t;

	(void)state;
	srand(3);
	for (int i = 0; i < 20000; i++) {
		int64_t in = i < (int)NUM(edges)
				     ? edges[i]
				     : (int64_t)(((uint64_t)rand() << 31 | (uint64_t)rand()) %
						 253402300799ull);

		http_date_print(in, text);
		assert_int_equal(strlen(text), HTTP_DATE_LEN);
		assert_true(http_date_parse(span(text), NOW, &t));
		assert_true(t == in);
	}
	http_date_print(784111777, text);
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	http_date_print(INT64_MAX, text); /* clamped, not overflowed */
	assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
	http_date_print(INT64_MIN, text);
	assert_int_equal(strlen(text), HTTP_DATE_LEN);
}

/* ---- conditions and ranges ------------------------------------------------------------------- */

static const struct http_meta meta = { .size = 1000, .mtime_s = 784111777, .mtime_ns = 5 };
#define ETAG "\"2ebc98a1-5-3e8\""
#define LM   "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATE "Sun, 06 Nov 1994 08:49:38 GMT"
#define SOON "Sun, 06 Nov 1994 08:49:36 GMT"

static void plan_for(
	const char *method, const char *fields, const struct http_meta *m, struct http_plan *plan)
{
	char text[2048];
	struct http_req r;

	snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" H "%s\r\n", method, fields);
	assert_int_equal(parse(text, &r), 0);
	http_plan(&r, m, NOW, plan);
}

static void preconditions(void **state)
{
	static const struct {
		const char *fields;
		unsigned status;
	} rows[] = {
		{ "", 200 },
		{ "If-None-Match: " ETAG "\r\n", 304 },
		{ "If-None-Match: W/" ETAG "\r\n", 304 }, /* weak comparison */
		{ "If-None-Match: *\r\n", 304 },
		{ "If-None-Match: \"a\", " ETAG " ,\"b\"\r\n", 304 },
		{ "If-None-Match: \"a\"\r\nIf-None-Match: " ETAG "\r\n", 304 },
		{ "If-None-Match: \"a\"\r\n", 200 },
		{ "If-None-Match: \"a,\", x" ETAG "\r\n", 200 },
		{ "If-None-Match: \"2ebc98a1-5-3e8\r\n", 200 },
		{ "If-None-Match:\r\n", 200 },
		{ "If-Modified-Since: " LM "\r\n", 304 },
		{ "If-Modified-Since: " LATE "\r\n", 304 },
		{ "If-Modified-Since: " SOON "\r\n", 200 },
		{ "If-Modified-Since: yesterday\r\n", 200 },
		{ "If-Modified-Since: " LM "\r\nIf-Modified-Since: " LM "\r\n", 200 },
		/* If-None-Match wins over If-Modified-Since, both ways */
		{ "If-None-Match: \"a\"\r\nIf-Modified-Since: " LM "\r\n", 200 },
		{ "If-None-Match: " ETAG "\r\nIf-Modified-Since: " SOON "\r\n", 304 },
		{ "If-Match: " ETAG "\r\n", 200 },
		{ "If-Match: *\r\n", 200 },
		{ "If-Match: W/" ETAG "\r\n", 412 }, /* strong comparison */
		{ "If-Match: \"a\"\r\n", 412 },
		{ "If-Match: \"a\"\r\nIf-Match: " ETAG "\r\n", 200 },
		{ "If-Match: \"a\"\r\nIf-None-Match: " ETAG "\r\n", 412 },
		{ "If-Unmodified-Since: " LM "\r\n", 200 },
		{ "If-Unmodified-Since: " SOON "\r\n", 412 },
		{ "If-Unmodified-Since: x\r\n", 200 },
		{ "If-Match: " ETAG "\r\nIf-Unmodified-Since: " SOON "\r\n", 200 },
		{ "If-None-Match: " ETAG "\r\nRange: bytes=0-1\r\n", 304 },
		{ "If-Match: \"a\"\r\nRange: bytes=0-1\r\n", 412 },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct http_plan p;

		plan_for(i % 2 ? "GET" : "HEAD", rows[i].fields, &meta, &p);
		if (rows[i].status != p.status)
			fail_msg("row %zu: %u, not %u", i, p.status, rows[i].status);
		assert_int_equal(p.num, 0);
	}
}

static void ranges(void **state)
{
	static const struct {
		const char *fields;
		unsigned status, num;
		struct http_range r[3];
	} rows[] = {
		{ "Range: bytes=0-0\r\n", 206, 1, { { 0, 1 } } },
		{ "Range: bytes=0-\r\n", 206, 1, { { 0, 1000 } } },
		{ "Range: bytes=999-\r\n", 206, 1, { { 999, 1 } } },
		{ "Range: bytes=10-5000\r\n", 206, 1, { { 10, 990 } } },
		{ "Range: bytes=-1\r\n", 206, 1, { { 999, 1 } } },
		{ "Range: bytes=-5000\r\n", 206, 1, { { 0, 1000 } } },
		{ "Range: Bytes= 1-2 , ,3-4,\r\n", 206, 2, { { 1, 2 }, { 3, 2 } } },
		{ "Range: bytes=0-1,-2,5000-\r\n", 206, 2, { { 0, 2 }, { 998, 2 } } },
		{ "Range: bytes=0-99999999999999999999999999\r\n", 206, 1, { { 0, 1000 } } },
		{ "Range: bytes=1000-\r\n", 416, 0, { { 0 } } },
		{ "Range: bytes=5000-6000\r\n", 416, 0, { { 0 } } },
		{ "Range: bytes=99999999999999999999999999-\r\n", 416, 0, { { 0 } } },
		{ "Range: bytes=-0\r\n", 416, 0, { { 0 } } },
		{ "Range: bytes=1000-,2000-\r\n", 416, 0, { { 0 } } },
		/* malformed or not worth it: as if it were not there */
		{ "Range: bytes=5-4\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=,\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=-\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=a-b\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0 -1\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-1;2-3\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-1 2-3\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0--1\r\n", 200, 0, { { 0 } } },
		{ "Range: lines=0-1\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes 0-1\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-,0-\r\n", 200, 0, { { 0 } } }, /* more than the file */
		{ "Range: bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,"
		  "15-15,16-16\r\n",
			200, 0, { { 0 } } }, /* 17 */
		/* If-Range */
		{ "Range: bytes=0-0\r\nIf-Range: " ETAG "\r\n", 206, 1, { { 0, 1 } } },
		{ "Range: bytes=0-0\r\nIf-Range: " LM "\r\n", 206, 1, { { 0, 1 } } },
		{ "Range: bytes=0-0\r\nIf-Range: W/" ETAG "\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-0\r\nIf-Range: \"a\"\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-0\r\nIf-Range: " LATE "\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-0\r\nIf-Range: x\r\n", 200, 0, { { 0 } } },
		{ "Range: bytes=0-0\r\nIf-Range: " ETAG "\r\nIf-Range: " ETAG "\r\n", 200, 0,
			{ { 0 } } },
		{ "Range: bytes=5000-\r\nIf-Range: \"a\"\r\n", 200, 0, { { 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct http_plan p;

		plan_for("GET", rows[i].fields, &meta, &p);
		if (rows[i].status != p.status || rows[i].num != p.num)
			fail_msg("row %zu: %u with %u ranges", i, p.status, p.num);
		for (unsigned k = 0; k < p.num; k++) {
			assert_int_equal(p.r[k].first, rows[i].r[k].first);
			assert_int_equal(p.r[k].len, rows[i].r[k].len);
		}
		plan_for("HEAD", rows[i].fields, &meta, &p);
		assert_int_equal(p.status, 200);
	}
}

static void ranges_of_an_empty_file(void **state)
{
	const struct http_meta empty = { .mtime_s = 1 };
	struct http_plan p;

	(void)state;
	plan_for("GET", "Range: bytes=0-\r\n", &empty, &p);
	assert_int_equal(p.status, 416);
	plan_for("GET", "Range: bytes=-5\r\n", &empty, &p);
	assert_int_equal(p.status, 416);
	plan_for("GET", "", &empty, &p);
	assert_int_equal(p.status, 200);
}

/* ---- replies --------------------------------------------------------------------------------- */

static void reply_of_a_range(void **state)
{
	char head[HTTP_HEAD_MAX], cut[80];
	struct http_plan p = { .status = 206, .num = 1, .r = { { 10, 5 } } };
	struct http_reply r = { .status = 206,
		.minor = 1,
		.keep_alive = true,
		.date_s = NOW,
		.meta = &meta,
		.plan = &p,
		.type = "text/plain",
		.length = 5 };

	(void)state;
	assert_true(http_reply_head(head, sizeof(head), &r) > 0);
	assert_string_equal(head, "HTTP/1.1 206 Partial Content\r\n"
				  "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
				  "Server: leat\r\n"
				  "Last-Modified: " LM "\r\n"
				  "ETag: " ETAG "\r\n"
				  "Accept-Ranges: bytes\r\n"
				  "Content-Range: bytes 10-14/1000\r\n"
				  "Content-Type: text/plain\r\n"
				  "X-Content-Type-Options: nosniff\r\n"
				  "Content-Length: 5\r\n"
				  "\r\n");
	assert_int_equal(http_reply_head(cut, sizeof(cut), &r), 0);
}

static void reply_of_refusals(void **state)
{
	char head[HTTP_HEAD_MAX];
	struct http_plan p = { .status = 416 };
	struct http_reply r = { .status = 416,
		.minor = 1,
		.date_s = 784111776,
		.meta = &meta,
		.plan = &p,
		.type = "text/plain",
		.length = 3 };

	(void)state;
	assert_true(http_reply_head(head, sizeof(head), &r) > 0);
	assert_non_null(strstr(head, "Content-Range: bytes */1000\r\n"));
	assert_non_null(strstr(head, "Connection: close\r\n"));
	/* a file from the future is said to have changed now */
	assert_non_null(strstr(head, "Last-Modified: " SOON "\r\n"));
	r = (struct http_reply){ .status = 405,
		.minor = 1,
		.keep_alive = true,
		.allow = "GET, HEAD",
		.type = "text/plain",
		.length = 9 };
	assert_true(http_reply_head(head, sizeof(head), &r) > 0);
	assert_non_null(strstr(head, "\r\nAllow: GET, HEAD\r\n"));
	assert_null(strstr(head, "Connection:"));
	r = (struct http_reply){ .status = 304, .keep_alive = true, .meta = &meta, .plan = &p };
	p.status = 304;
	assert_true(http_reply_head(head, sizeof(head), &r) > 0);
	assert_null(strstr(head, "Content-Length"));
	assert_non_null(strstr(head, "ETag: " ETAG "\r\n"));
	assert_non_null(strstr(head, "Connection: keep-alive\r\n")); /* to HTTP/1.0 */
	assert_string_equal(http_reason(414), "URI Too Long");
	assert_string_equal(http_reason(299), "Unknown");
}

static void multipart_length_is_what_is_written(void **state)
{
	const struct http_plan p = {
		.status = 206, .num = 3, .r = { { 0, 1 }, { 9, 100 }, { 999, 1 } }
	};
	uint64_t n = 0;

	(void)state;
	for (unsigned i = 0; i <= p.num; i++) {
		char head[256];
		size_t len = http_part_head(head, sizeof(head), &p, i, &meta, "a/b", "B");

		assert_int_equal(len, strlen(head));
		assert_int_equal(len, http_part_head(NULL, 0, &p, i, &meta, "a/b", "B"));
		if (i == 1)
			assert_string_equal(head, "\r\n--B\r\nContent-Type: a/b\r\n"
						  "Content-Range: bytes 9-108/1000\r\n\r\n");
		if (i == 3)
			assert_string_equal(head, "\r\n--B--\r\n");
		assert_int_equal(http_part_head(head, len, &p, i, &meta, "a/b", "B"), 0);
		n += len + (i < p.num ? p.r[i].len : 0);
	}
	assert_int_equal(n, http_body_len(&p, &meta, "a/b", "B"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_end_in_any_pieces),
		cmocka_unit_test(head_end_leaves_what_follows),
		cmocka_unit_test(good_heads),
		cmocka_unit_test(refused_heads),
		cmocka_unit_test(embedded_nul_is_refused),
		cmocka_unit_test(number_of_fields_is_bounded),
		cmocka_unit_test(fields_are_found),
		cmocka_unit_test(paths),
		cmocka_unit_test(long_paths_are_refused),
		cmocka_unit_test(no_path_escapes),
		cmocka_unit_test(locations),
		cmocka_unit_test(content_types),
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(bad_dates_are_refused),
		cmocka_unit_test(dates_go_both_ways),
		cmocka_unit_test(preconditions),
		cmocka_unit_test(ranges),
		cmocka_unit_test(ranges_of_an_empty_file),
		cmocka_unit_test(reply_of_a_range),
		cmocka_unit_test(reply_of_refusals),
		cmocka_unit_test(multipart_length_is_what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
