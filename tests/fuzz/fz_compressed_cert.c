/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_compressed_cert.c: dec_compressed_cert on any bytes; what it accepts is encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("compressed_cert"), data, n);
	return 0;
}
