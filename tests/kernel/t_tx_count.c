/* SPDX-License-Identifier: Apache-2.0
 *
 * t_tx_count.c - how many records the keys may still protect, when somebody else writes to the socket:
 * asked from the kernel, the same as counted by ourselves, for every cipher it has; and the end of it.
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pki.h"
#include "tcp.h"
#include "vec.h"

#define MS       10000
#define FILE_LEN 300000

static const struct rig_opts kinds[] = {
	{ LEAT_SERVER, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "user", "kernel", NULL },
	{ LEAT_SERVER, "tlsv1.3", "TLS_AES_256_GCM_SHA384", "user", "kernel", NULL },
	{ LEAT_CLIENT, "tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256", "user", "kernel", NULL },
	{ LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", "user", "kernel", NULL },
	{ LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-CCM", "user", "kernel", NULL },
};

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

static void asked_is_counted(void **state)
{
	static uint8_t data[40000];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct handover *ho;
		struct rig r;
		uint64_t before, counted;

		rig_connect(&r, &kinds[i]);
		ho = &r.c->ho;
		assert_true(handover_is_kernel(ho, LEAT_TX));
		before = ho->tx_left;
		assert_true(handover_recount_tx(ho));
		assert_int_equal(ho->tx_left, before);
		/* three records and one, by us */
		assert_int_equal(leat_send(r.c, data, sizeof(data), MS, NULL), LEAT_OK);
		assert_int_equal(leat_send(r.c, data, 1, MS, NULL), LEAT_OK);
		counted = ho->tx_left;
		assert_int_equal(counted, before - 4);
		assert_true(handover_recount_tx(ho));
		assert_int_equal(ho->tx_left, counted);
		/* one by somebody else */
		assert_int_equal(send(r.c->fd, data, 7, 0), 7);
		assert_true(handover_recount_tx(ho));
		assert_int_equal(ho->tx_left, counted - 1);
		/* the last one before the last quarter begins */
		ho->tx_limit = 40;
		assert_int_equal(send(r.c->fd, data, 7, 0), 7);
		for (uint64_t seq = ho->tx_limit; seq > 11; seq = ho->tx_left) {
			assert_true(handover_recount_tx(ho));
			assert_int_equal(send(r.c->fd, data, 7, 0), 7);
			assert_true(handover_recount_tx(ho) || ho->tx_left == 10);
		}
		assert_int_equal(send(r.c->fd, data, 7, 0), 7);
		assert_false(handover_recount_tx(ho));
		rig_close(&r);
	}
}

/* Reads and drops what comes, in bursts, so that the sender meets full and half-full sockets. */
static void *drain(void *arg)
{
	static uint8_t b[50000];
	const int *fd = arg;

	while (recv(*fd, b, sizeof(b), 0) > 0)
		usleep(2000);
	return NULL;
}

static int make_file(size_t n)
{
	char path[] = "/tmp/leat-t-tx-count-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0 && unlink(path) == 0);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	return fd;
}

/* What one file call took is counted; true: less than was asked for. */
static bool count(struct rig *r, ssize_t n, size_t asked)
{
	assert_true(n > 0 || (n < 0 && errno == EAGAIN));
	if (n > 0)
		handover_count_tx(&r->c->ho, (size_t)n, (size_t)n < asked);
	return n < (ssize_t)asked;
}

/* The file through a pipe, until the pipe is empty. */
static bool spliced(struct rig *r, int file, const int pipefd[2], size_t len)
{
	off_t at = 0;
	ssize_t held = splice(file, &at, pipefd[1], NULL, len, 0), n;
	bool was_short = false;

	assert_true(held > 0);
	while (held > 0) {
		struct pollfd p = { r->c->fd, POLLOUT, 0 };

		assert_true(poll(&p, 1, MS) == 1);
		n = splice(pipefd[0], NULL, r->c->fd, NULL, (size_t)held, SPLICE_F_NONBLOCK);
		was_short |= count(r, n, (size_t)held);
		held -= n > 0 ? n : 0;
	}
	return was_short;
}

/* One call of a kind: 0 send, 1 sendfile, 2 splice. True: it came short. */
static bool one_call(struct rig *r, unsigned kind, int file, const int pipefd[2], size_t len)
{
	static uint8_t data[FILE_LEN];
	size_t sent;
	off_t at = 0;

	switch (kind) {
	case 0: (void)!leat_send(r->c, data, len, 0, &sent); return sent < len;
	case 1: return count(r, sendfile(r->c->fd, file, &at, len), len);
	default: return spliced(r, file, pipefd, len);
	}
}

static void check_count(struct rig *r, unsigned call)
{
	struct handover *ho = &r->c->ho;
	uint64_t counted = ho->tx_left;

	assert_true(handover_recount_tx(ho));
	if (counted != ho->tx_left)
		fail_msg("call %u: counted %lld left, the kernel says %lld, open %zu", call,
			(long long)counted, (long long)ho->tx_left, ho->tx_open);
}

/* Odd sizes, by memory and by file, into a socket that is full at times: what we count is what the kernel
 * counts, after every call. */
static void counted_is_exact(void **state)
{
	int file = make_file(FILE_LEN), small = 60000, pipefd[2];
	unsigned shorts[3] = { 0 };
	pthread_t reader;
	struct rig r;

	(void)state;
	rig_connect(&r, &kinds[0]);
	assert_int_equal(pipe(pipefd), 0);
	setsockopt(r.c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(r.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_true(fcntl(pipefd[1], F_SETPIPE_SZ, 1 << 20) > 0);
	assert_int_equal(pthread_create(&reader, NULL, drain, &r.fd), 0);
	for (unsigned i = 0; i < 300; i++) {
		shorts[i % 3] += one_call(&r, i % 3, file, pipefd, 1 + vec_rand() % FILE_LEN);
		check_count(&r, i);
	}
	print_message(
		"short calls: send %u, sendfile %u, splice %u\n", shorts[0], shorts[1], shorts[2]);
	assert_true(shorts[0] > 0 && shorts[1] > 0 && shorts[2] > 0);
	assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
	assert_int_equal(pthread_join(reader, NULL), 0);
	close(pipefd[0]);
	close(pipefd[1]);
	close(file);
	rig_close(&r);
}

/* TX in user space, or no TLS at all: nothing is learnt, nothing is broken. */
static void nobody_to_ask(void **state)
{
	uint64_t seq = 77;
	int fd[2];

	(void)state;
	tcp_pair(fd);
	assert_true(rec_kernel_tx_seq(&sys_real, fd[0], &seq) < 0);
	assert_int_equal(rec_kernel_ulp(&sys_real, fd[0]), 0);
	assert_true(rec_kernel_tx_seq(&sys_real, fd[0], &seq) < 0);
	assert_int_equal(seq, 77);
	sys_real.close(fd[0]);
	sys_real.close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_is_counted),
		cmocka_unit_test(counted_is_exact),
		cmocka_unit_test(nobody_to_ask),
	};

	tcp_need_ktls();
	return cmocka_run_group_tests(tests, NULL, teardown);
}
