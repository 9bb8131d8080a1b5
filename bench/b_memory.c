/* SPDX-License-Identifier: Apache-2.0
 *
 * b_memory.c - heap of a connection, client and server apart, for leat, libssl and GnuTLS: bytes of an
 * idle established connection (as the handshake leaves it, and after the
 * library's own way of resting where it has one), the peak while its handshake runs, allocations per handshake. Sizes are
 * what the allocator really took (usable size and 8 bytes of its own), by interposing malloc.
 *
 *	b_memory [--json] [--count N]
 *	b_memory --sites LIB:SCENARIO:client|server    who holds what at the peak of one handshake, and
 *	                                               when it is over
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/peer.h"
#include "lib/sites.h"
#include "pki.h"

#define NUM(a) (sizeof(a) / sizeof((a)[0]))

/* glibc's own entry points, below the names we take over */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t num, size_t n);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);

/* Exported, so that the shared libraries call these too. */
#define HOOK __attribute__((visibility("default")))

/* What the side whose code runs now took; one thread. */
struct account {
	long live, peak, calls;
};
static struct account *running;
static struct account *watched; /* --sites */

static void *took(void *p)
{
	if (p && running) {
		running->live += (long)malloc_usable_size(p) + 8;
		running->calls++;
		if (running == watched)
			sites_took(p, malloc_usable_size(p) + 8);
		if (running->live > running->peak) {
			running->peak = running->live;
			if (running == watched)
				sites_peak();
		}
	}
	return p;
}

static void gave(void *p)
{
	if (!p || !running)
		return;
	running->live -= (long)malloc_usable_size(p) + 8;
	if (running == watched)
		sites_gave(p);
}

HOOK void *malloc(size_t n)
{
	return took(__libc_malloc(n));
}

HOOK void *calloc(size_t num, size_t n)
{
	return took(__libc_calloc(num, n));
}

HOOK void *realloc(void *p, size_t n)
{
	gave(p);
	return took(__libc_realloc(p, n));
}

HOOK void *memalign(size_t align, size_t n)
{
	return took(__libc_memalign(align, n));
}

HOOK void *aligned_alloc(size_t align, size_t n)
{
	return took(__libc_memalign(align, n));
}

HOOK int posix_memalign(void **out, size_t align, size_t n)
{
	*out = took(__libc_memalign(align, n));
	return *out ? 0 : 12;
}

HOOK void free(void *p)
{
	gave(p);
	__libc_free(p);
}

static const struct scenario scenarios[] = {
	{ "13ec", true, false, false, BENCH_FULL },
	{ "13rsa", true, true, false, BENCH_FULL },
	{ "12ec", false, false, false, BENCH_FULL },
};
static const struct bench_lib *const libs[] = { &bench_openssl, &bench_leat, &bench_gnutls };

static struct pipe_buf to_server, to_client;

struct figures {
	double ready, idle, peak, calls;
};

static int one_side(const struct bench_lib *lib, void *end, struct account *a)
{
	int r;

	running = a;
	r = lib->step(end);
	running = NULL;
	return r;
}

/* One handshake; the ends stay open. Peak and calls are of this handshake alone. */
static bool handshake(const struct bench_lib *lib, struct account acc[2], void *end[2])
{
	bool done[2] = { false, false };

	to_server.n = to_server.off = to_client.n = to_client.off = 0;
	for (int side = 0; side < 2; side++) {
		running = &acc[side];
		end[side] = lib->open(
			side, side ? &to_server : &to_client, side ? &to_client : &to_server);
		running = NULL;
		if (!end[side])
			return false;
	}
	for (int i = 0; i < 8 && !(done[0] && done[1]); i++)
		for (int side = 0; side < 2; side++) {
			int r = one_side(lib, end[side], &acc[side]);

			if (r < 0)
				return false;
			done[side] = done[side] || r == 1;
		}
	return done[0] && done[1];
}

static bool measure(const struct bench_lib *lib, int count, struct figures out[2])
{
	static void *ends[BENCH_ENDS][2];
	struct account warm[2] = { 0 };
	long ready[2] = { 0, 0 }, idle[2] = { 0, 0 }, peak[2] = { 0, 0 }, calls[2] = { 0, 0 };

	for (int i = 0; i < 5; i++) { /* what the library keeps for ever is not the connection's */
		if (!handshake(lib, warm, ends[0]))
			return false;
		lib->close(ends[0][0]);
		lib->close(ends[0][1]);
	}
	for (int i = 0; i < count; i++) {
		struct account acc[2] = { 0 };

		if (!handshake(lib, acc, ends[i]))
			return false;
		for (int side = 0; side < 2; side++) {
			ready[side] += acc[side].live;
			peak[side] += acc[side].peak;
			calls[side] += acc[side].calls;
		}
	}
	/* All of them are open now. What they share (leat lends its cipher contexts) is in the sum once. */
	for (int side = 0; side < 2; side++) {
		struct account rest = { 0 };

		running = &rest;
		for (int i = 0; lib->rest && i < count; i++)
			lib->rest(ends[i][side]);
		running = NULL;
		idle[side] = ready[side] + rest.live;
	}
	for (int side = 0; side < 2; side++)
		out[side] = (struct figures){ (double)ready[side] / count,
			(double)idle[side] / count, (double)peak[side] / count,
			(double)calls[side] / count };
	for (int i = 0; i < count; i++) {
		lib->close(ends[i][0]);
		lib->close(ends[i][1]);
	}
	return true;
}

/* The account of one side of one handshake, block by block. */
static int show_sites(const char *spec)
{
	for (size_t k = 0; k < NUM(scenarios); k++)
		for (size_t l = 0; l < NUM(libs); l++)
			for (int side = 0; side < 2; side++) {
				struct account acc[2] = { 0 };
				struct figures f[2];
				void *end[2];
				char name[64];

				snprintf(name, sizeof(name), "%s:%s:%s", libs[l]->name,
					scenarios[k].name, side ? "server" : "client");
				if (strcmp(name, spec) != 0)
					continue;
				if (!libs[l]->setup(&scenarios[k]) || !measure(libs[l], 5, f))
					return 1;
				watched = &acc[side];
				sites_start();
				if (!handshake(libs[l], acc, end))
					return 1;
				printf("peak:\n");
				sites_print();
				sites_peak();
				printf("ready:\n");
				sites_print();
				sites_stop();
				watched = NULL;
				libs[l]->close(end[0]);
				libs[l]->close(end[1]);
				libs[l]->teardown();
				pki_done();
				return 0;
			}
	fprintf(stderr, "no such combination: %s\n", spec);
	return 2;
}

int main(int argc, char **argv)
{
	bool json = false;
	int count = 200;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
			count = atoi(argv[++i]);
		} else if (strcmp(argv[i], "--sites") == 0 && i + 1 < argc) {
			return show_sites(argv[++i]);
		} else {
			fprintf(stderr, "b_memory: unknown argument %s\n", argv[i]);
			return 2;
		}
	}
	if (count < 1 || count > BENCH_ENDS / 2 - 8) {
		fprintf(stderr, "b_memory: count must be 1..%d\n", BENCH_ENDS / 2 - 8);
		return 2;
	}
	for (size_t k = 0; k < NUM(scenarios); k++)
		for (size_t l = 0; l < NUM(libs); l++) {
			struct figures f[2];

			if (!libs[l]->setup(&scenarios[k]) || !measure(libs[l], count, f)) {
				fprintf(stderr, "%s: cannot do %s\n", libs[l]->name,
					scenarios[k].name);
				return 1;
			}
			for (int side = 1; side >= 0; side--)
				printf(json ? "{\"bench\":\"memory\",\"scenario\":\"%s\",\"side\":\"%s\","
					      "\"lib\":\"%s\",\"ready_bytes\":%.0f,\"idle_bytes\":%.0f,\"peak_bytes\":%.0f,"
					      "\"mallocs\":%.1f}\n"
					    : "%-6s %-7s %-8s ready %7.0f B   idle %7.0f B   peak %8.0f B   mallocs %8.1f\n",
					scenarios[k].name, side ? "server" : "client",
					libs[l]->name, f[side].ready, f[side].idle, f[side].peak,
					f[side].calls);
			libs[l]->teardown();
		}
	pki_done();
	return 0;
}
