/* SPDX-License-Identifier: Apache-2.0
 *
 * t_redis_url.c - URLs of Redis servers: what is read of good ones, and what each bad one is refused for,
 * without a word of it in the error.
 */
#include "vec.h"

#include "sock/redis_url.h"

static struct leat_err err;

static struct redis_url parsed(const char *text)
{
	struct redis_url u;

	memset(&err, 0, sizeof(err));
	if (redis_url_parse(&u, text, &err) != LEAT_OK)
		fail_msg("%s: %s", text, err.what);
	return u;
}

static void hosts(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port, db;
		bool is_tls;
	} rows[] = {
		{ "redis://h", "h", 6379, 0, false },
		{ "redis://h/", "h", 6379, 0, false },
		{ "redis://h:1", "h", 1, 0, false },
		{ "redis://h:65535/15", "h", 65535, 15, false },
		{ "redis://127.0.0.1/65535", "127.0.0.1", 6379, 65535, false },
		{ "redis://[::1]", "::1", 6379, 0, false },
		{ "redis://[::1]:7/2", "::1", 7, 2, false },
		{ "redis://%68ost", "host", 6379, 0, false },
		{ "rediss://h:7/2", "h", 7, 2, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct redis_url u = parsed(rows[i].text);

		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_int_equal(u.db, rows[i].db);
		assert_int_equal(u.is_tls, rows[i].is_tls);
		assert_int_equal(u.timeout_ms, REDIS_WAIT_MS);
		assert_string_equal(u.user, "");
		assert_string_equal(u.password, "");
		assert_string_equal(u.socket, "");
	}
}

static void users(void **state)
{
	struct redis_url u = parsed("redis://me:p%40ss:wo@rd%2f@h:1/2?timeout_ms=7");

	(void)state;
	assert_string_equal(u.user, "me");
	assert_string_equal(u.password, "p@ss:wo@rd/");
	assert_string_equal(u.host, "h");
	assert_int_equal(u.timeout_ms, 7);
	u = parsed("redis://:pw@h");
	assert_string_equal(u.user, "");
	assert_string_equal(u.password, "pw");
}

static void sockets(void **state)
{
	struct redis_url u = parsed("redis+unix:///run/redis%20x.sock");

	(void)state;
	assert_string_equal(u.socket, "/run/redis x.sock");
	assert_string_equal(u.host, "");
	assert_int_equal(u.db, 0);
	u = parsed("redis+unix://:pw@/s?db=3&timeout_ms=10000");
	assert_string_equal(u.socket, "/s");
	assert_string_equal(u.password, "pw");
	assert_int_equal(u.db, 3);
	assert_int_equal(u.timeout_ms, 10000);
}

static void files(void **state)
{
	struct redis_url u = parsed("rediss://h?cacertfile=/a%26b&certfile=c&keyfile=d");

	(void)state;
	assert_string_equal(u.cacertfile, "/a&b");
	assert_string_equal(u.certfile, "c");
	assert_string_equal(u.keyfile, "d");
}

static void bad_ones(void **state)
{
	static const char *const bad[] = { "", "redis", "redis:", "redis:/h", "Redis://h",
		"redis://", "redis:///1", "redis://:1", "redis://h:", "redis://h:0",
		"redis://h:65536", "redis://h:-1", "redis://h:1x", "redis://h:000001",
		"redis://h/x", "redis://h/65536", "redis://h/1/2", "redis://h/ 1", "redis://[::1",
		"redis://[::1]x", "redis://[]", "redis://[::1]:", "redis://secret@h",
		"redis://secret:@h", "redis://:@h", "redis://secret%:x@h", "redis://secret%4:x@h",
		"redis://:secret%0g@h", "redis://:secret%00@h", "redis://h%", "redis://h?",
		"redis://h?x", "redis://h?x=1", "redis://h?timeout_ms=0",
		"redis://h?timeout_ms=10001", "redis://h?timeout_ms=", "redis://h?db=1",
		"redis://h?cacertfile=/secret",
		"rediss://h?cacertfile=", "rediss://h?keyfile=/secret", "rediss://h?certfile=%",
		"rediss://h?db=1", "redis+unix://", "redis+unix://h", "redis+unix://h/s",
		"redis+unix:///s?db=x", "redis+unix:///s?db=65536",
		"redis+unix:///s?certfile=/secret", "redis+unix:///s%00x" };
	struct redis_url u;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		memset(&u, 0xff, sizeof(u));
		/* a question mark with nothing behind it asks for nothing */
		if (strcmp(bad[i], "redis://h?") == 0) {
			assert_int_equal(redis_url_parse(&u, bad[i], &err), LEAT_OK);
			continue;
		}
		if (redis_url_parse(&u, bad[i], &err) != LEAT_FAILED)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.cls, LEAT_E_OPTION);
		assert_string_equal(err.option, "session_store");
		assert_null(strstr(err.detail, "secret"));
		assert_int_equal(u.port, 0);
		assert_string_equal(u.password, "");
	}
}

/* One below, at and one above what fits. */
static void lengths(void **state)
{
	char text[3000];
	struct redis_url u;

	(void)state;
	for (int n = REDIS_WORD_MAX - 2; n <= REDIS_WORD_MAX; n++) {
		enum leat_ret want = n < REDIS_WORD_MAX ? LEAT_OK : LEAT_FAILED;
		char word[REDIS_WORD_MAX + 1];

		memset(word, 'x', (size_t)n);
		word[n] = '\0';
		snprintf(text, sizeof(text), "redis://%s", word);
		assert_int_equal(redis_url_parse(&u, text, &err), want);
		snprintf(text, sizeof(text), "redis://%s:p@h", word);
		assert_int_equal(redis_url_parse(&u, text, &err), want);
		snprintf(text, sizeof(text), "redis://:%s@h", word);
		assert_int_equal(redis_url_parse(&u, text, &err), want);
	}
	for (int n = 106; n <= 108; n++) {
		snprintf(text, sizeof(text), "redis+unix:///%0*d", n - 1, 0);
		assert_int_equal(redis_url_parse(&u, text, &err), n < 108 ? LEAT_OK : LEAT_FAILED);
	}
	for (int n = REDIS_PATH_MAX - 2; n <= REDIS_PATH_MAX; n++) {
		snprintf(text, sizeof(text), "rediss://h?cacertfile=%0*d", n, 0);
		assert_int_equal(redis_url_parse(&u, text, &err),
			n < REDIS_PATH_MAX ? LEAT_OK : LEAT_FAILED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(users),
		cmocka_unit_test(sockets),
		cmocka_unit_test(files),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
