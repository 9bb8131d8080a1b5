/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_v12_client_kx.c: dec_v12_client_kx on any bytes; what it accepts is encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("v12_client_kx"), data, n);
	return 0;
}
