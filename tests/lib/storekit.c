/* SPDX-License-Identifier: Apache-2.0
 *
 * storekit.c - see storekit.h.
 */
#include "storekit.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

static pid_t redis;

static void redis_path(char *out, size_t cap)
{
	snprintf(out, cap, "%s/redis.sock", kit_dir());
}

const char *kit_redis_url(void)
{
	static char url[256];

	snprintf(url, sizeof(url), "redis+unix://%s/redis.sock", kit_dir());
	return url;
}

pid_t kit_redis_pid(void)
{
	return redis;
}

bool kit_redis_start(void)
{
	const struct timespec tick = { .tv_nsec = 10000000 };
	char path[128];
	int status;

	redis_path(path, sizeof(path));
	(void)unlink(path);
	redis = fork();
	if (redis < 0)
		abort();
	if (redis == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path,
			"--save", "", "--appendonly", "no", "--dir", kit_dir(), (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000; i++) {
		if (access(path, W_OK) == 0)
			return true;
		if (waitpid(redis, &status, WNOHANG) == redis) {
			redis = 0;
			return false;
		}
		nanosleep(&tick, NULL);
	}
	abort();
}

void kit_redis_stop(void)
{
	if (redis <= 0)
		return;
	(void)kill(redis, SIGKILL);
	(void)waitpid(redis, NULL, 0);
	redis = 0;
}
