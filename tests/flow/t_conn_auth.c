/* SPDX-License-Identifier: Apache-2.0
 *
 * t_conn_auth.c - post-handshake authentication through the connection interface, over a real socket: the
 * server in a thread of its own, the client answers while it reads.
 */
#include <pthread.h>

#include <leat/leat.h>

#include "duo.h"
#include "ids.h"
#include "pair.h"
#include "pki.h"
#include "sock/conn.h"
#include "tcp.h"

#define MS 10000

struct guest {
	struct leat_config *cfg;
	int fd;
	enum leat_ret asked;
	enum leat_auth before, after;
	size_t cert_n;
	bool ok;
};

static bool says(struct leat_conn *c, const char *word)
{
	uint8_t b[16];
	size_t got;

	return leat_recv(c, b, sizeof(b), MS, &got) == LEAT_OK && got == strlen(word) &&
	       memcmp(b, word, got) == 0;
}

static void *serve(void *arg)
{
	struct guest *g = arg;
	struct leat_err err = { 0 };
	struct leat_conn *c;

	if (leat_upgrade_server(&c, g->cfg, g->fd, 0, MS, &err) != LEAT_OK)
		return NULL;
	g->ok = says(c, "hello");
	g->asked = leat_conn_request_auth(c);
	g->before = leat_conn_auth(c);
	g->ok = g->ok && leat_send(c, "go on", 5, MS, NULL) == LEAT_OK && says(c, "more");
	g->after = leat_conn_auth(c);
	g->cert_n = leat_peer_cert(c, 0).n;
	leat_close(c, NULL);
	return NULL;
}

static void run(const char *offer, struct guest *g)
{
	struct leat_config *c = ids_draft(LEAT_CLIENT, KEY_EC_P256);
	struct leat_config *s = ids_draft(LEAT_SERVER, KEY_EC_P256);
	struct leat_err err = { 0 };
	struct leat_conn *conn;
	pthread_t thread;
	int fd[2];

	pair_ask(c, s);
	pair_set(s, "verify", "verify_none"); /* not in the handshake */
	pair_set(c, "post_handshake_auth", offer);
	pair_set(c, "records", "user");
	pair_set(s, "records", "user");
	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	assert_int_equal(leat_config_freeze(s, &err), LEAT_OK);
	tcp_pair(fd);
	*g = (struct guest){ .cfg = s, .fd = fd[1] };
	assert_int_equal(pthread_create(&thread, NULL, serve, g), 0);
	assert_int_equal(leat_upgrade_client(&conn, c, fd[0], "localhost", 0, MS, &err), LEAT_OK);
	assert_int_equal(leat_conn_request_auth(conn), LEAT_UNSUPPORTED); /* not for clients */
	assert_int_equal(leat_send(conn, "hello", 5, MS, NULL), LEAT_OK);
	assert_true(says(conn, "go on"));
	assert_int_equal(leat_send(conn, "more", 4, MS, NULL), LEAT_OK);
	assert_int_equal(leat_close(conn, &err), LEAT_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(g->ok);
	leat_config_unref(c);
	leat_config_unref(s);
}

static void shown(void **state)
{
	struct guest g;

	(void)state;
	run("true", &g);
	assert_int_equal(g.asked, LEAT_OK);
	assert_int_equal(g.before, LEAT_AUTH_ASKED);
	assert_int_equal(g.after, LEAT_AUTH_SHOWN);
	assert_int_equal(g.cert_n, pki_der(pki_client(KEY_EC_P256)->leaf).n);
}

static void not_offered(void **state)
{
	struct guest g;

	(void)state;
	run("false", &g);
	assert_int_equal(g.asked, LEAT_UNSUPPORTED);
	assert_int_equal(g.after, LEAT_AUTH_NONE);
	assert_int_equal(g.cert_n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shown),
		cmocka_unit_test(not_offered),
	};
	int r;

	conn_use(NULL, &duo_env); /* certificates of tests are of another time */
	r = cmocka_run_group_tests(tests, NULL, NULL);
	conn_use(NULL, NULL);
	pki_done();
	return r;
}
