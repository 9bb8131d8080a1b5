/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_encrypted_ext.c: dec_encrypted_ext on any bytes; what it accepts is encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("encrypted_ext"), data, n);
	return 0;
}
