/* SPDX-License-Identifier: Apache-2.0
 *
 * t_stores.c - what every session store has to do, asked of all of them alike: in memory, in an LMDB
 * file and in Redis, open and sealed. Then what is particular to files: foreign, cut, full, forked, killed in the
 * middle.
 */
#include "vec.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <leat/store.h>

#include "base/mem.h"
#include "session/store.h"
#include "sock/store_value.h"
#include "storekit.h"

#define LIFE 1000

static struct leat_err err;
static int64_t now_s;

static struct leat_span id_of(unsigned number)
{
	static uint8_t b[4][32];
	static unsigned at;
	uint8_t *p = b[at++ % 4];

	memset(p, 0xa5, 32);
	memcpy(p, &number, sizeof(number));
	return (struct leat_span){ p, 32 };
}

static struct session_data sample(unsigned number)
{
	struct session_data d = {
		.version = LEAT_TLS13,
		.suite = suite_by_id(0x1301),
		.issued_s = now_s,
		.auth_s = now_s,
		.lifetime_s = LIFE,
		.age_add = number,
	};

	leat_secret_set(&d.secret, "0123456789abcdef0123456789abcdef", 32);
	return d;
}

static enum leat_ret put(struct leat_store *s, unsigned number)
{
	struct session_data d = sample(number);

	return store_put(s, id_of(number), &d);
}

static bool find(struct leat_store *s, unsigned number, bool take, int64_t at_s)
{
	struct ticket_plain plain = { 0 };
	struct session_data d;
	bool found = store_find(s, id_of(number), take, at_s, &plain, &d) == LEAT_OK;

	if (found)
		assert_int_equal(d.age_add, number);
	ticket_plain_clear(&plain);
	return found;
}

/* ---- asked of all ---- */

static void there_and_back(struct leat_store *s)
{
	assert_false(find(s, 1, false, now_s));
	assert_false(find(s, 1, true, now_s));
	assert_int_equal(put(s, 1), LEAT_OK);
	assert_true(find(s, 1, false, now_s));
	assert_true(find(s, 1, false, now_s));
	assert_false(find(s, 2, false, now_s));
	assert_true(find(s, 1, true, now_s));
	assert_false(find(s, 1, true, now_s));
	assert_false(find(s, 1, false, now_s));
	assert_int_equal(put(s, 1), LEAT_OK);
	store_drop(s, id_of(1));
	store_drop(s, id_of(1));
	assert_false(find(s, 1, false, now_s));
}

static void the_newer_stays(struct leat_store *s)
{
	struct session_data d = sample(7);
	struct ticket_plain plain = { 0 };

	assert_int_equal(put(s, 2), LEAT_OK);
	assert_int_equal(store_put(s, id_of(2), &d), LEAT_OK);
	assert_int_equal(store_find(s, id_of(2), false, now_s, &plain, &d), LEAT_OK);
	assert_int_equal(d.age_add, 7);
	store_drop(s, id_of(2));
}

static void expiry(struct leat_store *s)
{
	assert_int_equal(put(s, 3), LEAT_OK);
	assert_true(find(s, 3, false, now_s + LIFE - 1));
	assert_false(find(s, 3, true, now_s + LIFE));
	assert_int_equal(put(s, 3), LEAT_OK);
	assert_false(find(s, 3, false, now_s + LIFE));
	assert_false(find(s, 3, false, now_s)); /* forgotten for good, where the store can */
}

static void bounds(struct leat_store *s)
{
	static const uint8_t id[65] = { 9 }, big[TICKET_PLAIN_MAX] = { 1 };
	struct session_data d = sample(1);

	assert_int_equal(store_put(s, (struct leat_span){ id, 0 }, &d), LEAT_UNSUPPORTED);
	assert_int_equal(store_put(s, (struct leat_span){ id, 65 }, &d), LEAT_UNSUPPORTED);
	assert_int_equal(store_put(s, (struct leat_span){ id, 64 }, &d), LEAT_OK);
	assert_int_equal(store_put(s, (struct leat_span){ id, 1 }, &d), LEAT_OK);
	d.ticket = (struct leat_span){ big, sizeof(big) };
	assert_int_equal(store_put(s, (struct leat_span){ id, 2 }, &d), LEAT_UNSUPPORTED);
	store_drop(s, (struct leat_span){ id, 0 });
	store_drop(s, (struct leat_span){ id, 65 });
	store_drop(s, (struct leat_span){ id, 64 });
	store_drop(s, (struct leat_span){ id, 1 });
}

#define TAKEN 300

static struct leat_store *shared;

static uintptr_t take_all(struct leat_store *s)
{
	uintptr_t got = 0;

	for (unsigned i = 0; i < TAKEN; i++) {
		struct ticket_plain plain = { 0 };
		struct session_data d;
		uint8_t id[32];

		memset(id, 0xa5, 32);
		i += 1000;
		memcpy(id, &i, sizeof(i));
		i -= 1000;
		got += store_find(s, (struct leat_span){ id, 32 }, true, now_s, &plain, &d) ==
		       LEAT_OK;
	}
	return got;
}

static void *taker(void *arg)
{
	(void)arg;
	return (void *)take_all(shared);
}

static void one_thread_of_several(struct leat_store *s)
{
	uintptr_t sum = 0;
	pthread_t t[4];
	void *got;

	shared = s;
	for (unsigned i = 0; i < TAKEN; i++)
		assert_int_equal(put(s, 1000 + i), LEAT_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, taker, NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &got), 0);
		sum += (uintptr_t)got;
	}
	assert_int_equal(sum, TAKEN);
}

/* How many a child got, through a pipe; the store goes on being used after fork. */
static void one_process_of_several(struct leat_store *s)
{
	uintptr_t got, sum = 0;
	int p[2], status;
	pid_t child[3];

	for (unsigned i = 0; i < TAKEN; i++)
		assert_int_equal(put(s, 1000 + i), LEAT_OK);
	assert_int_equal(pipe(p), 0);
	for (int i = 0; i < 3; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0) {
			got = take_all(s);
			_exit(write(p[1], &got, sizeof(got)) != sizeof(got));
		}
	}
	sum = take_all(s);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
		assert_int_equal(read(p[0], &got, sizeof(got)), sizeof(got));
		sum += got;
	}
	assert_int_equal(sum, TAKEN);
	close(p[0]);
	close(p[1]);
	assert_int_equal(put(s, 5), LEAT_OK);
	assert_true(find(s, 5, true, now_s));
}

static void contract(struct leat_store *s, bool processes)
{
	there_and_back(s);
	the_newer_stays(s);
	expiry(s);
	bounds(s);
	one_thread_of_several(s);
	if (processes)
		one_process_of_several(s);
}

/* ---- the stores ---- */

static const uint8_t a_key[32] = "an operator's own sealing key 32";
static const uint8_t b_key[32] = "another sealing key of 32 bytes.";

static const struct leat_store_opts sealed = { .key = { a_key, 32 } };
static const struct leat_store_opts other = { .key = { b_key, 32 } };

static struct leat_store *open_store(const char *text, const struct leat_store_opts *opts)
{
	struct leat_store *s;
	char why[300];

	if (leat_store_open(&s, text, opts, &err) != LEAT_OK)
		fail_msg("%s: %s", text, leat_strerror(&err, why, sizeof(why)));
	return s;
}

static const char *lmdb_at(const char *name)
{
	static char text[4][400];
	static unsigned at;
	char *p = text[at++ % 4];

	snprintf(p, sizeof(text[0]), "lmdb:%s/%s", kit_dir(), name);
	return p;
}

static void in_memory(void **state)
{
	struct leat_store *s = open_store("memory:1000", NULL);

	(void)state;
	contract(s, false);
	leat_store_unref(s);
}

static void in_a_file(void **state)
{
	struct leat_store *s = open_store(lmdb_at("open"), NULL);

	(void)state;
	contract(s, true);
	leat_store_unref(s);
	s = open_store(lmdb_at("sealed"), &sealed);
	contract(s, true);
	leat_store_unref(s);
}

static void in_redis(void **state)
{
	struct leat_store *s;

	(void)state;
	if (!kit_redis_start()) {
		print_message("no redis-server on this machine\n");
		skip();
	}
	s = open_store(kit_redis_url(), NULL);
	contract(s, false);
	leat_store_unref(s);
	s = open_store(kit_redis_url(), &sealed);
	contract(s, false);
	leat_store_unref(s);
	kit_redis_stop();
}

static void names(void **state)
{
	static const char *const bad[] = { "", "memory", "memory:", "memory:0", "memory:x",
		"memory:-1", "memory:99999999", "lmdb:", "redis", "redis://", "redis://h:0",
		"redis+unix:", "http://x/", "lmdb" };
	const struct leat_store_opts short_key = { .key = { a_key, 31 } };
	struct leat_store *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(leat_store_open(&s, bad[i], NULL, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_OPTION);
		assert_null(s);
	}
	memset(&err, 0, sizeof(err));
	assert_int_equal(leat_store_open(&s, lmdb_at("k"), &short_key, &err), LEAT_FAILED);
	assert_string_equal(err.option, "session_store_key");
	memset(&err, 0, sizeof(err));
}

/* ---- values ---- */

static void values(void **state)
{
	struct store_common open, closed;
	struct store_value v, w;
	const struct leat_span text = { (const uint8_t *)"a session's secret", 18 };
	uint8_t buf[TICKET_PLAIN_MAX];
	int64_t at;
	size_t n;

	(void)state;
	assert_int_equal(store_common_init(&open, NULL, &err), LEAT_OK);
	assert_int_equal(store_common_init(&closed, &sealed, &err), LEAT_OK);
	assert_int_equal(store_value_make(&closed, id_of(1), text, 100, &v), LEAT_OK);
	assert_null(memmem(v.b, v.n, text.p, text.n));
	assert_true(store_value_expires((struct leat_span){ v.b, v.n }, &at) && at == 100);
	assert_true(store_value_open(
		&closed, id_of(1), (struct leat_span){ v.b, v.n }, 99, buf, sizeof(buf), &n));
	assert_int_equal(n, text.n);
	assert_memory_equal(buf, text.p, n);
	/* late, of another id, too little room, without the key */
	assert_false(store_value_open(
		&closed, id_of(1), (struct leat_span){ v.b, v.n }, 100, buf, sizeof(buf), &n));
	assert_false(store_value_open(
		&closed, id_of(2), (struct leat_span){ v.b, v.n }, 99, buf, sizeof(buf), &n));
	assert_false(store_value_open(
		&closed, id_of(1), (struct leat_span){ v.b, v.n }, 99, buf, text.n - 1, &n));
	assert_false(store_value_open(
		&open, id_of(1), (struct leat_span){ v.b, v.n }, 99, buf, sizeof(buf), &n));
	/* cut anywhere, or one bit changed anywhere: a longer life included */
	for (size_t i = 0; i < v.n; i++) {
		assert_false(store_value_open(
			&closed, id_of(1), (struct leat_span){ v.b, i }, 9, buf, sizeof(buf), &n));
		v.b[i] ^= 1;
		assert_false(store_value_open(&closed, id_of(1), (struct leat_span){ v.b, v.n }, 9,
			buf, sizeof(buf), &n));
		v.b[i] ^= 1;
	}
	/* one without key takes no value for a sealed one, and the other way round */
	assert_int_equal(store_value_make(&open, id_of(1), text, 100, &w), LEAT_OK);
	assert_non_null(memmem(w.b, w.n, text.p, text.n));
	assert_true(store_value_open(
		&open, id_of(1), (struct leat_span){ w.b, w.n }, 99, buf, sizeof(buf), &n));
	assert_false(store_value_open(
		&closed, id_of(1), (struct leat_span){ w.b, w.n }, 99, buf, sizeof(buf), &n));
	for (size_t i = 0; i <= STORE_HEAD; i++)
		assert_false(store_value_open(
			&open, id_of(1), (struct leat_span){ w.b, i }, 9, buf, sizeof(buf), &n));
	assert_int_equal(store_value_make(&open, id_of(1), text, -1, &w), LEAT_UNSUPPORTED);
	store_common_clear(&open);
	store_common_clear(&closed);
}

/* ---- files ---- */

static void a_file_is_private(void **state)
{
	static const char *const beside[] = { "", "-lock", "-boot" };
	struct leat_store *s = open_store(lmdb_at("private"), NULL);
	char path[500];
	struct stat st;

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/private%s", kit_dir(), beside[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	leat_store_unref(s);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/private%s", kit_dir(), beside[i]);
		assert_int_equal(chmod(path, 0640), 0);
		assert_int_equal(leat_store_open(&s, lmdb_at("private"), NULL, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_FILE);
		assert_non_null(strstr(err.what, "open to other users"));
		memset(&err, 0, sizeof(err));
		assert_int_equal(chmod(path, 0600), 0);
	}
	leat_store_unref(open_store(lmdb_at("private"), NULL));
}

static void what_is_sealed(void **state)
{
	struct leat_store *s = open_store(lmdb_at("keys"), &sealed), *t;
	char path[500];
	uint8_t *all;
	size_t n;

	(void)state;
	assert_int_equal(put(s, 1), LEAT_OK);
	snprintf(path, sizeof(path), "%s/keys", kit_dir());
	all = kit_read(path, &n);
	assert_null(memmem(all, n, "0123456789abcdef", 16));
	free(all);
	/* the same file with another key, and with none: nothing there, nothing destroyed */
	t = open_store(lmdb_at("keys"), &other);
	assert_false(find(t, 1, true, now_s));
	leat_store_unref(t);
	t = open_store(lmdb_at("keys"), NULL);
	assert_false(find(t, 1, true, now_s));
	assert_int_equal(put(t, 2), LEAT_OK);
	assert_false(find(s, 2, false, now_s));
	assert_true(find(s, 1, true, now_s));
	leat_store_unref(t);
	leat_store_unref(s);
}

/* Those that end first go when there are too many; expired ones are swept by later puts. */
static void full(void **state)
{
	const struct leat_store_opts few = { .max = 50 };
	struct leat_store *s = open_store(lmdb_at("few"), &few);
	struct session_data d;
	unsigned left = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		d = sample(i);
		d.lifetime_s = LIFE + i;
		assert_int_equal(store_put(s, id_of(i), &d), LEAT_OK);
	}
	for (unsigned i = 0; i < 200; i++)
		left += find(s, i, false, now_s);
	assert_int_equal(left, 50);
	for (unsigned i = 150; i < 200; i++)
		assert_true(find(s, i, false, now_s));
	leat_store_unref(s);
	/* more than the file was made for: it never gets larger, the newest are there */
	s = open_store(lmdb_at("few"), NULL);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(put(s, i), LEAT_OK);
	assert_true(find(s, 19999, true, now_s));
	leat_store_unref(s);
}

static void refuses(const char *name, const char *what)
{
	struct leat_store *s;

	assert_int_equal(leat_store_open(&s, lmdb_at(name), NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_FILE);
	assert_string_equal(err.option, "session_store");
	if (!strstr(err.what, what))
		fail_msg("wanted %s, got %s (%s)", what, err.what, err.detail);
	assert_null(s);
	memset(&err, 0, sizeof(err));
}

static void foreign_files(void **state)
{
	char path[500];
	uint8_t *all, *same;
	size_t n, m;

	(void)state;
	snprintf(path, sizeof(path), "%s/foreign", kit_dir());
	for (size_t size = 1; size <= 100000; size = size * 3 + 1) {
		all = malloc(size);
		for (size_t i = 0; i < size; i++)
			all[i] = (uint8_t)vec_rand();
		kit_write(path, all, size);
		refuses("foreign", "not a file of sessions");
		same = kit_read(path, &m);
		assert_int_equal(m, size);
		assert_memory_equal(same, all, m);
		free(same);
		free(all);
	}
	/* ours, cut */
	leat_store_unref(open_store(lmdb_at("cut"), NULL));
	{
		struct leat_store *s = open_store(lmdb_at("cut"), NULL);

		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(put(s, i), LEAT_OK);
		leat_store_unref(s);
	}
	snprintf(path, sizeof(path), "%s/cut", kit_dir());
	all = kit_read(path, &n);
	assert_true(n > 10 * 4096);
	for (size_t size = n - 4096; size > 4096; size -= 4096) {
		kit_write(path, all, size);
		refuses("cut", "not a file of sessions");
	}
	kit_write(path, all, n);
	{
		struct leat_store *s = open_store(lmdb_at("cut"), NULL);

		assert_true(find(s, 99, true, now_s));
		leat_store_unref(s);
	}
	free(all);
	snprintf(path, sizeof(path), "%s/dir", kit_dir());
	assert_int_equal(mkdir(path, 0700), 0);
	refuses("dir", "not a regular file");
	refuses("no/such/folder", "cannot be opened");
}

/* A file of an earlier life of the machine: a new one begins. */
static void after_a_crash_of_the_machine(void **state)
{
	struct leat_store *s = open_store(lmdb_at("life"), NULL);
	char path[500];

	(void)state;
	assert_int_equal(put(s, 1), LEAT_OK);
	leat_store_unref(s);
	s = open_store(lmdb_at("life"), NULL);
	assert_true(find(s, 1, false, now_s));
	leat_store_unref(s);
	snprintf(path, sizeof(path), "%s/life-boot", kit_dir());
	kit_write(path, (const uint8_t *)"an earlier one", 14);
	s = open_store(lmdb_at("life"), NULL);
	assert_false(find(s, 1, false, now_s));
	assert_int_equal(put(s, 2), LEAT_OK);
	leat_store_unref(s);
	s = open_store(lmdb_at("life"), NULL);
	assert_true(find(s, 2, false, now_s));
	leat_store_unref(s);
}

static unsigned lines;
static char last_line[300];

static void note(void *arg, const char *line)
{
	(void)arg;
	lines++;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

/* The disk is full (here: no file may grow): nothing is kept, one line says so; and back. */
static void no_room(void **state)
{
	const struct leat_store_opts opts = { .log = note };
	struct leat_store *s = open_store(lmdb_at("room"), &opts);
	struct rlimit was, tight;
	unsigned refused = 0, i;

	(void)state;
	lines = 0;
	assert_int_equal(put(s, 1), LEAT_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	tight = was;
	tight.rlim_cur = 64 * 1024;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (i = 2; i < 2000 && refused < 20; i++)
		refused += put(s, i) != LEAT_OK;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(refused, 20);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "going on without"));
	assert_true(find(s, 1, false, now_s));
	assert_int_equal(put(s, i), LEAT_OK);
	assert_true(find(s, i, true, now_s));
	assert_int_equal(lines, 2);
	assert_non_null(strstr(last_line, "back"));
	leat_store_unref(s);
}

/* Writers and takers are killed at any moment: what was kept before is there, and the file goes on. */
static void killed(void **state)
{
	struct leat_store *s = open_store(lmdb_at("killed"), NULL);
	int status;

	(void)state;
	assert_int_equal(put(s, 777777), LEAT_OK);
	for (int round = 0; round < 60; round++) {
		pid_t child = fork();
		struct timespec t = { .tv_nsec = 1000000 + (long)(vec_rand() % 20000000) };

		assert_true(child >= 0);
		if (child == 0)
			for (unsigned i = 0;; i++) {
				(void)put(s, i % 500);
				(void)find(s, vec_rand() % 500, true, now_s);
			}
		nanosleep(&t, NULL);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_true(find(s, 777777, false, now_s));
		assert_int_equal(put(s, 888888), LEAT_OK);
		assert_true(find(s, 888888, true, now_s));
	}
	leat_store_unref(s);
	s = open_store(lmdb_at("killed"), NULL);
	assert_true(find(s, 777777, true, now_s));
	leat_store_unref(s);
}

static void each_allocation_fails(void **state)
{
	struct leat_store *s;
	unsigned long n;

	(void)state;
	leat_store_unref(open_store(lmdb_at("oom"), NULL));
	for (n = 1;; n++) {
		enum leat_ret r;

		leat_mem_fail_at(n);
		r = leat_store_open(&s, lmdb_at("oom"), &sealed, &err);
		leat_mem_fail_at(0);
		if (r == LEAT_OK)
			break;
		assert_null(s);
		assert_true(err.cls == LEAT_E_MEMORY || err.cls == LEAT_E_CRYPTO);
		memset(&err, 0, sizeof(err));
	}
	assert_true(n >= 4);
	assert_int_equal(put(s, 1), LEAT_OK);
	leat_store_unref(s);
}

static int start(void **state)
{
	(void)state;
	now_s = (int64_t)time(NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	kit_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(in_a_file),
		cmocka_unit_test(in_redis),
		cmocka_unit_test(names),
		cmocka_unit_test(values),
		cmocka_unit_test(a_file_is_private),
		cmocka_unit_test(what_is_sealed),
		cmocka_unit_test(full),
		cmocka_unit_test(foreign_files),
		cmocka_unit_test(after_a_crash_of_the_machine),
		cmocka_unit_test(no_room),
		cmocka_unit_test(killed),
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
