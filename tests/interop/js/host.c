/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c - the command leat inside a Node process, whose libcrypto (OpenSSL 3.5) has ML-KEM: an addon that
 * runs main with what stands behind the first "--" of the command line. Linked with leat's objects and
 * without libcrypto by tests/lib/inside_node.py, so that every symbol of it is Node's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int leat_main(int argc, char **argv);

static char line[1 << 16];

/* Node calls it when the addon is loaded; it does not return. */
__attribute__((visibility("default"))) void *napi_register_module_v1(void *env, void *exports)
{
	static char *argv[512], name[] = "leat";
	int argc = 0, fd = open("/proc/self/cmdline", O_RDONLY), code;
	ssize_t n = read(fd, line, sizeof(line) - 1);

	(void)env;
	(void)exports;
	close(fd);
	for (char *p = line; p < line + n && argc < 511; p += strlen(p) + 1)
		if (argc || strcmp(p, "--") == 0)
			argv[argc++] = p;
	argv[0] = name;
	code = leat_main(argc, argv);
	fflush(NULL);
	_exit(code);
}
