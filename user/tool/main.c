/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - `leat COMMAND ...`: finds the command in the table and runs it. Everything else is in
 * cmd_<name>.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/app.h>
#include <leat/leat.h>
#include <leat/version.h>

#include "base/err.h"
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
		"usage: leat [--env NAME=VALUE]... COMMAND [options]\n\n"
		"leat opens a TLS connection in user space and hands its keys to the kernel.\n\n"
		"commands:\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\nleat COMMAND --help tells more; leat --version prints the version.\n"
		    "--env sets a setting of the whole process, see leat-options(7).\n");
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

/* One --env of the command line; false: *wrong says why not. */
static bool set_env(const char *pair, struct leat_err *wrong)
{
	const char *eq = pair ? strchr(pair, '=') : NULL;
	char name[64];

	if (!eq || (size_t)(eq - pair) >= sizeof(name))
		return err_option(wrong, "--env", pair, "not NAME=VALUE") == LEAT_OK;
	snprintf(name, sizeof(name), "%.*s", (int)(eq - pair), pair);
	return leat_app_set(name, eq + 1, wrong) == LEAT_OK;
}

/* Settings of the process, from the front of the command line and from the environment. A command reads each file
 * once, so nothing of them is kept: a reload means what is there now. Returns how many arguments were taken, or -1. */
static int take_settings(int argc, char **argv)
{
	struct leat_err err = { 0 };
	char text[512];
	int i = 1;
	bool quiet = !secure_getenv("LEAT_LOG");
	bool good = leat_app_set("bypass_pem_cache", "true", &err) == LEAT_OK &&
		    (!quiet || leat_app_set("log", "none", &err) == LEAT_OK);

	for (; good && i < argc && strcmp(argv[i], "--env") == 0; i += 2)
		good = set_env(i + 1 < argc ? argv[i + 1] : NULL, &err);
	if (good && leat_app_read_environment(&err) == LEAT_OK)
		return i - 1;
	fprintf(stderr, "leat: %s\ntry: man leat-options\n",
		leat_strerror(&err, text, sizeof(text)));
	return -1;
}

int main(int argc, char **argv)
{
	int taken = take_settings(argc, argv);
	const struct tool_cmd *cmd;
	const char *word;

	if (taken < 0)
		return TOOL_USAGE;
	argc -= taken;
	argv += taken;
	word = argc > 1 ? argv[1] : NULL;
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
