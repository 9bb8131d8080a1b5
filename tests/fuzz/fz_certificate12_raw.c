/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_certificate12_raw.c: dec_certificate12_raw on any bytes; what it accepts is encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("certificate12_raw"), data, n);
	return 0;
}
