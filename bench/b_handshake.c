/* SPDX-License-Identifier: Apache-2.0
 *
 * b_handshake.c - what a handshake costs in CPU, client and server apart, in memory, for leat, libssl and
 * GnuTLS in one run. bench/README.md says how to read it: quote the ratios, the microseconds belong to the
 * machine.
 *
 * Made for machines that others use too. A round is a few handshakes of each library, one library after
 * the other, some milliseconds in all; a library's figure in it is the median of its handshakes, so that
 * those during which another process had the processor do not count. A ratio is taken within a round,
 * where both sides had the same neighbours and the same clock, and reported is the median of all rounds'.
 *
 *	b_handshake [--json] [--runs N] [--count N] [--scenario NAME]
 *	b_handshake --callgrind LIB:SCENARIO:server|client-cold|client-cached   (under valgrind --tool=callgrind
 *	            --collect-atstart=no: counts the instructions of that side alone)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <valgrind/callgrind.h>

#include "lib/peer.h"
#include "pki.h"

#define MAX_RUNS  1000
#define MAX_COUNT 100
#define NUM(a)    (sizeof(a) / sizeof((a)[0]))

static const struct scenario scenarios[] = {
	{ "13ec", true, false, false, BENCH_FULL },
	{ "13ec", true, false, true, BENCH_FULL },
	{ "13rsa", true, true, false, BENCH_FULL },
	{ "13rsa", true, true, true, BENCH_FULL },
	{ "13psk", true, false, false, BENCH_TICKET },
	{ "12ec", false, false, false, BENCH_FULL },
	{ "12ec", false, false, true, BENCH_FULL },
	{ "12rsa", false, true, false, BENCH_FULL },
	{ "12rsa", false, true, true, BENCH_FULL },
	{ "12ticket", false, false, false, BENCH_TICKET },
	{ "12sid", false, false, false, BENCH_ID },
};
static const struct bench_lib *const libs[] = { &bench_openssl, &bench_leat, &bench_gnutls };

/* A client that meets a server for the first time, and one that has met it before. */
static const char *side_name(const struct scenario *s, int side)
{
	return side ? "server" : s->warm ? "client-cached" : "client-cold";
}

static struct pipe_buf to_server, to_client;
static int collect_side = -1; /* callgrind: the side whose instructions count */

/* The time stamp counter where there is one: a clock call costs more than some of what is measured. */
static double clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

#ifdef __x86_64__
static double us_per_tick;

static void calibrate(void)
{
	double t0 = clock_us();
	unsigned long long k0 = __builtin_ia32_rdtsc();

	while (clock_us() - t0 < 50000)
		;
	us_per_tick = (clock_us() - t0) / (double)(__builtin_ia32_rdtsc() - k0);
}

static double now_us(void)
{
	return (double)__builtin_ia32_rdtsc() * us_per_tick;
}
#else
static void calibrate(void)
{
}

static double now_us(void)
{
	return clock_us();
}
#endif

enum call { OPEN, STEP, CLOSE };

struct side_run {
	const struct bench_lib *lib;
	void *end;
	bool server, done;
	double us;
};

/* Runs one call of a side with the clock (or callgrind) on. */
static bool timed(struct side_run *r, enum call what)
{
	double t0;
	int got = 0;

	if (collect_side == (int)r->server)
		CALLGRIND_TOGGLE_COLLECT;
	t0 = now_us();
	if (what == OPEN) {
		r->end = r->lib->open(r->server, r->server ? &to_server : &to_client,
			r->server ? &to_client : &to_server);
		got = r->end ? 0 : -1;
	} else if (what == STEP) {
		got = r->lib->step(r->end);
	} else {
		r->lib->close(r->end);
	}
	r->us += now_us() - t0;
	if (collect_side == (int)r->server)
		CALLGRIND_TOGGLE_COLLECT;
	if (got == 1)
		r->done = true;
	return got >= 0;
}

/* One handshake; us[0]: the client's time, us[1]: the server's. */
static bool handshake(const struct bench_lib *lib, double us[2])
{
	struct side_run c = { .lib = lib }, s = { .lib = lib, .server = true };
	bool ok;

	to_server.n = to_server.off = to_client.n = to_client.off = 0;
	ok = timed(&c, OPEN) && timed(&s, OPEN);
	for (int i = 0; ok && !(c.done && s.done); i++)
		ok = i < 8 && timed(&c, STEP) && timed(&s, STEP);
	if (c.end)
		timed(&c, CLOSE);
	if (s.end)
		timed(&s, CLOSE);
	us[0] = c.us;
	us[1] = s.us;
	return ok;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The k-th of n quarters: 2 is the median. Sorts. */
static double quartile(double *v, int n, int k)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[(n - 1) * k / 4];
}

/* What one library did in all rounds, client and server. */
struct record {
	double us[2][MAX_RUNS], ratio[2][MAX_RUNS];
};

/* One handshake to warm the caches that the library before took, then count of them. */
static bool round_of(const struct bench_lib *lib, int count, double us[2])
{
	double all[2][MAX_COUNT], pair[2];

	if (!handshake(lib, pair))
		return false;
	for (int i = 0; i < count; i++) {
		if (!handshake(lib, pair))
			return false;
		all[0][i] = pair[0];
		all[1][i] = pair[1];
	}
	us[0] = quartile(all[0], count, 2);
	us[1] = quartile(all[1], count, 2);
	return true;
}

/* spread: half of the rounds have their ratio within this much, all in all */
static void report(
	bool json, const char *scenario, const char *role, const char *lib, const double v[3])
{
	if (json)
		printf("{\"bench\":\"handshake\",\"scenario\":\"%s\",\"side\":\"%s\",\"lib\":\"%s\","
		       "\"us\":%.1f,\"ratio\":%.3f,\"spread\":%.3f}\n",
			scenario, role, lib, v[0], v[1], v[2]);
	else
		printf("%-8s %-13s %-8s %9.1f us   %.3f x libssl (+- %.3f)\n", scenario, role, lib,
			v[0], v[1], v[2] / 2);
}

static int measure(const struct scenario *s, int runs, int count, bool json)
{
	static struct record rec[NUM(libs)];
	double pair[2];

	for (size_t l = 0; l < NUM(libs); l++)
		if (!libs[l]->setup(s) || !round_of(libs[l], count, pair)) {
			fprintf(stderr, "%s: cannot do %s\n", libs[l]->name, s->name);
			return 1;
		}
	for (int r = 0; r < runs; r++)
		for (size_t l = 0; l < NUM(libs); l++) {
			if (!round_of(libs[l], count, pair))
				return 1;
			for (int side = 0; side < 2; side++) {
				rec[l].us[side][r] = pair[side];
				rec[l].ratio[side][r] = pair[side] / rec[0].us[side][r];
			}
		}
	for (int side = 0; side < (s->warm ? 1 : 2); side++)
		for (size_t l = 0; l < NUM(libs); l++) {
			double v[3] = { quartile(rec[l].us[side], runs, 2),
				quartile(rec[l].ratio[side], runs, 2),
				quartile(rec[l].ratio[side], runs, 3) -
					quartile(rec[l].ratio[side], runs, 1) };

			report(json, s->name, side_name(s, side), libs[l]->name, v);
		}
	fflush(stdout);
	for (size_t l = 0; l < NUM(libs); l++)
		libs[l]->teardown();
	return 0;
}

/* Each scenario in a process of its own: what a library keeps from the one before (GnuTLS would not resume by
 * a ticket of TLS 1.2 after TLS 1.3) is not part of the measurement. */
static int measure_alone(const struct scenario *s, int runs, int count, bool json)
{
	pid_t child = fork();
	int status = 1;

	if (child == 0) {
		int rc = measure(s, runs, count, json);

		pki_done();
		exit(rc);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static int count_instructions(const char *spec, int count)
{
	double us[2] = { 0, 0 };

	for (size_t l = 0; l < NUM(libs); l++)
		for (size_t k = 0; k < NUM(scenarios); k++)
			for (int side = 0; side < 2; side++) {
				char name[64];

				snprintf(name, sizeof(name), "%s:%s:%s", libs[l]->name,
					scenarios[k].name, side_name(&scenarios[k], side));
				if (strcmp(name, spec) != 0)
					continue;
				if (!libs[l]->setup(&scenarios[k]) || !handshake(libs[l], us))
					return 1;
				collect_side = side;
				for (int i = 0; i < count; i++)
					if (!handshake(libs[l], us))
						return 1;
				collect_side = -1;
				libs[l]->teardown();
				printf("%s: %d handshakes counted\n", spec, count);
				return 0;
			}
	fprintf(stderr, "no such combination: %s\n", spec);
	return 2;
}

int main(int argc, char **argv)
{
	int runs = 101, count = 7, rc = 0;
	const char *only = NULL, *spec = NULL;
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = atoi(argv[++i]);
		else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
			count = atoi(argv[++i]);
		else if (strcmp(argv[i], "--scenario") == 0 && i + 1 < argc)
			only = argv[++i];
		else if (strcmp(argv[i], "--callgrind") == 0 && i + 1 < argc)
			spec = argv[++i];
		else {
			fprintf(stderr, "b_handshake: unknown argument %s\n", argv[i]);
			return 2;
		}
	}
	if (runs < 1 || runs > MAX_RUNS || count < 1 || count > MAX_COUNT) {
		fprintf(stderr, "b_handshake: runs must be 1..%d, count 1..%d\n", MAX_RUNS,
			MAX_COUNT);
		return 2;
	}
	calibrate();
	if (spec)
		return count_instructions(spec, count);
	for (size_t k = 0; k < NUM(scenarios) && rc == 0; k++)
		if (!only || strcmp(only, scenarios[k].name) == 0)
			rc = measure_alone(&scenarios[k], runs, count, json);
	pki_done();
	return rc;
}
