/* SPDX-License-Identifier: Apache-2.0
 *
 * t_conf_file.c: user/tool/conf_file.c: lines of a configuration file as arguments. Most rows are no lines.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/conf_file.h"
#include "tool/tool.h"

static const struct tool_cmd cmd = { .name = "test" };
static const struct args args = { .cmd = &cmd };

int tool_fail(const struct args *a, int code, const char *fmt, ...)
{
	(void)a;
	(void)fmt;
	return code;
}

int tool_fail_err(const struct args *a, int code, const struct leat_err *err)
{
	(void)a;
	(void)err;
	return code;
}

static bool parse(const char *text, size_t n, struct conf_file *f)
{
	return conf_file_parse(&args, "f", (struct leat_span){ (const uint8_t *)text, n }, f);
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *arg, *place;
	} rows[] = {
		{ "listen :443", "--listen=:443", "f:1" },
		{ "listen :443\n", "--listen=:443", "f:1" },
		{ "\n\n  listen \t :443 \t\r\n", "--listen=:443", "f:3" },
		{ "# listen :1\n\t#x\nlisten :443", "--listen=:443", "f:3" },
		{ "json", "--json", "f:1" },
		{ "json  ", "--json", "f:1" },
		{ "set a=b c # d", "--set=a=b c # d", "f:1" },
		{ "root /a b/=c", "--root=/a b/=c", "f:1" },
		{ "root \"a\"", "--root=\"a\"", "f:1" },
		{ "x_1-y --z", "--x_1-y=--z", "f:1" },
		{ "[host a b]", "[host a b]", "f:1" },
		{ "root caf\xc3\xa9", "--root=caf\xc3\xa9", "f:1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_file f;

		assert_true(parse(rows[i].text, strlen(rows[i].text), &f));
		assert_int_equal(f.num, 1);
		assert_string_equal(f.lines[0].arg, rows[i].arg);
		assert_string_equal(f.lines[0].place, rows[i].place);
		conf_file_clear(&f);
	}
}

static void test_no_lines(void **state)
{
	static const char *const rows[] = { "--listen :443", "-l :443", "Listen :443",
		"listen=:443", "listen: 443", "li\xc3\xa9 x", "\"listen\" x", "[host a",
		"[host a] #", "json\x01", "root a\x7f", "root \x1b[0m", "root a\rb", "<host a>",
		"host{", "$x y" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_file f;

		assert_false(parse(rows[i], strlen(rows[i]), &f));
		assert_null(f.text);
		conf_file_clear(&f);
	}
}

/* A NUL would cut a value short, so that another file would be meant than the one that is seen. */
static void test_nul(void **state)
{
	static const char text[] = "root /srv\0/x";
	struct conf_file f;

	(void)state;
	assert_false(parse(text, sizeof(text) - 1, &f));
}

static void test_nothing(void **state)
{
	static const char *const rows[] = { "", "\n", "\n\n\n", "#", "  \t\r\n# x" };
	struct conf_file f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(parse(rows[i], strlen(rows[i]), &f));
		assert_int_equal(f.num, 0);
		conf_file_clear(&f);
	}
}

static void test_longest_line(void **state)
{
	char line[CONF_LINE_MAX + 2];
	struct conf_file f;

	(void)state;
	memset(line, 'a', sizeof(line));
	for (size_t n = CONF_LINE_MAX - 1; n <= CONF_LINE_MAX + 1; n++) {
		bool ok = parse(line, n, &f);

		assert_int_equal(ok, n <= CONF_LINE_MAX);
		if (ok)
			assert_int_equal(strlen(f.lines[0].arg), n + 2);
		conf_file_clear(&f);
	}
}

/* Many short lines: every text has its room. */
static void test_many_lines(void **state)
{
	static char text[4 * 30000];
	struct conf_file f;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 4)
		memcpy(text + i, i % 8 ? "a b\n" : "ab\n\n", 4);
	assert_true(parse(text, sizeof(text), &f));
	assert_int_equal(f.num, 30000);
	for (size_t i = 0; i < f.num; i++)
		assert_string_equal(f.lines[i].arg, i % 2 ? "--a=b" : "--ab");
	assert_string_equal(f.lines[29999].place, "f:45000");
	conf_file_clear(&f);
}

static void test_section(void **state)
{
	char yes[] = "[host a  b]", no[] = "[hosts a]", empty[] = "[host]", option[] = "--host=a";

	(void)state;
	assert_string_equal(conf_section(yes, "host"), " a  b");
	assert_null(conf_section(no, "host"));
	assert_null(conf_section(empty, "host"));
	assert_null(conf_section(option, "host"));
	assert_string_equal(no, "[hosts a]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_no_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_many_lines),
		cmocka_unit_test(test_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
