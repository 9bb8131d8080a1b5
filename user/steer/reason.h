/* SPDX-License-Identifier: Apache-2.0
 *
 * reason.h - why the kernel refused a BPF program, as one line for an operator: a capability, a sandbox, an old
 * kernel; or the verifier, of whose pages only the sentence that matters is kept. Pure.
 */
#ifndef LEAT_STEER_REASON_H
#define LEAT_STEER_REASON_H

#include "steer/steer.h"

/* what: name of a program or object; err: an errno; log: the verifier's text, or "". */
void steer_reason(const char *what, int err, const char *log, char why[STEER_TEXT]);

#endif
