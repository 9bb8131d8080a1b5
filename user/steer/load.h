/* SPDX-License-Identifier: Apache-2.0
 *
 * load.h - loading BPF objects so that a refusal can be read: what the verifier wrote is kept for reason.h.
 */
#ifndef LEAT_STEER_LOAD_H
#define LEAT_STEER_LOAD_H

#include <stddef.h>

#include "steer/steer.h"

struct bpf_object_skeleton;

/* libbpf says nothing by itself from here on; idempotent. */
void load_quietly(void);
/* Loads what was opened. 0, or a positive errno with the reason in why. */
int load_object(struct bpf_object_skeleton *skel, char why[STEER_TEXT]);

#endif
