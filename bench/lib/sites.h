/* SPDX-License-Identifier: Apache-2.0
 *
 * sites.h - who holds the heap when it is fullest: every living block with the call chain that made it.
 * For b_memory --sites; not thread-safe.
 */
#ifndef LEAT_BENCH_SITES_H
#define LEAT_BENCH_SITES_H

#include <stddef.h>

/* From now on blocks are noted. The first call of all loads what walking the stack needs. */
void sites_start(void);
void sites_stop(void);
void sites_took(const void *p, size_t bytes);
void sites_gave(const void *p);
/* What lives now is what is shown as the peak, until a later call. */
void sites_peak(void);
/* Blocks of the last peak, largest first, on standard output: bytes and addresses (for addr2line). */
void sites_print(void);

#endif
