/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_conf_file.c: any bytes as a configuration file. What is taken is arguments without a control character,
 * and taking them for a file once more gives the same arguments.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/wr.h"
#include "tool/conf_file.h"
#include "tool/tool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct tool_cmd cmd = { .name = "fuzz" };
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

static void check_arg(const char *arg)
{
	size_t n = strlen(arg);

	assert(n <= CONF_LINE_MAX + sizeof("--"));
	for (size_t i = 0; i < n; i++)
		assert((unsigned char)arg[i] >= ' ' || arg[i] == '\t');
	if (arg[0] == '[')
		assert(arg[n - 1] == ']');
	else
		assert(n > 2 && arg[0] == '-' && arg[1] == '-' && arg[2] != '-');
}

/* The line an argument came from: "--name=value" was "name value". */
static void write_line(struct leat_wr *w, const char *arg)
{
	const char *value = arg[0] == '[' ? NULL : strchr(arg, '=');

	if (arg[0] != '[')
		arg += 2;
	leat_wr_bytes(w, arg, value ? (size_t)(value - arg) : strlen(arg));
	if (value) {
		leat_wr_u8(w, ' ');
		leat_wr_bytes(w, value + 1, strlen(value + 1));
	}
	leat_wr_u8(w, '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct conf_file f = { 0 }, again = { 0 };
	struct leat_wr w = { 0 };

	if (conf_file_parse(&args, "f", (struct leat_span){ data, n }, &f)) {
		for (size_t i = 0; i < f.num; i++) {
			check_arg(f.lines[i].arg);
			write_line(&w, f.lines[i].arg);
		}
		assert(conf_file_parse(&args, "f", leat_wr_done(&w), &again));
		assert(again.num == f.num);
		for (size_t i = 0; i < f.num; i++)
			assert(strcmp(again.lines[i].arg, f.lines[i].arg) == 0);
	}
	leat_wr_clear(&w);
	conf_file_clear(&again);
	conf_file_clear(&f);
	return 0;
}
