/* SPDX-License-Identifier: Apache-2.0
 *
 * session/ticket_keys.h - the inside of struct leat_ticket_keys for ticket.c: which key seals now,
 * which one a ticket names. The public half is leat/session.h.
 */
#ifndef LEAT_SESSION_TICKET_KEYS_H
#define LEAT_SESSION_TICKET_KEYS_H

#include <leat/session.h>

#include "base/err.h"

#define TICKET_NAME_LEN 16
#define TICKET_KEY_LEN  32

/* A copy of one key: a wiping type. */
struct ticket_key {
	uint8_t name[TICKET_NAME_LEN];
	uint8_t key[TICKET_KEY_LEN];
	int64_t from_s;  /* seals from then on, until a newer one does */
	int64_t until_s; /* opens until then */
};

void ticket_key_clear(struct ticket_key *k);

/* The key to seal with at this time; rotates when one is due. LEAT_UNSUPPORTED: there is none. */
LEAT_MUST_CHECK enum leat_ret ticket_keys_sealing(
	struct leat_ticket_keys *k, const struct leat_env *env, struct ticket_key *out);
/* The key of that name, if it still opens. *seals: it also seals, and is not due to be replaced (which
 * happens when somebody seals, so maybe long after that time). */
bool ticket_keys_find(struct leat_ticket_keys *k, const uint8_t name[TICKET_NAME_LEN],
	int64_t now_s, struct ticket_key *out, bool *seals);

#endif
