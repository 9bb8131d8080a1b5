/* SPDX-License-Identifier: Apache-2.0
 *
 * exec_child.c - from the keeper's fork to the program: descriptors, environment, guard, exec(3). Memory
 * with keys goes with exec; what could bring them back, getsockopt on the socket, is refused from here on
 * (ktls/guard.h). No descriptor but 0, 1 and 2 is left.
 *
 * Texts that a client chose come into the environment escaped: printable, no quotes, no percent sign but
 * our own, so that a careless shell script has nothing to trip over.
 */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "ktls/guard.h"
#include "sock/conn.h"
#include "tool/accept.h"
#include "tool/exec.h"
#include "x509/verify.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* ---- environment ----------------------------------------------------------------------------- */

static const char *const names[] = { "LEAT_VERSION", "LEAT_SUITE", "LEAT_GROUP", "LEAT_PEER",
	"LEAT_SNI", "LEAT_ALPN", "LEAT_RESUMED", "LEAT_PEER_CERT", "LEAT_PEER_CERT_SHA256", "PROTO",
	"TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALIP",
	"TCPLOCALPORT", "TCPLOCALHOST", "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", NULL };

static void put(const char *name, const char *value)
{
	if (value && value[0])
		(void)setenv(name, value, 1);
}

static void put_span(const char *name, struct leat_span s)
{
	char text[900];

	if (s.n == 0)
		return;
	report_text(text, sizeof(text), s);
	put(name, text);
}

static void put_address(const char *ip, const char *port, const struct sockaddr_storage *a)
{
	char host[NI_MAXHOST], service[NI_MAXSERV];
	socklen_t n = a->ss_family == AF_INET6 ? 28 : 16;

	if (getnameinfo((const struct sockaddr *)a, n, host, sizeof(host), service, sizeof(service),
		    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	put(ip, host);
	put(port, service);
}

static void put_cert(const struct keeper *k)
{
	struct leat_span der = leat_peer_cert(k->c, 0);
	char subject[256], hex[65];
	uint8_t hash[32];

	if (!leat_engine_peer_digest(k->c->e, hash))
		return;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	put("LEAT_PEER_CERT_SHA256", hex);
	if (der.n && verify_subject(der, subject, sizeof(subject)) == LEAT_OK)
		put_span("LEAT_PEER_CERT",
			(struct leat_span){ (const uint8_t *)subject, strlen(subject) });
}

static void set_environment(const struct keeper *k)
{
	struct sockaddr_storage a = { 0 };
	struct leat_conn_info info;
	struct leat_err err = { 0 };

	for (size_t i = 0; names[i]; i++)
		(void)unsetenv(names[i]);
	leat_conn_info(k->c, &info);
	put("LEAT_VERSION", leat_version_name(info.tls.version));
	put("LEAT_SUITE", info.tls.suite_name);
	put("LEAT_GROUP", info.tls.group_name);
	put("LEAT_RESUMED", info.tls.resumed ? "1" : "0");
	put("LEAT_PEER", k->peer);
	put_span("LEAT_SNI", info.tls.sni);
	put_span("LEAT_ALPN", info.tls.alpn);
	put_cert(k);
	put("PROTO", "TCP");
	if (leat_peername(k->c, &a, &err) == LEAT_OK)
		put_address("TCPREMOTEIP", "TCPREMOTEPORT", &a);
	if (leat_sockname(k->c, &a, &err) == LEAT_OK)
		put_address("TCPLOCALIP", "TCPLOCALPORT", &a);
}

/* ---- descriptors, signals, guard ------------------------------------------------------------- */

/* All from first on close with exec. */
static void close_rest(unsigned first)
{
	long most = sysconf(_SC_OPEN_MAX);

	if (syscall(SYS_close_range, first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = (int)first; fd < (most > 0 ? most : 65536); fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* Linux before 5.11 */
}

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void say(const char *prog, const char *what, int sys)
{
	fprintf(stderr, "leat exec: %s: %s: %s\n", prog, what, strerror(sys));
}

__attribute__((noreturn)) static void become(
	const struct keeper *k, int in, int out, pid_t keeper_pid)
{
	const char *prog = k->o->argv[0];
	int r;

	(void)setsid();
	/* Without a keeper nobody ends the connection in order: the program is not left alone. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != keeper_pid)
		_exit(CHILD_CANNOT_RUN);
	set_environment(k);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0) {
		say(prog, "cannot give it its descriptors", errno);
		_exit(CHILD_CANNOT_RUN);
	}
	close_rest(3);
	default_signals();
	r = k->o->no_guard ? 0 : guard_install();
	if (r != 0) {
		say(prog, "not started, its keys cannot be guarded", -r);
		_exit(CHILD_NO_GUARD);
	}
	execvp(prog, k->o->argv);
	r = errno;
	say(prog, "cannot be run", r);
	_exit(r == ENOENT ? CHILD_NOT_FOUND : CHILD_CANNOT_RUN);
}

bool child_start(struct keeper *k, int in, int out)
{
	pid_t me = getpid(), pid = fork();

	if (pid == 0)
		become(k, in, out, me);
	k->pid = pid > 0 ? pid : 0;
	return pid > 0;
}

static int try_guard(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), v = 0, r = guard_install();
	socklen_t n = sizeof(v);

	if (r != 0)
		return -r;
	return getsockopt(fd, SOL_TLS, 1, &v, &n) != 0 && errno == EPERM ? 0 : EBADE;
}

int child_guard_works(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(try_guard());
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EBADE;
}
