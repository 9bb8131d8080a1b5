/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_v12_server_kx_dhe.c: dec_v12_server_kx_of for DHE suites on any bytes; what it accepts is
 * encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("v12_server_kx_dhe"), data, n);
	return 0;
}
