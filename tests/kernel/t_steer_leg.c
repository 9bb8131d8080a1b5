/* SPDX-License-Identifier: Apache-2.0
 *
 * t_steer_leg.c - tests/unit/t_steer_leg.c on the kernels that leat is made for. What cannot be had here is a failure.
 *
 * TIMEOUT: 200
 */
#include "../unit/t_steer_leg.c"
