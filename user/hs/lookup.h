/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.h - the one place where a server asks what it does not know by itself: for a session that a client
 * offers, inside the ticket (SESSIONS_STATELESS) or in the session store under the ticket or session id
 * (SESSIONS_STATEFUL); for the key of an external PSK; for the config that serves a name.
 *
 * All are asked while a ClientHello is handled (the key of a PSK suite of TLS 1.2: ClientKeyExchange), before
 * anything is committed: LEAT_AGAIN goes up to the
 * caller of the machine, and the same message is handled from its start when the answer is there.
 */
#ifndef LEAT_HS_LOOKUP_H
#define LEAT_HS_LOOKUP_H

#include "hs/hs_int.h"
#include "session/ticket.h"

/* A session that was found: a wiping type. */
struct lookup_hit {
	struct session_data session;
	struct ticket_plain plain; /* what session borrows from */
	bool renew;                /* sealed under a key that seals no more: a new ticket is due */
};

void lookup_hit_clear(struct lookup_hit *hit);

/* identity: a ticket of either version, or a session id of TLS 1.2; any bytes of the peer's. take: a
 * session in the store is removed by this, of several that ask at once one gets it.
 * LEAT_OK: found, neither expired nor tampered with; whether it fits this connection is the caller's to
 * say (lookup_may_resume, and more). LEAT_UNSUPPORTED: nothing. LEAT_AGAIN: not known yet. *hit is clear unless LEAT_OK. */
LEAT_MUST_CHECK enum leat_ret lookup_session(
	struct hs *h, struct leat_span identity, bool take, struct lookup_hit *hit);

/* Sessions of either version: may the one found be taken up here, as far as it does not depend on the rest
 * of the hello? Made with this version, name and settings, and with a certificate where one is required. */
bool lookup_may_resume(const struct hs *h, uint16_t version, const struct session_data *d);

/* What the application has to say of it, last of all (leat_config_set_reuse_session). LEAT_OK: it is resumed.
 * LEAT_UNSUPPORTED: a full handshake. LEAT_AGAIN: not known yet. */
LEAT_MUST_CHECK enum leat_ret lookup_reuse(
	struct hs *h, struct leat_span identity, const struct session_data *d);

/* The config's PSK lookup. LEAT_OK: *out has secret and hash, borrowed until the next lookup or the end of
 * the message. LEAT_UNSUPPORTED: unknown. */
LEAT_MUST_CHECK enum leat_ret lookup_psk(
	struct hs *h, const struct leat_psk_query *query, struct leat_psk *out);

/* The config's SNI callback, which must be there. LEAT_OK: *out is a reference, NULL: the one there is.
 * LEAT_FAILED: the alert is raised. */
LEAT_MUST_CHECK enum leat_ret lookup_config(
	struct hs *h, struct leat_span name, struct leat_config **out);

/* For job_lookup.c. LEAT_OK, LEAT_AGAIN or LEAT_UNSUPPORTED. */
LEAT_MUST_CHECK enum leat_ret lookup_ask_reuse(
	const struct leat_config *cfg, struct leat_span identity, const struct session_data *d);
void lookup_offer(
	struct leat_span identity, const struct session_data *d, struct leat_session_offer *out);
/* For job_lookup.c. Asks the callback; LEAT_OK, LEAT_AGAIN, or LEAT_FAILED with the alert in err. */
LEAT_MUST_CHECK enum leat_ret lookup_ask_sni(const struct leat_config *cfg, struct leat_span name,
	struct leat_config **out, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret lookup_check_config(
	const struct leat_config *cfg, struct leat_err *err);

/* The message is done: its answers and its bytes are forgotten. */
void lookup_forget(struct hs_job *job);

#endif
