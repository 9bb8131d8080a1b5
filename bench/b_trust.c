/* SPDX-License-Identifier: Apache-2.0
 *
 * b_trust.c - what it costs to trust the system's CAs: the first load of the bundle, and asking again.
 * libssl has nothing to ask again: a program that makes a context per connection pays the first load
 * each time.
 *
 *	b_trust [--json] [--runs N]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ssl.h>

#include "sock/anchors.h"

#define MAX_RUNS 64

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Times by the clock: the least is the one with the least company. */
static double least(const double *v, int n)
{
	double m = v[0];

	for (int i = 1; i < n; i++)
		m = v[i] < m ? v[i] : m;
	return m;
}

static char bundle[256];
static size_t anchors;
static long live; /* bytes the last leat store took */

static bool first_leat(void)
{
	long before = (long)mallinfo2().uordblks;
	struct leat_err err = { 0 };
	struct store *s;
	bool ok = store_new(&s, &err) == LEAT_OK &&
		  anchors_load_trust(s, "bench", bundle, &anchors, &err) == LEAT_OK;

	live = (long)mallinfo2().uordblks - before;
	store_unref(s);
	if (!ok)
		fprintf(stderr, "b_trust: %s: %s\n", bundle, err.what);
	return ok;
}

static bool first_openssl(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool ok = ctx && SSL_CTX_load_verify_locations(ctx, bundle, NULL) == 1;

	SSL_CTX_free(ctx);
	return ok;
}

static bool repeat_leat(void)
{
	struct leat_err err = { 0 };
	struct store *s;
	char source[256];

	if (anchors_load_system(&s, source, sizeof(source), &err) != LEAT_OK)
		return false;
	store_unref(s);
	return true;
}

static void report(bool json, const char *what, const char *lib, double us, double base)
{
	if (json)
		printf("{\"bench\":\"trust\",\"scenario\":\"%s\",\"lib\":\"%s\",\"us\":%.2f,"
		       "\"ratio\":%.4f,\"anchors\":%zu,\"live_bytes\":%ld}\n",
			what, lib, us, us / base, anchors, strcmp(lib, "leat") == 0 ? live : -1L);
	else
		printf("%-8s %-8s %10.2f us   %.4f x libssl's first load\n", what, lib, us,
			us / base);
}

int main(int argc, char **argv)
{
	double ours[MAX_RUNS], theirs[MAX_RUNS], again[MAX_RUNS], base;
	struct leat_err err = { 0 };
	struct store *s;
	bool json = false;
	int runs = 21;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
			runs = atoi(argv[++i]);
		else {
			fprintf(stderr, "b_trust: unknown argument %s\n", argv[i]);
			return 2;
		}
	}
	if (runs < 1 || runs > MAX_RUNS) {
		fprintf(stderr, "b_trust: runs must be 1..%d\n", MAX_RUNS);
		return 2;
	}
	/* the distribution's bundle is what is measured */
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	if (anchors_load_system(&s, bundle, sizeof(bundle), &err) != LEAT_OK) {
		fprintf(stderr, "b_trust: no system trust here: %s\n", err.what);
		return 77;
	}
	store_unref(s);
	for (int r = 0; r < runs; r++) {
		double t0 = now_us(), t1, t2;

		if (!first_leat())
			return 1;
		t1 = now_us();
		if (!first_openssl())
			return 1;
		t2 = now_us();
		for (int i = 0; i < 100; i++)
			if (!repeat_leat())
				return 1;
		ours[r] = t1 - t0;
		theirs[r] = t2 - t1;
		again[r] = (now_us() - t2) / 100;
	}
	base = least(theirs, runs);
	report(json, "first", "openssl", base, base);
	report(json, "first", "leat", least(ours, runs), base);
	report(json, "repeat", "leat", least(again, runs), base);
	if (!json)
		printf("%zu anchors, %ld bytes kept\n", anchors, live);
	return 0;
}
