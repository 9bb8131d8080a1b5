/* SPDX-License-Identifier: Apache-2.0
 *
 * t_soak.c - tests/flow/t_soak.c with records in the kernel, in both directions and in one.
 *
 * REQ: F-ktls-tx F-ktls-rx F-ktls-13
 * TIMEOUT: 300
 */
#define RECORDS     "kernel"
#define NEED_KTLS() tcp_need_ktls()

#include "../flow/t_soak.c"
