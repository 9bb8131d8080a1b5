/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - `leat COMMAND ...`: finds the command in the table and runs it. Everything else is in
 * cmd_<name>.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <leat/leat.h>
#include <leat/version.h>

#include "tool/tool.h"

/* One row per cmd_*.c, in the order of the list that `leat help` prints. */
#define COMMANDS(X) X(serve) X(proxy) X(accept) X(connect) X(exec) X(probe) X(calibrate) X(certs)

#define DECLARE(name) extern const struct tool_cmd cmd_##name;
COMMANDS(DECLARE)

#define ROW(name) &cmd_##name,
static const struct tool_cmd *const commands[] = { COMMANDS(ROW) NULL };

void tool_switch_kernel(const struct args *args)
{
	bool on = !leat_offload_is_on();

	leat_offload_switch(on);
	fprintf(stderr, "leat %s: kernel records are %s for new connections\n", args->cmd->name,
		on ? "on again" : "off");
}

int tool_fail(const struct args *args, int code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "leat %s: %s%s", args->cmd->name, args->place ? args->place : "",
		args->place ? ": " : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

int tool_fail_err(const struct args *args, int code, const struct leat_err *err)
{
	char text[512];

	return tool_fail(args, code, "%s", leat_strerror(err, text, sizeof(text)));
}

static void list_commands(FILE *to)
{
	fprintf(to,
		"usage: leat COMMAND [options]\n\n"
		"leat opens a TLS connection in user space and hands its keys to the kernel.\n\n"
		"commands:\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\nleat COMMAND --help tells more; leat --version prints the version.\n");
}

static const struct tool_cmd *find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int run(const struct tool_cmd *cmd, int argc, char **argv)
{
	struct args args = { .cmd = cmd, .argc = argc, .argv = argv };

	if (args_wants_help(&args)) {
		args_help(&args);
		return TOOL_OK;
	}
	return cmd->run(&args);
}

/* `leat help` and `leat help COMMAND` */
static int help(int argc, char **argv)
{
	const struct tool_cmd *cmd = argc > 0 ? find(argv[0]) : NULL;
	struct args args = { .cmd = cmd };

	if (argc > 0 && !cmd) {
		fprintf(stderr, "leat: no command %s\ntry: leat help\n", argv[0]);
		return TOOL_USAGE;
	}
	if (cmd)
		args_help(&args);
	else
		list_commands(stdout);
	return TOOL_OK;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct tool_cmd *cmd;

	if (!word) {
		list_commands(stderr);
		return TOOL_USAGE;
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
		printf("leat %s\n", LEAT_VERSION_STRING);
		return TOOL_OK;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return help(argc - 2, argv + 2);
	cmd = find(word);
	if (!cmd) {
		fprintf(stderr, "leat: no command %s\ntry: leat help\n", word);
		return TOOL_USAGE;
	}
	return run(cmd, argc - 2, argv + 2);
}
