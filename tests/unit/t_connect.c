/* SPDX-License-Identifier: Apache-2.0
 *
 * t_connect.c - names and addresses under one deadline (sock/resolve.c, sock/connect.c): resolvers that
 * fail, sleep and hang, and races of addresses that refuse, swallow and accept.
 *
 * REQ: API-connect-host
 */
#include "vec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "link.h"
#include "sock/conn.h"
#include "sock/resolve.h"
#include "tcp.h"

static int64_t now(void)
{
	return sys_real.now_ms();
}

/* ---- resolvers ------------------------------------------------------------------------------------ */

static sem_t gate;

static int literal(const char *text, const char *service, struct addrinfo **out)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };

	return getaddrinfo(text, service, &want, out);
}

static int to_loopback(
	const char *host, const char *service, const struct addrinfo *want, struct addrinfo **out)
{
	(void)host;
	(void)want;
	return literal("127.0.0.1", service, out);
}

static int fails(
	const char *host, const char *service, const struct addrinfo *want, struct addrinfo **out)
{
	(void)host;
	(void)service;
	(void)want;
	(void)out;
	return EAI_AGAIN;
}

static int hangs(
	const char *host, const char *service, const struct addrinfo *want, struct addrinfo **out)
{
	while (sem_wait(&gate) != 0)
		;
	return to_loopback(host, service, want, out);
}

static void wait_for_threads(unsigned most)
{
	for (int i = 0; i < 1000 && resolve_num_running() > most; i++)
		usleep(5000);
	assert_true(resolve_num_running() <= most);
}

/* A thread frees what it has after it has said that it is done. */
static void wait_for_fds(unsigned fds)
{
	for (int i = 0; i < 1000 && open_fds() != fds; i++)
		usleep(5000);
	assert_int_equal(open_fds(), fds);
}

static enum leat_ret look_up(const char *host, int timeout_ms, struct leat_err *err)
{
	struct addrinfo *list = (void *)1;
	enum leat_ret r = resolve_host(
		&list, host, 443, AF_UNSPEC, deadline_of(&sys_real, timeout_ms), err);

	if (r == LEAT_OK)
		freeaddrinfo(list);
	else
		assert_null(list);
	return r;
}

static void names_and_literals(void **state)
{
	struct leat_err err = { 0 };
	unsigned fds = open_fds();

	(void)state;
	resolve_use(fails);
	/* literals never get there */
	assert_int_equal(look_up("127.0.0.1", 0, &err), LEAT_OK);
	assert_int_equal(look_up("::1", 0, &err), LEAT_OK);
	assert_int_equal(look_up("some.test", 5000, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SYSTEM);
	assert_string_equal(err.detail, "some.test: Temporary failure in name resolution");
	resolve_use(to_loopback);
	err = (struct leat_err){ 0 };
	assert_int_equal(look_up("some.test", 5000, &err), LEAT_OK);
	resolve_use(NULL);
	wait_for_threads(0);
	wait_for_fds(fds);
}

static void a_resolver_that_hangs_is_left_behind(void **state)
{
	unsigned fds = open_fds();
	struct leat_err err = { 0 };
	int64_t start = now();
	int fd;

	(void)state;
	resolve_use(hangs);
	assert_int_equal(leat_tcp_connect(&fd, "some.test", 443, 60, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
	assert_int_equal(fd, -1);
	assert_true(now() - start >= 60 && now() - start < 5000);
	assert_int_equal(resolve_num_running(), 1);
	sem_post(&gate); /* it comes back, and nobody is there */
	wait_for_threads(0);
	wait_for_fds(fds);
	resolve_use(NULL);
}

static void hanging_lookups_are_bounded(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	resolve_use(hangs);
	for (unsigned i = 0; i < LIM_RESOLVERS; i++) {
		err = (struct leat_err){ 0 };
		assert_int_equal(look_up("some.test", 0, &err), LEAT_FAILED);
		assert_int_equal(err.cls, LEAT_E_TIMEOUT);
	}
	err = (struct leat_err){ 0 };
	assert_int_equal(look_up("some.test", 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SYSTEM);
	assert_int_equal(err.sys, EAGAIN);
	err = (struct leat_err){ 0 };
	assert_int_equal(look_up("127.0.0.1", 0, &err), LEAT_OK);
	sem_post(&gate);
	wait_for_threads(LIM_RESOLVERS - 1);
	err = (struct leat_err){ 0 }; /* one came back: one more may go */
	assert_int_equal(look_up("some.test", 0, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
	for (unsigned i = 0; i < LIM_RESOLVERS; i++)
		sem_post(&gate);
	wait_for_threads(0);
	while (sem_trywait(&gate) == 0)
		;
	resolve_use(NULL);
}

static void memory_fails(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	resolve_use(to_loopback);
	leat_mem_fail_at(1);
	assert_int_equal(look_up("some.test", 5000, &err), LEAT_FAILED);
	leat_mem_fail_at(0);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	assert_int_equal(resolve_num_running(), 0);
	resolve_use(NULL);
}

/* ---- races ---------------------------------------------------------------------------------------- */

/* Ports on 127.0.0.1 and ::1 by what becomes of a connection. */
enum kind { ACCEPTS, REFUSES, SWALLOWS, SWALLOWS6, NUM_KINDS };
static struct sockaddr_storage where[NUM_KINDS];
static int listeners[NUM_KINDS], stuffed[2][8];

static int listen_at(const char *ip, struct sockaddr_storage *out, int backlog)
{
	struct addrinfo *a;
	socklen_t n = sizeof(*out);
	int fd;

	assert_int_equal(literal(ip, "0", &a), 0);
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, a->ai_addr, a->ai_addrlen), 0);
	freeaddrinfo(a);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)out, &n), 0);
	return fd;
}

/* With its queue full a listener drops further SYNs: to a client that is a host which is not there. */
static void stuff(const struct sockaddr_storage *to, int fds[8])
{
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fds[i] >= 0);
		(void)!connect(fds[i], (const struct sockaddr *)to, sizeof(*to));
	}
	usleep(20000);
}

static int setup(void **state)
{
	(void)state;
	sem_init(&gate, 0, 0);
	listeners[ACCEPTS] = listen_at("127.0.0.1", &where[ACCEPTS], 128);
	listeners[REFUSES] = listen_at("127.0.0.1", &where[REFUSES], -1);
	listeners[SWALLOWS] = listen_at("127.0.0.1", &where[SWALLOWS], 0);
	listeners[SWALLOWS6] = listen_at("::1", &where[SWALLOWS6], 0);
	stuff(&where[SWALLOWS], stuffed[0]);
	stuff(&where[SWALLOWS6], stuffed[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < NUM_KINDS; i++)
		close(listeners[i]);
	for (int i = 0; i < 16; i++)
		close(stuffed[i / 8][i % 8]);
	return 0;
}

/* Races addresses of these kinds; how long it took, or how it failed. */
static enum leat_ret race(
	const enum kind *kinds, unsigned num, int timeout_ms, int64_t *took, struct leat_err *err)
{
	struct addrinfo list[20] = { 0 };
	unsigned fds = open_fds();
	struct sockaddr_in peer;
	socklen_t n = sizeof(peer);
	int64_t start = now();
	enum leat_ret r;
	int fd;

	for (unsigned i = 0; i < num; i++)
		list[i] = (struct addrinfo){
			.ai_family = where[kinds[i]].ss_family,
			.ai_socktype = SOCK_STREAM,
			.ai_addr = (struct sockaddr *)&where[kinds[i]],
			.ai_addrlen = sizeof(where[0]),
			.ai_next = i + 1 < num ? &list[i + 1] : NULL,
		};
	*err = (struct leat_err){ 0 };
	r = dial_any(&fd, list, NULL, deadline_of(&sys_real, timeout_ms), err);
	*took = now() - start;
	if (r == LEAT_OK) {
		assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &n), 0);
		assert_int_equal(peer.sin_port, ((struct sockaddr_in *)&where[ACCEPTS])->sin_port);
		close(fd);
		close(accept(listeners[ACCEPTS], NULL, NULL));
	} else {
		assert_int_equal(fd, -1);
	}
	assert_int_equal(open_fds(), fds);
	return r;
}
#define RACE(timeout_ms, ...)                                                                 \
	race((const enum kind[]){ __VA_ARGS__ },                                              \
		sizeof((const enum kind[]){ __VA_ARGS__ }) / sizeof(enum kind), (timeout_ms), \
		&took, &err)

static void one_address(void **state)
{
	struct leat_err err;
	int64_t took;

	(void)state;
	assert_int_equal(RACE(5000, ACCEPTS), LEAT_OK);
	assert_int_equal(RACE(LEAT_INFINITY, ACCEPTS), LEAT_OK);
	assert_int_equal(RACE(5000, REFUSES), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_SYSTEM);
	assert_int_equal(err.sys, ECONNREFUSED);
	assert_int_equal(RACE(80, SWALLOWS), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
	assert_true(took >= 80 && took < 5000);
	assert_int_equal(RACE(0, SWALLOWS), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
}

static void the_next_starts_after_a_while(void **state)
{
	struct leat_err err;
	int64_t took;

	(void)state;
	assert_int_equal(RACE(20000, SWALLOWS, ACCEPTS), LEAT_OK);
	assert_true(took >= 250 && took < 1000); /* the kernel tries again after a second */
	assert_int_equal(RACE(LEAT_INFINITY, SWALLOWS, SWALLOWS, ACCEPTS), LEAT_OK);
	assert_true(took >= 500 && took < 1000);
	/* not in time for the third */
	assert_int_equal(RACE(300, SWALLOWS, SWALLOWS, ACCEPTS), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
}

static void the_next_starts_at_once_after_a_refusal(void **state)
{
	struct leat_err err;
	int64_t took;

	(void)state;
	assert_int_equal(RACE(20000, REFUSES, REFUSES, REFUSES, REFUSES, ACCEPTS), LEAT_OK);
	assert_true(took < 250);
	/* the first one's reason is told */
	assert_int_equal(RACE(20000, REFUSES, REFUSES), LEAT_FAILED);
	assert_int_equal(err.sys, ECONNREFUSED);
	/* one that still may come is waited for */
	assert_int_equal(RACE(400, SWALLOWS, REFUSES), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_TIMEOUT);
}

static void families_take_turns(void **state)
{
	struct leat_err err;
	int64_t took;

	(void)state;
	assert_int_equal(
		RACE(20000, SWALLOWS6, SWALLOWS6, SWALLOWS6, SWALLOWS6, SWALLOWS6, ACCEPTS),
		LEAT_OK);
	assert_true(took >= 250 && took < 1000); /* six in a row: 1250 */
}

static void not_more_than_so_many(void **state)
{
	enum kind kinds[LIM_DIAL + 1];
	struct leat_err err;
	int64_t took;

	(void)state;
	for (unsigned i = 0; i < LIM_DIAL + 1; i++)
		kinds[i] = REFUSES;
	for (unsigned n = LIM_DIAL - 1; n <= LIM_DIAL + 1; n++) {
		kinds[n - 1] = ACCEPTS;
		assert_int_equal(
			race(kinds, n, 20000, &took, &err), n <= LIM_DIAL ? LEAT_OK : LEAT_FAILED);
		kinds[n - 1] = REFUSES;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_literals),
		cmocka_unit_test(a_resolver_that_hangs_is_left_behind),
		cmocka_unit_test(hanging_lookups_are_bounded),
		cmocka_unit_test(memory_fails),
		cmocka_unit_test(one_address),
		cmocka_unit_test(the_next_starts_after_a_while),
		cmocka_unit_test(the_next_starts_at_once_after_a_refusal),
		cmocka_unit_test(families_take_turns),
		cmocka_unit_test(not_more_than_so_many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
