/* SPDX-License-Identifier: Apache-2.0
 *
 * t_send_fd.c - a connection moves to another process (leat/send_fd.h): it goes on there with every byte and every
 * rule; what cannot go is refused and goes on here; what comes is believed only as far as the kernel agrees.
 * Here over tests/lib/fakesys.c; tests/kernel/t_send_fd.c has the real kernel.
 *
 * TIMEOUT: 240
 */
#include "fakesys.h"
#include "rig.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <leat/send_fd.h>

#include "base/mem.h"
#include "duo.h"
#include "pki.h"
#include "sock/fd_message.h"
#include "tcp.h"
#include "vec.h"

#ifndef BASE_SYS
#define BASE_SYS    fakesys
#define NEED_KTLS() ((void)0)
#endif

#define MS  10000
#define BIG 40000

static uint8_t text[BIG], buf[BIG + 65536];
static struct leat_config *plain_cfg; /* of the receiver: a client's, without anything */

static const struct rig_opts kinds[] = {
	{ LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "kernel", "kernel", &BASE_SYS },
	{ LEAT_SERVER, "tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256", "kernel", "kernel", &BASE_SYS },
	{ LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", "kernel", "kernel", &BASE_SYS },
};
#define EACH_KIND(k) for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 13 + (i >> 8));
	assert_int_equal(leat_config_new(&plain_cfg, LEAT_CLIENT, &err), LEAT_OK);
	assert_int_equal(leat_config_set_verify(plain_cfg, LEAT_VERIFY_NONE, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(plain_cfg, &err), LEAT_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_config_unref(plain_cfg);
	pki_done();
	vec_free_all();
	return 0;
}

static void open_kind(struct rig *r, size_t k)
{
	fakesys_reset();
	rig_connect(r, &kinds[k]);
	conn_use(&BASE_SYS, &duo_env);
}

static void pair_of(int s[2], int type)
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, s), 0);
}

static void close_pair(int s[2])
{
	close(s[0]);
	close(s[1]);
}

static int num_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The connection of the rig goes out and comes in again. */
static void move(struct rig *r, int type)
{
	struct leat_err err = { 0 };
	int s[2];

	pair_of(s, type);
	assert_int_equal(leat_send_fd(r->c, s[0], MS, &err), LEAT_OK);
	r->c = NULL;
	assert_int_equal(leat_recv_fd(&r->c, plain_cfg, s[1], MS, &err), LEAT_OK);
	close_pair(s);
}

/* ---- it goes on ------------------------------------------------------------------------------ */

static void expect_text_at_peer(struct rig *r, size_t n)
{
	size_t have = 0;
	uint8_t type;

	while (have < n) {
		int got = rig_get(r, &type, buf);

		assert_int_equal(type, 23);
		assert_true(got > 0 && have + (size_t)got <= n);
		assert_memory_equal(buf, text + have, (size_t)got);
		have += (size_t)got;
	}
}

static void talk(struct rig *r)
{
	rig_put(r, 23, text, 1000, 0);
	rig_expect_recv(r, text, 1000);
	assert_int_equal(leat_send(r->c, text, BIG, MS, NULL), LEAT_OK);
	expect_text_at_peer(r, BIG);
}

static bool same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void facts_travel(void **state)
{
	(void)state;
	EACH_KIND(k)
	{
		struct leat_conn_info before, after;
		uint8_t alpn[255], sni[255], digest[2][32];
		bool has[2];
		uint64_t left;
		struct rig r;

		open_kind(&r, k);
		talk(&r);
		leat_conn_info(r.c, &before);
		memcpy(alpn, before.tls.alpn.n ? before.tls.alpn.p : alpn, before.tls.alpn.n);
		memcpy(sni, before.tls.sni.n ? before.tls.sni.p : sni, before.tls.sni.n);
		before.tls.alpn.p = alpn;
		before.tls.sni.p = sni;
		has[0] = leat_conn_peer_digest(r.c, digest[0]);
		left = r.c->ho.tx_left;
		move(&r, SOCK_STREAM);
		leat_conn_info(r.c, &after);
		has[1] = leat_conn_peer_digest(r.c, digest[1]);
		assert_int_equal(after.tls.version, before.tls.version);
		assert_string_equal(after.tls.suite_name, before.tls.suite_name);
		assert_string_equal(after.tls.group_name, before.tls.group_name);
		assert_string_equal(after.tls.scheme_name, before.tls.scheme_name);
		assert_true(same(after.tls.alpn, before.tls.alpn));
		assert_true(same(after.tls.sni, before.tls.sni));
		assert_int_equal(after.tls.extended_master, before.tls.extended_master);
		assert_string_equal(after.outcome, "both");
		assert_string_equal(after.tx.why, "in_kernel");
		assert_int_equal(has[0], has[1]);
		assert_int_equal(has[0], kinds[k].role == LEAT_CLIENT);
		if (has[0])
			assert_memory_equal(digest[0], digest[1], 32);
		assert_int_equal(r.c->ho.tx_left, left);
		talk(&r);
		rig_close(&r);
	}
}

/* There and back, twice, with bytes of both directions in the kernel all the while. */
static void bytes_under_way(void **state)
{
	(void)state;
	EACH_KIND(k)
	{
		struct rig r;

		open_kind(&r, k);
		for (int i = 0; i < 4; i++) {
			rig_put(&r, 23, text, 16384, 0);
			assert_int_equal(leat_send(r.c, text, 20000, MS, NULL), LEAT_OK);
			move(&r, i % 2 ? SOCK_STREAM : SOCK_SEQPACKET);
			rig_expect_recv(&r, text, 16384);
			expect_text_at_peer(&r, 20000);
		}
		rig_close(&r);
	}
}

static void ends_in_order(void **state)
{
	(void)state;
	EACH_KIND(k)
	{
		static const uint8_t bye[] = { 1, 0 };
		struct leat_err err = { 0 };
		size_t got;
		struct rig r;

		open_kind(&r, k);
		move(&r, SOCK_STREAM);
		rig_put(&r, 23, text, 5, 0);
		rig_put(&r, 21, bye, 2, 0);
		rig_expect_recv(&r, text, 5);
		assert_int_equal(leat_recv(r.c, buf, 10, MS, &got), LEAT_OK);
		assert_int_equal(got, 0);
		assert_int_equal(leat_close_timeout(r.c, MS, &err), LEAT_OK);
		r.c = NULL;
		rig_expect_alert(&r, 0);
		rig_expect_end(&r);
		rig_close(&r);
	}
}

/* The rules for records are the same there: a truncation is one, a KeyUpdate a planned end, other control records
 * what they are, and a ticket is taken and dropped. */
static void rules_go_along(void **state)
{
	static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
	static const uint8_t ticket[] = { 4, 0, 0, 14, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 1, 'x', 0, 0 };
	struct rig r;

	(void)state;
	EACH_KIND(k)
	{
		open_kind(&r, k);
		move(&r, SOCK_STREAM);
		shutdown(r.fd, SHUT_WR);
		(void)rig_recv_fails(&r, LEAT_E_CLOSED);
		rig_close(&r);

		open_kind(&r, k);
		move(&r, SOCK_STREAM);
		rig_put(&r, 22, "\x01\0\0", 3, 0);
		rig_put(&r, 23, text, 5, 0);
		(void)rig_recv_fails(&r, LEAT_E_OUR_ALERT);
		rig_expect_alert(&r, LEAT_ALERT_UNEXPECTED_MESSAGE);
		rig_close(&r);
	}
	open_kind(&r, 0);
	move(&r, SOCK_STREAM);
	rig_put(&r, 22, ticket, sizeof(ticket), 0);
	rig_put(&r, 23, text, 5, 0);
	rig_expect_recv(&r, text, 5);
	assert_null(leat_conn_take_session(r.c));
	rig_put(&r, 22, key_update, sizeof(key_update), 0);
	(void)rig_recv_fails(&r, LEAT_E_CLOSED);
	rig_expect_alert(&r, 0);
	rig_close(&r);
}

/* The counter of what the keys may still protect goes along. */
static void limits_go_along(void **state)
{
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	r.c->ho.tx_limit = 10;
	r.c->ho.tx_left = 3;
	move(&r, SOCK_STREAM);
	assert_in_range(r.c->ho.tx_left, 1, 10);
	assert_int_equal(r.c->ho.tx_limit, 10);
	while (leat_send(r.c, text, 1, MS, NULL) == LEAT_OK)
		;
	assert_int_equal(leat_conn_error(r.c)->cls, LEAT_E_CLOSED);
	rig_close(&r);
}

static void child(int s)
{
	struct leat_conn *c = NULL;
	struct leat_err err = { 0 };
	size_t got = 1;

	if (leat_recv_fd(&c, plain_cfg, s, MS, &err) != LEAT_OK)
		_exit(2);
	if (leat_recv_fd(&(struct leat_conn *){ NULL }, plain_cfg, s, MS, &err) != LEAT_UNSUPPORTED)
		_exit(3);
	while (leat_recv(c, buf, sizeof(buf), MS, &got) == LEAT_OK && got > 0)
		if (leat_send(c, buf, got, MS, NULL) != LEAT_OK)
			_exit(4);
	_exit(got == 0 && leat_close(c, &err) == LEAT_OK ? 0 : 5);
}

static void two_processes(void **state)
{
	static const uint8_t bye[] = { 1, 0 };

	(void)state;
	EACH_KIND(k)
	{
		struct leat_err err = { 0 };
		int s[2], status;
		struct rig r;
		pid_t pid;

		open_kind(&r, k);
		pair_of(s, SOCK_SEQPACKET);
		pid = fork();
		if (pid == 0) {
			close(s[0]);
			child(s[1]);
		}
		close(s[1]);
		assert_int_equal(leat_send_fd(r.c, s[0], MS, &err), LEAT_OK);
		r.c = NULL;
		close(s[0]);
		for (size_t at = 0; at < 30000; at += 10000) {
			rig_put(&r, 23, text + at, 10000, 0);
		}
		expect_text_at_peer(&r, 30000);
		rig_put(&r, 21, bye, 2, 0);
		rig_expect_alert(&r, 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		rig_close(&r);
	}
}

/* ---- what cannot go -------------------------------------------------------------------------- */

static void expect_refusal(struct rig *r, const char *why)
{
	struct leat_err err = { 0 };
	char said[400];
	int s[2];

	pair_of(s, SOCK_STREAM);
	assert_int_equal(leat_send_fd(r->c, s[0], MS, &err), LEAT_UNSUPPORTED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	if (!strstr(leat_strerror(&err, said, sizeof(said)), why))
		fail_msg("\"%s\" does not say \"%s\"", said, why);
	assert_int_equal(recv(s[1], buf, 1, MSG_DONTWAIT), -1);
	close_pair(s);
}

static void in_user_space(void **state)
{
	static const struct {
		const char *rx, *tx, *why;
	} rows[] = { { "user", "kernel", "receiving is in user space" },
		{ "kernel", "user", "sending is in user space" },
		{ "auto", "auto", "receiving is in user space" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig_opts o = kinds[1];
		struct rig r;

		o.rx = rows[i].rx;
		o.tx = rows[i].tx;
		fakesys_reset();
		rig_connect(&r, &o);
		expect_refusal(&r, rows[i].why);
		talk(&r);
		rig_close(&r);
	}
}

static void not_up(void **state)
{
	struct rig r;

	(void)state;
	fakesys_reset();
	rig_open(&r, &kinds[0]);
	expect_refusal(&r, "not up");
	rig_close(&r);
}

static void closed_by_either(void **state)
{
	static const uint8_t bye[] = { 1, 0 };
	struct rig r;
	size_t got;

	(void)state;
	open_kind(&r, 0);
	assert_int_equal(leat_shutdown(r.c, SHUT_WR, MS), LEAT_OK);
	expect_refusal(&r, "we have closed");
	rig_close(&r);
	open_kind(&r, 0);
	rig_put(&r, 21, bye, 2, 0);
	assert_int_equal(leat_recv(r.c, buf, 10, MS, &got), LEAT_OK);
	expect_refusal(&r, "the peer has closed");
	rig_close(&r);
}

static void something_is_still_here(void **state)
{
	struct rig r;
	size_t got;

	(void)state;
	/* half a control message */
	open_kind(&r, 0);
	rig_put(&r, 22, "\x18\0", 2, 0);
	assert_int_equal(leat_recv(r.c, buf, 10, 0, &got), LEAT_AGAIN);
	expect_refusal(&r, "a part of a control message");
	rig_put(&r, 22, "\0\1\0", 3, 0);
	(void)rig_recv_fails(&r, LEAT_E_CLOSED);
	expect_refusal(&r, "failed");
	rig_close(&r);
	/* plaintext of which nobody took all */
	open_kind(&r, 0);
	assert_true(bytes_add(&r.c->in, "x", 1));
	expect_refusal(&r, "received data");
	rig_expect_recv(&r, "x", 1);
	talk(&r);
	rig_close(&r);
	/* somebody else receives */
	open_kind(&r, 0);
	atomic_store(&r.c->reading, true);
	expect_refusal(&r, "another thread");
	atomic_store(&r.c->reading, false);
	/* half a message */
	r.c->half.is_open = true;
	expect_refusal(&r, "in part");
	r.c->half.is_open = false;
	r.c->set.active = ACTIVE_ON;
	expect_refusal(&r, "active");
	r.c->set.active = ACTIVE_OFF;
	move(&r, SOCK_STREAM);
	talk(&r);
	rig_close(&r);
}

static void offer_auth(struct leat_config *client, struct leat_config *server)
{
	struct leat_err err = { 0 };

	(void)server;
	assert_int_equal(leat_config_set(client, "post_handshake_auth", "true", &err), LEAT_OK);
}

static void client_that_may_be_asked(void **state)
{
	struct rig r;

	(void)state;
	fakesys_reset();
	rig_connect_tuned(&r, &kinds[0], offer_auth);
	expect_refusal(&r, "authentication after the handshake");
	talk(&r);
	rig_close(&r);
}

/* The way there is no way: the connection stays. */
static void unix_socket_fails(void **state)
{
	struct leat_err err = { 0 };
	struct rig r;
	int s[2];

	(void)state;
	open_kind(&r, 0);
	pair_of(s, SOCK_STREAM);
	close(s[1]);
	assert_int_equal(leat_send_fd(r.c, s[0], MS, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SYSTEM);
	assert_int_equal(err.sys, EPIPE);
	close(s[0]);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_send_fd(r.c, -1, MS, &err), LEAT_FAILED);
	assert_int_equal(err.sys, EBADF);
	/* full */
	pair_of(s, SOCK_STREAM);
	while (send(s[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	while (send(s[0], buf, 1, MSG_DONTWAIT) > 0)
		;
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_send_fd(r.c, s[0], 50, &err), LEAT_AGAIN);
	close_pair(s);
	talk(&r);
	rig_close(&r);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void send_with(int s, const void *p, size_t n, const int *fds, size_t num)
{
	union {
		struct cmsghdr head;
		char b[CMSG_SPACE(4 * sizeof(int))];
	} ctl = { .b = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (num > 0) {
		ctl.head.cmsg_level = SOL_SOCKET;
		ctl.head.cmsg_type = SCM_RIGHTS;
		ctl.head.cmsg_len = CMSG_LEN(num * sizeof(int));
		memcpy(CMSG_DATA(&ctl.head), fds, num * sizeof(int));
		msg.msg_control = &ctl;
		msg.msg_controllen = CMSG_SPACE(num * sizeof(int));
	}
	assert_int_equal(sendmsg(s, &msg, 0), n);
}

/* The message that the rig's connection would send. */
static void message_of(struct rig *r, uint8_t out[FD_MESSAGE_LEN])
{
	struct fd_message m = { .ho = { 5, 10, 0 } };

	assert_null(leat_engine_bare(r->c->e, &m.engine));
	assert_true(fd_message_enc(&m, out));
}

/* What was sent is refused, and every descriptor that came is closed. */
static void expect_no_conn(
	const void *message, size_t n, const int *fds, size_t num, const char *why)
{
	struct leat_conn *c = NULL;
	struct leat_err err = { 0 };
	int before, s[2];
	char said[400];

	pair_of(s, SOCK_STREAM);
	before = num_fds();
	send_with(s[0], message, n, fds, num);
	shutdown(s[0], SHUT_WR);
	assert_int_equal(leat_recv_fd(&c, plain_cfg, s[1], MS, &err), LEAT_FAILED);
	assert_null(c);
	if (!strstr(leat_strerror(&err, said, sizeof(said)), why))
		fail_msg("\"%s\" does not say \"%s\"", said, why);
	assert_int_equal(num_fds(), before);
	close_pair(s);
}

static void bad_messages(void **state)
{
	uint8_t good[FD_MESSAGE_LEN], m[FD_MESSAGE_LEN];
	int fds[2], plain[2];
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	message_of(&r, good);
	fds[0] = fds[1] = r.c->fd;
	expect_no_conn(good, sizeof(good), fds, 0, "no descriptor");
	expect_no_conn(good, sizeof(good), fds, 2, "more than one descriptor");
	for (size_t n = 1; n < sizeof(good); n += 37)
		expect_no_conn(good, n, fds, 1, "cut off");
	memcpy(m, good, sizeof(m));
	m[0] ^= 1;
	expect_no_conn(m, sizeof(m), fds, 1, "not of leat_send_fd");
	memcpy(m, good, sizeof(m));
	m[7]++;
	expect_no_conn(m, sizeof(m), fds, 1, "another version of leat");
	memcpy(m, good, sizeof(m));
	m[FD_MESSAGE_LEN - 1] = 1;
	expect_no_conn(m, sizeof(m), fds, 1, "malformed");
	/* of TLS 1.3, with a suite of TLS 1.2; another cipher than the kernel's; one no kernel has */
	memcpy(m, good, sizeof(m));
	m[11] = 0xc0;
	m[12] = 0x2b;
	expect_no_conn(m, sizeof(m), fds, 1, "of a kind that no kernel carries");
	m[11] = 0x13;
	m[12] = 0x02;
	expect_no_conn(m, sizeof(m), fds, 1, "holds no such keys");
	m[12] = 0x77;
	expect_no_conn(m, sizeof(m), fds, 1, "holds no such keys");
	/* what is no TLS at all: nothing may ever be sent there in the clear */
	tcp_pair(plain);
	fakesys_reset();
	expect_no_conn(good, sizeof(good), plain, 1, "holds no such keys");
	close_pair(plain);
	rig_close(&r);
}

/* Not the smallest change of a message makes a connection that the sender did not have. */
static void every_bit(void **state)
{
	uint8_t good[FD_MESSAGE_LEN], m[FD_MESSAGE_LEN];
	struct fd_message was, is;
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	message_of(&r, good);
	assert_null(fd_message_dec(good, &was));
	for (size_t bit = 0; bit < 8 * sizeof(good); bit++) {
		uint8_t again[FD_MESSAGE_LEN];

		memcpy(m, good, sizeof(m));
		m[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (fd_message_dec(m, &is) != NULL)
			continue;
		assert_true(fd_message_enc(&is, again));
		assert_memory_equal(again, m, sizeof(m));
	}
	rig_close(&r);
}

static void in_pieces(void **state)
{
	uint8_t good[FD_MESSAGE_LEN];
	struct leat_err err = { 0 };
	struct leat_conn *c = NULL;
	struct rig r;
	int s[2];

	(void)state;
	open_kind(&r, 0);
	message_of(&r, good);
	pair_of(s, SOCK_STREAM);
	assert_int_equal(leat_recv_fd(&c, plain_cfg, s[1], 0, &err), LEAT_AGAIN);
	for (size_t i = 0; i < sizeof(good); i += 16)
		send_with(s[0], good + i, 16, &r.c->fd, i == 0);
	assert_int_equal(leat_recv_fd(&c, plain_cfg, s[1], MS, &err), LEAT_OK);
	leat_conn_free(c);
	/* a part, and then nothing for too long */
	send_with(s[0], good, 100, &r.c->fd, 1);
	assert_int_equal(leat_recv_fd(&c, plain_cfg, s[1], 50, &err), LEAT_FAILED);
	assert_int_equal(err.sys, ETIMEDOUT);
	close(s[0]);
	assert_int_equal(leat_recv_fd(&c, plain_cfg, s[1], MS, &err), LEAT_UNSUPPORTED);
	close(s[1]);
	rig_close(&r);
}

static void memory_fails(void **state)
{
	uint8_t good[FD_MESSAGE_LEN];
	struct rig r;

	(void)state;
	open_kind(&r, 0);
	message_of(&r, good);
	for (unsigned long nth = 1;; nth++) {
		struct leat_conn *c = NULL;
		struct leat_err err = { 0 };
		enum leat_ret ret;
		int s[2], before;

		pair_of(s, SOCK_STREAM);
		before = num_fds();
		send_with(s[0], good, sizeof(good), &r.c->fd, 1);
		(void)leat_mem_fail_at(nth);
		ret = leat_recv_fd(&c, plain_cfg, s[1], MS, &err);
		(void)leat_mem_fail_at(0);
		leat_conn_free(c);
		assert_int_equal(num_fds(), before);
		close_pair(s);
		if (ret == LEAT_OK)
			break;
		assert_int_equal(err.cls, LEAT_E_MEMORY);
		assert_true(nth < 50);
	}
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_travel),
		cmocka_unit_test(bytes_under_way),
		cmocka_unit_test(ends_in_order),
		cmocka_unit_test(rules_go_along),
		cmocka_unit_test(limits_go_along),
		cmocka_unit_test(two_processes),
		cmocka_unit_test(in_user_space),
		cmocka_unit_test(not_up),
		cmocka_unit_test(closed_by_either),
		cmocka_unit_test(something_is_still_here),
		cmocka_unit_test(client_that_may_be_asked),
		cmocka_unit_test(unix_socket_fails),
		cmocka_unit_test(bad_messages),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(memory_fails),
	};

	NEED_KTLS();
	return cmocka_run_group_tests(tests, setup, teardown);
}
