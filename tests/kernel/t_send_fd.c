/* SPDX-License-Identifier: Apache-2.0
 *
 * t_send_fd.c - the scenes of tests/rec/t_send_fd.c with the running kernel in the place of the played one.
 *
 * TIMEOUT: 400
 */
#define BASE_SYS    sys_real
#define NEED_KTLS() tcp_need_ktls()

#include "../rec/t_send_fd.c"
