/* SPDX-License-Identifier: Apache-2.0
 *
 * fd_message.h - the message that goes with a descriptor, as a pure codec. Always FD_MESSAGE_LEN bytes, so that a
 * stream of them needs no framing; a format number in front, so that two versions of leat notice each other. Private
 * to sock/.
 */
#ifndef LEAT_SOCK_FD_MESSAGE_H
#define LEAT_SOCK_FD_MESSAGE_H

#include "engine/engine.h"
#include "ktls/handover.h"

#define FD_MESSAGE_LEN 640

struct fd_message {
	struct engine_bare engine;
	struct handover_adopted ho;
};

/* false: a name that is too long (cannot be: protocols have 255 bytes, names 253). */
LEAT_MUST_CHECK bool fd_message_enc(const struct fd_message *m, uint8_t out[FD_MESSAGE_LEN]);
/* NULL: *out is filled, spans point into in. Else what is wrong, as a phrase. */
const char *fd_message_dec(const uint8_t in[FD_MESSAGE_LEN], struct fd_message *out);

#endif
