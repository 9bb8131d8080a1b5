/* SPDX-License-Identifier: Apache-2.0
 *
 * t_guard.c: user/ktls/guard.c. The filter is run here, instruction by instruction, over system calls of
 * every kind a process on this machine can make, and then installed in a child that tries.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktls/guard.h"

#define SOL_OF_TLS 282
#define REFUSED    (SECCOMP_RET_ERRNO | EPERM)

/* The instructions that a filter of ours may have; anything else is a failure. */
static uint32_t judge(const struct seccomp_data *d)
{
	struct sock_filter f[GUARD_MAX];
	size_t n = guard_program(f);
	uint32_t a = 0xdeadbeef;

	for (size_t i = 0; i < n; i++) {
		assert_true(i < n);
		switch (f[i].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f[i].k % 4 == 0 && f[i].k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + f[i].k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f[i].k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: i += a == f[i].k ? f[i].jt : f[i].jf; break;
		case BPF_RET | BPF_K: return f[i].k;
		default: fail();
		}
	}
	fail_msg("ran off the end");
	return 0;
}

static uint32_t call(unsigned arch, unsigned nr, uint64_t first, uint64_t second)
{
	const struct seccomp_data d = {
		.nr = (int)nr, .arch = arch, .args = { first, second, 1, 2, 3, 4 }
	};

	return judge(&d);
}

#if defined(__x86_64__)
static void every_kind_of_call(void **state)
{
	static const struct {
		unsigned arch, nr;
		uint64_t first, second;
		uint32_t want;
	} rows[] = {
		{ AUDIT_ARCH_X86_64, 55, 7, SOL_OF_TLS, REFUSED },
		/* the kernel takes an int: what stands above is not looked at */
		{ AUDIT_ARCH_X86_64, 55, 7, SOL_OF_TLS | UINT64_C(0xffffffff00000000), REFUSED },
		{ AUDIT_ARCH_X86_64, 55, 7, SOL_OF_TLS + (UINT64_C(1) << 32), REFUSED },
		{ AUDIT_ARCH_X86_64, 55, SOL_OF_TLS, SOL_SOCKET, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, 55, 7, SOL_OF_TLS + 1, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, 54, 7, SOL_OF_TLS, SECCOMP_RET_ALLOW }, /* setsockopt */
		{ AUDIT_ARCH_X86_64, 0, SOL_OF_TLS, SOL_OF_TLS, SECCOMP_RET_ALLOW },
		/* x32 */
		{ AUDIT_ARCH_X86_64, 0x40000000 | 542, 7, SOL_OF_TLS, REFUSED },
		{ AUDIT_ARCH_X86_64, 0x40000000 | 55, 7, SOL_OF_TLS, REFUSED },
		{ AUDIT_ARCH_X86_64, 542, 7, SOL_OF_TLS, REFUSED },
		{ AUDIT_ARCH_X86_64, 0x40000000 | 542, 7, SOL_SOCKET, SECCOMP_RET_ALLOW },
		/* 32 bit: the call itself, and as one of many; there nothing can be seen */
		{ AUDIT_ARCH_I386, 365, 7, SOL_OF_TLS, REFUSED },
		{ AUDIT_ARCH_I386, 365, 7, SOL_SOCKET, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_I386, 102, 15, 0xbfff0000, REFUSED },
		{ AUDIT_ARCH_I386, 102, 14, 0xbfff0000, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_I386, 102, 102, SOL_OF_TLS, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_I386, 55, 7, SOL_OF_TLS, SECCOMP_RET_ALLOW }, /* fcntl there */
		{ AUDIT_ARCH_I386, 4, 15, 282, SECCOMP_RET_ALLOW },
		/* nobody's */
		{ AUDIT_ARCH_AARCH64, 209, 7, SOL_OF_TLS, SECCOMP_RET_KILL_PROCESS },
		{ 0, 55, 7, SOL_SOCKET, SECCOMP_RET_KILL_PROCESS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(call(rows[i].arch, rows[i].nr, rows[i].first, rows[i].second),
			rows[i].want);
}
#else
static void every_kind_of_call(void **state)
{
	(void)state;
	assert_int_equal(call(0, 0, 7, SOL_OF_TLS), SECCOMP_RET_KILL_PROCESS);
}
#endif

static int errno_of(int fd, int level, int name)
{
	char b[64] = { 0 };
	socklen_t n = sizeof(b);

	return getsockopt(fd, level, name, b, &n) == 0 ? 0 : errno;
}

/* What the child found, as its exit status. */
static int try_it(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || errno_of(fd, SOL_OF_TLS, 1) == EPERM)
		return 10; /* it would prove nothing */
	if (guard_install() != 0)
		return 11;
	for (int name = 0; name < 6; name++)
		if (errno_of(fd, SOL_OF_TLS, name) != EPERM)
			return 12;
	if (errno_of(fd, SOL_SOCKET, SO_TYPE) != 0)
		return 13;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 14;
	return 0;
}

static int status_of(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ... and what it starts finds the same. */
static int try_in_child(void)
{
	pid_t pid;
	int status;

	if (guard_install() != 0)
		return 20;
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		_exit(errno_of(fd, SOL_OF_TLS, 2) == EPERM ? 0 : 21);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 22;
}

/* A filter in front of ours that refuses seccomp(2): ours must say so. */
static int try_without_seccomp(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(f) / sizeof(f[0]), f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
		return 30;
	return guard_install() == -ENOSYS ? 0 : 31;
}

static void installed(void **state)
{
	(void)state;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		print_message("this kernel has no seccomp\n");
		skip();
	}
	assert_int_equal(status_of(try_it), 0);
	assert_int_equal(status_of(try_in_child), 0);
	assert_int_equal(status_of(try_without_seccomp), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_call),
		cmocka_unit_test(installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
