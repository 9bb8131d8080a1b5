/* SPDX-License-Identifier: Apache-2.0
 *
 * t_traps.c - tests/rec/t_traps.c with the running kernel.
 *
 * REQ: F-ktls-tx F-ktls-rx F-ktls-sendfile
 * TIMEOUT: 200
 */
#define BASE_SYS    sys_real
#define NEED_KTLS() tcp_need_ktls()

#include "../rec/t_traps.c"
