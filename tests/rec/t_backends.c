/* SPDX-License-Identifier: Apache-2.0
 *
 * t_backends.c - one machine after the handshake, whatever protects the records: each scene is played four
 * times, {user space, kernel TX, kernel RX, both}, and what both ends saw is written down as one line of
 * text. The four lines must be the same. Where a kernel forces another end, the scene says which one and why
 * (docs/kernel-matrix.md), and that line must come, word for word.
 *
 * Here the kernel is tests/lib/fakesys.c, so that it runs on any machine and under sanitizers;
 * tests/kernel/t_backends.c has the real one. The last thing printed is the table.
 *
 * REQ: F-keyupdate F-ktls-tx F-ktls-rx F-ktls-13
 * TIMEOUT: 300
 */
#include "fakesys.h"
#include "rig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/secret.h"
#include "engine/engine_int.h"
#include "ktls/probe.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"
#include "vec.h"

#ifndef SYS
#define SYS         &fakesys
#define NEED_KTLS() ((void)0)
#endif

#define NUM(a) (sizeof(a) / sizeof((a)[0]))
#define MS     10000
#define BIG    300007

static uint8_t text[BIG], buf[BIG + 65536], rec[REFREC_ROOM(65535, 0)];

/* ---- what was seen --------------------------------------------------------------------------- */

struct play {
	struct rig r;
	char seen[600];
	size_t in, out; /* bytes of text received and sent so far by the connection */
	size_t left;    /* of those sent, what the peer has not read yet */
};

static void note(struct play *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(struct play *p, const char *fmt, ...)
{
	size_t n = strlen(p->seen);
	va_list ap;

	assert_true(n < sizeof(p->seen) - 100);
	if (n)
		p->seen[n++] = ';', p->seen[n++] = ' ';
	va_start(ap, fmt);
	vsnprintf(p->seen + n, sizeof(p->seen) - n, fmt, ap);
	va_end(ap);
}

static void note_error(struct play *p, const char *what, enum leat_dir dir)
{
	const struct leat_err *e = &p->r.c->err[dir];

	switch (e->cls) {
	case LEAT_E_OUR_ALERT: note(p, "%s refuses with alert %u", what, e->alert); break;
	case LEAT_E_PEER_ALERT: note(p, "%s ended by alert %u", what, e->alert); break;
	case LEAT_E_SYSTEM: note(p, "%s fails: %s", what, strerror(e->sys)); break;
	default: note(p, "%s ends: %s", what, e->what);
	}
}

/* Receives until n bytes came (they must be the next of text), the end, or an error. */
static void take(struct play *p, size_t n)
{
	size_t want = p->in + n, from = p->in, got;
	enum leat_ret r = LEAT_OK;

	while (p->in < want) {
		r = leat_recv(p->r.c, buf, want - p->in, MS, &got);
		if (r != LEAT_OK || got == 0)
			break;
		assert_memory_equal(buf, text + p->in, got);
		p->in += got;
	}
	if (p->in > from)
		note(p, "got %zu", p->in - from);
	if (r == LEAT_FAILED)
		note_error(p, "recv", LEAT_RX);
	else if (r == LEAT_AGAIN)
		note(p, "nothing");
	else if (p->in < want)
		note(p, "end");
}

/* One receive that may find nothing: control records are taken in. */
static void look(struct play *p)
{
	size_t got;
	enum leat_ret r = leat_recv(p->r.c, buf, 100, 30, &got);

	if (r == LEAT_FAILED)
		note_error(p, "recv", LEAT_RX);
	else if (r == LEAT_OK && got == 0)
		note(p, "end");
	else if (r == LEAT_OK)
		note(p, "got %zu unasked", got);
}

static void send_text(struct play *p, size_t n)
{
	size_t sent = 0;
	enum leat_ret r = leat_send(p->r.c, text + p->out, n, MS, &sent);

	p->out += sent;
	p->left += sent;
	if (r == LEAT_OK)
		note(p, "sent %zu", n);
	else
		note_error(p, "send", LEAT_TX);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static void peer_data(struct play *p, size_t at, size_t n)
{
	rig_put(&p->r, 23, text + at, n, 0);
}

static void peer_record(struct play *p, uint8_t type, const void *b, size_t n)
{
	rig_put(&p->r, type, b, n, 0);
}

static const uint8_t close_notify[] = { 1, 0 };

static void peer_closes(struct play *p)
{
	peer_record(p, 21, close_notify, 2);
}

/* The peer reads the last n bytes of text that were sent and what comes between them; with SIZE_MAX all that
 * comes to the end. A KeyUpdate changes its keys. */
static void peer_takes(struct play *p, size_t n)
{
	size_t at = n == SIZE_MAX ? p->out - p->left : p->out - n, have = 0;
	uint8_t type = 0;
	int got = 0;

	while (have < n && (got = rig_get(&p->r, &type, buf)) >= 0) {
		if (type == 23) {
			assert_true(at + have + (size_t)got <= p->out);
			assert_memory_equal(buf, text + at + have, (size_t)got);
			have += (size_t)got;
		} else if (type == 21 && got == 2) {
			note(p, "peer: alert %u", buf[1]);
		} else if (type == 22 && buf[0] == 24) {
			note(p, "peer: key_update");
			rig_rekey(&p->r, LEAT_RX);
		} else {
			note(p, "peer: type %u, message %u", type, buf[0]);
		}
	}
	p->left -= have;
	if (have)
		note(p, "peer: got %zu", have);
	if (got < 0)
		note(p, got == -2 ? "peer: end" : "peer: bad record");
}

/* The connection is closed, and the peer reads what it was told. */
static void over(struct play *p)
{
	shutdown(p->r.fd, SHUT_WR); /* so that nobody waits for the peer */
	(void)leat_close_timeout(p->r.c, 0, NULL);
	p->r.c = NULL;
	peer_takes(p, SIZE_MAX);
}

/* The peer's engine does all it can; data counts only. For scenes that do not touch the peer's records. */
static void peer_works(struct play *p)
{
	struct leat_engine *e = p->r.e;
	struct leat_span data;
	const uint8_t *out;
	uint8_t *room;
	size_t n;

	for (;;) {
		ssize_t got;

		while (leat_engine_wants(e) & LEAT_WANT_JOB)
			(void)!leat_engine_job_run(e);
		while ((out = leat_engine_out(e, &n))) {
			rig_bytes(&p->r, out, n);
			leat_engine_out_done(e, n);
		}
		leat_engine_data(e, &data);
		if (data.n) {
			note(p, "peer: got %zu", data.n);
			(void)!leat_engine_data_done(e, data.n);
			continue;
		}
		room = leat_engine_in(e, &n);
		got = room ? recv(p->r.fd, room, n, MSG_DONTWAIT) : -1;
		if (got <= 0)
			break;
		(void)!leat_engine_in_done(e, (size_t)got);
	}
	if (leat_engine_wants(e) & LEAT_IS_DEAD)
		note(p, "peer: dead");
}

static void peer_says(struct play *p, size_t at, size_t n)
{
	size_t taken;

	assert_int_equal(leat_engine_write(p->r.e, text + at, n, &taken), LEAT_OK);
	assert_int_equal(taken, n);
	peer_works(p);
}

/* ---- scenes: data and the end ---------------------------------------------------------------- */

static void odd_sizes(struct play *p)
{
	static const size_t sizes[] = { 1, 2, 5, 1000, 16383, 16384, 16385, 32769, 100003 };
	size_t at = 0;

	for (size_t i = 0; i < NUM(sizes); i++) {
		send_text(p, sizes[i]);
		peer_takes(p, sizes[i]);
		for (size_t n = 0; n < sizes[i]; n += 16384)
			peer_data(p, at + n, sizes[i] - n < 16384 ? sizes[i] - n : 16384);
		take(p, sizes[i]);
		at += sizes[i];
	}
	p->seen[0] = '\0'; /* the line would be long */
	note(p, "%zu in, %zu out", p->in, p->out);
}

static void a_file(struct play *p)
{
	char path[] = "/tmp/leat-t-backends-XXXXXX";
	int fd = mkstemp(path);
	off_t at = 3;
	size_t sent = 0;

	assert_true(fd >= 0 && unlink(path) == 0);
	assert_int_equal(write(fd, text, 70001), 70001);
	assert_int_equal(leat_sendfile(p->r.c, fd, &at, 100000, MS, &sent), LEAT_OK);
	close(fd);
	p->out = 3 + sent;
	p->left = sent;
	note(p, "file to %lld", (long long)at);
	peer_takes(p, sent);
	p->out = 0;
	send_text(p, 10);
	peer_takes(p, 10);
}

static void close_from_peer(struct play *p)
{
	peer_data(p, 0, 100);
	peer_closes(p);
	peer_data(p, 100, 50); /* RFC 8446 6.1: ignored */
	take(p, 101);
	take(p, 1);
	send_text(p, 30); /* half-closed: we go on */
	peer_takes(p, 30);
	assert_int_equal(leat_shutdown(p->r.c, SHUT_WR, MS), LEAT_OK);
	peer_takes(p, SIZE_MAX);
}

static void close_from_us(struct play *p)
{
	send_text(p, 20000);
	assert_int_equal(leat_shutdown(p->r.c, SHUT_WR, MS), LEAT_OK);
	peer_takes(p, 20000);
	peer_takes(p, SIZE_MAX);
	peer_data(p, 0, 500); /* half-closed: the peer goes on */
	peer_closes(p);
	take(p, 501);
	send_text(p, 1); /* nothing after close_notify, and no "success" either */
	send_text(p, 1);
}

static void empty_before_close(struct play *p)
{
	rig_put(&p->r, 23, text, 0, 0);
	peer_closes(p);
	shutdown(p->r.fd, SHUT_WR);
	take(p, 1);
}

static void cut_between_records(struct play *p)
{
	peer_data(p, 0, 100);
	shutdown(p->r.fd, SHUT_WR);
	take(p, 101);
	take(p, 1);
}

static void cut_inside(struct play *p, size_t off_end)
{
	size_t n;

	peer_data(p, 0, 100);
	n = rig_seal(&p->r, 23, text + 100, 50, 0, rec);
	rig_bytes(&p->r, rec, off_end < n ? n - off_end : 3);
	shutdown(p->r.fd, SHUT_WR);
	take(p, 101);
}

static void cut_in_record(struct play *p)
{
	cut_inside(p, 1);
}

static void cut_in_header(struct play *p)
{
	cut_inside(p, SIZE_MAX);
}

static void reset_by_peer(struct play *p)
{
	struct linger hard = { 1, 0 };

	peer_data(p, 0, 100);
	take(p, 100);
	setsockopt(p->r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(p->r.fd);
	p->r.fd = -1;
	take(p, 1);
	for (int i = 0; i < 3; i++)
		send_text(p, 10);
}

/* ---- scenes: records ------------------------------------------------------------------------- */

static void forged(struct play *p)
{
	size_t n;

	peer_data(p, 0, 100);
	n = rig_seal(&p->r, 23, text, 100, 0, rec);
	rec[n - 1] ^= 0x10;
	rig_bytes(&p->r, rec, n);
	take(p, 101);
	take(p, 1);
	send_text(p, 1);
	over(p);
}

static void forged_then_closed(struct play *p)
{
	size_t n;

	n = rig_seal(&p->r, 23, text, 100, 0, rec);
	rec[n - 1] ^= 1;
	rig_bytes(&p->r, rec, n);
	take(p, 1);
	rig_bytes(&p->r, text, 50000); /* unread bytes must not make close(2) take the alert away */
	over(p);
}

static void header(struct play *p, const uint8_t b[5])
{
	memset(rec, 0, 5 + 64);
	memcpy(rec, b, 5);
	rig_bytes(&p->r, rec, 5 + 64);
	take(p, 1);
	take(p, 1); /* the kernel would tell it once */
	over(p);
}

static void too_long(struct play *p)
{
	header(p, (const uint8_t[]){ 23, 3, 3, 0x48, 0x01 }); /* 2^14 + 2049 */
}

static void too_short(struct play *p)
{
	header(p, (const uint8_t[]){ 23, 3, 3, 0, 3 });
}

static void other_version(struct play *p)
{
	header(p, (const uint8_t[]){ 23, 3, 2, 0, 64 });
}

static void too_much_content(struct play *p)
{
	rig_put(&p->r, 23, text, 16385, 0);
	take(p, 1);
	over(p);
}

static void full_with_padding(struct play *p)
{
	rig_put(&p->r, 23, text, 16384, 0);
	rig_put(&p->r, 23, text + 16384, 100, 16284);
	take(p, 16484);
}

static void empty_records(struct play *p)
{
	for (int i = 0; i < LIM_EMPTY_RECORDS; i++)
		rig_put(&p->r, 23, text, 0, (size_t)i * 10);
	peer_data(p, 0, 70);
	take(p, 70);
}

static void empty_flood(struct play *p)
{
	for (int i = 0; i < LIM_EMPTY_RECORDS + 1; i++)
		rig_put(&p->r, 23, text, 0, 0);
	peer_data(p, 0, 70);
	take(p, 70);
}

static void one_control(struct play *p, uint8_t type, const void *b, size_t n)
{
	peer_data(p, 0, 10);
	peer_record(p, type, b, n);
	take(p, 11);
	over(p);
}

static void empty_handshake(struct play *p)
{
	one_control(p, 22, NULL, 0);
}

static void empty_alert(struct play *p)
{
	one_control(p, 21, NULL, 0);
}

static void type_20(struct play *p)
{
	one_control(p, 20, "\1", 1);
}

static void type_24(struct play *p)
{
	one_control(p, 24, "x", 1);
}

static void type_99(struct play *p)
{
	one_control(p, 99, "x", 1);
}

static void long_alert(struct play *p)
{
	one_control(p, 21, "\1\0\0", 3);
}

static void two_alerts(struct play *p)
{
	one_control(p, 21, "\1\0\1\0", 4);
}

static void cut_alert(struct play *p)
{
	peer_record(p, 21, "\1", 1);
	one_control(p, 21, "\0", 1);
}

static void fatal_alert(struct play *p)
{
	peer_data(p, 0, 10);
	peer_record(p, 21, "\2\120", 2);
	take(p, 11);
	send_text(p, 1);
}

static void small_buffer(struct play *p)
{
	size_t got;

	peer_data(p, 0, 1);
	peer_closes(p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(leat_recv(p->r.c, buf, 1, MS, &got), LEAT_OK);
		note(p, "got %zu", got);
	}
}

static void cancelled(struct play *p, int times)
{
	for (int i = 0; i < times; i++)
		peer_record(p, 21, "\1\132", 2); /* user_canceled */
	peer_data(p, 0, 10);
	take(p, 10);
	send_text(p, 5);
	if (times <= LIM_WARN_ALERTS)
		peer_takes(p, 5);
	over(p);
}

static void some_warnings(struct play *p)
{
	cancelled(p, LIM_WARN_ALERTS);
}

static void warning_flood(struct play *p)
{
	cancelled(p, LIM_WARN_ALERTS + 1);
}

/* ---- scenes: handshake messages -------------------------------------------------------------- */

static void keep_sessions(struct leat_config *client, struct leat_config *server)
{
	pair_set(client, "session_tickets", "manual");
	pair_set(server, "session_tickets", "stateless");
	pair_set(server, "session_tickets_amount", "0");
}

/* NewSessionTicket, RFC 8446 4.6.1: lifetime, age_add, nonce, ticket, no extensions. */
static const uint8_t ticket[] = { 4, 0, 0, 18, 0, 0, 14, 16, 1, 2, 3, 4, 1, 9, 0, 4, 5, 6, 7, 8, 0,
	0 };

static void count_sessions(struct play *p)
{
	struct leat_session *s;
	unsigned n = 0;

	while ((s = leat_conn_take_session(p->r.c))) {
		leat_session_unref(s);
		n++;
	}
	note(p, "%u sessions", n);
}

static void tickets_in(struct play *p)
{
	uint8_t two[2 * sizeof(ticket)];

	memcpy(two, ticket, sizeof(ticket));
	memcpy(two + sizeof(ticket), ticket, sizeof(ticket));
	peer_record(p, 22, ticket, sizeof(ticket));
	peer_data(p, 0, 100);
	peer_record(p, 22, two, sizeof(two)); /* two in a record */
	peer_data(p, 100, 100);
	peer_record(p, 22, ticket, 3); /* one in three */
	peer_record(p, 22, ticket + 3, 1);
	peer_record(p, 22, ticket + 4, sizeof(ticket) - 4);
	peer_data(p, 200, 100);
	take(p, 300);
	count_sessions(p);
	send_text(p, 9);
	peer_takes(p, 9);
}

static void ticket_flood(struct play *p)
{
	for (int i = 0; i < LIM_POST_MESSAGES; i++)
		peer_record(p, 22, ticket, sizeof(ticket));
	peer_data(p, 0, 10); /* data in between: counted anew */
	take(p, 10);
	for (int i = 0; i < LIM_POST_MESSAGES + 1; i++)
		peer_record(p, 22, ticket, sizeof(ticket));
	take(p, 1);
	over(p);
}

static void ticket_out(struct play *p)
{
	struct leat_session *s;

	note(p, "%d", leat_conn_send_ticket(p->r.c));
	send_text(p, 10);
	note(p, "%d", leat_conn_send_ticket(p->r.c));
	peer_works(p);
	for (unsigned n = 0; (s = leat_engine_take_session(p->r.e)); n++) {
		note(p, "peer: session %u", n);
		leat_session_unref(s);
	}
	peer_says(p, 0, 20);
	take(p, 20);
}

static void ticket_to_server(struct play *p)
{
	one_control(p, 22, ticket, sizeof(ticket));
}

static void data_between_fragments(struct play *p)
{
	peer_record(p, 22, ticket, 3);
	peer_data(p, 0, 100);
	take(p, 1);
	over(p);
}

static void alert_between_fragments(struct play *p)
{
	peer_record(p, 22, ticket, 3);
	peer_closes(p);
	take(p, 1);
	over(p);
}

static void cut_in_message(struct play *p)
{
	peer_record(p, 22, ticket, 3);
	shutdown(p->r.fd, SHUT_WR);
	take(p, 1);
}

static void unknown_message(struct play *p)
{
	one_control(p, 22, "\21\0\0\1x", 5);
}

static void message_too_long(struct play *p)
{
	one_control(p, 22, "\4\377\377\377", 4);
}

static void may_ask(struct leat_config *client, struct leat_config *server)
{
	pair_ask(client, server);
}

static void server_asks(struct play *p)
{
	note(p, "%d", leat_conn_request_auth(p->r.c));
	peer_works(p);
	peer_says(p, 0, 50);
	take(p, 50);
	note(p, "auth %d", leat_conn_auth(p->r.c));
	send_text(p, 7);
	peer_works(p);
}

static void client_is_asked(struct play *p)
{
	assert_int_equal(leat_engine_request_auth(p->r.e), LEAT_OK);
	peer_says(p, 0, 50);
	take(p, 50);
	look(p);
	peer_works(p);
	note(p, "peer: auth %d", leat_engine_auth(p->r.e));
	send_text(p, 7);
	peer_works(p);
}

static void renegotiation(struct play *p)
{
	peer_record(p, 22, "\0\0\0\0", 4); /* HelloRequest */
	peer_data(p, 0, 10);
	take(p, 10);
	send_text(p, 5);
	peer_takes(p, 5);
}

/* ---- scenes: keys ---------------------------------------------------------------------------- */

static const uint8_t update[] = { 24, 0, 0, 1, 0 }, request[] = { 24, 0, 0, 1, 1 };

static void update_in(struct play *p)
{
	peer_data(p, 0, 100);
	peer_record(p, 22, update, sizeof(update));
	rig_rekey(&p->r, LEAT_TX);
	peer_data(p, 100, 50);
	take(p, 150);
	send_text(p, 5);
	over(p);
}

static void update_asked(struct play *p)
{
	peer_record(p, 22, request, sizeof(request));
	rig_rekey(&p->r, LEAT_TX);
	peer_data(p, 0, 50);
	take(p, 50);
	send_text(p, 5);
	over(p);
}

static void update_flood(struct play *p)
{
	for (int i = 0; i < LIM_POST_MESSAGES + 1; i++) {
		peer_record(p, 22, update, sizeof(update));
		rig_rekey(&p->r, LEAT_TX);
	}
	take(p, 1);
	over(p);
}

static void update_not_last(struct play *p)
{
	one_control(p, 22, "\30\0\0\1\0\4", 6);
}

static void update_malformed(struct play *p)
{
	one_control(p, 22, "\30\0\0\1\2", 5);
}

static void update_by_us(struct play *p)
{
	send_text(p, 5);
	note(p, "%s", leat_conn_key_update(p->r.c, false) == LEAT_OK ? "updated" : "unsupported");
	send_text(p, 5);
	over(p);
}

static void update_asked_by_us(struct play *p)
{
	enum leat_ret r = leat_conn_key_update(p->r.c, true);

	note(p, "%s", r == LEAT_OK ? "asked" : "unsupported");
	send_text(p, 5);
	peer_works(p); /* an engine: answers by itself */
	peer_says(p, 0, 40);
	take(p, 40);
}

/* As many records as the keys may protect: few, here. */
static void few_records(struct play *p, uint64_t n)
{
	struct handover *ho = &p->r.c->ho;

	if (handover_is_kernel(ho, LEAT_TX))
		ho->tx_left = n;
	else
		p->r.c->e->rec->tx.limit = p->r.c->e->rec->tx.seq + n;
}

static void keys_used_up(struct play *p)
{
	few_records(p, 4);
	for (int i = 0; i < 4; i++)
		send_text(p, 100);
	over(p);
}

/* ---- running --------------------------------------------------------------------------------- */

#define NO_NEW_KEYS_RX "key_update: the kernel that reads the records cannot change keys"
#define NO_NEW_KEYS_TX "key_update: the kernel that writes the records cannot change keys"
#define V13            "tlsv1.3", "TLS_AES_128_GCM_SHA256"
#define V12            "tlsv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"

static const struct scene {
	const char *name;
	enum leat_role role;
	const char *version, *suite;
	void (*play)(struct play *p);
	rig_tune_fn *tune;
	/* What a kernel forces instead, with RX in it, else with TX in it; NULL: nothing. */
	const char *if_rx, *if_tx;
	bool keys; /* ... and where the kernel changes keys (Linux 6.14 and later) it forces nothing */
} scenes[] = {
	/* clang-format off */
	{ "odd sizes both ways",            LEAT_CLIENT, V13, odd_sizes, NULL, NULL, NULL, false },
	{ "odd sizes both ways, 1.2",       LEAT_SERVER, V12, odd_sizes, NULL, NULL, NULL, false },
	{ "a file, then memory",            LEAT_SERVER, V13, a_file, NULL, NULL, NULL, false },
	{ "close_notify from the peer",     LEAT_CLIENT, V13, close_from_peer, NULL, NULL, NULL, false },
	{ "close_notify from the peer, 1.2", LEAT_CLIENT, V12, close_from_peer, NULL, NULL, NULL, false },
	{ "close_notify from us",           LEAT_SERVER, V13, close_from_us, NULL, NULL, NULL, false },
	{ "close_notify from us, 1.2",      LEAT_SERVER, V12, close_from_us, NULL, NULL, NULL, false },
	{ "empty record, close_notify",     LEAT_CLIENT, V13, empty_before_close, NULL, NULL, NULL, false },
	{ "cut between records",            LEAT_CLIENT, V13, cut_between_records, NULL, NULL, NULL, false },
	{ "cut inside a record",            LEAT_CLIENT, V13, cut_in_record, NULL, NULL, NULL, false },
	{ "cut inside a record, 1.2",       LEAT_CLIENT, V12, cut_in_record, NULL, NULL, NULL, false },
	{ "cut inside a header",            LEAT_CLIENT, V13, cut_in_header, NULL, NULL, NULL, false },
	{ "reset by the peer",              LEAT_CLIENT, V13, reset_by_peer, NULL, NULL, NULL, false },
	{ "forged record",                  LEAT_CLIENT, V13, forged, NULL, NULL, NULL, false },
	{ "forged record, 1.2",             LEAT_SERVER, V12, forged, NULL, NULL, NULL, false },
	{ "forged record, more behind it",  LEAT_SERVER, V13, forged_then_closed, NULL, NULL, NULL, false },
	{ "record too long",                LEAT_CLIENT, V13, too_long, NULL, NULL, NULL, false },
	{ "record too long, 1.2",           LEAT_CLIENT, V12, too_long, NULL, NULL, NULL, false },
	{ "record shorter than its tag",    LEAT_CLIENT, V13, too_short, NULL, NULL, NULL, false },
	{ "record of another version, 1.2", LEAT_CLIENT, V12, other_version, NULL, NULL, NULL, false },
	{ "content too long",               LEAT_CLIENT, V13, too_much_content, NULL, NULL, NULL, false },
	{ "full records, padded",           LEAT_CLIENT, V13, full_with_padding, NULL, NULL, NULL, false },
	{ "empty records",                  LEAT_CLIENT, V13, empty_records, NULL, NULL, NULL, false },
	{ "empty records without end",      LEAT_CLIENT, V13, empty_flood, NULL, "got 70", NULL, false },
	{ "empty handshake record",         LEAT_CLIENT, V13, empty_handshake, NULL, NULL, NULL, false },
	{ "empty handshake record, 1.2",    LEAT_CLIENT, V12, empty_handshake, NULL, NULL, NULL, false },
	{ "empty alert",                    LEAT_CLIENT, V13, empty_alert, NULL, NULL, NULL, false },
	{ "change_cipher_spec inside",      LEAT_CLIENT, V13, type_20, NULL, NULL, NULL, false },
	{ "heartbeat",                      LEAT_CLIENT, V13, type_24, NULL, NULL, NULL, false },
	{ "heartbeat, 1.2",                 LEAT_SERVER, V12, type_24, NULL, NULL, NULL, false },
	{ "unknown type",                   LEAT_SERVER, V13, type_99, NULL, NULL, NULL, false },
	{ "alert of three bytes",           LEAT_CLIENT, V13, long_alert, NULL, NULL, NULL, false },
	{ "two alerts in a record",         LEAT_CLIENT, V13, two_alerts, NULL, NULL, NULL, false },
	{ "alert in two records",           LEAT_CLIENT, V13, cut_alert, NULL, NULL, NULL, false },
	{ "fatal alert from the peer",      LEAT_CLIENT, V13, fatal_alert, NULL, NULL, NULL, false },
	{ "alert through a small buffer",   LEAT_CLIENT, V13, small_buffer, NULL, NULL, NULL, false },
	{ "some warnings",                  LEAT_CLIENT, V13, some_warnings, NULL, NULL, NULL, false },
	{ "warnings without end",           LEAT_CLIENT, V13, warning_flood, NULL, NULL, NULL, false },
	{ "tickets in, packed and cut",     LEAT_CLIENT, V13, tickets_in, keep_sessions, NULL, NULL, false },
	{ "tickets without end",            LEAT_CLIENT, V13, ticket_flood, keep_sessions, NULL, NULL, false },
	{ "tickets out",                    LEAT_SERVER, V13, ticket_out, keep_sessions, NULL, NULL, false },
	{ "ticket to a server",             LEAT_SERVER, V13, ticket_to_server, NULL, NULL, NULL, false },
	{ "data between fragments",         LEAT_CLIENT, V13, data_between_fragments, NULL, NULL, NULL, false },
	{ "alert between fragments",        LEAT_CLIENT, V13, alert_between_fragments, NULL, NULL, NULL, false },
	{ "cut inside a message",           LEAT_CLIENT, V13, cut_in_message, NULL, NULL, NULL, false },
	{ "message nobody sends then",      LEAT_CLIENT, V13, unknown_message, NULL, NULL, NULL, false },
	{ "message too long",               LEAT_CLIENT, V13, message_too_long, NULL, NULL, NULL, false },
	{ "certificate asked for later",    LEAT_SERVER, V13, server_asks, may_ask, NULL, NULL, false },
	{ "asked for our certificate",      LEAT_CLIENT, V13, client_is_asked, may_ask, NULL, NULL, false },
	{ "HelloRequest, 1.2",              LEAT_CLIENT, V12, renegotiation, NULL, NULL, NULL, false },
	{ "KeyUpdate malformed",            LEAT_CLIENT, V13, update_malformed, NULL, NULL, NULL, false },
	{ "KeyUpdate not last",             LEAT_CLIENT, V13, update_not_last, NULL, NULL, NULL, false },
	{ "KeyUpdate in",                   LEAT_CLIENT, V13, update_in, NULL,
		"got 100; recv ends: " NO_NEW_KEYS_RX "; send ends: " NO_NEW_KEYS_RX
		"; peer: alert 0; peer: end", NULL, true },
	{ "KeyUpdate in, answer asked for", LEAT_SERVER, V13, update_asked, NULL,
		"recv ends: " NO_NEW_KEYS_RX "; send ends: " NO_NEW_KEYS_RX "; peer: alert 0; peer: end",
		"recv ends: " NO_NEW_KEYS_TX "; send ends: " NO_NEW_KEYS_TX "; peer: alert 0; peer: end", true },
	{ "KeyUpdates without end",         LEAT_CLIENT, V13, update_flood, NULL,
		"recv ends: " NO_NEW_KEYS_RX "; peer: alert 0; peer: end", NULL, true },
	{ "KeyUpdate by us",                LEAT_CLIENT, V13, update_by_us, NULL, NULL,
		"sent 5; unsupported; sent 5; peer: alert 0; peer: got 10; peer: end", true },
	{ "KeyUpdate by us, answer wanted", LEAT_CLIENT, V13, update_asked_by_us, NULL,
		"unsupported; sent 5; peer: got 5; got 40",
		"unsupported; sent 5; peer: got 5; got 40", true },
	{ "keys used up",                   LEAT_SERVER, V13, keys_used_up, NULL, NULL,
		"sent 100; sent 100; send ends: " ENGINE_KEYS_USED_UP "; send ends: " ENGINE_KEYS_USED_UP
		"; peer: alert 0; peer: got 200; peer: end", true },
	{ "keys used up, 1.2",              LEAT_SERVER, V12, keys_used_up, NULL, NULL, NULL, false },
	/* clang-format on */
};

static const struct column {
	const char *name, *rx, *tx;
} columns[] = {
	{ "user", "user", "user" },
	{ "kernel TX", "user", "kernel" },
	{ "kernel RX", "kernel", "user" },
	{ "both", "kernel", "kernel" },
};

static char results[NUM(scenes)][NUM(columns)][sizeof(((struct play *)0)->seen)];

/* Does the kernel of this run change keys? Then nothing is forced. */
static bool rekeys(void)
{
	const struct leat_ktls_caps *caps = leat_ktls_caps_get();

	return leat_ktls_can_rekey(caps, LEAT_RX) && leat_ktls_can_rekey(caps, LEAT_TX);
}

static void play_one(const struct scene *s, const struct column *col, char *out)
{
	struct rig_opts o = { s->role, s->version, s->suite, col->rx, col->tx, SYS };
	struct leat_conn_info info;
	struct play p = { .in = 0 };

	fakesys_reset();
	if (rekeys())
		fakesys_rekeys();
	rig_connect_tuned(&p.r, &o, s->tune);
	leat_conn_info(p.r.c, &info);
	assert_string_equal(info.rx.backend, col->rx);
	assert_string_equal(info.tx.backend, col->tx);
	s->play(&p);
	memcpy(out, p.seen, sizeof(p.seen));
	rig_close(&p.r);
}

static const char *expected(size_t i, size_t col)
{
	const struct scene *s = &scenes[i];

	if (s->keys && rekeys())
		return results[i][0];
	if (s->if_rx && strcmp(columns[col].rx, "kernel") == 0)
		return s->if_rx;
	if (s->if_tx && strcmp(columns[col].tx, "kernel") == 0)
		return s->if_tx;
	return results[i][0];
}

static void the_same_everywhere(void **state)
{
	size_t i = (size_t)((const struct scene *)*state - scenes);

	for (size_t col = 0; col < NUM(columns); col++) {
		play_one(&scenes[i], &columns[col], results[i][col]);
		if (strcmp(results[i][col], expected(i, col)) != 0)
			fail_msg("%s, %s:\n  saw      %s\n  expected %s", scenes[i].name,
				columns[col].name, results[i][col], expected(i, col));
	}
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + (i >> 8) + (i >> 16));
	return 0;
}

/* One line a scene: what user space saw, and "same" or what a kernel forced instead. */
static void print_table(void)
{
	print_message("\n%-32s %-10s %-10s %-10s %-10s\n", "scene", columns[0].name,
		columns[1].name, columns[2].name, columns[3].name);
	for (size_t i = 0; i < NUM(scenes); i++) {
		print_message("%-32s %-10s", scenes[i].name, results[i][0][0] ? "seen" : "NOT RUN");
		for (size_t col = 1; col < NUM(columns); col++)
			print_message(" %-10s", strcmp(results[i][col], results[i][0]) == 0 ? "same"
						: strcmp(results[i][col], expected(i, col)) == 0
							? "forced"
							: "DIFFERENT");
		print_message(" %s\n", results[i][0]);
		for (size_t col = 1; col < NUM(columns); col++)
			if (strcmp(results[i][col], results[i][0]) != 0)
				print_message(
					"%32s %s: %s\n", "", columns[col].name, results[i][col]);
	}
}

static int teardown(void **state)
{
	(void)state;
	print_table();
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[NUM(scenes)];

	for (size_t i = 0; i < NUM(scenes); i++)
		tests[i] = (struct CMUnitTest){ scenes[i].name, the_same_everywhere, NULL, NULL,
			(void *)&scenes[i] };
	NEED_KTLS();
#ifdef NEW_KERNEL
	leat_ktls_caps_override(&(struct leat_ktls_caps){ .obstacle = KTLS_NONE });
#endif
	return cmocka_run_group_tests(tests, setup, teardown);
}
