/* SPDX-License-Identifier: Apache-2.0
 *
 * t_store_redis.c - a Redis store whose server is away, stopped, refusing, or says nonsense: nothing fails,
 * nothing waits longer than it may, one line is told, and when the server is back so is the store. What
 * every store has to do is in t_stores.c.
 *
 * The servers that misbehave are a thread with a socket; the ones that stop and die are redis-server.
 */
#include "vec.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <leat/store.h>

#include "base/mem.h"
#include "session/store.h"
#include "storekit.h"

#define WAIT_MS 200

static struct leat_err err;
static int64_t now_s;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

/* ---- what the store tells ---- */

static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static char told[4096];

static void on_line(void *arg, const char *line)
{
	(void)arg;
	pthread_mutex_lock(&told_lock);
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n", line);
	pthread_mutex_unlock(&told_lock);
}

static bool was_told(const char *text)
{
	bool there;

	pthread_mutex_lock(&told_lock);
	there = strstr(told, text) != NULL;
	pthread_mutex_unlock(&told_lock);
	return there;
}

static void wait_told(const char *text)
{
	for (int i = 0; i < 1000 && !was_told(text); i++)
		sleep_ms(10);
	if (!was_told(text))
		fail_msg("not told: %s\nbut: %s", text, told);
}

/* ---- a store and its use ---- */

static struct leat_store *open_at(const char *base)
{
	const struct leat_store_opts opts = { .log = on_line };
	struct leat_store *s;
	char url[300], why[300];

	told[0] = '\0';
	snprintf(url, sizeof(url), "%s?timeout_ms=%d", base, WAIT_MS);
	memset(&err, 0, sizeof(err));
	if (leat_store_redis_new(&s, url, &opts, &err) != LEAT_OK)
		fail_msg("%s: %s", url, leat_strerror(&err, why, sizeof(why)));
	return s;
}

static const struct leat_span id = { (const uint8_t *)"an id of a session", 18 };

static enum leat_ret put(struct leat_store *s)
{
	struct session_data d = {
		.version = LEAT_TLS13,
		.suite = suite_by_id(0x1301),
		.issued_s = now_s,
		.auth_s = now_s,
		.lifetime_s = 1000,
	};

	leat_secret_set(&d.secret, "0123456789abcdef0123456789abcdef", 32);
	return store_put(s, id, &d);
}

static bool find(struct leat_store *s, bool take)
{
	struct ticket_plain plain = { 0 };
	struct session_data d;
	enum leat_ret r = store_find(s, id, take, now_s, &plain, &d);

	assert_true(r == LEAT_OK || r == LEAT_UNSUPPORTED);
	ticket_plain_clear(&plain);
	return r == LEAT_OK;
}

/* The store is down: operations say so, and at once. One that finds out may wait, the others not. */
static void goes_on_without(struct leat_store *s)
{
	int64_t begin = now_ms();

	assert_false(find(s, false));
	assert_in_range(now_ms() - begin, 0, WAIT_MS + 1500);
	begin = now_ms();
	for (int i = 0; i < 100; i++) {
		assert_int_equal(put(s), LEAT_UNSUPPORTED);
		assert_false(find(s, i & 1));
		store_drop(s, id);
	}
	assert_in_range(now_ms() - begin, 0, 1000);
}

static void comes_back(struct leat_store *s)
{
	wait_told("back");
	assert_int_equal(put(s), LEAT_OK);
	assert_true(find(s, false));
	assert_true(find(s, true));
	assert_false(find(s, true));
}

/* ---- a server of redis's ---- */

static void need_redis(void)
{
	if (!kit_redis_start()) {
		print_message("no redis-server on this machine\n");
		skip();
	}
}

static void away_from_the_start(void **state)
{
	struct leat_store *s;

	(void)state;
	s = open_at(kit_redis_url());
	assert_true(was_told("redis: no connection to the server; going on without"));
	goes_on_without(s);
	need_redis();
	comes_back(s);
	leat_store_unref(s);
	kit_redis_stop();
}

static void dies_and_is_started_anew(void **state)
{
	struct leat_store *s;

	(void)state;
	need_redis();
	s = open_at(kit_redis_url());
	assert_string_equal(told, "");
	assert_int_equal(put(s), LEAT_OK);
	assert_true(find(s, false));
	kit_redis_stop();
	wait_told("the server closed the connection");
	goes_on_without(s);
	need_redis();
	comes_back(s);
	leat_store_unref(s);
	kit_redis_stop();
}

static void stops_and_goes_on(void **state)
{
	struct leat_store *s;

	(void)state;
	need_redis();
	s = open_at(kit_redis_url());
	assert_int_equal(put(s), LEAT_OK);
	assert_true(find(s, false));
	assert_int_equal(kill(kit_redis_pid(), SIGSTOP), 0);
	goes_on_without(s);
	wait_told("the server does not answer in time");
	sleep_ms(1500); /* meanwhile the thread tries in vain */
	goes_on_without(s);
	assert_int_equal(kill(kit_redis_pid(), SIGCONT), 0);
	comes_back(s);
	leat_store_unref(s);
	kit_redis_stop();
}

/* Several wait at the same moment: none longer than alone. */
static void *finder(void *arg)
{
	return (void *)(uintptr_t)find(arg, false);
}

static void stops_under_many(void **state)
{
	struct leat_store *s;
	pthread_t t[8];
	int64_t begin;
	void *found;

	(void)state;
	need_redis();
	s = open_at(kit_redis_url());
	assert_int_equal(put(s), LEAT_OK);
	assert_int_equal(kill(kit_redis_pid(), SIGSTOP), 0);
	begin = now_ms();
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, finder, s), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(t[i], &found), 0);
		assert_null(found);
	}
	assert_in_range(now_ms() - begin, 0, WAIT_MS + 1500);
	assert_int_equal(kill(kit_redis_pid(), SIGCONT), 0);
	leat_store_unref(s);
	kit_redis_stop();
}

/* What was put just before the end is there. */
static void what_is_on_its_way_arrives(void **state)
{
	struct leat_store *s;

	(void)state;
	need_redis();
	for (int i = 0; i < 20; i++) {
		s = open_at(kit_redis_url());
		assert_int_equal(put(s), LEAT_OK);
		leat_store_unref(s);
		s = open_at(kit_redis_url());
		assert_true(find(s, true));
		leat_store_unref(s);
	}
	kit_redis_stop();
}

static void a_fork_has_none(void **state)
{
	struct leat_store *s;
	int status;
	pid_t child;

	(void)state;
	need_redis();
	s = open_at(kit_redis_url());
	assert_int_equal(put(s), LEAT_OK);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		bool ok = put(s) == LEAT_UNSUPPORTED && !find(s, true);

		store_drop(s, id);
		leat_store_unref(s);
		_exit(!ok);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(find(s, true));
	leat_store_unref(s);
	kit_redis_stop();
}

static void each_allocation_fails(void **state)
{
	struct leat_store *s, *t;
	unsigned long n;

	(void)state;
	need_redis();
	s = open_at(kit_redis_url());
	for (n = 1; n < 60; n++) {
		leat_mem_fail_at(n);
		memset(&err, 0, sizeof(err));
		if (leat_store_redis_new(&t, kit_redis_url(), NULL, &err) == LEAT_OK)
			leat_store_unref(t);
		else
			assert_int_equal(err.cls, LEAT_E_MEMORY);
		leat_mem_fail_at(n % 7 + 1);
		(void)put(s);
		leat_mem_fail_at(n % 3 + 1);
		(void)find(s, true);
		leat_mem_fail_at(0);
	}
	for (int i = 0; i < 500 && put(s) != LEAT_OK; i++)
		sleep_ms(20);
	assert_true(find(s, true));
	leat_store_unref(s);
	kit_redis_stop();
}

/* ---- a server of ours, which misbehaves ---- */

struct fake {
	const char *greeting; /* what it says to PING */
	const char *reply;    /* what it says to everything else */
	bool closes;          /* and then it hangs up */
};

static struct {
	int fd;
	pthread_t thread;
	const struct fake *_Atomic how;
	atomic_bool stop;
	char path[128], url[200];
} server;

static void say(int fd, const char *text)
{
	ssize_t k = send(fd, text, strlen(text), MSG_NOSIGNAL);

	(void)k;
}

static void serve_one(int fd)
{
	char buf[8192];
	struct pollfd p = { fd, POLLIN, 0 };

	while (!atomic_load(&server.stop)) {
		const struct fake *f = atomic_load(&server.how);
		ssize_t n;

		if (poll(&p, 1, 20) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf) - 1, 0);
		if (n <= 0)
			return;
		buf[n] = '\0';
		if (strstr(buf, "PING")) {
			say(fd, f->greeting);
			continue;
		}
		say(fd, f->reply);
		if (f->closes)
			return;
	}
}

static void *serve(void *arg)
{
	struct pollfd p = { server.fd, POLLIN, 0 };

	(void)arg;
	while (!atomic_load(&server.stop)) {
		int fd;

		if (poll(&p, 1, 20) <= 0)
			continue;
		fd = accept(server.fd, NULL, NULL);
		serve_one(fd);
		close(fd);
	}
	return NULL;
}

static void fake_start(const struct fake *how)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(server.path, sizeof(server.path), "%s/fake.sock", kit_dir());
	snprintf(server.url, sizeof(server.url), "redis+unix://%s", server.path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", server.path);
	(void)unlink(server.path);
	atomic_store(&server.how, how);
	atomic_store(&server.stop, false);
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void fake_stop(void)
{
	atomic_store(&server.stop, true);
	pthread_join(server.thread, NULL);
	close(server.fd);
}

/* Not one of them is taken for a server, or for a reply; none is waited for longer than a silent one. */
static void nonsense(void **state)
{
	static const struct {
		struct fake how;
		const char *line;
	} rows[] = {
		{ { "", "", false }, "the server does not answer" },
		{ { "-NOAUTH no\r\n", "", false }, "a password may be missing" },
		{ { "HTTP/1.1 400 Bad Request\r\n\r\n", "", false }, "no Redis server" },
		{ { "\r\n", "", false }, "no Redis server" },
		{ { ":1\r\n", "", false }, "no Redis server" },
		{ { "$4\r\nPONG\r\n", "", false }, "no Redis server" },
		{ { "*1\r\n+PONG\r\n", "", false }, "no Redis server" },
		{ { "*1000000000\r\n", "", false }, "no Redis server" },
		{ { "$2147483647\r\nPONG", "", false }, "the server does not answer" },
		{ { "+PO", "", false }, "the server does not answer" },
		{ { "+PONG\r\n+PONG\r\n", "", false }, "no Redis server" },
		{ { "+PONG\r\n", "", false }, "does not answer in time" },
		{ { "+PONG\r\n", "", true }, "closed the connection" },
		{ { "+PONG\r\n", "garbage\r\n", false }, "makes no sense" },
		{ { "+PONG\r\n", "$10\r\nhalf", false }, "does not answer in time" },
		{ { "+PONG\r\n", "$10\r\nhalf", true }, "closed the connection" },
		{ { "+PONG\r\n", "$2147483647\r\n", false }, "does not answer in time" },
		{ { "+PONG\r\n", "$-7\r\n", false }, NULL },
		{ { "+PONG\r\n", "*1000000000\r\n", false }, "makes no sense" },
		{ { "+PONG\r\n", "*1\r\n$1\r\nx\r\n", false }, "makes no sense" },
		{ { "+PONG\r\n", "$-1\r\n:2\r\n", false }, "makes no sense" },
		{ { "+PONG\r\n", ":7\r\n", false }, "makes no sense" },
		{ { "+PONG\r\n", "+OK\r\n", false }, "makes no sense" },
		{ { "+PONG\r\n", "-ERR unknown\r\n", false }, "refuses commands" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct leat_store *s;
		int64_t begin;

		fake_start(&rows[i].how);
		s = open_at(server.url);
		begin = now_ms();
		assert_false(find(s, false));
		assert_in_range(now_ms() - begin, 0, WAIT_MS + 1500);
		if (rows[i].line)
			wait_told(rows[i].line);
		assert_false(find(s, true));
		leat_store_unref(s);
		fake_stop();
	}
}

/* Replies of the right form with what no session is: not found, and the link stays. */
static void values_of_others(void **state)
{
	static char big[70000];
	static const char *const rows[] = { "$0\r\n\r\n", "$1\r\nx\r\n", "$-1\r\n",
		"$30\r\n123456789012345678901234567890\r\n" };
	struct fake f = { "+PONG\r\n", "", false };
	struct leat_store *s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.reply = rows[i];
		fake_start(&f);
		s = open_at(server.url);
		for (int k = 0; k < 3; k++)
			assert_false(find(s, false));
		leat_store_unref(s);
		assert_string_equal(told, ""); /* its thread has ended */
		fake_stop();
	}
	/* longer than any session: as soon as that is known */
	snprintf(big, sizeof(big), "$65000\r\n%0*d\r\n", 65000, 0);
	f.reply = big;
	fake_start(&f);
	s = open_at(server.url);
	assert_false(find(s, false));
	wait_told("makes no sense");
	leat_store_unref(s);
	fake_stop();
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
	kit_redis_stop();
	kit_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(away_from_the_start),
		cmocka_unit_test(dies_and_is_started_anew),
		cmocka_unit_test(stops_and_goes_on),
		cmocka_unit_test(stops_under_many),
		cmocka_unit_test(what_is_on_its_way_arrives),
		cmocka_unit_test(a_fork_has_none),
		cmocka_unit_test(each_allocation_fails),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(values_of_others),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
