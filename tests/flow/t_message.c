/* SPDX-License-Identifier: Apache-2.0
 *
 * t_message.c - messages on connections (leat/message.h): every framing, cut everywhere, switched in between,
 * too long, broken, half sent; and leat_recv_exact. The decoder by itself is t_packet.c's.
 *
 * REQ: OPT-packet OPT-packet-send OPT-packet_size OPT-packet-switch OPT-header OPT-mode
 * REQ: API-recv-2 API-recv-3 API-recv-len API-recv-timeout API-send ERR-packet
 * REQ: LIM-packet-1 LIM-packet-2 LIM-packet-4
 * REQ: T-packet-send_too_large T-packet-switch T-packet-cdr T-packet-asn1 T-packet-tpkt T-packet-sunrm
 * REQ: T-packet-line T-packet-http T-packet-http_bin-multi T-packet-http_error
 */
#include "link.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "fakesys.h"

static struct link l;

static int setup(void **state)
{
	static const struct link_opts o;

	(void)state;
	link_open(&l, &o);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_close(&l);
	return 0;
}

static void put(const void *p, size_t n)
{
	assert_int_equal(leat_send(l.c[LEAT_CLIENT], p, n, LINK_MS, NULL), LEAT_OK);
}
#define PUT(s) put((s), sizeof(s) - 1)

static struct leat_message get(void)
{
	struct leat_message m;

	assert_int_equal(leat_recv_message(l.c[LEAT_SERVER], &m, LINK_MS), LEAT_OK);
	return m;
}

static void is(struct leat_span got, const void *want, size_t n)
{
	assert_int_equal(got.n, n);
	if (n)
		assert_memory_equal(got.p, want, n);
}
#define IS(span, s) is((span), (s), sizeof(s) - 1)

static void nothing(void)
{
	struct leat_message m;

	assert_int_equal(leat_recv_message(l.c[LEAT_SERVER], &m, 0), LEAT_AGAIN);
	assert_int_equal(m.unit.used, 0);
}

static void fails_with(enum leat_err_class cls)
{
	struct leat_message m;

	for (int i = 0; i < 2; i++) { /* it stays so */
		assert_int_equal(leat_recv_message(l.c[LEAT_SERVER], &m, LINK_MS), LEAT_FAILED);
		assert_int_equal(leat_conn_error(l.c[LEAT_SERVER])->cls, cls);
		assert_int_equal(m.unit.used, 0);
	}
}

/* ---- each framing ------------------------------------------------------------------------------------ */

static const struct sample {
	const char *packet, *bytes;
	size_t n, skip, body;
} samples[] = {
#define SAMPLE(type, s, skip, body)                \
	{                                          \
		type, s, sizeof(s) - 1, skip, body \
	}
	SAMPLE("1", "\3abc", 1, 3),
	SAMPLE("1", "\0", 1, 0),
	SAMPLE("2", "\0\3abc", 2, 3),
	SAMPLE("4", "\0\0\0\3abc", 4, 3),
	SAMPLE("4", "\0\0\0\0", 4, 0),
	SAMPLE("asn1", "\x30\3abc", 0, 5),
	SAMPLE("sunrm", "\x80\0\0\3abc", 0, 7),
	SAMPLE("cdr", "GIOP\1\0\0\0\0\0\0\3abc", 0, 15),
	SAMPLE("fcgi", "\1\1\0\0\0\3\2\0abcpp", 0, 11),
	SAMPLE("tpkt", "\3\0\0\7abc", 0, 7),
	SAMPLE("line", "abc\r\n", 0, 5),
};
#define NUM_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void each_framing_waits_for_its_last_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_SAMPLES; i++) {
		const struct sample *s = &samples[i];

		link_set(&l, "packet", s->packet);
		for (size_t cut = 0; cut < s->n; cut++) {
			struct leat_message m;

			put(s->bytes, cut);
			nothing();
			put(s->bytes + cut, s->n - cut);
			m = get();
			assert_int_equal(m.unit.used, s->n);
			is(m.body, s->bytes + s->skip, s->body);
			assert_int_equal(m.head.n, 0);
			assert_true(m.has_body);
		}
		/* byte by byte, and two at once */
		for (size_t at = 0; at < s->n; at++) {
			nothing();
			put(s->bytes + at, 1);
		}
		is(get().body, s->bytes + s->skip, s->body);
		put(s->bytes, s->n);
		put(s->bytes, s->n);
		is(get().body, s->bytes + s->skip, s->body);
		is(get().body, s->bytes + s->skip, s->body);
		nothing();
	}
}

static void each_framing_both_ways_as_a_list(void **state)
{
	(void)state;
	link_set(&l, "mode", "list");
	for (size_t i = 0; i < NUM_SAMPLES; i++)
		for (int from = 0; from < 2; from++) {
			const struct sample *s = &samples[i];
			struct leat_message m;

			link_set(&l, "packet", s->packet);
			assert_int_equal(
				leat_send(l.c[from], s->bytes, s->n, LINK_MS, NULL), LEAT_OK);
			assert_int_equal(leat_recv_message(l.c[!from], &m, LINK_MS), LEAT_OK);
			is(m.body, s->bytes + s->skip, s->body);
			assert_ptr_equal(m.own, m.body.p);
			assert_int_equal(((char *)m.own)[m.body.n], 0);
			leat_message_clear(&m);
		}
}

static void lengths_are_put_before_what_is_sent(void **state)
{
	static const size_t sizes[] = { 0, 1, 254, 255, 256, 16379, 16380, 16381, 65535, 70000 };
	static const struct {
		const char *packet;
		size_t max;
	} kinds[] = { { "1", 255 }, { "2", 65535 }, { "4", 100000 } };
	struct leat_span data = vec_noise(70000);

	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct leat_conn *c = l.c[LEAT_CLIENT];
			size_t sent = 77, n = sizes[i];
			enum leat_ret r;

			link_set(&l, "packet", kinds[k].packet);
			r = leat_send_message(c, data.p, n, LINK_MS, &sent);
			if (n > kinds[k].max) {
				assert_int_equal(r, LEAT_UNSUPPORTED);
				assert_int_equal(sent, 0);
				assert_int_equal(leat_conn_note(c)->cls, LEAT_E_PACKET);
				assert_non_null(strstr(leat_conn_note(c)->detail,
					k ? "at most 65535" : "at most 255"));
				assert_int_equal(leat_conn_error(c)->cls, LEAT_E_NONE);
				continue; /* and the connection is as good as before */
			}
			assert_int_equal(r, LEAT_OK);
			assert_int_equal(sent, n);
			is(get().body, data.p, n);
		}
	/* 2^31 and more is no length, whatever memory there is */
	assert_int_equal(leat_send_message(l.c[LEAT_CLIENT], data.p, (size_t)1 << 31, 0, NULL),
		LEAT_UNSUPPORTED);
	link_set(&l, "packet", "asn1");
	assert_int_equal(leat_send_message(l.c[LEAT_CLIENT], "\x30\0", 2, 0, NULL), LEAT_OK);
	IS(get().body, "\x30\0");
}

static void many_small_and_some_big(void **state)
{
	static const char *const packets[] = { "1", "2", "4" };
	struct leat_span big = vec_noise(60000);

	(void)state;
	for (int p = 0; p < 3; p++) {
		link_set(&l, "packet", packets[p]);
		for (int i = 0; i < 1000; i++) {
			char text[20];
			int n = snprintf(text, sizeof(text), "message %d", i);

			assert_int_equal(
				leat_send_message(l.c[LEAT_CLIENT], text, (size_t)n, LINK_MS, NULL),
				LEAT_OK);
			if (i % 7)
				continue;
			for (int k = i < 7 ? i : i - 6; k <= i; k++) {
				n = snprintf(text, sizeof(text), "message %d", k);
				is(get().body, text, (size_t)n);
			}
		}
		for (int k = 995; k < 1000; k++) {
			char text[20];
			int n = snprintf(text, sizeof(text), "message %d", k);

			is(get().body, text, (size_t)n);
		}
		for (int i = 0; p > 0 && i < 50; i++) {
			assert_int_equal(leat_send_message(l.c[LEAT_CLIENT], big.p,
						 big.n - (size_t)i, LINK_MS, NULL),
				LEAT_OK);
			is(get().body, big.p, big.n - (size_t)i);
		}
		nothing();
	}
}

static void raw_is_whatever_is_there(void **state)
{
	struct leat_message m;

	(void)state;
	nothing();
	PUT("ab");
	PUT("cd");
	m = get();
	assert_true(m.body.n == 2 || m.body.n == 4);
	if (m.body.n == 2)
		IS(get().body, "cd");
	assert_int_equal(leat_send_message(l.c[LEAT_CLIENT], "efg", 3, LINK_MS, NULL), LEAT_OK);
	IS(get().body, "efg");
	nothing();
}

static void lines(void **state)
{
	struct leat_err err = { 0 };
	char big[3000];

	(void)state;
	link_set(&l, "packet", "line");
	PUT("one\ntwo\nthr");
	IS(get().body, "one\n");
	IS(get().body, "two\n");
	nothing();
	PUT("ee\n");
	IS(get().body, "three\n");
	assert_int_equal(leat_conn_setopt(l.c[LEAT_SERVER], "line_delimiter", "59", &err), LEAT_OK);
	PUT("a\nb;c;");
	IS(get().body, "a\nb;");
	IS(get().body, "c;");
	/* a long one in many pieces */
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = ';';
	for (size_t i = 0; i < sizeof(big); i += 100) {
		nothing();
		put(big + i, 100);
	}
	is(get().body, big, sizeof(big));
	nothing();
}

/* ---- HTTP --------------------------------------------------------------------------------------------- */

static void expect_option(const char *name, const char *value)
{
	struct leat_err err = { 0 };
	char buf[40];

	assert_int_equal(leat_conn_getopt(l.c[LEAT_SERVER], name, buf, sizeof(buf), &err), LEAT_OK);
	assert_string_equal(buf, value);
}

static void a_request_and_its_body(const char *packet, const char *mode)
{
	struct leat_message m;
	uint8_t body[5];
	size_t got;

	link_set(&l, "packet", packet);
	link_set(&l, "mode", mode);
	PUT("POST /x HTTP/1.1\r\nHost: a.test\r\nX-Y:  z\r\n\r\nhello");
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_REQUEST);
	IS(m.unit.method, "POST");
	IS(m.unit.uri.path, "/x");
	assert_int_equal(m.unit.minor, 1);
	assert_true(m.own ? !strcmp(mode, "list") : !strcmp(mode, "binary"));
	leat_message_clear(&m);
	expect_option("packet", packet); /* also while headers are read */
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_FIELD);
	IS(m.unit.field, "Host");
	IS(m.unit.value, "a.test");
	assert_string_equal(leat_http_field_name(m.unit.field_id), "Host");
	leat_message_clear(&m);
	m = get();
	IS(m.unit.field, "X-Y");
	IS(m.unit.value, "z");
	assert_int_equal(m.unit.field_id, 0);
	leat_message_clear(&m);
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_END);
	leat_message_clear(&m);
	link_set(&l, "packet", "raw");
	assert_int_equal(leat_recv_exact(l.c[LEAT_SERVER], body, 5, LINK_MS, &got), LEAT_OK);
	assert_memory_equal(body, "hello", 5);
}

static void http(void **state)
{
	struct leat_message m;

	(void)state;
	a_request_and_its_body("http", "binary");
	a_request_and_its_body("http_bin", "binary");
	a_request_and_its_body("http", "list");
	a_request_and_its_body("http_bin", "list");
	link_set(&l, "packet", "http");
	link_set(&l, "mode", "list");
	PUT("HTTP/1.0 404 Not Found\r\n\r\nGET http://a.test HTTP/1.1\r\n\r\n");
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_RESPONSE);
	assert_int_equal(m.unit.status, 404);
	IS(m.unit.phrase, "Not Found");
	leat_message_clear(&m);
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_END);
	leat_message_clear(&m);
	/* and again a first line; a path that is not there is static text, in a copy too */
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_REQUEST);
	IS(m.unit.uri.host, "a.test");
	IS(m.unit.uri.path, "/");
	leat_message_clear(&m);
	m = get();
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_END);
	leat_message_clear(&m);
}

static void http_lines_that_are_none(void **state)
{
	static const enum leat_unit_kind kinds[] = { LEAT_UNIT_HTTP_REQUEST, LEAT_UNIT_HTTP_FIELD,
		LEAT_UNIT_HTTP_ERROR, LEAT_UNIT_HTTP_FIELD, LEAT_UNIT_HTTP_END };
	static const char text[] =
		"GET / HTTP/1.1\r\na: b\r\nno field at all\r\nContent-Encoding: x\r\n\r\n";

	(void)state;
	link_set(&l, "packet", "http");
	for (int slow = 0; slow < 2; slow++) {
		if (!slow)
			PUT(text);
		for (size_t i = 0, at = 0; i < 5; i++) {
			struct leat_message m = { .own = NULL };

			/* slow: a byte more each time it says that it is not enough */
			while (leat_recv_message(l.c[LEAT_SERVER], &m, 0) == LEAT_AGAIN)
				put(text + at++, 1);
			assert_int_equal(m.unit.kind, kinds[i]);
			if (i == 3)
				assert_int_equal(m.unit.field_id, 36);
		}
	}
}

static void trailers(void **state)
{
	static const char *const packets[] = { "httph", "httph_bin" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		link_set(&l, "packet", packets[i]);
		PUT("Content-Encoding: a\r\n\r\n");
		assert_int_equal(get().unit.field_id, 36);
		assert_int_equal(get().unit.kind, LEAT_UNIT_HTTP_END);
	}
}

/* ---- switched, cut, kept ------------------------------------------------------------------------------- */

static void the_type_changes_between_messages(void **state)
{
	struct leat_message m;

	(void)state;
	link_set(&l, "packet", "2");
	PUT("\0\2ab\0\0\0\3cdeline\nrest");
	IS(get().body, "ab");
	link_set(&l, "packet", "4"); /* what is here already is read anew */
	IS(get().body, "cde");
	link_set(&l, "packet", "line");
	IS(get().body, "line\n");
	nothing();
	link_set(&l, "packet", "0");
	m = get();
	IS(m.body, "rest");
	/* both directions */
	link_set(&l, "packet", "4");
	assert_int_equal(leat_send_message(l.c[LEAT_SERVER], "back", 4, LINK_MS, NULL), LEAT_OK);
	assert_int_equal(leat_recv_message(l.c[LEAT_CLIENT], &m, LINK_MS), LEAT_OK);
	IS(m.body, "back");
}

static void the_option_header(void **state)
{
	struct leat_message m;

	(void)state;
	link_set(&l, "packet", "1");
	for (int n = 1; n <= 2; n++) {
		link_set(&l, "header", n == 1 ? "1" : "2");
		PUT("\5abcde\1x\0");
		m = get();
		is(m.head, "ab", (size_t)n);
		is(m.body, &"abcde"[n], 5 - (size_t)n);
		assert_true(m.has_body);
		m = get();
		IS(m.head, "x");
		assert_int_equal(m.body.n, 0);
		assert_int_equal(m.has_body, n == 1); /* just as long: an empty rest */
		m = get();
		assert_int_equal(m.head.n, 0);
		assert_false(m.has_body);
	}
	link_set(&l, "mode", "list"); /* there it has no meaning */
	PUT("\3abc");
	m = get();
	IS(m.body, "abc");
	assert_int_equal(m.head.n, 0);
	leat_message_clear(&m);
}

static void lists_are_the_callers(void **state)
{
	struct leat_message first, second;

	(void)state;
	link_set(&l, "packet", "1");
	link_set(&l, "list", NULL);
	expect_option("mode", "list");
	PUT("\3abc\3def");
	first = get();
	second = get();
	assert_string_equal((const char *)first.body.p, "abc"); /* with a NUL behind it */
	((char *)first.own)[0] = 'X';                           /* and to be changed */
	leat_conn_free(l.c[LEAT_SERVER]);
	l.c[LEAT_SERVER] = NULL;
	IS(first.body, "Xbc");
	IS(second.unit.body, "def");
	leat_message_clear(&first);
	leat_message_clear(&second);
	leat_message_clear(&second);
	assert_null(second.body.p);
}

static void bytes_and_messages(void **state)
{
	struct leat_conn *c = l.c[LEAT_SERVER];
	uint8_t b[10];
	size_t got;

	(void)state;
	link_set(&l, "packet", "2");
	PUT("\0\2ab\0\3cdefgh");
	IS(get().body, "ab");
	assert_int_equal(leat_conn_events(c, false), 0);
	assert_int_equal(leat_recv(c, b, 3, 0, &got), LEAT_OK); /* behind the message, not in it */
	is((struct leat_span){ b, got }, "\0\3c", 3);
	assert_int_equal(leat_recv_exact(c, b, 5, 0, &got), LEAT_OK);
	is((struct leat_span){ b, got }, "defgh", 5);
	assert_true(leat_conn_events(c, false) != 0);
	nothing();
}

static void exact_lengths(void **state)
{
	struct leat_conn *c = l.c[LEAT_SERVER];
	uint8_t b[20] = { 0 };
	size_t got;

	(void)state;
	PUT("abc");
	assert_int_equal(leat_recv_exact(c, b, 5, 20, &got), LEAT_AGAIN);
	assert_int_equal(got, 0);
	assert_int_equal(leat_recv_exact(c, b, 4, 0, &got), LEAT_AGAIN);
	PUT("def");
	assert_int_equal(leat_recv_exact(c, b, 5, LINK_MS, &got), LEAT_OK);
	is((struct leat_span){ b, got }, "abcde", 5);
	assert_int_equal(leat_recv(c, b, sizeof(b), LINK_MS, &got), LEAT_OK);
	is((struct leat_span){ b, got }, "f", 1);
	/* not all of it before the end */
	PUT("ghi");
	assert_int_equal(leat_shutdown(l.c[LEAT_CLIENT], SHUT_WR, LINK_MS), LEAT_OK);
	assert_int_equal(leat_recv_exact(c, b, 5, LINK_MS, &got), LEAT_FAILED);
	is((struct leat_span){ b, got }, "ghi", 3);
	assert_int_equal(leat_conn_error(c)->cls, LEAT_E_CLOSED);
}

/* ---- what ends it ---------------------------------------------------------------------------------------- */

static void bad_data_ends_it(void **state)
{
	uint8_t b[10];
	size_t got;

	(void)state;
	link_set(&l, "packet", "cdr");
	PUT("nor GIOP, nor anything else");
	fails_with(LEAT_E_PACKET);
	assert_non_null(strstr(leat_conn_error(l.c[LEAT_SERVER])->detail, "cdr"));
	assert_int_equal(leat_recv(l.c[LEAT_SERVER], b, 1, 0, &got), LEAT_FAILED);
	assert_int_equal(leat_send(l.c[LEAT_SERVER], "x", 1, 0, NULL), LEAT_FAILED);
	/* the peer hears of the end in order */
	assert_int_equal(leat_recv(l.c[LEAT_CLIENT], b, 1, LINK_MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
}

static void too_long_for_packet_size(void **state)
{
	(void)state;
	expect_option("packet_size", "67108864");
	link_set(&l, "packet", "4");
	link_set(&l, "packet_size", "10");
	expect_option("packet_size", "10");
	PUT("\0\0\0\011123456789\0\0\0\0121234567890");
	IS(get().body, "123456789");
	IS(get().body, "1234567890");
	PUT("\0\0\0\013"); /* known as soon as it is said */
	fails_with(LEAT_E_PACKET);
}

static void a_line_too_long_for_packet_size(void **state)
{
	(void)state;
	link_set(&l, "packet", "line");
	link_set(&l, "packet_size", "5");
	PUT("1234\n");
	IS(get().body, "1234\n");
	PUT("12345");
	nothing();
	PUT("6");
	fails_with(LEAT_E_PACKET);
}

static void an_end_between_and_inside_of_messages(void **state)
{
	struct leat_message m;

	(void)state;
	link_set(&l, "packet", "4");
	PUT("\0\0\0\3abc");
	if (*state)
		PUT("\0\0");
	assert_int_equal(leat_shutdown(l.c[LEAT_CLIENT], SHUT_WR, LINK_MS), LEAT_OK);
	IS(get().body, "abc");
	if (*state) {
		fails_with(LEAT_E_CLOSED);
		return;
	}
	for (int i = 0; i < 2; i++) {
		m = get();
		assert_int_equal(m.unit.used, 0);
		assert_null(m.body.p);
	}
}

static void memory_fails(void **state)
{
	struct leat_message m;
	bool through = false;

	(void)state;
	link_close(&l);
	for (unsigned long n = 1; n < 20 && !through; n++) {
		static const struct link_opts o;

		link_open(&l, &o);
		link_set(&l, "packet", "1");
		link_set(&l, "mode", "list");
		PUT("\3abc");
		leat_mem_fail_at(n);
		through = leat_recv_message(l.c[LEAT_SERVER], &m, LINK_MS) == LEAT_OK;
		leat_mem_fail_at(0);
		if (!through)
			assert_int_equal(leat_conn_error(l.c[LEAT_SERVER])->cls, LEAT_E_MEMORY);
		leat_message_clear(&m);
		if (!through)
			link_close(&l);
	}
	assert_true(through);
}

/* ---- a full socket ------------------------------------------------------------------------------------ */

/* Every call moves only so many bytes, and every third says that there is no room. */
static void half_sent_messages(void **state)
{
	static const char *const records[] = { "user", "kernel" };
	struct leat_span data = vec_noise(5000);

	(void)state;
	link_close(&l);
	for (int k = 0; k < 2; k++)
		for (size_t most = 1; most < 9; most += k ? 1 : 7) {
			struct link_opts o = { .sys[LEAT_CLIENT] = &fakesys,
				.records[LEAT_CLIENT] = records[k],
				.versions = "tlsv1.2" };
			size_t done = 0, sent;
			enum leat_ret r;

			fakesys_reset();
			link_open(&l, &o);
			link_set(&l, "packet", "4");
			fakesys_short(most);
			for (unsigned turn = 1;; turn++) {
				fakesys_fail(FAKE_SENDMSG, 1 + turn % 3, 1, EAGAIN);
				r = leat_send_message(
					l.c[LEAT_CLIENT], data.p + done, data.n - done, 0, &sent);
				done += sent;
				if (r == LEAT_OK)
					break;
				assert_int_equal(r, LEAT_AGAIN);
				/* only the rest may follow what was begun */
				if (done > 0 && done + 1 < data.n)
					assert_int_equal(leat_send_message(l.c[LEAT_CLIENT], data.p,
								 data.n - done - 1, 0, &sent),
						LEAT_UNSUPPORTED);
			}
			assert_int_equal(done, data.n);
			fakesys_short(0);
			fakesys_fail(FAKE_SENDMSG, 1, 0, 0);
			is(get().body, data.p, data.n);
			link_close(&l);
		}
	fakesys_reset();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static int inside;
	const struct CMUnitTest tests[] = {
		TEST(each_framing_waits_for_its_last_byte),
		TEST(each_framing_both_ways_as_a_list),
		TEST(lengths_are_put_before_what_is_sent),
		TEST(many_small_and_some_big),
		TEST(raw_is_whatever_is_there),
		TEST(lines),
		TEST(http),
		TEST(http_lines_that_are_none),
		TEST(trailers),
		TEST(the_type_changes_between_messages),
		TEST(the_option_header),
		TEST(lists_are_the_callers),
		TEST(bytes_and_messages),
		TEST(exact_lengths),
		TEST(bad_data_ends_it),
		TEST(too_long_for_packet_size),
		TEST(a_line_too_long_for_packet_size),
		TEST(an_end_between_and_inside_of_messages),
		cmocka_unit_test_prestate_setup_teardown(
			an_end_between_and_inside_of_messages, setup, teardown, &inside),
		TEST(memory_fails),
		TEST(half_sent_messages),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
