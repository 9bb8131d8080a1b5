/* SPDX-License-Identifier: Apache-2.0
 *
 * mem.c - allocation. libcrypto keeps its own; tests fail that one by CRYPTO_set_mem_functions.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

static _Thread_local unsigned long made, fail_at;

static bool must_fail(void)
{
	return ++made == fail_at;
}

unsigned long leat_mem_fail_at(unsigned long nth)
{
	unsigned long was = made;

	made = 0;
	fail_at = nth;
	return was;
}

void *leat_malloc(size_t n)
{
	/* no object is larger than pointers can tell apart; asking for one is asking for failure */
	return must_fail() || n > PTRDIFF_MAX ? NULL : malloc(n ? n : 1);
}

void *leat_zalloc(size_t n)
{
	return must_fail() || n > PTRDIFF_MAX ? NULL : calloc(1, n ? n : 1);
}

void *leat_array(size_t num, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(num, size, &n))
		return NULL;
	return leat_zalloc(n);
}

void *leat_dup(const void *p, size_t n)
{
	void *q = leat_malloc(n);

	if (q && n)
		memcpy(q, p, n);
	return q;
}

char *leat_strdup(const char *s)
{
	return leat_dup(s, strlen(s) + 1);
}

void leat_free(void *p)
{
	free(p);
}

void leat_free_wipe(void *p, size_t n)
{
	if (p)
		leat_wipe(p, n);
	free(p);
}
