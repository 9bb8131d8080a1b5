/* SPDX-License-Identifier: Apache-2.0
 *
 * t_calib.c - ktls/calib.c: what leat calibrate leaves is read as it was written, and nothing else is used.
 */
#include "ktls/calib.h"

#include "vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/leat-t-calib-XXXXXX", path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/a/b/calibration", folder);
	return 0;
}

static int teardown(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	vec_free_all();
	return system(line);
}

static struct calib of_here(uint64_t file, uint64_t stream)
{
	struct calib c = { .from = { { file, stream }, { stream, file } } };

	calib_here(&c);
	return c;
}

/* The text of a good file. */
static size_t good_text(char *out, size_t cap)
{
	struct calib c = of_here(4096, CALIB_NEVER);
	FILE *f;
	size_t n;

	assert_int_equal(calib_store(path, &c), 0);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(out, 1, cap, f);
	fclose(f);
	assert_true(n > 40 && n < cap);
	return n;
}

static void put(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

static void expect(enum calib_state state)
{
	struct calib c;

	assert_int_equal(calib_load(path, &c), state);
	assert_int_equal(c.state, state);
	if (state == CALIB_USED)
		return;
	for (int i = 0; i < CALIB_CIPHERS; i++) {
		assert_true(c.from[i][CALIB_FILE] ==
			    (i == CALIB_AES ? CALIB_FILE_DEFAULT : CALIB_NEVER));
		assert_true(c.from[i][CALIB_STREAM] == CALIB_NEVER);
	}
}

static void what_is_stored_is_read(void **state)
{
	static const uint64_t values[] = { 0, 1, 262144, UINT64_C(1) << 60, CALIB_NEVER };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct calib c = of_here(values[i], values[4 - i]), back;

		assert_int_equal(calib_store(path, &c), 0); /* over the one before, folders made */
		assert_int_equal(calib_load(path, &back), CALIB_USED);
		assert_memory_equal(back.from, c.from, sizeof(c.from));
		assert_string_equal(back.kernel, c.kernel);
		assert_string_equal(back.path, path);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void measured_elsewhere(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct calib c = of_here(1, 1);

		(what == 0 ? c.leat : what == 1 ? c.kernel : c.cpu)[0] ^= 1;
		assert_int_equal(calib_store(path, &c), 0);
		expect(CALIB_OTHER);
	}
}

/* Every truncation, and every byte changed: used only if nothing that matters was touched. */
static void cut_and_bent(void **state)
{
	char text[1000], bent[1000];
	size_t n = good_text(text, sizeof(text));

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		put(text, cut);
		expect(CALIB_BAD);
	}
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit += 7) {
			struct calib c;
			enum calib_state s;

			memcpy(bent, text, n);
			bent[i] ^= (char)(1 << bit);
			put(bent, n);
			s = calib_load(path, &c);
			/* a digit may become another digit; nothing else may pass */
			assert_true(s == CALIB_BAD || s == CALIB_OTHER ||
				    (s == CALIB_USED && bent[i] >= '0' && bent[i] <= '9'));
		}
}

static void not_of_this_form(void **state)
{
	static const char *const tails[] = { "x", "x\n", "file aes 1\n", "\n",
		"stream chacha20 2\n" };
	static const char *const numbers[] = { "", " 1", "-1", "+1", "1 ", "0x10", "1k", "Never",
		"18446744073709551615", "18446744073709551616", "never never" };
	char text[1000], bad[1200];
	size_t n = good_text(text, sizeof(text));
	char *at = strstr(text, "\nfile aes ");

	(void)state;
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		put(bad, (size_t)snprintf(bad, sizeof(bad), "%.*s%s", (int)n, text, tails[i]));
		expect(CALIB_BAD);
	}
	assert_non_null(at);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		put(bad, (size_t)snprintf(bad, sizeof(bad), "%.*s\nfile aes %s%s", (int)(at - text),
				 text, numbers[i], strstr(text, "\nstream aes")));
		expect(CALIB_BAD);
	}
	put("", 0);
	expect(CALIB_BAD);
	memset(bad, 'a', sizeof(bad));
	put(bad, sizeof(bad));
	expect(CALIB_BAD);
}

static void who_may_write_it(void **state)
{
	char text[1000];
	size_t n = good_text(text, sizeof(text));

	(void)state;
	put(text, n);
	expect(CALIB_USED);
	assert_int_equal(chmod(path, 0664), 0);
	expect(CALIB_UNSAFE);
	assert_int_equal(chmod(path, 0646), 0);
	expect(CALIB_UNSAFE);
	if (geteuid() == 0) {
		put(text, n);
		assert_int_equal(chown(path, 65534, 65534), 0);
		expect(CALIB_UNSAFE);
	}
	assert_int_equal(unlink(path), 0);
	expect(CALIB_ABSENT);
	assert_int_equal(mkfifo(path, 0600), 0); /* and it does not wait for a writer */
	expect(CALIB_UNSAFE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect(CALIB_UNSAFE);
	assert_int_equal(rmdir(path), 0);
}

static void where_it_is(void **state)
{
	char place[4096];

	(void)state;
	setenv("LEAT_CALIBRATION", "/x/y", 1);
	assert_true(calib_place(place, sizeof(place)));
	assert_string_equal(place, "/x/y");
	assert_false(calib_place(place, 3));
	setenv("LEAT_CALIBRATION", "", 1); /* nowhere */
	assert_false(calib_place(place, sizeof(place)));
	unsetenv("LEAT_CALIBRATION");
	assert_int_equal(
		calib_store("/dev/null/x/calibration", &(struct calib){ .cpu = "x" }), ENOTDIR);
}

static void crossover(void **state)
{
	static const uint64_t sizes[4] = { 4096, 16384, 65536, 1048576 };
	static const struct {
		uint64_t cost[4][2];
		uint64_t from;
	} rows[] = {
		{ { { 10, 9 }, { 20, 19 }, { 30, 30 }, { 40, 39 } }, 0 },
		{ { { 10, 11 }, { 20, 21 }, { 30, 31 }, { 40, 41 } }, CALIB_NEVER },
		{ { { 10, 11 }, { 20, 19 }, { 30, 20 }, { 40, 30 } },
			12288 }, /* half way, rounded up */
		{ { { 10, 11 }, { 20, 20 }, { 30, 20 }, { 40, 30 } }, 65536 },
		/* won once and lost again: whatever costs least at the worst of the sizes */
		{ { { 10, 9 }, { 20, 20 }, { 30, 31 }, { 40, 41 } }, 0 },
		{ { { 100, 97 }, { 200, 198 }, { 300, 310 }, { 400, 410 } }, CALIB_NEVER },
		{ { { 100, 112 }, { 73, 66 }, { 242, 254 }, { 1000, 960 } }, 12288 },
		/* what a hundredth is worth stays in user space */
		{ { { 1000, 1300 }, { 1000, 1000 }, { 1000, 995 }, { 1000, 800 } }, 1048576 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(calib_crossover(sizes, rows[i].cost, 4) == rows[i].from);
}

static void words(void **state)
{
	char b[CALIB_TEXT];

	(void)state;
	assert_string_equal(calib_text(CALIB_NEVER, b), "never");
	assert_string_equal(calib_text(0, b), "0");
	for (int s = 0; s < CALIB_STATE_COUNT; s++)
		assert_true(strlen(calib_state_name((enum calib_state)s)) > 2 &&
			    strlen(calib_state_text((enum calib_state)s)) > 10);
	assert_string_equal(calib_state_name(CALIB_STATE_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_stored_is_read),
		cmocka_unit_test(measured_elsewhere),
		cmocka_unit_test(cut_and_bent),
		cmocka_unit_test(not_of_this_form),
		cmocka_unit_test(who_may_write_it),
		cmocka_unit_test(where_it_is),
		cmocka_unit_test(crossover),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
