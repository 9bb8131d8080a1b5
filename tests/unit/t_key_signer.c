/* SPDX-License-Identifier: Apache-2.0
 *
 * t_key_signer.c: the process of user/tool/key_signer.c, asked by somebody who took the server over: every wrong
 * request is refused, none ends it, and its sandbox holds.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/key_process.h"

static struct key_request request;
static struct key_answer answer;
static pid_t pid;
static int fd;

static void start(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		key_signer_main(pair[1]);
	}
	close(pair[1]);
	fd = pair[0];
}

/* Closing is its end, and a good one. */
static void stop(void)
{
	int status;

	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Sends n bytes of data; is it answered with no? */
static bool is_refused(size_t n)
{
	ssize_t got;

	assert_true(send(fd, &request, KEY_REQUEST_HEAD + n, 0) > 0);
	got = recv(fd, &answer, sizeof(answer), 0);
	assert_true(got >= (ssize_t)KEY_ANSWER_HEAD);
	return !answer.ok && got > (ssize_t)KEY_ANSWER_HEAD;
}

static void test_requests_that_are_none(void **state)
{
	static const char *const paths[] = { "/etc/passwd", "/dev/zero", "/proc/self/mem",
		"/nonexistent", "" };

	(void)state;
	start();
	for (unsigned op = 0; op < 256; op++) {
		request.op = (uint8_t)op;
		request.key = 0;
		request.scheme = 0x0403;
		if (op != KEY_DROP)
			assert_true(is_refused(op == KEY_LOAD ? 0 : 5));
	}
	request.op = KEY_SIGN;
	for (uint32_t i = 0; i < 32; i++) {
		request.key = 1u << i;
		assert_true(is_refused(i * 100));
		request.key--;
		assert_true(is_refused(i * 100));
	}
	request.op = KEY_DROP;
	for (uint32_t i = 0; i < 32; i++) {
		request.key = 1u << i;
		assert_false(is_refused(0));
	}
	request.op = KEY_LOAD;
	memset(request.data, 'x', sizeof(request.data));
	assert_true(is_refused(100));
	assert_true(is_refused(KEY_MESSAGE_MAX));
	request.data[99] = '\0';
	assert_true(is_refused(100)); /* one path only */
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		size_t n = strlen(paths[i]) + 1;

		memcpy(request.data, paths[i], n);
		memcpy(request.data + n, paths[i], n);
		assert_true(is_refused(2 * n));
	}
	stop();
}

static void test_short_messages(void **state)
{
	(void)state;
	start();
	for (size_t n = 1; n < KEY_REQUEST_HEAD; n++)
		assert_int_equal(send(fd, &request, n, 0), n);
	request.op = 77;
	assert_true(is_refused(0)); /* they were dropped, it goes on */
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_that_are_none),
		cmocka_unit_test(test_short_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
