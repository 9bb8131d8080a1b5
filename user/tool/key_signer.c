/* SPDX-License-Identifier: Apache-2.0
 *
 * key_signer.c - the process that has the private keys and only signs, see key_process.h. What it is asked comes
 * from the server, which may be in the hands of somebody else by then: every length and number is checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wr.h"
#include "crypto/crypto.h"
#include "crypto/suite.h"
#include "sock/anchors.h"
#include "tool/key_process.h"

#define MAX_KEYS 16384 /* of two configurations at once, during a reload */

struct signer {
	struct crypto *crypto;
	struct cred *keys[MAX_KEYS];
};

/* ---- what it may do -------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0u
#endif

/* Talk over the one socket, read files, have memory and random bytes, end. Everything else fails with EPERM, so
 * that a call nobody thought of is an error and not an end. openat can write too, in the rights of the user: it is
 * looked at by its flags. */
static const int allowed[] = { SYS_read, SYS_pread64, SYS_recvfrom, SYS_sendto, SYS_close,
	SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_mmap, SYS_munmap, SYS_mremap, SYS_brk,
	SYS_madvise, SYS_futex, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_clock_gettime,
	SYS_sched_yield, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_exit, SYS_exit_group };
#define NUM_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

static bool sandbox(void)
{
	struct sock_filter f[NUM_ALLOWED + 20];
	struct sock_fprog prog = { .filter = f };
	size_t n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	/* openat: only to read */
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4);
	f[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 16);
	f[n++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC, 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < NUM_ALLOWED; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			(unsigned)allowed[i], (unsigned char)(NUM_ALLOWED - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	return ARCH != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

/* Nothing of the server's but the socket and where it complains. */
static void leave_the_server(int fd)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "leat-keys", 0, 0, 0);
	/* Signals of the terminal are for the server, whose end is ours. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (fd > 3)
		(void)syscall(SYS_close_range, 3u, (unsigned)fd - 1, 0u);
	(void)syscall(SYS_close_range, (unsigned)fd + 1, ~0u, 0u);
}

/* ---- what it does ---------------------------------------------------------------------------- */

static size_t say(struct key_answer *a, const char *text)
{
	size_t n = strlen(text) < sizeof(a->data) ? strlen(text) : sizeof(a->data);

	a->ok = false;
	memcpy(a->data, text, n);
	return n;
}

static size_t load(struct signer *s, const struct key_request *r, size_t n, struct key_answer *a)
{
	const char *cert = (const char *)r->data, *key;
	const uint8_t *end = memchr(r->data, '\0', n);
	struct leat_err err = { 0 };
	char text[512];
	uint32_t i = 0;

	if (end == NULL || n == 0 || r->data[n - 1] != '\0' || end == r->data + n - 1)
		return say(a, "not two paths");
	key = (const char *)end + 1;
	while (i < MAX_KEYS && s->keys[i] != NULL)
		i++;
	if (i == MAX_KEYS)
		return say(a, "too many keys");
	if (anchors_load_cred(&s->keys[i], s->crypto, cert, key, NULL, &err) != LEAT_OK) {
		s->keys[i] = NULL;
		return say(a, leat_strerror(&err, text, sizeof(text)));
	}
	a->ok = true;
	a->key = i;
	return 0;
}

static size_t sign(struct signer *s, const struct key_request *r, size_t n, struct key_answer *a)
{
	const struct sigscheme *scheme = sigscheme_by_id(r->scheme);
	const struct cred *cred = r->key < MAX_KEYS ? s->keys[r->key] : NULL;
	struct leat_err err = { 0 };
	struct leat_wr sig;

	if (scheme == NULL || cred == NULL)
		return say(a, "no such key or scheme");
	leat_wr_fixed(&sig, a->data, sizeof(a->data));
	if (sign_make(s->crypto, cred_key(cred), scheme, (struct leat_span){ r->data, n }, &sig,
		    &err) != LEAT_OK)
		return say(a, "it cannot be signed");
	a->ok = true;
	return sig.n;
}

static size_t drop(struct signer *s, const struct key_request *r, struct key_answer *a)
{
	if (r->key < MAX_KEYS) {
		cred_unref(s->keys[r->key]);
		s->keys[r->key] = NULL;
	}
	a->ok = true;
	return 0;
}

static size_t serve(struct signer *s, const struct key_request *r, size_t n, struct key_answer *a)
{
	switch (r->op) {
	case KEY_LOAD: return load(s, r, n, a);
	case KEY_SIGN: return sign(s, r, n, a);
	case KEY_DROP: return drop(s, r, a);
	default: return say(a, "no such request");
	}
}

_Noreturn void key_signer_main(int fd)
{
	static struct signer s;
	static struct key_request r;
	static struct key_answer a;
	struct leat_err err = { 0 };
	ssize_t n;

	leave_the_server(fd);
	if (crypto_new(&s.crypto, &err) != LEAT_OK || !sandbox()) {
		fprintf(stderr, "leat: key process: no sandbox or no libcrypto here\n");
		_exit(1);
	}
	while ((n = recv(fd, &r, sizeof(r), 0)) > 0 || (n < 0 && errno == EINTR)) {
		size_t out;

		if (n < (ssize_t)KEY_REQUEST_HEAD)
			continue;
		out = serve(&s, &r, (size_t)n - KEY_REQUEST_HEAD, &a);
		if (send(fd, &a, KEY_ANSWER_HEAD + out, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}
