/*
 * t_file_cache.c: user/tool/file_cache: what is kept open, and that no change of a file goes unseen. Both
 * backends of the loop.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/file_cache.h"

#define LONG_MS 600000

static char folder[] = "/tmp/leat-t-file-cache-XXXXXX";
static int dirfd_;
static struct serve_host host;

static void put_file(const char *name, const char *text)
{
	int fd = openat(dirfd_, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void remove_all(void)
{
	DIR *d = fdopendir(openat(dirfd_, ".", O_RDONLY));
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && unlinkat(dirfd_, e->d_name, 0) != 0)
			unlinkat(dirfd_, e->d_name, AT_REMOVEDIR);
	closedir(d);
}

static unsigned num_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

struct rig {
	struct loop *l;
	struct file_cache fc;
};

static void rig_open(struct rig *r, void **state, uint64_t keep_ms)
{
	int err;

	r->l = loop_new(*(enum loop_backend *)*state, &err);
	if (r->l == NULL)
		skip();
	file_cache_init(&r->fc, r->l, keep_ms);
}

static void rig_close(struct rig *r)
{
	loop_free(r->l);
	file_cache_clear(&r->fc);
	remove_all();
}

/* Deadlines that have passed take effect. */
static void settle(struct rig *r)
{
	for (int i = 0; i < 3; i++)
		assert_true(loop_run_once(r->l, 0) >= 0);
}

static struct file *get(struct rig *r, const char *path)
{
	struct file *f = NULL;

	assert_int_equal(file_cache_open(&r->fc, &host, path, false, &f), 0);
	assert_non_null(f);
	return f;
}

static void expect(struct rig *r, const char *path, const char *text)
{
	struct file *f = get(r, path);

	assert_int_equal(f->meta.size, strlen(text));
	assert_non_null(f->data);
	assert_memory_equal(f->data, text, strlen(text));
	file_put(f);
}

static void the_same_file_is_kept(void **state)
{
	struct file *a, *b;
	struct rig r;

	rig_open(&r, state, LONG_MS);
	put_file("a", "hello");
	a = get(&r, "a");
	b = get(&r, "a");
	assert_ptr_equal(a, b);
	file_put(a);
	file_put(b);
	b = get(&r, "a");
	assert_ptr_equal(a, b);
	file_put(b);
	rig_close(&r);
}

/* Every way in which a file becomes another; the loop hears of it before the next request. */
static void replace(void)
{
	put_file("new", "replaced");
	assert_int_equal(renameat(dirfd_, "new", dirfd_, "a"), 0);
}
static void rewrite_it(void)
{
	put_file("a", "replaced");
}
static void same_size(void)
{
	int fd = openat(dirfd_, "a", O_WRONLY);

	assert_int_equal(pwrite(fd, "replaced", 8, 0), 8);
	close(fd);
}
static void remove_and_make(void)
{
	assert_int_equal(unlinkat(dirfd_, "a", 0), 0);
	put_file("a", "replaced");
}
static void move_away(void)
{
	assert_int_equal(renameat(dirfd_, "a", dirfd_, "b"), 0);
	put_file("a", "replaced");
}
static void through_other_name(void)
{
	assert_int_equal(linkat(dirfd_, "a", dirfd_, "b", 0), 0);
	put_file("b", "replaced");
}

static void changes_are_seen(void **state)
{
	void (*const ways[])(void) = { replace, rewrite_it, same_size, remove_and_make, move_away,
		through_other_name };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct file *old;
		struct rig r;

		rig_open(&r, state, LONG_MS);
		put_file("a", "original");
		expect(&r, "a", "original");
		old = get(&r, "a");
		ways[i]();
		expect(&r, "a", "replaced");
		/* whoever is sending it goes on with what was promised */
		assert_memory_equal(old->data, "original", 8);
		file_put(old);
		rig_close(&r);
	}
}

static void a_removed_file_is_gone(void **state)
{
	struct file *f = NULL;
	struct rig r;

	rig_open(&r, state, LONG_MS);
	put_file("a", "x");
	expect(&r, "a", "x");
	assert_int_equal(unlinkat(dirfd_, "a", 0), 0);
	assert_int_equal(file_cache_open(&r.fc, &host, "a", false, &f), 404);
	assert_null(f);
	rig_close(&r);
}

static void a_path_is_trusted_only_so_long(void **state)
{
	struct rig r;

	rig_open(&r, state, 20);
	put_file("one", "1");
	put_file("two", "2");
	assert_int_equal(symlinkat("one", dirfd_, "link"), 0);
	expect(&r, "link", "1");
	assert_int_equal(unlinkat(dirfd_, "link", 0), 0);
	assert_int_equal(symlinkat("two", dirfd_, "link"), 0);
	usleep(30000);
	settle(&r);
	expect(&r, "link", "2");
	rig_close(&r);
}

static void nothing_stays_open_unasked(void **state)
{
	unsigned before;
	struct rig r;

	rig_open(&r, state, 20);
	put_file("a", "x");
	settle(&r);
	before = num_fds();
	expect(&r, "a", "x");
	assert_int_equal(num_fds(), before + 1);
	usleep(50000);
	settle(&r);
	assert_int_equal(num_fds(), before);
	rig_close(&r);
}

static void two_names_of_one_file(void **state)
{
	struct rig r;

	rig_open(&r, state, LONG_MS);
	put_file("a", "both");
	assert_int_equal(linkat(dirfd_, "a", dirfd_, "b", 0), 0);
	settle(&r);
	expect(&r, "a", "both");
	expect(&r, "b", "both");
	/* the end of one name is no end of the watch for the other, whichever is dropped */
	assert_int_equal(unlinkat(dirfd_, "a", 0), 0);
	expect(&r, "b", "both");
	put_file("b", "else");
	expect(&r, "b", "else");
	rig_close(&r);
}

static void names_that_share_a_slot(void **state)
{
	char name[16];
	unsigned before;
	struct rig r;

	rig_open(&r, state, LONG_MS);
	before = num_fds();
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3 * FILE_CACHE_SLOTS; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			if (round == 0)
				put_file(name, name);
			expect(&r, name, name);
		}
	assert_true(num_fds() <= before + FILE_CACHE_SLOTS);
	rig_close(&r);
}

static void sizes(void **state)
{
	static const int n[] = { 0, 1, FILE_CACHE_DATA_MAX, FILE_CACHE_DATA_MAX + 1 };
	static char text[FILE_CACHE_DATA_MAX + 2];
	struct rig r;

	rig_open(&r, state, LONG_MS);
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		struct file *f;

		memset(text, 'x', (size_t)n[i]);
		text[n[i]] = '\0';
		put_file("a", text);
		f = get(&r, "a");
		assert_int_equal(f->meta.size, n[i]);
		assert_int_equal(f->data != NULL, n[i] > 0 && n[i] <= FILE_CACHE_DATA_MAX);
		file_put(f);
	}
	rig_close(&r);
}

static void what_is_no_file(void **state)
{
	struct file *f = NULL;
	struct rig r;

	rig_open(&r, state, LONG_MS);
	assert_int_equal(mkdirat(dirfd_, "dir", 0755), 0);
	assert_int_equal(mkfifoat(dirfd_, "pipe", 0644), 0);
	put_file("a", "x");
	assert_int_equal(file_cache_open(&r.fc, &host, "dir", false, &f), 301);
	assert_int_equal(file_cache_open(&r.fc, &host, "dir", true, &f), 403);
	assert_int_equal(file_cache_open(&r.fc, &host, "pipe", false, &f), 403);
	assert_int_equal(file_cache_open(&r.fc, &host, "a", true, &f), 404);
	assert_int_equal(file_cache_open(&r.fc, &host, "../etc", false, &f), 404);
	/* a good answer for "a" says nothing of "a/" */
	expect(&r, "a", "x");
	assert_int_equal(file_cache_open(&r.fc, &host, "a", true, &f), 404);
	assert_null(f);
	rig_close(&r);
}

/* A folder that was closed may leave its descriptor to another one. */
static void another_folder_with_the_same_descriptor(void **state)
{
	struct serve_host other = { .dirfd = dirfd_, .dir_id = host.dir_id + 1 };
	struct file *a, *b = NULL;
	struct rig r;

	rig_open(&r, state, LONG_MS);
	put_file("a", "x");
	a = get(&r, "a");
	assert_int_equal(file_cache_open(&r.fc, &other, "a", false, &b), 0);
	assert_ptr_not_equal(a, b);
	file_put(a);
	file_put(b);
	rig_close(&r);
}

static void keeping_nothing(void **state)
{
	struct file *f;
	unsigned before;
	struct rig r;

	rig_open(&r, state, 0);
	put_file("a", "x");
	before = num_fds();
	f = get(&r, "a");
	assert_null(f->data);
	assert_int_equal(num_fds(), before + 1);
	file_put(f);
	assert_int_equal(num_fds(), before);
	rig_close(&r);
}

static void without_memory(void **state)
{
	struct file *f;
	unsigned before;
	struct rig r;

	rig_open(&r, state, LONG_MS);
	put_file("a", "hello");
	settle(&r);
	before = num_fds();
	for (long i = 1; i <= 3; i++) {
		unsigned status;

		f = NULL;
		leat_mem_fail_at(i);
		status = file_cache_open(&r.fc, &host, "a", false, &f);
		leat_mem_fail_at(0);
		if (status != 0) {
			assert_int_equal(status, 503);
			assert_int_equal(num_fds(), before);
			continue;
		}
		/* without its content, or with it */
		assert_int_equal(f->meta.size, 5);
		file_put(f);
		put_file("a", "hello");
		settle(&r);
	}
	rig_close(&r);
}

static int open_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	dirfd_ = host.dirfd = open(folder, O_PATH | O_DIRECTORY);
	return dirfd_ >= 0 ? 0 : -1;
}

static int close_folder(void **state)
{
	(void)state;
	close(dirfd_);
	return rmdir(folder);
}

#define BOTH(f) cmocka_unit_test_prestate(f, &uring), cmocka_unit_test_prestate(f, &poll_)

int main(void)
{
	static enum loop_backend uring = LOOP_URING, poll_ = LOOP_POLL;
	const struct CMUnitTest tests[] = {
		BOTH(the_same_file_is_kept),
		BOTH(changes_are_seen),
		BOTH(a_removed_file_is_gone),
		BOTH(a_path_is_trusted_only_so_long),
		BOTH(nothing_stays_open_unasked),
		BOTH(two_names_of_one_file),
		BOTH(names_that_share_a_slot),
		BOTH(sizes),
		BOTH(what_is_no_file),
		BOTH(another_folder_with_the_same_descriptor),
		BOTH(keeping_nothing),
		BOTH(without_memory),
	};

	return cmocka_run_group_tests(tests, open_folder, close_folder);
}
