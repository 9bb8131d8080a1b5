/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rec.c - the record suite: what a connection must do whatever protects its records. Compiled twice:
 * here for user space, by tests/kernel/t_rec.c for the kernel. Where the kernel forces a difference, the
 * line says KERNEL and docs/kernel-matrix.md has the row.
 *
 * REQ: API-send API-recv-2 API-recv-3 API-recv-timeout API-shutdown-write API-shutdown-read
 * REQ: API-shutdown-both API-close-1 API-close-2-timeout API-close-2-errors
 * TIMEOUT: 240
 */
#include "fakesys.h"
#include "rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine_int.h"
#include "pki.h"
#include "tcp.h"
#include "vec.h"

#ifndef RECORDS
#define RECORDS   "user"
#define IN_KERNEL false
#endif
#ifndef SYS /* else tests/lib/fakesys.h plays the kernel */
#define SYS NULL
#endif

#define NUM(a) (sizeof(a) / sizeof((a)[0]))
#define BIG    100000
#define MS     10000

static uint8_t text[BIG], buf[BIG + 65536], rec[REFREC_ROOM(65535, 0)];

/* Versions and suites every test runs with, unless it says otherwise. */
static const struct rig_opts kinds[] = {
	{ LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", RECORDS, RECORDS, SYS },
	{ LEAT_SERVER, "tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256", RECORDS, RECORDS, SYS },
	{ LEAT_CLIENT, "tlsv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", RECORDS, RECORDS, SYS },
	{ LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", RECORDS, RECORDS, SYS },
};
#define EACH_KIND(k) for (size_t k = 0; k < NUM(kinds); k++)

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + (i >> 8));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

static bool is13(const struct rig *r)
{
	return r->out.keys.version == LEAT_TLS13;
}

static void open_kind(struct rig *r, size_t k)
{
	struct leat_conn_info info;

	fakesys_reset();
	rig_connect(r, &kinds[k]);
	leat_conn_info(r->c, &info);
	assert_string_equal(info.tx.backend, RECORDS);
	assert_string_equal(info.rx.backend, RECORDS);
	assert_string_equal(info.rx.why, IN_KERNEL ? "in_kernel" : "policy_user");
	assert_string_equal(info.outcome, IN_KERNEL ? "both" : "none");
}

/* The peer reads records until n data bytes came; they must be text. */
static void peer_expects(struct rig *r, size_t n)
{
	uint8_t type = 0;

	for (size_t have = 0; have < n;) {
		int got = rig_get(r, &type, buf);

		assert_true(got > 0 && have + (size_t)got <= n);
		assert_int_equal(type, 23);
		assert_memory_equal(buf, text + have, (size_t)got);
		have += (size_t)got;
	}
}

static void one_suite(enum leat_role role, const char *version, const char *suite)
{
	static const size_t sizes[] = { 1, 2, 16383, 16384, 16385, BIG };
	struct rig_opts o = { role, version, suite, RECORDS, RECORDS, SYS };
	struct rig r;
	size_t sent;

	fakesys_reset();
	rig_connect(&r, &o);
	for (size_t i = 0; i < NUM(sizes); i++) {
		assert_int_equal(leat_send(r.c, text, sizes[i], MS, &sent), LEAT_OK);
		assert_int_equal(sent, sizes[i]);
		peer_expects(&r, sizes[i]);
	}
	for (size_t i = 0; i < NUM(sizes); i++) {
		for (size_t n = 0; n < sizes[i]; n += 16384)
			rig_put(&r, 23, text + n, sizes[i] - n < 16384 ? sizes[i] - n : 16384, 0);
		rig_expect_recv(&r, text, sizes[i]);
	}
	rig_close(&r);
}

static void every_size_both_ways(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		one_suite(role, "tlsv1.3", "TLS_AES_128_GCM_SHA256");
		one_suite(role, "tlsv1.3", "TLS_AES_256_GCM_SHA384");
		one_suite(role, "tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256");
		one_suite(role, "tlsv1.3", "TLS_AES_128_CCM_SHA256");
		one_suite(role, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
		one_suite(role, "tlsv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384");
		one_suite(role, "tlsv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305");
		one_suite(role, "tlsv1.2", "ECDHE-ECDSA-AES128-CCM");
	}
}

static void sending_nothing_sends_nothing(void **state)
{
	struct rig r;
	uint8_t b;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		assert_int_equal(leat_send(r.c, text, 0, MS, NULL), LEAT_OK);
		assert_int_equal(recv(r.fd, &b, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
		rig_close(&r);
	}
}

static void nothing_there_is_again(void **state)
{
	struct rig r;
	size_t got = 7;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		assert_int_equal(leat_recv(r.c, buf, 10, 0, &got), LEAT_AGAIN);
		assert_int_equal(got, 0);
		assert_int_equal(leat_recv(r.c, buf, 10, 20, &got), LEAT_AGAIN);
		/* an idle connection holds no buffer */
		assert_true(!r.c->e->w || (!r.c->e->w->in && !r.c->e->w->out));
		/* half a record is nothing yet, and not lost */
		size_t n = rig_seal(&r, 23, text, 300, 0, rec);

		rig_bytes(&r, rec, n - 1);
		assert_int_equal(leat_recv(r.c, buf, 10, 20, &got), LEAT_AGAIN);
		rig_bytes(&r, rec + n - 1, 1);
		rig_expect_recv(&r, text, 300);
		assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_NONE);
		rig_close(&r);
	}
}

static void small_buffers_lose_nothing(void **state)
{
	struct rig r;
	size_t got;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 23, text, 700, 0);
		rig_put(&r, 23, text + 700, 300, 0);
		for (size_t have = 0; have < 1000; have += got) {
			assert_int_equal(leat_recv(r.c, buf, 7, MS, &got), LEAT_OK);
			assert_in_range(got, 1, 7);
			assert_memory_equal(buf, text + have, got);
		}
		rig_close(&r);
	}
}

static void padding_and_empty_records(void **state)
{
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		for (int i = 0; i < 20; i++)
			rig_put(&r, 23, text, 0, is13(&r) ? (size_t)i * 10 : 0);
		rig_put(&r, 23, text, 500, is13(&r) ? 1000 : 0);
		rig_expect_recv(&r, text, 500);
		rig_close(&r);
	}
}

/* ---- the end, in order and not ----------------------------------------------------------------- */

static const uint8_t close_notify[] = { 1, 0 };

static void expect_eof(struct rig *r)
{
	size_t got = 7;

	assert_int_equal(leat_recv(r->c, buf, 100, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
}

static void close_notify_from_the_peer(void **state)
{
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 23, text, 100, 0);
		rig_put(&r, 21, close_notify, 2, 0);
		rig_put(&r, 23, text, 100, 0); /* RFC 8446 6.1: ignored */
		rig_expect_recv(&r, text, 100);
		expect_eof(&r);
		expect_eof(&r);
		/* our side is still open */
		assert_int_equal(leat_send(r.c, text, 50, MS, NULL), LEAT_OK);
		peer_expects(&r, 50);
		assert_int_equal(leat_close(r.c, &r.err), LEAT_OK);
		r.c = NULL;
		rig_expect_alert(&r, 0);
		rig_close(&r);
	}
}

static void empty_record_before_close_notify(void **state)
{
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 23, text, 0, 0);
		rig_put(&r, 21, close_notify, 2, 0);
		shutdown(r.fd, SHUT_WR);
		expect_eof(&r);
		rig_close(&r);
	}
}

static void close_notify_to_the_peer(void **state)
{
	struct rig r;
	struct leat_err err;

	(void)state;
	EACH_KIND(k)
	{
		err = (struct leat_err){ 0 };
		open_kind(&r, k);
		assert_int_equal(leat_send(r.c, text, 20000, MS, NULL), LEAT_OK);
		/* the answer waits already, behind data nobody wants any more */
		rig_put(&r, 23, text, 5000, 0);
		rig_put(&r, 21, close_notify, 2, 0);
		assert_int_equal(leat_close(r.c, &err), LEAT_OK);
		r.c = NULL;
		peer_expects(&r, 20000);
		rig_expect_alert(&r, 0);
		rig_expect_end(&r);
		rig_close(&r);
	}
}

static void a_silent_peer_is_a_timeout(void **state)
{
	struct rig r;
	struct leat_err err;

	(void)state;
	EACH_KIND(k)
	{
		err = (struct leat_err){ 0 };
		open_kind(&r, k);
		assert_int_equal(leat_close_timeout(r.c, 30, &err), LEAT_FAILED);
		r.c = NULL;
		assert_int_equal(err.cls, LEAT_E_TIMEOUT);
		rig_expect_alert(&r, 0);
		rig_expect_end(&r);
		rig_close(&r);
	}
}

static void close_without_waiting(void **state)
{
	struct rig r;
	struct leat_err err = { 0 };

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		assert_int_equal(leat_close_timeout(r.c, 0, &err), LEAT_OK);
		r.c = NULL;
		rig_expect_alert(&r, 0);
		rig_expect_end(&r);
		rig_close(&r);
	}
}

static void truncation_is_not_the_end(void **state)
{
	struct rig r;
	size_t n;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k); /* between records */
		rig_put(&r, 23, text, 100, 0);
		shutdown(r.fd, SHUT_WR);
		rig_expect_recv(&r, text, 100);
		rig_recv_fails(&r, LEAT_E_CLOSED);
		rig_close(&r);

		open_kind(&r, k); /* inside a record, inside a header */
		rig_put(&r, 23, text, 100, 0);
		n = rig_seal(&r, 23, text, 100, 0, rec);
		rig_bytes(&r, rec, k & 1 ? n - 1 : 3);
		shutdown(r.fd, SHUT_WR);
		rig_expect_recv(&r, text, 100);
		rig_recv_fails(&r, LEAT_E_CLOSED);
		rig_close(&r);
	}
}

static void close_tells_a_truncated_answer(void **state)
{
	struct rig r;
	struct leat_err err = { 0 };

	(void)state;
	open_kind(&r, 0);
	shutdown(r.fd, SHUT_WR);
	assert_int_equal(leat_close(r.c, &err), LEAT_FAILED);
	r.c = NULL;
	assert_int_equal(err.cls, LEAT_E_CLOSED);
	rig_close(&r);
}

static void reset_is_an_error_after_the_data(void **state)
{
	struct linger hard = { 1, 0 };
	struct rig r;
	size_t got;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 23, text, 100, 0);
		/* taken before the reset: TCP itself may drop what is unread then */
		rig_expect_recv(&r, text, 100);
		setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(r.fd);
		r.fd = -1;
		assert_int_equal(leat_recv(r.c, buf, 100, MS, &got), LEAT_FAILED);
		assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_SYSTEM);
		assert_int_equal(leat_conn_error(r.c)->sys, ECONNRESET);
		/* the kernel would say "sent" from the second call on: we do not ask it again */
		assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_FAILED);
		for (int i = 0; i < 4; i++)
			assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_FAILED);
		rig_close(&r);
	}
}

static void nothing_after_shutdown_of_writing(void **state)
{
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_OK);
		assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
		assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
		peer_expects(&r, 10);
		rig_expect_alert(&r, 0);
		rig_expect_end(&r);
		/* reading goes on */
		rig_put(&r, 23, text, 100, 0);
		rig_expect_recv(&r, text, 100);
		assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_FAILED);
		assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_CLOSED);
		/* an error of sending is none of receiving */
		assert_int_equal(leat_conn_events(r.c, false), POLLIN);
		rig_put(&r, 23, text, 100, 0);
		rig_expect_recv(&r, text, 100);
		rig_close(&r);
	}
}

static void nothing_after_shutdown_of_reading(void **state)
{
	struct rig r;
	size_t got;

	(void)state;
	open_kind(&r, 0);
	assert_int_equal(leat_shutdown(r.c, SHUT_RD, MS), LEAT_OK);
	assert_int_equal(leat_recv(r.c, buf, 10, MS, &got), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_CLOSED);
	assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_OK);
	peer_expects(&r, 10);
	rig_close(&r);

	open_kind(&r, 1);
	assert_int_equal(leat_shutdown(r.c, SHUT_RDWR, MS), LEAT_OK);
	rig_expect_alert(&r, 0);
	rig_expect_end(&r);
	rig_close(&r);

	open_kind(&r, 0);
	assert_int_equal(leat_shutdown(r.c, 17, MS), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_MISUSE);
	rig_close(&r);
}

/* ---- bad records -------------------------------------------------------------------------------- */

static void bad_mac(void **state)
{
	struct rig r;
	size_t n;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 23, text, 100, 0);
		n = rig_seal(&r, 23, text, 100, 0, rec);
		rec[n / 2] ^= 0x40;
		rig_bytes(&r, rec, n);
		rig_expect_recv(&r, text, 100); /* what came before is good */
		rig_recv_fails(&r, LEAT_E_OUR_ALERT);
		assert_int_equal(leat_conn_error(r.c)->alert, LEAT_ALERT_BAD_RECORD_MAC);
		assert_int_equal(leat_send(r.c, text, 1, MS, NULL), LEAT_FAILED);
		rig_expect_alert(&r, LEAT_ALERT_BAD_RECORD_MAC);
		rig_close(&r);
	}
}

/* Unread bytes behind the bad record would make close(2) reset the alert away. */
static void the_alert_outlives_close(void **state)
{
	struct rig r;
	size_t n, got;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		n = rig_seal(&r, 23, text, 100, 0, rec);
		rec[n - 1] ^= 1;
		rig_bytes(&r, rec, n);
		assert_int_equal(leat_recv(r.c, buf, 100, MS, &got), LEAT_FAILED);
		rig_bytes(&r, text, BIG);
		shutdown(r.fd, SHUT_WR);
		assert_int_equal(leat_close(r.c, &r.err), LEAT_FAILED);
		r.c = NULL;
		assert_int_equal(r.err.alert, LEAT_ALERT_BAD_RECORD_MAC);
		rig_expect_alert(&r, LEAT_ALERT_BAD_RECORD_MAC);
		rig_close(&r);
	}
}

static void record_too_long(void **state)
{
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		memset(rec, 0, sizeof(rec));
		memcpy(rec, (uint8_t[]){ 23, 3, 3, 0x48, 0x01 }, 5); /* 2^14 + 2049 */
		rig_bytes(&r, rec, 5 + 8); /* KERNEL: in 1.2 it looks when the nonce is there too */
		rig_recv_fails(&r, LEAT_E_OUR_ALERT);
		assert_int_equal(leat_conn_error(r.c)->alert, LEAT_ALERT_RECORD_OVERFLOW);
		rig_expect_alert(&r, LEAT_ALERT_RECORD_OVERFLOW);
		rig_close(&r);
	}
}

static void fatal_alert_from_the_peer(void **state)
{
	static const uint8_t alert[] = { 2, LEAT_ALERT_INTERNAL_ERROR };
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 21, alert, 2, 0);
		rig_recv_fails(&r, LEAT_E_PEER_ALERT);
		assert_int_equal(leat_conn_error(r.c)->alert, LEAT_ALERT_INTERNAL_ERROR);
		rig_close(&r);
	}
}

static void malformed_alert(void **state)
{
	static const uint8_t three[] = { 1, 0, 0 };
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 21, three, 3, 0);
		rig_recv_fails(&r, LEAT_E_OUR_ALERT);
		rig_expect_alert(&r, LEAT_ALERT_DECODE_ERROR);
		rig_close(&r);
	}
}

static void alert_through_a_one_byte_buffer(void **state)
{
	struct rig r;
	size_t got;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		rig_put(&r, 23, text, 1, 0);
		rig_put(&r, 21, close_notify, 2, 0);
		assert_int_equal(leat_recv(r.c, buf, 1, MS, &got), LEAT_OK);
		assert_int_equal(got, 1);
		assert_int_equal(leat_recv(r.c, buf, 1, MS, &got), LEAT_OK);
		assert_int_equal(got, 0);
		rig_close(&r);
	}
}

static void unexpected_types(void **state)
{
	static const uint8_t types[] = { 20, 24, 99 };
	struct rig r;

	(void)state;
	EACH_KIND(k)
	for (size_t i = 0; i < NUM(types); i++) {
		open_kind(&r, k);
		rig_put(&r, types[i], text, 1, 0);
		rig_recv_fails(&r, LEAT_E_OUR_ALERT);
		assert_int_equal(leat_conn_error(r.c)->alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
		rig_close(&r);
	}
}

/* ---- handshake records after the handshake ------------------------------------------------------- */

/* NewSessionTicket, RFC 8446 4.6.1: lifetime, age_add, nonce, ticket, no extensions. */
static const uint8_t ticket[] = { 4, 0, 0, 18, 0, 0, 14, 16, 1, 2, 3, 4, 1, 9, 0, 4, 5, 6, 7, 8, 0,
	0 };

static void tickets_between_data(void **state)
{
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	rig_put(&r, 22, ticket, sizeof(ticket), 0);
	rig_put(&r, 23, text, 100, 0);
	/* in fragments */
	rig_put(&r, 22, ticket, 3, 0);
	rig_put(&r, 22, ticket + 3, sizeof(ticket) - 3, 0);
	rig_put(&r, 23, text + 100, 100, 0);
	rig_expect_recv(&r, text, 200);
	/* through a buffer smaller than the ticket; and none of it reaches the application */
	rig_put(&r, 22, ticket, sizeof(ticket), 0);
	rig_put(&r, 23, text, 5, 0);
	memset(buf, 0xee, 5);
	{
		size_t got;

		assert_int_equal(leat_recv(r.c, buf, 5, MS, &got), LEAT_OK);
		assert_int_equal(got, 5);
		assert_memory_equal(buf, text, 5);
	}
	rig_close(&r);
}

static void data_between_fragments_is_refused(void **state)
{
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	rig_put(&r, 22, ticket, 3, 0);
	rig_put(&r, 23, text, 100, 0);
	rig_recv_fails(&r, LEAT_E_OUR_ALERT);
	assert_int_equal(leat_conn_error(r.c)->alert, LEAT_ALERT_UNEXPECTED_MESSAGE);
	rig_expect_alert(&r, LEAT_ALERT_UNEXPECTED_MESSAGE);
	rig_close(&r);
}

static void a_server_takes_no_ticket(void **state)
{
	struct rig r;

	(void)state;
	open_kind(&r, 1);
	rig_put(&r, 22, ticket, sizeof(ticket), 0);
	rig_recv_fails(&r, LEAT_E_OUR_ALERT);
	rig_expect_alert(&r, LEAT_ALERT_UNEXPECTED_MESSAGE);
	rig_close(&r);
}

/* KERNEL: 6.12 takes no new keys, so the connection ends, in order and by name. */
static void key_update_from_the_peer(void **state)
{
	static const uint8_t update[] = { 24, 0, 0, 1, 0 };
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	rig_put(&r, 23, text, 100, 0);
	rig_put(&r, 22, update, sizeof(update), 0);
	rig_expect_recv(&r, text, 100);
	if (IN_KERNEL) {
		rig_recv_fails(&r, LEAT_E_CLOSED);
		assert_non_null(strstr(leat_conn_error(r.c)->what, "kernel"));
		rig_expect_alert(&r, LEAT_ALERT_CLOSE_NOTIFY);
	} else {
		size_t got;

		assert_int_equal(leat_recv(r.c, buf, 10, 20, &got), LEAT_AGAIN);
		assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_NONE);
	}
	rig_close(&r);
}

/* ---- full sockets ------------------------------------------------------------------------------- */

/* A child reads nothing at first: the parent sends without waiting until nothing is taken, then closes.
 * Every byte that was taken must arrive, and then the close_notify. */
static void full_socket_then_close(void **state)
{
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		size_t sent = 0, taken, have = 0;
		int go[2], pid, got, status = 0;
		struct leat_err err = { 0 };
		uint8_t type = 0, b = 0;

		open_kind(&r, k);
		assert_int_equal(pipe(go), 0);
		while (leat_send(r.c, text, BIG, 0, &taken) == LEAT_OK || taken > 0)
			sent += taken;
		assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_NONE);
		assert_true(sent > 100000);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(r.c->fd);
			if (read(go[0], &b, 1) != 1)
				_exit(9);
			while ((got = rig_get(&r, &type, buf)) >= 0 && type == 23)
				have += (size_t)got;
			if (have != sent)
				_exit(1);
			if (got != 2 || type != 21 || buf[1] != 0)
				_exit(2);
			_exit(rig_get(&r, &type, buf) == -2 ? 0 : 3);
		}
		close(r.fd);
		r.fd = -1;
		assert_int_equal(write(go[1], "g", 1), 1);
		/* the child ends without an answer of its own */
		leat_close(r.c, &err);
		r.c = NULL;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		close(go[0]);
		close(go[1]);
		rig_close(&r);
	}
}

static void before_the_handshake_nothing_goes(void **state)
{
	struct rig r;
	size_t got;

	(void)state;
	fakesys_reset();
	rig_open(&r, &kinds[0]);
	assert_int_equal(leat_send(r.c, text, 10, MS, NULL), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_MISUSE);
	assert_int_equal(leat_recv(r.c, buf, 10, MS, &got), LEAT_FAILED);
	assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_FAILED);
	rig_close(&r);
	open_kind(&r, 0);
	assert_int_equal(leat_recv(r.c, buf, 0, MS, &got), LEAT_FAILED);
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_MISUSE);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_both_ways),
		cmocka_unit_test(sending_nothing_sends_nothing),
		cmocka_unit_test(nothing_there_is_again),
		cmocka_unit_test(small_buffers_lose_nothing),
		cmocka_unit_test(padding_and_empty_records),
		cmocka_unit_test(close_notify_from_the_peer),
		cmocka_unit_test(empty_record_before_close_notify),
		cmocka_unit_test(close_notify_to_the_peer),
		cmocka_unit_test(a_silent_peer_is_a_timeout),
		cmocka_unit_test(close_without_waiting),
		cmocka_unit_test(truncation_is_not_the_end),
		cmocka_unit_test(close_tells_a_truncated_answer),
		cmocka_unit_test(reset_is_an_error_after_the_data),
		cmocka_unit_test(nothing_after_shutdown_of_writing),
		cmocka_unit_test(nothing_after_shutdown_of_reading),
		cmocka_unit_test(bad_mac),
		cmocka_unit_test(the_alert_outlives_close),
		cmocka_unit_test(record_too_long),
		cmocka_unit_test(fatal_alert_from_the_peer),
		cmocka_unit_test(malformed_alert),
		cmocka_unit_test(alert_through_a_one_byte_buffer),
		cmocka_unit_test(unexpected_types),
		cmocka_unit_test(tickets_between_data),
		cmocka_unit_test(data_between_fragments_is_refused),
		cmocka_unit_test(a_server_takes_no_ticket),
		cmocka_unit_test(key_update_from_the_peer),
		cmocka_unit_test(full_socket_then_close),
		cmocka_unit_test(before_the_handshake_nothing_goes),
	};

	if (kinds[0].sys == NULL && IN_KERNEL)
		tcp_need_ktls();
	return cmocka_run_group_tests(tests, setup, teardown);
}
