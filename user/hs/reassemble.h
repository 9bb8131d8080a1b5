/* SPDX-License-Identifier: Apache-2.0
 *
 * reassemble.h - whole handshake messages out of record payloads. A message that lies whole in one
 * payload is handed out where it lies; only a message cut by a record border is copied, and only
 * after its header was found acceptable (legal now, not larger than its limit).
 */
#ifndef LEAT_HS_REASSEMBLE_H
#define LEAT_HS_REASSEMBLE_H

#include "base/err.h"
#include "base/wr.h"

/* Zero state: between two messages. */
struct reasm {
	struct leat_wr buf; /* the part of a message seen so far */
};

/* Says whether a message of this type and body length may be received now; raises the alert if not. */
typedef enum leat_ret reasm_check_fn(void *arg, unsigned type, size_t len, struct leat_err *err);

/* Takes bytes from the front of *in. LEAT_OK: *msg is a whole message with its header, borrowed from
 * in's memory or from the buffer, until reasm_done. LEAT_AGAIN: all of *in was taken, more is needed. */
LEAT_MUST_CHECK enum leat_ret reasm_next(struct reasm *r, struct leat_span *in,
	struct leat_span *msg, reasm_check_fn *check, void *arg, struct leat_err *err);
/* The message handed out was used; buffered bytes of it are wiped. */
void reasm_done(struct reasm *r);
void reasm_clear(struct reasm *r);
static inline bool reasm_is_partial(const struct reasm *r)
{
	return r->buf.n > 0;
}

#endif
