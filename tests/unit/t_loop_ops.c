/*
 * t_loop_ops.c: time limits, options of sockets, the linked end of a connection, descriptors from loop to
 * loop; on both loops, and between them.
 *
 * REQ: F-iouring
 * TIMEOUT: 120
 */
#include "loops.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

/* ---- limits ---------------------------------------------------------------------------------- */

static void fill_socket(int fd)
{
	static const uint8_t block[65536];

	while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
}

static void start_limited(struct loop *l, struct loop_op *op, int fd, int way, uint32_t ms)
{
	static uint8_t b[1 << 16];
	static struct iovec v = { b, 8 };
	static struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	loop_limit(l, op, ms);
	switch (way) {
	case 0: loop_recv(l, op, fd, b, 8); break;
	case 1: loop_ready(l, op, fd, POLLIN); break;
	case 2: loop_take_once(l, op, fd, false); break;
	case 3: loop_take_once(l, op, fd, true); break;
	case 4: loop_recvmsg(l, op, fd, &m, 0); break;
	case 5: loop_send(l, op, fd, b, sizeof(b), 0); break;
	case 6: loop_end(l, op, fd, &m); break;
	default: fail();
	}
}
#define NUM_WAYS 7

static void time_is_limited(void **state)
{
	struct loop *l = loops_open(state);

	for (int way = 0; way < NUM_WAYS; way++) {
		struct loops_seen s = { 0 };
		struct loop_op op = loops_op(&s);
		uint64_t from;
		int sv[2];

		loops_pair(sv);
		fill_socket(sv[0]);
		loops_quiet(l, 1);
		from = loop_now_ms(l);
		start_limited(l, &op, sv[0], way, 40);
		loops_until(l, &s.calls, 1);
		assert_int_equal(s.last, -ETIME);
		assert_in_range(loop_now_ms(l) - from, 35, 5000);
		/* the next use of the op has no limit unless it is given one */
		loop_ready(l, &op, sv[0], POLLIN);
		for (int i = 0; i < 8; i++)
			assert_true(loop_run_once(l, 10) >= 0);
		assert_int_equal(s.calls, 1);
		loop_cancel(l, &op);
		loops_until(l, &s.calls, 2);
		assert_int_equal(s.last, -ECANCELED);
		close(sv[0]);
		close(sv[1]);
	}
	loop_free(l);
}

static void in_time_or_cancelled(void **state)
{
	struct loop *l = loops_open(state);

	for (int way = 0; way < 5; way++) {
		struct loops_seen s = { 0 };
		struct loop_op op = loops_op(&s);
		int sv[2];

		loops_pair(sv);
		start_limited(l, &op, sv[0], way, 60000);
		loops_quiet(l, 1);
		assert_int_equal(send(sv[1], "four", 4, 0), 4);
		loops_until(l, &s.calls, 1);
		assert_int_equal(s.last, way == 1 ? POLLIN : 4);
		if (way == 1)
			assert_int_equal(recv(sv[0], &op, 4, MSG_PEEK), 4);
		op = loops_op(&s);
		loops_pair(sv);
		start_limited(l, &op, sv[0], way, 60000);
		if (way % 2)
			loops_quiet(l, 1);
		loop_cancel(l, &op);
		loops_until(l, &s.calls, 2);
		assert_int_equal(s.last, -ECANCELED);
		start_limited(l, &op, sv[0], way, 0); /* no time at all */
		loops_until(l, &s.calls, 3);
		assert_int_equal(s.last, -ETIME);
		close(sv[0]);
		close(sv[1]);
	}
	loop_free(l);
}

/* ---- options --------------------------------------------------------------------------------- */

static void options_of_sockets(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct sockaddr_in addr;
	int lfd = loops_listener(&addr), fd = loops_dial(&addr), one = 1, got = 0;
	socklen_t n = sizeof(got);

	loop_setsockopt(l, &op, fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	assert_int_equal(s.calls, 0); /* never from the start function */
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &got, &n), 0);
	assert_int_not_equal(got, 0);
	loop_setsockopt(l, &op, fd, IPPROTO_TCP, 9999, &one, sizeof(one));
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, -ENOPROTOOPT);
	loop_setsockopt(l, &op, fd, IPPROTO_TCP, TCP_NODELAY, &one, 1);
	loops_until(l, &s.calls, 3);
	assert_int_equal(s.last, -EINVAL);
	close(fd);
	loop_setsockopt(l, &op, fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	loops_until(l, &s.calls, 4);
	assert_int_equal(s.last, -EBADF);
	loop_setsockopt(l, &op, -1, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	loops_until(l, &s.calls, 5);
	assert_int_equal(s.last, -EBADF);
	assert_int_equal(loop_num_busy(l), 0);
	close(lfd);
	loop_free(l);
}

/* ---- the end of a connection ----------------------------------------------------------------- */

struct last_words {
	struct iovec v;
	struct msghdr m;
};

static struct msghdr *words(struct last_words *w)
{
	static char bye[] = "bye";

	w->v = (struct iovec){ bye, 3 };
	w->m = (struct msghdr){ .msg_iov = &w->v, .msg_iovlen = 1 };
	return &w->m;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* All that fd still gives until its end. */
static size_t read_out(int fd, char last[3])
{
	static char b[1 << 16];
	size_t sum = 0;
	ssize_t n;

	while ((n = recv(fd, b, sizeof(b), 0)) > 0) {
		sum += (size_t)n;
		memcpy(last, b + (n > 3 ? n - 3 : 0), 3);
	}
	assert_int_equal(n, 0);
	return sum;
}

static void the_end_comes_in_order(void **state)
{
	struct loop *l = loops_open(state);

	for (int full = 0; full < 2; full++) {
		struct loops_seen s = { 0 };
		struct loop_op op = loops_op(&s);
		struct last_words w;
		char last[3] = "", b[4096];
		size_t early = 0;
		ssize_t n;
		int sv[2];

		loops_pair(sv);
		if (full)
			fill_socket(sv[0]);
		loop_end(l, &op, sv[0], words(&w));
		loops_quiet(l, 2);
		assert_true(!full || s.calls == 0); /* waits for room */
		while (full && s.calls == 0) {
			n = recv(sv[1], b, sizeof(b), MSG_DONTWAIT);
			early += n > 0 ? (size_t)n : 0;
			assert_true(loop_run_once(l, 10) >= 0);
		}
		loops_until(l, &s.calls, 1);
		assert_int_equal(s.last, 0);
		assert_false(is_open(sv[0]));
		assert_true(read_out(sv[1], last) + early >= 3);
		assert_memory_equal(last, "bye", 3);
		close(sv[1]);
	}
	loop_free(l);
}

/* What failed is told, and the descriptor stays the caller's. */
static void an_end_that_fails_closes_nothing(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct last_words w;
	int sv[2], lone = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	loops_pair(sv);
	close(sv[1]);
	loop_end(l, &op, sv[0], words(&w));
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, -EPIPE);
	assert_true(is_open(sv[0]));
	close(sv[0]);
	loop_end(l, &op, lone, words(&w));
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, -ENOTCONN);
	assert_true(is_open(lone));
	close(lone);
	loop_end(l, &op, lone, words(&w));
	loops_until(l, &s.calls, 3);
	assert_int_equal(s.last, -EBADF);

	for (int submitted = 0; submitted < 2; submitted++) {
		loops_pair(sv);
		fill_socket(sv[0]);
		loop_end(l, &op, sv[0], words(&w));
		if (submitted)
			loops_quiet(l, 1);
		loop_cancel(l, &op);
		loops_until(l, &s.calls, 4 + submitted);
		assert_int_equal(s.last, -ECANCELED);
		assert_true(is_open(sv[0]));
		loops_quiet(l, 2);
		close(sv[0]);
		close(sv[1]);
	}
	assert_int_equal(loop_num_busy(l), 0);
	loop_free(l);
}

/* ---- from loop to loop ----------------------------------------------------------------------- */

#define NUM_PASSED 100

struct worker {
	pthread_t thread;
	enum loop_backend want;
	struct loop *l;
	int up[2],
		over[2]; /* pipes: a byte when l is there, one when nobody passes anything any more */
	int got;
	char sum;
};

static void on_passed(struct loop *l, int fd, void *arg)
{
	struct worker *w = arg;
	char c = 0;

	assert_ptr_equal(l, w->l);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	w->sum = (char)(w->sum + c);
	if (++w->got == NUM_PASSED)
		loop_stop(l);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int err;

	w->l = loop_new(w->want, &err);
	if (w->l != NULL)
		loop_on_pass(w->l, on_passed, w);
	if (write(w->up[1], "", 1) != 1 || w->l == NULL)
		return NULL;
	(void)loop_run(w->l);
	if (read(w->over[0], &err, 1) == 1)
		loop_free(w->l);
	return NULL;
}

static void start_worker(struct worker *w, enum loop_backend want)
{
	char c;

	*w = (struct worker){ .want = want };
	assert_int_equal(pipe(w->up), 0);
	assert_int_equal(pipe(w->over), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
	assert_int_equal(read(w->up[0], &c, 1), 1);
	assert_non_null(w->l);
}

static void end_worker(struct worker *w)
{
	assert_int_equal(write(w->over[1], "", 1), 1);
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	for (int i = 0; i < 2; i++) {
		close(w->up[i]);
		close(w->over[i]);
	}
}

static void descriptors_go_to_another_loop(void **state)
{
	struct loop *l = loops_open(state);
	const enum loop_backend to[] = { LOOP_AUTO, LOOP_POLL };

	for (int i = 0; i < 2; i++) {
		struct loops_seen s[NUM_PASSED] = { 0 };
		struct loop_op op[NUM_PASSED];
		struct worker w;
		char sum = 0;

		start_worker(&w, to[i]);
		for (int k = 0; k < NUM_PASSED; k++) {
			char c = (char)k;
			int p[2];

			assert_int_equal(pipe(p), 0);
			assert_int_equal(write(p[1], &c, 1), 1);
			close(p[1]);
			sum = (char)(sum + c);
			op[k] = loops_op(&s[k]);
			loop_pass(l, &op[k], w.l, p[0]);
			if (k % 7 == 0)
				loops_quiet(l, 1);
		}
		for (int k = 0; k < NUM_PASSED; k++) {
			loops_until(l, &s[k].calls, 1);
			assert_int_equal(s[k].last, 0);
		}
		end_worker(&w);
		assert_int_equal(w.got, NUM_PASSED);
		assert_int_equal(w.sum, sum);
	}
	loop_free(l);
}

/* To a loop that nobody runs any more, and to one that does not want any: closed, not forgotten. */
static void descriptors_without_a_taker_are_closed(void **state)
{
	struct loop *l = loops_open(state), *other = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	int sv[2];
	char c;

	loops_pair(sv);
	loop_pass(l, &op, l, sv[0]); /* to itself; no loop_on_pass */
	loops_until(l, &s.calls, 1);
	loops_quiet(l, 2);
	assert_int_equal(s.last, 0);
	assert_int_equal(read(sv[1], &c, 1), 0);
	close(sv[1]);
	loops_pair(sv);
	loop_pass(l, &op, other, sv[0]);
	for (int i = 0; i < 3; i++)
		assert_true(loop_run_once(l, 10) >= 0);
	loop_free(other);
	loops_until(l, &s.calls, 2);
	assert_int_equal(read(sv[1], &c, 1), 0);
	close(sv[1]);
	loop_pass(l, &op, l, -1);
	loops_until(l, &s.calls, 3);
	assert_int_equal(s.last, -EBADF);
	loop_free(l);
}

/* A poll loop needs memory for what comes to it. */
static void no_memory_to_pass(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	int sv[2], err;
	struct loop *other = loop_new(LOOP_POLL, &err);

	loops_pair(sv);
	assert_non_null(other);
	loop_ready(l, &op, sv[0], POLLOUT); /* the table of descriptors is there */
	loops_until(l, &s.calls, 1);
	(void)leat_mem_fail_at(1);
	loop_pass(l, &op, other, sv[0]);
	(void)leat_mem_fail_at(0);
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, -ENOMEM);
	assert_true(is_open(sv[0]));
	loop_free(other);
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOPS_BOTH(time_is_limited),
		LOOPS_BOTH(in_time_or_cancelled),
		LOOPS_BOTH(options_of_sockets),
		LOOPS_BOTH(the_end_comes_in_order),
		LOOPS_BOTH(an_end_that_fails_closes_nothing),
		LOOPS_BOTH(descriptors_go_to_another_loop),
		LOOPS_BOTH(descriptors_without_a_taker_are_closed),
		LOOPS_BOTH(no_memory_to_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
