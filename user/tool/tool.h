/* SPDX-License-Identifier: Apache-2.0
 *
 * tool.h - what the commands of `leat` share: the command table's row, exit codes, how errors are
 * said. A command is one file cmd_<name>.c with one `const struct tool_cmd cmd_<name>`, entered in
 * main.c's table. Options are parsed by args.h.
 */
#ifndef LEAT_TOOL_TOOL_H
#define LEAT_TOOL_TOOL_H

#include <leat/types.h>

#include "tool/args.h"

/* Exit codes every command uses. A command may add its own from 3 on and lists all of them in its
 * notes and man page. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* it was tried and did not work */
	TOOL_USAGE = 2,  /* the command line is wrong; nothing was tried */
};

struct tool_cmd {
	const char *name;
	const char *synopsis;       /* "HOST:PORT [options]", what follows the name */
	const char *summary;        /* one line for the list of commands */
	const struct arg_opt *opts; /* ends with a row without name */
	unsigned
		settings; /* roles (OPTION_SERVER) whose options of leat-options(7) are flags too */
	const char *notes; /* printed below the options: exit codes, an example */
	/* args stands before the first argument. Returns the exit code. */
	int (*run)(struct args *args);
};

/* Prints "leat NAME: text" to stderr, returns code. */
int tool_fail(const struct args *args, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for an error of the library. */
int tool_fail_err(const struct args *args, int code, const struct leat_err *err);

/* SIGUSR2 came to a server: kernel records are switched off for new connections, or on again. Says so. */
void tool_switch_kernel(const struct args *args);

#endif
