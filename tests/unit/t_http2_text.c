/* SPDX-License-Identifier: Apache-2.0
 *
 * t_http2_text.c: user/tool/http2_text.c: requests of HTTP/2 as the text that http_parse reads, and heads of
 * answers as fields. Most rows must not come through.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tool/http2_text.h"

#define GET ":method: GET\n:path: /a\n:authority: h\n:scheme: https\n"

static struct leat_span span(const char *s, size_t n)
{
	return (struct leat_span){ (const uint8_t *)s, n };
}

/* Lines "name: value"; the status, and the text that came of it. */
static unsigned make(const char *lines, size_t max, struct leat_wr *text)
{
	struct http2_request r = { 0 };
	unsigned status;

	while (*lines != '\0') {
		const char *colon = strchr(lines + 1, ':'), *end = strchr(lines, '\n');

		http2_request_add(&r, span(lines, (size_t)(colon - lines)),
			span(colon + 2, (size_t)(end - colon) - 2), max);
		lines = end + 1;
	}
	status = http2_request_text(&r, text);
	http2_request_clear(&r);
	http2_request_clear(&r);
	return status;
}

static void test_requests(void **state)
{
	static const char *const rows[][2] = {
		{ GET, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ ":path: /a\n:method: HEAD\n:authority: h\n",
			"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ GET "range: bytes=0-1\nx: \n",
			"GET /a HTTP/1.1\r\nHost: h\r\nrange: bytes=0-1\r\nx: \r\n\r\n" },
		{ ":method: GET\n:path: /a\nhost: h\n", "GET /a HTTP/1.1\r\nhost: h\r\n\r\n" },
		{ GET "host: h\n", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ ":method: CONNECT\n:authority: h:1\n",
			"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_wr text = { 0 };

		assert_int_equal(make(rows[i][0], 1000, &text), 0);
		assert_int_equal(text.n, strlen(rows[i][1]));
		assert_memory_equal(text.p, rows[i][1], text.n);
		leat_wr_clear(&text);
	}
}

static void test_no_requests(void **state)
{
	static const char *const rows[] = { "", "x: y\n", ":path: /a\n", GET ":method: GET\n",
		GET ":path: /b\n", GET ":authority: h\n", GET ":unknown: x\n",
		":method: G T\n:path: /a\n", ":method: GET\n:path: /a b\n",
		":method: GET\n:path: /\ta\n", ":method: GET\n:path: /a HTTP/1.1\rx\n",
		GET "x: a\rb\n", GET "x: a\x01\n", GET "x\r: a\n", GET "x: \x7f\n",
		":method: \n:path: /a\n", ":method: GET\n:path: \n", GET "host: other\n",
		":method: GET\n:path: /a\n:authority: a b\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_wr text = { 0 };

		assert_int_equal(make(rows[i], 1000, &text), 400);
		assert_int_equal(text.n, 0);
		leat_wr_clear(&text);
	}
}

static void test_too_long(void **state)
{
	size_t exact = 7 + 3 + 5 + 2 + 10 + 1 + 7 + 5 + 4 * 4;

	(void)state;
	for (size_t max = exact - 1; max <= exact + 1; max++) {
		struct leat_wr text = { 0 };

		assert_int_equal(make(GET, max, &text), max < exact ? 431 : 0);
		leat_wr_clear(&text);
	}
	for (size_t max = 0; max < 11; max++) {
		struct leat_wr text = { 0 };

		assert_int_equal(make(GET, max, &text), 414);
		leat_wr_clear(&text);
	}
}

static void test_replies(void **state)
{
	char head[] = "HTTP/1.1 206 Partial Content\r\nDate: now\r\nETag: \"A:b\"\r\n"
		      "Connection: close\r\nX: \r\n\r\nbody: x\r\n";
	static const char *const want[][2] = { { ":status", "206" }, { "date", "now" },
		{ "etag", "\"A:b\"" }, { "x", "" } };
	struct http2_field got[HTTP2_MAX_REPLY_FIELDS];
	size_t n = strlen(head) - strlen("body: x\r\n");

	(void)state;
	assert_int_equal(http2_reply_fields(head, n, got), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(got[i].name.n, strlen(want[i][0]));
		assert_memory_equal(got[i].name.p, want[i][0], got[i].name.n);
		assert_int_equal(got[i].value.n, strlen(want[i][1]));
		assert_memory_equal(got[i].value.p, want[i][1], got[i].value.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_no_requests),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
