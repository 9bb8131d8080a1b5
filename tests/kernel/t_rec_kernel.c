/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rec_kernel.c: user/ktls/rec_kernel.c and user/rec/kinfo.c against the running kernel. The other
 * end of the TCP connection is tests/lib/refrec.c, so every record is checked by independent code.
 *
 * REQ: F-ktls-tx F-ktls-rx F-ktls-13
 */
#include "vec.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktls/rec_kernel.h"
#include "refrec.h"
#include "tcp.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))
#define BIG    100000

static struct crypto *c;
static uint8_t text[BIG], got[BIG + 65536], rec[70000];

static const enum aead_id aeads[] = { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_AES_128_CCM,
	AEAD_CHACHA20_POLY1305 };
static const uint16_t versions[] = { LEAT_TLS12, LEAT_TLS13 };

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + (i >> 8));
	return crypto_new(&c, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	crypto_unref(c);
	vec_free_all();
	return 0;
}

/* A pair whose fd[0] has kernel keys in one direction; *peer is the other end of that direction. */
static void keyed_pair(int fd[2], struct refrec *peer, enum leat_dir dir, enum aead_id aead,
	uint16_t version, uint64_t seq)
{
	tcp_pair(fd);
	refrec_init(peer, c, aead, version, seq);
	assert_int_equal(rec_kernel_ulp(&sys_real, fd[0]), 0);
	assert_int_equal(rec_kernel_install(&sys_real, fd[0], dir, &peer->keys, seq), 0);
}

static void close_pair(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { fd, events, 0 };

	assert_int_equal(sys_real.poll(&p, 1, 10000), 1);
}

static void send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t r = rec_kernel_send(&sys_real, fd, p, n);

		if (r == -EAGAIN) {
			wait_for(fd, POLLOUT);
			continue;
		}
		assert_true(r > 0);
		p += r;
		n -= (size_t)r;
	}
}

/* Reads records until n data bytes came; checks that they are text[0..n-1]. */
static void expect_data(struct refrec *peer, int fd, size_t n)
{
	uint8_t type;

	for (size_t have = 0; have < n;) {
		int r = refrec_read(peer, fd, &type, got);

		assert_true(r > 0 && have + (size_t)r <= n);
		assert_int_equal(type, 23);
		assert_memory_equal(got, text + have, (size_t)r);
		have += (size_t)r;
	}
}

static void tx_one(enum aead_id aead, uint16_t version, uint64_t seq)
{
	static const size_t sizes[] = { 1, 2, 1000, 16383, 16384, 16385, BIG };
	static const uint8_t alert[] = { 1, 0 };
	struct refrec peer;
	uint8_t type;
	int fd[2];

	keyed_pair(fd, &peer, LEAT_TX, aead, version, seq);
	for (size_t i = 0; i < NUM(sizes); i++) {
		send_all(fd[0], text, sizes[i]);
		expect_data(&peer, fd[1], sizes[i]);
	}
	assert_int_equal(rec_kernel_send_ctl(&sys_real, fd[0], 22,
				 (struct leat_span){ text, sizeof(text) / 8 }),
		0);
	assert_int_equal(refrec_read(&peer, fd[1], &type, got), sizeof(text) / 8);
	assert_int_equal(type, 22);
	assert_memory_equal(got, text, sizeof(text) / 8);
	assert_int_equal(
		rec_kernel_send_ctl(&sys_real, fd[0], 21, (struct leat_span){ alert, 2 }), 0);
	assert_int_equal(refrec_read(&peer, fd[1], &type, got), 2);
	assert_int_equal(type, 21);
	close(fd[0]);
	assert_int_equal(refrec_read(&peer, fd[1], &type, got), -2);
	close(fd[1]);
}

static void what_the_kernel_seals_is_tls(void **state)
{
	(void)state;
	for (size_t a = 0; a < NUM(aeads); a++)
		for (size_t v = 0; v < NUM(versions); v++) {
			tx_one(aeads[a], versions[v], 0);
			tx_one(aeads[a], versions[v], 0x0102030405);
		}
}

static void put_record(struct refrec *peer, int fd, uint8_t type, size_t n, size_t pad)
{
	size_t len = refrec_seal(peer, type, text, n, pad, rec);

	assert_true(tcp_write_all(fd, rec, len));
}

/* One receive that waits; returns its result. */
static int recv_one(int fd, void *buf, size_t n, struct rec_kernel_got *g)
{
	int r;

	while ((r = rec_kernel_recv(&sys_real, fd, buf, n, g)) == -EAGAIN)
		wait_for(fd, POLLIN);
	return r;
}

static void expect_rx(int fd, uint8_t type, size_t n)
{
	struct rec_kernel_got g = { 0 };

	for (size_t have = 0; have < n; have += g.n) {
		assert_int_equal(recv_one(fd, got, n - have, &g), 0);
		assert_true(g.n > 0);
		assert_int_equal(g.type, type);
		assert_memory_equal(got, text + have, g.n);
	}
	assert_true(g.record_end);
}

static void rx_one(enum aead_id aead, uint16_t version, uint64_t seq)
{
	size_t pad = version == LEAT_TLS13 ? 100 : 0;
	struct rec_kernel_got g;
	struct refrec peer;
	int fd[2];

	keyed_pair(fd, &peer, LEAT_RX, aead, version, seq);
	put_record(&peer, fd[1], 23, 1, 0);
	expect_rx(fd[0], 23, 1);
	put_record(&peer, fd[1], 23, 16384, 0);
	expect_rx(fd[0], 23, 16384);
	put_record(&peer, fd[1], 23, 5000, pad);
	expect_rx(fd[0], 23, 5000);
	put_record(&peer, fd[1], 22, 3000, pad);
	expect_rx(fd[0], 22, 3000);
	put_record(&peer, fd[1], 23, 0, pad); /* nothing to see of an empty one */
	put_record(&peer, fd[1], 21, 2, 0);
	expect_rx(fd[0], 21, 2);
	close(fd[1]);
	assert_int_equal(recv_one(fd[0], got, 100, &g), 0);
	assert_int_equal(g.n, 0);
	close(fd[0]);
}

static void the_kernel_opens_what_is_tls(void **state)
{
	(void)state;
	for (size_t a = 0; a < NUM(aeads); a++)
		for (size_t v = 0; v < NUM(versions); v++) {
			rx_one(aeads[a], versions[v], 0);
			rx_one(aeads[a], versions[v], 7);
		}
}

static void a_control_record_arrives_in_pieces(void **state)
{
	struct rec_kernel_got g;
	struct refrec peer;
	int fd[2];

	(void)state;
	keyed_pair(fd, &peer, LEAT_RX, AEAD_AES_128_GCM, LEAT_TLS13, 0);
	put_record(&peer, fd[1], 22, 10, 0);
	put_record(&peer, fd[1], 23, 3, 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(recv_one(fd[0], got, 2, &g), 0);
		assert_int_equal(g.type, 22);
		assert_int_equal(g.n, 2);
		assert_int_equal(g.record_end, i == 4);
	}
	assert_int_equal(recv_one(fd[0], got, 100, &g), 0);
	assert_int_equal(g.type, 23);
	close_pair(fd);
}

static void types_never_mix(void **state)
{
	struct rec_kernel_got g;
	struct refrec peer;
	int fd[2];

	(void)state;
	keyed_pair(fd, &peer, LEAT_RX, AEAD_AES_256_GCM, LEAT_TLS12, 0);
	put_record(&peer, fd[1], 23, 10, 0);
	put_record(&peer, fd[1], 21, 2, 0);
	put_record(&peer, fd[1], 23, 20, 0);
	assert_int_equal(recv_one(fd[0], got, 1000, &g), 0);
	assert_int_equal(g.type, 23);
	assert_int_equal(g.n, 10);
	assert_int_equal(recv_one(fd[0], got, 1000, &g), 0);
	assert_int_equal(g.type, 21);
	assert_int_equal(g.n, 2);
	assert_int_equal(recv_one(fd[0], got, 1000, &g), 0);
	assert_int_equal(g.type, 23);
	assert_int_equal(g.n, 20);
	close_pair(fd);
}

/* A wrong tag: what came before is delivered, then EBADMSG, and the alert can still be sent. */
static void bad_mac_then_alert(void **state)
{
	static const uint8_t alert[] = { 2, 20 };
	struct refrec in, out;
	struct rec_kernel_got g;
	uint8_t type;
	size_t len;
	int fd[2];

	(void)state;
	keyed_pair(fd, &in, LEAT_RX, AEAD_AES_128_GCM, LEAT_TLS13, 0);
	refrec_init(&out, c, AEAD_AES_128_GCM, LEAT_TLS13, 0);
	assert_int_equal(rec_kernel_install(&sys_real, fd[0], LEAT_TX, &out.keys, 0), 0);
	put_record(&in, fd[1], 23, 5, 0);
	len = refrec_seal(&in, 23, text, 100, 0, rec);
	rec[len - 1] ^= 1;
	assert_true(tcp_write_all(fd[1], rec, len));
	assert_int_equal(recv_one(fd[0], got, 1000, &g), 0);
	assert_int_equal(g.n, 5);
	assert_int_equal(recv_one(fd[0], got, 1000, &g), -EBADMSG);
	rec_kernel_take_error(&sys_real, fd[0]);
	assert_int_equal(
		rec_kernel_send_ctl(&sys_real, fd[0], 21, (struct leat_span){ alert, 2 }), 0);
	assert_int_equal(refrec_read(&out, fd[1], &type, got), 2);
	assert_int_equal(type, 21);
	assert_memory_equal(got, alert, 2);
	close_pair(fd);
}

static void bad_headers_are_errors(void **state)
{
	static const struct {
		uint8_t b[5];
		int want;
	} heads[] = {
		{ { 23, 3, 3, 0x41, 0x00 }, -EMSGSIZE }, /* longer than any record */
		{ { 23, 3, 3, 0x00, 0x03 }, -EBADMSG },  /* shorter than a tag */
		{ { 23, 3, 1, 0x00, 0x40 }, -EINVAL },   /* not a record of this version */
	};
	struct rec_kernel_got g;
	struct refrec in;
	int fd[2];

	(void)state;
	for (size_t i = 0; i < NUM(heads); i++) {
		keyed_pair(fd, &in, LEAT_RX, AEAD_AES_128_GCM, LEAT_TLS12, 0);
		memcpy(rec, heads[i].b, 5);
		memset(rec + 5, 0, 0x4100);
		if (i == 0)
			rec[3] = 0x48, rec[4] = 0x01; /* 2^14 + 2049 */
		assert_true(tcp_write_all(fd[1], rec, 5 + 0x4100));
		assert_int_equal(recv_one(fd[0], got, 1000, &g), heads[i].want);
		close_pair(fd);
	}
}

static void plain_tcp_is_no_plaintext(void **state)
{
	struct rec_kernel_got g;
	int fd[2];

	(void)state;
	tcp_pair(fd);
	assert_true(tcp_write_all(fd[1], "hello", 5));
	assert_int_equal(recv_one(fd[0], got, 100, &g), -EPROTO);
	assert_int_equal(g.n, 0);
	close_pair(fd);
}

static void refusals_touch_nothing(void **state)
{
	struct traffic_keys k = { .aead = AEAD_AES_128_CCM_8, .version = LEAT_TLS13 };
	struct leat_span two = { text, 2 };
	struct refrec peer;
	uint8_t type;
	int fd[2];

	(void)state;
	keyed_pair(fd, &peer, LEAT_TX, AEAD_AES_128_GCM, LEAT_TLS13, 0);
	assert_int_equal(rec_kernel_ulp(&sys_real, fd[0]), -EEXIST);
	assert_int_equal(rec_kernel_install(&sys_real, fd[0], LEAT_RX, &k, 0), -EOPNOTSUPP);
	/* the second direction must have the cipher of the first */
	k.aead = AEAD_AES_256_GCM;
	assert_int_equal(rec_kernel_install(&sys_real, fd[0], LEAT_RX, &k, 0), -EINVAL);
	assert_int_equal(rec_kernel_send_ctl(&sys_real, fd[0], 0, two), -EINVAL);
	assert_int_equal(rec_kernel_send_ctl(&sys_real, fd[0], 23, two), -EINVAL);
	assert_int_equal(
		rec_kernel_send_ctl(&sys_real, fd[0], 21, (struct leat_span){ text, 0 }), -EINVAL);
	assert_int_equal(
		rec_kernel_send_ctl(&sys_real, fd[0], 22, (struct leat_span){ text, 16385 }),
		-EINVAL);
	send_all(fd[0], text, 9);
	assert_int_equal(refrec_read(&peer, fd[1], &type, got), 9);
	assert_int_equal(type, 23);
	close_pair(fd);
}

/* Non-blocking sends until the socket is full, then close_notify as soon as there is room, then
 * shutdown and close: nothing is lost, though the last record may still be with the kernel's TLS. */
static void full_socket_then_close_loses_nothing(void **state)
{
	static const uint8_t alert[] = { 1, 0 };
	struct refrec peer;
	size_t sent = 0, have = 0;
	uint8_t type = 0;
	int fd[2], r, pid, status = 0;

	(void)state;
	keyed_pair(fd, &peer, LEAT_TX, AEAD_AES_128_GCM, LEAT_TLS13, 0);
	for (ssize_t n; (n = rec_kernel_send(&sys_real, fd[0], text, sizeof(text))) != -EAGAIN;) {
		assert_true(n > 0);
		sent += (size_t)n;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd[1]);
		while ((r = rec_kernel_send_ctl(
				&sys_real, fd[0], 21, (struct leat_span){ alert, 2 })) == -EAGAIN) {
			struct pollfd p = { fd[0], POLLOUT, 0 };

			poll(&p, 1, 10000);
		}
		shutdown(fd[0], SHUT_WR);
		close(fd[0]);
		_exit(r == 0 ? 0 : 1);
	}
	close(fd[0]);
	while ((r = refrec_read(&peer, fd[1], &type, got)) >= 0 && type == 23)
		have += (size_t)r;
	assert_int_equal(have, sent);
	assert_int_equal(r, 2);
	assert_int_equal(type, 21);
	assert_int_equal(refrec_read(&peer, fd[1], &type, got), -2);
	close(fd[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void ipv6_too(void **state)
{
	struct refrec peer;
	int fd[2];

	(void)state;
	tcp_pair6(fd);
	refrec_init(&peer, c, AEAD_CHACHA20_POLY1305, LEAT_TLS13, 0);
	assert_int_equal(rec_kernel_ulp(&sys_real, fd[0]), 0);
	assert_int_equal(rec_kernel_install(&sys_real, fd[0], LEAT_TX, &peer.keys, 0), 0);
	send_all(fd[0], text, 20000);
	expect_data(&peer, fd[1], 20000);
	close_pair(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_seals_is_tls),
		cmocka_unit_test(the_kernel_opens_what_is_tls),
		cmocka_unit_test(a_control_record_arrives_in_pieces),
		cmocka_unit_test(types_never_mix),
		cmocka_unit_test(bad_mac_then_alert),
		cmocka_unit_test(bad_headers_are_errors),
		cmocka_unit_test(plain_tcp_is_no_plaintext),
		cmocka_unit_test(refusals_touch_nothing),
		cmocka_unit_test(full_socket_then_close_loses_nothing),
		cmocka_unit_test(ipv6_too),
	};

	tcp_need_ktls();
	return cmocka_run_group_tests(tests, setup, teardown);
}
