/* SPDX-License-Identifier: Apache-2.0
 *
 * t_backends_rekey.c - the scenes of t_backends.c over a kernel that changes keys (Linux 6.14 and later), here
 * tests/lib/fakesys.c: then no scene may differ from user space. A real one: LEAT_KERNELS=new, tests/kernel.
 *
 * REQ: F-keyupdate
 */
#define NEW_KERNEL
#include "t_backends.c"
