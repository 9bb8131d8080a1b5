/* SPDX-License-Identifier: Apache-2.0
 *
 * session/ticket.h - stateless tickets: a serialised session sealed with AES-256-GCM under a key of the
 * set (ticket_keys.h). RFC 8446 4.6.1 and RFC 5077 4 leave the form to the server:
 *
 *	opaque key_name[16]; opaque nonce[12]; opaque sealed[..]; opaque tag[16];
 *
 * with key_name as additional data. One form for TLS 1.2 and 1.3: the version is in the session.
 */
#ifndef LEAT_SESSION_TICKET_H
#define LEAT_SESSION_TICKET_H

#include "base/limits.h"
#include "crypto/aead.h"
#include "session/session.h"

/* A session of ours, serialised without a ticket of its own, is no longer. */
#define TICKET_PLAIN_MAX (1024 + 2 + LIM_SESSION_CERT)
#define TICKET_MAX       (16 + 12 + TICKET_PLAIN_MAX + 16)

/* What an opened ticket's spans lie in: a wiping type. */
struct ticket_plain {
	size_t n;
	uint8_t b[TICKET_PLAIN_MAX + 16];
};

void ticket_plain_clear(struct ticket_plain *p);

/* Appends the ticket of a session (d->ticket must be empty). LEAT_UNSUPPORTED: no key is in force, then
 * nothing was written. */
LEAT_MUST_CHECK enum leat_ret ticket_seal(struct leat_ticket_keys *k, const struct crypto *c,
	const struct leat_env *env, const struct session_data *d, struct leat_wr *out,
	struct leat_err *err);

/* Opens a ticket that a peer sent: any bytes. d borrows from *plain. false: not ours, of an unknown or
 * expired key, tampered with, or expired itself; which one nobody learns. *renew: it was sealed by a key
 * that does not seal any more. */
bool ticket_open(struct leat_ticket_keys *k, const struct crypto *c, const struct leat_env *env,
	struct leat_span ticket, struct ticket_plain *plain, struct session_data *d, bool *renew);

#endif
