/* SPDX-License-Identifier: Apache-2.0
 *
 * t_log.c - the log of the process (leat/log.h, sock/log.c): what is told of connections that end by an alert, in
 * which words, to whom, and what never is told. The ready logs are read at sockets of the test's own.
 */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <leat/app.h>

#include "base/mem.h"
#include "duo.h"
#include "pair.h"
#include "pki.h"
#include "sock/log.h"
#include "tcp.h"

#define KEEP 16

/* What came, texts copied. */
static struct seen {
	struct leat_log_event ev;
	char text[LEAT_LOG_TEXT];
	char state[30];
} seen[KEEP];
static size_t num_seen;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;

static void see(void *arg, const struct leat_log_event *ev)
{
	struct seen *s = &seen[num_seen % KEEP];

	assert_ptr_equal(arg, seen);
	assert_true(strlen(ev->text) < LEAT_LOG_TEXT);
	for (const char *p = ev->text; *p; p++)
		assert_in_range(*p, ' ', '~');
	pthread_mutex_lock(&seen_lock);
	s->ev = *ev;
	snprintf(s->text, sizeof(s->text), "%s", ev->text);
	snprintf(s->state, sizeof(s->state), "%s", ev->state);
	num_seen++;
	pthread_mutex_unlock(&seen_lock);
}

static void app_set(const char *name, const char *value)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_app_set(name, value, &err), LEAT_OK);
}

static int setup(void **state)
{
	(void)state;
	conn_use(NULL, &duo_env);
	leat_log_set(see, seen);
	app_set("log", "");
	app_set("log_level", "");
	app_set("alert_timeout", "0");
	num_seen = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leat_log_set(NULL, NULL);
	log_use_sockets(NULL, NULL);
	conn_use(NULL, NULL);
	app_set("alert_timeout", "");
	return 0;
}

/* The event of that side, which must be there. */
static const struct seen *of(enum leat_role role)
{
	for (size_t i = 0; i < num_seen; i++)
		if (seen[i].ev.role == role)
			return &seen[i];
	fail_msg("no event of role %d among %zu", role, num_seen);
	return &seen[0];
}

static void has(const struct seen *s, const char *words)
{
	if (!strstr(s->text, words))
		fail_msg("\"%s\" has no \"%s\"", s->text, words);
}

/* A handshake of these two over TCP that fails on both sides; configs are released. */
static void fail_handshake(struct leat_config *client, struct leat_config *server)
{
	struct leat_config *cfg[2] = { client, server };
	struct leat_conn *c[2];
	struct leat_err err = { 0 };
	enum leat_ret r[2] = { LEAT_AGAIN, LEAT_AGAIN };
	short events;
	int fd[2];

	tcp_pair(fd);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(leat_config_freeze(cfg[i], &err), LEAT_OK);
		assert_int_equal(
			conn_open(&c[i], cfg[i], fd[i], i ? NULL : "localhost", &err), LEAT_OK);
	}
	for (int turn = 0; turn < 20 && (r[0] == LEAT_AGAIN || r[1] == LEAT_AGAIN); turn++)
		if (r[turn % 2] == LEAT_AGAIN)
			r[turn % 2] = conn_handshake_some(c[turn % 2], &events);
	assert_int_equal(r[0], LEAT_FAILED);
	assert_int_equal(r[1], LEAT_FAILED);
	for (int i = 0; i < 2; i++) {
		leat_conn_free(c[i]);
		leat_config_unref(cfg[i]);
	}
}

/* One that trusts another root. */
static struct leat_config *stranger(void)
{
	struct leat_config *c;
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_new(&c, LEAT_CLIENT, &err), LEAT_OK);
	assert_int_equal(leat_config_add_trust(c, pki_stranger_pem(), NULL, &err), LEAT_OK);
	return c;
}

/* Side, role, state, whose alert and which, the reason.
 * REQ: LOG-whose T-alert-details */
static void both_sides_of_an_alert(void **state)
{
	static const char *const versions[] = { "tlsv1.2", "tlsv1.3" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct leat_config *c = stranger();

		num_seen = 0;
		pair_set(c, "versions", versions[i]);
		fail_handshake(c, pair_server_config(KEY_EC_P256));
		assert_int_equal(num_seen, 2);
		for (int role = 0; role < 2; role++) {
			const struct seen *s = of((enum leat_role)role);

			assert_int_equal(s->ev.level, LEAT_LOG_NOTICE);
			assert_int_equal(s->ev.alert, LEAT_ALERT_UNKNOWN_CA);
			assert_string_equal(s->ev.alert_name, "unknown_ca");
			assert_string_equal(s->ev.origin, role == LEAT_CLIENT ? "own" : "peer");
			assert_string_not_equal(s->state, "DEAD");
			assert_non_null(s->ev.conn);
			has(s, role == LEAT_CLIENT ? "TLS client, state " : "TLS server, state ");
			has(s, s->state);
			has(s, role == LEAT_CLIENT ? "own alert unknown_ca (48): "
						   : "peer alert unknown_ca (48): ");
		}
		has(of(LEAT_CLIENT), "certificate: ");
	}
}

/* Of an established connection too, once. */
static void after_the_handshake(void **state)
{
	struct link_opts o = { .versions = "tlsv1.3" };
	struct link l;
	char b[10];
	size_t got;

	(void)state;
	link_open(&l, &o);
	assert_int_equal(send(l.c[0]->fd,
				 "\x17\x03\x03\x00\x11"
				 "12345678901234567",
				 22, 0),
		22);
	for (int i = 0; i < 3; i++)
		assert_int_equal(leat_recv(l.c[1], b, sizeof(b), 0, &got), LEAT_FAILED);
	assert_int_equal(leat_recv(l.c[0], b, sizeof(b), 1000, &got), LEAT_FAILED);
	assert_int_equal(num_seen, 2);
	assert_string_equal(of(LEAT_SERVER)->state, "UP");
	has(of(LEAT_SERVER), "own alert bad_record_mac (20)");
	has(of(LEAT_CLIENT), "peer alert bad_record_mac (20)");
	link_close(&l);
}

/* By the option, by the level, and by a log that is nobody.
 * REQ: LOG-alert-off OPT-log_alert T-api-cb_log_alert */
static void silence(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct leat_config *c = stranger(), *s = pair_server_config(KEY_EC_P256);

		num_seen = 0;
		if (i == 0)
			pair_set(c, "log_alert", "false");
		if (i == 1)
			pair_set(s, "log_alert", "false");
		app_set("log_level", i == 2 ? "warning" : i == 3 ? "error" : "");
		if (i == 4) {
			leat_log_set(NULL, NULL);
			app_set("log", "none");
		}
		fail_handshake(c, s);
		assert_int_equal(num_seen, i < 2 ? 1 : 0);
		if (i < 2)
			assert_int_equal(seen[0].ev.role, i == 0 ? LEAT_SERVER : LEAT_CLIENT);
	}
}

/* Ends that are nobody's fault, and those of the transport. */
static void orderly_ends_are_no_news(void **state)
{
	struct link_opts o = { .versions = "tlsv1.3" };
	struct link l;
	char b[10];
	size_t got;

	(void)state;
	link_open(&l, &o);
	assert_int_equal(leat_shutdown(l.c[0], SHUT_WR, 0), LEAT_OK);
	assert_int_equal(leat_recv(l.c[1], b, sizeof(b), 1000, &got), LEAT_OK);
	link_close(&l);
	link_open(&l, &o);
	leat_conn_free(l.c[0]);
	l.c[0] = NULL;
	assert_int_equal(leat_recv(l.c[1], b, sizeof(b), 1000, &got), LEAT_FAILED);
	link_close(&l);
	assert_int_equal(num_seen, 0);
}

/* A client that verifies nobody because its preset says so, once for each config; not one that was told to.
 * REQ: T-api-warn_verify_none */
static void verify_none(void **state)
{
	static const char *const told[] = { NULL, "verify_none", "verify_peer" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct leat_err err = { 0 };
		struct leat_config *c;
		struct leat_conn *conn;
		int fd[2];

		num_seen = 0;
		assert_int_equal(leat_config_new(&c, LEAT_CLIENT, &err), LEAT_OK);
		assert_int_equal(leat_config_use_preset(c, "otp73", &err), LEAT_OK);
		assert_int_equal(leat_config_add_trust(c, pki_root_pem(), NULL, &err), LEAT_OK);
		if (i == 3)
			assert_int_equal(
				leat_config_set_verify(c, LEAT_VERIFY_NONE, &err), LEAT_OK);
		else if (told[i])
			pair_set(c, "verify", told[i]);
		pair_set(c, "log_alert", "false"); /* it is no alert */
		assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
		for (int twice = 0; twice < 2; twice++) {
			tcp_pair(fd);
			assert_int_equal(conn_open(&conn, c, fd[0], "localhost", &err), LEAT_OK);
			leat_conn_free(conn);
			close(fd[1]);
		}
		assert_int_equal(num_seen, i == 0 ? 1 : 0);
		if (i == 0) {
			assert_int_equal(seen[0].ev.level, LEAT_LOG_WARNING);
			has(&seen[0], "not verified");
			assert_null(seen[0].ev.origin);
		}
		leat_config_unref(c);
	}
}

static size_t count_words(const char *words)
{
	size_t n = 0;

	for (size_t i = 0; i < num_seen; i++)
		n += strstr(seen[i].text, words) != NULL;
	return n;
}

/* Nothing of what is secret, in any text; an error about such an option has its name alone.
 * REQ: LOG-secrets */
static void nothing_secret(void **state)
{
	static const char *const options[] = { "password", "keyfile", "certfile", "key", "cert",
		"dhfile", "dh", "psk", "psk_identity", "srp_identity" };
	const struct leat_psk psk = { .identity = { (const uint8_t *)"who-am-i", 8 },
		.secret = { (const uint8_t *)"hush-hush-hush-hush", 19 } };
	struct leat_config *c = stranger(), *s = pair_server_config(KEY_EC_P256);
	struct link_opts o = { 0 };
	struct leat_err err = { 0 };
	struct link l;

	(void)state;
	/* keys of both sides that do not fit */
	assert_int_equal(leat_config_add_psk(c, &psk, &err), LEAT_OK);
	assert_int_equal(
		leat_config_add_psk(s,
			&(struct leat_psk){ .identity = psk.identity,
				.secret = { (const uint8_t *)"another-secret-of-it", 20 } },
			&err),
		LEAT_OK);
	fail_handshake(c, s);
	assert_true(num_seen > 0);
	assert_int_equal(count_words("hush") + count_words("another") + count_words("who-am-i"), 0);
	/* whatever an error may carry */
	link_open(&l, &o);
	num_seen = 0;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct leat_err why = { .cls = LEAT_E_CRYPTO,
			.what = "refused",
			.option = options[i],
			.detail = "s3cr3t" };

		log_conn_end(l.c[0], &why);
		assert_int_equal(num_seen, i + 1);
		has(&seen[i], "refused");
	}
	assert_int_equal(count_words("s3cr3t"), 0);
	link_close(&l);
}

/* What a peer or a certificate puts into a reason is cut, and made printable by who took it in. */
static void bounded(void **state)
{
	char what[2 * LEAT_LOG_TEXT];
	struct leat_err why = { .cls = LEAT_E_MEMORY, .where = __FILE__, .what = what };
	struct link_opts o = { 0 };
	struct link l;

	(void)state;
	memset(what, 'x', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	memset(why.detail, 'y', sizeof(why.detail) - 1);
	link_open(&l, &o);
	log_conn_end(l.c[0], &why);
	assert_int_equal(num_seen, 1);
	assert_int_equal(seen[0].ev.level, LEAT_LOG_ERROR);
	assert_int_equal(strlen(seen[0].text), LEAT_LOG_TEXT - 1);
	link_close(&l);
}

/* ---- the ready logs ------------------------------------------------------------------------------ */

static int datagrams(struct sockaddr_un *a, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path, sizeof(a->sun_path), "/tmp/leat-log-%d-%s", (int)getpid(), name);
	assert_int_equal(bind(fd, (struct sockaddr *)a, sizeof(*a)), 0);
	return fd;
}

/* The next message, "" when there is none. */
static const char *next(int fd)
{
	static char b[2000];
	ssize_t n = recv(fd, b, sizeof(b) - 1, 0);

	b[n > 0 ? n : 0] = '\0';
	return b;
}

static void fail_one(void)
{
	struct leat_config *c = stranger();

	pair_set(c, "log_alert", "false");
	fail_handshake(c, pair_server_config(KEY_EC_P256));
}

/* Without anybody having asked: the system's, journald before syslog. What nobody takes is lost and stops nothing.
 * REQ: LOG-default */
static void the_system(void **state)
{
	struct sockaddr_un sys, journal;
	int s = datagrams(&sys, "syslog"), j = datagrams(&journal, "journal");
	const char *m;

	(void)state;
	leat_log_set(NULL, NULL);
	log_use_sockets(sys.sun_path, journal.sun_path);
	fail_one();
	m = next(j);
	assert_non_null(strstr(m, "MESSAGE=TLS server, state "));
	assert_non_null(strstr(m, "\nPRIORITY=5\n"));
	assert_non_null(strstr(m, "\nSYSLOG_IDENTIFIER=t_log\n"));
	assert_non_null(strstr(m, "\nLEAT_ROLE=server\n"));
	assert_non_null(strstr(m, "\nLEAT_ORIGIN=peer\n"));
	assert_non_null(strstr(m, "\nLEAT_ALERT=unknown_ca\n"));
	assert_string_equal(next(j), "");
	assert_string_equal(next(s), "");
	close(j);
	unlink(journal.sun_path);
	fail_one();
	m = next(s);
	assert_memory_equal(m, "<29>", 4); /* daemon, notice */
	assert_non_null(strstr(m, " t_log["));
	assert_non_null(strstr(m, "]: TLS server, state "));
	assert_string_equal(next(s), "");
	/* nobody reads: the queue of the socket is full at some time */
	for (int i = 0; i < 600; i++)
		leat_log_syslog(NULL, &(struct leat_log_event){ .text = "x", .state = "UP" });
	close(s);
	unlink(sys.sun_path);
	fail_one();
}

static void standard_error(void **state)
{
	int kept = dup(STDERR_FILENO), p[2];
	char b[1000];
	ssize_t n;

	(void)state;
	leat_log_set(NULL, NULL);
	app_set("log", "stderr");
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[1], STDERR_FILENO), STDERR_FILENO);
	fail_one();
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	close(kept);
	close(p[1]);
	n = read(p[0], b, sizeof(b) - 1);
	assert_true(n > 0);
	b[n] = '\0';
	assert_memory_equal(b, "t_log: TLS server, state ", 25);
	assert_ptr_equal(strchr(b, '\n'), b + n - 1);
	close(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_sides_of_an_alert, setup, teardown),
		cmocka_unit_test_setup_teardown(after_the_handshake, setup, teardown),
		cmocka_unit_test_setup_teardown(silence, setup, teardown),
		cmocka_unit_test_setup_teardown(orderly_ends_are_no_news, setup, teardown),
		cmocka_unit_test_setup_teardown(verify_none, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_system, setup, teardown),
		cmocka_unit_test_setup_teardown(standard_error, setup, teardown),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	pki_done();
	vec_free_all();
	return r;
}
