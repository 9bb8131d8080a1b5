/*
 * t_loop.c: the contract of user/loop/loop.h, every test on both backends (io_uring, poll).
 *
 * REQ: F-iouring
 * TIMEOUT: 120
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loops.h"

#include "base/mem.h"
#include "loop/uring_op.h"

/* ---- timers ---------------------------------------------------------------------------------- */

struct tick {
	struct loop_timer t;
	uint64_t due;
	int *fired;
	uint64_t *latest;
};

static void on_tick(struct loop *l, struct loop_timer *t)
{
	struct tick *k = t->arg;

	assert_false(loop_timer_armed(t));
	assert_true(loop_now_ms(l) >= k->due);
	assert_true(k->due >= *k->latest); /* never after one that was due later */
	*k->latest = k->due;
	(*k->fired)++;
}

static void timers_fire_in_order(void **state)
{
	enum { NUM = 5000 };
	struct loop *l = loops_open(state);
	struct tick *k = calloc(NUM, sizeof(*k));
	uint64_t latest = 0;
	int fired = 0, armed = 0;

	srand(7);
	for (int i = 0; i < NUM; i++) {
		k[i] = (struct tick){
			.t = { .fn = on_tick, .arg = &k[i] }, .fired = &fired, .latest = &latest
		};
		loop_timer_start(l, &k[i].t, (uint64_t)(rand() % 50));
	}
	for (int i = 0; i < NUM; i++) { /* a third moved, a third stopped, also twice */
		if (i % 3 == 0)
			loop_timer_start(l, &k[i].t, (uint64_t)(rand() % 150));
		if (i % 3 == 1) {
			loop_timer_stop(l, &k[i].t);
			loop_timer_stop(l, &k[i].t);
		}
		k[i].due = k[i].t.node.due_ms;
		armed += loop_timer_armed(&k[i].t);
	}
	loops_until(l, &fired, armed);
	loops_quiet(l, 2);
	assert_int_equal(fired, armed);
	free(k);
	loop_free(l);
}

static void on_tick_again(struct loop *l, struct loop_timer *t)
{
	int *left = t->arg;

	if (--*left > 0)
		loop_timer_start(l, t, 0);
}

static void timer_that_restarts_itself(void **state)
{
	struct loop *l = loops_open(state);
	int left = 50;
	struct loop_timer t = { .fn = on_tick_again, .arg = &left };

	loop_timer_start(l, &t, 0);
	/* One firing per round: a self-restarting timer must not hold the loop. */
	assert_int_equal(loop_run_once(l, -1), 1);
	assert_int_equal(left, 49);
	while (left > 0)
		assert_true(loop_run_once(l, -1) >= 0);
	assert_false(loop_timer_armed(&t));
	loop_timer_start(l, &t, UINT64_MAX); /* does not wrap into the past */
	loops_quiet(l, 1);
	assert_true(loop_timer_armed(&t));
	loop_timer_stop(l, &t);
	loop_free(l);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void recv_waits_then_gets(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	char buf[16];
	int sv[2];

	loops_pair(sv);
	loop_recv(l, &op, sv[0], buf, sizeof(buf));
	assert_int_equal(s.calls, 0); /* never from the start function */
	assert_int_equal(loop_num_busy(l), 1);
	loops_quiet(l, 2);
	assert_int_equal(s.calls, 0);
	assert_int_equal(write(sv[1], "water", 5), 5);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, 5);
	assert_memory_equal(buf, "water", 5);
	assert_int_equal(loop_num_busy(l), 0);
	close(sv[1]);
	loop_recv(l, &op, sv[0], buf, sizeof(buf));
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, 0);
	close(sv[0]);
	loop_free(l);
}

struct pump {
	struct loop_op op;
	uint8_t *buf;
	size_t n, at, chunk;
	int fd, done, shorts;
};

static void on_pump_out(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct pump *p = op->arg;

	(void)flags;
	assert_true(res > 0);
	p->shorts += (size_t)res < p->n - p->at;
	p->at += (size_t)res;
	if (p->at < p->n)
		loop_send(l, op, p->fd, p->buf + p->at, p->n - p->at, 0);
	else
		p->done = 1;
}

static void on_pump_in(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct pump *p = op->arg;

	(void)flags;
	assert_true(res > 0);
	p->at += (size_t)res;
	if (p->at < p->n)
		loop_recv(l, op, p->fd, p->buf + p->at,
			p->n - p->at < p->chunk ? p->n - p->at : p->chunk);
	else
		p->done = 1;
}

static void short_sends_lose_nothing(void **state)
{
	enum { NUM = 8 << 20 };
	struct loop *l = loops_open(state);
	struct pump out = { .n = NUM }, in = { .n = NUM, .chunk = 70001 };
	int sv[2], small = 4096;

	loops_pair(sv);
	assert_int_equal(setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	out.buf = malloc(NUM);
	in.buf = malloc(NUM);
	loops_fill(out.buf, NUM, 0);
	out.fd = sv[0];
	in.fd = sv[1];
	out.op = (struct loop_op){ .done = on_pump_out, .arg = &out };
	in.op = (struct loop_op){ .done = on_pump_in, .arg = &in };
	loop_send(l, &out.op, out.fd, out.buf, out.n, 0);
	loop_recv(l, &in.op, in.fd, in.buf, in.chunk);
	loops_until(l, &in.done, 1);
	loops_until(l, &out.done, 1);
	assert_true(out.shorts > 0); /* else this test shows nothing */
	assert_memory_equal(out.buf, in.buf, NUM);
	free(out.buf);
	free(in.buf);
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

static void messages_carry_control_data(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen so = { 0 }, si = { 0 };
	struct loop_op out = loops_op(&so), in = loops_op(&si);
	union {
		char b[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} co = { { 0 } }, ci = { { 0 } };
	char bo[] = "x", bi[8];
	struct iovec vo = { bo, 1 }, vi = { bi, sizeof(bi) };
	struct msghdr mo = {
		.msg_iov = &vo, .msg_iovlen = 1, .msg_control = co.b, .msg_controllen = sizeof(co.b)
	};
	struct msghdr mi = {
		.msg_iov = &vi, .msg_iovlen = 1, .msg_control = ci.b, .msg_controllen = sizeof(ci.b)
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mo);
	int sv[2], got;

	loops_pair(sv);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &sv[0], sizeof(int));
	loop_recvmsg(l, &in, sv[1], &mi, 0);
	loops_quiet(l, 1);
	loop_sendmsg(l, &out, sv[0], &mo, 0);
	loops_until(l, &si.calls, 1);
	loops_until(l, &so.calls, 1);
	assert_int_equal(so.last, 1);
	assert_int_equal(si.last, 1);
	cm = CMSG_FIRSTHDR(&mi);
	assert_non_null(cm);
	assert_int_equal(cm->cmsg_type, SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(cm), sizeof(got));
	assert_int_equal(close(got), 0);
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

static void reset_and_broken_pipe_are_results(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen sr = { 0 }, ss = { 0 }, sa = { 0 };
	struct loop_op r = loops_op(&sr), s = loops_op(&ss), a = loops_op(&sa);
	struct linger hard = { .l_onoff = 1 };
	struct sockaddr_in addr;
	int lfd = loops_listener(&addr), cfd;
	char buf[8];

	loop_accept(l, &a, lfd);
	cfd = loops_dial(&addr);
	loops_until(l, &sa.more, 1);
	loop_recv(l, &r, sa.fds[0], buf, sizeof(buf));
	loops_quiet(l, 1);
	assert_int_equal(setsockopt(cfd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	close(cfd);
	loops_until(l, &sr.calls, 1);
	assert_int_equal(sr.last, -ECONNRESET);
	/* No SIGPIPE: its default action would end this program here. */
	loop_send(l, &s, sa.fds[0], "x", 1, 0);
	loops_until(l, &ss.calls, 1);
	assert_int_equal(ss.last, -EPIPE);
	loop_close(l, lfd);
	loops_until(l, &sa.calls, 1);
	close(sa.fds[0]);
	loop_free(l);
}

/* ---- accept ---------------------------------------------------------------------------------- */

static void accept_many(void **state)
{
	enum { NUM = 40 };
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct sockaddr_in addr;
	int lfd = loops_listener(&addr), c[NUM];

	loop_accept(l, &op, lfd);
	for (int i = 0; i < NUM; i++)
		c[i] = loops_dial(&addr);
	loops_until(l, &s.more, NUM);
	assert_int_equal(s.calls, 0);
	for (int i = 0; i < NUM; i++) {
		assert_true(fcntl(s.fds[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(s.fds[i], F_GETFD) & FD_CLOEXEC);
		close(s.fds[i]);
		close(c[i]);
	}
	loop_cancel(l, &op);
	loop_cancel(l, &op);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, -ECANCELED);
	loops_quiet(l, 2);
	assert_int_equal(s.calls, 1);
	close(lfd);
	loop_free(l);
}

static void accept_out_of_descriptors(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct sockaddr_in addr;
	struct rlimit old, tight;
	int lfd = loops_listener(&addr), cfd, probe;

	cfd = loops_dial(&addr);
	probe = dup(cfd); /* the lowest free number is above every open one */
	assert_true(probe >= 0);
	close(probe);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)probe;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	/* Armed under the limit: io_uring notes the limit when it takes the submission. */
	loop_accept(l, &op, lfd);
	loops_until(l, &s.calls, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(s.last, -EMFILE);
	assert_int_equal(s.more, 0);
	/* The connection was not lost: it is in the backlog. */
	loop_accept(l, &op, lfd);
	loops_until(l, &s.more, 1);
	close(s.fds[0]);
	loop_cancel(l, &op);
	loops_until(l, &s.calls, 2);
	close(cfd);
	close(lfd);
	loop_free(l);
}

static void bad_descriptors_are_results(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	int sv[2], blocking;
	char b[4];

	loops_pair(sv);
	close(sv[0]);
	loop_recv(l, &op, sv[0], b, 4);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, -EBADF);
	loop_ready(l, &op, sv[0], POLLIN);
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, -EBADF);
	loop_recv(l, &op, -1, b, 4);
	loop_cancel(l, &op); /* its fate is sealed, whatever we ask */
	loops_until(l, &s.calls, 3);
	assert_int_equal(s.last, -EBADF);
	blocking = socket(AF_INET, SOCK_STREAM, 0);
	loop_accept(l, &op, blocking);
	loops_until(l, &s.calls, 4);
	assert_int_equal(s.last, -EINVAL);
	loop_send(l, &op, STDIN_FILENO, "x", 1, 0);
	loops_until(l, &s.calls, 5);
	assert_true(s.last == -ENOTSOCK || s.last == -EBADF);
	loops_quiet(l, 2);
	assert_int_equal(s.calls, 5);
	assert_int_equal(loop_num_busy(l), 0);
	close(blocking);
	close(sv[1]);
	loop_free(l);
}

/* ---- cancel, close, recycle ------------------------------------------------------------------ */

static void cancel_loses_no_byte(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	uint8_t got[4096], want[4096], b[64];
	size_t sent = 0, have = 0;
	int sv[2], cancelled = 0;

	loops_pair(sv);
	srand(11);
	loops_fill(want, sizeof(want), 0);
	while (have < sizeof(want)) {
		int before = s.calls;
		size_t n = (size_t)(rand() % 24);

		loop_recv(l, &op, sv[0], b, sizeof(b));
		if (rand() % 2)
			loops_quiet(l, 0);
		if (n > sizeof(want) - sent)
			n = sizeof(want) - sent;
		if (rand() % 2 && n > 0) {
			assert_int_equal(write(sv[1], want + sent, n), (ssize_t)n);
			sent += n;
		}
		if (rand() % 3)
			assert_true(loop_run_once(l, 0) >= 0);
		loop_cancel(l, &op);
		loops_until(l, &s.calls, before + 1);
		assert_int_equal(s.calls, before + 1);
		if (s.last == -ECANCELED) {
			cancelled++;
			continue;
		}
		assert_true(s.last > 0);
		memcpy(got + have, b, (size_t)s.last);
		have += (size_t)s.last;
	}
	assert_true(cancelled > 0);
	assert_memory_equal(got, want, sizeof(want));
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

static void cancel_of_waiting_send(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	char block[65536] = { 0 };
	size_t sent = 0, got = 0;
	ssize_t n;
	int sv[2];

	loops_pair(sv);
	while ((n = send(sv[0], block, sizeof(block), MSG_DONTWAIT)) > 0)
		sent += (size_t)n;
	loop_send(l, &op, sv[0], block, sizeof(block), 0);
	loops_quiet(l, 2);
	assert_int_equal(s.calls, 0);
	loop_cancel(l, &op);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, -ECANCELED);
	while ((n = recv(sv[1], block, sizeof(block), MSG_DONTWAIT)) > 0)
		got += (size_t)n;
	assert_int_equal(got, sent); /* nothing of the cancelled send went out */
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

static void close_with_pending_ops(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen sr = { 0 }, sp = { 0 }, sn = { 0 };
	struct loop_op r = loops_op(&sr), p = loops_op(&sp), fresh = loops_op(&sn);
	int sv[2], sw[2];
	char b[8], c[8];

	for (int submitted = 0; submitted < 2; submitted++) {
		struct loops_seen zero = { 0 };

		sr = sp = sn = zero;
		loops_pair(sv);
		loop_recv(l, &r, sv[0], b, sizeof(b));
		loop_ready(l, &p, sv[0], POLLRDHUP);
		if (submitted)
			loops_quiet(l, 1);
		loop_close(l, sv[0]);
		/* The file is gone although an op was pending: the peer sees the end. */
		loops_pair(sw);
		assert_true(sw[0] == sv[0] || sw[1] == sv[0]); /* the number is used again */
		loop_recv(l, &fresh, sw[0], c, sizeof(c));
		loops_until(l, &sr.calls, 1);
		loops_until(l, &sp.calls, 1);
		assert_int_equal(sr.last, -ECANCELED);
		assert_int_equal(sp.last, -ECANCELED);
		assert_int_equal(read(sv[1], b, 1), 0);
		/* and the newcomer with the same number is untouched */
		assert_int_equal(sn.calls, 0);
		assert_int_equal(write(sw[1], "new", 3), 3);
		loops_until(l, &sn.calls, 1);
		assert_int_equal(sn.last, 3);
		close(sv[1]);
		loop_close(l, sw[0]);
		loop_close(l, sw[1]);
	}
	loop_close(l, -1);
	loop_free(l);
}

static void slots_are_recycled_safely(void **state)
{
	enum { NUM = 1500 }; /* more than one submission queue, more than one table */
	struct loop *l = loops_open(state);
	struct loops_seen *s = calloc(NUM, sizeof(*s));
	struct loop_op *op = calloc(NUM, sizeof(*op));
	char b[NUM];
	int sv[2], fds[NUM];

	loops_pair(sv);
	for (int i = 0; i < NUM; i++) {
		fds[i] = dup(sv[0]);
		assert_true(fds[i] >= 0);
		op[i] = loops_op(&s[i]);
	}
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < NUM; i++)
			loop_recv(l, &op[i], fds[i], &b[i], 1);
		assert_int_equal(loop_num_busy(l), NUM);
		if (round % 2)
			loops_quiet(l, 1);
		for (int i = NUM - 1; i >= 0; i--)
			loop_cancel(l, &op[i]);
		for (int i = 0; i < NUM; i++) {
			loops_until(l, &s[i].calls, round + 1);
			assert_int_equal(s[i].last, -ECANCELED);
		}
		assert_int_equal(loop_num_busy(l), 0);
	}
	loops_quiet(l, 2);
	for (int i = 0; i < NUM; i++) {
		assert_int_equal(s[i].calls, 4);
		close(fds[i]);
	}
	close(sv[0]);
	close(sv[1]);
	free(s);
	free(op);
	loop_free(l);
}

static void on_free_me(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	int *num = op->arg;

	(void)l;
	(void)flags;
	assert_true(res == 1 || res == -ECANCELED);
	++*num;
	free(op);
}

static void op_may_be_freed_when_it_ends(void **state)
{
	struct loop *l = loops_open(state);
	static char b[2];
	int sv[2], num = 0;

	loops_pair(sv);
	for (int i = 0; i < 2; i++) {
		struct loop_op *op = calloc(1, sizeof(*op));

		op->done = on_free_me;
		op->arg = &num;
		loop_recv(l, op, sv[i], &b[i], 1);
	}
	assert_int_equal(write(sv[0], "x", 1), 1);
	loops_until(l, &num, 1);
	loop_free(l); /* the other one ends here */
	assert_int_equal(num, 2);
	close(sv[0]);
	close(sv[1]);
}

static void free_ends_everything(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s[6] = { 0 };
	struct loop_op op[6];
	struct sockaddr_in addr;
	struct loop_timer t = { .fn = on_tick };
	int lfd = loops_listener(&addr), sv[2];
	char b[2][4];

	loops_pair(sv);
	for (int i = 0; i < 6; i++)
		op[i] = loops_op(&s[i]);
	loop_accept(l, &op[0], lfd);
	loop_recv(l, &op[1], sv[0], b[0], 4);
	loop_ready(l, &op[2], sv[0], POLLRDHUP);
	loops_quiet(l, 1);
	loop_recv(l, &op[3], sv[1], b[1], 4); /* never submitted */
	loop_recv(l, &op[4], -1, b[1], 4);
	loop_timer_start(l, &t, 0);
	loop_cancel(l, &op[1]);
	loop_free(l);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(s[i].calls, 1);
		assert_int_equal(s[i].last, i == 4 ? -EBADF : -ECANCELED);
	}
	assert_int_equal(s[5].calls, 0);
	loop_free(NULL);
	close(lfd);
	close(sv[0]);
	close(sv[1]);
}

/* ---- readiness and splice -------------------------------------------------------------------- */

static void readiness(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	int sv[2];
	char b;

	loops_pair(sv);
	loop_ready(l, &op, sv[0], POLLOUT);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, POLLOUT);
	loop_ready(l, &op, sv[0], POLLIN);
	loops_quiet(l, 2);
	assert_int_equal(s.calls, 1);
	assert_int_equal(write(sv[1], "x", 1), 1);
	loops_until(l, &s.calls, 2);
	assert_true(s.last & POLLIN);
	assert_int_equal(read(sv[0], &b, 1), 1);
	loop_ready(l, &op, sv[0], POLLRDHUP);
	close(sv[1]);
	loops_until(l, &s.calls, 3);
	assert_true(s.last & POLLRDHUP);
	close(sv[0]);
	loop_free(l);
}

static int temp_file(size_t n)
{
	char name[] = "/tmp/t_loop.XXXXXX";
	uint8_t *p = malloc(n);
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	loops_fill(p, n, 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	free(p);
	return fd;
}

static void splice_file_to_socket(void **state)
{
	enum { NUM = 3 * 1000 * 1000 + 17 };
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct pump in = { .n = NUM, .chunk = 12345 };
	uint8_t *want = malloc(NUM);
	int sv[2], pp[2], file = temp_file(NUM), waits = 0;
	size_t at = 0, piped = 0;

	loops_pair(sv);
	assert_int_equal(pipe2(pp, O_NONBLOCK | O_CLOEXEC), 0);
	in.buf = malloc(NUM);
	in.fd = sv[1];
	in.op = (struct loop_op){ .done = on_pump_in, .arg = &in };
	for (int calls = 0;; calls = s.calls) {
		if (piped > 0)
			loop_splice(l, &op, pp[0], -1, sv[0], -1, (uint32_t)piped, 0, false);
		else
			loop_splice(l, &op, file, (int64_t)at, pp[1], -1, 1 << 20, 0, false);
		loops_quiet(l, 3);
		if (s.calls == calls && !loop_op_busy(&in.op) && in.at == 0) {
			waits++; /* the socket is full; from now on somebody reads */
			loop_recv(l, &in.op, in.fd, in.buf, in.chunk);
		}
		loops_until(l, &s.calls, calls + 1);
		assert_true(s.last >= 0);
		if (piped > 0) {
			piped -= (size_t)s.last;
		} else {
			if (s.last == 0)
				break; /* end of file */
			piped = (size_t)s.last;
			at += piped;
		}
	}
	assert_int_equal(waits, 1);
	assert_int_equal(at, NUM);
	loops_until(l, &in.done, 1);
	loops_fill(want, NUM, 0);
	assert_memory_equal(want, in.buf, NUM);
	free(want);
	free(in.buf);
	close(file);
	close(pp[0]);
	close(pp[1]);
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

static void splice_waits_and_is_cancelled(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	int sv[2], pp[2];
	char b[8];

	loops_pair(sv);
	assert_int_equal(pipe2(pp, O_NONBLOCK | O_CLOEXEC), 0);
	/* socket -> pipe, nothing there yet */
	loop_splice(l, &op, sv[0], -1, pp[1], -1, 100, 0, true);
	loops_quiet(l, 3);
	assert_int_equal(s.calls, 0);
	assert_int_equal(write(sv[1], "abc", 3), 3);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, 3);
	assert_int_equal(read(pp[0], b, sizeof(b)), 3);
	loop_splice(l, &op, sv[0], -1, pp[1], -1, 100, 0, true);
	loops_quiet(l, 2);
	loop_cancel(l, &op);
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, -ECANCELED);
	assert_int_equal(write(sv[1], "def", 3), 3);
	loops_quiet(l, 2);
	assert_int_equal(read(sv[0], b, sizeof(b)), 3); /* still in the socket */
	/* closed while waiting */
	loop_splice(l, &op, sv[0], -1, pp[1], -1, 100, 0, true);
	loops_quiet(l, 2);
	loop_close(l, sv[0]);
	loops_until(l, &s.calls, 3);
	assert_int_equal(s.last, -ECANCELED);
	close(sv[1]);
	close(pp[0]);
	close(pp[1]);
	loop_free(l);
}

/* ---- wake-ups -------------------------------------------------------------------------------- */

struct waker {
	struct loop *l;
	int woken;
};

static void on_wake(struct loop *l, void *arg)
{
	struct waker *w = arg;

	if (++w->woken == 3)
		loop_stop(l);
}

static void *wake_thrice(void *arg)
{
	struct waker *w = arg;

	for (int i = 0; i < 3; i++) {
		usleep(20000);
		loop_wake(w->l);
	}
	return NULL;
}

static void other_threads_wake_it(void **state)
{
	struct loop *l = loops_open(state);
	struct waker w = { .l = l };
	pthread_t t;

	loop_on_wake(l, on_wake, &w);
	assert_int_equal(pthread_create(&t, NULL, wake_thrice, &w), 0);
	assert_int_equal(loop_run(l), 0);
	pthread_join(t, NULL);
	assert_int_equal(w.woken, 3);
	loop_stop(l); /* before the run: still seen */
	assert_int_equal(loop_run(l), 0);
	loop_free(l);
}

static struct loop *signalled;

static void on_signal(int sig)
{
	(void)sig;
	loop_stop(signalled);
}

static void signal_handler_stops_it(void **state)
{
	struct loop *l = loops_open(state);
	struct itimerval soon = { .it_value = { .tv_usec = 30000 } };

	signalled = l;
	signal(SIGALRM, on_signal);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(loop_run(l), 0);
	signal(SIGALRM, SIG_DFL);
	loop_free(l);
}

/* ---- failures of the machine ----------------------------------------------------------------- */

static void out_of_memory_is_a_result(void **state)
{
	enum { NUM = 200 };
	struct loop *l = loops_open(state);
	struct loops_seen s[NUM] = { 0 };
	struct loop_op op[NUM];
	int fds[NUM], sv[2], failed = 0;
	char b;

	loops_pair(sv);
	for (int i = 0; i < NUM; i++) {
		fds[i] = dup(sv[0]);
		op[i] = loops_op(&s[i]);
	}
	for (int i = 0; i < NUM; i++) {
		(void)leat_mem_fail_at(1);
		loop_recv(l, &op[i], fds[i], &b, 1);
		(void)leat_mem_fail_at(0);
	}
	loops_quiet(l, 2);
	for (int i = 0; i < NUM; i++) {
		failed += s[i].calls;
		if (s[i].calls)
			assert_int_equal(s[i].last, -ENOMEM);
		loop_cancel(l, &op[i]);
	}
	assert_true(failed > 0 && failed < NUM);
	for (int i = 0; i < NUM; i++)
		loops_until(l, &s[i].calls, 1);
	loops_quiet(l, 2);
	for (int i = 0; i < NUM; i++) {
		assert_int_equal(s[i].calls, 1);
		close(fds[i]);
	}
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

/* In a child: io_uring_setup answers with err. Returns 0 when AUTO then does what it promises. */
static int refused_child(int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	struct loop *l;
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
		return 77;
	l = loop_new(LOOP_URING, &rc);
	if (l != NULL || rc != -err)
		return 1;
	l = loop_new(LOOP_AUTO, &rc);
	if (l == NULL || rc != 0)
		return 2;
	if (strcmp(loop_name(l), "poll") != 0 || strstr(loop_why(l), strerror(err)) == NULL)
		return 3;
	if (loop_run_once(l, 0) < 0)
		return 4;
	loop_free(l);
	return 0;
}

static void auto_falls_back_with_a_reason(void **state)
{
	const int errs[] = { EPERM, ENOSYS, ENOMEM };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(refused_child(errs[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77) {
			print_message("seccomp filters cannot be installed here\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* ---- tags ------------------------------------------------------------------------------------ */

static void stale_tags_find_nothing(void **state)
{
	struct uring_slots s = { 0 };
	struct loop_op a = { .kind = LOOP_RECV }, b = { .kind = LOOP_RECV };
	uint32_t slot, other;
	uint64_t old;

	(void)state;
	assert_int_equal(uring_slot_take(&s, &a, &slot), 0);
	old = uring_slot_tag(&s, slot, LOOP_RECV);
	assert_ptr_equal(uring_slot_find(&s, old), &a);
	assert_null(uring_slot_find(&s, uring_tag(LOOP_SEND, 0, slot)));
	uring_slot_put(&s, slot);
	assert_null(uring_slot_find(&s, old));
	assert_int_equal(uring_slot_take(&s, &b, &other), 0);
	assert_int_equal(other, slot);         /* used again, */
	assert_null(uring_slot_find(&s, old)); /* yet the old tag is nobody's */
	assert_ptr_equal(uring_slot_find(&s, uring_slot_tag(&s, other, LOOP_RECV)), &b);
	assert_null(uring_slot_find(&s, uring_tag(LOOP_RECV, 0, 1u << 31)));
	s.v[slot].gen = 0xffffff; /* the generation wraps inside its 24 bits */
	assert_ptr_equal(uring_slot_find(&s, uring_slot_tag(&s, slot, LOOP_RECV)), &b);
	uring_slot_put(&s, slot);
	assert_int_equal(uring_slot_take(&s, &a, &slot), 0);
	assert_int_equal(uring_slot_tag(&s, slot, LOOP_RECV), uring_tag(LOOP_RECV, 0, slot));
	assert_ptr_equal(uring_slot_find(&s, uring_tag(LOOP_RECV, 0, slot)), &a);
	uring_slots_clear(&s);
	assert_null(uring_slot_find(&s, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOPS_BOTH(timers_fire_in_order),
		LOOPS_BOTH(timer_that_restarts_itself),
		LOOPS_BOTH(recv_waits_then_gets),
		LOOPS_BOTH(short_sends_lose_nothing),
		LOOPS_BOTH(messages_carry_control_data),
		LOOPS_BOTH(reset_and_broken_pipe_are_results),
		LOOPS_BOTH(accept_many),
		LOOPS_BOTH(accept_out_of_descriptors),
		LOOPS_BOTH(bad_descriptors_are_results),
		LOOPS_BOTH(cancel_loses_no_byte),
		LOOPS_BOTH(cancel_of_waiting_send),
		LOOPS_BOTH(close_with_pending_ops),
		LOOPS_BOTH(slots_are_recycled_safely),
		LOOPS_BOTH(op_may_be_freed_when_it_ends),
		LOOPS_BOTH(free_ends_everything),
		LOOPS_BOTH(readiness),
		LOOPS_BOTH(splice_file_to_socket),
		LOOPS_BOTH(splice_waits_and_is_cancelled),
		LOOPS_BOTH(other_threads_wake_it),
		LOOPS_BOTH(signal_handler_stops_it),
		LOOPS_BOTH(out_of_memory_is_a_result),
		cmocka_unit_test(auto_falls_back_with_a_reason),
		cmocka_unit_test(stale_tags_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
