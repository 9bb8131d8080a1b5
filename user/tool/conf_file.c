/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_file.c - see conf_file.h.
 */
#include "tool/conf_file.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/wr.h"
#include "sock/anchors.h"
#include "tool/tool.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Blanks and a carriage return at both ends do not count. */
static struct leat_span trimmed(const char *p, size_t n)
{
	while (n > 0 && (is_blank(p[n - 1]) || p[n - 1] == '\r'))
		n--;
	while (n > 0 && is_blank(*p)) {
		p++;
		n--;
	}
	return (struct leat_span){ (const uint8_t *)p, n };
}

/* What is wrong with the characters of a line; NULL: nothing. */
static const char *complaint(struct leat_span line)
{
	if (line.n > CONF_LINE_MAX)
		return "a line longer than " LEAT_STR(CONF_LINE_MAX) " bytes";
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return "a control character";
	if (line.p[0] == '[')
		return line.p[line.n - 1] == ']' ? NULL : "a section ends in ]";
	for (size_t i = 0; i < line.n && !is_blank((char)line.p[i]); i++)
		if (!is_name_char((char)line.p[i]))
			return "not an option (write NAME VALUE; # begins a comment line)";
	return line.p[0] == '-' ? "options stand here without their dashes" : NULL;
}

/* Where the next text goes; there is room for all (see conf_file_parse). */
struct pen {
	char *at;
	size_t room;
};

static char *put(struct pen *pen, const char *before, struct leat_span s)
{
	char *from = pen->at;
	int n = snprintf(pen->at, pen->room, "%s%.*s", before, (int)s.n, (const char *)s.p);

	pen->at += n + 1;
	pen->room -= (size_t)n + 1;
	return from;
}

/* "name  value" -> "--name=value" */
static char *put_option(struct pen *pen, struct leat_span line)
{
	size_t n = 0;
	struct leat_span value;
	char *from;

	while (n < line.n && !is_blank((char)line.p[n]))
		n++;
	value = trimmed((const char *)line.p + n, line.n - n);
	from = put(pen, "--", (struct leat_span){ line.p, n });
	if (value.n == 0)
		return from;
	pen->at--; /* the name's end: "=value" follows it */
	pen->room++;
	(void)put(pen, "=", value);
	return from;
}

static bool add_line(const struct args *args, struct conf_file *f, struct pen *pen,
	const char *place, struct leat_span line)
{
	struct args at = *args;
	const char *wrong;

	if (line.n == 0 || line.p[0] == '#')
		return true;
	wrong = complaint(line);
	if (wrong) {
		at.place = place;
		args_wrong(&at, "%s", wrong);
		return false;
	}
	f->lines[f->num++] = (struct conf_line){ .place = place,
		.arg = line.p[0] == '[' ? put(pen, "", line) : put_option(pen, line) };
	return true;
}

static size_t count_lines(struct leat_span text)
{
	size_t num = 1;

	for (size_t i = 0; i < text.n; i++)
		num += text.p[i] == '\n';
	return num;
}

bool conf_file_parse(
	const struct args *args, const char *path, struct leat_span text, struct conf_file *out)
{
	/* For each line its place (the number has 20 digits at most), and "--", "=" and ends. */
	size_t num = count_lines(text), room = text.n + num * (strlen(path) + 28), number = 1;
	const char *p = text.n > 0 ? (const char *)text.p : "", *end = p + text.n;
	struct pen pen = { .room = room };
	bool ok = true;

	*out = (struct conf_file){ .lines = leat_array(num, sizeof(*out->lines)),
		.text = leat_malloc(room) };
	if (out->lines == NULL || out->text == NULL) {
		conf_file_clear(out);
		tool_fail(args, TOOL_FAILED, "out of memory");
		return false;
	}
	pen.at = out->text;
	for (; p < end; number++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);
		char digits[24];
		const char *place;

		snprintf(digits, sizeof(digits), ":%zu", number);
		place = put(
			&pen, path, (struct leat_span){ (const uint8_t *)digits, strlen(digits) });
		ok &= add_line(args, out, &pen, place, trimmed(p, n));
		p += n + 1;
	}
	if (!ok)
		conf_file_clear(out);
	return ok;
}

bool conf_file_read(const struct args *args, const char *path, struct conf_file *out)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr bytes = { 0 };
	struct leat_err err = { 0 };
	struct leat_span text;

	*out = (struct conf_file){ .num = 0 };
	if (anchors_read("config", path, &bytes, &err) != LEAT_OK) {
		(void)tool_fail_err(args, TOOL_FAILED, &err);
		return false;
	}
	text = leat_wr_done(&bytes);
	if (text.n > CONF_FILE_MAX) {
		(void)tool_fail(args, TOOL_FAILED, "%s: longer than %u bytes", path, CONF_FILE_MAX);
		return false;
	}
	return conf_file_parse(args, path, text, out);
}

void conf_file_clear(struct conf_file *f)
{
	leat_free(f->lines);
	leat_free(f->text);
	*f = (struct conf_file){ .num = 0 };
}

char *conf_section(char *arg, const char *kind)
{
	size_t n = strlen(kind);

	if (arg[0] != '[' || strncmp(arg + 1, kind, n) != 0 || !is_blank(arg[1 + n]))
		return NULL;
	arg[strlen(arg) - 1] = '\0';
	return arg + 1 + n;
}
