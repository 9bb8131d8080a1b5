/*
 * t_loop_take.c: receiving into buffers that the loop lends, with bounded memory (loop_take,
 * loop_take_once). Every test on three loops, which must not differ: io_uring, io_uring whose kernel
 * refuses provided buffers, poll.
 *
 * REQ: F-iouring
 * TIMEOUT: 120
 */
#include "loops.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

static bool refuse_bufs;
static int break_ring;

/* In place of liburing's own. */
int io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *reg, unsigned flags)
{
	long rc;

	if (refuse_bufs)
		return -EINVAL;
	(void)flags;
	rc = syscall(__NR_io_uring_register, ring->ring_fd, IORING_REGISTER_PBUF_RING, reg, 1);
	return rc < 0 ? -errno : (int)rc;
}

int io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
	unsigned wait_nr, struct __kernel_timespec *ts, sigset_t *sigmask)
{
	int rc;

	(void)sigmask;
	if (break_ring != 0)
		return -break_ring;
	rc = io_uring_submit(ring);
	return rc < 0 ? rc : io_uring_wait_cqes(ring, cqe, wait_nr, ts, NULL);
}

static int without_bufs(void **state)
{
	(void)state;
	refuse_bufs = true;
	return 0;
}

static int with_bufs(void **state)
{
	(void)state;
	refuse_bufs = false;
	return 0;
}

/* What one op got, and what it does about it. */
struct taken {
	struct loop_op op;
	uint8_t *p;
	size_t n, cap;
	int fd, pieces, ended, last;
	bool typed, once;
	int cancel_at; /* pieces after which it is cancelled from within; 0: never */
};

static void on_taken(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct taken *t = op->arg;

	assert_int_equal(loop_op_busy(op), (flags & LOOP_MORE) != 0);
	assert_int_equal(t->ended, 0);
	if (res > 0) {
		const struct loop_piece *piece = loop_piece(l);

		assert_int_equal(piece->n, res);
		assert_true(piece->n <= LIM_LOOP_BUF);
		assert_int_equal(piece->type, 0); /* these are no kTLS sockets */
		assert_true(t->n + piece->n <= t->cap);
		memcpy(t->p + t->n, piece->p, piece->n);
		t->n += piece->n;
		if (++t->pieces == t->cancel_at)
			loop_cancel(l, op);
	}
	if (flags & LOOP_MORE) {
		assert_true(res > 0 && !t->once);
		return;
	}
	assert_true(res <= 0 || t->once);
	t->ended = 1;
	t->last = res;
}

static void take(struct loop *l, struct taken *t)
{
	t->op.done = on_taken;
	t->op.arg = t;
	t->ended = 0;
	t->pieces = 0;
	(t->once ? loop_take_once : loop_take)(l, &t->op, t->fd, t->typed);
}

static void put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_DONTWAIT), (ssize_t)n);
}

/* Both ways of asking, with record types and without. */
static const struct taken kinds[] = { { .typed = false }, { .typed = true }, { .once = true },
	{ .once = true, .typed = true } };
#define NUM_KINDS 4

/* ---- bytes ----------------------------------------------------------------------------------- */

static void all_bytes_in_order_then_the_end(void **state)
{
	enum { NUM = 600 * 1000 };
	struct loop *l = loops_open(state);
	uint8_t *want = malloc(NUM), *got = malloc(NUM);

	loops_fill(want, NUM, 0);
	for (size_t k = 0; k < NUM_KINDS; k++) {
		struct taken t = kinds[k];
		size_t sent = 0;
		int sv[2];

		loops_pair(sv);
		t.fd = sv[0];
		t.p = got;
		t.cap = NUM;
		take(l, &t);
		while (t.n < NUM) {
			size_t n = 1 + vec_rand() % 9000;
			ssize_t rc;

			n = n < NUM - sent ? n : NUM - sent;
			rc = n > 0 ? send(sv[1], want + sent, n, MSG_DONTWAIT) : 0;
			sent += rc > 0 ? (size_t)rc : 0;
			assert_true(loop_run_once(l, 10) >= 0);
			if (t.ended)
				take(l, &t);
		}
		close(sv[1]);
		loops_until(l, &t.ended, 1);
		assert_int_equal(t.last, 0);
		assert_memory_equal(got, want, NUM);
		close(sv[0]);
	}
	free(want);
	free(got);
	loop_free(l);
}

/* One piece is one buffer at most; what is behind it waits in the socket. */
static void once_takes_one_buffer(void **state)
{
	struct loop *l = loops_open(state);
	uint8_t want[LIM_LOOP_BUF + 1], got[LIM_LOOP_BUF + 1];

	loops_fill(want, sizeof(want), 0);
	for (size_t n = LIM_LOOP_BUF - 1; n <= LIM_LOOP_BUF + 1; n++) {
		struct taken t = { .once = true, .p = got, .cap = sizeof(got) };
		int sv[2], left;

		loops_pair(sv);
		t.fd = sv[0];
		put(sv[1], want, n);
		take(l, &t);
		loops_until(l, &t.ended, 1);
		left = (int)n - t.last;
		assert_int_equal(t.last, n < LIM_LOOP_BUF ? n : LIM_LOOP_BUF);
		loops_quiet(l, 2);
		assert_int_equal(recv(sv[0], got + t.n, 10, MSG_DONTWAIT), left > 0 ? left : -1);
		assert_memory_equal(got, want, n);
		close(sv[0]);
		close(sv[1]);
	}
	loop_free(l);
}

/* ---- bounded memory -------------------------------------------------------------------------- */

/* More arrives in one round than there are buffers. */
static void more_than_all_buffers(void **state)
{
	static const int counts[] = { LIM_LOOP_BUFS - 1, LIM_LOOP_BUFS, LIM_LOOP_BUFS + 1,
		5 * LIM_LOOP_BUFS };
	struct loop *l = loops_open(state);
	static struct taken t[5 * LIM_LOOP_BUFS];
	static int sv[5 * LIM_LOOP_BUFS][2];
	static uint8_t want[LIM_LOOP_BUF], got[5 * LIM_LOOP_BUFS][LIM_LOOP_BUF];

	loops_fill(want, sizeof(want), 5);
	for (size_t c = 0; c < 4 * NUM_KINDS; c++) {
		int num = counts[c / NUM_KINDS];

		for (int i = 0; i < num; i++) {
			loops_pair(sv[i]);
			t[i] = kinds[c % NUM_KINDS];
			t[i].fd = sv[i][0];
			t[i].p = got[i];
			t[i].cap = LIM_LOOP_BUF;
			take(l, &t[i]);
		}
		loops_quiet(l, 2); /* all wait, none holds a buffer */
		for (int i = 0; i < num; i++)
			put(sv[i][1], want, 1000 + (size_t)i);
		for (int i = 0; i < num; i++) {
			while (t[i].n < 1000 + (size_t)i)
				assert_true(loop_run_once(l, 100) >= 0);
			assert_memory_equal(got[i], want, t[i].n);
			assert_int_equal(t[i].n, 1000 + i);
			loop_close(l, sv[i][0]);
			close(sv[i][1]);
			while (!t[i].ended)
				assert_true(loop_run_once(l, 100) >= 0);
			assert_int_equal(t[i].last, t[i].once ? 1000 + i : -ECANCELED);
		}
	}
	assert_int_equal(loop_num_busy(l), 0);
	loop_free(l);
}

/* One descriptor alone has more than all buffers hold; who has little is not kept waiting until it ends. */
static void one_sender_fills_all_buffers(void **state)
{
	enum { NUM = 3 * LIM_LOOP_BUFS * LIM_LOOP_BUF };
	struct loop *l = loops_open(state);
	uint8_t *want = malloc(NUM), *got = malloc(NUM), few[3];
	struct taken flood = { .p = got, .cap = NUM }, other = { .p = few, .cap = sizeof(few) };
	size_t sent = 0, at_other = NUM;
	int sv[2], sw[2];

	loops_fill(want, NUM, 9);
	loops_pair(sv);
	loops_pair(sw);
	flood.fd = sv[0];
	other.fd = sw[0];
	take(l, &flood);
	take(l, &other);
	put(sw[1], "few", 3);
	while (flood.n < NUM) {
		ssize_t n;

		while (sent < NUM && (n = send(sv[1], want + sent, NUM - sent, MSG_DONTWAIT)) > 0)
			sent += (size_t)n;
		assert_true(loop_run_once(l, 100) >= 0);
		if (other.n == 3 && at_other == NUM)
			at_other = flood.n;
	}
	assert_memory_equal(got, want, NUM);
	assert_true(at_other < NUM);
	loop_close(l, sv[0]);
	loop_close(l, sw[0]);
	loops_until(l, &flood.ended, 1);
	loops_until(l, &other.ended, 1);
	free(want);
	free(got);
	close(sv[1]);
	close(sw[1]);
	loop_free(l);
}

/* ---- cancel ---------------------------------------------------------------------------------- */

/* At every moment: before it was submitted, while it waits, with bytes under way, from within. */
static void cancel_loses_no_byte(void **state)
{
	enum { NUM = 60 * 1000 };
	struct loop *l = loops_open(state);
	uint8_t *want = malloc(NUM), *got = malloc(NUM);

	loops_fill(want, NUM, 3);
	for (size_t k = 0; k < NUM_KINDS; k++) {
		struct taken t = kinds[k];
		size_t sent = 0;
		int sv[2], cancelled = 0, late = 0;

		loops_pair(sv);
		t.fd = sv[0];
		t.p = got;
		t.cap = NUM;
		while (t.n < NUM) {
			size_t n = vec_rand() % 400, before;

			n = n < NUM - sent ? n : NUM - sent;
			t.cancel_at = vec_rand() % 4 == 0;
			take(l, &t);
			if (vec_rand() % 2)
				assert_true(loop_run_once(l, 0) >= 0);
			if (n > 0 && vec_rand() % 3)
				put(sv[1], want + sent, n), sent += n;
			if (vec_rand() % 2)
				assert_true(loop_run_once(l, 0) >= 0);
			before = t.n;
			loop_cancel(l, &t.op);
			loops_until(l, &t.ended, 1);
			late += t.n > before;
			cancelled += t.last == -ECANCELED;
		}
		assert_true(cancelled > 0);
		if (strcmp(loop_name(l), "poll") != 0 && !refuse_bufs && !(t.once && t.typed))
			assert_true(late > 0); /* bytes came with what was cancelled */
		assert_memory_equal(got, want, NUM);
		close(sv[0]);
		close(sv[1]);
	}
	free(want);
	free(got);
	loop_free(l);
}

static void free_while_bytes_are_under_way(void **state)
{
	for (size_t k = 0; k < NUM_KINDS; k++) {
		struct loop *l = loops_open(state);
		struct taken t = kinds[k];
		uint8_t got[8];
		int sv[2];

		loops_pair(sv);
		t.fd = sv[0];
		t.p = got;
		t.cap = sizeof(got);
		take(l, &t);
		assert_true(loop_run_once(l, 0) >= 0);
		put(sv[1], "under", 5);
		loop_free(l); /* the bytes, if they had arrived, and the end come from here */
		assert_int_equal(t.ended, 1);
		if (t.n == 0)
			assert_int_equal(recv(sv[0], got, sizeof(got), MSG_DONTWAIT), 5);
		assert_memory_equal(got, "under", 5);
		close(sv[0]);
		close(sv[1]);
	}
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void errors_are_results(void **state)
{
	const struct linger hard = { .l_onoff = 1 };
	struct loop *l = loops_open(state);
	struct sockaddr_in addr;
	int lfd = loops_listener(&addr);
	uint8_t got[16];

	for (size_t k = 0; k < NUM_KINDS; k++) {
		struct taken t = kinds[k];
		int cfd = loops_dial(&addr);

		t.p = got;
		t.cap = sizeof(got);
		while ((t.fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) < 0)
			;
		take(l, &t);
		loops_quiet(l, 1);
		(void)setsockopt(cfd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(cfd); /* a reset */
		loops_until(l, &t.ended, 1);
		assert_int_equal(t.last, -ECONNRESET);
		close(t.fd);
		take(l, &t);
		loops_until(l, &t.ended, 1);
		assert_int_equal(t.last, -EBADF);
		t.fd = -1;
		take(l, &t);
		loops_until(l, &t.ended, 1);
		assert_int_equal(t.last, -EBADF);
	}
	assert_int_equal(loop_num_busy(l), 0);
	close(lfd);
	loop_free(l);
}

/* A loop without memory says so, or does without; it works again when there is some. */
static void out_of_memory(void **state)
{
	struct loop *l = loops_open(state);
	struct taken t = { .cap = 8 };
	uint8_t got[8];
	int sv[2];

	loops_pair(sv);
	t.fd = sv[0];
	t.p = got;
	put(sv[1], "x", 1);
	for (unsigned long nth = 1; nth <= 3; nth++) {
		(void)leat_mem_fail_at(nth);
		take(l, &t);
		while (!t.ended && t.n == 0)
			assert_true(loop_run_once(l, 100) >= 0);
		(void)leat_mem_fail_at(0);
		if (t.ended)
			assert_int_equal(t.last, -ENOMEM);
		else
			loop_cancel(l, &t.op);
		loops_until(l, &t.ended, 1);
		if (t.n > 0)
			break;
	}
	if (t.n == 0)
		take(l, &t);
	while (t.n == 0)
		assert_true(loop_run_once(l, 100) >= 0);
	assert_memory_equal(got, "x", 1);
	loop_free(l);
	close(sv[0]);
	close(sv[1]);
}

/* More completions in one round than the completion queue holds. */
static void completion_queue_overflows(void **state)
{
	enum { NUM = 6000 };
	struct loop *l = loops_open(state);
	struct loops_seen *s = calloc(NUM, sizeof(*s));
	struct loop_op *op = calloc(NUM, sizeof(*op));
	int sv[2];

	loops_pair(sv);
	for (int i = 0; i < NUM; i++) {
		op[i] = loops_op(&s[i]);
		loop_ready(l, &op[i], sv[0], POLLIN);
	}
	loops_quiet(l, 1);
	put(sv[1], "x", 1);
	for (int i = 0; i < NUM; i++) {
		loops_until(l, &s[i].calls, 1);
		assert_true(s[i].last & POLLIN);
	}
	loops_quiet(l, 2);
	for (int i = 0; i < NUM; i++)
		assert_int_equal(s[i].calls, 1);
	free(s);
	free(op);
	close(sv[0]);
	close(sv[1]);
	loop_free(l);
}

/* A ring that breaks is said once and for all, and can still be freed. */
static void broken_ring_ends_the_loop(void **state)
{
	struct loop *l = loops_open(state);
	struct taken t = { .cap = 8 };
	uint8_t got[8];
	int sv[2];

	loops_pair(sv);
	t.fd = sv[0];
	t.p = got;
	take(l, &t);
	loops_quiet(l, 1);
	break_ring = EBADF;
	assert_int_equal(loop_run_once(l, 10), -EBADF);
	break_ring = 0;
	assert_int_equal(loop_run_once(l, 10), -EBADF);
	loop_free(l);
	close(sv[0]);
	close(sv[1]);
}

#define ON_ALL(fn)                                                                           \
	{ #fn "_uring", fn, with_bufs, NULL, &loops_on_uring },                              \
		{ #fn "_uring_without_bufs", fn, without_bufs, with_bufs, &loops_on_uring }, \
	{                                                                                    \
#fn "_poll", fn, NULL, NULL, &loops_on_poll                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(all_bytes_in_order_then_the_end),
		ON_ALL(once_takes_one_buffer),
		ON_ALL(more_than_all_buffers),
		ON_ALL(one_sender_fills_all_buffers),
		ON_ALL(cancel_loses_no_byte),
		ON_ALL(free_while_bytes_are_under_way),
		ON_ALL(errors_are_results),
		ON_ALL(out_of_memory),
		LOOPS_BOTH(completion_queue_overflows),
		{ "broken_ring_ends_the_loop", broken_ring_ends_the_loop, NULL, NULL,
			&loops_on_uring },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
