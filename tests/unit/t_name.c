/* SPDX-License-Identifier: Apache-2.0
 *
 * t_name.c: x509/name.c. Tables of cases by rule, then every short name against every short pattern,
 * compared with a second, slow reading of RFC 9525 6.3 written here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "x509/name.h"

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static bool match(const char *presented, const char *host)
{
	return name_match_dns(presented, strlen(presented), host);
}

static void expect(const char *presented, const char *host, bool want)
{
	if (match(presented, host) != want)
		fail_msg("\"%s\" %s match \"%s\"", presented, want ? "should" : "must not", host);
}

static void equal_names(void **state)
{
	(void)state;
	expect("example.com", "example.com", true);
	expect("localhost", "localhost", true);
	expect("Example.COM", "eXAMPLE.com", true);
	expect("a_b.example.com", "a_b.example.com", true);
	expect("xn--bcher-kva.example", "XN--BCHER-KVA.example", true);
	/* the host's final dot names the same host, the certificate's does not belong there */
	expect("example.com", "example.com.", true);
	expect("example.com.", "example.com", false);
	expect("example.com.", "example.com.", false);
	expect("example.com", "example.com..", false);

	expect("example.com", "example.org", false);
	expect("example.com", "www.example.com", false);
	expect("www.example.com", "example.com", false);
	expect("example.com", "xample.com", false);
	expect("example.com", "example.comm", false);
	expect("example.com", "", false);
	expect("", "example.com", false);
	expect("", "", false);
	expect(".", ".", false);
	expect(".example.com", "www.example.com", false);
	expect("example..com", "example..com", false);
	expect("-a.example.com", "-a.example.com", false);
}

static void wildcards(void **state)
{
	(void)state;
	expect("*.example.com", "www.example.com", true);
	expect("*.example.com", "WWW.example.com.", true);
	expect("*.sub.example.com", "a.sub.example.com", true);
	/* RFC 9525: one label, and it may be an A-label as a whole */
	expect("*.example.com", "xn--bcher-kva.example.com", true);

	expect("*.example.com", "example.com", false);
	expect("*.example.com", ".example.com", false);
	expect("*.example.com", "a.b.example.com", false);
	expect("*.example.com", "aexample.com", false);
	expect("*.example.com", "*.example.com", false);
	/* only the whole left-most label */
	expect("w*.example.com", "www.example.com", false);
	expect("*w.example.com", "www.example.com", false);
	expect("w*w.example.com", "www.example.com", false);
	expect("xn--*.example.com", "xn--bcher-kva.example.com", false);
	expect("www.*.com", "www.example.com", false);
	expect("www.example.*", "www.example.com", false);
	expect("*.*.com", "www.example.com", false);
	expect("**.example.com", "www.example.com", false);
	/* too much for one holder */
	expect("*.com", "example.com", false);
	expect("*.localhost", "a.localhost", false);
	expect("*", "localhost", false);
	expect("*", "example.com", false);
	expect("*.", "example.", false);
	expect("*..com", "a..com", false);
	expect("*.com.", "example.com.", false);
	expect("*.example.com.", "www.example.com.", false);
}

/* What a certificate holds is bytes: NUL and everything else may be among them. */
static void bytes_that_lie(void **state)
{
	static const char nul[] = "example.com\0.evil.test";

	(void)state;
	assert_false(name_match_dns(nul, sizeof(nul) - 1, "example.com"));
	assert_false(name_match_dns(nul, strlen(nul) + 1, "example.com"));
	assert_true(name_match_dns(nul, strlen(nul), "example.com"));
	assert_false(name_match_dns("*\0.example.com", 14, "a.example.com"));
	expect("exampl\xc3\xa9.com", "exampl\xc3\xa9.com", false);
	expect("example.com\n", "example.com", false);
	expect(" example.com", "example.com", false);
	expect("exa mple.com", "exa mple.com", false);
	expect("user@example.com", "user@example.com", false);
}

/* Every byte but a host character, at the start, in the middle and at the end of a label. */
static void every_byte_in_a_label(void **state)
{
	char name[] = "axb.example.com";

	(void)state;
	for (int c = 1; c < 256; c++) {
		bool host_char = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				 (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';

		name[1] = (char)c;
		assert_int_equal(name_is_host(name), host_char);
		expect(name, name, host_char);
		memcpy(name, "axb", 3);
		name[0] = (char)c;
		assert_int_equal(name_is_host(name), host_char && c != '-' && c != '.');
		memcpy(name, "axb", 3);
		name[2] = (char)c;
		assert_int_equal(name_is_host(name), host_char && c != '-' && c != '.');
		memcpy(name, "axb", 3);
	}
}

/* Addresses are compared with iPAddress names only, never by the rules for names. */
static void addresses_are_no_names(void **state)
{
	static const char *const texts[] = { "127.0.0.1", "1.2.3.4", "127.1", "1", "0x7f.1",
		"0x7f000001", "1.2.3.0xff", "999.999.999.999", "a.1", "::1", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(name_is_host(texts[i]));
		expect(texts[i], texts[i], false);
	}
	expect("*.0.0.1", "127.0.0.1", false);
	/* digits are fine where they cannot be an address */
	assert_true(name_is_host("1.example"));
	assert_true(name_is_host("3com.com"));
	assert_true(name_is_host("a.b1"));
	assert_true(name_is_host("0x"));
	assert_true(name_is_host("0xg"));
	assert_true(name_is_host("1-2"));
}

/* RFC 1035 2.3.4: labels of 63, names of 253 characters; one below, at, one above. */
static void lengths(void **state)
{
	char name[300];

	(void)state;
	assert_true(name_is_host("a"));
	assert_false(name_is_host(""));
	assert_true(name_is_host(&LABEL_63[1]));
	assert_true(name_is_host(LABEL_63));
	assert_false(name_is_host(LABEL_63 "a"));
	for (int n = 252; n <= 256; n++) {
		for (int i = 0; i < n; i++)
			name[i] = i % 50 == 49 ? '.' : 'a';
		name[n - 1] = 'a';
		name[n] = '\0';
		assert_int_equal(name_is_host(name), n <= 253);
		expect(name, name, n <= 253);
		name[n] = '.';
		name[n + 1] = '\0';
		assert_int_equal(name_is_host(name), n <= 253);
	}
}

static void parse_addresses(void **state)
{
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	static const char *const wrong[] = { "", ".", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1",
		"01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4.", "1.2.3.-4", "0x1.2.3.4", "[::1]",
		"::1%lo", ":::", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"::1.2.3.256", "localhost", "1.2.3.4\n" };
	uint8_t out[16];

	(void)state;
	assert_int_equal(name_parse_ip("192.0.2.1", out), 4);
	assert_memory_equal(out, mapped + 12, 4);
	assert_int_equal(name_parse_ip("2001:DB8::1", out), 16);
	assert_memory_equal(out, v6, 16);
	assert_int_equal(name_parse_ip("2001:0db8:0:0:0:0:0:1", out), 16);
	assert_memory_equal(out, v6, 16);
	assert_int_equal(name_parse_ip("::ffff:192.0.2.1", out), 16);
	assert_memory_equal(out, mapped, 16);
	assert_int_equal(name_parse_ip("::", NULL), 16);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(out, 0x5a, sizeof(out));
		assert_int_equal(name_parse_ip(wrong[i], out), 0);
		for (int j = 0; j < 16; j++)
			assert_int_equal(out[j], 0x5a);
	}
}

/* ---- the second reading ---------------------------------------------------------------------- */

struct labels {
	const char *at[16];
	size_t len[16];
	int num;
};

static struct labels split(const char *s, size_t n)
{
	struct labels l = { .num = 1, .at = { s } };

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			l.at[l.num] = s + i + 1;
			l.num++;
		} else {
			l.len[l.num - 1]++;
		}
	}
	return l;
}

/* Over the alphabet of the test below: letters, '.', '*', '-'. */
static bool slow_label(const char *p, size_t n)
{
	return n > 0 && p[0] != '-' && p[n - 1] != '-' && memchr(p, '*', n) == NULL;
}

static bool slow_match(const char *presented, const char *host)
{
	size_t hn = strlen(host);
	struct labels p, h;
	bool star;

	if (hn > 1 && host[hn - 1] == '.')
		hn--;
	p = split(presented, strlen(presented));
	h = split(host, hn);
	for (int i = 0; i < h.num; i++)
		if (!slow_label(h.at[i], h.len[i]))
			return false;
	if (p.num != h.num)
		return false;
	star = p.len[0] == 1 && p.at[0][0] == '*';
	if (star && p.num < 3)
		return false;
	for (int i = star; i < p.num; i++)
		if (!slow_label(p.at[i], p.len[i]) || p.len[i] != h.len[i] ||
			memcmp(p.at[i], h.at[i], p.len[i]) != 0)
			return false;
	return true;
}

/* Number i of all strings over the alphabet, shortest first. */
static void nth(size_t i, const char *alphabet, char *out)
{
	size_t k = strlen(alphabet), n = 0, block = 1;

	while (i >= block) {
		i -= block;
		block *= k;
		n++;
	}
	for (size_t j = 0; j < n; j++) {
		out[j] = alphabet[i % k];
		i /= k;
	}
	out[n] = '\0';
}

static void every_short_pair(void **state)
{
	char presented[16], host[16];
	size_t matches = 0;

	(void)state;
	/* all of up to 6 characters over 4 letters, against all of up to 6 over 3 and one final dot */
	for (size_t i = 0; i < 1 + 4 + 16 + 64 + 256 + 1024 + 4096; i++) {
		nth(i, "a.*-", presented);
		for (size_t j = 0; j < 1 + 3 + 9 + 27 + 81 + 243 + 729; j++) {
			bool want;

			nth(j, "ab.", host);
			want = slow_match(presented, host);
			matches += want;
			if (match(presented, host) != want)
				expect(presented, host, want);
		}
	}
	assert_true(matches > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_names),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(bytes_that_lie),
		cmocka_unit_test(every_byte_in_a_label),
		cmocka_unit_test(addresses_are_no_names),
		cmocka_unit_test(lengths),
		cmocka_unit_test(parse_addresses),
		cmocka_unit_test(every_short_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
