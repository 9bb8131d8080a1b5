/* SPDX-License-Identifier: Apache-2.0
 *
 * t_tx_count.c - how many records the keys may still protect, when somebody else writes to the socket:
 * asked from the kernel, the same as counted by ourselves, for every cipher it has; and the end of it.
 */
#include "rig.h"

#include <sys/socket.h>

#include "pki.h"
#include "tcp.h"
#include "vec.h"

#define MS 10000

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
		cmocka_unit_test(nobody_to_ask),
	};

	tcp_need_ktls();
	return cmocka_run_group_tests(tests, NULL, teardown);
}
