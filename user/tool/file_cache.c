/* SPDX-License-Identifier: Apache-2.0
 *
 * file_cache.c - see file_cache.h. A table of slots found by a hash of the path; whoever comes later to a
 * slot takes it, so there is no list to keep and nothing to search. The news is read at every request, one
 * system call: were the loop to bring it, a request of the same round could come before it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/file_cache.h"
#include "tool/serve.h"

/* How long a file that is gone, and that nobody asks for, stays open at most. */
#define SWEEP_MS 1000
/* IN_ATTRIB tells of a file that was replaced: one link less. */
#define CHANGES (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)

void file_put(struct file *f)
{
	if (f == NULL || --f->refs > 0)
		return;
	close(f->fd);
	leat_free(f->data);
	leat_free(f);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static struct file **slot_of(struct file_cache *fc, uint64_t dir_id, const char *path)
{
	uint32_t h = 2166136261u + (uint32_t)dir_id; /* FNV-1a */

	for (; *path != '\0'; path++)
		h = (h ^ (uint8_t)*path) * 16777619u;
	return &fc->slots[h % FILE_CACHE_SLOTS];
}

static bool is_watched(const struct file_cache *fc, int watch)
{
	for (size_t i = 0; i < FILE_CACHE_SLOTS; i++)
		if (fc->slots[i] != NULL && fc->slots[i]->watch == watch)
			return true;
	return false;
}

static void drop(struct file_cache *fc, struct file **slot)
{
	struct file *f = *slot;

	if (f == NULL)
		return;
	*slot = NULL;
	/* Two paths may lead to one file, which has one watch. */
	if (!is_watched(fc, f->watch))
		(void)inotify_rm_watch(fc->notify_fd, f->watch);
	file_put(f);
}

/* watch -1: all of them. */
static void drop_watched(struct file_cache *fc, int watch)
{
	for (size_t i = 0; i < FILE_CACHE_SLOTS; i++)
		if (fc->slots[i] != NULL && (watch < 0 || fc->slots[i]->watch == watch))
			drop(fc, &fc->slots[i]);
}

/* ---- news ------------------------------------------------------------------------------------ */

static void read_news(struct file_cache *fc)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct inotify_event ev;
	ssize_t n;

	while ((n = read(fc->notify_fd, buf, sizeof(buf))) > 0) {
		for (size_t at = 0; at + sizeof(ev) <= (size_t)n; at += sizeof(ev) + ev.len) {
			memcpy(&ev, buf + at, sizeof(ev));
			if (ev.mask & IN_Q_OVERFLOW)
				drop_watched(fc, -1);
			else
				drop_watched(fc, ev.wd);
		}
	}
}

static uint64_t sweep_ms(const struct file_cache *fc)
{
	return fc->keep_ms < SWEEP_MS ? fc->keep_ms : SWEEP_MS;
}

/* Nothing stays open that nobody asks for. */
static void on_sweep(struct loop *l, struct loop_timer *t)
{
	struct file_cache *fc = t->arg;
	bool left = false;

	read_news(fc);
	for (size_t i = 0; i < FILE_CACHE_SLOTS; i++) {
		struct file *f = fc->slots[i];

		if (f != NULL && loop_now_ms(l) >= f->until_ms)
			drop(fc, &fc->slots[i]);
		left |= fc->slots[i] != NULL;
	}
	if (left)
		loop_timer_start(l, t, sweep_ms(fc));
}

void file_cache_init(struct file_cache *fc, struct loop *loop, uint64_t keep_ms)
{
	*fc = (struct file_cache){ .loop = loop, .notify_fd = -1, .keep_ms = keep_ms };
	if (keep_ms > 0)
		fc->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	fc->sweep = (struct loop_timer){ .fn = on_sweep, .arg = fc };
}

void file_cache_forget(struct file_cache *fc)
{
	drop_watched(fc, -1);
}

void file_cache_clear(struct file_cache *fc)
{
	if (fc->loop == NULL)
		return;
	drop_watched(fc, -1);
	if (fc->notify_fd >= 0)
		close(fc->notify_fd);
	*fc = (struct file_cache){ .notify_fd = -1 };
}

/* ---- opening --------------------------------------------------------------------------------- */

static int watch_file(const struct file_cache *fc, int fd)
{
	char name[64];

	if (fc->keep_ms == 0 || fc->notify_fd < 0)
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return inotify_add_watch(fc->notify_fd, name, CHANGES);
}

/* Small content comes into memory; a file that is being written may stay where it is. */
static void read_data(struct file *f)
{
	ssize_t n;

	if (f->meta.size == 0 || f->meta.size > FILE_CACHE_DATA_MAX)
		return;
	f->data = leat_malloc(f->meta.size);
	if (f->data == NULL)
		return;
	n = pread(f->fd, f->data, f->meta.size, 0);
	if (n >= 0 && (uint64_t)n == f->meta.size)
		return;
	leat_free(f->data);
	f->data = NULL;
}

static struct file *file_new(uint64_t dir_id, const char *path, bool is_dir, int fd)
{
	size_t n = strlen(path) + 1;
	struct file *f = leat_zalloc(sizeof(*f) + n);

	if (f == NULL)
		return NULL;
	f->refs = 1;
	f->fd = fd;
	f->watch = -1;
	f->dir_id = dir_id;
	f->is_dir = is_dir;
	memcpy(f->path, path, n);
	return f;
}

/* The watch stands before size and content are read: what changes behind it is told. */
static unsigned keep_and_look(struct file_cache *fc, struct file **slot, struct file *f)
{
	unsigned status;

	f->watch = watch_file(fc, f->fd);
	status = file_look(f->fd, &f->meta);
	if (f->watch < 0)
		return status;
	drop(fc, slot);
	if (status == 0) {
		read_data(f);
		f->until_ms = loop_now_ms(fc->loop) + fc->keep_ms;
		f->refs++;
		*slot = f;
		if (!loop_timer_armed(&fc->sweep))
			loop_timer_start(fc->loop, &fc->sweep, sweep_ms(fc));
	} else if (!is_watched(fc, f->watch)) {
		(void)inotify_rm_watch(fc->notify_fd, f->watch);
	}
	return status;
}

unsigned file_cache_open(struct file_cache *fc, const struct serve_host *h, const char *path,
	bool is_dir, struct file **out)
{
	struct file **slot = slot_of(fc, h->dir_id, path), *f;
	unsigned status;
	int fd;

	if (fc->notify_fd >= 0)
		read_news(fc);
	f = *slot;
	if (f != NULL && f->dir_id == h->dir_id && f->is_dir == is_dir &&
		strcmp(f->path, path) == 0) {
		if (loop_now_ms(fc->loop) < f->until_ms) {
			f->refs++;
			*out = f;
			return 0;
		}
		drop(fc, slot);
	}
	status = file_open(h->dirfd, path, is_dir, &fd);
	if (status != 0)
		return status;
	f = file_new(h->dir_id, path, is_dir, fd);
	if (f == NULL) {
		close(fd);
		return 503;
	}
	status = keep_and_look(fc, slot, f);
	if (status != 0)
		file_put(f);
	else
		*out = f;
	return status;
}
