/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sockopt.c - socket options by name (sock/sockopt.c): every name, every bad value, on sockets that exist
 * and on those that are being made; raw options beside them.
 *
 * REQ: TYPE-option TYPE-socketoption OPT-inet-flags OPT-inet-inherit OPT-raw-opt
 * REQ: OPT-exit_on_close OPT-reuseaddr API-getopts API-setopts LIM-active-n ERR-options-sock
 * REQ: OPT-reuse-implicit T-basic-raw_opt T-basic-inval_getopt T-basic-inval_setopt T-basic-reuseaddr
 */
#include "link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/option.h"
#include "pair.h"
#include "tcp.h"

static struct sockset set;
static int fd;

static int setup(void **state)
{
	(void)state;
	sockset_init(&set, NULL);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(fd);
}

static const char *show(const char *name)
{
	static char buf[40];
	struct leat_err err = { 0 };

	assert_int_equal(sockset_get(&set, fd, name, buf, sizeof(buf), &err), LEAT_OK);
	return buf;
}

static void takes(const char *name, const char *value, const char *shown)
{
	struct leat_err err = { 0 };

	assert_int_equal(sockset_set(&set, fd, name, value, &err), LEAT_OK);
	assert_int_equal(err.cls, LEAT_E_NONE);
	assert_string_equal(show(name), shown);
}

static void refuses(const char *name, const char *value)
{
	struct sockset before = set;
	struct leat_err err = { 0 };
	char text[300];

	assert_int_equal(sockset_set(&set, fd, name, value, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SOCKOPT);
	assert_string_equal(err.option, name);
	assert_string_equal(err.detail, value ? value : "");
	assert_memory_equal(&before, &set, sizeof(set));
	leat_strerror(&err, text, sizeof(text));
	assert_non_null(strstr(text, "invalid socket option"));
	assert_non_null(strstr(text, name));
}

static void defaults_and_round_trips(void **state)
{
	static const char *const packets[] = { "1", "2", "4", "asn1", "cdr", "sunrm", "fcgi",
		"tpkt", "line", "http", "httph", "http_bin", "httph_bin", "0" };

	(void)state;
	assert_string_equal(show("mode"), "binary");
	assert_string_equal(show("packet"), "0");
	assert_string_equal(show("packet_size"), "67108864");
	assert_string_equal(show("header"), "0");
	assert_string_equal(show("active"), "false");
	assert_string_equal(show("exit_on_close"), "false");
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		takes("packet", packets[i], packets[i]);
	takes("packet", "raw", "0");
	takes("packet_size", "0", "0");
	takes("packet_size", "4294967295", "4294967295");
	takes("line_delimiter", "255", "255");
	takes("mode", "list", "list");
	takes("mode", "binary", "binary");
	takes("list", NULL, "list");
	takes("binary", "true", "binary");
	takes("header", "65535", "65535");
	takes("exit_on_close", "true", "true");
	takes("nodelay", "true", "true");
	takes("nodelay", "false", "false");
	takes("keepalive", "true", "true");
	takes("reuseaddr", "true", "true");
	takes("ipv6_v6only", "true", "true");
	takes("priority", "3", "3");
	takes("tclass", "32", "32");
	takes("user_timeout", "1234", "1234");
	takes("linger", "7", "7");
	takes("linger", "false", "false");
	takes("recbuf", "20000", "40000"); /* the kernel doubles it, and says so */
	takes("sndbuf", "20000", "40000");
}

static void active_counts(void **state)
{
	(void)state;
	takes("active", "true", "true");
	takes("active", "once", "once");
	takes("active", "3", "3"); /* not added to "once" */
	takes("active", "4", "7");
	takes("active", "-2", "5");
	takes("active", "32762", "32767");
	refuses("active", "1"); /* the sum has no 16 bits */
	takes("active", "-32767", "false");
	takes("active", "-32768", "false"); /* nothing left is not less than nothing */
	takes("active", "1", "1");
	refuses("active", "32768");
	refuses("active", "-32769");
}

static void values_that_are_none(void **state)
{
	static const char *const bad[][6] = {
		{ "packet", "foo", "", "3", "RAW", NULL },
		{ "packet_size", "x", "", "-1", "4294967296", NULL },
		{ "line_delimiter", "256", "-1", "a", "", NULL },
		{ "mode", "foo", "", "Binary", "lists", NULL },
		{ "binary", "list", "false", "1", "x", NULL },
		{ "header", "x", "-1", "65536", "1x", NULL },
		{ "active", "on", "", "Once", "1.5", NULL },
		{ "exit_on_close", "1", "", "yes", "True", NULL },
		{ "nodelay", "1", "", "yes", "true ", NULL },
		{ "recbuf", "-1", "x", "", "1073741824", NULL },
		{ "linger", "true", "-1", "65536", "", NULL },
		{ "tos", "256", "-1", "x", "", NULL },
		{ "port", "1", "2", "3", "4", NULL }, /* the socket is made already */
		{ "inet6", "true", "false", "", "x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (int k = 1; k < 5; k++)
			refuses(bad[i][0], bad[i][k]);
		if (strcmp(bad[i][0], "binary") != 0)
			refuses(bad[i][0], NULL);
	}
}

static void names_that_are_none(void **state)
{
	static const char *const names[] = { "nosuch", "", "Packet", "packet ", NULL };
	struct leat_err err;
	char buf[10];

	(void)state;
	for (int i = 0; i < 5; i++) {
		err = (struct leat_err){ 0 };
		assert_int_equal(sockset_set(&set, fd, names[i], "1", &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_SOCKOPT);
		assert_string_equal(err.detail, names[i] ? names[i] : "");
		err = (struct leat_err){ 0 };
		assert_int_equal(
			sockset_get(&set, fd, names[i], buf, sizeof(buf), &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_SOCKOPT);
	}
	err = (struct leat_err){ 0 };
	assert_int_equal(sockset_get(&set, fd, "port", buf, sizeof(buf), &err), LEAT_FAILED);
	/* what is cut is ended */
	err = (struct leat_err){ 0 };
	assert_int_equal(sockset_get(&set, fd, "packet_size", buf, 4, &err), LEAT_OK);
	assert_string_equal(buf, "671");
}

static void is_no_name(const char *name)
{
	struct leat_err err = { 0 };

	assert_int_equal(sockset_set(&set, fd, name, "1", &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SOCKOPT);
	assert_string_equal(err.detail, name);
	assert_int_equal(err.sys, 0); /* no system call was tried */
}

/* Options of TLS are the config's: none of them is taken for one of the transport. */
static void options_of_tls_are_none_of_a_socket(void **state)
{
	static const char *const more[] = { "reuse_session", "cb_info", "password", "verify_fun" };
	const struct option *o;
	size_t n = 0;

	(void)state;
	for (; (o = option_at(n)); n++)
		is_no_name(o->name);
	assert_true(n > 40);
	for (n = 0; n < 4; n++)
		is_no_name(more[n]);
}

static void every_name_is_known(void **state)
{
	size_t num = 0;

	(void)state;
	for (; leat_sockopt_name(num); num++) {
		struct leat_err err = { 0 };
		char buf[40];

		if (sockset_get(&set, fd, leat_sockopt_name(num), buf, sizeof(buf), &err) !=
			LEAT_OK)
			assert_string_equal(err.what, "is not kept once the socket is made");
	}
	assert_true(num >= 20);
	assert_null(leat_sockopt_name(num + 1));
}

static void the_kernels_refusal(void **state)
{
	struct leat_err err = { 0 };
	char buf[10];
	int own = fd;

	(void)state;
	fd = -1;
	assert_int_equal(sockset_set(&set, fd, "nodelay", "true", &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SOCKOPT);
	assert_int_equal(err.sys, EBADF);
	err = (struct leat_err){ 0 };
	assert_int_equal(sockset_get(&set, fd, "nodelay", buf, sizeof(buf), &err), LEAT_FAILED);
	assert_int_equal(err.sys, EBADF);
	fd = own;
}

/* ---- sockets that are being made ----------------------------------------------------------------------- */

static void a_plan_is_checked_whole(void **state)
{
	static const struct leat_sockopt good[] = { { "inet6", NULL }, { "packet", "4" },
		{ "active", "once" }, { "ip", "::1" }, { "port", "0" }, { "backlog", "7" },
		{ "nodelay", "false" } };
	static const struct leat_sockopt bad[] = { { "ip", "localhost" }, { "ip", NULL },
		{ "port", "65536" }, { "backlog", "x" }, { "nodelay", "2" }, { "nosuch", "1" },
		{ NULL, "1" }, { "inet", "false" }, { "active", "40000" } };
	struct leat_err err = { 0 };
	struct sockplan p;

	(void)state;
	assert_int_equal(sockplan_init(&p, NULL, good, 7, &err), LEAT_OK);
	assert_int_equal(p.family, AF_INET6);
	assert_int_equal(p.backlog, 7);
	assert_int_equal(p.set.framing.type, LEAT_PACKET_4);
	assert_int_equal(p.set.active, ACTIVE_ONCE);
	assert_int_equal(sockplan_apply(&p, fd, &err), LEAT_OK);
	assert_string_equal(show("nodelay"), "false");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct leat_sockopt list[2] = { good[1], bad[i] };

		err = (struct leat_err){ 0 };
		assert_int_equal(sockplan_init(&p, NULL, list, 2, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_SOCKOPT);
	}
}

static struct leat_config *frozen(struct leat_config *c)
{
	struct leat_err err = { 0 };

	assert_int_equal(leat_config_freeze(c, &err), LEAT_OK);
	return c;
}

static const char *of_listener(const struct leat_listener *l, const char *name)
{
	static char buf[40];
	struct leat_err err = { 0 };

	assert_int_equal(leat_listener_getopt(l, name, buf, sizeof(buf), &err), LEAT_OK);
	return buf;
}

static const char *of_conn(const struct leat_conn *c, const char *name)
{
	static char buf[40];
	struct leat_err err = { 0 };

	assert_int_equal(leat_conn_getopt(c, name, buf, sizeof(buf), &err), LEAT_OK);
	return buf;
}

static void listeners_hand_their_options_on(void **state)
{
	static const struct leat_sockopt list[] = { { "packet", "2" }, { "recbuf", "30000" },
		{ "ip", "127.0.0.1" }, { "nodelay", "false" }, { "keepalive", "true" } };
	struct leat_listen_opts o = { .sockopts = list, .num_sockopts = 5 };
	struct leat_config *cfg = frozen(pair_server_config(KEY_EC_P256));
	struct leat_err err = { 0 };
	struct leat_listener *l, *again;
	struct leat_conn *c;
	int keepidle = 55, got = 0, client;
	socklen_t n = sizeof(got);

	(void)state;
	assert_int_equal(leat_listen_with(&l, cfg, &o, &err), LEAT_OK);
	assert_string_equal(of_listener(l, "packet"), "2");
	assert_string_equal(of_listener(l, "recbuf"), "60000");
	assert_string_equal(of_listener(l, "reuseaddr"), "true");
	/* raw ones, by the descriptor */
	assert_int_equal(setsockopt(leat_listener_fd(l), IPPROTO_TCP, TCP_KEEPIDLE, &keepidle,
				 sizeof(keepidle)),
		0);
	assert_int_equal(getsockopt(leat_listener_fd(l), IPPROTO_TCP, TCP_KEEPIDLE, &got, &n), 0);
	assert_int_equal(got, 55);
	assert_int_equal(leat_listener_setopt(l, "packet", "4", &err), LEAT_OK);
	assert_int_equal(leat_listener_setopt(l, "packet", "5", &err), LEAT_FAILED);
	err = (struct leat_err){ 0 };
	assert_int_equal(
		leat_tcp_connect(&client, "127.0.0.1", leat_listener_port(l), LINK_MS, &err),
		LEAT_OK);
	assert_int_equal(leat_accept(l, &c, LINK_MS, &err), LEAT_OK);
	assert_string_equal(of_conn(c, "packet"), "4");
	assert_string_equal(of_conn(c, "nodelay"), "false");
	assert_string_equal(of_conn(c, "keepalive"), "true");
	n = sizeof(got);
	assert_int_equal(getsockopt(leat_conn_fd(c), IPPROTO_TCP, TCP_KEEPIDLE, &got, &n), 0);
	assert_int_equal(got, 55);
	assert_int_equal(leat_conn_setopt(c, "packet", "1", &err), LEAT_OK);
	assert_string_equal(of_listener(l, "packet"), "4");
	/* the same port at once, with the old connection still there */
	o.port = leat_listener_port(l);
	leat_listener_close(l);
	assert_int_equal(leat_listen_with(&again, cfg, &o, &err), LEAT_OK);
	leat_listener_close(again);
	leat_conn_free(c);
	close(client);
	leat_config_unref(cfg);
}

static void refused_before_there_is_a_socket(void **state)
{
	static const struct leat_sockopt bad = { "packet", "5" };
	const struct leat_listen_opts lo = { .sockopts = &bad, .num_sockopts = 1 };
	const struct leat_client_opts co = {
		.host = "localhost", .sockopts = &bad, .num_sockopts = 1
	};
	const struct leat_server_opts so = { .sockopts = &bad, .num_sockopts = 1 };
	struct leat_config *client = frozen(pair_client_config()),
			   *server = frozen(pair_server_config(KEY_EC_P256));
	unsigned fds = open_fds();
	struct leat_listener *l;
	struct leat_err err[4] = { 0 };
	struct leat_conn *c;
	int pair[2];

	(void)state;
	assert_int_equal(leat_listen_with(&l, server, &lo, &err[0]), LEAT_FAILED);
	assert_null(l);
	assert_int_equal(leat_connect_with(&c, client, 1, &co, LINK_MS, &err[1]), LEAT_FAILED);
	tcp_pair(pair);
	assert_int_equal(leat_upgrade_client_with(&c, client, pair[0], &co, 0, LINK_MS, &err[2]),
		LEAT_FAILED);
	assert_int_equal(leat_upgrade_server_with(&c, server, pair[1], &so, 0, LINK_MS, &err[3]),
		LEAT_FAILED);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(err[i].cls, LEAT_E_SOCKOPT);
		assert_string_equal(err[i].option, "packet");
	}
	assert_int_equal(open_fds(), fds);
	leat_config_unref(client);
	leat_config_unref(server);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_and_round_trips),
		TEST(active_counts),
		TEST(values_that_are_none),
		TEST(names_that_are_none),
		TEST(every_name_is_known),
		TEST(options_of_tls_are_none_of_a_socket),
		TEST(the_kernels_refusal),
		TEST(a_plan_is_checked_whole),
		TEST(listeners_hand_their_options_on),
		TEST(refused_before_there_is_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
