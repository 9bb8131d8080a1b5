/* SPDX-License-Identifier: Apache-2.0
 *
 * t_cut_fake.c - the cuts of tests/kernel/t_cut.c over tests/lib/fakesys.c: on any machine, and under
 * sanitizers.
 *
 * TIMEOUT: 400
 */
#include "fakesys.h"

#define SYS         (&fakesys)
#define NEED_KTLS() ((void)0)

#include "../kernel/t_cut.c"
