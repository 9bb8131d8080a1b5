/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_alert.c: dec_alert on any bytes; what it accepts is encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("alert"), data, n);
	return 0;
}
