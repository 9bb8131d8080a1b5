/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.c - see sandbox.h. The filters are made from two lists; each entry is one comparison.
 */
#include "tool/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define X32  0x40000000u /* numbers of a second kind of calls */
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define X32  0u
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#define X32  0u
#else
#define ARCH 0u /* not known here: no filter can be had */
#define X32  0u
#endif

/* Lower half of an argument; all of these machines have it first. */
#define ARG(i) (offsetof(struct seccomp_data, args) + 8 * (size_t)(i))

struct filter {
	struct sock_filter code[128];
	unsigned short n;
};

static void put(struct filter *f, struct sock_filter i)
{
	f->code[f->n++] = i;
}

static void load(struct filter *f, size_t offset)
{
	put(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

/* Goes on behind the next skip instructions unless the loaded word is k (or has a bit of k). */
static void unless(struct filter *f, unsigned short test, unsigned k, unsigned char skip)
{
	put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, k, 0, skip));
}

static void end(struct filter *f, unsigned verdict)
{
	put(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

/* The number of the call is loaded afterwards. */
static void begin(struct filter *f)
{
	load(f, offsetof(struct seccomp_data, arch));
	put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	end(f, SECCOMP_RET_KILL_PROCESS);
	load(f, offsetof(struct seccomp_data, nr));
	if (X32 != 0) {
		unless(f, BPF_JSET, X32, 1);
		end(f, SECCOMP_RET_KILL_PROCESS);
	}
}

static void rule(struct filter *f, int nr, unsigned verdict)
{
	unless(f, BPF_JEQ, (unsigned)nr, 1);
	end(f, verdict);
}

static bool install(const struct filter *f)
{
	struct sock_fprog prog = { .len = f->n,
		.filter = (struct sock_filter *)(uintptr_t)f->code };

	if (ARCH == 0) {
		errno = EOPNOTSUPP;
		return false;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)

/* Talk over the one socket, read files, have memory and random bytes, end (sigaltstack: the sanitizers' runtime
 * asks it there). */
static const int signer_may[] = { SYS_read, SYS_pread64, SYS_recvfrom, SYS_sendto, SYS_close,
	SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_mmap, SYS_munmap, SYS_mremap, SYS_brk,
	SYS_madvise, SYS_futex, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_clock_gettime,
	SYS_sched_yield, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_exit,
	SYS_exit_group };

bool sandbox_signer(void)
{
	struct filter f = { .n = 0 };

	begin(&f);
	for (size_t i = 0; i < sizeof(signer_may) / sizeof(signer_may[0]); i++)
		rule(&f, signer_may[i], SECCOMP_RET_ALLOW);
	/* Files: only to read. */
	unless(&f, BPF_JEQ, SYS_openat, 4);
	load(&f, ARG(2));
	unless(&f, BPF_JSET, O_ACCMODE | O_CREAT | O_TRUNC, 1);
	end(&f, REFUSED);
	end(&f, SECCOMP_RET_ALLOW);
	end(&f, REFUSED);
	return install(&f);
}

#ifdef SYS_fork
#define FORKS SYS_fork, SYS_vfork
#else
#define FORKS SYS_execve /* clone is all there is */
#endif
/* Programs and other processes; connections of its own and new listeners; the kernel's administration. */
static const int server_may_not[] = { SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_kill, SYS_connect, SYS_bind, SYS_listen, SYS_mount, SYS_umount2,
	SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_bpf, SYS_perf_event_open,
	SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module,
	SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_personality, SYS_swapon,
	SYS_swapoff, SYS_reboot, SYS_open_by_handle_at, FORKS };

bool sandbox_server(void)
{
	struct filter f = { .n = 0 };

	begin(&f);
	for (size_t i = 0; i < sizeof(server_may_not) / sizeof(server_may_not[0]); i++)
		rule(&f, server_may_not[i], REFUSED);
	/* Its arguments lie in memory, out of a filter's sight; libc takes clone then. */
	rule(&f, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	/* Threads, not processes. */
	unless(&f, BPF_JEQ, SYS_clone, 4);
	load(&f, ARG(0));
	unless(&f, BPF_JSET, CLONE_THREAD, 1);
	end(&f, SECCOMP_RET_ALLOW);
	end(&f, REFUSED);
	/* What is told to a service manager goes over a local socket; those to the network are open already. */
	unless(&f, BPF_JEQ, SYS_socket, 4);
	load(&f, ARG(0));
	unless(&f, BPF_JEQ, AF_UNIX, 1);
	end(&f, SECCOMP_RET_ALLOW);
	end(&f, REFUSED);
	end(&f, SECCOMP_RET_ALLOW);
	return install(&f);
}
