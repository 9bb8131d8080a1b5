/* SPDX-License-Identifier: Apache-2.0
 *
 * file_cache.h - files one worker of `leat serve` has open: opening, looking at and reading a small file
 * costs more than sending it. A file that changes or is replaced is dropped at once (inotify on the file
 * itself); a path that leads elsewhere by now, through a symbolic link or a renamed folder, is found out
 * after the time given to file_cache_init. Nothing is kept that cannot be watched.
 */
#ifndef LEAT_TOOL_FILE_CACHE_H
#define LEAT_TOOL_FILE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "tool/http.h"
#include "tool/serve_site.h"

#define FILE_CACHE_SLOTS 128
/* Content of files up to this size is kept in memory: what fits into one record with its head. */
#define FILE_CACHE_DATA_MAX 15360
#define FILE_HEAD_MAX       512

/* An open file, held by whoever asked for it and perhaps by the cache. */
struct file {
	int fd;
	struct http_meta meta; /* as of the opening */
	uint8_t *data;         /* its meta.size bytes, or NULL: read them from fd */
	/* The head of a plain answer (200, the whole file, kept alive), made at head_s; 0 bytes: none. */
	char head[FILE_HEAD_MAX];
	size_t head_n;
	int64_t head_s;
	/* the cache's */
	unsigned refs;
	int watch; /* -1: none */
	uint64_t dir_id;
	bool is_dir;
	uint64_t until_ms;
	char path[]; /* as asked for */
};

struct file_cache {
	struct loop *loop;
	struct loop_timer sweep; /* armed while a slot is taken */
	int notify_fd;           /* -1: nothing is kept */
	uint64_t keep_ms;
	struct file *slots[FILE_CACHE_SLOTS];
};

/* keep_ms: how long a path is trusted; 0: nothing is kept. */
void file_cache_init(struct file_cache *fc, struct loop *loop, uint64_t keep_ms);
/* Keeps nothing of what it has: there are other folders now. */
void file_cache_forget(struct file_cache *fc);
/* Drops everything. Zero state is fine. */
void file_cache_clear(struct file_cache *fc);

/* The file at path beneath the folder of h. 0 with *out, to be given back by file_put; or the HTTP status, see
 * file_open (serve.h). */
unsigned file_cache_open(struct file_cache *fc, const struct serve_host *h, const char *path,
	bool is_dir, struct file **out);
/* NULL is fine. */
void file_put(struct file *f);

#endif
