/* SPDX-License-Identifier: Apache-2.0
 *
 * outfile.c - see outfile.h. Renaming is the point of no return; without force it goes by
 * RENAME_NOREPLACE, so that a file which appears meanwhile is not lost.
 */
#include "tool/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static enum leat_ret refuse(struct leat_err *err, const char *name, int sys, const char *what)
{
	err_raise(err, LEAT_E_FILE, 0, sys, LEAT_HERE, what);
	err->option = "output";
	err_detail(err, name, strlen(name));
	return LEAT_FAILED;
}

static void temp_name(char *buf, size_t n, const char *name)
{
	snprintf(buf, n, ".%s.%ld.tmp", name, (long)getpid());
}

static bool write_all(int fd, struct leat_span s)
{
	ssize_t put;

	while (s.n > 0) {
		put = write(fd, s.p, s.n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		s.p += put;
		s.n -= (size_t)put;
	}
	return true;
}

static enum leat_ret write_temp(int dir, const struct outfile *f, struct leat_err *err)
{
	char temp[96];
	int fd, sys;
	bool ok;

	temp_name(temp, sizeof(temp), f->name);
	/* Owner only until the mode is set: the content may be a key. */
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(err, temp, errno, "cannot be created");
	ok = write_all(fd, f->content) && fchmod(fd, f->mode) == 0 && fsync(fd) == 0;
	sys = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		sys = errno;
	}
	return ok ? LEAT_OK : refuse(err, temp, sys, "cannot be written");
}

static void remove_temps(int dir, const struct outfile *files, size_t num)
{
	char temp[96];

	for (size_t i = 0; i < num; i++) {
		temp_name(temp, sizeof(temp), files[i].name);
		unlinkat(dir, temp, 0);
	}
}

/* File systems without RENAME_NOREPLACE: look first, which leaves a moment between. */
static int rename_one(int dir, const char *from, const char *to, bool force)
{
	struct stat st;

	if (force)
		return renameat(dir, from, dir, to);
	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(dir, from, dir, to);
}

static enum leat_ret check_absent(
	int dir, const struct outfile *files, size_t num, struct leat_err *err)
{
	struct stat st;

	for (size_t i = 0; i < num; i++) {
		if (fstatat(dir, files[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return refuse(err, files[i].name, EEXIST, "is there already");
		if (errno != ENOENT)
			return refuse(err, files[i].name, errno, "cannot be looked up");
	}
	return LEAT_OK;
}

enum leat_ret outfile_write(
	int folder_fd, const struct outfile *files, size_t num, bool force, struct leat_err *err)
{
	char temp[96];
	size_t made;

	if (!force && check_absent(folder_fd, files, num, err) != LEAT_OK)
		return LEAT_FAILED;
	for (made = 0; made < num; made++) {
		if (write_temp(folder_fd, &files[made], err) != LEAT_OK) {
			remove_temps(folder_fd, files, made + 1);
			return LEAT_FAILED;
		}
	}
	for (size_t i = 0; i < num; i++) {
		temp_name(temp, sizeof(temp), files[i].name);
		if (rename_one(folder_fd, temp, files[i].name, force) != 0) {
			refuse(err, files[i].name, errno, "cannot be put in place");
			remove_temps(folder_fd, files, num);
			return LEAT_FAILED;
		}
	}
	/* The names are on the disk too; a file system that cannot sync a folder still has them. */
	(void)fsync(folder_fd);
	return LEAT_OK;
}
