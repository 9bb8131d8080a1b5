/* SPDX-License-Identifier: Apache-2.0
 *
 * b_loop.c - what it costs the server's thread to receive a small request and to send a small answer over a
 * kept-alive TCP connection, by the ways the loop has for it. No TLS: that is the same for all of them.
 *
 *	b_loop [--json] [--requests N] [--answer BYTES] [--loop io_uring|poll]
 *
 * CPU time of the thread alone, median of five turns. In the kernel test machine with --icount it counts
 * instructions:
 *
 *	tests/vm/run --icount -- build/bench/b_loop
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"

#define CONNS       8
#define REQUEST     100
#define ANSWER_MOST 65536
#define TURNS       5

enum way {
	READY_TWICE, /* recv; answer; recv says EAGAIN; wait for readiness: what leat serve did */
	READY,       /* the same without asking again */
	READY_TIMER, /* with a deadline in the loop's heap */
	READY_LIMIT, /* with a limit of the operation */
	TAKE_ONCE,   /* receive into a lent buffer */
	TAKE,        /* the same, multishot */
	TAKE_SEND,   /* and the answer goes out by the ring */
	NUM_WAYS
};

static const char *const names[] = { "ready, recv twice", "ready, recv", "ready, recv, timer",
	"ready, recv, limit", "take once", "take", "take, send by the loop" };

struct conn {
	struct loop_op op, out;
	struct loop_timer timer;
	int fd;
	enum way way;
};

static struct {
	bool json;
	unsigned long requests;
	size_t answer;
	enum loop_backend loop;
} o = { .requests = 20000, .answer = 1024, .loop = LOOP_URING };

static uint8_t answer[ANSWER_MOST];
static unsigned long answered;
static bool over; /* connections are being closed */

static void die(const char *what)
{
	fprintf(stderr, "b_loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the server ------------------------------------------------------------------------------ */

static void send_answer(struct loop *l, struct conn *c)
{
	answered++;
	if (c->way == TAKE_SEND)
		loop_send(l, &c->out, c->fd, answer, o.answer, 0);
	else if (send(c->fd, answer, o.answer, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)o.answer)
		die("send");
}

static void on_sent(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	(void)l;
	(void)op;
	(void)flags;
	if (res != (int)o.answer && !over)
		die("send by the loop");
}

static void wait_ready(struct loop *l, struct conn *c)
{
	if (c->way == READY_TIMER)
		loop_timer_start(l, &c->timer, 60000);
	if (c->way == READY_LIMIT)
		loop_limit(l, &c->op, 60000);
	loop_ready(l, &c->op, c->fd, POLLIN);
}

static void on_ready(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct conn *c = op->arg;
	uint8_t b[4096];

	(void)res;
	(void)flags;
	if (over)
		return;
	while (recv(c->fd, b, sizeof(b), MSG_DONTWAIT) > 0) {
		send_answer(l, c);
		if (c->way != READY_TWICE)
			break;
	}
	wait_ready(l, c);
}

static void on_piece(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct conn *c = op->arg;

	if (res <= 0 || over)
		return;
	send_answer(l, c);
	if (!(flags & LOOP_MORE))
		loop_take_once(l, op, c->fd, false);
}

static void wait_for_request(struct loop *l, struct conn *c)
{
	c->op = (struct loop_op){ .done = c->way <= READY_LIMIT ? on_ready : on_piece, .arg = c };
	c->out = (struct loop_op){ .done = on_sent, .arg = c };
	if (c->way <= READY_LIMIT)
		wait_ready(l, c);
	else
		(c->way == TAKE_ONCE ? loop_take_once : loop_take)(l, &c->op, c->fd, false);
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- the clients ----------------------------------------------------------------------------- */

static void ask(const int *fd)
{
	static uint8_t b[ANSWER_MOST];

	for (int i = 0; i < CONNS; i++)
		if (send(fd[i], b, REQUEST, 0) != REQUEST)
			_exit(0);
	for (int i = 0; i < CONNS; i++)
		for (size_t n = 0; n < o.answer;) {
			ssize_t got = recv(fd[i], b, o.answer - n, 0);

			if (got <= 0)
				_exit(0);
			n += (size_t)got;
		}
}

static pid_t start_clients(const struct sockaddr_in *addr)
{
	pid_t pid = fork();
	int fd[CONNS];

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < CONNS; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd[i], (const struct sockaddr *)addr, sizeof(*addr)) != 0)
			die("connect");
	}
	for (;;)
		ask(fd);
}

/* ---- one way --------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* CPU of a request, in nanoseconds. */
static double run_turn(struct loop *l, unsigned long requests)
{
	unsigned long from = answered;
	double before = cpu_ns();

	while (answered - from < requests)
		if (loop_run_once(l, -1) < 0)
			die("loop");
	return (cpu_ns() - before) / (double)(answered - from);
}

static double measure(enum way way, int lfd, const struct sockaddr_in *addr)
{
	struct conn conns[CONNS];
	double ns[TURNS];
	int err;
	struct loop *l = loop_new(o.loop, &err);
	pid_t pid;

	if (l == NULL) {
		errno = -err;
		die("no such loop here");
	}
	pid = start_clients(addr);
	for (int i = 0; i < CONNS; i++) {
		conns[i] = (struct conn){ .fd = accept(lfd, NULL, NULL), .way = way };
		if (conns[i].fd < 0 || fcntl(conns[i].fd, F_SETFL, O_NONBLOCK) != 0)
			die("accept");
		wait_for_request(l, &conns[i]);
	}
	(void)run_turn(l, o.requests / 5);
	for (int i = 0; i < TURNS; i++)
		ns[i] = run_turn(l, o.requests / TURNS);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	over = true;
	for (int i = 0; i < CONNS; i++) {
		loop_timer_stop(l, &conns[i].timer);
		loop_close(l, conns[i].fd);
	}
	loop_free(l);
	over = false;
	qsort(ns, TURNS, sizeof(ns[0]), by_size);
	return ns[TURNS / 2];
}

static void read_args(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--json") == 0)
			o.json = true;
		else if (strcmp(argv[i], "--requests") == 0)
			o.requests = strtoul(next, NULL, 10), i++;
		else if (strcmp(argv[i], "--answer") == 0)
			o.answer = strtoul(next, NULL, 10), i++;
		else if (strcmp(argv[i], "--loop") == 0)
			o.loop = strcmp(next, "poll") == 0 ? LOOP_POLL : LOOP_URING, i++;
	}
	if (o.answer == 0 || o.answer > ANSWER_MOST || o.requests < TURNS) {
		fprintf(stderr, "usage: b_loop [--json] [--requests N] [--answer BYTES] [--loop "
				"io_uring|poll]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t n = sizeof(addr);
	int lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	read_args(argc, argv);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(lfd, (struct sockaddr *)&addr, n) != 0 || listen(lfd, CONNS) != 0 ||
		getsockname(lfd, (struct sockaddr *)&addr, &n) != 0)
		die("listen");
	for (int way = 0; way < NUM_WAYS; way++) {
		double ns = measure((enum way)way, lfd, &addr);

		if (o.json)
			printf("{\"bench\": \"loop\", \"way\": \"%s\", \"answer\": %zu, \"ns\": %.0f}\n",
				names[way], o.answer, ns);
		else
			printf("%-24s %8.0f ns a request\n", names[way], ns);
		fflush(stdout);
	}
	close(lfd);
	return 0;
}
