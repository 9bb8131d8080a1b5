/* SPDX-License-Identifier: Apache-2.0
 *
 * t_choices.c - what two connections agree on, option by option of the manual, and what listeners and half made
 * connections refuse. Each case is a whole handshake over TCP.
 *
 * REQ: GEN-tcp-default TYPE-host TYPE-ciphers TYPE-ciphersuite-3 TYPE-ciphersuite-4 OPT-versions
 * REQ: OPT-honor_cipher_order OPT-alpn_advertised OPT-alpn_preferred OPT-sni-value OPT-sni-disable
 * REQ: API-close-listen API-shutdown-errors API-transport_accept-inherit API-listen-misuse
 * REQ: T-basic-version_option T-basic-honor_order T-basic-ipv6 T-basic-connect_twice T-basic-send_close
 * REQ: T-api-connection_info T-api-peercert T-api-versions_option T-api-sni_option T-api-accept_pool
 * REQ: T-api-listen_socket T-api-shutdown_error T-api-abuse_accept_socket T-api-call_in_error_state
 * REQ: T-alpn-empty T-alpn-match ERR-enotconn
 */
#include "link.h"

#include <leat/about.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duo.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"

#define MS LINK_MS

/* What each side is told, as option, value, ..., NULL; and how it ends. */
struct told {
	const char *say[2][9];
	const char *item, *value; /* of both, where it works out; value NULL: not there */
	unsigned alert;           /* where it does not: what the client gets to know */
};

static struct leat_config *config(enum leat_role role, const char *const *say)
{
	struct leat_config *c = role == LEAT_CLIENT ? pair_client_config()
						    : pair_server_config(KEY_EC_P256);
	struct leat_err err = { 0 };
	char text[300];

	for (; say[0]; say += 2)
		pair_set(c, say[0], say[1]);
	if (leat_config_freeze(c, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	return c;
}

/* Handshakes without waiting; LEAT_OK when both are up. */
static enum leat_ret try_link(struct link *l, const struct told *t)
{
	enum leat_ret r[2] = { LEAT_AGAIN, LEAT_AGAIN };
	struct leat_err err = { 0 };
	short events;
	int fd[2];

	*l = (struct link){ .c = { NULL, NULL } };
	tcp_pair(fd);
	conn_use(NULL, &duo_env);
	for (int i = 0; i < 2; i++) {
		l->cfg[i] = config((enum leat_role)i, t->say[i]);
		assert_int_equal(conn_open(&l->c[i], l->cfg[i], fd[i],
					 i == LEAT_CLIENT ? "localhost" : NULL, &err),
			LEAT_OK);
	}
	for (int turns = 0; turns < 1000 && (r[0] == LEAT_AGAIN || r[1] == LEAT_AGAIN); turns++)
		for (int i = 0; i < 2; i++)
			if (r[i] == LEAT_AGAIN)
				r[i] = conn_handshake_some(l->c[i], &events);
	return r[0] == LEAT_OK && r[1] == LEAT_OK ? LEAT_OK : LEAT_FAILED;
}

static void works_out(const struct told *t)
{
	char text[300];
	struct link l;

	if (try_link(&l, t) != LEAT_OK) {
		assert_int_not_equal(t->alert, 0);
		for (int i = 0; i < 2; i++)
			assert_int_equal(leat_conn_error(l.c[i])->alert, t->alert);
		link_close(&l);
		return;
	}
	assert_int_equal(t->alert, 0);
	for (int i = 0; i < 2; i++) {
		enum leat_ret r = leat_conn_item(l.c[i], t->item, text, sizeof(text));

		if (t->value) {
			assert_int_equal(r, LEAT_OK);
			assert_string_equal(text, t->value);
		} else {
			assert_int_equal(r, LEAT_UNSUPPORTED);
		}
	}
	link_say(&l, LEAT_CLIENT, "data", 4);
	link_say(&l, LEAT_SERVER, "flows", 5);
	link_close(&l);
}

#define AES128 "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
#define AES256 "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"

static const struct told cases[] = {
	/* versions: each by itself, the highest that both have, in any order, none in common */
	{ { { "versions", "tlsv1.2" }, { NULL } }, "protocol", "tlsv1.2", 0 },
	{ { { "versions", "tlsv1.3" }, { NULL } }, "protocol", "tlsv1.3", 0 },
	{ { { NULL }, { "versions", "tlsv1.2" } }, "protocol", "tlsv1.2", 0 },
	{ { { NULL }, { "versions", "tlsv1.2,tlsv1.3" } }, "protocol", "tlsv1.3", 0 },
	{ { { "versions", "tlsv1.2,tlsv1.3" }, { NULL } }, "protocol", "tlsv1.3", 0 },
	{ { { NULL }, { NULL } }, "protocol", "tlsv1.3", 0 },
	{ { { "versions", "tlsv1.3" }, { "versions", "tlsv1.2" } }, NULL, NULL,
		LEAT_ALERT_PROTOCOL_VERSION },
	{ { { "versions", "tlsv1.2" }, { "versions", "tlsv1.3" } }, NULL, NULL,
		LEAT_ALERT_PROTOCOL_VERSION },
	/* suites: by either kind of name; whose order decides; none in common */
	{ { { "versions", "tlsv1.2", "ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256:" AES256 },
		  { "versions", "tlsv1.2", "honor_cipher_order", "false", "ciphers",
			  AES256 ":" AES128 } },
		"cipher_suite", AES128, 0 },
	{ { { "versions", "tlsv1.2", "ciphers", AES128 "," AES256 },
		  { "versions", "tlsv1.2", "honor_cipher_order", "true", "ciphers",
			  AES256 "," AES128 } },
		"cipher_suite", AES256, 0 },
	{ { { "ciphers", "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384", "versions", "tlsv1.3" },
		  { "honor_cipher_order", "false" } },
		"cipher_suite", "TLS_AES_128_GCM_SHA256", 0 },
	{ { { "versions", "tlsv1.2", "ciphers", AES128 },
		  { "ciphers", AES256, "versions", "tlsv1.2" } },
		NULL, NULL, LEAT_ALERT_HANDSHAKE_FAILURE },
	/* protocols: the server's order; none in common; only one side speaks of it; empty lists */
	{ { { "alpn", "a,b,c" }, { "alpn", "c,b" } }, "alpn", "c", 0 },
	{ { { "alpn", "c,b" }, { "alpn", "a,b,c" } }, "alpn", "b", 0 },
	{ { { "alpn", "a" }, { "alpn", "b" } }, NULL, NULL, LEAT_ALERT_NO_APPLICATION_PROTOCOL },
	{ { { "alpn", "a" }, { NULL } }, "alpn", NULL, 0 },
	{ { { NULL }, { "alpn", "a" } }, "alpn", NULL, 0 },
	{ { { "alpn", "" }, { "alpn", "a" } }, "alpn", NULL, 0 },
	{ { { "alpn", "a" }, { "alpn", "" } }, "alpn", NULL, 0 },
	{ { { "alpn", "" }, { "alpn", "" } }, "alpn", NULL, 0 },
	/* names: asked for, and not */
	{ { { NULL }, { NULL } }, "sni_hostname", "localhost", 0 },
	{ { { "server_name_indication", "disable" }, { NULL } }, "sni_hostname", NULL, 0 },
	{ { { "server_name_indication", "default", "versions", "tlsv1.2" }, { NULL } },
		"sni_hostname", "localhost", 0 },
};

static void what_is_agreed_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		works_out(&cases[i]);
}

static void the_name_is_checked_even_if_it_is_not_told(void **state)
{
	static const char *const say[] = { "server_name_indication", "disable", NULL };
	static const struct told t = { { { NULL }, { NULL } }, NULL, NULL, 0 };
	struct leat_config *client = config(LEAT_CLIENT, say),
			   *server = config(LEAT_SERVER, t.say[LEAT_SERVER]);
	struct leat_conn *c[2];
	enum leat_ret r[2] = { LEAT_AGAIN, LEAT_AGAIN };
	struct leat_err err = { 0 };
	short events;
	int fd[2];

	(void)state;
	tcp_pair(fd);
	conn_use(NULL, &duo_env);
	assert_int_equal(conn_open(&c[0], client, fd[0], "elsewhere.test", &err), LEAT_OK);
	assert_int_equal(conn_open(&c[1], server, fd[1], NULL, &err), LEAT_OK);
	for (int turns = 0; turns < 1000 && r[0] == LEAT_AGAIN; turns++)
		for (int i = 0; i < 2; i++)
			if (r[i] == LEAT_AGAIN)
				r[i] = conn_handshake_some(c[i], &events);
	assert_int_equal(r[0], LEAT_FAILED);
	assert_int_equal(leat_conn_error(c[0])->alert, LEAT_ALERT_BAD_CERTIFICATE);
	for (int i = 0; i < 2; i++)
		leat_conn_free(c[i]);
	leat_config_unref(client);
	leat_config_unref(server);
	conn_use(NULL, NULL);
}

static void suites_by_their_parts(void **state)
{
	struct leat_suite all[64], s;
	struct leat_err err = { 0 };
	size_t num;

	(void)state;
	assert_int_equal(leat_suites(LEAT_SUITES_ALL, all, 64, &num, &err), LEAT_OK);
	for (size_t i = 0; i < num; i++) {
		/* the longer form is exact; the shorter one has the PRF of its version, SHA-256 */
		assert_true(
			leat_suite_by_parts(all[i].kex, all[i].cipher, all[i].mac, all[i].prf, &s));
		assert_int_equal(s.id, all[i].id);
		assert_int_equal(
			leat_suite_by_parts(all[i].kex, all[i].cipher, all[i].mac, NULL, &s),
			strcmp(all[i].prf, "sha256") == 0);
	}
	assert_false(leat_suite_by_parts("ecdhe_rsa", "aes_128_gcm", "aead", "sha384", &s));
	assert_false(leat_suite_by_parts("rsa", "rc4_128", "md5", NULL, &s));
	assert_false(leat_suite_by_parts("ecdhe_rsa", "aes_128_gcm", "sha", NULL, &s));
	assert_int_equal(s.id, 0);
}

static void certificates_of_both(void **state)
{
	struct link_opts o = { .ask = true };
	struct leat_err err = { 0 };
	struct leat_span der, want;
	struct link l;

	(void)state;
	link_open(&l, &o);
	for (int i = 0; i < 2; i++) {
		want = pki_der(i == LEAT_CLIENT ? pki_server(KEY_EC_P256)->leaf
						: pki_client(KEY_EC_P256)->leaf);
		assert_int_equal(leat_peercert(l.c[i], &der, &err), LEAT_OK);
		assert_int_equal(der.n, want.n);
		assert_memory_equal(der.p, want.p, want.n);
	}
	link_close(&l);
	o.ask = false;
	link_open(&l, &o);
	assert_int_equal(leat_peercert(l.c[LEAT_SERVER], &der, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_ABSENT);
	link_close(&l);
}

/* ---- listeners ------------------------------------------------------------------------------------------- */

struct pool {
	struct leat_listener *l;
	atomic_uint served, closed;
};

/* Echoes whole connections until the listener is stopped. */
static void *acceptor(void *arg)
{
	struct pool *p = arg;

	for (;;) {
		struct leat_err err = { 0 };
		struct leat_conn *c;
		uint8_t b[100];
		size_t got;

		if (leat_accept(p->l, &c, LEAT_INFINITY, &err) != LEAT_OK) {
			atomic_fetch_add(&p->closed, err.cls == LEAT_E_CLOSED);
			return NULL;
		}
		if (leat_handshake(c, MS) == LEAT_OK)
			while (leat_recv(c, b, sizeof(b), MS, &got) == LEAT_OK && got > 0)
				(void)!leat_send(c, b, got, MS, NULL);
		atomic_fetch_add(&p->served, 1);
		leat_close_timeout(c, 0, NULL);
	}
}

static struct leat_conn *client_of(struct leat_config *cfg, const char *host, uint16_t port)
{
	static const struct leat_sockopt keep = { "keepalive", "true" };
	const struct leat_client_opts o = { .host = host, .sockopts = &keep, .num_sockopts = 1 };
	struct leat_err err = { 0 };
	struct leat_conn *c;
	char text[300];

	if (leat_connect_with(&c, cfg, port, &o, MS, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
	return c;
}

static void talk(struct leat_conn *c)
{
	uint8_t b[5];
	size_t got;

	assert_int_equal(leat_send(c, "hello", 5, MS, NULL), LEAT_OK);
	assert_int_equal(leat_recv_exact(c, b, 5, MS, &got), LEAT_OK);
	assert_memory_equal(b, "hello", 5);
}

/* Three acceptors, three clients at a time, twice, over either family; then all of them are sent home. */
/* REQ: T-err-close_transport_accept */
static void acceptors_share_a_listener(void **state)
{
	static const struct told t = { { { NULL }, { NULL } }, NULL, NULL, 0 };
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	struct leat_config *client = config(LEAT_CLIENT, t.say[0]),
			   *server = config(LEAT_SERVER, t.say[1]);

	(void)state;
	conn_use(NULL, &duo_env);
	for (int h = 0; h < 2; h++) {
		struct leat_err err = { 0 };
		struct pool p = { .served = 0 };
		struct leat_conn *c[3];
		pthread_t threads[3];
		uint16_t port;

		assert_int_equal(leat_listen(&p.l, server, hosts[h], 0, &err), LEAT_OK);
		port = leat_listener_port(p.l);
		for (int i = 0; i < 3; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, acceptor, &p), 0);
		for (int again = 0; again < 2; again++) {
			for (int i = 0; i < 3; i++)
				c[i] = client_of(client, hosts[h], port);
			for (int i = 2; i >= 0; i--)
				talk(c[i]);
			for (int i = 0; i < 3; i++)
				assert_int_equal(leat_close(c[i], &err), LEAT_OK);
		}
		leat_listener_stop(p.l);
		for (int i = 0; i < 3; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(atomic_load(&p.served), 6);
		assert_int_equal(atomic_load(&p.closed), 3);
		/* it stays stopped, and nobody is let in */
		assert_int_equal(leat_accept(p.l, &c[0], MS, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_CLOSED);
		err = (struct leat_err){ 0 };
		assert_int_equal(
			leat_connect(&c[0], client, hosts[h], port, MS, &err), LEAT_FAILED);
		leat_listener_stop(p.l);
		leat_listener_close(p.l);
	}
	leat_config_unref(client);
	leat_config_unref(server);
	conn_use(NULL, NULL);
}

/* A listener is not a connection, and the compiler says so. */
static void listeners_are_no_connections(void **state)
{
	static const char *const calls[] = { "leat_send(l, \"x\", 1, 0, 0)",
		"leat_recv(l, b, 1, 0, &n)", "leat_conn_item(l, \"protocol\", b, 1)",
		"leat_peername(l, 0, 0)", "leat_peercert(l, 0, 0)", "leat_conn_prf(l, 0, b, 1, 0)",
		"leat_shutdown(l, 1, 0)" };

	(void)state;
	for (size_t i = 0; i <= sizeof(calls) / sizeof(calls[0]); i++) {
		bool right = i == sizeof(calls) / sizeof(calls[0]);
		FILE *f;
		int status;

		f = popen("cc -std=c11 -Werror -fsyntax-only -Iinclude -xc - 2>/dev/null", "w");
		assert_non_null(f);
		fprintf(f,
			"#include <leat/about.h>\n#include <leat/export.h>\n"
			"int f(struct leat_listener *l, char *b, size_t n);\n"
			"int f(struct leat_listener *l, char *b, size_t n)\n"
			"{ (void)b; (void)n; return (int)%s; }\n",
			right ? "leat_listener_port(l)" : calls[i]);
		status = pclose(f);
		assert_int_equal(WIFEXITED(status) && WEXITSTATUS(status) == 0, right);
	}
}

/* ---- connections that are not ready, or no longer ---------------------------------------------------------- */

static void refuses_everything(struct leat_conn *c)
{
	struct leat_message m;
	struct leat_err err = { 0 };
	struct leat_plain p;
	uint8_t b[10];
	size_t got;

	assert_int_equal(leat_downgrade(c, 0, &p, &err), LEAT_UNSUPPORTED);
	assert_int_equal(leat_recv(c, b, 1, 0, &got), LEAT_FAILED);
	assert_int_equal(leat_recv_exact(c, b, 1, 0, &got), LEAT_FAILED);
	assert_int_equal(leat_recv_message(c, &m, 0), LEAT_FAILED);
	assert_int_equal(leat_send(c, "x", 1, 0, NULL), LEAT_FAILED);
	assert_int_equal(leat_send_message(c, "x", 1, 0, NULL), LEAT_FAILED);
	assert_int_equal(leat_shutdown(c, SHUT_RDWR, 0), LEAT_FAILED);
	assert_int_equal(leat_conn_key_update(c, false), LEAT_FAILED);
}

/* REQ: T-api-close */
static void only_a_handshake_is_next(void **state)
{
	static const struct told t = { { { NULL }, { NULL } }, NULL, NULL, 0 };
	struct leat_config *server = config(LEAT_SERVER, t.say[1]);
	struct leat_err err = { 0 };
	struct leat_listener *ls;
	struct leat_conn *c;
	char name[40];
	int fd;

	(void)state;
	for (int broken = 0; broken < 2; broken++) {
		assert_int_equal(leat_listen(&ls, server, "127.0.0.1", 0, &err), LEAT_OK);
		assert_int_equal(
			leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(ls), MS, &err),
			LEAT_OK);
		assert_int_equal(leat_accept(ls, &c, MS, &err), LEAT_OK);
		if (broken) {
			assert_true(tcp_write_all(fd, "not TLS at all", 14));
			assert_int_equal(leat_handshake(c, MS), LEAT_FAILED);
		}
		refuses_everything(c);
		assert_string_equal(leat_err_name(leat_conn_error(c), name, sizeof(name)),
			broken ? "tls_alert unexpected_message" : "enotconn");
		leat_close(c, NULL); /* which is fine */
		leat_listener_close(ls);
		close(fd);
	}
	leat_config_unref(server);
}

static void the_transport_is_closed_below(void **state)
{
	static const struct link_opts o;
	struct link l;

	(void)state;
	link_open(&l, &o);
	link_say(&l, LEAT_CLIENT, "echo", 4);
	link_say(&l, LEAT_SERVER, "echo", 4);
	assert_int_equal(shutdown(leat_conn_fd(l.c[LEAT_CLIENT]), SHUT_RDWR), 0);
	assert_int_equal(leat_send(l.c[LEAT_CLIENT], "x", 1, MS, NULL), LEAT_FAILED);
	assert_int_equal(leat_conn_error(l.c[LEAT_CLIENT])->sys, EPIPE);
	link_close(&l);
}

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
		cmocka_unit_test(what_is_agreed_on),
		cmocka_unit_test(the_name_is_checked_even_if_it_is_not_told),
		cmocka_unit_test(suites_by_their_parts),
		cmocka_unit_test(certificates_of_both),
		cmocka_unit_test(acceptors_share_a_listener),
		cmocka_unit_test(listeners_are_no_connections),
		cmocka_unit_test(only_a_handshake_is_next),
		cmocka_unit_test(the_transport_is_closed_below),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
