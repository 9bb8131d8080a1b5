/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sendfile.c - leat_sendfile on the real kernel: the file's bytes as records, in pieces, behind and
 * before data from memory, up to a file's end, into a full socket, and to a peer that is gone.
 *
 * REQ: F-ktls-sendfile F-ktls-tx
 * TIMEOUT: 120
 */
#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pki.h"
#include "tcp.h"
#include "vec.h"

#define MS   10000
#define SIZE (1 << 20)

static uint8_t text[SIZE], buf[65536];
static int file = -1;

static const struct rig_opts kinds[] = {
	{ LEAT_SERVER, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "user", "kernel", NULL },
	{ LEAT_SERVER, "tlsv1.3", "TLS_AES_256_GCM_SHA384", "kernel", "kernel", NULL },
	{ LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", "user", "auto", NULL },
	{ LEAT_CLIENT, "tlsv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", "user", "kernel", NULL },
};
#define NUM (sizeof(kinds) / sizeof(kinds[0]))

static int setup(void **state)
{
	char path[] = "/tmp/leat-t-sendfile-XXXXXX";

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 + (i >> 9));
	file = mkstemp(path);
	if (file < 0 || unlink(path) != 0)
		return -1;
	return write(file, text, sizeof(text)) == (ssize_t)sizeof(text) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	close(file);
	pki_done();
	vec_free_all();
	return 0;
}

static void peer_gets(struct rig *r, size_t off, size_t n)
{
	for (size_t have = 0; have < n;) {
		uint8_t type;
		int got = rig_get(r, &type, buf);

		assert_true(got > 0 && type == 23 && have + (size_t)got <= n);
		assert_memory_equal(buf, text + off + have, (size_t)got);
		have += (size_t)got;
	}
}

static void send_file(struct rig *r, off_t off, size_t n, size_t expect)
{
	off_t at = off;
	size_t sent;

	assert_int_equal(leat_sendfile(r->c, file, &at, n, MS, &sent), LEAT_OK);
	assert_int_equal(sent, expect);
	assert_int_equal(at, off + (off_t)expect);
	peer_gets(r, (size_t)off, expect);
}

static void pieces_of_a_file(void **state)
{
	struct leat_conn_info info;
	struct rig r;

	(void)state;
	for (size_t k = 0; k < NUM; k++) {
		rig_connect(&r, &kinds[k]);
		assert_int_equal(leat_send(r.c, text, 100, MS, NULL), LEAT_OK);
		peer_gets(&r, 0, 100);
		send_file(&r, 0, 600000, 600000);
		leat_conn_info(r.c, &info);
		assert_string_equal(info.tx.backend, "kernel");
		send_file(&r, 4095, 2, 2);
		send_file(&r, 16383, 16385, 16385);
		assert_int_equal(leat_send(r.c, text + 7, 100, MS, NULL), LEAT_OK);
		peer_gets(&r, 7, 100);
		send_file(&r, SIZE - 5, 1000, 5);
		send_file(&r, SIZE + 5, 1000, 0);
		assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
		rig_expect_alert(&r, 0);
		rig_expect_end(&r);
		rig_close(&r);
	}
}

/* Nobody reads: what was taken is told, nothing is taken twice when it goes on. */
static void a_full_socket(void **state)
{
	struct rig r;
	size_t sent, all = 0;
	off_t at;

	(void)state;
	rig_connect(&r, &kinds[0]);
	for (;;) {
		enum leat_ret s;

		at = (off_t)(all % SIZE);
		s = leat_sendfile(r.c, file, &at, SIZE - (size_t)at, 0, &sent);
		all += sent;
		if (s == LEAT_AGAIN)
			break;
		assert_int_equal(s, LEAT_OK);
		assert_true(all < (256u << 20));
	}
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_NONE);
	assert_true(all > 100000);
	for (size_t have = 0; have < all;) {
		uint8_t type;
		int got = rig_get(&r, &type, buf);

		assert_true(got > 0 && type == 23);
		for (int i = 0; i < got; i++)
			if (buf[i] != text[(have + (size_t)i) % SIZE])
				fail_msg("byte %zu differs", have + (size_t)i);
		have += (size_t)got;
		if (have == all)
			break;
		/* room again: the record that the kernel's TLS still held may need a push */
		assert_int_not_equal(leat_send(r.c, NULL, 0, 0, NULL), LEAT_FAILED);
	}
	rig_close(&r);
}

static void a_peer_that_is_gone(void **state)
{
	struct linger hard = { 1, 0 };
	off_t at = 0;
	size_t sent;
	struct rig r;

	(void)state;
	signal(SIGPIPE, SIG_DFL); /* the process would end */
	rig_connect(&r, &kinds[0]);
	setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(r.fd);
	r.fd = -1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(leat_sendfile(r.c, file, &at, SIZE, MS, &sent), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_SYSTEM);
	rig_close(&r);
}

static void a_file_without_a_mapping(void **state)
{
	struct rig r;
	off_t at = 0;
	size_t sent;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	rig_connect(&r, &kinds[0]);
	assert_int_equal(leat_sendfile(r.c, p[0], &at, 10, MS, &sent), LEAT_FAILED);
	assert_int_equal(sent, 0);
	rig_close(&r);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_a_file),
		cmocka_unit_test(a_full_socket),
		cmocka_unit_test(a_peer_that_is_gone),
		cmocka_unit_test(a_file_without_a_mapping),
	};

	tcp_need_ktls();
	return cmocka_run_group_tests(tests, setup, teardown);
}
