/* SPDX-License-Identifier: Apache-2.0
 *
 * args.c - reads a command line by a table; see args.h. Knows no command.
 */
#include "tool/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "tool/tool.h"

int args_wrong(const struct args *a, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "leat %s: %s%s", a->cmd->name, a->place ? a->place : "",
		a->place ? ": " : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (a->place)
		fputc('\n', stderr);
	else
		fprintf(stderr, "\ntry: leat %s --help\n", a->cmd->name);
	return ARG_WRONG;
}

/* How many bytes two names share at the start: good enough to guess what was meant. */
static size_t common_start(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

static int unknown_option(const struct args *a, const char *given, const char *name)
{
	const struct arg_opt *best = NULL;
	size_t most = 2; /* fewer shared letters are no likeness */

	for (const struct arg_opt *o = a->cmd->opts; o->name; o++) {
		size_t n = common_start(o->name, name);

		if (n > most) {
			most = n;
			best = o;
		}
	}
	if (best)
		return args_wrong(a, "unknown option %s (did you mean --%s?)", given, best->name);
	return args_wrong(a, "unknown option %s", given);
}

/* The value of option o: after "=", or the next argument. */
static int take_value(
	struct args *a, const struct arg_opt *o, const char *inline_value, const char **value)
{
	*value = inline_value;
	if (!o->value) {
		if (inline_value)
			return args_wrong(a, "--%s takes no value", o->name);
		return o->id;
	}
	if (!inline_value) {
		if (a->at >= a->argc)
			return args_wrong(a, "--%s needs a value (%s)", o->name, o->value);
		*value = a->argv[a->at++];
	}
	return o->id;
}

/* An option of the configuration under its own name; NULL: none that could be set from text. */
static const struct option *find_setting(const struct args *a, const char *name, size_t n)
{
	const struct option *o;
	char copy[64];

	if (!a->cmd->settings || n >= sizeof(copy))
		return NULL;
	memcpy(copy, name, n);
	copy[n] = '\0';
	o = option_find(copy, a->cmd->settings);
	return o && o->set ? o : NULL;
}

static int take_setting(
	struct args *a, const struct option *o, const char *inline_value, const char **value)
{
	const struct arg_opt as = { .name = o->name, .value = o->range, .id = 1 };
	int id = take_value(a, &as, inline_value, value);

	a->setting = o->name;
	return id == ARG_WRONG ? id : ARG_SETTING;
}

static int long_option(struct args *a, const char *arg, const char **value)
{
	const char *name = arg + 2;
	const char *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const struct option *setting;

	for (const struct arg_opt *o = a->cmd->opts; o->name; o++)
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return take_value(a, o, eq ? eq + 1 : NULL, value);
	setting = find_setting(a, name, n);
	if (setting)
		return take_setting(a, setting, eq ? eq + 1 : NULL, value);
	return unknown_option(a, arg, name);
}

static int short_option(struct args *a, const char *arg, const char **value)
{
	for (const struct arg_opt *o = a->cmd->opts; o->name; o++)
		if (o->letter && o->letter == arg[1] && arg[2] == '\0')
			return take_value(a, o, NULL, value);
	return unknown_option(a, arg, arg + 1);
}

int args_next(struct args *a, const char **value)
{
	const char *arg;

	*value = NULL;
	if (a->at >= a->argc)
		return ARG_END;
	arg = a->argv[a->at++];
	if (!a->only_plain && strcmp(arg, "--") == 0) {
		a->only_plain = true;
		return args_next(a, value);
	}
	if (a->only_plain || arg[0] != '-' || arg[1] == '\0') {
		*value = arg;
		return ARG_PLAIN;
	}
	return arg[1] == '-' ? long_option(a, arg, value) : short_option(a, arg, value);
}

int args_each(struct args *a, int (*take)(void *job, int id, const char *value), void *job)
{
	const char *value;
	int id, code = 0;

	while (code == 0 && (id = args_next(a, &value)) != ARG_END)
		code = id == ARG_WRONG ? TOOL_USAGE : take(job, id, value);
	return code;
}

bool args_wants_help(const struct args *a)
{
	for (int i = a->at; i < a->argc && strcmp(a->argv[i], "--") != 0; i++)
		if (strcmp(a->argv[i], "--help") == 0 || strcmp(a->argv[i], "-h") == 0)
			return true;
	return false;
}

#define HELP_COLUMN 30

static void help_row(const struct arg_opt *o)
{
	char left[64];
	const char *line = o->help, *end;
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", o->letter ? '-' : ' ',
		o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->value ? " " : "",
		o->value ? o->value : "");
	printf("%-*s%s", HELP_COLUMN, left, n >= HELP_COLUMN ? "\n" : "");
	if (n >= HELP_COLUMN)
		printf("%*s", HELP_COLUMN, "");
	while ((end = strchr(line, '\n'))) {
		printf("%.*s\n%*s", (int)(end - line), line, HELP_COLUMN, "");
		line = end + 1;
	}
	printf("%s\n", line);
}

void args_help(const struct args *a)
{
	static const struct arg_opt help = { "help", 'h', NULL, 1, "this text" };

	printf("usage: leat %s %s\n\n%s\n\noptions:\n", a->cmd->name, a->cmd->synopsis,
		a->cmd->summary);
	for (const struct arg_opt *o = a->cmd->opts; o->name; o++)
		help_row(o);
	help_row(&help);
	if (a->cmd->settings)
		printf("\nEvery option of leat-options(7) is a flag as well: %s.\n",
			a->cmd->settings & OPTION_SERVER ? "--session_tickets stateful"
							 : "--session_tickets manual");
	if (a->cmd->notes)
		printf("\n%s\n", a->cmd->notes);
}

bool args_uint(const struct args *a, const char *option, const char *text, uint64_t min,
	uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	/* strtoull would take " 5", "+5" and "-1" */
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < min || v > max) {
		args_wrong(a, "%s: not a number from %llu to %llu: %s", option,
			(unsigned long long)min, (unsigned long long)max, text);
		return false;
	}
	*out = v;
	return true;
}

bool args_count(const struct args *a, const char *option, const char *text, unsigned min,
	unsigned max, unsigned *out)
{
	uint64_t v;

	if (!args_uint(a, option, text, min, max, &v))
		return false;
	*out = (unsigned)v;
	return true;
}

bool args_seconds(const struct args *a, const char *option, const char *text, int *out_ms)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (text[0] < '0' || text[0] > '9' || *end || errno || !(v <= 86400)) {
		args_wrong(a, "%s: not a number of seconds from 0 to 86400: %s", option, text);
		return false;
	}
	*out_ms = (int)(v * 1000);
	return true;
}

bool args_choice(const struct args *a, const char *option, const char *text,
	const char *const *names, unsigned *out)
{
	char all[160] = "";

	for (unsigned i = 0; names[i]; i++) {
		size_t n = strlen(all);

		if (strcmp(names[i], text) == 0) {
			*out = i;
			return true;
		}
		snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", names[i]);
	}
	args_wrong(a, "%s: not one of %s: %s", option, all, text);
	return false;
}

bool args_host_port(const struct args *a, const char *text, bool may_lack_host, char *host,
	size_t host_size, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	const char *from = text;
	size_t n = colon ? (size_t)(colon - text) : 0;
	uint64_t number;

	if (!colon) {
		args_wrong(a, "no port in %s (write HOST:PORT)", text);
		return false;
	}
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		from++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		args_wrong(a, "an IPv6 address stands in brackets, [::1]:443: %s", text);
		return false;
	}
	if ((n == 0 && !may_lack_host) || n >= host_size) {
		args_wrong(a, "%s in %s", n == 0 ? "no host" : "the host is too long", text);
		return false;
	}
	if (!args_uint(a, "port", colon + 1, 0, 65535, &number))
		return false;
	memcpy(host, from, n);
	host[n] = '\0';
	*port = (uint16_t)number;
	return true;
}

bool args_listen(const struct args *a, const char *option, const char *text, char *host,
	size_t host_size, uint16_t *port)
{
	uint64_t number;

	if (strchr(text, ':'))
		return args_host_port(a, text, true, host, host_size, port);
	if (!args_uint(a, option, text, 0, 65535, &number))
		return false;
	*port = (uint16_t)number;
	return true;
}

bool args_export(const struct args *a, const char *text, uint64_t max_bytes, char label[ARGS_LABEL],
	size_t *bytes)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t want = 32;

	if (n == 0 || n >= ARGS_LABEL) {
		args_wrong(a, "--export: a label has 1 to 249 bytes");
		return false;
	}
	if (colon && !args_uint(a, "--export", colon + 1, 1, max_bytes, &want))
		return false;
	snprintf(label, ARGS_LABEL, "%.*s", (int)n, text);
	*bytes = (size_t)want;
	return true;
}
