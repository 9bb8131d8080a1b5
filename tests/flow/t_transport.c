/* SPDX-License-Identifier: Apache-2.0
 *
 * t_transport.c - TLS over a transport of the application (leat/transport.h): everything that works over TCP works over
 * it, whatever pieces it moves; what it answers is believed as far as it can be, and its failures are told by name.
 *
 * REQ: GEN-transport-plug TYPE-transportoption OPT-cb_info OPT-cb_info-datatag OPT-cb_info-closedtag
 * REQ: OPT-cb_info-errtag OPT-cb_info-bad T-api-cb_info
 */
#include "link.h"

#include <leat/mailbox.h>

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duo.h"
#include "fakestream.h"
#include "pair.h"
#include "pki.h"

#define MS LINK_MS

static struct leat_config *config_with(enum leat_role role, const struct leat_transport *t)
{
	struct leat_config *c = role == LEAT_CLIENT ? pair_client_config()
						    : pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_set_transport(c, t, NULL, &err), LEAT_OK);
	return c;
}

static struct leat_config *frozen(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

static struct leat_config *cfg[2]; /* frozen, over the fake transport */

static int setup(void **state)
{
	(void)state;
	fakestream_reset();
	conn_use(NULL, &duo_env);
	for (int i = 0; i < 2; i++)
		cfg[i] = frozen(config_with((enum leat_role)i, &fakestream));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		leat_config_unref(cfg[i]);
	conn_use(NULL, NULL);
	return fakestream_open() == 0 ? 0 : -1; /* nothing is left open, whatever happened */
}

/* ---- two ends ------------------------------------------------------------------------------------------ */

struct serving {
	struct leat_listener *l;
	struct leat_conn *c;
	enum leat_ret r;
};

static void *serve_main(void *arg)
{
	struct serving *s = arg;
	struct leat_err err = { 0 };

	s->r = leat_accept(s->l, &s->c, MS, &err);
	if (s->r == LEAT_OK)
		s->r = leat_handshake(s->c, MS);
	return NULL;
}

/* A client that dials and a server that accepts, both up. */
static void connect_both(struct leat_listener *l, struct leat_conn *c[2])
{
	struct serving s = { .l = l };
	struct leat_err err = { 0 };
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, serve_main, &s), 0);
	assert_int_equal(
		leat_connect(&c[LEAT_CLIENT], cfg[LEAT_CLIENT], "localhost", 4711, MS, &err),
		LEAT_OK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(s.r, LEAT_OK);
	c[LEAT_SERVER] = s.c;
}

static struct leat_listener *listen_here(void)
{
	struct leat_listener *l;
	struct leat_err err = { 0 };

	assert_int_equal(leat_listen(&l, cfg[LEAT_SERVER], NULL, 0, &err), LEAT_OK);
	assert_int_equal(leat_listener_port(l), 4711);
	assert_int_equal(leat_listener_fd(l), -1);
	return l;
}

static void says(struct leat_conn *from, struct leat_conn *to, const void *p, size_t n)
{
	uint8_t *b = malloc(n);
	size_t done = 0, sent = 0, got;

	assert_non_null(b);
	while (done < n) {
		if (sent < n) {
			size_t more;

			assert_int_not_equal(
				leat_send(from, (const uint8_t *)p + sent, n - sent, 0, &more),
				LEAT_FAILED);
			sent += more;
		} else {
			assert_int_not_equal(leat_send(from, NULL, 0, 0, NULL), LEAT_FAILED);
		}
		assert_int_not_equal(leat_recv(to, b + done, n - done, 0, &got), LEAT_FAILED);
		done += got;
	}
	assert_memory_equal(b, p, n);
	free(b);
}

static void close_both(struct leat_conn *c[2])
{
	assert_int_equal(leat_shutdown(c[0], SHUT_WR, MS), LEAT_OK);
	assert_int_equal(leat_close(c[1], NULL), LEAT_OK);
	assert_int_equal(leat_close(c[0], NULL), LEAT_OK);
}

/* ---- it works -------------------------------------------------------------------------------------------- */

static void dial_accept_talk_close(void **state)
{
	static const size_t pieces[] = { 0, 1, 7, 1000 };
	struct leat_span data = vec_noise(60000);

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct leat_listener *l = listen_here();
		struct leat_conn_info info;
		struct leat_conn *c[2];

		fakestream_reset();
		fakestream_short(pieces[i]);
		connect_both(l, c);
		for (int side = 0; side < 2; side++) {
			says(c[side], c[!side], data.p, pieces[i] == 1 ? 500 : data.n);
			leat_conn_info(c[side], &info);
			assert_string_equal(info.tx.why, "custom_transport");
			assert_string_equal(info.rx.backend, "user");
			assert_int_equal(leat_conn_fd(c[side]), -1);
		}
		close_both(c);
		leat_listener_close(l);
	}
}

/* A stream that exists already becomes TLS, with the bytes of it that were read, and plain again. */
static void upgrade_and_downgrade(void **state)
{
	struct leat_conn *c[2];
	struct leat_plain plain;
	struct leat_err err = { 0 };
	struct leat_client_opts co = { .host = "localhost" };
	struct conn_opts so = { .via = { &fakestream, NULL } };
	short events;
	void *it[2];
	char b[8];

	(void)state;
	fakestream_pair(it);
	co.stream = it[0];
	so.via.it = it[1];
	assert_int_equal(conn_open_with(&c[1], cfg[LEAT_SERVER], -1, &so, &err), LEAT_OK);
	so = (struct conn_opts){ .client = co, .via = { &fakestream, it[0] } };
	assert_int_equal(conn_open_with(&c[0], cfg[LEAT_CLIENT], -1, &so, &err), LEAT_OK);
	for (int turns = 0; turns < 50 && !(c[0]->up && c[1]->up); turns++)
		for (int i = 0; i < 2; i++)
			assert_int_not_equal(conn_handshake_some(c[i], &events), LEAT_FAILED);
	says(c[0], c[1], "secret", 6);
	assert_int_equal(conn_end_tx(c[1], false, DEADLINE_NEVER), LEAT_OK);
	assert_int_equal(leat_downgrade(c[0], MS, &plain, &err), LEAT_OK);
	assert_int_equal(plain.fd, -1);
	assert_ptr_equal(plain.stream, it[0]);
	/* the other end reads the close_notify, then what is plain */
	assert_int_equal(fakestream.send(plain.stream, "plain", 5), 5);
	assert_int_equal(conn_await_end(c[1], conn_deadline(c[1], MS)), LEAT_OK);
	assert_true(fakestream.recv(it[1], b, sizeof(b)) == 5 || leat_engine_left(c[1]->e).n == 5);
	leat_conn_free(c[1]);
	fakestream.close(it[0]);
}

/* leat_upgrade_*_with take a stream instead of a descriptor; KEEP_FD leaves it open where nothing came of it. */
static void upgrades_take_streams(void **state)
{
	const struct leat_server_opts none = { .stream = NULL };
	struct leat_config *tcp = frozen(pair_server_config(KEY_EC_P256));
	struct leat_server_opts so;
	struct leat_conn *c;
	struct leat_err err = { 0 };
	void *it[2];
	int fd[2];

	(void)state;
	fakestream_pair(it);
	so = (struct leat_server_opts){ .stream = it[0] };
	assert_int_equal(
		leat_upgrade_server_with(&c, cfg[LEAT_SERVER], -1, &so, LEAT_KEEP_FD, 0, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
	assert_int_equal(fakestream_open(), 2);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_upgrade_server_with(&c, cfg[LEAT_SERVER], -1, &so, 0, 0, &err), LEAT_FAILED);
	assert_int_equal(fakestream_open(), 1);
	/* neither, both, or one that the config does not know */
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_upgrade_server_with(&c, cfg[LEAT_SERVER], -1, &none, 0, 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_int_equal(pipe(fd), 0);
	so.stream = it[1];
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_upgrade_server_with(&c, tcp, fd[0], &so, 0, 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_upgrade_server_with(&c, cfg[LEAT_SERVER], fd[1], &so, 0, 0, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(tcp);
}

static void options_go_to_the_transport(void **state)
{
	static const struct leat_sockopt ours[] = { { "packet", "2" }, { "color", "blue" } };
	static const struct leat_sockopt bad[] = { { "shape", "round" } };
	const struct leat_listen_opts lo = { .sockopts = ours, .num_sockopts = 2 };
	const struct leat_client_opts co = {
		.host = "localhost", .sockopts = bad, .num_sockopts = 1
	};
	struct sockaddr_storage name;
	struct leat_listener *l;
	struct leat_conn *c[2];
	struct leat_err err = { 0 };
	char v[16];

	(void)state;
	assert_int_equal(leat_listen_with(&l, cfg[LEAT_SERVER], &lo, &err), LEAT_OK);
	assert_int_equal(leat_listener_getopt(l, "color", v, sizeof(v), &err), LEAT_OK);
	assert_string_equal(v, "blue");
	assert_int_equal(leat_listener_setopt(l, "color", "red", &err), LEAT_OK);
	assert_int_equal(leat_listener_sockname(l, &name, &err), LEAT_OK);
	assert_int_equal(name.ss_family, AF_UNIX);
	assert_int_equal(leat_connect_with(&c[0], cfg[LEAT_CLIENT], 1, &co, MS, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SOCKOPT);
	assert_int_equal(err.sys, ENOPROTOOPT);
	assert_string_equal(err.detail, "shape=round");
	fakestream_reset();
	/* the one that was refused is in the queue */
	assert_int_equal(leat_accept(l, &c[0], 0, &err), LEAT_OK);
	leat_conn_free(c[0]);
	connect_both(l, c);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_conn_getopt(c[LEAT_SERVER], "packet", v, sizeof(v), &err), LEAT_OK);
	assert_string_equal(v, "2");
	assert_int_equal(leat_conn_setopt(c[LEAT_SERVER], "nodelay", "true", &err), LEAT_FAILED);
	assert_int_equal(err.sys, ENOPROTOOPT);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_conn_getopt(c[LEAT_SERVER], "nodelay", v, sizeof(v), &err), LEAT_FAILED);
	assert_int_equal(leat_conn_setopt(c[LEAT_SERVER], "port", "1", &err), LEAT_FAILED);
	assert_int_equal(leat_peername(c[LEAT_SERVER], &name, &err), LEAT_OK);
	assert_int_equal(leat_sockname(c[LEAT_SERVER], &name, &err), LEAT_OK);
	assert_int_equal(name.ss_family, AF_UNIX);
	close_both(c);
	leat_listener_close(l);
}

static void a_stopped_listener_says_so(void **state)
{
	struct leat_listener *l = listen_here();
	struct leat_conn *c;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_accept(l, &c, 5, &err), LEAT_AGAIN);
	leat_listener_stop(l);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_CLOSED);
	leat_listener_close(l);
}

/* ---- mailboxes -------------------------------------------------------------------------------------------- */

static void next_is(struct leat_mailbox *m, struct leat_event *ev, enum leat_event_kind kind)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_mailbox_next(m, ev, MS, &err), LEAT_OK);
	assert_int_equal(ev->kind, kind);
}

/* Accept, handshake, messages, and the two ends of a stream, by events with the transport's words. */
static void events_carry_the_tags(void **state)
{
	struct leat_listener *l = listen_here();
	struct leat_conn *c[2];
	struct leat_mailbox *m;
	struct leat_event ev;
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_mailbox_new(&m, &err), LEAT_OK);
	for (int end = 0; end < 3; end++) {
		connect_both(l, c);
		assert_int_equal(leat_conn_set_owner(c[LEAT_SERVER], m, NULL, &err), LEAT_OK);
		assert_int_equal(leat_conn_setopt(c[LEAT_SERVER], "active", "true", &err), LEAT_OK);
		assert_int_equal(leat_send(c[LEAT_CLIENT], "hello", 5, MS, NULL), LEAT_OK);
		next_is(m, &ev, LEAT_EVENT_MESSAGE);
		assert_string_equal(ev.transport_tag, "fake");
		assert_memory_equal(ev.message.body.p, "hello", 5);
		assert_int_equal(leat_mailbox_next(m, &ev, 5, &err), LEAT_AGAIN);
		if (end == 0) {
			shutdown(fakestream_fd(c[LEAT_CLIENT]->via.it), SHUT_WR);
			next_is(m, &ev, LEAT_EVENT_CLOSED);
			assert_string_equal(ev.transport_tag, "fake_closed");
		} else if (end == 1) {
			fakestream_answer(STREAM_RECV, 1, -EIO);
			assert_int_equal(leat_send(c[LEAT_CLIENT], "x", 1, MS, NULL), LEAT_OK);
			next_is(m, &ev, LEAT_EVENT_CLOSED);
			assert_string_equal(ev.transport_tag, "fake_error");
			assert_int_equal(ev.err.sys, EIO);
		} else {
			assert_int_equal(leat_shutdown(c[LEAT_CLIENT], SHUT_WR, MS), LEAT_OK);
			next_is(m, &ev, LEAT_EVENT_CLOSED);
			assert_null(ev.transport_tag); /* TLS said it, not the transport */
		}
		leat_conn_free(c[0]);
		leat_conn_free(c[1]);
	}
	leat_listener_close(l);
	leat_mailbox_free(m);
}

static void a_mailbox_accepts_and_shakes_hands(void **state)
{
	struct leat_listener *l = listen_here();
	struct leat_conn *c[2] = { NULL, NULL };
	const struct conn_opts none = { .via = { &fakestream, NULL } };
	struct conn_opts co = none;
	struct leat_mailbox *m;
	struct leat_event ev;
	struct leat_err err = { 0 };
	bool up = false;

	(void)state;
	assert_int_equal(leat_mailbox_new(&m, &err), LEAT_OK);
	assert_int_equal(leat_listener_set_owner(l, m, NULL, &err), LEAT_OK);
	assert_int_equal(leat_mailbox_next(m, &ev, 5, &err), LEAT_AGAIN);
	assert_int_equal(fakestream.connect(NULL, &co.via.it, "here", 1, 0), 0);
	co.client.host = "localhost";
	assert_int_equal(conn_open_with(&c[0], cfg[LEAT_CLIENT], -1, &co, &err), LEAT_OK);
	next_is(m, &ev, LEAT_EVENT_ACCEPTED);
	c[1] = ev.conn;
	for (int i = 0; i < 2; i++)
		assert_int_equal(leat_conn_set_owner(c[i], m, &c[i], &err), LEAT_OK);
	for (int i = 0; i < 2; i++) {
		next_is(m, &ev, LEAT_EVENT_UP);
		up = true;
	}
	assert_true(up);
	says(c[0], c[1], "through", 7);
	/* full, and then not: POLLOUT is watched for as well */
	while (leat_send(c[0], "0123456789abcdef", 16, 0, NULL) == LEAT_OK)
		;
	leat_conn_want_room(c[0]);
	assert_int_equal(leat_mailbox_next(m, &ev, 5, &err), LEAT_AGAIN);
	assert_int_equal(leat_conn_setopt(c[1], "active", "true", &err), LEAT_OK);
	do
		assert_int_equal(leat_mailbox_next(m, &ev, MS, &err), LEAT_OK);
	while (ev.kind == LEAT_EVENT_MESSAGE);
	assert_int_equal(ev.kind, LEAT_EVENT_ROOM);
	leat_mailbox_free(m); /* its death closes them all */
}

/* A transport that cannot be watched: told when the owner is set, and the connection is the caller's still. */
static void what_cannot_be_watched_has_no_owner(void **state)
{
	struct leat_listener *l = listen_here();
	struct leat_mailbox *m;
	struct leat_conn *c[2];
	struct leat_err err = { 0 };

	(void)state;
	connect_both(l, c);
	assert_int_equal(leat_mailbox_new(&m, &err), LEAT_OK);
	assert_int_equal(leat_conn_setopt(c[0], "active", "true", &err), LEAT_OK);
	fakestream_answer(STREAM_WATCH, 1, -EOPNOTSUPP);
	assert_int_equal(leat_conn_set_owner(c[0], m, NULL, &err), LEAT_FAILED);
	assert_int_equal(err.sys, EOPNOTSUPP);
	says(c[1], c[0], "still", 5);
	close_both(c);
	leat_mailbox_free(m);
	leat_listener_close(l);
}

/* ---- what is refused ---------------------------------------------------------------------------------------- */

/* Each function by turns is missing: the freeze names it, before anything is called. */
static void a_function_that_is_missing_is_named(void **state)
{
	static const char *const names[] = { "connect", "listen", "accept", "send", "recv", "wait",
		"watch", "shutdown", "close", "setopt", "getopt", "peername", "sockname", "port" };
	const size_t first = offsetof(struct leat_transport, connect), num = 14;

	(void)state;
	assert_int_equal(sizeof(struct leat_transport), first + num * sizeof(void (*)(void)));
	for (size_t i = 0; i < num; i++)
		for (int role = 0; role < 2; role++) {
			struct leat_transport t = fakestream;
			struct leat_config *c;
			struct leat_err err = { 0 };
			char text[300];

			memset((char *)&t + first + i * sizeof(void (*)(void)), 0,
				sizeof(void (*)(void)));
			c = config_with((enum leat_role)role, &t);
			assert_int_equal(leat_config_freeze(c, &err), LEAT_FAILED);
			assert_int_equal(err.cls, LEAT_E_OPTION);
			assert_string_equal(err.option, "cb_info");
			assert_string_equal(err.detail, names[i]);
			assert_non_null(strstr(leat_strerror(&err, text, sizeof(text)), "lacks"));
			leat_config_unref(c);
		}
	assert_int_equal(fakestream_calls(STREAM_CONNECT) + fakestream_calls(STREAM_LISTEN), 0);
}

static void the_option_by_text(void **state)
{
	struct leat_config *c = config_with(LEAT_SERVER, &fakestream);
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_config_set(c, "cb_info", "gen_udp", &err), LEAT_FAILED);
	assert_string_equal(err.option, "cb_info");
	err = (struct leat_err){ 0 };
	pair_set(c, "cb_info", "gen_tcp");
	assert_null(c->transport);
	frozen(c);
	assert_int_equal(leat_config_set_transport(c, &fakestream, NULL, &err), LEAT_FAILED);
	leat_config_unref(c);
}

/* The kernel protects records of TCP sockets only: who demands it is refused before a byte moves. */
static void kernel_records_are_refused_by_name(void **state)
{
	struct leat_config *c = config_with(LEAT_CLIENT, &fakestream);
	struct leat_client_opts co = { .host = "localhost" };
	struct leat_conn *conn;
	struct leat_err err = { 0 };
	char text[300];
	void *it[2];

	(void)state;
	pair_set(c, "records", "kernel");
	frozen(c);
	fakestream_pair(it);
	co.stream = it[0];
	assert_int_equal(leat_upgrade_client_with(&conn, c, -1, &co, 0, MS, &err), LEAT_FAILED);
	assert_string_equal(err.option, "records");
	assert_non_null(strstr(leat_strerror(&err, text, sizeof(text)), "not a TCP socket"));
	assert_int_equal(fakestream_calls(STREAM_SEND), 0);
	fakestream.close(it[1]);
	leat_config_unref(c);
}

static void a_listener_keeps_its_transport(void **state)
{
	struct leat_config *tcp = frozen(pair_server_config(KEY_EC_P256));
	struct leat_listener *l = listen_here();
	struct leat_err err = { 0 };

	(void)state;
	assert_int_equal(leat_listener_set_config(l, tcp, &err), LEAT_FAILED);
	assert_string_equal(err.option, "cb_info");
	assert_int_equal(leat_listener_set_config(l, cfg[LEAT_SERVER], &err), LEAT_OK);
	leat_listener_close(l);
	leat_config_unref(tcp);
}

/* ---- what fails, and what lies ------------------------------------------------------------------------------- */

/* Making a stream or a listener: by name, with what the transport said, nothing left open. */
static void making_one_fails(void **state)
{
	static const struct leat_sockopt color[] = { { "color", "green" } };
	const struct leat_listen_opts lo = { .sockopts = color, .num_sockopts = 1 };
	static const struct {
		enum fakestream_call call;
		int answer;
	} at_listen[] = { { STREAM_LISTEN, -EADDRINUSE }, { STREAM_PORT, -EIO },
		{ STREAM_SETOPT, -EPERM } };
	struct leat_listener *l;
	struct leat_conn *c;
	struct leat_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		err = (struct leat_err){ 0 };
		fakestream_answer(at_listen[i].call, 1, at_listen[i].answer);
		assert_int_equal(leat_listen_with(&l, cfg[LEAT_SERVER], &lo, &err), LEAT_FAILED);
		assert_int_equal(err.sys, -at_listen[i].answer);
		assert_int_equal(fakestream_open(), 0);
	}
	for (int late = 0; late < 2; late++) {
		err = (struct leat_err){ 0 };
		fakestream_answer(STREAM_CONNECT, 1, late ? -ETIMEDOUT : -EHOSTUNREACH);
		assert_int_equal(
			leat_connect(&c, cfg[LEAT_CLIENT], "localhost", 9, MS, &err), LEAT_FAILED);
		assert_int_equal(err.cls, late ? LEAT_E_TIMEOUT : LEAT_E_SYSTEM);
		assert_string_equal(err.detail, "localhost port 9");
	}
	err = (struct leat_err){ 0 };
	fakestream_reset();
	assert_int_equal(leat_connect(&c, cfg[LEAT_CLIENT], "localhost", 9, 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT); /* no time at all: not even tried */
	assert_int_equal(fakestream_calls(STREAM_CONNECT), 0);
}

static void accepting_fails(void **state)
{
	struct leat_listener *l = listen_here();
	struct leat_conn *c;
	struct leat_err err = { 0 };

	(void)state;
	fakestream_answer(STREAM_ACCEPT, 1, -EMFILE);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_FAILED);
	assert_int_equal(err.sys, EMFILE);
	err = (struct leat_err){ 0 };
	fakestream_answer(STREAM_WAIT, 1, -EBADF);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_FAILED);
	assert_int_equal(err.sys, EBADF);
	err = (struct leat_err){ 0 };
	fakestream_answer(
		STREAM_ACCEPT, 1, -ECONNABORTED); /* the peer's affair: the next one, please */
	assert_int_equal(leat_accept(l, &c, 5, &err), LEAT_AGAIN);
	leat_listener_close(l);
}

/* Answers in the middle of a connection. */
static void data_fails(void **state)
{
	static const struct {
		enum fakestream_call call;
		int answer, sys; /* sys 0: nothing happens */
	} tries[] = {
		{ STREAM_RECV, -EINTR, 0 },
		{ STREAM_RECV, -EAGAIN, 0 },
		{ STREAM_RECV, -ECONNRESET, ECONNRESET },
		{ STREAM_RECV, 1 << 20, EPROTO }, /* more than there was room for */
		{ STREAM_SEND, -EINTR, 0 },
		{ STREAM_SEND, -EAGAIN, 0 },
		{ STREAM_SEND, -EPIPE, EPIPE },
		{ STREAM_SEND, 1 << 20, EPROTO },
		{ STREAM_SEND, 0, EPROTO }, /* "nothing" is EAGAIN */
		{ STREAM_WAIT, -EINTR, 0 },
		{ STREAM_WAIT, 1, 0 }, /* too early is allowed */
		{ STREAM_WAIT, -ENOMEM, ENOMEM },
	};
	struct leat_listener *l = listen_here();

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct leat_conn *c[2];
		size_t got = 0;
		char b[8];

		connect_both(l, c);
		fakestream_answer(tries[i].call, 1, tries[i].answer);
		if (tries[i].call == STREAM_SEND) {
			enum leat_ret r = leat_send(c[0], "hello", 5, MS, NULL);

			assert_int_equal(r, tries[i].sys ? LEAT_FAILED : LEAT_OK);
		} else if (tries[i].call == STREAM_WAIT) {
			enum leat_ret r = leat_recv(c[0], b, 5, 5, &got);

			assert_int_equal(r, tries[i].sys ? LEAT_FAILED : LEAT_AGAIN);
		} else {
			assert_int_equal(leat_send(c[1], "hello", 5, MS, NULL), LEAT_OK);
			assert_int_equal(leat_recv(c[0], b, 5, MS, &got),
				tries[i].sys ? LEAT_FAILED : LEAT_OK);
		}
		assert_int_equal(leat_conn_error(c[0])->sys, tries[i].sys);
		leat_conn_free(c[0]);
		leat_conn_free(c[1]);
		fakestream_reset();
	}
	leat_listener_close(l);
}

/* A cut is told apart from a close, as over TCP. */
static void the_end_of_the_stream(void **state)
{
	struct leat_listener *l = listen_here();
	struct leat_conn *c[2];
	size_t got;
	char b[8];

	(void)state;
	connect_both(l, c);
	leat_conn_free(c[0]);
	assert_int_equal(leat_recv(c[1], b, 8, MS, &got), LEAT_FAILED);
	assert_int_equal(leat_conn_error(c[1])->cls, LEAT_E_CLOSED);
	leat_conn_free(c[1]);
	connect_both(l, c);
	assert_int_equal(leat_shutdown(c[0], SHUT_WR, MS), LEAT_OK);
	assert_int_equal(leat_recv(c[1], b, 8, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	says(c[1], c[0], "one way", 7);
	leat_conn_free(c[0]);
	leat_conn_free(c[1]);
	leat_listener_close(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(dial_accept_talk_close),
		T(upgrade_and_downgrade),
		T(upgrades_take_streams),
		T(options_go_to_the_transport),
		T(a_stopped_listener_says_so),
		T(events_carry_the_tags),
		T(a_mailbox_accepts_and_shakes_hands),
		T(what_cannot_be_watched_has_no_owner),
		T(a_function_that_is_missing_is_named),
		T(the_option_by_text),
		T(kernel_records_are_refused_by_name),
		T(a_listener_keeps_its_transport),
		T(making_one_fails),
		T(accepting_fails),
		T(data_fails),
		T(the_end_of_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
