/* SPDX-License-Identifier: Apache-2.0
 *
 * t_conn.c - the blocking interface of include/leat/leat.h over real sockets: making connections, every
 * way that fails, what is left behind (nothing), and system calls that come short, are interrupted or
 * break. Data and its end are the record suite's (tests/rec/).
 *
 * REQ: API-connect-2 API-connect-3s API-connect-3 API-connect-4 API-connect-badarg API-listen
 * REQ: API-peercert API-peername API-sockname API-ci-sni API-ssl_accept-1 API-ssl_accept-2
 * REQ: API-ssl_accept-upgrade API-ssl_accept-timeout API-transport_accept-1 API-transport_accept-2
 * REQ: API-transport_accept-restrict
 * TIMEOUT: 120
 */
#include "fakesys.h"
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duo.h"
#include "link.h"
#include "pair.h"
#include "pki.h"
#include "tcp.h"
#include "vec.h"

#include <leat/app.h>

#include "base/mem.h"

#define MS 10000

static struct leat_config *client, *server;

static void freeze(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
}

static int setup(void **state)
{
	(void)state;
	client = pair_client_config();
	server = pair_server_config(KEY_EC_P256);
	freeze(client);
	freeze(server);
	conn_use(NULL, &duo_env); /* certificates of tests are of another time */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	conn_use(NULL, NULL);
	leat_config_unref(client);
	leat_config_unref(server);
	pki_done();
	vec_free_all();
	return 0;
}

/* ---- a server in a thread: one connection, echoed to its end --------------------------------- */

struct echo {
	struct leat_listener *l;
	pthread_t thread;
	struct leat_err err;
	enum leat_ret result;
	char sni[64];
	size_t echoed;
};

static void echo_all(struct echo *s, struct leat_conn *c)
{
	struct leat_conn_info info;
	uint8_t b[5000];
	size_t got;

	leat_conn_info(c, &info);
	snprintf(s->sni, sizeof(s->sni), "%.*s", (int)info.tls.sni.n,
		info.tls.sni.n ? (const char *)info.tls.sni.p : "");
	while ((s->result = leat_recv(c, b, sizeof(b), MS, &got)) == LEAT_OK && got > 0) {
		s->result = leat_send(c, b, got, MS, NULL);
		if (s->result != LEAT_OK)
			break;
		s->echoed += got;
	}
	if (s->result != LEAT_OK)
		s->err = *leat_conn_error(c);
}

static void *echo_main(void *arg)
{
	struct echo *s = arg;
	struct leat_conn *c;

	s->result = leat_accept(s->l, &c, MS, &s->err);
	if (s->result != LEAT_OK)
		return NULL;
	s->result = leat_handshake(c, MS);
	if (s->result == LEAT_OK) {
		echo_all(s, c);
		leat_close_timeout(c, 0, NULL);
		return NULL;
	}
	s->err = *leat_conn_error(c);
	leat_conn_free(c);
	return NULL;
}

static uint16_t echo_start(struct echo *s, const char *host)
{
	struct leat_err err = { 0 };

	memset(s, 0, sizeof(*s));
	assert_int_equal(leat_listen(&s->l, server, host, 0, &err), LEAT_OK);
	assert_int_equal(pthread_create(&s->thread, NULL, echo_main, s), 0);
	return leat_listener_port(s->l);
}

static void echo_end(struct echo *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	leat_listener_close(s->l);
}

static void talk(struct leat_conn *c)
{
	uint8_t b[100];
	size_t got = 0, have = 0;

	assert_int_equal(leat_send(c, "over the weir", 13, MS, NULL), LEAT_OK);
	while (have < 13) {
		assert_int_equal(leat_recv(c, b + have, sizeof(b) - have, MS, &got), LEAT_OK);
		assert_true(got > 0);
		have += got;
	}
	assert_int_equal(have, 13);
	assert_memory_equal(b, "over the weir", 13);
}

static void connect_and_talk(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1", "localhost" };
	unsigned fds = open_fds();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct leat_err err = { 0 };
		struct leat_conn *c;
		struct echo s;
		uint16_t port = echo_start(&s, i < 2 ? hosts[i] : NULL);

		assert_true(port > 0);
		assert_int_equal(leat_connect(&c, client, hosts[i], port, MS, &err), LEAT_OK);
		talk(c);
		assert_int_equal(leat_close(c, &err), LEAT_OK);
		echo_end(&s);
		assert_int_equal(s.result, LEAT_OK);
		assert_int_equal(s.echoed, 13);
		/* RFC 6066 3: literal addresses are not asked for by name */
		assert_string_equal(s.sni, i < 2 ? "" : "localhost");
	}
	assert_int_equal(open_fds(), fds);
}

static void questions_are_answered(void **state)
{
	struct sockaddr_storage ss;
	struct leat_err err = { 0 };
	struct leat_conn_info info;
	struct leat_conn *c;
	struct leat_span leaf;
	struct echo s;
	uint16_t port = echo_start(&s, "127.0.0.1");

	(void)state;
	assert_int_equal(leat_connect(&c, client, "127.0.0.1", port, MS, &err), LEAT_OK);
	assert_int_equal(leat_peername(c, &ss, &err), LEAT_OK);
	assert_int_equal(ss.ss_family, AF_INET);
	assert_int_equal(ntohs(((struct sockaddr_in *)&ss)->sin_port), port);
	assert_int_equal(leat_sockname(c, &ss, &err), LEAT_OK);
	assert_int_not_equal(ntohs(((struct sockaddr_in *)&ss)->sin_port), port);
	leaf = pki_der(pki_server(KEY_EC_P256)->leaf);
	assert_int_equal(leat_peer_cert(c, 0).n, leaf.n);
	assert_memory_equal(leat_peer_cert(c, 0).p, leaf.p, leaf.n);
	assert_true(leat_peer_cert(c, 1).n > 0);
	assert_int_equal(leat_peer_cert(c, 2).n, 0);
	leat_conn_info(c, &info);
	assert_int_equal(info.tls.version, LEAT_TLS13);
	assert_non_null(info.tls.suite_name);
	assert_string_equal(info.rx.backend, "user");
	assert_int_equal(leat_conn_error(c)->cls, LEAT_E_NONE);
	assert_true(leat_conn_fd(c) >= 0);
	assert_int_equal(leat_conn_events(c, false), POLLIN);
	assert_int_equal(leat_conn_events(c, true), POLLIN | POLLOUT);
	talk(c);
	leat_close(c, NULL);
	echo_end(&s);
}

/* ---- connections that do not come about ------------------------------------------------------- */

static void expect_connect_error(struct leat_config *cfg, const char *host, uint16_t port,
	int timeout_ms, enum leat_err_class cls)
{
	unsigned fds = open_fds();
	struct leat_err err = { 0 };
	struct leat_conn *c = (void *)1;
	char buf[400];

	assert_int_equal(leat_connect(&c, cfg, host, port, timeout_ms, &err), LEAT_FAILED);
	assert_null(c);
	if (err.cls != cls)
		fail_msg("class %d: %s", err.cls, leat_strerror(&err, buf, sizeof(buf)));
	/* the resolver's thread may let its descriptor go a moment later than we come back */
	for (int i = 0; i < 500 && open_fds() != fds; i++)
		usleep(10000);
	assert_int_equal(open_fds(), fds);
}

static void bad_arguments(void **state)
{
	struct leat_config *raw = pair_client_config();

	(void)state;
	expect_connect_error(client, "", 443, MS, LEAT_E_OPTION);
	expect_connect_error(client, NULL, 443, MS, LEAT_E_OPTION);
	expect_connect_error(client, "127.0.0.1", 0, MS, LEAT_E_OPTION);
	expect_connect_error(client, "no-such-host.invalid", 443, MS, LEAT_E_SYSTEM);
	expect_connect_error(server, "127.0.0.1", 443, MS, LEAT_E_MISUSE);
	expect_connect_error(raw, "127.0.0.1", 443, MS, LEAT_E_MISUSE);
	leat_config_unref(raw);
	{ /* a name to check is wanted, and none given */
		struct leat_err err = { 0 };
		struct leat_conn *c;
		int fd[2];

		tcp_pair(fd);
		assert_int_equal(
			leat_upgrade_client(&c, client, fd[0], NULL, 0, 50, &err), LEAT_FAILED);
		assert_int_not_equal(err.cls, LEAT_E_TIMEOUT);
		close(fd[1]);
	}
}

static void nobody_listens(void **state)
{
	uint16_t port;
	int l = tcp_listen(&port);

	(void)state;
	close(l);
	expect_connect_error(client, "127.0.0.1", port, MS, LEAT_E_SYSTEM);
}

static void a_silent_server(void **state)
{
	uint16_t port;
	int l = tcp_listen(&port);

	(void)state;
	expect_connect_error(client, "127.0.0.1", port, 50, LEAT_E_TIMEOUT);
	expect_connect_error(client, "127.0.0.1", port, 0, LEAT_E_TIMEOUT);
	close(l);
}

static void the_wrong_name_is_refused_and_the_server_hears_of_it(void **state)
{
	struct leat_err err = { 0 };
	struct leat_conn *c;
	struct echo s;
	int fd;
	uint16_t port = echo_start(&s, "127.0.0.1");

	(void)state;
	assert_int_equal(leat_tcp_connect(&fd, "127.0.0.1", port, MS, &err), LEAT_OK);
	assert_int_equal(
		leat_upgrade_client(&c, client, fd, "elsewhere.test", 0, MS, &err), LEAT_FAILED);
	assert_null(c);
	assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(err.alert, LEAT_ALERT_BAD_CERTIFICATE);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
	echo_end(&s);
	assert_int_equal(s.result, LEAT_FAILED);
	assert_int_equal(s.err.cls, LEAT_E_PEER_ALERT);
	assert_int_equal(s.err.alert, LEAT_ALERT_BAD_CERTIFICATE);
}

static void keep_fd(void **state)
{
	struct leat_err err = { 0 };
	struct leat_conn *c;
	int fd[2];

	(void)state;
	tcp_pair(fd);
	assert_int_equal(
		leat_upgrade_client(&c, client, fd[0], "localhost", LEAT_KEEP_FD, 20, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
	assert_true(fcntl(fd[0], F_GETFD) >= 0);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_upgrade_server(&c, client, fd[1], LEAT_KEEP_FD, 20, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_true(fcntl(fd[1], F_GETFD) >= 0);
	close(fd[0]);
	close(fd[1]);
	/* a descriptor that is none */
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_upgrade_client(&c, client, fd[0], "localhost", LEAT_KEEP_FD, 20, &err),
		LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SYSTEM);
	assert_int_equal(err.sys, EBADF);
}

static void *upgrade_server_main(void *arg)
{
	int *fd = arg;
	struct leat_err err = { 0 };
	struct leat_conn *c;
	uint8_t b[100];
	size_t got;

	if (leat_upgrade_server(&c, server, *fd, 0, MS, &err) != LEAT_OK)
		return (void *)1;
	if (leat_recv(c, b, sizeof(b), MS, &got) != LEAT_OK ||
		leat_send(c, b, got, MS, NULL) != LEAT_OK)
		return (void *)2;
	/* exit_on_close: the peer closes its side, we go on sending */
	if (leat_recv(c, b, sizeof(b), MS, &got) != LEAT_OK || got != 0)
		return (void *)3;
	if (leat_send(c, "after", 5, MS, NULL) != LEAT_OK)
		return (void *)4;
	return leat_close(c, &err) == LEAT_OK ? NULL : (void *)5;
}

static void both_ends_upgraded(void **state)
{
	struct leat_err err = { 0 };
	struct leat_conn *c;
	pthread_t t;
	uint8_t b[100];
	size_t got;
	void *result;
	int fd[2];

	(void)state;
	tcp_pair(fd);
	assert_int_equal(write(fd[0], "STARTTLS\n", 9), 9); /* the protocol before the upgrade */
	assert_true(tcp_read_all(fd[1], b, 9));
	assert_int_equal(pthread_create(&t, NULL, upgrade_server_main, &fd[1]), 0);
	assert_int_equal(
		leat_upgrade_client(&c, client, fd[0], "localhost", 0, LEAT_INFINITY, &err),
		LEAT_OK);
	talk(c);
	assert_int_equal(leat_shutdown(c, SHUT_WR, MS), LEAT_OK);
	assert_int_equal(leat_recv(c, b, sizeof(b), MS, &got), LEAT_OK);
	assert_int_equal(got, 5);
	assert_int_equal(leat_close(c, &err), LEAT_OK);
	assert_int_equal(pthread_join(t, &result), 0);
	assert_null(result);
}

/* ---- listening ---------------------------------------------------------------------------------- */

/* REQ: T-api-ssl_accept_timeout T-tls-server_handshake_timeout */
static void listening(void **state)
{
	unsigned fds = open_fds();
	struct leat_err err = { 0 };
	struct leat_listener *l, *m;
	struct leat_conn *c;
	int fd;

	(void)state;
	assert_int_equal(leat_listen(&l, client, "127.0.0.1", 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_listen(&l, server, "no-such-host.invalid", 0, &err), LEAT_FAILED);
	assert_null(l);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_listen(&l, server, "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(
		leat_listen(&m, server, "127.0.0.1", leat_listener_port(l), &err), LEAT_FAILED);
	assert_int_equal(err.sys, EADDRINUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_accept(l, &c, 0, &err), LEAT_AGAIN);
	assert_int_equal(leat_accept(l, &c, 20, &err), LEAT_AGAIN);
	assert_null(c);
	/* one that comes and says nothing */
	assert_int_equal(
		leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(l), MS, &err), LEAT_OK);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_OK);
	assert_int_equal(
		leat_send(c, "x", 1, MS, NULL), LEAT_FAILED); /* not before the handshake */
	leat_conn_free(c);
	close(fd);
	assert_int_equal(
		leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(l), MS, &err), LEAT_OK);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_OK);
	assert_int_equal(leat_handshake(c, 30), LEAT_FAILED);
	assert_int_equal(leat_conn_error(c)->cls, LEAT_E_TIMEOUT);
	assert_int_equal(leat_handshake(c, 30), LEAT_FAILED); /* it stays failed */
	leat_conn_free(c);
	close(fd);
	leat_listener_close(l);
	leat_listener_close(NULL);
	assert_int_equal(open_fds(), fds);
}

/* A client that says something else than TLS, more of it than the server reads, and does not close: closing at once would
 * reset the alert away. How long the server's handshake took, in milliseconds. */
static int64_t garbage_handshake(const char *alert_timeout, int timeout_ms)
{
	struct leat_err err = { 0 };
	struct leat_listener *l;
	struct leat_conn *c;
	uint8_t b[100] = { 0 };
	int64_t begun;
	int fd;

	assert_int_equal(leat_app_set("alert_timeout", alert_timeout, &err), LEAT_OK);
	assert_int_equal(leat_listen(&l, server, "127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(
		leat_tcp_connect(&fd, "127.0.0.1", leat_listener_port(l), MS, &err), LEAT_OK);
	assert_int_equal(leat_accept(l, &c, MS, &err), LEAT_OK);
	assert_true(tcp_write_all(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27));
	for (int i = 0; i < 50; i++)
		assert_true(tcp_write_all(fd, b, sizeof(b)));
	if (alert_timeout[0] == '\0') /* closes its side: no reason to wait */
		shutdown(fd, SHUT_WR);
	begun = sys_real.now_ms();
	assert_int_equal(leat_handshake(c, timeout_ms), LEAT_FAILED);
	begun = sys_real.now_ms() - begun;
	assert_int_equal(leat_conn_error(c)->cls, LEAT_E_OUR_ALERT);
	leat_conn_free(c);
	fcntl(fd, F_SETFL, 0); /* blocking */
	assert_true(tcp_read_all(fd, b, 7));
	assert_int_equal(b[0], 21);
	assert_int_equal(b[5], 2);
	close(fd);
	leat_listener_close(l);
	assert_int_equal(leat_app_set("alert_timeout", "", &err), LEAT_OK);
	return begun;
}

/* The peer has alert_timeout to read the alert, no longer than the call may take, and less when it closes.
 * REQ: ENV-alert_timeout TIM-alert-5s */
/* REQ: T-err-tcp_connect */
static void garbage_gets_an_alert(void **state)
{
	struct leat_err err = { 0 };
	char initial[20];

	(void)state;
	assert_in_range(garbage_handshake("300", MS), 300, 2000);
	assert_in_range(garbage_handshake("5000", 200), 200, 2000);
	assert_in_range(garbage_handshake("0", MS), 0, 200);
	assert_in_range(garbage_handshake("", MS), 0, 2000);
	assert_int_equal(leat_app_get("alert_timeout", initial, sizeof(initial), &err), LEAT_OK);
	assert_string_equal(initial, "5000");
}

/* ---- system calls that misbehave ------------------------------------------------------------------ */

/* A whole small conversation with one call failing; true when it went through. */
static bool converse(
	const char *records, enum fakesys_call call, unsigned nth, int err, size_t most)
{
	struct rig_opts o = { LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", records, records,
		&fakesys };
	enum leat_ret s = LEAT_AGAIN;
	struct rig r;
	uint8_t b[100], type;
	size_t got = 0;
	bool ok = false;

	fakesys_reset();
	fakesys_short(most);
	if (nth)
		fakesys_fail(call, nth, 1, err);
	rig_open(&r, &o);
	for (int turns = 0; turns < 5000 && s == LEAT_AGAIN; turns++) {
		s = rig_conn_step(&r);
		rig_peer_step(&r);
	}
	if (s != LEAT_OK)
		goto out;
	rig_peer_step(&r);
	rig_take_keys(&r);
	if (leat_send(r.c, "hello", 5, MS, NULL) != LEAT_OK)
		goto out;
	for (size_t have = 0; have < 5; have += got)
		got = (size_t)rig_get(&r, &type, b + have);
	rig_put(&r, 23, "world", 5, 0);
	for (size_t have = 0; have < 5; have += got)
		if (leat_recv(r.c, b + have, 5 - have, MS, &got) != LEAT_OK)
			goto out;
	assert_memory_equal(b, "world", 5);
	ok = leat_shutdown(r.c, SHUT_WR, MS) == LEAT_OK;
	if (ok)
		rig_expect_alert(&r, 0);
out:
	if (!ok)
		assert_int_not_equal(leat_conn_error(r.c)->cls, LEAT_E_NONE);
	rig_close(&r);
	conn_use(NULL, &duo_env);
	return ok;
}

static void interrupted_and_short_calls_are_repeated(void **state)
{
	static const char *const records[] = { "user", "kernel" };

	(void)state;
	for (int k = 0; k < 2; k++) {
		assert_true(converse(records[k], 0, 0, 0, 0));
		assert_true(converse(records[k], 0, 0, 0, 1));
		assert_true(converse(records[k], 0, 0, 0, 7));
		for (unsigned n = 1; n < 14; n++) {
			assert_true(converse(records[k], FAKE_SENDMSG, n, EINTR, 0));
			assert_true(converse(records[k], FAKE_SENDMSG, n, EAGAIN, 0));
			assert_true(converse(records[k], FAKE_RECVMSG, n, EINTR, 0));
			assert_true(converse(records[k], FAKE_RECVMSG, n, EAGAIN, 0));
			assert_true(converse(records[k], FAKE_POLL, n, EINTR, 0));
		}
	}
}

static void broken_calls_are_errors(void **state)
{
	static const char *const records[] = { "user", "kernel" };
	unsigned failed = 0;

	(void)state;
	for (int k = 0; k < 2; k++)
		for (unsigned n = 1; n < 14; n++) {
			failed += !converse(records[k], FAKE_SENDMSG, n, EPIPE, 0);
			failed += !converse(records[k], FAKE_SENDMSG, n, ECONNRESET, 0);
			failed += !converse(records[k], FAKE_RECVMSG, n, ECONNRESET, 0);
			failed += !converse(records[k], FAKE_RECVMSG, n, ETIMEDOUT, 0);
		}
	assert_true(failed > 20);
}

static void sigpipe_is_never_raised(void **state)
{
	struct rig_opts o = { LEAT_CLIENT, "tlsv1.3", NULL, "user", "user", NULL };
	struct linger hard = { 1, 0 };
	int fd[2], file = open("/proc/self/exe", O_RDONLY);
	struct rig r;
	off_t off = 0;

	(void)state;
	signal(SIGPIPE, SIG_DFL); /* the process would end */
	rig_connect(&r, &o);
	setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(r.fd);
	r.fd = -1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(leat_send(r.c, "x", 1, MS, NULL), LEAT_FAILED);
	rig_close(&r);
	conn_use(NULL, &duo_env);
	/* sendfile(2) has no flag against it */
	tcp_pair(fd);
	assert_int_equal(shutdown(fd[0], SHUT_WR), 0);
	assert_int_equal(sys_real.sendfile(fd[0], file, &off, 100), -EPIPE);
	assert_int_equal(sys_real.sendfile(fd[0], file, &off, 100), -EPIPE);
	close(fd[0]);
	close(fd[1]);
	close(file);
}

static void every_allocation_may_fail(void **state)
{
	unsigned fds = open_fds();
	bool through = false;

	(void)state;
	for (unsigned long n = 1; n < 400 && !through; n++) {
		struct leat_err err = { 0 };
		struct leat_conn *c;
		int fd[2];

		tcp_pair(fd);
		leat_mem_fail_at(n);
		through = conn_open(&c, client, fd[0], "localhost", &err) == LEAT_OK;
		leat_mem_fail_at(0);
		if (through) {
			leat_conn_free(c);
		} else {
			assert_int_equal(err.cls, LEAT_E_MEMORY);
			close(fd[0]);
		}
		close(fd[1]);
	}
	assert_true(through);
	assert_int_equal(open_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_and_talk),
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(a_silent_server),
		cmocka_unit_test(the_wrong_name_is_refused_and_the_server_hears_of_it),
		cmocka_unit_test(keep_fd),
		cmocka_unit_test(both_ends_upgraded),
		cmocka_unit_test(listening),
		cmocka_unit_test(garbage_gets_an_alert),
		cmocka_unit_test(interrupted_and_short_calls_are_repeated),
		cmocka_unit_test(broken_calls_are_errors),
		cmocka_unit_test(sigpipe_is_never_raised),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
