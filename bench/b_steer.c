/* SPDX-License-Identifier: Apache-2.0
 *
 * b_steer.c - what steering costs and what it brings: connecting over the loopback and accepting, with the kernel's
 * hash and with the programs of kernel-helpers/; how evenly connections are spread; how many are accepted on the CPU
 * where they arrived; and a message to a backend on the same machine that skips TCP. In the kernel test machine
 * (--icount) nanoseconds are counted instructions.
 *
 *	b_steer [--json] [--rounds N]
 */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "steer/leg.h"
#include "steer/lookup.h"
#include "steer/steer.h"

#define MAX_WORKERS 256
#define MAX_ROUNDS  101
#define PER_ROUND   64
#define WAYS        5

struct group {
	int fd[MAX_WORKERS];
	unsigned num;
	uint16_t port, at; /* where it listens; where clients connect to */
	struct steer *s;
	struct lookup *l;
};

static void fail(const char *what)
{
	fprintf(stderr, "b_steer: %s\n", what);
	exit(77);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4096) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		fail("cannot listen on the loopback");
	*port = ntohs(a.sin_port);
	return fd;
}

/* rules > 0: clients come by the last of so many. */
static void open_group(struct group *g, enum steer_mode mode, unsigned num, unsigned rules)
{
	char why[STEER_TEXT] = "", text[64];
	struct steer_rules r = { 0 };
	uint16_t port = 0;

	*g = (struct group){ .num = num };
	if (mode != STEER_OFF && (g->s = steer_open(mode, STEER_ARRAY, num, why)) == NULL)
		fail(why);
	for (unsigned i = 0; i < num; i++) {
		g->fd[i] = listener(&port);
		if (g->s != NULL && !steer_join(g->s, i, g->fd[i], why))
			fail(why);
	}
	if (g->s != NULL && !steer_attach(g->s, g->fd[0], why))
		fail(why);
	g->port = g->at = port;
	for (unsigned i = 0; i < rules; i++) {
		g->at = (uint16_t)(20000 + i);
		snprintf(text, sizeof(text), "127.0.0.1:%u", g->at);
		(void)steer_rules_add(&r, text);
	}
	if (rules > 0 && (g->l = lookup_open(&r, g->fd, num, why)) == NULL)
		fail(why);
}

static void close_group(struct group *g)
{
	for (unsigned i = 0; i < g->num; i++)
		close(g->fd[i]);
	lookup_close(g->l);
	steer_close(g->s);
}

static int dial(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger reset = { .l_onoff = 1 };

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		fail("cannot connect over the loopback");
	/* A reset leaves no port waiting, so that a run can make many connections. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds to make a connection; taking them is not part of it: whose turn it is would have to be found out. */
static double one_round(struct group *g)
{
	int fd[PER_ROUND], got;
	double start = now_ns(), took;

	for (int i = 0; i < PER_ROUND; i++)
		fd[i] = dial(g->at);
	took = now_ns() - start;
	for (unsigned i = 0; i < g->num; i++)
		while ((got = accept(g->fd[i], NULL, NULL)) >= 0) {
			close(got);
			steer_accepted(g->s, i);
		}
	for (int i = 0; i < PER_ROUND; i++)
		close(fd[i]);
	return took / PER_ROUND;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

static void cost(bool json, unsigned workers, int rounds)
{
	static const struct {
		const char *name;
		enum steer_mode mode;
		unsigned rules;
	} ways[WAYS] = { { "hash", STEER_OFF, 0 }, { "cpu", STEER_CPU, 0 },
		{ "load", STEER_LOAD, 0 }, { "1 rule", STEER_OFF, 1 },
		{ "32 rules", STEER_OFF, 32 } };
	double ns[WAYS][MAX_ROUNDS], more[WAYS][MAX_ROUNDS];

	/* Each way is the first of a round as often as the others. */
	for (int r = 0; r < rounds; r++)
		for (int k = 0; k < WAYS; k++) {
			int w = (r + k) % WAYS;
			struct group g;

			open_group(&g, ways[w].mode, workers, ways[w].rules);
			(void)one_round(&g);
			ns[w][r] = one_round(&g);
			close_group(&g);
		}
	for (int r = 0; r < rounds; r++)
		for (int w = 0; w < WAYS; w++)
			more[w][r] = ns[w][r] - ns[0][r];
	for (int w = 0; w < WAYS; w++) {
		double added = median(more[w], rounds), all = median(ns[w], rounds);

		if (json)
			printf("{\"bench\":\"steer\",\"what\":\"cost\",\"way\":\"%s\",\"workers\":%u,"
			       "\"ns\":%.0f,\"added_ns\":%.0f}\n",
				ways[w].name, workers, all, added);
		else
			printf("%-9s %3u workers  %7.0f ns a connection  %+6.0f\n", ways[w].name,
				workers, all, added);
	}
}

/* The fullest worker's share of num connections, even = 1. */
static double fullest(enum steer_mode mode, unsigned num, unsigned workers)
{
	unsigned most = 0;
	struct group g;
	int fd[1024], got;

	open_group(&g, mode, workers, 0);
	for (unsigned i = 0; i < num; i++)
		fd[i] = dial(g.port);
	usleep(10000);
	for (unsigned i = 0; i < workers; i++) {
		unsigned n = 0;

		while ((got = accept(g.fd[i], NULL, NULL)) >= 0) {
			close(got);
			n++;
		}
		most = n > most ? n : most;
	}
	for (unsigned i = 0; i < num; i++)
		close(fd[i]);
	close_group(&g);
	return (double)most * workers / num;
}

static void spread(bool json, unsigned num, int rounds)
{
	double hash[MAX_ROUNDS], load[MAX_ROUNDS];

	for (int r = 0; r < rounds; r++) {
		hash[r] = fullest(STEER_OFF, num, 4);
		load[r] = fullest(STEER_LOAD, num, 4);
	}
	if (json)
		printf("{\"bench\":\"steer\",\"what\":\"fullest\",\"connections\":%u,\"hash\":%.2f,"
		       "\"load\":%.2f}\n",
			num, median(hash, rounds), median(load, rounds));
	else
		printf("%4u connections, 4 workers: the fullest has %.2f times its share by the hash, "
		       "%.2f by load\n",
			num, median(hash, rounds), median(load, rounds));
}

/* Of 100 connections, how many wait at the worker of the CPU where they arrived. */
static unsigned at_home(enum steer_mode mode, const cpu_set_t *all, unsigned num_cpus)
{
	unsigned home = 0, worker = 0;
	struct group g;

	open_group(&g, mode, num_cpus, 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one;
		int got;

		if (!CPU_ISSET(cpu, all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		for (int i = 0; i < 100; i++)
			close(dial(g.port));
		for (unsigned w = 0; w < num_cpus; w++)
			while ((got = accept(g.fd[w], NULL, NULL)) >= 0) {
				close(got);
				home += w == worker;
			}
		worker++;
	}
	(void)sched_setaffinity(0, sizeof(*all), all);
	close_group(&g);
	return home / num_cpus;
}

static void locality(bool json)
{
	cpu_set_t all;
	unsigned num, hash, cpu;

	if (sched_getaffinity(0, sizeof(all), &all) != 0 || (num = (unsigned)CPU_COUNT(&all)) < 2)
		return;
	hash = at_home(STEER_OFF, &all, num);
	cpu = at_home(STEER_CPU, &all, num);
	if (json)
		printf("{\"bench\":\"steer\",\"what\":\"at_home\",\"cpus\":%u,\"hash\":%u,\"cpu\":%u}\n",
			num, hash, cpu);
	else
		printf("%u CPUs: of 100 connections %u stay on the CPU where they arrived by the hash, "
		       "%u by cpu\n",
			num, hash, cpu);
}

/* Nanoseconds for a message of 1 KiB there and one back; takes both. */
static double ping(int near, int far)
{
	char buf[1024] = { 0 };
	const int num = 48; /* fewer than what a direction may redirect */
	double took = now_ns();

	for (int i = 0; i < num; i++)
		if (send(near, buf, sizeof(buf), 0) < 0 ||
			recv(far, buf, sizeof(buf), MSG_WAITALL) < 0 ||
			send(far, buf, sizeof(buf), 0) < 0 ||
			recv(near, buf, sizeof(buf), MSG_WAITALL) < 0)
			fail("a message was lost");
	took = now_ns() - took;
	close(near);
	close(far);
	return took / num;
}

/* Over a connection whose ends skip TCP (l) or do not (NULL). */
static double ping_tcp(struct leg *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int lfd, near = socket(AF_INET, SOCK_STREAM, 0), far;
	char why[STEER_TEXT];
	uint16_t port = 0;

	lfd = listener(&port);
	a.sin_port = htons(port);
	if ((l != NULL && !leg_want(l, near, why)) ||
		connect(near, (struct sockaddr *)&a, sizeof(a)) != 0)
		fail("cannot connect over the loopback");
	while ((far = accept(lfd, NULL, NULL)) < 0)
		usleep(100);
	close(lfd);
	return ping(near, far);
}

static double ping_unix(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		fail("no unix sockets");
	return ping(pair[0], pair[1]);
}

static void local_leg(bool json, int rounds)
{
	double tcp[MAX_ROUNDS], leg[MAX_ROUNDS], local[MAX_ROUNDS];
	char why[STEER_TEXT] = "";
	struct leg *l = leg_open(why);

	if (l == NULL)
		fail(why);
	for (int r = 0; r < rounds; r++) {
		tcp[r] = ping_tcp(NULL);
		leg[r] = ping_tcp(l);
		local[r] = ping_unix();
	}
	leg_close(l);
	if (json)
		printf("{\"bench\":\"steer\",\"what\":\"leg\",\"tcp_ns\":%.0f,\"leg_ns\":%.0f,"
		       "\"unix_ns\":%.0f}\n",
			median(tcp, rounds), median(leg, rounds), median(local, rounds));
	else
		printf("1 KiB there and back: %.0f ns by TCP, %.0f ns redirected, %.0f ns by a unix "
		       "socket\n",
			median(tcp, rounds), median(leg, rounds), median(local, rounds));
}

int main(int argc, char **argv)
{
	bool json = false;
	int rounds = 21;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "b_steer: [--json] [--rounds 1..%d]\n", MAX_ROUNDS);
		return 2;
	}
	for (unsigned workers = 4; workers <= MAX_WORKERS; workers *= 8)
		cost(json, workers, rounds);
	for (unsigned num = 8; num <= 512; num *= 8)
		spread(json, num, rounds);
	locality(json);
	local_leg(json, rounds);
	return 0;
}
