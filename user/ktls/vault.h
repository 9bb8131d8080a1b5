/* SPDX-License-Identifier: Apache-2.0
 *
 * vault.h - where traffic secrets stay that a KeyUpdate will need while the kernel has the record keys: memory of
 * this process that is in no core file, not swapped where the limits allow it, with an unmapped page on either
 * side, and wiped when it is given back. One for the process, with a bound; any thread.
 */
#ifndef LEAT_KTLS_VAULT_H
#define LEAT_KTLS_VAULT_H

#include "hs/hs.h"

/* Slots there may be at once. */
#define VAULT_SLOTS 65536

/* An empty slot, given back by its own put(); NULL: none is left, or no memory. */
struct hs_slot *vault_take(void);
/* For tests: slots that are taken. */
size_t vault_num_taken(void);
bool vault_has(const void *p);

#endif
