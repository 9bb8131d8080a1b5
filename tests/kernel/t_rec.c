/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rec.c - the record suite of tests/rec/t_rec.c with both directions in the kernel.
 *
 * REQ: F-ktls-tx F-ktls-rx F-ktls-13
 * TIMEOUT: 240
 */
#include <stdbool.h>

#define RECORDS   "kernel"
#define IN_KERNEL true

#include "../rec/t_rec.c"
