/* SPDX-License-Identifier: Apache-2.0
 *
 * keylog.c - see keylog.h.
 */
#include "tool/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <leat/export.h>

#define ENV "env:"

/* One write a line: with O_APPEND lines of several threads do not mix. A full disk costs the line, not the
 * connection. */
static void append_line(void *arg, const char *line)
{
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)line, strlen(line) },
		{ (void *)(uintptr_t) "\n", 1 },
	};

	if (writev((int)(intptr_t)arg, parts, 2) < 0)
		fprintf(stderr, "leat: --keylog: a line could not be written\n");
}

static const char *file_named(const struct args *args, const char *name)
{
	const char *file = name;

	if (strncmp(name, ENV, sizeof(ENV) - 1) == 0) {
		file = getenv(name + sizeof(ENV) - 1);
		if (!file || !file[0])
			args_wrong(args, "--keylog: %s: no such variable, or empty", name);
	} else if (!name[0]) {
		args_wrong(args, "--keylog: no file named");
	}
	return file && file[0] ? file : NULL;
}

int keylog_open(const struct args *args, const char *name)
{
	const char *file = file_named(args, name);
	int fd;

	if (!file)
		return -1;
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		tool_fail(args, TOOL_USAGE, "--keylog: %s: %s", file, strerror(errno));
		return -1;
	}
	fprintf(stderr,
		"leat %s: --keylog: THE SECRETS OF EVERY CONNECTION ARE WRITTEN TO %s: whoever reads "
		"it reads them and can write into them\n",
		args->cmd->name, file);
	return fd;
}

enum leat_ret keylog_use(struct leat_config *cfg, int fd, struct leat_err *err)
{
	return leat_config_set_key_log(cfg, append_line, (void *)(intptr_t)fd, err);
}

bool keylog_start(const struct args *args, const char *name, struct leat_config *cfg)
{
	struct leat_err err = { 0 };
	int fd = keylog_open(args, name);

	if (fd < 0)
		return false;
	if (keylog_use(cfg, fd, &err) == LEAT_OK)
		return true;
	tool_fail_err(args, TOOL_USAGE, &err);
	close(fd);
	return false;
}
