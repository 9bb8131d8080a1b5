/* SPDX-License-Identifier: Apache-2.0
 *
 * t_packet.c: the framings one by one: what is a unit, what is not yet one, what never will be. The same
 * against Erlang's own decoder is tests/interop/test_packet_erl.py. Ids: docs/requirements.tsv, TR-packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <leat/packet.h>

#define SPAN(s) ((struct leat_span){ (const uint8_t *)(s), sizeof(s) - 1 })

static struct leat_framing framing(enum leat_packet type)
{
	struct leat_framing f;

	leat_framing_init(&f, type);
	return f;
}

static void assert_bytes(struct leat_span got, struct leat_span want)
{
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
}

/* One valid unit of each framing: the bytes, how many are its, and the part that is handed out. */
static const struct {
	enum leat_packet type;
	struct leat_span bytes;
	size_t used, skip, n;
} good[] = {
	{ LEAT_PACKET_RAW, SPAN("abc"), 3, 0, 3 },
	{ LEAT_PACKET_1, SPAN("\2abc"), 3, 1, 2 },
	{ LEAT_PACKET_1, SPAN("\0abc"), 1, 1, 0 },
	{ LEAT_PACKET_2, SPAN("\0\2abc"), 4, 2, 2 },
	{ LEAT_PACKET_4, SPAN("\0\0\0\2abc"), 6, 4, 2 },
	{ LEAT_PACKET_ASN1, SPAN("\x30\2abc"), 4, 0, 4 },
	{ LEAT_PACKET_ASN1, SPAN("\x30\x82\0\2abc"), 6, 0, 6 },
	{ LEAT_PACKET_ASN1, SPAN("\x1f\x81\1\1abc"), 5, 0, 5 },
	{ LEAT_PACKET_SUNRM, SPAN("\x80\0\0\2abc"), 6, 0, 6 },
	{ LEAT_PACKET_SUNRM, SPAN("\0\0\0\2abc"), 6, 0, 6 },
	{ LEAT_PACKET_CDR, SPAN("GIOP\1\0\0\0\0\0\0\2abc"), 14, 0, 14 },
	{ LEAT_PACKET_CDR, SPAN("GIOP\1\0\1\0\2\0\0\0abc"), 14, 0, 14 },
	{ LEAT_PACKET_FCGI, SPAN("\1\1\0\0\0\2\3\0abpppx"), 13, 0, 10 },
	{ LEAT_PACKET_TPKT, SPAN("\3\0\0\6abc"), 6, 0, 6 },
	{ LEAT_PACKET_LINE, SPAN("ab\nc"), 3, 0, 3 },
	{ LEAT_PACKET_LINE, SPAN("\nc"), 1, 0, 1 },
};

static void units(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct leat_framing f = framing(good[i].type);
		struct leat_unit u;

		assert_int_equal(leat_packet_decode(&f, good[i].bytes, &u, NULL), LEAT_OK);
		assert_int_equal(u.kind, LEAT_UNIT_DATA);
		assert_int_equal(u.used, good[i].used);
		assert_bytes(
			u.body, (struct leat_span){ good[i].bytes.p + good[i].skip, good[i].n });
	}
}

/* Nothing is delivered early, and as soon as the length is known `need` says it. */
static void every_cut_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t n = 0; n < good[i].used && good[i].type != LEAT_PACKET_RAW; n++) {
			struct leat_framing f = framing(good[i].type);
			struct leat_unit u = { .used = 77 };
			size_t need = 99;

			assert_int_equal(
				leat_packet_decode(
					&f, (struct leat_span){ good[i].bytes.p, n }, &u, &need),
				LEAT_AGAIN);
			assert_int_equal(u.used, 77);
			assert_true(need == 0 || need == good[i].used);
			if (n + 1 == good[i].used && good[i].type != LEAT_PACKET_LINE && n > 1)
				assert_int_equal(need, good[i].used);
		}
	}
}

static void no_units(void **state)
{
	static const struct {
		enum leat_packet type;
		struct leat_span bytes;
	} bad[] = {
		{ LEAT_PACKET_4, SPAN("\x80\0\0\0") },
		{ LEAT_PACKET_4, SPAN("\xff\xff\xff\xff") },
		{ LEAT_PACKET_ASN1, SPAN("\x30\x80") }, /* indefinite */
		{ LEAT_PACKET_ASN1, SPAN("\x30\x85\0\0\0\0\1") },
		{ LEAT_PACKET_ASN1, SPAN("\x30\xff") },
		{ LEAT_PACKET_ASN1, SPAN("\x30\x84\x80\0\0\0") },
		{ LEAT_PACKET_ASN1, SPAN("\x1f\x81\x81\x81\x81\x81\x81\x81\x81\1") },
		{ LEAT_PACKET_CDR, SPAN("GIOQ\1\0\0\0\0\0\0\2abc") },
		{ LEAT_PACKET_CDR, SPAN("GIOP\1\0\0\0\x80\0\0\0") },
		{ LEAT_PACKET_FCGI, SPAN("\2\1\0\0\0\0\0\0") },
		{ LEAT_PACKET_TPKT, SPAN("\2\0\0\6abc") },
		{ LEAT_PACKET_TPKT, SPAN("\3\0\0\3abc") },
		{ LEAT_PACKET_COUNT, SPAN("a") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct leat_framing f = framing(bad[i].type);
		struct leat_unit u;

		assert_int_equal(leat_packet_decode(&f, bad[i].bytes, &u, NULL), LEAT_FAILED);
	}
}

/* packet_size one below, at, and one above: what announces too much is refused with its header alone. */
static void sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct leat_framing f = framing(good[i].type);
		enum leat_packet t = good[i].type;
		/* counted: what is behind a header of fixed size, padding included */
		size_t n = t == LEAT_PACKET_FCGI ? 5 : t == LEAT_PACKET_LINE ? good[i].n : 2;
		struct leat_unit u;

		if (t == LEAT_PACKET_RAW || (t == LEAT_PACKET_1 && good[i].n == 0) ||
			(t == LEAT_PACKET_ASN1 && good[i].bytes.p[0] == 0x1f) || n < 2)
			continue;
		f.packet_size = (uint32_t)n;
		assert_int_equal(leat_packet_decode(&f, good[i].bytes, &u, NULL), LEAT_OK);
		f.packet_size = (uint32_t)n + 1;
		assert_int_equal(leat_packet_decode(&f, good[i].bytes, &u, NULL), LEAT_OK);
		f.packet_size = (uint32_t)n - 1;
		assert_int_equal(leat_packet_decode(&f, good[i].bytes, &u, NULL), LEAT_FAILED);
	}
}

static void lines(void **state)
{
	struct leat_framing f = framing(LEAT_PACKET_LINE);
	struct leat_unit u;

	(void)state;
	f.delimiter = ';';
	assert_int_equal(leat_packet_decode(&f, SPAN("a\nb;c"), &u, NULL), LEAT_OK);
	assert_bytes(u.body, SPAN("a\nb;"));
	f.line_length = 3;
	assert_int_equal(leat_packet_decode(&f, SPAN("abcdef;"), &u, NULL), LEAT_OK);
	assert_bytes(u.body, SPAN("abc"));
	assert_int_equal(leat_packet_decode(&f, SPAN("ab"), &u, NULL), LEAT_AGAIN);
	f.line_length = 0;
	f.packet_size = 3;
	assert_int_equal(leat_packet_decode(&f, SPAN("abc"), &u, NULL), LEAT_AGAIN);
	assert_int_equal(leat_packet_decode(&f, SPAN("abcd"), &u, NULL), LEAT_FAILED);
}

/* ---- HTTP ---- */

static struct leat_unit next(struct leat_framing *f, struct leat_span *in)
{
	struct leat_unit u = { 0 };

	assert_int_equal(leat_packet_decode(f, *in, &u, NULL), LEAT_OK);
	in->p += u.used;
	in->n -= u.used;
	return u;
}

static void http_request(void **state)
{
	struct leat_framing f = framing(LEAT_PACKET_HTTP);
	struct leat_span in = SPAN("GET /a?b HTTP/1.1\r\nHost: h\r\ncontent-ENCODING:  x\r\n y\r\n"
				   "no colon\r\nx:\r\n\r\nPOST * HTTP/1.0\r\n\r\n");
	struct leat_unit u = next(&f, &in);

	(void)state;
	assert_int_equal(u.kind, LEAT_UNIT_HTTP_REQUEST);
	assert_bytes(u.method, SPAN("GET"));
	assert_int_equal(u.uri.kind, LEAT_URI_PATH);
	assert_bytes(u.uri.path, SPAN("/a?b"));
	assert_true(u.major == 1 && u.minor == 1);
	/* the option reads back as it was set while fields come (T-packet-http) */
	assert_int_equal(f.type, LEAT_PACKET_HTTP);
	u = next(&f, &in);
	assert_int_equal(u.kind, LEAT_UNIT_HTTP_FIELD);
	assert_string_equal(leat_http_field_name(u.field_id), "Host");
	u = next(&f, &in);
	assert_int_equal(u.field_id, 36);
	assert_bytes(u.field, SPAN("content-ENCODING"));
	assert_bytes(u.value, SPAN("x\r\n y"));
	u = next(&f, &in);
	assert_int_equal(u.kind, LEAT_UNIT_HTTP_ERROR);
	assert_bytes(u.body, SPAN("no colon\r\n"));
	u = next(&f, &in);
	assert_int_equal(u.field_id, 0);
	assert_int_equal(u.value.n, 0);
	assert_int_equal(next(&f, &in).kind, LEAT_UNIT_HTTP_END);
	u = next(&f, &in);
	assert_int_equal(u.uri.kind, LEAT_URI_STAR);
	assert_int_equal(next(&f, &in).kind, LEAT_UNIT_HTTP_END);
	assert_int_equal(in.n, 0);
}

static void http_response(void **state)
{
	struct leat_framing f = framing(LEAT_PACKET_HTTP_BIN);
	struct leat_span in = SPAN("HTTP/1.1 404 Not Found\r\nA: b\n\nbody");
	struct leat_unit u = next(&f, &in);

	(void)state;
	assert_int_equal(u.kind, LEAT_UNIT_HTTP_RESPONSE);
	assert_int_equal(u.status, 404);
	assert_bytes(u.phrase, SPAN("Not Found"));
	assert_int_equal(next(&f, &in).kind, LEAT_UNIT_HTTP_FIELD);
	assert_int_equal(next(&f, &in).kind, LEAT_UNIT_HTTP_END);
	f.type = LEAT_PACKET_RAW;
	assert_bytes(next(&f, &in).body, SPAN("body"));
}

static void http_targets(void **state)
{
	static const struct {
		struct leat_span line;
		struct leat_uri uri;
	} t[] = {
		{ SPAN("A http://h:80/p HTTP/1.1\n"),
			{ LEAT_URI_ABSOLUTE, false, { NULL, 0 }, SPAN("h"), 80, SPAN("/p") } },
		{ SPAN("A https://h HTTP/1.1\n"),
			{ LEAT_URI_ABSOLUTE, true, { NULL, 0 }, SPAN("h"), -1, SPAN("/") } },
		{ SPAN("A HTTP://h:65536/ HTTP/1.1\n"),
			{ LEAT_URI_ABSOLUTE, false, { NULL, 0 }, SPAN("h"), -1, SPAN("/") } },
		{ SPAN("A h:443 HTTP/1.1\n"),
			{ LEAT_URI_SCHEME, false, SPAN("h"), { NULL, 0 }, 0, SPAN("443") } },
		{ SPAN("A x HTTP/1.1\n"),
			{ LEAT_URI_OTHER, false, { NULL, 0 }, { NULL, 0 }, 0, SPAN("x") } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct leat_framing f = framing(LEAT_PACKET_HTTP);
		struct leat_span in = t[i].line;
		struct leat_uri got = next(&f, &in).uri;

		assert_int_equal(got.kind, t[i].uri.kind);
		assert_int_equal(got.https, t[i].uri.https);
		assert_int_equal(got.port, t[i].uri.port);
		assert_bytes(got.scheme, t[i].uri.scheme);
		assert_bytes(got.host, t[i].uri.host);
		assert_bytes(got.path, t[i].uri.path);
	}
}

/* The end of a field shows in the byte behind its line; the empty line needs none. */
static void http_waits(void **state)
{
	struct leat_framing f = framing(LEAT_PACKET_HTTPH);
	struct leat_unit u;

	(void)state;
	assert_int_equal(leat_packet_decode(&f, SPAN("A: b\r\n"), &u, NULL), LEAT_AGAIN);
	assert_int_equal(leat_packet_decode(&f, SPAN("A: b\r\n "), &u, NULL), LEAT_AGAIN);
	assert_int_equal(leat_packet_decode(&f, SPAN("A: b\r\n\r"), &u, NULL), LEAT_OK);
	assert_int_equal(leat_packet_decode(&f, SPAN("\r\n"), &u, NULL), LEAT_OK);
	assert_int_equal(u.kind, LEAT_UNIT_HTTP_END);
	f.packet_size = 4;
	assert_int_equal(leat_packet_decode(&f, SPAN("A: "), &u, NULL), LEAT_AGAIN);
	assert_int_equal(leat_packet_decode(&f, SPAN("A: b"), &u, NULL), LEAT_FAILED);
}

/* ---- sending, names ---- */

static void prefixes(void **state)
{
	static const struct {
		enum leat_packet type;
		size_t n, len;
		uint8_t bytes[4];
	} t[] = {
		{ LEAT_PACKET_RAW, 5, 0, { 0 } },
		{ LEAT_PACKET_TPKT, 5, 0, { 0 } },
		{ LEAT_PACKET_1, 255, 1, { 255 } },
		{ LEAT_PACKET_2, 65535, 2, { 255, 255 } },
		{ LEAT_PACKET_2, 258, 2, { 1, 2 } },
		{ LEAT_PACKET_4, 0x01020304, 4, { 1, 2, 3, 4 } },
		{ LEAT_PACKET_4, INT32_MAX, 4, { 0x7f, 255, 255, 255 } },
	};
	struct leat_framing f;
	struct leat_err err = { 0 };
	uint8_t b[4];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		f = framing(t[i].type);
		assert_int_equal(leat_packet_header(&f, t[i].n, b, &len, &err), LEAT_OK);
		assert_bytes(
			(struct leat_span){ b, len }, (struct leat_span){ t[i].bytes, t[i].len });
	}
	f = framing(LEAT_PACKET_1);
	assert_int_equal(leat_packet_header(&f, 300, b, &len, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_string_equal(err.detail, "300 bytes, at most 255");
	f = framing(LEAT_PACKET_2);
	assert_int_equal(leat_packet_header(&f, 65536, b, &len, &err), LEAT_FAILED);
	f = framing(LEAT_PACKET_4);
	assert_int_equal(leat_packet_header(&f, (size_t)INT32_MAX + 1, b, &len, &err), LEAT_FAILED);
	assert_int_equal(len, 0);
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < LEAT_PACKET_COUNT; i++)
		assert_int_equal(leat_packet_by_name(leat_packet_name((enum leat_packet)i)), i);
	assert_int_equal(leat_packet_by_name("0"), LEAT_PACKET_RAW);
	assert_int_equal(leat_packet_by_name("3"), LEAT_PACKET_COUNT);
	assert_string_equal(leat_packet_name(LEAT_PACKET_COUNT), "unknown");
	assert_null(leat_http_field_name(0));
	assert_string_equal(leat_http_field_name(52), "Proxy-Connection");
	assert_null(leat_http_field_name(53));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units),
		cmocka_unit_test(every_cut_waits),
		cmocka_unit_test(no_units),
		cmocka_unit_test(sizes),
		cmocka_unit_test(lines),
		cmocka_unit_test(http_request),
		cmocka_unit_test(http_response),
		cmocka_unit_test(http_targets),
		cmocka_unit_test(http_waits),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
