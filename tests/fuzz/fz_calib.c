/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_calib.c: any bytes as the file that leat calibrate leaves; what is taken has numbers and texts in bounds.
 */
#include <string.h>

#include "ktls/calib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct calib c = { .cpu = "" };

	if (!calib_parse((const char *)data, n, &c))
		return 0;
	for (int i = 0; i < CALIB_CIPHERS; i++)
		if (c.from[i][CALIB_FILE] > CALIB_NEVER || c.from[i][CALIB_STREAM] > CALIB_NEVER)
			__builtin_trap();
	if (!c.kernel[0] || !memchr(c.cpu, '\0', sizeof(c.cpu)))
		__builtin_trap();
	return 0;
}
