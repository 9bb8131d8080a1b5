/* SPDX-License-Identifier: Apache-2.0
 *
 * mem.h - the only door to the heap: overflow-checked, with a hook that makes the n-th allocation
 * fail (tests). Memory that held secrets goes back through leat_free_wipe.
 */
#ifndef LEAT_BASE_MEM_H
#define LEAT_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *leat_malloc(size_t n);               /* NULL when exhausted; n 0 gives a unique pointer */
void *leat_zalloc(size_t n);               /* zeroed */
void *leat_array(size_t num, size_t size); /* zeroed; NULL also when num * size overflows */
void *leat_dup(const void *p, size_t n);
char *leat_strdup(const char *s);
void leat_free(void *p);                /* NULL is fine */
void leat_free_wipe(void *p, size_t n); /* wipes n bytes, then frees */

/* sum = a + b without overflow, or false */
static inline bool leat_add_ok(size_t a, size_t b, size_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

/* Tests only: the allocation number `nth` from now (1 = the next) fails, once. 0 switches it off.
 * Returns how many allocations were made since the last call. One thread at a time. */
unsigned long leat_mem_fail_at(unsigned long nth);

#endif
