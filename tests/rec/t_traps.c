/* SPDX-License-Identifier: Apache-2.0
 *
 * t_traps.c - what a socket with kernel records does behind one's back, and that a connection of ours does
 * not: bytes lost at the end, sends that "succeed" into nothing, open records, a reader that is handed
 * ciphertext. docs/kernel.md has the list of traps with the test of each; those not here are in t_rec.c and
 * t_backends.c. Here over tests/lib/fakesys.c; tests/kernel/t_traps.c has the real kernel.
 *
 * REQ: F-ktls-tx F-ktls-rx F-ktls-sendfile
 * TIMEOUT: 120
 */
#include "fakesys.h"
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pki.h"
#include "tcp.h"
#include "vec.h"

#ifndef BASE_SYS
#define BASE_SYS    fakesys
#define NEED_KTLS() ((void)0)
#endif

#define MS  10000
#define BIG 100000

static uint8_t text[BIG], buf[BIG + 65536];

static const struct rig_opts kinds[] = {
	{ LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "auto", "kernel", &BASE_SYS },
	{ LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", "auto", "kernel", &BASE_SYS },
};
#define EACH_KIND(k) for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 11 + (i >> 8));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

static void open_kind(struct rig *r, size_t k)
{
	fakesys_reset();
	rig_connect(r, &kinds[k]);
}

/* The peer reads n bytes of text, over and over the same BIG ones, then what is told at the end. */
static void peer_reads_to_the_end(struct rig *r, size_t n)
{
	uint8_t type = 0;
	size_t have = 0;
	int got;

	while ((got = rig_get(r, &type, buf)) >= 0 && type == 23) {
		for (int i = 0; i < got; i++)
			if (buf[i] != text[(have + (size_t)i) % BIG])
				fail_msg("byte %zu is not what was sent", have + (size_t)i);
		have += (size_t)got;
	}
	assert_int_equal(have, n);
	assert_int_equal(got, 2);
	assert_int_equal(type, 21);
	assert_int_equal(buf[1], 0);
	rig_expect_end(r);
}

/* Sends without waiting until nothing more is taken; returns how much was. */
static size_t fill(struct rig *r)
{
	size_t sent = 0, taken;

	do {
		(void)!leat_send(r->c, text + sent % BIG, BIG - sent % BIG, 0, &taken);
		sent += taken;
	} while (taken > 0);
	assert_int_equal(leat_conn_error(r->c)->cls, LEAT_E_NONE);
	assert_true(sent > BIG);
	return sent;
}

struct reader {
	struct rig *r;
	size_t n;
};

static void *reads_to_the_end(void *arg)
{
	struct reader *t = arg;

	usleep(20000);
	peer_reads_to_the_end(t->r, t->n);
	return NULL;
}

/* The last record that a full socket took waits inside the kernel; shutdown(SHUT_WR) throws it away. */
static void full_socket_then_shutdown_loses_nothing(void **state)
{
	(void)state;
	EACH_KIND(k)
	{
		struct reader t = { .n = 0 };
		pthread_t thread;
		struct rig r;

		open_kind(&r, k);
		t = (struct reader){ &r, fill(&r) };
		assert_int_equal(leat_shutdown(r.c, SHUT_WR, 0), LEAT_AGAIN);
		assert_int_equal(pthread_create(&thread, NULL, reads_to_the_end, &t), 0);
		assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
		assert_int_equal(pthread_join(thread, NULL), 0);
		rig_close(&r);
	}
}

/* ---- open records ---------------------------------------------------------------------------- */

/* Asks for more than is wanted, so that the file ends in the middle of the call: kernels before 6.5 leave
 * the last record open then, and neither shutdown nor close flushes it. */
static ssize_t greedy_sendfile(int out, int in, off_t *off, size_t n)
{
	return BASE_SYS.sendfile(out, in, off, n + BIG);
}

static void no_record_stays_open(void **state)
{
	char path[] = "/tmp/leat-t-traps-XXXXXX";
	int file = mkstemp(path);
	struct leat_sys greedy = BASE_SYS;

	(void)state;
	assert_true(file >= 0 && unlink(path) == 0);
	assert_int_equal(write(file, text, 50001), 50001);
	greedy.sendfile = greedy_sendfile;
	for (int how = 0; how < 3; how++) {
		struct rig_opts o = kinds[how & 1];
		off_t at = 0;
		size_t sent;
		struct rig r;

		o.sys = &greedy;
		fakesys_reset();
		rig_connect(&r, &o);
		assert_int_equal(leat_sendfile(r.c, file, &at, 50001, MS, &sent), LEAT_OK);
		assert_int_equal(sent, 50001);
		if (how == 0)
			assert_int_equal(leat_send(r.c, text + 50001, 100, MS, NULL), LEAT_OK);
		if (how < 2) {
			assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
		} else {
			assert_int_equal(leat_close_timeout(r.c, 0, NULL), LEAT_OK);
			r.c = NULL;
		}
		peer_reads_to_the_end(&r, how == 0 ? 50101 : 50001);
		rig_close(&r);
	}
	close(file);
}

/* ---- errors that the kernel forgets ----------------------------------------------------------- */

static unsigned sends;

static ssize_t counted_sendmsg(int fd, const struct msghdr *m, int flags)
{
	sends++;
	return BASE_SYS.sendmsg(fd, m, flags);
}

/* After SHUT_WR, and after a reset was told once, the kernel takes bytes with success and drops them: it is
 * not asked again. */
static void no_send_is_believed_after_the_end(void **state)
{
	struct leat_sys counted = BASE_SYS;
	struct linger hard = { 1, 0 };

	(void)state;
	counted.sendmsg = counted_sendmsg;
	for (int reset = 0; reset < 2; reset++) {
		struct rig_opts o = kinds[reset];
		struct rig r;
		size_t got;

		o.sys = &counted;
		fakesys_reset();
		rig_connect(&r, &o);
		if (reset) {
			setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
			close(r.fd);
			r.fd = -1;
			assert_int_equal(leat_recv(r.c, buf, 1, MS, &got), LEAT_FAILED);
		} else {
			assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
		}
		sends = 0;
		for (int i = 0; i < 5; i++)
			assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_FAILED);
		assert_int_equal(sends, 0);
		assert_int_equal(leat_conn_error(r.c)->cls, reset ? LEAT_E_SYSTEM : LEAT_E_CLOSED);
		rig_close(&r);
	}
}

/* ---- moving RX under somebody who reads ------------------------------------------------------- */

struct waiting {
	struct leat_conn *c;
	enum leat_ret r;
	size_t got;
	uint8_t b[10];
};

static void *waits_for_data(void *arg)
{
	struct waiting *w = arg;

	w->r = leat_recv(w->c, w->b, sizeof(w->b), MS, &w->got);
	return NULL;
}

/* A thread that is blocked in a read while RX gets its keys would be handed ciphertext. */
static void rx_does_not_move_under_a_reader(void **state)
{
	(void)state;
	EACH_KIND(k)
	{
		struct leat_conn_info info;
		struct waiting w = { .r = LEAT_FAILED };
		pthread_t thread;
		struct rig r;
		size_t got;

		open_kind(&r, k);
		w.c = r.c;
		assert_int_equal(pthread_create(&thread, NULL, waits_for_data, &w), 0);
		while (!atomic_load(&r.c->reading))
			usleep(1000);
		usleep(20000);
		assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_AGAIN);
		leat_conn_info(r.c, &info);
		assert_false(info.rx.kernel);
		assert_string_equal(info.rx.why, "reader_waits");
		/* nor do two threads read at a time */
		assert_int_equal(leat_recv(r.c, buf, 10, MS, &got), LEAT_AGAIN);
		rig_put(&r, 23, text, 10, 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(w.r, LEAT_OK);
		assert_int_equal(w.got, 10);
		assert_memory_equal(w.b, text, 10);
		assert_int_equal(leat_offload(r.c, LEAT_RX), LEAT_OK);
		rig_put(&r, 23, text + 10, 500, 0);
		rig_expect_recv(&r, text + 10, 500);
		rig_close(&r);
	}
}

/* ---- no second keys --------------------------------------------------------------------------- */

/* Keys are set once; a second set is refused and disturbs nothing (kernels before 6.14). */
static void second_keys_change_nothing(void **state)
{
	struct traffic_keys again;
	struct rig r;
	int e;

	(void)state;
	open_kind(&r, 0);
	again = r.in.keys;
	e = rec_kernel_install(r.c->sys, r.c->fd, LEAT_TX, &again, 0);
	assert_int_equal(e, -EBUSY);
	traffic_keys_clear(&again);
	assert_int_equal(leat_send(r.c, text, 777, MS, NULL), LEAT_OK);
	assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
	peer_reads_to_the_end(&r, 777);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_socket_then_shutdown_loses_nothing),
		cmocka_unit_test(no_record_stays_open),
		cmocka_unit_test(no_send_is_believed_after_the_end),
		cmocka_unit_test(rx_does_not_move_under_a_reader),
		cmocka_unit_test(second_keys_change_nothing),
	};

	NEED_KTLS();
	return cmocka_run_group_tests(tests, setup, teardown);
}
