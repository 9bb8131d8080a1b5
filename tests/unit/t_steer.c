/* SPDX-License-Identifier: Apache-2.0
 *
 * t_steer.c: user/steer/ and kernel-helpers/reuseport.bpf.c on the running kernel, with real listeners and
 * connections on the loopback. tests/kernel/t_steer.c is the same in the kernel machine.
 *
 * TIMEOUT: 120
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "steer/admit.h"
#include "steer/reason.h"
#include "steer/steer.h"
#include "steerkit.h"
#include "tcp.h"
#include "tool/sandbox.h"

#define MAX_LISTENERS 4
#define CLIENTS       32

/* ---- what is steered ------------------------------------------------------------------------- */

/* Listeners on one port, non-blocking. */
struct group {
	int fd[MAX_LISTENERS];
	unsigned num;
	uint16_t port;
	struct steer *s;
};

static struct steer *open_steer(enum steer_mode mode, unsigned num)
{
	char why[STEER_TEXT] = "";
	struct steer *s = steer_open(mode, STEER_ARRAY, num, why);

	if (s == NULL)
		steer_skip(why);
	return s;
}

static void start(struct group *g, enum steer_mode mode, unsigned num, uint16_t port)
{
	char why[STEER_TEXT] = "";

	*g = (struct group){ .num = num, .port = port, .s = open_steer(mode, num) };
	for (unsigned i = 0; i < num; i++) {
		g->fd[i] = steer_listening(&g->port);
		if (!steer_join(g->s, i, g->fd[i], why))
			fail_msg("%s", why);
	}
	if (!steer_attach(g->s, g->fd[0], why))
		fail_msg("%s", why);
}

static void stop(struct group *g)
{
	for (unsigned i = 0; i < g->num; i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
	steer_close(g->s);
}

static void connect_many(int fd[CLIENTS], uint16_t port)
{
	for (int i = 0; i < CLIENTS; i++)
		assert_true((fd[i] = steer_dial("127.0.0.1", port)) >= 0);
}

static void close_many(const int fd[CLIENTS])
{
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
}

static unsigned accept_of(struct group *g, unsigned i)
{
	unsigned num = steer_accept_all(g->fd[i]);

	for (unsigned n = 0; n < num; n++)
		steer_accepted(g->s, i);
	return num;
}

static void expect_all_at(struct group *g, unsigned at)
{
	int fd[CLIENTS];

	connect_many(fd, g->port);
	steer_await(g->fd, g->num, CLIENTS);
	for (unsigned i = 0; i < g->num; i++)
		if (g->fd[i] >= 0)
			assert_int_equal(accept_of(g, i), i == at ? CLIENTS : 0);
	close_many(fd);
}

/* ---- by load --------------------------------------------------------------------------------- */

static void the_least_loaded_gets_it(void **state)
{
	struct group g;

	(void)state;
	start(&g, STEER_LOAD, 4, 0);
	for (unsigned least = 0; least < 4; least++) {
		for (unsigned i = 0; i < 4; i++)
			steer_publish(g.s, i, i == least ? 0 : 1000);
		expect_all_at(&g, least);
		assert_int_equal(steer_count(g.s, least).picked, CLIENTS);
		assert_int_equal(steer_count(g.s, least).pending, 0);
	}
	assert_int_equal(steer_passed(g.s), 0);
	stop(&g);
}

/* Nobody accepts meanwhile: what was chosen counts, or all of them would go to one. */
static void a_burst_is_spread_evenly(void **state)
{
	struct group g;
	int fd[CLIENTS];

	(void)state;
	start(&g, STEER_LOAD, 4, 0);
	connect_many(fd, g.port);
	steer_await(g.fd, g.num, CLIENTS);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(steer_count(g.s, i).pending, CLIENTS / 4);
		assert_int_equal(accept_of(&g, i), CLIENTS / 4);
		assert_int_equal(steer_count(g.s, i).pending, 0);
		steer_accepted(g.s, i); /* one too many is no harm */
		assert_int_equal(steer_count(g.s, i).pending, 0);
	}
	close_many(fd);
	stop(&g);
}

static void what_never_came_is_forgotten(void **state)
{
	struct group g;
	int fd[CLIENTS];

	(void)state;
	start(&g, STEER_LOAD, 1, 0);
	connect_many(fd, g.port);
	assert_int_equal(steer_count(g.s, 0).pending, CLIENTS);
	for (unsigned left = CLIENTS / 2; left > 0; left /= 2) {
		steer_age(g.s);
		assert_int_equal(steer_count(g.s, 0).pending, left);
	}
	steer_age(g.s);
	steer_age(g.s);
	assert_int_equal(steer_count(g.s, 0).pending, 0);
	close_many(fd);
	stop(&g);
}

/* ---- by CPU ---------------------------------------------------------------------------------- */

static void run_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* On the loopback a connection arrives on the CPU that asks for it. */
static void the_cpu_decides(void **state)
{
	struct group g;
	cpu_set_t all;
	unsigned at = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	start(&g, STEER_CPU, (unsigned)(CPU_COUNT(&all) < 4 ? CPU_COUNT(&all) : 4), 0);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		run_on(cpu);
		expect_all_at(&g, at++ % g.num);
		assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	}
	stop(&g);
}

/* A worker stays where its connections arrive; by load it may run anywhere. */
static void a_worker_is_pinned(void **state)
{
	struct steer *s;
	cpu_set_t all, one;
	int num;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	num = CPU_COUNT(&all);
	s = open_steer(STEER_CPU, (unsigned)num);
	assert_true(steer_pin(s, 0));
	assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(CPU_COUNT(&one), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	steer_close(s);

	s = open_steer(STEER_CPU, 1); /* all of them are its own */
	assert_true(steer_pin(s, 0));
	assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
	assert_true(CPU_EQUAL(&one, &all));
	steer_close(s);

	s = open_steer(STEER_LOAD, (unsigned)num);
	assert_true(steer_pin(s, 0));
	assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
	assert_true(CPU_EQUAL(&one, &all));
	steer_close(s);
	assert_true(steer_pin(NULL, 0));
}

/* More workers than CPUs: each CPU's workers share what arrives there. */
static void workers_of_a_cpu_share(void **state)
{
	struct group g;
	cpu_set_t all;
	int fd[CLIENTS];
	unsigned cpu = 0, num;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	run_on(cpu);
	start(&g, STEER_CPU, 4, 0); /* the plan knows this one CPU */
	connect_many(fd, g.port);
	steer_await(g.fd, g.num, CLIENTS);
	for (unsigned i = 0; i < 4; i++) {
		num = accept_of(&g, i);
		assert_in_range(num, 1, CLIENTS - 3);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	close_many(fd);
	stop(&g);
}

/* ---- draining, closing, moving --------------------------------------------------------------- */

static void a_draining_worker_gets_none(void **state)
{
	struct group g;

	(void)state;
	start(&g, STEER_LOAD, 3, 0);
	steer_publish(g.s, 1, 5);
	steer_publish(g.s, 2, 1000);
	steer_drain(g.s, 0);
	assert_true(steer_count(g.s, 0).draining);
	assert_false(steer_count(g.s, 1).draining);
	expect_all_at(&g, 1);
	steer_drain(g.s, 1);
	expect_all_at(&g, 2);
	stop(&g);

	start(&g, STEER_CPU, 2, 0);
	steer_drain(g.s, 0);
	expect_all_at(&g, 1);
	stop(&g);
}

/* Then the kernel's hash decides, as without a program: nobody is refused. */
static void with_all_draining_the_hash_decides(void **state)
{
	struct group g;
	int fd[CLIENTS];
	unsigned num = 0;

	(void)state;
	start(&g, STEER_LOAD, 2, 0);
	steer_drain(g.s, 0);
	steer_drain(g.s, 1);
	connect_many(fd, g.port);
	steer_await(g.fd, g.num, CLIENTS);
	for (unsigned i = 0; i < 2; i++)
		num += accept_of(&g, i);
	assert_int_equal(num, CLIENTS);
	assert_int_equal(steer_passed(g.s), CLIENTS);
	close_many(fd);
	stop(&g);
}

/* The helper fails for a slot whose listener has closed: the next worker is asked. */
static void a_closed_listener_is_passed_over(void **state)
{
	struct group g;

	(void)state;
	start(&g, STEER_LOAD, 3, 0);
	steer_publish(g.s, 1, 1); /* 0 would be chosen, were it there */
	steer_publish(g.s, 2, 1000);
	close(g.fd[0]);
	g.fd[0] = -1;
	expect_all_at(&g, 1);
	stop(&g);
}

static void write_number(int fd, int i)
{
	assert_true(tcp_write_all(fd, &i, sizeof(i)));
}

/* Takes what waits at lfd; each connection has sent its number. */
static unsigned take_numbers(int lfd, bool seen[CLIENTS])
{
	unsigned num = 0;
	int fd, i;

	while ((fd = accept(lfd, NULL, NULL)) >= 0) {
		assert_true(tcp_read_all(fd, &i, sizeof(i)));
		assert_in_range(i, 0, CLIENTS - 1);
		assert_false(seen[i]);
		seen[i] = true;
		close(fd);
		num++;
	}
	return num;
}

/* Connections that nobody has accepted yet survive their listener, with the bytes they brought. */
static void what_waits_moves_when_a_listener_closes(void **state)
{
	bool seen[CLIENTS] = { false };
	struct group g;
	int fd[CLIENTS];

	(void)state;
	start(&g, STEER_LOAD, 2, 0);
	steer_publish(g.s, 1, 1000);
	connect_many(fd, g.port); /* all at 0 */
	steer_await(g.fd, g.num, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		write_number(fd[i], i);
	steer_drain(g.s, 0);
	close(g.fd[0]);
	g.fd[0] = -1;
	assert_int_equal(take_numbers(g.fd[1], seen), CLIENTS);
	assert_int_equal(steer_count(g.s, 1).migrated, CLIENTS);
	assert_int_equal(steer_count(g.s, 0).migrated, 0);
	close_many(fd);
	stop(&g);
}

static void expect_one_more(struct group *g)
{
	for (int i = 0; i < 4; i++) {
		int fd = steer_dial("127.0.0.1", g->port);

		steer_await(g->fd, g->num, 1);
		assert_int_equal(accept_of(g, 0) + accept_of(g, 1), 1);
		close(fd);
	}
}

/* A server started beside an old one: it takes all that is new at once, and what waited at the old one when that
 * closes, whichever of the two was steered how. */
static void a_successor_takes_over(void **state)
{
	bool seen[CLIENTS] = { false };
	struct group old, new;
	int fd[CLIENTS];

	(void)state;
	start(&old, STEER_LOAD, 2, 0);
	connect_many(fd, old.port);
	steer_await(old.fd, old.num, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		write_number(fd[i], i);
	start(&new, STEER_CPU, 2, old.port);
	expect_one_more(&new);
	steer_drain(old.s, 0);
	steer_drain(old.s, 1);
	stop(&old);
	assert_int_equal(take_numbers(new.fd[0], seen) + take_numbers(new.fd[1], seen), CLIENTS);
	expect_one_more(&new); /* the old one has not taken the program away */
	close_many(fd);
	stop(&new);
}

/* The control: without the program the kernel resets them (sysctl tcp_migrate_req is 0 unless set). */
static void unsteered_they_are_reset(void **state)
{
	uint16_t port = 0;
	int a = steer_listening(&port), b, fd[CLIENTS];
	struct pollfd p;
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_migrate_req", "re");
	int migrate = f != NULL ? fgetc(f) : '0';

	(void)state;
	if (f != NULL)
		fclose(f);
	if (migrate != '0') {
		print_message("net.ipv4.tcp_migrate_req is set here\n");
		skip();
	}
	connect_many(fd, port);
	b = steer_listening(&port);
	close(a);
	for (int i = 0; i < CLIENTS; i++) {
		p = (struct pollfd){ .fd = fd[i], .events = POLLIN };
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_true(p.revents & POLLERR);
	}
	assert_int_equal(steer_accept_all(b), 0);
	close_many(fd);
	close(b);
}

/* ---- who may enter a map --------------------------------------------------------------------- */

static void expect_refused(struct steer *s, int fd, const char *reason)
{
	char why[STEER_TEXT] = "";

	assert_false(steer_join(s, 0, fd, why));
	if (strstr(why, reason) == NULL)
		fail_msg("%s", why);
}

static void only_listeners_enter(void **state)
{
	struct steer *s = open_steer(STEER_LOAD, 1);
	char why[STEER_TEXT] = "";
	uint16_t port = 0;
	int pair[2], pipes[2], udp = socket(AF_INET, SOCK_DGRAM, 0), fd = steer_bound(&port);

	(void)state;
	expect_refused(s, fd, "does not listen"); /* the kernel's own word for it would be EINVAL */
	expect_refused(s, udp, "not a TCP socket");
	expect_refused(s, -1, "not a socket");
	assert_int_equal(pipe(pipes), 0);
	expect_refused(s, pipes[0], "not a socket");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	expect_refused(s, pair[0], "not a TCP socket");
	close(pair[0]);
	close(pair[1]);
	tcp_pair(pair);
	expect_refused(s, pair[0], "does not listen");
	expect_refused(s, pair[1], "does not listen");
	assert_int_equal(listen(fd, 1), 0);
	assert_false(steer_join(s, 1, fd, why)); /* there is one worker */
	assert_true(steer_join(s, 0, fd, why));
	close(pair[0]);
	close(pair[1]);
	close(pipes[0]);
	close(pipes[1]);
	close(udp);
	close(fd);
	steer_close(s);
}

/* ---- without ---------------------------------------------------------------------------------- */

static void null_is_fine(void **state)
{
	(void)state;
	steer_accepted(NULL, 0);
	steer_publish(NULL, 0, 1);
	steer_drain(NULL, 0);
	steer_age(NULL);
	assert_int_equal(steer_count(NULL, 0).picked, 0);
	assert_int_equal(steer_passed(NULL), 0);
	steer_close(NULL);
}

static void a_count_out_of_range_is_refused(void **state)
{
	char why[STEER_TEXT] = "";

	(void)state;
	assert_null(steer_open(STEER_LOAD, STEER_ARRAY, 0, why));
	assert_true(why[0] != '\0');
	assert_null(steer_open(STEER_LOAD, STEER_ARRAY, 100000, why));
}

/* In a child: run lose, then steering must be refused for want of rights, in words. */
static void expect_unprivileged(bool (*lose)(void))
{
	char why[STEER_TEXT] = "";
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		print_message("rights can only be lost by root\n");
		skip();
	}
	steer_close(open_steer(STEER_LOAD, 1));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!lose())
			_exit(1);
		if (steer_open(STEER_LOAD, STEER_ARRAY, 1, why) != NULL)
			_exit(2);
		_exit(strstr(why, "CAP_BPF") != NULL && strchr(why, '\n') == NULL ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool become_nobody(void)
{
	return setgid(65534) == 0 && setuid(65534) == 0;
}

static void without_rights_it_says_so(void **state)
{
	(void)state;
	expect_unprivileged(become_nobody);
	expect_unprivileged(sandbox_server);
}

/* ---- reasons --------------------------------------------------------------------------------- */

static void check_reason(int err, const char *log, const char *want)
{
	char why[STEER_TEXT] = "";

	steer_reason("thing", err, log, why);
	assert_string_equal(why, want);
}

static void reasons_are_one_line(void **state)
{
	(void)state;
	check_reason(EACCES,
		"0: R1=ctx(off=0,imm=0) R10=fp0\n"
		"; return *(int *)0;\n"
		"0: (b7) r1 = 0\n"
		"1: (61) r0 = *(u32 *)(r1 +0)\n"
		"R1 invalid mem access 'scalar'\n"
		"processed 2 insns (limit 1000000) max_states_per_insn 0\n",
		"BPF program thing: the verifier refuses it: R1 invalid mem access 'scalar'; at 1: "
		"(61) r0 = *(u32 *)(r1 +0); return *(int *)0;");
	check_reason(EPERM, "",
		"BPF thing: Operation not permitted (it takes CAP_BPF and CAP_NET_ADMIN, and no "
		"sandbox in the way)");
	check_reason(ENOSYS, "", "BPF thing: Function not implemented (this kernel has no BPF)");
	check_reason(EBUSY, "", "BPF thing: Device or resource busy");
	check_reason(EBUSY, "\n\nprocessed 2 insns\n", "BPF thing: Device or resource busy");
	/* a log that was cut off in the middle */
	check_reason(EACCES, "bad", "BPF program thing: the verifier refuses it: bad; at ;");
}

/* A program that reads what nobody wrote, given to the real verifier. */
static void a_real_refusal_is_readable(void **state)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 0, .src_reg = 3 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "", why[STEER_TEXT] = "";
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SK_REUSEPORT,
		.insns = (uintptr_t)code,
		.insn_cnt = 2,
		.license = (uintptr_t) "Apache-2.0",
		.log_level = 1,
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log) };
	long fd;

	(void)state;
	steer_close(open_steer(STEER_LOAD, 1));
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	assert_true(fd < 0);
	steer_reason("test", errno, log, why);
	assert_non_null(strstr(why, "R3 !read_ok"));
	assert_non_null(strstr(why, "r0 = r3"));
	assert_null(strchr(why, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_loaded_gets_it),
		cmocka_unit_test(a_burst_is_spread_evenly),
		cmocka_unit_test(what_never_came_is_forgotten),
		cmocka_unit_test(the_cpu_decides),
		cmocka_unit_test(a_worker_is_pinned),
		cmocka_unit_test(workers_of_a_cpu_share),
		cmocka_unit_test(a_draining_worker_gets_none),
		cmocka_unit_test(with_all_draining_the_hash_decides),
		cmocka_unit_test(a_closed_listener_is_passed_over),
		cmocka_unit_test(what_waits_moves_when_a_listener_closes),
		cmocka_unit_test(a_successor_takes_over),
		cmocka_unit_test(unsteered_they_are_reset),
		cmocka_unit_test(only_listeners_enter),
		cmocka_unit_test(null_is_fine),
		cmocka_unit_test(a_count_out_of_range_is_refused),
		cmocka_unit_test(without_rights_it_says_so),
		cmocka_unit_test(reasons_are_one_line),
		cmocka_unit_test(a_real_refusal_is_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
