/* SPDX-License-Identifier: Apache-2.0
 *
 * session/store.h - session stores as the handshake uses them: through the callbacks of a struct
 * leat_store, whoever made it. The public half is leat/session.h.
 */
#ifndef LEAT_SESSION_STORE_H
#define LEAT_SESSION_STORE_H

#include <leat/session.h>

#include "session/ticket.h"

/* Keeps a session under id (secret: the bytes handed over hold it). LEAT_UNSUPPORTED: not kept. */
LEAT_MUST_CHECK enum leat_ret store_put(
	struct leat_store *s, struct leat_span id, const struct session_data *d);
/* The bytes under id as they are kept, any bytes; take and results as in struct leat_store_ops. */
LEAT_MUST_CHECK enum leat_ret store_find_bytes(struct leat_store *s, struct leat_span id, bool take,
	int64_t now_s, struct ticket_plain *plain);
/* The session under id, borrowing from *plain. LEAT_UNSUPPORTED: none; LEAT_AGAIN: not known yet. */
LEAT_MUST_CHECK enum leat_ret store_find(struct leat_store *s, struct leat_span id, bool take,
	int64_t now_s, struct ticket_plain *plain, struct session_data *d);
/* As reserve of struct leat_store_ops; a store without it has room for any id. */
LEAT_MUST_CHECK enum leat_ret store_reserve(struct leat_store *s, struct leat_span id);
bool store_reserves(const struct leat_store *s);
void store_drop(struct leat_store *s, struct leat_span id);

#endif
