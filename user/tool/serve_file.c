/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_file.c - opens files of the served folder. The kernel confines the path (openat2 with
 * RESOLVE_BENEATH): symbolic links inside the folder work as long as they stay beneath it, and one
 * that is swapped while we look leads nowhere either.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tool/serve.h"

#define INDEX "/index.html"
/* The kernel answers EAGAIN when something was renamed under the walk; it may be asked again. */
#define WALK_TRIES 8

static int open_beneath(int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {
		/* O_NONBLOCK: a FIFO without writer must not stop the loop. */
		.flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < WALK_TRIES; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd >= 0 ? (int)fd : -errno;
}

int file_can_confine(int dirfd)
{
	int fd = open_beneath(dirfd, ".", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static unsigned status_of(int err)
{
	switch (err) {
	case EACCES:
	case EPERM: return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN: return 503;
	case EIO: return 500;
	/* ENOENT, ENOTDIR, ENAMETOOLONG; ELOOP; EXDEV: the path leads out. Whoever asks learns from
	 * none of them what is there and what is not. ENXIO: a socket. */
	default: return 404;
	}
}

/* A folder: index.html in it, or nothing. */
static unsigned open_index(int dirfd, const char *path, int *fd)
{
	char name[HTTP_PATH_MAX + sizeof(INDEX)];

	snprintf(name, sizeof(name), "%s" INDEX, path);
	*fd = open_beneath(dirfd, name, O_RDONLY);
	if (*fd == -ENOENT)
		return 403; /* the folder exists, but its list of files is not for show */
	return *fd < 0 ? status_of(-*fd) : 0;
}

/* Regular files are what is sent; a folder has another way. */
static unsigned status_of_kind(int fd, bool is_dir, bool *is_folder)
{
	struct stat st;

	*is_folder = false;
	if (fstat(fd, &st) != 0)
		return 500;
	*is_folder = S_ISDIR(st.st_mode);
	if (*is_folder)
		return is_dir ? 0 : 301;
	if (is_dir)
		return 404; /* "/a.txt/" is not "/a.txt" */
	return S_ISREG(st.st_mode) ? 0 : 403;
}

unsigned file_open(int dirfd, const char *path, bool is_dir, int *fd)
{
	bool is_folder;
	unsigned status;

	*fd = open_beneath(dirfd, path, O_RDONLY);
	if (*fd < 0) {
		status = status_of(-*fd);
		*fd = -1;
		return status;
	}
	status = status_of_kind(*fd, is_dir, &is_folder);
	if (status == 0 && is_folder) {
		close(*fd);
		status = open_index(dirfd, path, fd);
		if (status == 0)
			status = status_of_kind(*fd, false, &is_folder);
		if (status == 301) /* index.html is a folder */
			status = 403;
	}
	if (status != 0) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
	return status;
}

unsigned file_look(int fd, struct http_meta *m)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return 500;
	*m = (struct http_meta){ .size = (uint64_t)st.st_size,
		.mtime_s = st.st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st.st_mtim.tv_nsec };
	return 0;
}
