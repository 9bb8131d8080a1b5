/* SPDX-License-Identifier: Apache-2.0
 *
 * exec.c - the listening process of `leat exec`: starts a keeper for each connection, never more than
 * allowed at a time (further ones wait in the backlog), reaps them, and ends them all on SIGTERM. Does no
 * TLS itself: what a client sends is never seen here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "ktls/probe.h"
#include "tool/exec.h"
#include "tool/tool.h"

struct master {
	const struct args *args;
	struct exec_opts *o;
	int listener, sigfd;
	pid_t *keepers; /* max_conns of them; 0: free */
	unsigned num;
	unsigned stops; /* signals to stop so far */
	uint64_t total;
};

int64_t exec_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void signal_all(struct master *m, int sig)
{
	for (unsigned i = 0; i < m->o->max_conns; i++)
		if (m->keepers[i])
			(void)kill(m->keepers[i], sig);
}

static void forget(struct master *m, pid_t pid)
{
	for (unsigned i = 0; i < m->o->max_conns; i++)
		if (m->keepers[i] == pid) {
			m->keepers[i] = 0;
			m->num--;
		}
}

/* The first signal ends listening and asks the keepers; the second ends them, and with them the programs. */
static void on_signals(struct master *m)
{
	struct signalfd_siginfo s;
	pid_t pid;

	while (read(m->sigfd, &s, sizeof(s)) == (ssize_t)sizeof(s))
		if (s.ssi_signo == SIGUSR2) {
			tool_switch_kernel(m->args);
		} else if (s.ssi_signo != SIGCHLD) {
			if (m->listener >= 0)
				close(m->listener);
			m->listener = -1;
			signal_all(m, m->stops++ ? SIGKILL : SIGTERM);
		}
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		forget(m, pid);
}

__attribute__((noreturn)) static void be_keeper(struct master *m, int fd)
{
	sigset_t none;

	/* Out of the terminal's group: Ctrl-C is the master's to hand on, once. */
	(void)setpgid(0, 0);
	close(m->listener);
	close(m->sigfd);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	exec_keep(m->o, fd, m->total);
	_exit(0);
}

static void start_keeper(struct master *m, int fd)
{
	unsigned i = 0;
	pid_t pid;

	while (m->keepers[i])
		i++;
	m->total++;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_keeper(m, fd);
	if (pid < 0)
		fprintf(stderr, "leat exec: connection refused: fork: %s\n", strerror(errno));
	else
		m->num++;
	m->keepers[i] = pid > 0 ? pid : 0;
	close(fd);
}

static void on_connection(struct master *m)
{
	int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		start_keeper(m, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		fprintf(stderr, "leat exec: accept: %s\n", strerror(errno));
		(void)poll(NULL, 0, 200); /* it stays readable: no spinning */
	}
}

static void loop(struct master *m)
{
	while (m->listener >= 0 || m->num > 0) {
		bool room = m->listener >= 0 && m->num < m->o->max_conns;
		struct pollfd f[2] = { { m->sigfd, POLLIN, 0 },
			{ room ? m->listener : -1, POLLIN, 0 } };

		if (poll(f, 2, -1) < 0)
			continue;
		if (f[0].revents)
			on_signals(m);
		if (f[1].revents && m->listener >= 0)
			on_connection(m);
	}
}

static int open_signals(void)
{
	sigset_t s;

	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &s, NULL) != 0)
		return -1;
	return signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Descriptors 0 to 2 are the program's: none of ours may come to lie there. */
static void fill_low_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* What this machine can do, said once. */
static int check_machine(struct args *args, const struct exec_opts *o)
{
	const struct leat_ktls_caps *caps;
	char line[256];
	int r = o->no_guard ? 0 : child_guard_works();

	if (r != 0)
		return tool_fail(args, TOOL_FAILED,
			"programs cannot be kept from reading the keys here (seccomp: %s); "
			"--insecure-no-guard goes on without",
			strerror(r));
	if (o->never_kernel)
		return 0;
	caps = leat_ktls_caps_get();
	if (caps->obstacle == KTLS_NONE)
		return 0;
	(void)leat_ktls_caps_line(caps, line, sizeof(line));
	if (o->demand_kernel)
		return tool_fail(args, TOOL_FAILED, "records=kernel cannot be had: %s", line);
	fprintf(stderr,
		"leat exec: %s\nleat exec: programs get socket pairs, records stay in "
		"user space%s\n",
		line, o->input_socket ? " (--input socket is not possible)" : "");
	return 0;
}

int exec_run(struct args *args, struct exec_opts *o)
{
	struct master m = { .args = args, .o = o, .listener = -1, .sigfd = -1 };
	char addr[LISTEN_TEXT];
	uint16_t port;
	int code = TOOL_FAILED;

	fill_low_fds();
	/* A program runs as the same user: our memory, with the private key in it, is not to be read. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (check_machine(args, o) != 0)
		return TOOL_FAILED;
	m.keepers = leat_zalloc(o->max_conns * sizeof(*m.keepers));
	m.sigfd = open_signals();
	if (!m.keepers || m.sigfd < 0) {
		(void)tool_fail(args, TOOL_FAILED, "cannot start: %s", strerror(errno));
		goto out;
	}
	m.listener = listen_open(args, o->host, o->port, addr, &port);
	if (m.listener < 0 || !identity_become(args, &o->user))
		goto out;
	printf("listening on %s:%u\n", addr, port);
	fflush(stdout);
	loop(&m);
	printf("stopped: %llu connections\n", (unsigned long long)m.total);
	fflush(stdout);
	code = TOOL_OK;
out:
	if (m.sigfd >= 0)
		close(m.sigfd);
	leat_free(m.keepers);
	return code;
}
