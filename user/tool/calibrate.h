/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.h - the measuring behind `leat calibrate`: what a connection costs that sends a file, or memory, of
 * each size, with records in user space and in the kernel. Counted is CPU time of both ends, in user space and in
 * the kernel, from keys to close: the receiver, who looks at nothing, costs the same for both. Not here: handshakes (they are the same too), the file (ktls/calib.c), the words (cmd_calibrate.c).
 */
#ifndef LEAT_TOOL_CALIBRATE_H
#define LEAT_TOOL_CALIBRATE_H

#include <stdint.h>

#include <leat/types.h>

#include "ktls/calib.h"

#define CALIBRATE_SIZES 6

struct calibration {
	uint64_t size[CALIBRATE_SIZES]; /* bytes, rising */
	uint64_t cost[CALIB_USES][CALIBRATE_SIZES]
		     [2]; /* ns, median of all rounds: user space, kernel */
	unsigned rounds;
	const char *cipher; /* static */
};

/* The family of a cipher of the probe's table. */
enum calib_cipher calibrate_family(unsigned cipher);
/* Measures for about so long, at least five rounds. The kernel can do TLS 1.3 with this cipher (index of the
 * probe's table). */
LEAT_MUST_CHECK enum leat_ret calibrate_run(
	struct calibration *out, unsigned cipher, int64_t ms, struct leat_err *err);

#endif
