/* SPDX-License-Identifier: Apache-2.0
 *
 * t_loop_ktls.c: receiving from sockets whose records the kernel opens, by lent buffers: types of records,
 * and every way in which such a stream ends (docs/kernel.md 3 and 5). On both loops, with equal results.
 *
 * REQ: F-iouring F-ktls-rx
 * TIMEOUT: 300
 */
#include "loops.h"
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

static struct tls12_crypto_info_aes_gcm_128 info_of(uint8_t key)
{
	struct tls12_crypto_info_aes_gcm_128 k = {
		.info = { .version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 }
	};

	memset(k.key, key, sizeof(k.key));
	return k;
}

static void ktls_keys(int fd, int dir, uint8_t key)
{
	struct tls12_crypto_info_aes_gcm_128 k = info_of(key);

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3), 0);
	assert_int_equal(setsockopt(fd, SOL_TLS, dir, &k, sizeof(k)), 0);
}

/* fd[0] receives, non-blocking; fd[1] sends. key: that of the sender; the receiver's is 1. */
static void ktls_pair(int fd[2], uint8_t key)
{
	tcp_pair(fd);
	ktls_keys(fd[0], TLS_RX, 1);
	ktls_keys(fd[1], TLS_TX, key);
	tcp_nonblock(fd[0]);
}

/* A record and its type, to be sent. */
struct record {
	struct iovec v;
	struct msghdr m;
	union {
		char b[CMSG_SPACE(1)];
		struct cmsghdr align;
	} control;
};

static struct msghdr *record(struct record *r, uint8_t type, const void *p, size_t n)
{
	struct cmsghdr *c;

	*r = (struct record){ .v = { (void *)(uintptr_t)p, n } };
	r->m = (struct msghdr){ .msg_iov = &r->v,
		.msg_iovlen = 1,
		.msg_control = r->control.b,
		.msg_controllen = sizeof(r->control.b) };
	c = CMSG_FIRSTHDR(&r->m);
	c->cmsg_level = SOL_TLS;
	c->cmsg_type = TLS_SET_RECORD_TYPE;
	c->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(c) = type;
	return &r->m;
}

static void put(int fd, uint8_t type, const void *p, size_t n)
{
	struct record r;

	assert_int_equal(sendmsg(fd, record(&r, type, p, n), 0), (ssize_t)n);
}

/* Everything one op was lent: "D" and "d" for a piece of data that ends a record and one that does not, "A"
 * and "a" of an alert, "H" and "h" of a handshake message; neighbours of one kind are one. Of very
 * many kinds the last is kept. */
struct heard {
	struct loop_op op;
	char kinds[32];
	uint8_t *p;
	size_t n, cap;
	int ended, last;
};

static void on_heard(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct heard *h = op->arg;

	if (res > 0) {
		const struct loop_piece *piece = loop_piece(l);
		size_t at = strlen(h->kinds);
		char kind = piece->type == 23   ? 'D'
			    : piece->type == 21 ? 'A'
			    : piece->type == 22 ? 'H'
						: '?';

		kind = (char)(piece->record_end ? kind : kind + 32);
		if (at == 0 || h->kinds[at - 1] != kind)
			h->kinds[at + 1 < sizeof(h->kinds) ? at : at - 1] = kind;
		assert_true(h->n + piece->n <= h->cap);
		memcpy(h->p + h->n, piece->p, piece->n);
		h->n += piece->n;
	}
	if (flags & LOOP_MORE)
		return;
	h->ended = 1;
	h->last = res;
}

static void hear(struct loop *l, struct heard *h, int fd, uint8_t *p, size_t cap)
{
	*h = (struct heard){ .op = { .done = on_heard, .arg = h }, .p = p, .cap = cap };
	loop_take(l, &h->op, fd, true);
}

static void types_come_with_their_bytes(void **state)
{
	static const uint8_t alert[] = { 1, 0 };
	struct loop *l = loops_open(state);
	struct heard h;
	uint8_t got[64];

	for (int armed_first = 0; armed_first < 2; armed_first++) {
		int fd[2];

		ktls_pair(fd, 1);
		hear(l, &h, fd[0], got, sizeof(got));
		if (armed_first)
			loops_quiet(l, 1);
		put(fd[1], 23, "before", 6);
		put(fd[1], 22, "message", 7);
		put(fd[1], 23, "after", 5);
		put(fd[1], 21, alert, 2);
		shutdown(fd[1], SHUT_WR);
		loops_until(l, &h.ended, 1);
		assert_string_equal(h.kinds, "DHDA");
		assert_int_equal(h.last, 0);
		assert_int_equal(h.n, 20);
		assert_memory_equal(got, "beforemessageafter\1\0", 20);
		close(fd[0]);
		close(fd[1]);
	}
	loop_free(l);
}

/* A message that is longer than a buffer keeps its type to the end, which is marked. */
static void long_records_come_in_pieces(void **state)
{
	enum { NUM = 200 * 1000, MESSAGE = 3 * LIM_LOOP_BUF + 5 };
	struct loop *l = loops_open(state);
	uint8_t *want = malloc(NUM + MESSAGE), *got = malloc(NUM + MESSAGE);
	struct heard h;
	int fd[2];

	loops_fill(want, NUM + MESSAGE, 0);
	ktls_pair(fd, 1);
	hear(l, &h, fd[0], got, NUM + MESSAGE);
	assert_true(tcp_write_all(fd[1], want, NUM));
	put(fd[1], 22, want + NUM, MESSAGE);
	close(fd[1]);
	loops_until(l, &h.ended, 1);
	assert_int_equal(h.last, 0);
	assert_int_equal(h.n, NUM + MESSAGE);
	assert_memory_equal(got, want, NUM + MESSAGE);
	assert_string_equal(h.kinds + strlen(h.kinds) - 2, "hH");
	close(fd[0]);
	free(want);
	free(got);
	loop_free(l);
}

/* Who did not ask for types stops at a control record, which stays; bytes before it are delivered. */
static void without_types_a_control_record_is_the_end(void **state)
{
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct heard h;
	uint8_t got[16];
	int fd[2];

	ktls_pair(fd, 1);
	put(fd[1], 23, "data", 4);
	put(fd[1], 22, "message", 7);
	loop_take(l, &op, fd[0], false);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, -EIO);
	assert_int_equal(s.more, 1);
	assert_int_equal(s.fds[0], 4);
	loop_take_once(l, &op, fd[0], false);
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, -EIO);
	hear(l, &h, fd[0], got, sizeof(got));
	close(fd[1]);
	loops_until(l, &h.ended, 1);
	assert_string_equal(h.kinds, "H");
	assert_memory_equal(got, "message", 7);
	close(fd[0]);
	loop_free(l);
}

/* FIN without close_notify, also in the middle of a record, is an end of the stream and no more. */
static void ends_without_an_alert(void **state)
{
	static const uint8_t half_record[] = { 23, 3, 3, 0, 40, 1, 2, 3 };
	struct loop *l = loops_open(state);
	uint8_t got[16];
	struct heard h;

	for (int cut = 0; cut < 2; cut++) {
		int fd[2];

		tcp_pair(fd);
		ktls_keys(fd[0], TLS_RX, 1);
		tcp_nonblock(fd[0]);
		hear(l, &h, fd[0], got, sizeof(got));
		loops_quiet(l, 1);
		if (cut)
			assert_true(tcp_write_all(fd[1], half_record, sizeof(half_record)));
		close(fd[1]);
		loops_until(l, &h.ended, 1);
		assert_int_equal(h.last, 0);
		assert_int_equal(h.n, 0);
		close(fd[0]);
	}
	loop_free(l);
}

static void bad_records_are_errors(void **state)
{
	static const uint8_t too_long[] = { 23, 3, 3, 0x41, 0x12, 0 };
	struct loop *l = loops_open(state);
	const struct linger hard = { .l_onoff = 1 };
	uint8_t got[16];
	struct heard h;
	int fd[2];

	ktls_pair(fd, 2); /* another key: the tag is wrong */
	hear(l, &h, fd[0], got, sizeof(got));
	put(fd[1], 23, "data", 4);
	loops_until(l, &h.ended, 1);
	assert_int_equal(h.last, -EBADMSG);
	assert_int_equal(h.n, 0);
	close(fd[0]);
	close(fd[1]);

	tcp_pair(fd);
	ktls_keys(fd[0], TLS_RX, 1);
	tcp_nonblock(fd[0]);
	hear(l, &h, fd[0], got, sizeof(got));
	assert_true(tcp_write_all(fd[1], too_long, sizeof(too_long)));
	loops_until(l, &h.ended, 1);
	assert_int_equal(h.last, -EMSGSIZE);
	close(fd[0]);
	close(fd[1]);

	ktls_pair(fd, 1);
	hear(l, &h, fd[0], got, sizeof(got));
	loops_quiet(l, 1);
	(void)setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd[1]);
	loops_until(l, &h.ended, 1);
	assert_int_equal(h.last, -ECONNRESET);
	close(fd[0]);
	loop_free(l);
}

/* A receive that was armed before the keys were there returns what they open (docs/kernel.md 2). */
static void armed_before_the_keys(void **state)
{
	struct loop *l = loops_open(state);
	uint8_t got[16];
	struct heard h;
	int fd[2];

	tcp_pair(fd);
	tcp_nonblock(fd[0]);
	hear(l, &h, fd[0], got, sizeof(got));
	loops_quiet(l, 1);
	ktls_keys(fd[0], TLS_RX, 1);
	ktls_keys(fd[1], TLS_TX, 1);
	put(fd[1], 23, "opened", 6);
	close(fd[1]);
	loops_until(l, &h.ended, 1);
	assert_int_equal(h.last, 0);
	assert_int_equal(h.n, 6);
	assert_memory_equal(got, "opened", 6);
	close(fd[0]);
	loop_free(l);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Keys by the loop, by the ring where the kernel's can; refusals are those of the call. */
static void keys_are_set_by_the_loop(void **state)
{
	struct tls12_crypto_info_aes_gcm_128 k = info_of(1);
	struct loop *l = loops_open(state);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct heard h;
	uint8_t got[16];
	int fd[2];

	tcp_pair(fd);
	tcp_nonblock(fd[0]);
	ktls_keys(fd[1], TLS_TX, 1);
	loop_setsockopt(l, &op, fd[0], SOL_TLS, TLS_RX, &k, sizeof(k));
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, -ENOPROTOOPT); /* no ULP yet */
	loop_setsockopt(l, &op, fd[0], IPPROTO_TCP, TCP_ULP, "tls", 3);
	loops_until(l, &s.calls, 2);
	assert_int_equal(s.last, 0);
	loop_setsockopt(l, &op, fd[0], SOL_TLS, TLS_RX, &k, sizeof(k) - 1);
	loops_until(l, &s.calls, 3);
	assert_int_equal(s.last, -EINVAL);
	loop_setsockopt(l, &op, fd[0], SOL_TLS, TLS_RX, &k, sizeof(k));
	loops_until(l, &s.calls, 4);
	assert_int_equal(s.last, 0);
	hear(l, &h, fd[0], got, sizeof(got));
	put(fd[1], 23, "opened", 6);
	close(fd[1]);
	loops_until(l, &h.ended, 1);
	assert_int_equal(h.n, 6);
	assert_memory_equal(got, "opened", 6);
	close(fd[0]);
	loop_free(l);
}

/* Sends until the socket is full, then ends: the last record of a full socket sits inside the kernel, and
 * shutdown would drop it, were there not the alert behind it (docs/kernel.md 4). */
static void a_linked_end_loses_nothing(void **state)
{
	enum { NUM = 8 << 20 };
	static const uint8_t alert[] = { 1, 0 };
	struct loop *l = loops_open(state);
	uint8_t *want = malloc(NUM), *got = malloc(NUM + 2);
	struct loops_seen s = { 0 };
	struct loop_op op = loops_op(&s);
	struct record r;
	struct heard h;
	size_t sent = 0;
	ssize_t n;
	int fd[2];

	loops_fill(want, NUM, 0);
	ktls_pair(fd, 1);
	tcp_nonblock(fd[1]);
	while ((n = send(fd[1], want + sent, NUM - sent, 0)) > 0)
		sent += (size_t)n;
	assert_true(sent < NUM);
	loop_end(l, &op, fd[1], record(&r, 21, alert, 2));
	loops_quiet(l, 2);
	assert_int_equal(s.calls, 0);
	hear(l, &h, fd[0], got, NUM + 2);
	loops_until(l, &h.ended, 1);
	loops_until(l, &s.calls, 1);
	assert_int_equal(s.last, 0);
	assert_int_equal(h.last, 0);
	assert_int_equal(h.n, sent + 2);
	assert_memory_equal(got, want, sent);
	assert_memory_equal(got + sent, alert, 2);
	assert_int_equal(h.kinds[strlen(h.kinds) - 1], 'A');
	assert_int_equal(fcntl(fd[1], F_GETFD), -1);
	close(fd[0]);
	free(want);
	free(got);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOPS_BOTH(types_come_with_their_bytes),
		LOOPS_BOTH(long_records_come_in_pieces),
		LOOPS_BOTH(without_types_a_control_record_is_the_end),
		LOOPS_BOTH(ends_without_an_alert),
		LOOPS_BOTH(bad_records_are_errors),
		LOOPS_BOTH(armed_before_the_keys),
		LOOPS_BOTH(keys_are_set_by_the_loop),
		LOOPS_BOTH(a_linked_end_loses_nothing),
	};

	tcp_need_ktls();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
