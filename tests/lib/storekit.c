/* SPDX-License-Identifier: Apache-2.0
 *
 * storekit.c - see storekit.h.
 */
#include "storekit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

const char *kit_dir(void)
{
	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/tmp/leat-stores-XXXXXX");
		if (!mkdtemp(dir))
			abort();
	}
	return dir;
}

static int gone(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void kit_clear(void)
{
	if (dir[0])
		(void)nftw(dir, gone, 8, FTW_DEPTH | FTW_PHYS);
	dir[0] = '\0';
}

uint8_t *kit_read(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *p;

	if (fd < 0 || fstat(fd, &st) != 0)
		abort();
	*n = (size_t)st.st_size;
	p = malloc(*n + 1);
	if (!p || read(fd, p, *n) != (ssize_t)*n)
		abort();
	close(fd);
	return p;
}

void kit_write(const char *path, const uint8_t *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
}
