/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wipe_keys.c - tests/flow/t_wipe_keys.c with the running kernel, which is asked for the keys it was given.
 *
 * REQ: GEN-confidentiality
 * TIMEOUT: 300
 */
#define SYS         NULL
#define NEED_KTLS() tcp_need_ktls()
#define REAL_KERNEL 1

#include "../flow/t_wipe_keys.c"
