/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_calib.c: any bytes as the file that leat calibrate leaves; what is taken has numbers and texts in bounds.
 */
#include <string.h>

#include "ktls/calib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct calib c = { .file = 1 };

	if (!calib_parse((const char *)data, n, &c))
		return 0;
	if (c.file > CALIB_NEVER || c.stream > CALIB_NEVER || !c.kernel[0] ||
		!memchr(c.cpu, '\0', sizeof(c.cpu)))
		__builtin_trap();
	return 0;
}
