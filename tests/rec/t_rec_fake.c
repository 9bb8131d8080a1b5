/* SPDX-License-Identifier: Apache-2.0
 *
 * t_rec_fake.c - the record suite of t_rec.c over tests/lib/fakesys.c: the path of kernel records on any
 * machine and under sanitizers. The real kernel has its turn in tests/kernel/t_rec.c.
 *
 * TIMEOUT: 240
 */
#include <stdbool.h>

#include "fakesys.h"

#define RECORDS   "kernel"
#define IN_KERNEL true
#define SYS       &fakesys

#include "t_rec.c"
