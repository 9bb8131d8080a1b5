/* SPDX-License-Identifier: Apache-2.0
 *
 * exec_conn.c - the keeper of one connection, a process of its own: handshake, the hand-over of what the
 * program is to have itself, the program, and the end of both.
 *
 * The end. When the program is gone its last record may still wait inside the kernel's TLS, where close(2)
 * would lose it (docs/kernel.md 4). So the keeper has the socket open all the time, sends close_notify,
 * which goes behind everything and takes it along, and only then ends the stream (leat_close).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sock/conn.h"
#include "tool/accept.h"
#include "tool/exec.h"

/* How long the client may take to read what the program left behind, and then to end its own side. */
#define FLUSH_MS 60000
#define CLOSE_MS 5000

/* ---- the line in the log --------------------------------------------------------------------- */

static void say_exit(const struct keeper *k, char *out, size_t n)
{
	if (!k->pid)
		snprintf(out, n, "not started");
	else if (WIFSIGNALED(k->status))
		snprintf(out, n, "signal %d", WTERMSIG(k->status));
	else
		snprintf(out, n, "%d", WEXITSTATUS(k->status));
}

/* One write: the lines of several keepers stay whole. */
static void report(struct keeper *k)
{
	struct leat_conn_info i = { .tx = { .backend = "-", .why = "-" },
		.rx = { .backend = "-", .why = "-" } };
	char line[1400], alpn[128], sni[300], code[32];
	int n;

	if (k->c)
		leat_conn_info(k->c, &i);
	report_text(alpn, sizeof(alpn), i.tls.alpn);
	report_text(sni, sizeof(sni), i.tls.sni);
	say_exit(k, code, sizeof(code));
	for (char *p = k->error; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"')
			*p = '\'';
	n = snprintf(line, sizeof(line),
		"%llu %s %s %s servername=%s alpn=%s tx=%s rx=%s tx_why=%s rx_why=%s input=%s "
		"exit=\"%s\" end=%s ms=%lld%s%s%s\n",
		(unsigned long long)k->number, k->peer,
		i.tls.version ? leat_version_name(i.tls.version) : "-",
		i.tls.suite_name ? i.tls.suite_name : "-", sni, alpn, i.tx.backend, i.rx.backend,
		i.tx.why, i.rx.why, k->in == -2 ? "socket" : "pipe", code, k->end ? k->end : "-",
		(long long)(exec_now_ms() - k->start_ms), k->error[0] ? " error=\"" : "", k->error,
		k->error[0] ? "\"" : "");
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(STDOUT_FILENO, line, (size_t)n) < 0)
		return; /* nobody listens: no reason to end a connection */
}

static void note(struct keeper *k, const char *what, int sys)
{
	snprintf(k->error, sizeof(k->error), "%s: %s", what, strerror(sys));
}

/* ---- start ----------------------------------------------------------------------------------- */

static bool shake_hands(struct keeper *k, int fd)
{
	struct leat_err err = { 0 };
	unsigned flags = k->o->input_socket ? LEAT_EXACT_READS : 0;

	if (leat_upgrade_server(&k->c, k->o->cfg, fd, flags, k->o->handshake_ms, &err) == LEAT_OK)
		return true;
	(void)leat_strerror(&err, k->error, sizeof(k->error));
	return false;
}

/* Which directions the program gets itself. false: the policy is `kernel`, and it cannot be had. */
static bool hand_over(struct keeper *k, bool direct[2])
{
	enum leat_ret tx = leat_offload(k->c, LEAT_TX), rx = LEAT_UNSUPPORTED;

	if (tx == LEAT_OK && k->o->input_socket)
		rx = leat_offload(k->c, LEAT_RX);
	direct[LEAT_TX] = tx == LEAT_OK;
	direct[LEAT_RX] = rx == LEAT_OK;
	if (tx != LEAT_FAILED && rx != LEAT_FAILED)
		return true;
	(void)leat_strerror(leat_conn_error(k->c), k->error, sizeof(k->error));
	return false;
}

/* A socket pair for one way: pair[0] is ours, pair[1] can only be read (to_program) or written. */
static bool make_pair(int pair[2], bool to_program)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	/* the byte that makes a cut visible: exec_pump.c */
	if (to_program && send(pair[1], "", 1, MSG_NOSIGNAL) != 1)
		return false;
	return shutdown(pair[to_program ? 1 : 0], SHUT_WR) == 0;
}

static bool start_program(struct keeper *k)
{
	bool direct[2];
	int in[2] = { -2, -1 }, out[2] = { -1, -1 }, fd = leat_conn_fd(k->c);
	bool ok;

	if (!hand_over(k, direct))
		return false;
	k->reading = !direct[LEAT_RX];
	if ((k->reading && !make_pair(in, true)) || (!direct[LEAT_TX] && !make_pair(out, false))) {
		note(k, "socketpair", errno);
		return false;
	}
	/* A program expects to wait in read and write. Our own calls say each that they do not. */
	if (direct[LEAT_TX])
		k->count_at = k->start_ms;
	if (direct[LEAT_TX])
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	ok = child_start(k, k->reading ? in[1] : fd, direct[LEAT_TX] ? fd : out[1]);
	if (!ok)
		note(k, "fork", errno);
	if (in[1] >= 0)
		close(in[1]);
	if (out[1] >= 0)
		close(out[1]);
	k->in = in[0];
	k->out = out[0];
	return ok;
}

/* ---- while the program runs ------------------------------------------------------------------ */

static void on_signals(struct keeper *k, int sigfd)
{
	struct signalfd_siginfo s;

	while (read(sigfd, &s, sizeof(s)) == (ssize_t)sizeof(s))
		if (s.ssi_signo != SIGCHLD &&
			s.ssi_signo != SIGUSR2) /* that one is for the master */
			pump_stop_program(k);
	if (!k->exited && waitpid(k->pid, &k->status, WNOHANG) == k->pid)
		k->exited = true;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* RFC 8446 5.5: keys protect so many records and no more; the kernel does not count, and neither does the
 * program. Asked again long before two million records a second could have used up what is left. */
static void count_records(struct keeper *k, int64_t now)
{
	int64_t ms;

	if (now < k->count_at)
		return;
	if (!handover_recount_tx(&k->c->ho)) {
		snprintf(k->error, sizeof(k->error), "the keys have protected all they may");
		k->count_at = INT64_MAX;
		pump_stop_program(k);
		return;
	}
	ms = k->c->ho.tx_left / 2000 < 600000 ? (int64_t)(k->c->ho.tx_left / 2000) : 600000;
	k->count_at = now + (ms < 50 ? 50 : ms);
}

static void on_time(struct keeper *k)
{
	int64_t now = exec_now_ms();

	count_records(k, now);

	if (now >= k->term_at)
		pump_stop_program(k);
	if (now >= k->kill_at && !k->exited) {
		(void)kill(-k->pid, SIGKILL);
		k->kill_at = now + 1000; /* in case something sits in the kernel */
	}
}

static void wait_some(struct keeper *k, int sigfd, int64_t until)
{
	struct pollfd f[4] = { { sigfd, POLLIN, 0 } };
	int64_t at = sooner(
		until, k->exited ? until : sooner(sooner(k->term_at, k->kill_at), k->count_at));
	int64_t left = at == INT64_MAX ? -1 : at - exec_now_ms();

	pump_wants(k, f + 1);
	if (left < 0 && at != INT64_MAX)
		left = 0;
	if (poll(f, 4, left > INT32_MAX ? INT32_MAX : (int)left) < 0)
		return;
	if (f[0].revents)
		on_signals(k, sigfd);
	/* The client is gone and nobody here reads: the program has the grace time to notice. */
	if ((f[1].revents & (POLLERR | POLLHUP)) && !k->reading && !k->watched) {
		k->watched = true;
		k->term_at = sooner(k->term_at, exec_now_ms() + k->o->grace_ms);
		k->end = k->end ? k->end : "gone";
	}
}

static void run_program(struct keeper *k, int sigfd)
{
	int64_t flush_until;

	if (k->o->limit_ms)
		k->term_at = k->start_ms + k->o->limit_ms;
	while (!k->exited) {
		pump_step(k);
		wait_some(k, sigfd, INT64_MAX);
		on_time(k);
	}
	flush_until = exec_now_ms() + FLUSH_MS;
	/* what the program has not read by now nobody will */
	k->in_gone = true;
	while (!pump_drained(k) && exec_now_ms() < flush_until) {
		pump_step(k);
		wait_some(k, sigfd, flush_until);
	}
}

/* From here on signals are read, not taken: before, they end the process at once, which is right. */
static int catch_signals(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &s, NULL) != 0)
		return -1;
	return signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void end(struct keeper *k)
{
	struct leat_err err = { 0 };

	if (leat_shutdown(k->c, SHUT_WR, FLUSH_MS) == LEAT_OK)
		(void)leat_close_timeout(k->c, CLOSE_MS, &err);
	else
		(void)leat_close_timeout(k->c, 0, &err);
	k->c = NULL;
}

void exec_keep(const struct exec_opts *o, int fd, uint64_t number)
{
	static struct keeper keeper;
	struct keeper *k = &keeper;
	int sigfd;

	*k = (struct keeper){ .o = o,
		.number = number,
		.in = -1,
		.out = -1,
		.start_ms = exec_now_ms(),
		.term_at = INT64_MAX,
		.count_at = INT64_MAX,
		.kill_at = INT64_MAX };
	if (!listen_peer(fd, k->peer))
		memcpy(k->peer, "?", 2);
	if (!shake_hands(k, fd)) {
		report(k);
		return;
	}
	sigfd = catch_signals();
	if (sigfd < 0)
		note(k, "signalfd", errno);
	else if (start_program(k))
		run_program(k, sigfd);
	report(k);
	end(k);
}
