/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_cert_status.c: dec_cert_status on any bytes; what it accepts is encoded, decoded and compared.
 */
#include "wirekit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	wire_fuzz(wire_kind("cert_status"), data, n);
	return 0;
}
