/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.c - the filter of guard.h, in the kernel's own BPF, and its installation.
 *
 * A process may make system calls of more than one kind (64-bit, 32-bit, x32): each has numbers of its own,
 * so the filter asks for the kind first. A kind that is not in the table ends the process: it cannot be told
 * what its numbers mean.
 */
#include "ktls/guard.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define SYS_GETSOCKOPT_OF_SOCKETCALL 15 /* linux/net.h */

/* How getsockopt is called under one kind of system calls. */
struct kind {
	unsigned arch;       /* AUDIT_ARCH_* */
	unsigned getsockopt; /* its number; level is the second argument */
	unsigned mask;       /* bits of a number that say how it is called, not what (x32) */
	unsigned second;     /* another number of the same, or 0 */
	unsigned socketcall; /* the call that has it as one of several, or 0 */
};

#if defined(__x86_64__)
/* x32 sets bit 30 and has a getsockopt of its own */
#define KINDS                                          \
	{ AUDIT_ARCH_X86_64, 55, 0x40000000, 542, 0 }, \
	{                                              \
		AUDIT_ARCH_I386, 365, 0, 0, 102        \
	}
#elif defined(__aarch64__)
#define KINDS                                  \
	{ AUDIT_ARCH_AARCH64, 209, 0, 0, 0 },  \
	{                                      \
		AUDIT_ARCH_ARM, 295, 0, 0, 102 \
	}
#elif defined(__riscv) && __riscv_xlen == 64
#define KINDS                                    \
	{                                        \
		AUDIT_ARCH_RISCV64, 209, 0, 0, 0 \
	}
#else
#define KINDS     \
	{         \
		0 \
	}
#endif
static const struct kind kinds[] = { KINDS, { 0 } };

/* Offset of the lower half of an argument: the kernel takes an int from there and ignores the rest. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW 4
#else
#define LOW 0
#endif
#define OFF_ARG(i) ((unsigned)(offsetof(struct seccomp_data, args) + 8 * (i) + LOW))
#define OFF_NR     ((unsigned)offsetof(struct seccomp_data, nr))
#define OFF_ARCH   ((unsigned)offsetof(struct seccomp_data, arch))

#define LOAD(off)      ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (off)))
#define AND(k)         ((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (k)))
#define EQUAL(k, y, n) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (y), (n)))
#define RETURN(k)      ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (k)))
#define REFUSE         RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW          RETURN(SECCOMP_RET_ALLOW)

/* The rules of one kind; the accumulator may hold anything, the architecture is known. Ends in a return. */
static size_t put_kind(struct sock_filter *f, const struct kind *k)
{
	size_t n = 0;

	f[n++] = LOAD(OFF_NR);
	if (k->mask)
		f[n++] = AND(~k->mask);
	if (k->second)
		f[n++] = EQUAL(k->second, 1, 0);
	f[n++] = EQUAL(k->getsockopt, 0, 3);
	f[n++] = LOAD(OFF_ARG(1));
	f[n++] = EQUAL(SOL_TLS, 0, 1);
	f[n++] = REFUSE;
	if (k->socketcall) {
		/* Its arguments lie in memory, out of a filter's sight: any getsockopt is refused. The
		 * number is loaded anew: two ways lead here. */
		f[n++] = LOAD(OFF_NR);
		f[n++] = EQUAL(k->socketcall, 0, 3);
		f[n++] = LOAD(OFF_ARG(0));
		f[n++] = EQUAL(SYS_GETSOCKOPT_OF_SOCKETCALL, 0, 1);
		f[n++] = REFUSE;
	}
	f[n++] = ALLOW;
	return n;
}

size_t guard_program(struct sock_filter out[GUARD_MAX])
{
	size_t n = 0;

	if (kinds[0].arch == 0)
		return 0;
	for (const struct kind *k = kinds; k->arch; k++) {
		struct sock_filter body[GUARD_MAX];
		size_t len = put_kind(body, k);

		out[n++] = LOAD(OFF_ARCH);
		out[n++] = EQUAL(k->arch, 0, (unsigned char)len);
		for (size_t i = 0; i < len; i++)
			out[n++] = body[i];
	}
	out[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	return n;
}

int guard_install(void)
{
	struct sock_filter code[GUARD_MAX];
	struct sock_fprog prog = { .filter = code };

	prog.len = (unsigned short)guard_program(code);
	if (prog.len == 0)
		return -EOPNOTSUPP;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0 ? 0 : -errno;
}
