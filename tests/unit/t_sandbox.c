/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sandbox.c: the filters of user/tool/sandbox.c, tried from inside, each in a process of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/sandbox.h"

/* Runs fn in a child; its result is the number of the first thing that was not as it should be, 0: none. */
static void in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define REFUSED(call) ((call) == -1 && errno == EPERM)
#define CHECK(n, ok)                \
	do                          \
		if (!(ok))          \
			return (n); \
	while (0)

static void *thread(void *arg)
{
	return arg;
}

static int server(void)
{
	char name[] = "true", *const argv[] = { name, NULL };
	struct sockaddr a = { .sa_family = AF_UNSPEC };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), x = 0;
	void *got = NULL;
	pthread_t t;

	CHECK(1, sandbox_server());
	CHECK(2, REFUSED(execv("/bin/true", argv)));
	CHECK(3, REFUSED(fork()));
	CHECK(4, REFUSED(vfork()));
	CHECK(5, REFUSED(socket(AF_INET, SOCK_STREAM, 0)));
	CHECK(6, REFUSED(socket(AF_NETLINK, SOCK_RAW, 0)));
	CHECK(7, REFUSED(connect(tcp, &a, sizeof(a))));
	CHECK(8, REFUSED(bind(tcp, &a, sizeof(a))));
	CHECK(9, REFUSED(listen(tcp, 1)));
	CHECK(10, REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0)));
	CHECK(11, REFUSED(kill(getpid(), 0)));
	CHECK(12, REFUSED(syscall(SYS_unshare, 0)));
	CHECK(13, REFUSED(syscall(SYS_bpf, 0, 0, 0)));
	CHECK(14, syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS);
	/* what a server does */
	CHECK(20, pthread_create(&t, NULL, thread, &x) == 0 && pthread_join(t, &got) == 0 &&
			  got == &x);
	CHECK(21, socket(AF_UNIX, SOCK_DGRAM, 0) >= 0);
	CHECK(22, open("/dev/null", O_RDWR) >= 0);
	CHECK(23, setsockopt(tcp, SOL_SOCKET, SO_KEEPALIVE, &x, sizeof(x)) == 0);
	return 0;
}

static int signer(void)
{
	char name[] = "true", *const argv[] = { name, NULL };
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	CHECK(1, sandbox_signer());
	CHECK(2, REFUSED(execv("/bin/true", argv)));
	CHECK(3, REFUSED(fork()));
	CHECK(4, REFUSED(socket(AF_UNIX, SOCK_STREAM, 0)));
	CHECK(5, REFUSED(open("/dev/null", O_WRONLY)));
	CHECK(6, REFUSED(open("/dev/null", O_RDWR)));
	CHECK(7, REFUSED(open("/tmp/leat-sandbox", O_RDONLY | O_CREAT, 0600)));
	CHECK(8, REFUSED(open("/dev/null", O_RDONLY | O_TRUNC)));
	CHECK(9, REFUSED(unlink("/nonexistent")));
	CHECK(10, REFUSED(kill(getppid(), 0)));
	CHECK(11, REFUSED(write(1, "x", 1)));
	CHECK(12, REFUSED(dup(0)));
	CHECK(13, REFUSED(setuid(0)));
	CHECK(20, read(fd, &byte, 1) == 1);
	CHECK(21, open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(22, getpid() > 0);
	return 0;
}

static void test_server(void **state)
{
	(void)state;
	in_child(server);
}

static void test_signer(void **state)
{
	(void)state;
	in_child(signer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_signer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
