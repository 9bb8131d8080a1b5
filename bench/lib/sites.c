/* SPDX-License-Identifier: Apache-2.0
 *
 * sites.c - see sites.h. Call chains come from glibc's backtrace; addresses inside this program are
 * printed relative to its start, as addr2line and objdump want them.
 */
#include "sites.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEATS 4096
#define DEEP  14
#define SKIP  3 /* this file and the hook */

struct block {
	const void *p;
	size_t bytes;
	int depth;
	void *at[DEEP];
};

static struct block live[SEATS], peak[SEATS];
static size_t num_live, num_peak;
static bool on;

void sites_start(void)
{
	void *at[2];

	(void)backtrace(at, 2);
	num_live = num_peak = 0;
	on = true;
}

void sites_stop(void)
{
	on = false;
}

void sites_took(const void *p, size_t bytes)
{
	struct block *b;

	if (!on || num_live == SEATS)
		return;
	on = false;
	b = &live[num_live++];
	b->p = p;
	b->bytes = bytes;
	b->depth = backtrace(b->at, DEEP);
	on = true;
}

void sites_gave(const void *p)
{
	for (size_t i = 0; i < num_live; i++)
		if (live[i].p == p) {
			live[i] = live[--num_live];
			return;
		}
}

void sites_peak(void)
{
	memcpy(peak, live, num_live * sizeof(*live));
	num_peak = num_live;
}

static int by_size(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return (y->bytes > x->bytes) - (y->bytes < x->bytes);
}

static void print_at(void *at)
{
	Dl_info info;

	if (!dladdr(at, &info) || !info.dli_fname) {
		printf(" ?");
		return;
	}
	if (info.dli_sname)
		printf(" %s", info.dli_sname);
	else
		printf(" +0x%lx", (unsigned long)((uintptr_t)at - (uintptr_t)info.dli_fbase));
}

void sites_print(void)
{
	size_t sum = 0;

	qsort(peak, num_peak, sizeof(*peak), by_size);
	for (size_t i = 0; i < num_peak; i++) {
		sum += peak[i].bytes;
		printf("%6zu ", peak[i].bytes);
		for (int k = SKIP; k < peak[i].depth; k++)
			print_at(peak[i].at[k]);
		printf("\n");
	}
	printf("%6zu in %zu blocks\n", sum, num_peak);
}
