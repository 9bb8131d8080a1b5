/* SPDX-License-Identifier: Apache-2.0
 *
 * t_proxy_v2.c: user/tool/proxy_v2.c. A header from the specification's own words, every cut
 * of it, every changed byte of what is fixed; what is written is read back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tool/proxy_v2.h"

static struct leat_span text(const char *s)
{
	return (struct leat_span){ (const uint8_t *)s, strlen(s) };
}

/* PROXY, TCP over IPv4, 192.0.2.1:256 to 192.0.2.2:443, ALPN "h2". */
static const uint8_t header4[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54,
	0x0a, 0x21, 0x11, 0x00, 0x11, 192, 0, 2, 1, 192, 0, 2, 2, 0x01, 0x00, 0x01, 0xbb, 0x01,
	0x00, 0x02, 'h', '2' };

static void check_header4(const struct proxy_v2 *v)
{
	assert_true(v->has_addr && !v->local);
	assert_int_equal(v->src.in.sin_family, AF_INET);
	assert_int_equal(ntohl(v->src.in.sin_addr.s_addr), 0xc0000201);
	assert_int_equal(ntohl(v->dst.in.sin_addr.s_addr), 0xc0000202);
	assert_int_equal(ntohs(v->src.in.sin_port), 256);
	assert_int_equal(ntohs(v->dst.in.sin_port), 443);
	assert_int_equal(v->alpn.n, 2);
	assert_memory_equal(v->alpn.p, "h2", 2);
	assert_int_equal(v->authority.n + v->unique_id.n, 0);
}

static void known_header(void **state)
{
	struct proxy_v2 v;

	(void)state;
	assert_int_equal(proxy_v2_len(header4), sizeof(header4));
	assert_true(proxy_v2_dec((struct leat_span){ header4, sizeof(header4) }, &v));
	check_header4(&v);
}

static void every_cut(void **state)
{
	struct proxy_v2 v;

	(void)state;
	for (size_t n = 0; n < sizeof(header4); n++)
		assert_false(proxy_v2_dec((struct leat_span){ header4, n }, &v));
}

/* Said lengths that are true to the bytes, but not to what they hold. */
static void every_length(void **state)
{
	struct proxy_v2 v;
	uint8_t b[sizeof(header4)];

	(void)state;
	for (size_t n = PROXY_V2_FIXED; n < sizeof(header4); n++) {
		memcpy(b, header4, sizeof(b));
		b[15] = (uint8_t)(n - PROXY_V2_FIXED);
		assert_int_equal(proxy_v2_len(b), n);
		/* right after the addresses there may be no TLV */
		assert_int_equal(proxy_v2_dec((struct leat_span){ b, n }, &v), n == 28);
	}
}

static void every_fixed_bit(void **state)
{
	uint8_t b[sizeof(header4)];

	(void)state;
	for (size_t bit = 0; bit < 8 * (size_t)13; bit++) {
		memcpy(b, header4, sizeof(b));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* 0x20 is LOCAL */
		assert_int_equal(proxy_v2_len(b), b[12] == 0x20 ? sizeof(b) : 0);
	}
}

static void longest(void **state)
{
	uint8_t b[PROXY_V2_FIXED];
	const size_t limit = PROXY_V2_MAX - PROXY_V2_FIXED;

	(void)state;
	memcpy(b, header4, sizeof(b));
	for (size_t n = limit - 1; n <= limit + 1; n++) {
		b[14] = (uint8_t)(n >> 8);
		b[15] = (uint8_t)n;
		assert_int_equal(proxy_v2_len(b), n <= limit ? PROXY_V2_FIXED + n : 0);
	}
}

/* RFC 3720 B.4: the CRC-32C of "123456789" is e3069283; here of a whole header, by another program. */
static void checksum(void **state)
{
	uint8_t b[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
		0x21, 0x11, 0x00, 0x13, 192, 0, 2, 1, 192, 0, 2, 2, 0x01, 0x00, 0x01, 0xbb, 0x03,
		0x00, 0x04, 0x51, 0x96, 0x2a, 0xa5 };
	struct proxy_v2 v;

	(void)state;
	assert_true(proxy_v2_dec((struct leat_span){ b, sizeof(b) }, &v));
	for (size_t i = 16; i < sizeof(b); i++) {
		if (i == 28)
			continue; /* its type: it would be no checksum any more */
		b[i] ^= 0x10;
		assert_false(proxy_v2_dec((struct leat_span){ b, sizeof(b) }, &v));
		b[i] ^= 0x10;
	}
}

static void unique_id(void **state)
{
	uint8_t b[256];
	struct proxy_v2 v;

	(void)state;
	for (uint8_t n = 126; n <= 130; n++) {
		struct leat_wr w;

		leat_wr_fixed(&w, b, sizeof(b));
		leat_wr_bytes(&w, header4, 28);
		leat_wr_u8(&w, 5);
		leat_wr_u16(&w, n);
		memset(leat_wr_room(&w, n), 'i', n);
		b[15] = (uint8_t)(w.n - PROXY_V2_FIXED);
		assert_int_equal(
			proxy_v2_dec((struct leat_span){ b, w.n }, &v), n <= PROXY_V2_ID_MAX);
	}
}

static void round_trip(void **state)
{
	const struct proxy_v2_tls tls = { .version = "TLSv1.3", .cipher = "X", .cn = "jo" };
	struct proxy_v2 v = { .has_addr = true,
		.alpn = text("h2"),
		.authority = text("a.example"),
		.unique_id = text("17"),
		.tls = &tls };
	struct proxy_v2 got;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct leat_wr w = { 0 };

		v.src = v.dst = (union proxy_addr){ 0 };
		v.src.any.sa_family = v.dst.any.sa_family = v6 ? AF_INET6 : AF_INET;
		if (v6)
			v.dst.in6.sin6_addr.s6_addr[15] = 7;
		else
			v.dst.in.sin_addr.s_addr = htonl(7);
		v.src.in.sin_port = htons(99);
		proxy_v2_enc(&w, &v);
		assert_true(proxy_v2_dec(leat_wr_done(&w), &got));
		assert_memory_equal(&got.src, &v.src, sizeof(v.src));
		assert_memory_equal(&got.dst, &v.dst, sizeof(v.dst));
		assert_memory_equal(got.authority.p, "a.example", 9);
		assert_memory_equal(got.unique_id.p, "17", 2);
		leat_wr_clear(&w);
	}
}

static void local(void **state)
{
	const struct proxy_v2 v = { .local = true };
	uint8_t b[PROXY_V2_FIXED];
	struct proxy_v2 got;
	struct leat_wr w;

	(void)state;
	leat_wr_fixed(&w, b, sizeof(b));
	proxy_v2_enc(&w, &v);
	assert_true(proxy_v2_dec(leat_wr_done(&w), &got));
	assert_true(got.local && !got.has_addr);
}

/* A writer without room fails, and says so. */
static void no_room(void **state)
{
	struct proxy_v2 v = { .alpn = text("h2") };
	uint8_t b[64];

	(void)state;
	for (size_t cap = 0; cap < 21; cap++) {
		struct leat_wr w;

		leat_wr_fixed(&w, b, cap);
		proxy_v2_enc(&w, &v);
		assert_false(leat_wr_ok(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_header),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(every_length),
		cmocka_unit_test(every_fixed_bit),
		cmocka_unit_test(longest),
		cmocka_unit_test(checksum),
		cmocka_unit_test(unique_id),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(local),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
