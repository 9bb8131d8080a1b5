/* SPDX-License-Identifier: Apache-2.0
 *
 * t_steer_lookup.c - tests/unit/t_steer_lookup.c on the kernels that leat is made for. What cannot be had here is a
 * failure.
 *
 * TIMEOUT: 200
 */
#include "../unit/t_steer_lookup.c"
