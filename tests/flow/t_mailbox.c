/* SPDX-License-Identifier: Apache-2.0
 *
 * t_mailbox.c - owners and active delivery (leat/mailbox.h): what comes when, in which order, to whom, and never
 * twice; owners that change and die; handshakes and accepts through a mailbox; a sender that is faster.
 *
 * REQ: OPT-active MSG-data MSG-closed MSG-error MSG-passive MSG-owner MSG-noextra MSG-order
 * REQ: API-controlling_process API-recv-active ERR-einval OPT-exit_on_close
 * REQ: T-api-controlling_process T-api-active_n T-api-recv_no_active_msg T-api-ssl_recv_timeout
 * REQ: T-tls-closed_in_active_once T-tls-monitor_listener T-basic-user_dies
 * REQ: T-packet-wait T-packet-baddata T-packet-size T-packet-httph_bin_active_once_passive
 * REQ: T-packet-header1_2_active_passive T-packet-raw_0_1_2_4_passive_active_once_many-small_some-big
 * REQ: T-payload-echo T-payload-server_close
 * TIMEOUT: 120
 */
#include "link.h"

#include <leat/app.h>
#include <leat/mailbox.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "duo.h"
#include "pair.h"
#include "pki.h"
#include "sock/mail.h"
#include "tcp.h"

#define MS LINK_MS

static struct link l;
static struct leat_mailbox *box; /* owns the server's end */
static struct leat_event ev;

static struct leat_mailbox *new_box(void)
{
	struct leat_err err = { 0 };
	struct leat_mailbox *m;

	assert_int_equal(leat_mailbox_new(&m, &err), LEAT_OK);
	return m;
}

static void own(struct leat_conn *c, struct leat_mailbox *m, void *tag)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_conn_set_owner(c, m, tag, &err), LEAT_OK);
}

static int setup(void **state)
{
	static const struct link_opts o;

	(void)state;
	link_open(&l, &o);
	box = new_box();
	own(l.c[LEAT_SERVER], box, &l);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (l.c[LEAT_SERVER] && l.c[LEAT_SERVER]->mail)
		own(l.c[LEAT_SERVER], NULL, NULL);
	leat_mailbox_free(box);
	box = NULL;
	link_close(&l);
	return 0;
}

static void set(const char *name, const char *value)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_conn_setopt(l.c[LEAT_SERVER], name, value, &err), LEAT_OK);
}

static void active_is(const char *value)
{
	struct leat_err err = { 0 };
	char buf[20];

	assert_int_equal(
		leat_conn_getopt(l.c[LEAT_SERVER], "active", buf, sizeof(buf), &err), LEAT_OK);
	assert_string_equal(buf, value);
}

static void put(const void *p, size_t n)
{
	assert_int_equal(leat_send(l.c[LEAT_CLIENT], p, n, MS, NULL), LEAT_OK);
}
#define PUT(s) put((s), sizeof(s) - 1)

static bool is_readable(struct leat_mailbox *m)
{
	struct pollfd p = { leat_mailbox_fd(m), POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

/* The next event, which must be there; then so must the descriptor say. */
static void expect_in(struct leat_mailbox *m, enum leat_event_kind kind)
{
	struct leat_err err = { 0 };
	char text[300];

	assert_int_equal(leat_mailbox_next(m, &ev, MS, &err), LEAT_OK);
	if (ev.kind != kind)
		fail_msg("event %d, not %d: %s", ev.kind, kind,
			leat_strerror(&ev.err, text, sizeof(text)));
}

static void expect(enum leat_event_kind kind)
{
	expect_in(box, kind);
	assert_ptr_equal(ev.conn, l.c[LEAT_SERVER]);
	assert_ptr_equal(ev.tag, &l);
}

static void message(const void *p, size_t n)
{
	expect(LEAT_EVENT_MESSAGE);
	assert_int_equal(ev.message.body.n, n);
	assert_memory_equal(ev.message.body.p, p, n);
	if (ev.message.own)
		leat_message_clear(&ev.message);
}
#define MESSAGE(s) message((s), sizeof(s) - 1)

static void quiet_in(struct leat_mailbox *m)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_mailbox_next(m, &ev, 0, &err), LEAT_AGAIN);
	assert_int_equal(ev.kind, LEAT_EVENT_NONE);
	assert_false(is_readable(m));
	assert_int_equal(leat_mailbox_next(m, &ev, 5, &err), LEAT_AGAIN);
}

static void quiet(void)
{
	quiet_in(box);
}

static void shut(void)
{
	assert_int_equal(leat_shutdown(l.c[LEAT_CLIENT], SHUT_WR, MS), LEAT_OK);
}

/* ---- active ------------------------------------------------------------------------------------------- */

static void all_of_them(void **state)
{
	(void)state;
	quiet();
	PUT("one");
	quiet(); /* passive is the default */
	set("active", "true");
	assert_true(is_readable(box));
	MESSAGE("one");
	quiet();
	for (int i = 0; i < 3; i++) {
		PUT("more");
		MESSAGE("more");
	}
	active_is("true");
	shut();
	expect(LEAT_EVENT_CLOSED);
	assert_int_equal(ev.err.cls, LEAT_E_NONE);
	quiet();
	set("active", "once"); /* nor ever again */
	quiet();
	/* we may go on sending */
	link_say(&l, LEAT_SERVER, "still", 5);
}

static void once(void **state)
{
	(void)state;
	set("packet", "1");
	PUT("\1a\1b\1c");
	shut();
	for (int i = 0; i < 3; i++) {
		set("active", "once");
		expect(LEAT_EVENT_MESSAGE);
		assert_int_equal(ev.message.body.p[0], 'a' + i);
		active_is("false");
		quiet();
	}
	set("active", "once"); /* the end came long ago; it is told after the data */
	expect(LEAT_EVENT_CLOSED);
	quiet();
}

static void so_many(void **state)
{
	(void)state;
	set("packet", "1");
	set("active", "3");
	PUT("\1a\1b\1c\1d\1e\1f\1g\1h");
	MESSAGE("a");
	active_is("2");
	set("active", "1");
	active_is("3");
	set("active", "-1");
	active_is("2");
	MESSAGE("b");
	MESSAGE("c");
	active_is("false");
	expect(LEAT_EVENT_PASSIVE);
	quiet();
	/* at 0 or less it is told at once, from passive too */
	set("active", "0");
	expect(LEAT_EVENT_PASSIVE);
	set("active", "5");
	set("active", "-7");
	expect(LEAT_EVENT_PASSIVE);
	quiet();
	/* true, once and false forget what was left and tell nothing */
	set("active", "5");
	set("active", "once");
	MESSAGE("d");
	quiet();
	set("active", "5");
	set("active", "false");
	quiet();
	set("active", "1");
	MESSAGE("e");
	expect(LEAT_EVENT_PASSIVE);
	set("active", "true");
	MESSAGE("f");
	MESSAGE("g");
	MESSAGE("h");
	quiet();
}

static void receiving_is_refused_while_active(void **state)
{
	struct leat_conn *c = l.c[LEAT_SERVER];
	struct leat_message m;
	uint8_t b[10];
	size_t got;

	(void)state;
	for (int i = 0; i < 3; i++) {
		set("active", i == 0 ? "true" : i == 1 ? "once" : "5");
		assert_int_equal(leat_recv(c, b, 1, 0, &got), LEAT_UNSUPPORTED);
		assert_int_equal(leat_recv_exact(c, b, 1, 0, &got), LEAT_UNSUPPORTED);
		assert_int_equal(leat_recv_message(c, &m, 0), LEAT_UNSUPPORTED);
		assert_int_equal(leat_conn_note(c)->cls, LEAT_E_MISUSE);
		assert_int_equal(leat_conn_note(c)->sys, EINVAL);
		assert_int_equal(leat_conn_error(c)->cls, LEAT_E_NONE);
		set("active", "false");
	}
	PUT("x");
	assert_int_equal(leat_recv(c, b, 1, MS, &got), LEAT_OK);
	assert_int_equal(got, 1);
	/* without an owner it has no effect */
	set("active", "true");
	own(c, NULL, NULL);
	PUT("y");
	assert_int_equal(leat_recv(c, b, 1, MS, &got), LEAT_OK);
	own(c, box, &l);
	PUT("z");
	MESSAGE("z");
}

static void a_passive_end_is_told_by_whoever_asks(void **state)
{
	uint8_t b[20];
	size_t got;

	(void)state;
	PUT("hello");
	assert_int_equal(leat_recv_exact(l.c[LEAT_SERVER], b, 11, 20, &got), LEAT_AGAIN);
	PUT(" world");
	assert_int_equal(leat_recv_exact(l.c[LEAT_SERVER], b, 11, MS, &got), LEAT_OK);
	assert_memory_equal(b, "hello world", 11);
	shut();
	quiet(); /* nobody asked */
	assert_int_equal(leat_recv(l.c[LEAT_SERVER], b, 1, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	set("active", "true"); /* told already */
	quiet();
}

/* ---- ends ------------------------------------------------------------------------------------------------ */

/* REQ: T-err-tcp_error_active */
static void ends_and_errors(void **state)
{
	static const struct {
		const char *packet;
		int how;
		enum leat_event_kind kind;
		enum leat_err_class cls;
	} ways[] = {
		{ "0", 0, LEAT_EVENT_CLOSED, LEAT_E_NONE },     /* in order */
		{ "0", 1, LEAT_EVENT_CLOSED, LEAT_E_CLOSED },   /* cut */
		{ "0", 2, LEAT_EVENT_CLOSED, LEAT_E_SYSTEM },   /* reset */
		{ "cdr", 3, LEAT_EVENT_ERROR, LEAT_E_PACKET },  /* no message */
		{ "4", 4, LEAT_EVENT_CLOSED, LEAT_E_CLOSED },   /* the end inside of one */
		{ "0", 5, LEAT_EVENT_ERROR, LEAT_E_OUR_ALERT }, /* no record */
	};
	struct linger hard = { 1, 0 };
	uint8_t junk[100] = { 23, 3, 3, 0, 50 };
	struct leat_err err = { 0 };

	(void)state;
	teardown(NULL);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd;

		setup(NULL);
		fd = leat_conn_fd(l.c[LEAT_CLIENT]);
		set("packet", ways[i].packet);
		set("active", "true");
		if (ways[i].how == 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		switch (ways[i].how) {
		case 0: shut(); break;
		case 1:
		case 2:
			leat_conn_free(l.c[LEAT_CLIENT]);
			l.c[LEAT_CLIENT] = NULL;
			break;
		case 3: PUT("this is no GIOP"); break;
		case 4:
			PUT("\0\0\0\5a");
			shut();
			break;
		default: assert_int_equal(send(fd, junk, 55, 0), 55);
		}
		expect(ways[i].kind);
		assert_int_equal(ev.err.cls, ways[i].cls);
		quiet();
		assert_int_equal(leat_close_timeout(l.c[LEAT_SERVER], 0, &err),
			ways[i].how == 0 || ways[i].how == 4 ? LEAT_OK : LEAT_FAILED);
		l.c[LEAT_SERVER] = NULL;
		err = (struct leat_err){ 0 };
		teardown(NULL);
	}
	setup(NULL);
}

static void data_before_the_end_comes_before_it(void **state)
{
	struct linger hard = { 1, 0 };
	size_t have = 0;
	char b[5000];

	(void)state;
	memset(b, 'x', sizeof(b));
	set("active", "once");
	put(b, sizeof(b));
	put(b, sizeof(b));
	shut();
	setsockopt(leat_conn_fd(l.c[LEAT_CLIENT]), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	while (have < 2 * sizeof(b)) {
		expect(LEAT_EVENT_MESSAGE);
		have += ev.message.body.n;
		set("active", "once");
	}
	expect(LEAT_EVENT_CLOSED);
	quiet();
}

/* ---- framings ---------------------------------------------------------------------------------------------- */

static void incomplete_bad_and_too_long(void **state)
{
	(void)state;
	set("active", "true");
	set("packet", "2");
	PUT("\0\5ab");
	quiet();
	set("active", "once");
	PUT("c");
	quiet();
	PUT("de\0\1f");
	MESSAGE("abcde");
	quiet();
	set("packet",
		"4"); /* nothing of the second is lost: it is read as the type that is set now */
	set("packet", "2");
	set("active", "true");
	MESSAGE("f");
	set("packet_size", "3");
	PUT("\0\4abcd");
	expect(LEAT_EVENT_ERROR);
	assert_int_equal(ev.err.cls, LEAT_E_PACKET);
	quiet();
}

static void headers_and_trailers(const char *active)
{
	set("packet", "1");
	for (int n = 1; n <= 2; n++) {
		set("header", n == 1 ? "1" : "2");
		PUT("\3abc\2ab\1a");
		for (size_t len = 3; len > 0; len--) {
			set("active", active);
			expect(LEAT_EVENT_MESSAGE);
			assert_int_equal(ev.message.head.n, len < (size_t)n ? len : (size_t)n);
			assert_int_equal(ev.message.has_body, len >= (size_t)n);
			assert_int_equal(ev.message.body.n, len - ev.message.head.n);
		}
	}
	set("header", "0");
	for (int k = 0; k < 2; k++) {
		set("packet", k ? "httph_bin" : "httph");
		PUT("Content-Encoding: a\r\n\r\n");
		set("active", active);
		expect(LEAT_EVENT_MESSAGE);
		assert_int_equal(ev.message.unit.field_id, 36);
		set("active", active);
		expect(LEAT_EVENT_MESSAGE);
		assert_int_equal(ev.message.unit.kind, LEAT_UNIT_HTTP_END);
	}
}

static void headers_and_trailers_by_any_means(void **state)
{
	struct leat_message m;

	(void)state;
	headers_and_trailers("true");
	headers_and_trailers("once");
	set("active", "false");
	set("packet", "httph_bin");
	PUT("Content-Encoding: a\r\n\r\n");
	assert_int_equal(leat_recv_message(l.c[LEAT_SERVER], &m, MS), LEAT_OK);
	assert_int_equal(m.unit.field_id, 36);
	assert_int_equal(leat_recv_message(l.c[LEAT_SERVER], &m, MS), LEAT_OK);
	assert_int_equal(m.unit.kind, LEAT_UNIT_HTTP_END);
}

/* What one side sends while the other receives, in one thread: as much as goes at once, by turns. */
struct flow {
	struct leat_span data;
	size_t size;            /* of one message; in raw: of all */
	unsigned num, sent_num; /* messages */
	size_t sent;            /* of the present one */
	size_t got;
	unsigned got_num;
};

static void send_some(struct flow *f)
{
	while (f->sent_num < f->num) {
		size_t n;
		enum leat_ret r = leat_send_message(
			l.c[LEAT_CLIENT], f->data.p + f->sent, f->size - f->sent, 0, &n);

		f->sent += n;
		if (r == LEAT_AGAIN)
			return;
		assert_int_equal(r, LEAT_OK);
		f->sent = 0;
		f->sent_num++;
	}
}

static void took(struct flow *f, const struct leat_message *m, bool raw)
{
	if (!raw)
		assert_int_equal(m->body.n, f->size);
	assert_true(f->got + m->body.n <= f->size);
	assert_memory_equal(m->body.p, f->data.p + f->got, m->body.n);
	f->got += m->body.n;
	if (f->got == f->size) {
		f->got = 0;
		f->got_num++;
	}
}

static void run_flow(struct flow *f, const char *packet, const char *active)
{
	bool raw = strcmp(packet, "0") == 0, passive = strcmp(active, "false") == 0;
	struct leat_err err = { 0 };

	link_set(&l, "packet", packet);
	set("active", active);
	while (f->got_num < f->num) {
		struct leat_message m;

		send_some(f);
		if (passive) {
			enum leat_ret r = leat_recv_message(l.c[LEAT_SERVER], &m, 0);

			assert_int_not_equal(r, LEAT_FAILED);
			if (r == LEAT_OK)
				took(f, &m, raw);
		} else if (leat_mailbox_next(box, &ev, 0, &err) == LEAT_OK) {
			assert_int_equal(ev.kind, LEAT_EVENT_MESSAGE);
			took(f, &ev.message, raw);
			if (strcmp(active, "once") == 0)
				set("active", active);
		}
	}
	set("active", "false");
}

static void every_framing_by_any_means(void **state)
{
	static const char *const packets[] = { "0", "1", "2", "4" };
	static const char *const actives[] = { "true", "once", "false", "2000" };
	struct leat_span data = vec_noise(500000);

	(void)state;
	for (int p = 0; p < 4; p++)
		for (int a = 0; a < 4; a++) {
			struct flow small = { .data = data, .size = 11, .num = 1000 };
			struct flow big = { .data = data,
				.size = p == 1   ? 255
					: p == 2 ? 65535
						 : 500000,
				.num = p == 1 ? 50 : 8 };

			run_flow(&small, packets[p], actives[a]);
			if (a < 3)
				run_flow(&big, packets[p], actives[a]);
		}
	for (size_t i = 0; i < 2; i++) {
		struct flow f = { .data = data, .size = i ? 50000 : 1000, .num = 1 };

		run_flow(&f, "0", "once");
	}
}

static void the_sender_closes_at_once(void **state)
{
	struct leat_span data = vec_noise(500000);
	struct flow f = { .data = data, .size = 500000, .num = 1 };
	struct leat_err err = { 0 };
	bool shut_done = false;

	(void)state;
	set("active", "once");
	for (;;) {
		send_some(&f);
		if (f.sent_num && !shut_done) {
			shut();
			shut_done = true;
		}
		if (leat_mailbox_next(box, &ev, 0, &err) != LEAT_OK)
			continue;
		if (ev.kind == LEAT_EVENT_CLOSED)
			break;
		assert_int_equal(ev.kind, LEAT_EVENT_MESSAGE);
		took(&f, &ev.message, true);
		set("active", "once");
	}
	assert_int_equal(f.got_num, 1);
	assert_int_equal(ev.err.cls, LEAT_E_NONE);
}

static void nothing_is_read_ahead(void **state)
{
	struct leat_conn *s = l.c[LEAT_SERVER];
	uint8_t block[16384] = { 0 };
	size_t sent, all = 0;
	struct leat_err err = { 0 };

	(void)state;
	set("active", "true");
	set("recbuf", "65536");
	/* until the peer's socket is full: the owner does not ask */
	for (int idle = 0; idle < 20;) {
		if (leat_send(l.c[LEAT_CLIENT], block, sizeof(block), 0, &sent) == LEAT_OK)
			idle = 0;
		else
			idle++, usleep(1000);
		all += sent;
		assert_true(all < 64u << 20);
	}
	leat_conn_want_room(l.c[LEAT_CLIENT]); /* without an owner: nothing */
	for (size_t got = 0; got < all; got += ev.message.body.n) {
		assert_int_equal(leat_mailbox_next(box, &ev, MS, &err), LEAT_OK);
		assert_int_equal(ev.kind, LEAT_EVENT_MESSAGE);
		assert_true(s->in.cap <= 65536);
		(void)!leat_send(l.c[LEAT_CLIENT], NULL, 0, 0, NULL);
	}
}

static void room(void **state)
{
	struct leat_conn *s = l.c[LEAT_SERVER];
	uint8_t block[16384] = { 0 };
	size_t sent, got, have = 0, all = 0;
	struct leat_err err = { 0 };

	(void)state;
	for (int idle = 0; idle < 20;) {
		if (leat_send(s, block, sizeof(block), 0, &sent) == LEAT_OK)
			idle = 0;
		else
			idle++, usleep(1000);
		all += sent;
	}
	quiet();
	leat_conn_want_room(s);
	quiet(); /* none yet */
	/* the peer takes what there is; what waits inside goes out first */
	while (leat_mailbox_next(box, &ev, 0, &err) == LEAT_AGAIN)
		if (leat_recv(l.c[LEAT_CLIENT], block, sizeof(block), 0, &got) == LEAT_OK)
			have += got;
	assert_int_equal(ev.kind, LEAT_EVENT_ROOM);
	assert_true(have > 0 && have < all);
	quiet(); /* once */
}

/* ---- owners -------------------------------------------------------------------------------------------------- */

static void ownership_moves(void **state)
{
	struct leat_mailbox *other = new_box();
	int tag;

	(void)state;
	set("packet", "1");
	set("active", "true");
	PUT("\1a\1b\1c");
	MESSAGE("a");
	own(l.c[LEAT_SERVER], other, &tag); /* with b and c in it */
	quiet();
	expect_in(other, LEAT_EVENT_MESSAGE);
	assert_ptr_equal(ev.tag, &tag);
	assert_int_equal(ev.message.body.p[0], 'b');
	own(l.c[LEAT_SERVER], NULL, NULL);
	quiet();
	quiet_in(other);
	own(l.c[LEAT_SERVER], box, &l);
	leat_mailbox_free(other); /* a former owner's death does not matter */
	MESSAGE("c");
	PUT("\1d");
	MESSAGE("d");
}

/* REQ: T-err-controller_dies */
static void owners_die(void **state)
{
	unsigned fds = open_fds();
	struct leat_mailbox *other = new_box();
	struct link more, third;
	static const struct link_opts o;
	struct leat_err err = { 0 };
	uint8_t b[1];
	size_t got;

	(void)state;
	link_open_again(&more, &l, &o);
	link_open_again(&third, &l, &o);
	own(more.c[LEAT_SERVER], other, NULL);
	own(third.c[LEAT_CLIENT], other, NULL);
	leat_mailbox_free(other);
	more.c[LEAT_SERVER] = third.c[LEAT_CLIENT] = NULL;
	/* in order, on both sides */
	assert_int_equal(leat_recv(more.c[LEAT_CLIENT], b, 1, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	assert_int_equal(leat_recv(third.c[LEAT_SERVER], b, 1, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	assert_int_equal(leat_close(more.c[LEAT_CLIENT], &err), LEAT_OK);
	more.c[LEAT_CLIENT] = NULL;
	link_close(&more);
	link_close(&third);
	conn_use(NULL, &duo_env);
	/* others live on */
	set("active", "true");
	PUT("x");
	MESSAGE("x");
	assert_int_equal(open_fds(), fds);
}

static void a_closed_connection_leaves(void **state)
{
	(void)state;
	set("active", "true");
	PUT("x");
	leat_conn_free(l.c[LEAT_SERVER]);
	l.c[LEAT_SERVER] = NULL;
	quiet();
}

struct owner {
	struct leat_mailbox *m;
	pthread_t t;
	unsigned messages, posts;
	atomic_bool closed;
};

static void *owner_main(void *arg)
{
	struct owner *o = arg;
	struct leat_event e;
	struct leat_err err = { 0 };

	while (leat_mailbox_next(o->m, &e, MS, &err) == LEAT_OK) {
		o->messages += e.kind == LEAT_EVENT_MESSAGE;
		o->posts += e.kind == LEAT_EVENT_POSTED;
		if (e.kind == LEAT_EVENT_POSTED && !e.tag)
			break;
		if (e.kind == LEAT_EVENT_CLOSED) {
			atomic_store(&o->closed, true);
			leat_close_timeout(e.conn, 0, NULL);
		}
	}
	return NULL;
}

static void a_thread_that_waits_is_given_a_connection(void **state)
{
	struct owner o = { .m = new_box() };
	struct leat_err err = { 0 };

	(void)state;
	set("packet", "1");
	set("active", "true");
	assert_int_equal(pthread_create(&o.t, NULL, owner_main, &o), 0);
	PUT("\1a\1b\1c");
	MESSAGE("a");
	usleep(20000);
	own(l.c[LEAT_SERVER], o.m, NULL);
	l.c[LEAT_SERVER] = NULL;
	PUT("\1d");
	shut();
	for (int i = 0; i < 100; i++)
		assert_int_equal(leat_mailbox_post(o.m, &o, &err), LEAT_OK);
	usleep(20000);
	for (int i = 0; i < 1000 && !atomic_load(&o.closed); i++)
		usleep(5000);
	assert_int_equal(leat_mailbox_post(o.m, NULL, &err), LEAT_OK);
	assert_int_equal(pthread_join(o.t, NULL), 0);
	assert_int_equal(o.messages, 3);
	assert_int_equal(o.posts, 101);
	assert_true(atomic_load(&o.closed));
	leat_mailbox_free(o.m);
}

static void posts(void **state)
{
	struct leat_err err = { 0 };
	int tags[3];
	unsigned seen = 0;

	(void)state;
	set("packet", "1");
	set("active", "true");
	for (int i = 0; i < 3; i++)
		assert_int_equal(leat_mailbox_post(box, &tags[i], &err), LEAT_OK);
	assert_true(is_readable(box));
	PUT("\1a\1b\1c");
	/* in order, and they do not keep the messages away */
	for (int i = 0; i < 6; i++) {
		assert_int_equal(leat_mailbox_next(box, &ev, MS, &err), LEAT_OK);
		if (ev.kind == LEAT_EVENT_POSTED)
			assert_ptr_equal(ev.tag, &tags[seen++]);
	}
	assert_int_equal(seen, 3);
	quiet();
	assert_int_equal(leat_mailbox_post(box, NULL, &err), LEAT_OK); /* freed with the mailbox */
}

static void they_take_turns(void **state)
{
	static const struct link_opts o;
	unsigned mine = 0, others = 0, before_third = 0;
	struct leat_err err = { 0 };
	struct link more, third;
	uint8_t block[2000];

	(void)state;
	link_open_again(&more, &l, &o);
	link_open_again(&third, &l, &o);
	own(more.c[LEAT_SERVER], box, NULL);
	own(third.c[LEAT_SERVER], box, NULL);
	for (size_t i = 0; i < sizeof(block); i += 2)
		memcpy(block + i, "\1x", 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			leat_conn_setopt(more.c[LEAT_SERVER], "packet", "1", &err), LEAT_OK);
		assert_int_equal(
			leat_conn_setopt(third.c[LEAT_SERVER], "active", "true", &err), LEAT_OK);
	}
	set("packet", "1");
	set("active", "true");
	assert_int_equal(leat_conn_setopt(more.c[LEAT_SERVER], "active", "true", &err), LEAT_OK);
	put(block, sizeof(block));
	assert_int_equal(leat_send(more.c[LEAT_CLIENT], block, sizeof(block), MS, NULL), LEAT_OK);
	for (int i = 0; i < 400; i++) {
		if (i == 100)
			assert_int_equal(
				leat_send(third.c[LEAT_CLIENT], "!", 1, MS, NULL), LEAT_OK);
		assert_int_equal(leat_mailbox_next(box, &ev, MS, &err), LEAT_OK);
		mine += ev.conn == l.c[LEAT_SERVER];
		others += ev.conn == more.c[LEAT_SERVER];
		if (ev.conn == third.c[LEAT_SERVER])
			before_third = (unsigned)i - 100;
	}
	assert_true(mine > 190 && others > 190);
	/* two always have more in memory; the third, whose bytes are in its socket, is not forgotten */
	assert_true(before_third > 0 && before_third < 140);
	link_close(&more);
	link_close(&third);
	conn_use(NULL, &duo_env);
}

/* ---- listeners and handshakes ------------------------------------------------------------------------------- */

static struct leat_listener *listen_in(struct leat_mailbox *m)
{
	struct leat_err err = { 0 };
	struct leat_listener *ls;

	assert_int_equal(leat_listen(&ls, l.cfg[LEAT_SERVER], "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(leat_listener_set_owner(ls, m, ls, &err), LEAT_OK);
	return ls;
}

static int dial(const struct leat_listener *ls)
{
	struct leat_err err = { 0 };
	int fd;

	assert_int_equal(
		leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(ls), MS, &err), LEAT_OK);
	return fd;
}

static struct leat_conn *accepted(struct leat_mailbox *m, const struct leat_listener *ls)
{
	expect_in(m, LEAT_EVENT_ACCEPTED);
	assert_ptr_equal(ev.listener, ls);
	assert_ptr_equal(ev.tag, ls);
	return ev.conn;
}

static void a_server_in_one_thread(void **state)
{
	struct leat_mailbox *m = new_box();
	struct leat_listener *ls = listen_in(m);
	struct leat_conn *c[3], *s[3];
	struct leat_err err = { 0 };
	short events;

	(void)state;
	quiet_in(m);
	assert_int_equal(leat_listener_setopt(ls, "active", "0", &err), LEAT_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			conn_open(&c[i], l.cfg[LEAT_CLIENT], dial(ls), "localhost", &err), LEAT_OK);
		s[i] = accepted(m, ls);
		own(s[i], m, &s[i]);
	}
	quiet_in(m);
	for (int i = 2; i >= 0; i--) { /* all three at the same time, last one first */
		bool up = false;

		while (!up) {
			enum leat_ret r = conn_handshake_some(c[i], &events);

			assert_int_not_equal(r, LEAT_FAILED);
			if (leat_mailbox_next(m, &ev, 0, &err) != LEAT_OK)
				continue;
			assert_int_equal(ev.kind, LEAT_EVENT_UP);
			assert_ptr_equal(ev.conn, s[i]);
			assert_ptr_equal(ev.tag, &s[i]);
			up = true;
		}
		/* what the listener's option says comes true now */
		expect_in(m, LEAT_EVENT_PASSIVE);
		assert_int_equal(leat_conn_setopt(s[i], "active", "true", &err), LEAT_OK);
		assert_int_equal(leat_send(c[i], "hi", 2, MS, NULL), LEAT_OK);
		expect_in(m, LEAT_EVENT_MESSAGE);
		assert_ptr_equal(ev.conn, s[i]);
	}
	/* the listener goes, the connections stay */
	leat_listener_close(ls);
	assert_int_equal(leat_send(c[1], "still", 5, MS, NULL), LEAT_OK);
	expect_in(m, LEAT_EVENT_MESSAGE);
	leat_mailbox_free(m); /* and go with their owner */
	for (int i = 0; i < 3; i++) {
		uint8_t b[1];
		size_t got;

		assert_int_equal(leat_recv(c[i], b, 1, MS, &got), LEAT_OK);
		assert_int_equal(got, 0);
		leat_conn_free(c[i]);
	}
}

static void an_owner_that_dies_in_a_handshake(void **state)
{
	unsigned fds = open_fds();
	struct leat_mailbox *m = new_box();
	struct leat_listener *ls = listen_in(m);
	int fd = dial(ls);
	uint8_t b[100];

	(void)state;
	own(accepted(m, ls), m, NULL);
	quiet_in(m);
	leat_mailbox_free(m); /* and its listener with it */
	tcp_nonblock(fd);
	assert_int_equal(tcp_read_to_end(fd, b, sizeof(b)), 0);
	close(fd);
	assert_int_equal(open_fds(), fds);
}

static void handshakes_fail(void **state)
{
	struct leat_mailbox *m = new_box();
	struct leat_listener *ls = listen_in(m);
	struct leat_conn *c;
	uint8_t b[100];

	(void)state;
	for (int way = 0; way < 2; way++) {
		int fd = dial(ls);

		own(accepted(m, ls), m, NULL);
		if (way == 0)
			assert_true(tcp_write_all(fd, "GET / HTTP/1.0\r\n\r\n", 18));
		else
			close(fd);
		expect_in(m, LEAT_EVENT_ERROR);
		assert_int_equal(ev.err.cls, way == 0 ? LEAT_E_OUR_ALERT : LEAT_E_CLOSED);
		c = ev.conn;
		quiet_in(m);
		leat_conn_free(c);
		if (way == 0) {
			assert_true(tcp_read_all(fd, b, 7)); /* the alert arrived */
			assert_int_equal(b[0], 21);
			close(fd);
		}
	}
	leat_mailbox_free(m);
}

/* The peer of a connection that ended with our alert has alert_timeout to read it, though it goes on talking; the owner
 * waits for none of that, and others are served meanwhile.  REQ: ENV-alert_timeout */
static void alerts_can_be_read(void **state)
{
	struct leat_mailbox *m = new_box();
	struct leat_listener *ls = listen_in(m);
	unsigned fds = open_fds();
	struct leat_err err = { 0 };
	uint8_t b[100] = { 0 };
	int64_t begun;
	int fd[3], other;

	(void)state;
	assert_int_equal(leat_app_set("alert_timeout", "400", &err), LEAT_OK);
	begun = sys_real.now_ms();
	for (int i = 0; i < 3; i++) { /* stays, closes, talks without end */
		fd[i] = dial(ls);
		own(accepted(m, ls), m, NULL);
		assert_true(tcp_write_all(fd[i], "GET / HTTP/1.0\r\n\r\n", 18));
		for (int more = 0; more < 100; more++)
			assert_true(tcp_write_all(fd[i], b, sizeof(b)));
		expect_in(m, LEAT_EVENT_ERROR);
		if (i == 0)
			leat_conn_free(ev.conn);
		else
			(void)leat_close(ev.conn, NULL);
	}
	assert_in_range(sys_real.now_ms() - begun, 0, 300);
	assert_int_equal(open_fds(), fds + 6);
	assert_int_equal(close(fd[1]), 0);
	quiet_in(m);
	assert_int_equal(open_fds(), fds + 4);
	/* a newcomer is served */
	other = dial(ls);
	leat_conn_free(accepted(m, ls));
	close(other);
	while (sys_real.now_ms() - begun < 380) {
		(void)!send(fd[2], b, sizeof(b), MSG_NOSIGNAL | MSG_DONTWAIT);
		assert_int_equal(leat_mailbox_next(m, &ev, 1, &err), LEAT_AGAIN);
	}
	assert_int_equal(open_fds(), fds + 4);
	for (int i = 0; i < 3; i += 2) {
		assert_true(tcp_read_all(fd[i], b, 7));
		assert_int_equal(b[0], 21);
	}
	/* its descriptor wakes the owner when the time is over */
	assert_int_equal(leat_mailbox_next(m, &ev, 1000, &err), LEAT_AGAIN);
	assert_int_equal(open_fds(), fds + 2);
	close(fd[0]);
	close(fd[2]);
	/* the end of the mailbox is the end of them; 0 waits for nobody */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(leat_app_set("alert_timeout", i ? "0" : "60000", &err), LEAT_OK);
		fd[0] = dial(ls);
		own(accepted(m, ls), m, NULL);
		assert_true(tcp_write_all(fd[0], "GET / HTTP/1.0\r\n\r\n", 18));
		expect_in(m, LEAT_EVENT_ERROR);
		leat_conn_free(ev.conn);
		assert_int_equal(open_fds(), fds + (i ? 1 : 2));
		if (!i)
			leat_mailbox_free(m);
		close(fd[0]);
		if (!i)
			fds = (m = new_box(), ls = listen_in(m), open_fds());
	}
	leat_mailbox_free(m);
	assert_int_equal(leat_app_set("alert_timeout", "", &err), LEAT_OK);
}

static int64_t clock_is_off;

static int64_t other_now(void)
{
	return sys_real.now_ms() + clock_is_off;
}

static void handshakes_take_too_long(void **state)
{
	struct leat_mailbox *m = new_box();
	struct leat_listener *ls = listen_in(m);
	struct leat_sys sys = sys_real;
	struct leat_conn *c[2];
	int fd[2];

	(void)state;
	sys.now_ms = other_now;
	conn_use(&sys, &duo_env);
	for (int i = 0; i < 2; i++) {
		fd[i] = dial(ls);
		c[i] = accepted(m, ls);
		clock_is_off = i ? 0 : 60 - LEAT_HANDSHAKE_WAIT_MS; /* the first has 60 ms */
		own(c[i], m, NULL);
		clock_is_off = 0;
	}
	conn_use(NULL, &duo_env);
	expect_in(m, LEAT_EVENT_ERROR);
	assert_ptr_equal(ev.conn, c[0]);
	assert_int_equal(ev.err.cls, LEAT_E_TIMEOUT);
	quiet_in(m);
	leat_conn_free(c[0]);
	leat_conn_free(c[1]);
	close(fd[0]);
	close(fd[1]);
	leat_mailbox_free(m);
}

/* Without descriptors left a listener rests, and does not tell again and again. */
static void accept_fails(void **state)
{
	struct rlimit before, none;
	struct leat_mailbox *m = new_box();
	struct leat_listener *ls = listen_in(m);
	struct leat_err err = { 0 };
	int fd = dial(ls);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_in(m, LEAT_EVENT_ERROR);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_ptr_equal(ev.listener, ls);
	assert_null(ev.conn);
	assert_int_equal(ev.err.sys, EMFILE);
	quiet_in(m);
	assert_int_equal(leat_listener_set_owner(ls, m, ls, &err), LEAT_OK);
	leat_conn_free(accepted(m, ls));
	close(fd);
	leat_mailbox_free(m);
}

static void memory_and_descriptors_fail(void **state)
{
	unsigned fds = open_fds();
	struct rlimit before, none;
	struct leat_err err = { 0 };
	struct leat_mailbox *m;
	struct leat_conn *c = l.c[LEAT_SERVER];

	(void)state;
	leat_mem_fail_at(1);
	assert_int_equal(leat_mailbox_new(&m, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	assert_null(m);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	for (rlim_t n = 3; n < 6; n++) {
		err = (struct leat_err){ 0 };
		none.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		assert_int_equal(leat_mailbox_new(&m, &err), LEAT_FAILED);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(err.cls, LEAT_E_SYSTEM);
	}
	err = (struct leat_err){ 0 };
	leat_mem_fail_at(1);
	assert_int_equal(leat_mailbox_post(box, NULL, &err), LEAT_FAILED);
	err = (struct leat_err){ 0 };
	leat_mem_fail_at(1);
	assert_int_equal(leat_conn_set_owner(c, box, NULL, &err), LEAT_FAILED);
	leat_mem_fail_at(0);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	quiet();
	err = (struct leat_err){ 0 };
	own(c, box, &l); /* nothing is wrong with it */
	set("active", "true");
	PUT("x");
	leat_mem_fail_at(1);
	expect(LEAT_EVENT_ERROR);
	leat_mem_fail_at(0);
	assert_int_equal(ev.err.cls, LEAT_E_MEMORY);
	assert_int_equal(open_fds(), fds);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static int done(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_them),
		TEST(once),
		TEST(so_many),
		TEST(receiving_is_refused_while_active),
		TEST(a_passive_end_is_told_by_whoever_asks),
		TEST(ends_and_errors),
		TEST(data_before_the_end_comes_before_it),
		TEST(incomplete_bad_and_too_long),
		TEST(headers_and_trailers_by_any_means),
		TEST(every_framing_by_any_means),
		TEST(the_sender_closes_at_once),
		TEST(nothing_is_read_ahead),
		TEST(room),
		TEST(ownership_moves),
		TEST(owners_die),
		TEST(a_closed_connection_leaves),
		TEST(a_thread_that_waits_is_given_a_connection),
		TEST(posts),
		TEST(they_take_turns),
		TEST(a_server_in_one_thread),
		TEST(an_owner_that_dies_in_a_handshake),
		TEST(handshakes_fail),
		TEST(alerts_can_be_read),
		TEST(handshakes_take_too_long),
		TEST(accept_fails),
		TEST(memory_and_descriptors_fail),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
