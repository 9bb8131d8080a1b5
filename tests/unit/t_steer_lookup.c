/* SPDX-License-Identifier: Apache-2.0
 *
 * t_steer_lookup.c: user/steer/lookup.c and kernel-helpers/lookup.bpf.c on the running kernel, each test in a network
 * namespace of its own. tests/kernel/t_steer_lookup.c is the same in the kernel machine.
 *
 * TIMEOUT: 120
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "steer/lookup.h"
#include "steerkit.h"

static struct lookup *start(
	const char *const *texts, unsigned num, const int *fds, unsigned num_fds)
{
	char why[STEER_TEXT] = "";
	struct steer_rules rules = { 0 };
	struct lookup *l;

	for (unsigned i = 0; i < num; i++)
		assert_null(steer_rules_add(&rules, texts[i]));
	l = lookup_open(&rules, fds, num_fds, why);
	if (l == NULL)
		steer_skip(why);
	return l;
}

/* The connection arrives at lfd. */
static void expect_at(int lfd, const char *addr, uint16_t port)
{
	int fd = steer_dial(addr, port);

	if (fd < 0)
		fail_msg("%s:%u: %s", addr, port, strerror(errno));
	steer_await(&lfd, 1, 1);
	assert_int_equal(steer_accept_all(lfd), 1);
	close(fd);
}

static void expect_nobody(const char *addr, uint16_t port)
{
	assert_int_equal(steer_dial(addr, port), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

static void many_addresses_one_listener(void **state)
{
	const char *const rules[] = { "127.0.0.1:7777", "127.1.2.0/24:8000-8002" };
	uint16_t port = 0;
	struct lookup *l;
	int lfd;

	(void)state;
	steer_own_network();
	lfd = steer_listening(&port);
	expect_nobody("127.0.0.1", 7777);
	l = start(rules, 2, &lfd, 1);
	expect_at(lfd, "127.0.0.1", port); /* as before */
	expect_at(lfd, "127.0.0.1", 7777);
	expect_at(lfd, "127.1.2.0", 8000);
	expect_at(lfd, "127.1.2.255", 8002);
	assert_int_equal(lookup_hits(l, 0), 1);
	assert_int_equal(lookup_hits(l, 1), 2);
	assert_int_equal(lookup_hits(l, 2), 0);
	expect_nobody("127.0.0.1", 7776);
	expect_nobody("127.0.0.1", 8000);
	expect_nobody("127.1.2.3", 7999);
	expect_nobody("127.1.2.3", 8003);
	expect_nobody("127.1.3.0", 8000);
	expect_nobody("127.1.1.255", 8000);
	lookup_close(l);
	expect_nobody("127.0.0.1", 7777);
	close(lfd);
}

/* What is accepted says which address it was meant for. */
static void the_address_is_kept(void **state)
{
	const char *const rules[] = { "127.9.9.9:443" };
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);
	uint16_t port = 0;
	struct lookup *l;
	int lfd, fd, got;

	(void)state;
	steer_own_network();
	lfd = steer_listening(&port);
	l = start(rules, 1, &lfd, 1);
	fd = steer_dial("127.9.9.9", 443);
	assert_true(fd >= 0);
	steer_await(&lfd, 1, 1);
	got = accept(lfd, NULL, NULL);
	assert_int_equal(getsockname(got, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(ntohs(a.sin_port), 443);
	assert_int_equal(ntohl(a.sin_addr.s_addr), 0x7f090909);
	close(got);
	close(fd);
	close(lfd);
	lookup_close(l);
}

/* An IPv4 listener has nothing to do with IPv6 rules: the kernel refuses the assignment, the ordinary way is gone. */
static void another_family_goes_the_ordinary_way(void **state)
{
	const char *const rules[] = { "[::1]:7777" };
	uint16_t port = 0;
	struct lookup *l;
	int lfd;

	(void)state;
	steer_own_network();
	lfd = steer_listening(&port);
	l = start(rules, 1, &lfd, 1);
	expect_nobody("::1", 7777);
	expect_nobody("127.0.0.1", 7777);
	assert_int_equal(lookup_hits(l, 0), 0);
	lookup_close(l);
	close(lfd);
}

/* A listener that others have at such an address gets nothing while ours is there, and all when it is gone. */
static void ours_goes_first(void **state)
{
	const char *const rules[] = { "0.0.0.0/0:7777" };
	uint16_t port = 0, theirs = 7777;
	struct lookup *l;
	int lfd, other;

	(void)state;
	steer_own_network();
	lfd = steer_listening(&port);
	other = steer_listening(&theirs);
	l = start(rules, 1, &lfd, 1);
	expect_at(lfd, "127.0.0.1", 7777);
	close(lfd); /* no worker is left: not refused, but theirs */
	expect_at(other, "127.0.0.1", 7777);
	lookup_close(l);
	close(other);
}

/* One worker's listener closes: the next one of the group is there. */
static void the_group_inherits(void **state)
{
	const char *const rules[] = { "127.0.0.1:7777" };
	uint16_t port = 0;
	struct lookup *l;
	int fds[2];

	(void)state;
	steer_own_network();
	fds[0] = steer_listening(&port);
	fds[1] = steer_listening(&port);
	l = start(rules, 1, fds, 2);
	close(fds[0]);
	for (int i = 0; i < 4; i++)
		expect_at(fds[1], "127.0.0.1", 7777);
	lookup_close(l);
	close(fds[1]);
}

/* The group's own program chooses the worker, for these connections too. */
static void load_steers_them_too(void **state)
{
	const char *const rules[] = { "127.0.0.1:7777" };
	char why[STEER_TEXT] = "";
	uint16_t port = 0;
	struct lookup *l;
	struct steer *s;
	int fds[2], fd;

	(void)state;
	steer_own_network();
	fds[0] = steer_listening(&port);
	fds[1] = steer_listening(&port);
	l = start(rules, 1, fds, 2);
	s = steer_open(STEER_LOAD, STEER_ARRAY, 2, why);
	assert_non_null(s);
	assert_false(
		steer_join(s, 0, fds[0], why)); /* a socket is in one kind of map or the other */
	steer_close(s);
	s = steer_open(STEER_LOAD, STEER_SOCKMAP, 2, why);
	assert_non_null(s);
	assert_true(steer_join(s, 0, fds[0], why) && steer_join(s, 1, fds[1], why));
	assert_true(steer_attach(s, fds[0], why));
	steer_publish(s, 0, 1000);
	for (int i = 0; i < 4; i++)
		expect_at(fds[1], "127.0.0.1", 7777);
	steer_publish(s, 1, 2000);
	fd = steer_dial("127.0.0.1", 7777);
	steer_await(fds, 1, 1);
	steer_drain(s, 0);
	close(fds[0]); /* what waits moves, out of this kind of map too */
	steer_await(fds + 1, 1, 1);
	assert_int_equal(steer_count(s, 1).migrated, 1);
	close(fd);
	lookup_close(l);
	steer_close(s);
	close(fds[1]);
}

/* Of two servers the later one gets them, on another listener even; the older one again when that has gone. */
static void a_successor_takes_over(void **state)
{
	const char *const rules[] = { "127.0.0.1:7777" };
	uint16_t port = 0, other = 0;
	struct lookup *old, *new;
	int a, b;

	(void)state;
	steer_own_network();
	a = steer_listening(&port);
	b = steer_listening(&other);
	old = start(rules, 1, &a, 1);
	new = start(rules, 1, &b, 1);
	expect_at(b, "127.0.0.1", 7777);
	lookup_close(new);
	expect_at(a, "127.0.0.1", 7777);
	lookup_close(old);
	close(a);
	close(b);
}

static void only_listeners_are_heirs(void **state)
{
	struct steer_rules rules = { 0 };
	char why[STEER_TEXT] = "";
	uint16_t port = 0;
	int fd;

	(void)state;
	steer_own_network();
	fd = steer_listening(&port);
	lookup_close(start(NULL, 0, &fd, 1));
	close(fd);
	fd = steer_bound(&port);
	assert_null(lookup_open(&rules, &fd, 1, why));
	assert_non_null(strstr(why, "does not listen"));
	close(fd);
}

static void without_rights_it_says_so(void **state)
{
	const char *const rules[] = { "127.0.0.1:7777" };
	struct steer_rules r = { 0 };
	char why[STEER_TEXT] = "";
	uint16_t port = 0;
	int lfd, status;
	pid_t pid;

	(void)state;
	steer_own_network();
	lfd = steer_listening(&port);
	lookup_close(start(rules, 1, &lfd, 1));
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0 ||
			lookup_open(&r, &lfd, 1, why) != NULL)
			_exit(1);
		_exit(strstr(why, "CAP_NET_ADMIN") != NULL ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(lookup_hits(NULL, 0), 0);
	lookup_close(NULL);
	close(lfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_addresses_one_listener),
		cmocka_unit_test(the_address_is_kept),
		cmocka_unit_test(another_family_goes_the_ordinary_way),
		cmocka_unit_test(ours_goes_first),
		cmocka_unit_test(the_group_inherits),
		cmocka_unit_test(load_steers_them_too),
		cmocka_unit_test(a_successor_takes_over),
		cmocka_unit_test(only_listeners_are_heirs),
		cmocka_unit_test(without_rights_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
