/* SPDX-License-Identifier: Apache-2.0
 *
 * store_lmdb_env.c - LMDB files of sessions: which file is one of ours and fit for use.
 *
 * LMDB maps the file and trusts it: a file that was cut would kill us when a page behind its end is read.
 * So before LMDB is asked for anything but its header: is it a regular file of nobody else's, as long as
 * it says it is, with our mark in it? Nothing is written before all of that is known.
 *
 * Commits do not wait for the disk (MDB_NOSYNC): a process may die at any moment, the kernel has the
 * pages. When the machine dies instead, pages may reach the disk in any order, and then the file is not
 * to be trusted: path-boot says in which life of the machine it was made, and in the next one a new file
 * begins. That file is also the lock under which openers check. docs/decisions/0035.
 */
#include "sock/store_lmdb.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define LIBRARY     "liblmdb.so.0"
#define MAX_READERS 1022 /* threads of all processes that look something up at the same moment */

static const char mark_key[] = "leat session store", mark_value[] = "1";

/* ---- the library ----------------------------------------------------------------------------- */

static struct lmdb_api api;
static bool api_is_there;
static pthread_once_t api_once = PTHREAD_ONCE_INIT;

static void load(void)
{
	void *so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	bool all = so != NULL;

#define X(name) all = all && (*(void **)&api.name = dlsym(so, "mdb_" #name)) != NULL;
	LMDB_CALLS(X)
#undef X
	api_is_there = all;
}

const struct lmdb_api *lmdb_api(void)
{
	pthread_once(&api_once, load);
	return api_is_there ? &api : NULL;
}

/* ---- is it ours? ----------------------------------------------------------------------------- */

static enum leat_ret refuse(struct leat_err *err, const char *path, int sys, const char *what)
{
	err_raise(err, LEAT_E_FILE, 0, sys, LEAT_HERE, what);
	err->option = "session_store";
	err_detail(err, path, strlen(path));
	return LEAT_FAILED;
}

static enum leat_ret refuse_lmdb(struct leat_err *err, const char *path, int rc)
{
	if (rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ||
		rc == MDB_INCOMPATIBLE)
		return refuse(err, path, 0, "session store: not a file of sessions, or damaged");
	if (rc == MDB_VERSION_MISMATCH)
		return refuse(err, path, 0, "session store: of another version of LMDB");
	if (rc > 0)
		return refuse(err, path, rc, "session store: cannot be opened");
	err_raise(err, LEAT_E_FILE, 0, 0, LEAT_HERE, "session store: cannot be opened");
	err->option = "session_store";
	err_detailf(err, "%s: %s", path, api.strerror(rc));
	return LEAT_FAILED;
}

/* What lies there already, if anything. */
static enum leat_ret check_file(const char *path, struct leat_err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT
			       ? LEAT_OK
			       : refuse(err, path, errno, "session store: cannot be opened");
	if (!S_ISREG(st.st_mode))
		return refuse(err, path, 0, "session store: not a regular file");
	if (st.st_mode & 077)
		return refuse(err, path, 0,
			"session store: open to other users (it holds secrets: mode 0600)");
	return LEAT_OK;
}

static void read_boot_id(char *buf, size_t n)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, buf, n - 1);

	if (fd >= 0)
		close(fd);
	buf[got > 0 ? got : 0] = '\0';
}

/* Under the lock of path-boot: was the file made in this life of the machine? If not it goes, with its
 * lock file. Nobody uses it: who did would have written today's id. */
static int renew_if_old(const char *path, const char *lock, int boot_fd)
{
	char now[64], then[64];
	ssize_t n = pread(boot_fd, then, sizeof(then) - 1, 0);

	if (n < 0)
		return errno;
	then[n] = '\0';
	read_boot_id(now, sizeof(now));
	if (now[0] == '\0' || strcmp(now, then) == 0)
		return 0;
	if (n > 0 &&
		((unlink(path) != 0 && errno != ENOENT) || (unlink(lock) != 0 && errno != ENOENT)))
		return errno;
	if (ftruncate(boot_fd, 0) != 0 ||
		pwrite(boot_fd, now, strlen(now), 0) != (ssize_t)strlen(now))
		return errno ? errno : ENOSPC;
	return 0;
}

/* Is the file as long as its header says? */
static int check_length(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat st;
	struct stat file;
	int fd, rc = api.env_info(env, &info);

	if (rc == 0)
		rc = api.env_stat(env, &st);
	if (rc == 0)
		rc = api.env_get_fd(env, &fd);
	if (rc != 0)
		return rc;
	if (fstat(fd, &file) != 0)
		return errno;
	if (st.ms_psize == 0 || info.me_last_pgno > SIZE_MAX / st.ms_psize - 1 ||
		info.me_mapsize / st.ms_psize < info.me_last_pgno + 1)
		return MDB_CORRUPTED;
	return (uint64_t)file.st_size < (info.me_last_pgno + 1) * (uint64_t)st.ms_psize
		       ? MDB_CORRUPTED
		       : 0;
}

/* Our mark is in it, or nothing at all; then the mark is made. */
static int check_mark(MDB_txn *txn)
{
	MDB_val k = { sizeof(mark_key) - 1, (void *)mark_key }, v;
	MDB_stat st;
	MDB_dbi top;
	int rc = api.dbi_open(txn, NULL, 0, &top);

	if (rc != 0)
		return rc;
	rc = api.get(txn, top, &k, &v);
	if (rc == 0)
		return v.mv_size == sizeof(mark_value) - 1 &&
				       memcmp(v.mv_data, mark_value, v.mv_size) == 0
			       ? 0
			       : MDB_INCOMPATIBLE;
	if (rc != MDB_NOTFOUND)
		return rc;
	rc = api.stat(txn, top, &st);
	if (rc == 0 && st.ms_entries != 0)
		rc = MDB_INCOMPATIBLE;
	v = (MDB_val){ sizeof(mark_value) - 1, (void *)mark_value };
	return rc == 0 ? api.put(txn, top, &k, &v, 0) : rc;
}

static int check_content(struct lmdb_file *f, MDB_env *env)
{
	MDB_txn *txn;
	int rc = api.txn_begin(env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = check_length(env);
	if (rc == 0)
		rc = check_mark(txn);
	if (rc == 0)
		rc = api.dbi_open(txn, "by_id", MDB_CREATE, &f->by_id);
	if (rc == 0)
		rc = api.dbi_open(txn, "by_end", MDB_CREATE, &f->by_end);
	if (rc == 0)
		return api.txn_commit(txn);
	api.txn_abort(txn);
	return rc;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_env(struct lmdb_file *f)
{
	MDB_envinfo info;
	MDB_env *env = NULL;
	struct stat st;
	int dead, rc = api.env_create(&env);

	if (rc != 0)
		return rc;
	rc = api.env_set_maxdbs(env, 2);
	if (rc == 0)
		rc = api.env_set_maxreaders(env, MAX_READERS);
	/* A file that is there has its size in it: all processes map the same. */
	if (rc == 0 && (stat(f->path, &st) != 0 || st.st_size == 0))
		rc = api.env_set_mapsize(env, f->map_bytes);
	if (rc == 0)
		rc = api.env_open(
			env, f->path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC | MDB_NORDAHEAD, 0600);
	if (rc == 0)
		rc = api.reader_check(env, &dead);
	if (rc == 0)
		rc = check_content(f, env);
	if (rc == 0)
		rc = api.env_info(env, &info);
	if (rc != 0) {
		api.env_close(env);
		return rc;
	}
	f->map_bytes = info.me_mapsize;
	f->env = env;
	atomic_store(&f->pid, getpid());
	return 0;
}

static enum leat_ret open_locked(struct lmdb_file *f, struct leat_err *err)
{
	char boot[PATH_MAX], lock[PATH_MAX];
	struct stat st;
	int fd, rc;

	if (snprintf(boot, sizeof(boot), "%s-boot", f->path) >= (int)sizeof(boot) ||
		snprintf(lock, sizeof(lock), "%s-lock", f->path) >= (int)sizeof(lock))
		return refuse(err, f->path, ENAMETOOLONG, "session store: cannot be opened");
	if (check_file(f->path, err) != LEAT_OK || check_file(lock, err) != LEAT_OK ||
		check_file(boot, err) != LEAT_OK)
		return LEAT_FAILED;
	fd = open(boot, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(err, boot, errno, "session store: cannot be opened");
	while ((rc = flock(fd, LOCK_EX) != 0 ? errno : 0) == EINTR)
		;
	if (rc == 0)
		rc = renew_if_old(f->path, lock, fd);
	if (rc == 0)
		rc = open_env(f);
	if (rc == 0 && stat(f->path, &st) == 0) {
		f->dev = st.st_dev;
		f->ino = st.st_ino;
	}
	close(fd);
	return rc == 0 ? LEAT_OK : refuse_lmdb(err, f->path, rc);
}

static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lmdb_file *files;

static struct lmdb_file *known(const char *path)
{
	struct lmdb_file *f = files;
	struct stat st;

	if (stat(path, &st) != 0)
		return NULL;
	while (f && (f->dev != st.st_dev || f->ino != st.st_ino))
		f = f->next;
	return f;
}

static enum leat_ret open_new(
	struct lmdb_file **out, const char *path, size_t map_bytes, struct leat_err *err)
{
	struct lmdb_file *f = leat_zalloc(sizeof(*f));
	enum leat_ret r = LEAT_FAILED;

	if (f)
		f->path = leat_strdup(path);
	if (f && f->path) {
		f->refs = 1;
		f->map_bytes = map_bytes;
		r = open_locked(f, err);
	} else {
		r = err_memory(err);
	}
	if (r == LEAT_OK) {
		f->next = files;
		files = f;
		*out = f;
		return LEAT_OK;
	}
	if (f)
		leat_free(f->path);
	leat_free(f);
	return LEAT_FAILED;
}

enum leat_ret lmdb_file_open(
	struct lmdb_file **out, const char *path, size_t map_bytes, struct leat_err *err)
{
	enum leat_ret r = LEAT_OK;

	*out = NULL;
	if (!lmdb_api()) {
		(void)err_option(err, "session_store", path, LIBRARY " is not on this machine");
		return LEAT_UNSUPPORTED;
	}
	pthread_mutex_lock(&files_lock);
	*out = known(path);
	if (*out)
		(*out)->refs++;
	else
		r = open_new(out, path, map_bytes, err);
	pthread_mutex_unlock(&files_lock);
	return r;
}

void lmdb_file_close(struct lmdb_file *f)
{
	struct lmdb_file **at = &files;

	pthread_mutex_lock(&files_lock);
	if (--f->refs > 0)
		f = NULL;
	while (f && *at != f)
		at = &(*at)->next;
	if (f)
		*at = f->next;
	pthread_mutex_unlock(&files_lock);
	if (!f)
		return;
	/* The env of the process before fork is not ours to close. */
	if (f->env && atomic_load(&f->pid) == getpid())
		api.env_close(f->env);
	leat_free(f->path);
	leat_free(f);
}

bool lmdb_file_mine(struct lmdb_file *f)
{
	struct leat_err ignored = { 0 };
	bool mine;

	if (atomic_load(&f->pid) == getpid())
		return true;
	pthread_mutex_lock(&files_lock);
	mine = atomic_load(&f->pid) == getpid() || open_locked(f, &ignored) == LEAT_OK;
	pthread_mutex_unlock(&files_lock);
	return mine;
}
