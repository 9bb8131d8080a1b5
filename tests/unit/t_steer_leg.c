/* SPDX-License-Identifier: Apache-2.0
 *
 * t_steer_leg.c: user/steer/leg.c and kernel-helpers/leg.bpf.c on the running kernel, over the loopback.
 * tests/kernel/t_steer_leg.c is the same in the kernel machine.
 *
 * TIMEOUT: 120
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "steer/leg.h"
#include "steerkit.h"
#include "tcp.h"

#define BUDGET 65536 /* STEER_LEG_BYTES */

/* a is the proxy's end, b the backend's. */
struct leg_pair {
	struct leg *l;
	int a, b, lfd;
	uint16_t port;
};

static void open_leg(struct leg_pair *p)
{
	char why[STEER_TEXT] = "";

	*p = (struct leg_pair){ .l = leg_open(why), .a = -1, .b = -1 };
	if (p->l == NULL)
		steer_skip(why);
	p->lfd = steer_listening(&p->port);
}

static void join(struct leg_pair *p, bool wanted)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(p->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char why[STEER_TEXT] = "";

	p->a = socket(AF_INET, SOCK_STREAM, 0);
	if (wanted && !leg_want(p->l, p->a, why))
		fail_msg("%s", why);
	assert_int_equal(connect(p->a, (struct sockaddr *)&to, sizeof(to)), 0);
	steer_await(&p->lfd, 1, 1);
	p->b = accept(p->lfd, NULL, NULL);
	assert_true(p->b >= 0);
}

static void start(struct leg_pair *p)
{
	open_leg(p);
	join(p, true);
	assert_int_equal(leg_count(p->l).entered, 2);
}

static void stop(struct leg_pair *p)
{
	close(p->a);
	close(p->b);
	close(p->lfd);
	leg_close(p->l);
}

static void expect(int from, int to, const char *text)
{
	char got[64];

	assert_true(tcp_write_all(from, text, strlen(text)));
	assert_true(tcp_read_all(to, got, strlen(text)));
	assert_memory_equal(got, text, strlen(text));
}

static void bytes_skip_tcp_both_ways(void **state)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);
	struct leg_pair p;

	(void)state;
	start(&p);
	for (int i = 0; i < 100; i++) {
		expect(p.a, p.b, "request");
		expect(p.b, p.a, "response");
	}
	assert_int_equal(leg_count(p.l).redirected, 1500);
	assert_int_equal(leg_count(p.l).by_tcp, 0);
	/* TCP itself has seen no byte of them */
	assert_int_equal(getsockopt(p.a, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
	assert_int_equal(info.tcpi_bytes_received, 0);
	stop(&p);
}

static void an_end_comes_behind_the_bytes(void **state)
{
	char got[64];
	struct leg_pair p;

	(void)state;
	start(&p);
	assert_true(tcp_write_all(p.a, "last words", 10));
	assert_int_equal(shutdown(p.a, SHUT_WR), 0);
	usleep(50000);
	assert_int_equal(tcp_read_to_end(p.b, got, sizeof(got)), 10);
	expect(p.b, p.a, "answer");
	assert_true(tcp_write_all(p.b, "bye", 3));
	close(p.b);
	assert_int_equal(tcp_read_to_end(p.a, got, sizeof(got)), 3);
	p.b = dup(p.a);
	stop(&p);
}

/* A poll for reading wakes for what was redirected. */
static void poll_sees_it(void **state)
{
	struct pollfd f;
	struct leg_pair p;

	(void)state;
	start(&p);
	f = (struct pollfd){ .fd = p.b, .events = POLLIN };
	assert_int_equal(poll(&f, 1, 0), 0);
	assert_true(tcp_write_all(p.a, "x", 1));
	assert_int_equal(poll(&f, 1, 5000), 1);
	assert_int_equal(f.revents, POLLIN);
	stop(&p);
}

/* KERNEL: splice from a socket in a map never sees redirected bytes; who reads a leg must receive. Should a kernel learn
 * it, the proxy may splice. */
static void splice_does_not_see_it(void **state)
{
	int pipes[2];
	struct leg_pair p;

	(void)state;
	start(&p);
	assert_int_equal(pipe(pipes), 0);
	tcp_nonblock(p.b);
	assert_true(tcp_write_all(p.a, "x", 1));
	assert_int_equal(splice(p.b, NULL, pipes[1], NULL, 1, SPLICE_F_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(tcp_read_all(p.b, &(char){ 0 }, 1));
	close(pipes[0]);
	close(pipes[1]);
	stop(&p);
}

/* Who does not read stops the writer: after the budget TCP's own back-pressure is there, and no byte is lost or
 * overtaken. */
static void a_reader_who_does_not_read_is_bounded(void **state)
{
	const int small = 65536;
	size_t sent = 0, got = 0, most = 64 << 20;
	uint32_t word;
	struct leg_pair p;
	ssize_t n;

	(void)state;
	start(&p);
	assert_int_equal(setsockopt(p.a, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	tcp_nonblock(p.a);
	while (sent < most) {
		word = (uint32_t)(sent / 4);
		n = send(p.a, &word, 4, MSG_NOSIGNAL);
		if (n < 0)
			break;
		assert_int_equal(n, 4);
		sent += 4;
	}
	assert_int_equal(errno, EAGAIN);
	assert_in_range(sent, BUDGET, 16 << 20);
	assert_int_equal(leg_count(p.l).redirected, BUDGET);
	assert_true(leg_count(p.l).by_tcp > 0);
	for (; got < sent; got += 4) {
		assert_true(tcp_read_all(p.b, &word, 4));
		assert_int_equal(word, got / 4);
	}
	stop(&p);
}

struct stream {
	int fd;
	size_t total;
};

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

static void *write_stream(void *arg)
{
	static uint8_t buf[3000];
	struct stream *s = arg;
	unsigned seed = 7;

	for (size_t at = 0; at < s->total;) {
		size_t n = (size_t)rand_r(&seed) % sizeof(buf) + 1;

		n = n < s->total - at ? n : s->total - at;
		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		if (!tcp_write_all(s->fd, buf, n))
			return NULL;
		at += n;
	}
	shutdown(s->fd, SHUT_WR);
	return arg;
}

static void a_stream_arrives_whole(void **state)
{
	struct stream s = { .total = 8 << 20 };
	static uint8_t buf[65536];
	struct leg_pair p;
	size_t at = 0;
	pthread_t t;
	void *ok;
	ssize_t n;

	(void)state;
	start(&p);
	s.fd = p.a;
	assert_int_equal(pthread_create(&t, NULL, write_stream, &s), 0);
	while ((n = recv(p.b, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			if (buf[i] != pattern(at))
				fail_msg("byte %zu is wrong", at);
	pthread_join(t, &ok);
	assert_non_null(ok);
	assert_int_equal(n, 0);
	assert_int_equal(at, s.total);
	assert_in_range(leg_count(p.l).redirected, 1, BUDGET);
	stop(&p);
}

/* Connections of other programs, to the same backend too, stay out of the map. */
static void nobody_else_enters(void **state)
{
	struct leg_pair p;

	(void)state;
	open_leg(&p);
	join(&p, false);
	expect(p.a, p.b, "request");
	expect(p.b, p.a, "response");
	assert_int_equal(leg_count(p.l).entered, 0);
	assert_int_equal(leg_count(p.l).redirected, 0);
	stop(&p);
}

static void only_what_is_not_connected_is_wanted(void **state)
{
	char why[STEER_TEXT] = "";
	struct leg_pair p;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	start(&p);
	assert_false(leg_want(p.l, p.b, why));
	assert_non_null(strstr(why, "connected already"));
	assert_false(leg_want(p.l, p.lfd, why));
	assert_false(leg_want(p.l, udp, why));
	assert_false(leg_want(p.l, -1, why));
	close(udp);
	stop(&p);
}

/* A socket in the map is refused keys by the kernel, and one with the TLS ULP is refused by us. */
static void a_leg_and_ktls_exclude_each_other(void **state)
{
	struct steer *s;
	char why[STEER_TEXT] = "";
	int pair[2];

	(void)state;
	if (!tcp_has_ktls()) {
		print_message(
			"this kernel carries no TLS records: tests/kernel/t_steer_leg.c is for one that does\n");
		skip();
	}
	s = steer_open(STEER_LOAD, STEER_ARRAY, 1, why);
	if (s == NULL)
		steer_skip(why);
	tcp_pair(pair);
	assert_int_equal(setsockopt(pair[0], IPPROTO_TCP, TCP_ULP, "tls", 3), 0);
	assert_false(steer_join(s, 0, pair[0], why));
	assert_non_null(strstr(why, "TLS"));
	close(pair[0]);
	close(pair[1]);
	steer_close(s);
}

static void the_children_of_listeners_take_tls(void **state)
{
	uint16_t port = 0;
	char why[STEER_TEXT] = "";
	struct steer *s;
	int lfd, fd, got;

	(void)state;
	if (!tcp_has_ktls()) {
		print_message(
			"this kernel carries no TLS records: tests/kernel/t_steer_leg.c is for one that does\n");
		skip();
	}
	for (int map = STEER_ARRAY; map <= STEER_SOCKMAP; map++) {
		s = steer_open(STEER_LOAD, (enum steer_map)map, 1, why);
		if (s == NULL)
			steer_skip(why);
		lfd = steer_listening(&port);
		assert_true(steer_join(s, 0, lfd, why) && steer_attach(s, lfd, why));
		fd = steer_dial("127.0.0.1", port);
		steer_await(&lfd, 1, 1);
		got = accept(lfd, NULL, NULL);
		assert_int_equal(setsockopt(got, IPPROTO_TCP, TCP_ULP, "tls", 3), 0);
		close(got);
		close(fd);
		close(lfd);
		steer_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_skip_tcp_both_ways),
		cmocka_unit_test(an_end_comes_behind_the_bytes),
		cmocka_unit_test(poll_sees_it),
		cmocka_unit_test(splice_does_not_see_it),
		cmocka_unit_test(a_reader_who_does_not_read_is_bounded),
		cmocka_unit_test(a_stream_arrives_whole),
		cmocka_unit_test(nobody_else_enters),
		cmocka_unit_test(only_what_is_not_connected_is_wanted),
		cmocka_unit_test(a_leg_and_ktls_exclude_each_other),
		cmocka_unit_test(the_children_of_listeners_take_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
