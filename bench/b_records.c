/* SPDX-License-Identifier: Apache-2.0
 *
 * b_records.c - what it costs to send and to receive with records in user space, in the kernel, and where policy
 * auto puts them, for every way a program can move bytes, by size and suite.
 *
 *	b_records [--json] [--quick] [--rounds N] [--calibrate LEAT]
 *
 * The figure is CPU time of the thread that moves one transfer; the other end is another thread. Ways take turns
 * in every round, ratios are taken within a round, and their median is printed.
 *
 *	kept    one of many transfers on a connection that is older
 *	first   the only transfer of a new connection, the move to the kernel included, the handshake not (up to 1 MiB)
 *
 * send, io_uring and recv move bytes of the program, sendfile and splice a file in the page cache; a ratio's base
 * is user space's send, sendfile or recv. `auto` knows what `leat calibrate` measured just before (LEAT: the
 * command; without it auto is left out), `default` is auto without a measurement. Where the kernel has no TLS only user
 * space is measured. In the kernel test machine with --icount time counts instructions:
 *
 *	tests/vm/run --icount --timeout 1800 -- build/bench/b_records --calibrate build/leat
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/ways.h"

#define NUM(a)     (sizeof(a) / sizeof((a)[0]))
#define MAX_ROUNDS 99
#define MAX_COMBOS 16
#define LONG       (1 << 20)
#define ENOUGH     (128 << 10) /* bytes of small transfers that make one figure */

static const size_t all_sizes[] = { 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20,
	4 << 20, 16 << 20 };
static const size_t some_sizes[] = { 1 << 10, 16 << 10, 1 << 20 };

static const struct {
	const char *name, *suite;
	bool all; /* sizes; some_sizes otherwise */
} suites[] = {
	{ "aes-128-gcm", "TLS_AES_128_GCM_SHA256", true },
	{ "aes-256-gcm", "TLS_AES_256_GCM_SHA384", false },
	{ "chacha20-poly1305", "TLS_CHACHA20_POLY1305_SHA256", false },
};

static const char *const dir_names[] = { [LEAT_RX] = "rx", [LEAT_TX] = "tx" };

enum phase { KEPT, FIRST, PHASES };
static const char *const phase_names[PHASES] = { "kept", "first" };

struct run {
	bool json, quick, calibrated, kernel;
	int rounds;
};

/* One way with its records in one place, and what it cost in each round. */
struct combo {
	const struct way *way;
	enum where where;
	const struct combo *base;
	struct link *link; /* while it is measured */
	bool in_kernel;
	double us[MAX_ROUNDS];
};

struct table {
	size_t suite, bytes, num;
	int rounds;
	enum leat_dir dir;
	enum phase phase;
	struct combo combos[MAX_COMBOS];
};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v, int n)
{
	double sorted[MAX_ROUNDS];

	memcpy(sorted, v, (size_t)n * sizeof(*v));
	qsort(sorted, (size_t)n, sizeof(*sorted), by_value);
	return sorted[n / 2];
}

/* ---- what is compared ------------------------------------------------------------------------ */

static bool possible(const struct run *r, const struct way *w, enum where where)
{
	if (!(w->where & 1u << where) || (where == WHERE_AUTO && !r->calibrated))
		return false;
	return where == WHERE_USER || r->kernel;
}

/* What a program would do without a choice: send, sendfile or recv in user space. */
static const struct combo *base_of(const struct table *t, const struct way *w)
{
	const char *name = "recv";

	if (t->dir == LEAT_TX)
		name = strcmp(w->name, "splice") == 0 || strcmp(w->name, "sendfile") == 0
			       ? "sendfile"
			       : "send";
	for (size_t i = 0; i < t->num; i++)
		if (t->combos[i].where == WHERE_USER && strcmp(t->combos[i].way->name, name) == 0)
			return &t->combos[i];
	return NULL;
}

/* The first transfer of a connection is told for what policies decide about. */
static bool belongs(const struct table *t, const struct way *w)
{
	return w->dir == t->dir && (t->phase == KEPT || w->where & 1u << WHERE_AUTO);
}

static void fill(struct table *t, const struct run *r)
{
	for (size_t i = 0; i < num_ways; i++)
		for (int where = 0; where < WHERE_COUNT; where++)
			if (belongs(t, &ways[i]) && possible(r, &ways[i], (enum where)where))
				t->combos[t->num++] = (struct combo){ .way = &ways[i],
					.where = (enum where)where };
	for (size_t i = 0; i < t->num; i++)
		t->combos[i].base = base_of(t, t->combos[i].way);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static unsigned times_of(const struct table *t)
{
	if (t->phase == FIRST || t->bytes >= ENOUGH)
		return 1;
	return (unsigned)(ENOUGH / t->bytes);
}

/* Long transfers even out within themselves. */
static int rounds_of(const struct run *r, size_t bytes)
{
	return bytes < LONG ? r->rounds : (r->rounds + 3) / 4;
}

/* The cost of it all in microseconds; < 0: failed. */
static double transfer(struct combo *c, size_t n, unsigned times)
{
	double us;

	if (!link_before(c->link, n, times))
		return -1;
	us = cpu_us();
	if (link_settle(c->link) != LEAT_OK || !link_move(c->link, n, times))
		return -1;
	us = cpu_us() - us;
	return link_after(c->link, n, times) ? us : -1;
}

/* A connection that has moved as much already, so that policies have decided. */
static bool warm_up(const struct table *t, struct combo *c)
{
	return transfer(c, t->bytes < LONG ? t->bytes : LONG, times_of(t)) >= 0;
}

/* A connection for each figure: how often TCP acknowledges is one connection's habit, and a tenth at 1 KiB. */
static bool measure_one(const struct table *t, struct combo *c, int round)
{
	bool ok;

	c->link = link_open(c->way, c->where, suites[t->suite].suite);
	ok = c->link && (t->phase == FIRST || warm_up(t, c));
	if (ok)
		c->us[round] = transfer(c, t->bytes, times_of(t)) / times_of(t);
	c->in_kernel = ok && link_in_kernel(c->link);
	if (c->link)
		link_close(c->link);
	return ok && c->us[round] >= 0;
}

static bool measure(struct table *t)
{
	bool ok = true;

	for (int round = 0; ok && round < t->rounds; round++)
		for (size_t k = 0; ok && k < t->num; k++)
			/* who begins changes from round to round */
			ok = measure_one(t, &t->combos[(k + (size_t)round) % t->num], round);
	return ok;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void report(const struct run *r, const struct table *t, const struct combo *c)
{
	double ratio[MAX_ROUNDS];

	for (int i = 0; i < t->rounds; i++)
		ratio[i] = c->us[i] / c->base->us[i];
	printf(r->json ? "{\"bench\":\"records\",\"lib\":\"leat\",\"dir\":\"%s\",\"phase\":\"%s\",\"suite\":\"%s\",\"bytes\":%zu,"
			 "\"way\":\"%s\",\"where\":\"%s\",\"in_kernel\":%s,\"us\":%.3f,\"ratio\":%.4f}\n"
		       : "%s %-5s %-17s %8zu B  %-8s %-7s kernel: %-5s %10.2f us  %.3f x user\n",
		dir_names[t->dir], phase_names[t->phase], suites[t->suite].name, t->bytes,
		c->way->name, where_names[c->where], c->in_kernel ? "true" : "false",
		median(c->us, t->rounds), median(ratio, t->rounds));
}

static bool run_table(
	const struct run *r, size_t suite, size_t bytes, enum leat_dir dir, enum phase phase)
{
	struct table t = { .suite = suite,
		.bytes = bytes,
		.dir = dir,
		.phase = phase,
		.rounds = rounds_of(r, bytes) };

	fill(&t, r);
	if (!measure(&t))
		return false;
	for (size_t i = 0; i < t.num; i++)
		report(r, &t, &t.combos[i]);
	fflush(stdout);
	return true;
}

static bool run_suite(const struct run *r, size_t suite)
{
	bool all = suites[suite].all && !r->quick, ok = true;
	const size_t *sizes = all ? all_sizes : some_sizes;
	size_t num = all ? NUM(all_sizes) : NUM(some_sizes);

	for (size_t i = 0; ok && i < num; i++)
		ok = run_table(r, suite, sizes[i], LEAT_TX, KEPT) &&
		     run_table(r, suite, sizes[i], LEAT_TX, FIRST) &&
		     run_table(r, suite, sizes[i], LEAT_RX, KEPT);
	return ok;
}

/* ---- before ---------------------------------------------------------------------------------- */

/* This machine's borders, in a file that only this run reads. */
static bool calibrate(const char *leat)
{
	static char path[] = "/tmp/leat-b-records-XXXXXX";
	int fd = mkstemp(path), status = -1;
	pid_t pid;

	if (fd < 0 || setenv("LEAT_CALIBRATION", path, 1) != 0) {
		perror("b_records: calibration");
		return false;
	}
	close(fd);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(leat, leat, "calibrate", "--file", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "b_records: %s calibrate failed\n", leat);
		return false;
	}
	return true;
}

static bool kernel_can(void)
{
	struct link *l = link_open(&ways[0], WHERE_KERNEL, suites[0].suite);
	bool can = l && link_settle(l) == LEAT_OK && link_in_kernel(l);

	if (l)
		link_close(l);
	return can;
}

static bool parse(struct run *r, int argc, char **argv, const char **leat)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			r->json = true;
		else if (strcmp(argv[i], "--quick") == 0)
			r->quick = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			r->rounds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--calibrate") == 0 && i + 1 < argc)
			*leat = argv[++i];
		else
			return false;
	}
	return r->rounds >= 1 && r->rounds <= MAX_ROUNDS;
}

int main(int argc, char **argv)
{
	struct run r = { .rounds = 9 };
	const char *leat = NULL;
	bool ok;

	if (!parse(&r, argc, argv, &leat)) {
		fprintf(stderr,
			"usage: b_records [--json] [--quick] [--rounds 1..%d] [--calibrate LEAT]\n",
			MAX_ROUNDS);
		return 2;
	}
	ok = (!leat || calibrate(leat)) && ways_setup();
	r.calibrated = leat != NULL;
	r.kernel = ok && kernel_can();
	if (ok && !r.kernel)
		fprintf(stderr, "b_records: this kernel has no TLS: user space alone\n");
	for (size_t i = 0; ok && i < NUM(suites); i++)
		ok = run_suite(&r, i);
	if (leat)
		unlink(getenv("LEAT_CALIBRATION"));
	ways_teardown();
	return !ok;
}
