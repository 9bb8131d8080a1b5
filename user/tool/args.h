/* SPDX-License-Identifier: Apache-2.0
 *
 * args.h - the command line of one command: a table of options, an iterator over what was given, and
 * checked conversions. Anything wrong is said on stderr with a hint, once; the command then returns
 * TOOL_USAGE without having done anything.
 *
 *	while ((id = args_next(args, &value)) != ARG_END)
 *		switch (id) {
 *		case ARG_WRONG: return TOOL_USAGE;
 *		case ARG_PLAIN: ... value is a plain argument
 *		case OPT_X: ...
 *		}
 *
 * `--name value`, `--name=value`, `-x value` and, for switches, `-x` are understood; `--` ends the
 * options. --help is answered before the command runs (main.c).
 */
#ifndef LEAT_TOOL_ARGS_H
#define LEAT_TOOL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool_cmd;

/* What args_next returns besides the ids of the table (which are positive). */
enum {
	ARG_END = 0,
	ARG_PLAIN = -1,
	ARG_WRONG = -2,
	ARG_SETTING = -3, /* an option of leat-options(7): args.setting is its name */
};

struct arg_opt {
	const char *name;  /* long name without the dashes; NULL ends a table */
	char letter;       /* short form, or 0 */
	const char *value; /* what the value is called in the help; NULL: a switch without value */
	int id;            /* > 0 */
	const char *help;  /* one line; '\n' starts a further one */
};

struct args {
	const struct tool_cmd *cmd;
	int argc, at;
	char **argv;
	bool only_plain;     /* "--" was seen */
	const char *setting; /* with ARG_SETTING */
	const char
		*place; /* "FILE:LINE" when the options come from a file; NULL: the command line */
};

int args_next(struct args *a, const char **value);
/* Hands every argument to take, which returns 0 or the exit code that ends it; so does this. */
int args_each(struct args *a, int (*take)(void *job, int id, const char *value), void *job);
/* Prints the help of a->cmd, made of its table. */
void args_help(const struct args *a);
/* Was --help or -h given (before any "--")? */
bool args_wants_help(const struct args *a);

/* Says "leat NAME: option: text" (with its place in a file, if it has one) and the hint; returns ARG_WRONG. */
int args_wrong(const struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Conversions of an option's value: false when it is refused, after saying why. */
bool args_uint(const struct args *a, const char *option, const char *text, uint64_t min,
	uint64_t max, uint64_t *out);
/* The same for what counts few things. */
bool args_count(const struct args *a, const char *option, const char *text, unsigned min,
	unsigned max, unsigned *out);
/* Seconds with an optional fraction, "2.5", as milliseconds, at most a day. */
bool args_seconds(const struct args *a, const char *option, const char *text, int *out_ms);
/* A name of a list; out is its index. names ends with NULL. */
bool args_choice(const struct args *a, const char *option, const char *text,
	const char *const *names, unsigned *out);
/* "host:port", "[::1]:port", ":port" where host may be empty. host is cut to size and refused when it
 * does not fit. */
bool args_host_port(const struct args *a, const char *text, bool may_lack_host, char *host,
	size_t host_size, uint16_t *port);
/* Where to listen, "[ADDR:]PORT"; without ADDR host stays as it is. */
bool args_listen(const struct args *a, const char *option, const char *text, char *host,
	size_t host_size, uint16_t *port);

#define ARGS_LABEL 250 /* room for the label of an exporter: its length travels in one byte */
/* "LABEL[:BYTES]" of --export; a label with a colon needs the number. Without: 32. */
bool args_export(const struct args *a, const char *text, uint64_t max_bytes, char label[ARGS_LABEL],
	size_t *bytes);

#endif
