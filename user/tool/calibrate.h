/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.h - the measuring behind `leat calibrate`: what a connection costs the process that sends a file,
 * or memory, of each size, with records in user space and in the kernel. Counted is CPU time, in user space
 * and in the kernel, from keys to close: what the kernel does for the receiver over loopback is in it, the same
 * for both. Not here: handshakes (they are the same too), the file (ktls/calib.c), the words (cmd_calibrate.c).
 */
#ifndef LEAT_TOOL_CALIBRATE_H
#define LEAT_TOOL_CALIBRATE_H

#include <stdint.h>

#include <leat/types.h>

#define CALIBRATE_SIZES 6

struct calibration {
	uint64_t size[CALIBRATE_SIZES];    /* bytes, rising */
	uint64_t file[CALIBRATE_SIZES][2]; /* ns, least of all rounds: user space, kernel */
	uint64_t stream[CALIBRATE_SIZES][2];
	unsigned rounds;
	const char *cipher; /* static */
};

/* Measures for about so long, at least one round. The kernel can do TLS 1.3 with this cipher (index of the
 * probe's table). */
LEAT_MUST_CHECK enum leat_ret calibrate_run(
	struct calibration *out, unsigned cipher, int64_t ms, struct leat_err *err);

#endif
