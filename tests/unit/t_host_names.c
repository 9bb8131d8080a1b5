/* SPDX-License-Identifier: Apache-2.0
 *
 * t_host_names.c: user/tool/host_names.c: which host a name means. Most rows must find nothing or be refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tool/host_names.h"

static struct leat_span span(const char *s)
{
	return (struct leat_span){ (const uint8_t *)s, strlen(s) };
}

static void add(struct host_names *names, const char *name, unsigned host)
{
	const char *why;

	assert_int_equal(host_names_add(names, span(name), host, &why), LEAT_OK);
	assert_null(why);
}

static void test_exact_before_wildcard(void **state)
{
	static const struct {
		const char *name;
		unsigned host;
	} rows[] = {
		{ "a.example", 1 },
		{ "A.EXAMPLE", 1 },
		{ "a.example.", 1 },
		{ "www.a.example", 2 },
		{ "WWW.A.example", 2 },
		{ "x.a.example", 3 },
		{ "b", 4 },
		/* one label, not two, not none */
		{ "x.y.a.example", HOST_NONE },
		{ ".a.example", HOST_NONE },
		{ "example", HOST_NONE },
		{ "aa.example", HOST_NONE },
		{ "a.example..", HOST_NONE },
		{ "*.a.example", HOST_NONE },
		{ "", HOST_NONE },
		{ ".", HOST_NONE },
		{ "a.exampl", HOST_NONE },
		{ "bb", HOST_NONE },
	};
	struct host_names names = { 0 };

	(void)state;
	assert_int_equal(host_names_find(&names, span("a.example")), HOST_NONE);
	add(&names, "*.A.example", 3);
	add(&names, "www.a.example", 2);
	add(&names, "b", 4);
	add(&names, "a.example.", 1);
	assert_null(host_names_seal(&names));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(host_names_find(&names, span(rows[i].name)), rows[i].host);
	host_names_clear(&names);
	host_names_clear(&names);
}

static void test_lengths(void **state)
{
	struct host_names names = { 0 };
	char name[300];
	const char *why;

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	/* 253 is the longest, with or without the final dot */
	for (size_t n = 252; n <= 256; n++) {
		bool fits = n <= HOST_NAME_MAX_LEN;

		assert_int_equal(host_names_add(&names, (struct leat_span){ (uint8_t *)name, n }, 1,
					 &why) == LEAT_OK,
			fits);
		(void)host_names_seal(&names);
		assert_int_equal(host_names_find(&names, (struct leat_span){ (uint8_t *)name, n }),
			fits ? 1 : HOST_NONE);
	}
	name[63] = 'a';
	assert_int_equal(host_names_add(&names, (struct leat_span){ (uint8_t *)name, 64 }, 1, &why),
		LEAT_FAILED);
	assert_int_equal(host_names_add(&names, (struct leat_span){ (uint8_t *)name, 63 }, 1, &why),
		LEAT_OK);
	host_names_clear(&names);
}

static void test_refused(void **state)
{
	static const char *const rows[] = { "", ".", "..", "a..b", ".a", "*", "*.", "*.org", "a.*",
		"*a.example", "a*.example", "x.*.example", "**.example.org", "*.*.example", "a b",
		"a/b", "a:443", "[::1]", "ex\xc3\xa4mple", "a\tb" };
	struct host_names names = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;

		assert_int_equal(host_names_add(&names, span(rows[i]), 1, &why), LEAT_FAILED);
		assert_non_null(why);
	}
	assert_int_equal(names.num, 0);
}

static void test_twice(void **state)
{
	struct host_names names = { 0 };

	(void)state;
	add(&names, "a.example", 1);
	add(&names, "b.example", 1);
	add(&names, "A.example.", 2);
	assert_string_equal(host_names_seal(&names), "a.example");
	host_names_clear(&names);
}

static void test_authority(void **state)
{
	static const char *const rows[][2] = { { "a.example", "a.example" },
		{ "a.example:443", "a.example" }, { "a.example:", "a.example" }, { "", "" },
		{ ":443", "" }, { "[::1]:443", "[::1]" }, { "[::1]", "[::1]" }, { "[::1", "[::1" },
		{ "a:b:c", "a" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_span got = host_of_authority(span(rows[i][0]));

		assert_int_equal(got.n, strlen(rows[i][1]));
		assert_memory_equal(got.p, rows[i][1], got.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_before_wildcard),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
