/* SPDX-License-Identifier: Apache-2.0
 *
 * t_downgrade.c - from TCP to TLS and back: upgrades with bytes that came too early, handshakes with another config
 * than the listener's, and the way back with every byte accounted for.
 *
 * REQ: GEN-upgrade API-connect-upgrade-sem API-ssl_accept-upgrade-warn API-ssl_accept-opts OPT-active-upgrade
 * REQ: API-close-1 API-close-2-timeout API-close-2-downgrade API-close-2-errors API-close-2-leftover
 * REQ: API-shutdown-write API-shutdown-read API-shutdown-both API-shutdown-exit_on_close TIM-close-5s
 * REQ: T-api-upgrade T-api-downgrade T-api-close_with_timeout T-api-shutdown T-api-shutdown_write T-api-shutdown_both
 * REQ: T-api-new_options_in_accept T-tls-downgrade-buffer
 */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duo.h"
#include "fakesys.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"

#define MS LINK_MS

static struct leat_config *frozen(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

/* ---- the way back ------------------------------------------------------------------------------------- */

struct side {
	struct leat_conn *c;
	struct leat_plain plain;
	struct leat_err err;
	enum leat_ret r;
	int timeout_ms;
};

static void *downgrade_main(void *arg)
{
	struct side *s = arg;

	s->r = leat_downgrade(s->c, s->timeout_ms, &s->plain, &s->err);
	return NULL;
}

static void both_sides(struct link *l, struct side s[2])
{
	pthread_t t;

	for (int i = 0; i < 2; i++) {
		s[i] = (struct side){ .c = l->c[i], .timeout_ms = MS };
		l->c[i] = NULL;
	}
	assert_int_equal(pthread_create(&t, NULL, downgrade_main, &s[0]), 0);
	downgrade_main(&s[1]);
	assert_int_equal(pthread_join(t, NULL), 0);
}

static void plain_talk(const int fd[2])
{
	uint8_t b[8];

	for (int i = 0; i < 2; i++) {
		assert_true(tcp_write_all(fd[i], "in clear", 8));
		assert_true(tcp_read_all(fd[!i], b, 8));
		assert_memory_equal(b, "in clear", 8);
	}
}

static void both_agree(void **state)
{
	static const char *const versions[] = { "tlsv1.2", "tlsv1.3" };
	unsigned fds = open_fds();

	(void)state;
	for (int v = 0; v < 2; v++) {
		struct link_opts o = { .versions = versions[v] };
		struct side s[2];
		struct link l;

		link_open(&l, &o);
		link_say(&l, LEAT_CLIENT, "ping", 4);
		link_say(&l, LEAT_SERVER, "pong", 4);
		both_sides(&l, s);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(s[i].r, LEAT_OK);
			assert_int_equal(s[i].plain.left_len, 0);
			assert_null(s[i].plain.left);
			/* as it came: the test's sockets block */
			assert_int_equal(fcntl(s[i].plain.fd, F_GETFL) & O_NONBLOCK, 0);
		}
		plain_talk((int[2]){ s[0].plain.fd, s[1].plain.fd });
		close(s[0].plain.fd);
		close(s[1].plain.fd);
		link_close(&l);
	}
	assert_int_equal(open_fds(), fds);
}

/* A proxy that gives the client all that the server sent in one piece. */
static void glued(struct link *l, const void *more, size_t n, struct side *client)
{
	struct leat_err err = { 0 };
	int fd;

	/* The server: close_notify, and plain bytes at once behind it. */
	fd = dup(leat_conn_fd(l->c[LEAT_SERVER]));
	assert_int_equal(conn_end_tx(l->c[LEAT_SERVER], false, DEADLINE_NEVER), LEAT_OK);
	fcntl(fd, F_SETFL, 0);
	assert_true(tcp_write_all(fd, more, n));
	usleep(20000);
	*client = (struct side){ .c = l->c[LEAT_CLIENT] };
	l->c[LEAT_CLIENT] = NULL;
	client->r = leat_downgrade(client->c, MS, &client->plain, &err);
	client->err = err;
	close(fd);
}

static void bytes_behind_the_close_notify(void **state)
{
	static const struct link_opts o;
	static const size_t sizes[] = { 1, 5, 6, 100, 20000 };
	struct leat_span data = vec_noise(20000);

	(void)state;
	for (int early = 0; early < 3; early++)
		for (size_t i = 0; i < 5; i++) {
			size_t n = sizes[i], have;
			uint8_t *b = malloc(n);
			struct side s;
			struct link l;

			link_open(&l, &o);
			/* 0: nothing is there before. 1: data that is thrown away. 2: data of which a part was
			 * read, so that all of it, and what follows, is in the engine already. */
			if (early)
				assert_int_equal(
					leat_send(l.c[LEAT_SERVER], "data", 4, MS, NULL), LEAT_OK);
			if (early == 2) {
				size_t got;
				int fd = dup(leat_conn_fd(l.c[LEAT_SERVER]));

				assert_int_equal(
					conn_end_tx(l.c[LEAT_SERVER], false, DEADLINE_NEVER),
					LEAT_OK);
				fcntl(fd, F_SETFL, 0);
				assert_true(tcp_write_all(fd, data.p, n));
				usleep(20000);
				assert_int_equal(
					leat_recv(l.c[LEAT_CLIENT], b, 1, MS, &got), LEAT_OK);
				s = (struct side){ .c = l.c[LEAT_CLIENT] };
				l.c[LEAT_CLIENT] = NULL;
				s.r = leat_downgrade(s.c, MS, &s.plain, &s.err);
				close(fd);
			} else {
				glued(&l, data.p, n, &s);
			}
			assert_int_equal(s.r, LEAT_OK);
			/* what was read already, then what is still in the socket: nothing is lost */
			have = s.plain.left_len;
			assert_true(have <= n);
			if (early == 2)
				assert_true(have > 0);
			if (have)
				assert_memory_equal(s.plain.left, data.p, have);
			assert_true(tcp_read_all(s.plain.fd, b, n - have));
			assert_memory_equal(b, data.p + have, n - have);
			leat_plain_free_left(&s.plain);
			leat_plain_free_left(&s.plain);
			close(s.plain.fd);
			link_close(&l);
			free(b);
		}
}

static void the_peer_that_does_not_want_it(void **state)
{
	static const struct link_opts o;
	unsigned fds = open_fds();
	struct leat_plain p;

	(void)state;
	for (int way = 0; way < 3; way++) {
		struct leat_err err = { 0 };
		struct link l;

		link_open(&l, &o);
		if (way == 1) { /* gone without a word */
			leat_conn_free(l.c[LEAT_SERVER]);
			l.c[LEAT_SERVER] = NULL;
		}
		if (way == 2) /* our side is shut: nothing to go on with */
			assert_int_equal(leat_shutdown(l.c[LEAT_CLIENT], SHUT_WR, MS), LEAT_OK);
		assert_int_equal(leat_downgrade(l.c[LEAT_CLIENT], 30, &p, &err), LEAT_FAILED);
		l.c[LEAT_CLIENT] = NULL;
		assert_int_equal(err.cls, way == 0   ? LEAT_E_TIMEOUT
					  : way == 1 ? LEAT_E_CLOSED
						     : LEAT_E_MISUSE);
		assert_int_equal(p.fd, -1);
		link_close(&l);
	}
	assert_int_equal(open_fds(), fds);
}

/* A kernel that has the keys keeps them: said before anything else happens. */
static void not_from_the_kernel(void **state)
{
	struct link_opts o = { .records[LEAT_CLIENT] = "kernel", .sys[LEAT_CLIENT] = &fakesys };
	struct leat_err err = { 0 };
	struct leat_plain p;
	struct link l;

	(void)state;
	fakesys_reset();
	link_open(&l, &o);
	assert_int_equal(leat_downgrade(l.c[LEAT_CLIENT], MS, &p, &err), LEAT_UNSUPPORTED);
	assert_int_equal(strncmp(err.what, "in_kernel", 9), 0);
	assert_int_equal(p.fd, -1);
	link_say(&l, LEAT_CLIENT, "still here", 10);
	link_say(&l, LEAT_SERVER, "and there", 9);
	link_close(&l);
	fakesys_reset();
}

static void not_before_the_handshake(void **state)
{
	struct leat_config *cfg = frozen(pair_server_config(KEY_EC_P256));
	struct leat_err err = { 0 };
	struct leat_plain p;
	struct leat_conn *c;
	int fd[2];

	(void)state;
	tcp_pair(fd);
	assert_int_equal(conn_open(&c, cfg, fd[1], NULL, &err), LEAT_OK);
	assert_int_equal(leat_downgrade(c, MS, &p, &err), LEAT_UNSUPPORTED);
	leat_conn_free(c);
	close(fd[0]);
	leat_config_unref(cfg);
}

/* ---- the ways out -------------------------------------------------------------------------------------- */

static void *close_main(void *arg)
{
	struct side *s = arg;

	s->r = leat_close_timeout(s->c, 5000, &s->err);
	return NULL;
}

static void closed_with_a_time_limit(void **state)
{
	static const struct link_opts o;
	struct side s[2] = { 0 };
	struct link l;
	pthread_t t;

	(void)state;
	link_open(&l, &o);
	for (int i = 0; i < 2; i++) {
		s[i].c = l.c[i];
		l.c[i] = NULL;
	}
	assert_int_equal(pthread_create(&t, NULL, close_main, &s[0]), 0);
	close_main(&s[1]);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(s[0].r, LEAT_OK);
	assert_int_equal(s[1].r, LEAT_OK);
	link_close(&l);
	/* and when the peer does not answer */
	link_open(&l, &o);
	assert_int_equal(leat_close_timeout(l.c[LEAT_CLIENT], 30, &s[0].err), LEAT_FAILED);
	l.c[LEAT_CLIENT] = NULL;
	assert_int_equal(s[0].err.cls, LEAT_E_TIMEOUT);
	link_close(&l);
	assert_int_equal(LEAT_CLOSE_WAIT_MS, 5000);
}

static void one_side_is_shut(void **state)
{
	static const struct link_opts o;
	uint8_t b[10];
	size_t got;
	struct link l;

	(void)state;
	for (int from = 0; from < 2; from++) {
		struct leat_conn *a, *z;

		link_open(&l, &o);
		a = l.c[from];
		z = l.c[!from];
		link_say(&l, (enum leat_role)from, "question", 8);
		assert_int_equal(leat_shutdown(a, SHUT_WR, MS), LEAT_OK);
		assert_int_equal(leat_send(a, "x", 1, MS, NULL), LEAT_FAILED);
		assert_int_equal(leat_conn_error(a)->cls, LEAT_E_CLOSED);
		assert_int_equal(leat_recv(z, b, 1, MS, &got), LEAT_OK);
		assert_int_equal(got, 0);
		link_say(&l, (enum leat_role) !from, "answer", 6);
		assert_int_equal(leat_shutdown(z, SHUT_RDWR, MS), LEAT_OK);
		assert_int_equal(leat_recv(z, b, 1, MS, &got), LEAT_FAILED);
		assert_int_equal(leat_recv(a, b, 1, MS, &got), LEAT_OK);
		assert_int_equal(got, 0);
		link_close(&l);
	}
	link_open(&l, &o);
	assert_int_equal(leat_shutdown(l.c[LEAT_CLIENT], SHUT_RD, MS), LEAT_OK);
	assert_int_equal(leat_recv(l.c[LEAT_CLIENT], b, 1, 0, &got), LEAT_FAILED);
	link_say(&l, LEAT_CLIENT, "still", 5);
	link_close(&l);
}

static void exit_on_close(void **state)
{
	static const struct leat_sockopt on = { "exit_on_close", "true" };
	struct link_opts o = { .sockopts[LEAT_SERVER] = &on, .num_sockopts[LEAT_SERVER] = 1 };
	uint8_t b[10];
	size_t got;
	struct link l;

	(void)state;
	link_open(&l, &o);
	assert_int_equal(leat_shutdown(l.c[LEAT_CLIENT], SHUT_WR, MS), LEAT_OK);
	assert_int_equal(leat_recv(l.c[LEAT_SERVER], b, 1, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	/* our side went with it */
	assert_int_equal(leat_send(l.c[LEAT_SERVER], "x", 1, MS, NULL), LEAT_FAILED);
	assert_int_equal(leat_recv(l.c[LEAT_CLIENT], b, 1, MS, &got), LEAT_OK);
	assert_int_equal(got, 0);
	link_close(&l);
}

/* ---- the way in ------------------------------------------------------------------------------------------ */

struct server {
	struct leat_config *cfg;
	struct leat_server_opts o;
	struct leat_err err;
	int fd;
	enum leat_ret r;
	char got[40];
};

static void *server_main(void *arg)
{
	struct server *s = arg;
	struct leat_conn *c;
	size_t got;

	s->r = leat_upgrade_server_with(&c, s->cfg, s->fd, &s->o, 0, MS, &s->err);
	if (s->r != LEAT_OK)
		return NULL;
	s->r = leat_recv_exact(c, s->got, 12, MS, &got);
	(void)!leat_send(c, "fine", 4, MS, NULL);
	leat_close(c, NULL);
	return NULL;
}

/* The client's first flight was read with the last plain line, in whole or in part. */
static void bytes_that_came_too_early(void **state)
{
	static const struct leat_sockopt binary = { "packet", "4" };
	struct leat_config *client = frozen(pair_client_config());
	struct server s = { .cfg = frozen(pair_server_config(KEY_EC_P256)) };

	(void)state;
	conn_use(NULL, &duo_env);
	for (size_t cut = 0; cut < 600; cut += cut < 8 ? 1 : 97) {
		struct leat_err err = { 0 };
		struct leat_conn *c;
		uint8_t b[1000];
		short events;
		pthread_t t;
		size_t got;
		int fd[2];

		tcp_pair(fd);
		assert_int_equal(conn_open(&c, client, fd[0], "localhost", &err), LEAT_OK);
		assert_int_equal(conn_handshake_some(c, &events), LEAT_AGAIN);
		got = (size_t)recv(fd[1], b, cut ? cut : 1, cut ? 0 : MSG_PEEK);
		assert_true(got > 0);
		s.o = (struct leat_server_opts){ .already = { b, cut ? got : 0 } };
		s.o.sockopts = &binary;
		s.o.num_sockopts = 1;
		s.fd = fd[1];
		memset(s.got, 0, sizeof(s.got));
		assert_int_equal(pthread_create(&t, NULL, server_main, &s), 0);
		assert_int_equal(conn_handshake(c, conn_deadline(c, MS)), LEAT_OK);
		assert_int_equal(leat_send(c, "over the top", 12, MS, NULL), LEAT_OK);
		assert_int_equal(leat_recv(c, b, 4, MS, &got), LEAT_OK);
		leat_close(c, NULL);
		assert_int_equal(pthread_join(t, NULL), 0);
		assert_int_equal(s.r, LEAT_OK);
		assert_string_equal(s.got, "over the top");
	}
	conn_use(NULL, NULL);
	leat_config_unref(client);
	leat_config_unref(s.cfg);
}

struct accepting {
	struct leat_listener *l;
	struct leat_config *other;
	enum leat_ret r, again;
	unsigned version;
};

static void *accept_main(void *arg)
{
	struct accepting *a = arg;
	struct leat_err err = { 0 };
	struct leat_conn_info info;
	struct leat_conn *c;

	a->r = leat_accept(a->l, &c, MS, &err);
	if (a->r != LEAT_OK)
		return NULL;
	a->r = leat_handshake_with(c, a->other, MS);
	leat_conn_info(c, &info);
	a->version = info.tls.version;
	a->again = leat_handshake_with(c, a->other, MS);
	leat_close_timeout(c, 0, NULL);
	return NULL;
}

static void the_config_is_chosen_after_the_accept(void **state)
{
	struct leat_config *client = frozen(pair_client_config()),
			   *server = frozen(pair_server_config(KEY_EC_P256)),
			   *other = pair_server_config(KEY_RSA);
	struct accepting a = { .other = other };
	struct leat_err err = { 0 };
	struct leat_conn_info info;
	struct leat_conn *c;
	pthread_t t;

	(void)state;
	conn_use(NULL, &duo_env);
	pair_set(other, "versions", "tlsv1.2");
	frozen(other);
	assert_int_equal(leat_listen(&a.l, server, "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(pthread_create(&t, NULL, accept_main, &a), 0);
	assert_int_equal(
		leat_connect(&c, client, "127.0.0.1", leat_listener_port(a.l), MS, &err), LEAT_OK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(a.r, LEAT_OK);
	assert_int_equal(a.again, LEAT_FAILED);
	assert_int_equal(a.version, LEAT_TLS12);
	leat_conn_info(c, &info);
	assert_int_equal(info.tls.version, LEAT_TLS12);
	assert_true(leat_peer_cert(c, 0).n == pki_der(pki_server(KEY_RSA)->leaf).n);
	leat_conn_free(c);
	/* a config of the wrong kind */
	a.other = client;
	assert_int_equal(pthread_create(&t, NULL, accept_main, &a), 0);
	assert_int_equal(leat_connect(&c, client, "127.0.0.1", leat_listener_port(a.l), MS, &err),
		LEAT_FAILED);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(a.r, LEAT_FAILED);
	leat_listener_close(a.l);
	leat_config_unref(client);
	leat_config_unref(server);
	leat_config_unref(other);
	conn_use(NULL, NULL);
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_agree),
		cmocka_unit_test(bytes_behind_the_close_notify),
		cmocka_unit_test(the_peer_that_does_not_want_it),
		cmocka_unit_test(not_from_the_kernel),
		cmocka_unit_test(not_before_the_handshake),
		cmocka_unit_test(closed_with_a_time_limit),
		cmocka_unit_test(one_side_is_shut),
		cmocka_unit_test(exit_on_close),
		cmocka_unit_test(bytes_that_came_too_early),
		cmocka_unit_test(the_config_is_chosen_after_the_accept),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
