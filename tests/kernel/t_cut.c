/* SPDX-License-Identifier: Apache-2.0
 *
 * t_cut.c - the hand-over under every split of the peer's bytes. The peer writes its Finished and, right
 * behind it, data and close_notify; its stream is cut at one position, and the connection does all it can
 * with the first part before the second comes. Whatever the cut, and whichever side we are: every byte
 * arrives once, in order, then the end; and what we send arrives too.
 *
 * In rows where RX may go to the kernel: the cut decides how much user space has read beyond the
 * handshake, so between them the cuts visit every state from "nothing held" to "everything, the end
 * included, was read before the kernel could have it".
 *
 * REQ: F-ktls-rx F-ktls-tx F-ktls-13
 * TIMEOUT: 400
 */
#include "fakesys.h"
#include "rig.h"

#include <sys/socket.h>

#include "pki.h"
#include "tcp.h"
#include "vec.h"

#ifndef SYS /* else tests/lib/fakesys.h plays the kernel (tests/flow/t_cut_fake.c) */
#define SYS         NULL
#define NEED_KTLS() tcp_need_ktls()
#endif

/* What the peer says: records of these sizes, then close_notify. */
static const size_t pieces[] = { 40, 1, 90 };
#define SAID   131
#define REPLY  77
#define NUM(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t text[4096];

struct run {
	struct rig r;
	struct leat_wr hold;
	size_t at;    /* bytes of the peer's stream so far */
	size_t cut;   /* position where the stream is cut */
	bool dribble; /* every byte alone */
	bool up, said;
	int wait_ms; /* 0 until all of the peer's bytes are there */
	uint8_t got[SAID + 100];
	size_t got_n;
	bool eof;
};

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 13 + 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

/* The connection does all it can now. */
static void progress(struct run *t)
{
	struct leat_conn *c = t->r.c;
	char why[300];
	size_t got;
	enum leat_ret s = LEAT_OK;

	if (!t->up) {
		s = rig_conn_step(&t->r);
		t->up = s == LEAT_OK;
	}
	while (t->up && !t->eof && s == LEAT_OK) {
		s = leat_recv(c, t->got + t->got_n, sizeof(t->got) - t->got_n, t->wait_ms, &got);
		t->got_n += got;
		t->eof = s == LEAT_OK && got == 0;
		assert_true(t->got_n <= SAID);
	}
	if (s == LEAT_FAILED)
		fail_msg("cut at %zu: %s", t->cut,
			leat_strerror(leat_conn_error(c), why, sizeof(why)));
}

/* Sends what the peer has ready, cut where the run says. */
static void deliver(struct run *t)
{
	struct leat_span all = leat_wr_done(&t->hold);
	size_t first = all.n;

	if (t->cut > t->at && t->cut < t->at + all.n)
		first = t->cut - t->at;
	for (size_t i = 0; t->dribble && i < all.n; i++) {
		assert_true(tcp_write_all(t->r.fd, all.p + i, 1));
		progress(t);
	}
	if (!t->dribble && all.n > 0) {
		assert_true(tcp_write_all(t->r.fd, all.p, first));
		progress(t);
		assert_true(tcp_write_all(t->r.fd, all.p + first, all.n - first));
	}
	t->at += all.n;
	leat_wr_clear(&t->hold);
	/* Fed in crumbs, the kernel puts a record together in a worker of its own: give it time. */
	t->wait_ms = t->said ? 2000 : 0;
	progress(t);
}

/* The peer says its piece as soon as it may: in the same flight as its Finished where the version lets
 * it. */
static void say(struct run *t)
{
	const uint8_t *p;
	size_t n = 0, taken;

	if (t->said || !(leat_engine_wants(t->r.e) & LEAT_MAY_WRITE))
		return;
	t->said = true;
	for (size_t i = 0, off = 0; i < NUM(pieces); off += pieces[i], i++) {
		assert_int_equal(leat_engine_write(t->r.e, text + off, pieces[i], &taken), LEAT_OK);
		assert_int_equal(taken, pieces[i]);
	}
	assert_int_equal(leat_engine_close(t->r.e), LEAT_OK);
	while ((p = leat_engine_out(t->r.e, &n))) {
		rig_bytes(&t->r, p, n);
		leat_engine_out_done(t->r.e, n);
	}
}

/* The peer reads our reply and our close_notify. */
static void peer_reads_reply(struct run *t)
{
	uint8_t reply[REPLY + 100];
	size_t have = 0, room;
	struct leat_span data;

	while (!(leat_engine_wants(t->r.e) & LEAT_IS_EOF)) {
		uint8_t *p = leat_engine_in(t->r.e, &room);
		ssize_t n;

		assert_non_null(p);
		n = recv(t->r.fd, p, room, 0);
		assert_true(n > 0);
		assert_int_equal(leat_engine_in_done(t->r.e, (size_t)n), LEAT_OK);
		for (leat_engine_data(t->r.e, &data); data.n; leat_engine_data(t->r.e, &data)) {
			assert_true(have + data.n <= REPLY);
			memcpy(reply + have, data.p, data.n);
			have += data.n;
			assert_int_equal(leat_engine_data_done(t->r.e, data.n), LEAT_OK);
		}
	}
	assert_int_equal(have, REPLY);
	assert_memory_equal(reply, text + 1000, REPLY);
}

/* One whole connection. *at_finished: where in the peer's stream its last handshake flight began.
 * Returns the stream's length; counts[0] RX that stayed in user space, counts[1] in the kernel. */
static size_t one(
	const struct rig_opts *o, size_t cut, bool dribble, size_t *last_flight, unsigned counts[2])
{
	struct run t = { .cut = cut, .dribble = dribble };
	struct leat_conn_info info;
	size_t total;

	fakesys_reset();
	rig_open(&t.r, o);
	t.r.hold = &t.hold;
	for (int turns = 0; turns < 20 && !(t.said && t.eof); turns++) {
		progress(&t);
		rig_peer_step(&t.r);
		if (t.hold.n)
			*last_flight = t.at;
		say(&t);
		deliver(&t);
	}
	if (!t.eof || t.got_n != SAID)
		fail_msg("cut at %zu: %zu of %d bytes, end %d", cut, t.got_n, SAID, t.eof);
	assert_memory_equal(t.got, text, SAID);
	/* the peer may still have our handshake bytes to read before it is up */
	rig_peer_step(&t.r);
	leat_engine_in_exact(t.r.e, false);
	assert_int_equal(leat_send(t.r.c, text + 1000, REPLY, 1000, NULL), LEAT_OK);
	leat_conn_info(t.r.c, &info);
	counts[info.rx.kernel]++;
	assert_int_equal(info.tx.kernel, o->tx != NULL);
	assert_int_equal(leat_shutdown(t.r.c, SHUT_WR, 1000), LEAT_OK);
	peer_reads_reply(&t);
	total = t.at;
	t.r.hold = NULL;
	rig_close(&t.r);
	return total;
}

/* Every position on the main kernel and everywhere else; on the older one in the test machine, where a
 * handshake costs 30 ms, every fifth: what differs between kernels does not hang on one position. */
static size_t step(void)
{
	const char *kernel = getenv("LEAT_VM_KERNEL");

	return kernel && strcmp(kernel, "6.1") == 0 ? 5 : 1;
}

static void every_cut(enum leat_role role, const char *version, const char *suite)
{
	struct rig_opts o = { role, version, suite, "kernel", "kernel", SYS };
	unsigned counts[2] = { 0, 0 };
	size_t last = 0, total = one(&o, 0, false, &last, counts);
	size_t from;

	/* A certificate flight is long; Finished (at most 74 bytes) and the data are its last 320. */
	from = total - last > 320 ? total - 320 : last;
	counts[0] = counts[1] = 0;
	for (size_t cut = from; cut <= total; cut += step())
		one(&o, cut, false, &last, counts);
	print_message(
		"%s %s: cuts %zu to %zu, RX moved %u times, read to the end before %u times\n",
		version, role == LEAT_CLIENT ? "client" : "server", from, total, counts[1],
		counts[0]);
	/* both kinds of end must have been met, or this did not test what it says */
	assert_true(counts[1] > 50 / step());
}

static void client_13(void **state)
{
	(void)state;
	every_cut(LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256");
}

static void server_13(void **state)
{
	(void)state;
	every_cut(LEAT_SERVER, "tlsv1.3", "TLS_AES_256_GCM_SHA384");
}

static void client_12(void **state)
{
	(void)state;
	every_cut(LEAT_CLIENT, "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256");
}

static void server_12(void **state)
{
	(void)state;
	every_cut(LEAT_SERVER, "tlsv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305");
}

/* Byte by byte, with every AEAD, and with only one direction in the kernel. */
static void byte_by_byte(void **state)
{
	static const struct {
		const char *version, *suite;
	} kinds[] = {
		{ "tlsv1.3", "TLS_AES_128_GCM_SHA256" },
		{ "tlsv1.3", "TLS_AES_256_GCM_SHA384" },
		{ "tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256" },
		{ "tlsv1.3", "TLS_AES_128_CCM_SHA256" },
		{ "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ "tlsv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384" },
		{ "tlsv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305" },
		{ "tlsv1.2", "ECDHE-ECDSA-AES128-CCM" },
	};
	unsigned counts[2] = { 0, 0 };
	size_t last = 0;

	(void)state;
	for (size_t k = 0; k < NUM(kinds); k++)
		for (int role = 0; role < 2; role++)
			for (int where = 1; where < 4; where++) {
				struct rig_opts o = { (enum leat_role)role, kinds[k].version,
					kinds[k].suite, where & 1 ? "kernel" : NULL,
					where & 2 ? "kernel" : NULL, SYS };

				one(&o, 0, true, &last, counts);
			}
	/* fed like this, user space never holds more than it needs: RX always moves */
	assert_int_equal(counts[1], NUM(kinds) * 2 * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_13),
		cmocka_unit_test(server_13),
		cmocka_unit_test(client_12),
		cmocka_unit_test(server_12),
		cmocka_unit_test(byte_by_byte),
	};

	NEED_KTLS();
	return cmocka_run_group_tests(tests, setup, teardown);
}
