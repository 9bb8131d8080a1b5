/* SPDX-License-Identifier: Apache-2.0
 *
 * t_backends.c - the scenes of tests/rec/t_backends.c with the running kernel in the place of the played one.
 *
 * REQ: F-keyupdate F-ktls-tx F-ktls-rx F-ktls-13
 * TIMEOUT: 400
 */
#define SYS         NULL
#define NEED_KTLS() tcp_need_ktls()

#include "../rec/t_backends.c"
