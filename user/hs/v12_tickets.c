/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_tickets.c - a server hands out sessions of TLS 1.2: NewSessionTicket before its change_cipher_spec
 * (RFC 5077 3.3), or an entry in the session store under the session id its ServerHello named (RFC 5246
 * 7.4.1.3), written when the client's Finished is in: a handshake that was not finished leaves nothing.
 *
 * Only sessions with an extended master secret are kept: others must not be resumed (RFC 7627 5.3).
 */
#include "hs/v12_int.h"

#include "session/store.h"
#include "session/ticket.h"
#include "wire/session_ticket.h"

#define ID_TRIES 10

/* 32 random bytes that no session has, or an empty id: then this session is not kept. */
static void choose_id(struct hs *h)
{
	struct leat_store *store = h->cfg->sessions_store;

	for (int i = 0; i < ID_TRIES; i++) {
		const struct leat_span id = { h->session_id, LIM_SESSION_ID };

		h->env->random(h->env->arg, h->session_id, LIM_SESSION_ID);
		if (store_reserve(store, id) == LEAT_OK) {
			h->session_id_len = LIM_SESSION_ID;
			h->v12.id_reserved = store_reserves(store);
			return;
		}
	}
}

void v12_forget_id(struct hs *h)
{
	const struct leat_span id = { h->session_id, h->session_id_len };

	if (h->v12.id_reserved)
		store_drop(h->cfg->sessions_store, id);
	h->v12.id_reserved = false;
}

/* RFC 5077 3.1: the server answers the extension when "it will send a new session ticket"; 3.4: it then
 * "SHOULD include an empty Session ID in the ServerHello". */
void v12_commit_session(struct hs *h, const struct client_hello *ch)
{
	bool stateful = h->cfg->sessions == SESSIONS_STATEFUL;

	h->session_id_len = 0;
	if (!h->ems)
		return;
	h->v12.ticket_promised = h->cfg->sessions == SESSIONS_STATELESS &&
				 (ch->has & EXT_BIT(EXT_TICKET));
	if (stateful)
		choose_id(h);
}

/* false: it would have ended already, certificates are to be looked at again. */
static bool describe(struct hs *h, uint8_t peer[SESSION_PEER_LEN], struct session_data *d)
{
	server_describe_session(h, peer, d);
	d->ems = h->ems;
	d->max_fragment = h->s.max_fragment;
	d->secret = h->v12.master;
	return session_expires(d) > d->issued_s;
}

enum leat_ret v12_send_ticket(struct hs *h)
{
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };
	uint8_t peer[SESSION_PEER_LEN], ticket_b[TICKET_MAX];
	struct session_ticket t = { 0 };
	enum leat_ret r = LEAT_UNSUPPORTED;
	struct leat_wr ticket;

	leat_wr_fixed(&ticket, ticket_b, sizeof(ticket_b));
	if (describe(h, peer, &d))
		r = ticket_seal(h->cfg->ticket_keys, h->cfg->crypto, h->env, &d, &ticket, h->err);
	if (r == LEAT_FAILED)
		return LEAT_FAILED;
	/* RFC 5077 3.3: "If the server determines that it does not want to include a ticket after it has
	 * included the SessionTicket extension in the ServerHello, then it sends a zero-length ticket" */
	if (r == LEAT_OK) {
		t.ticket = leat_wr_done(&ticket);
		t.lifetime_s = (uint32_t)(session_expires(&d) - d.issued_s);
	}
	enc_session_ticket12(hs_out(h), &t);
	return hs_send(h);
}

void v12_keep_session(struct hs *h)
{
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };
	struct leat_span id = { h->session_id, h->session_id_len };
	uint8_t peer[SESSION_PEER_LEN];
	enum leat_ret kept;

	if (!id.n || h->cfg->sessions != SESSIONS_STATEFUL || !describe(h, peer, &d))
		return; /* a reserved id goes with the machine */
	d.id = id;
	kept = store_put(h->cfg->sessions_store, id, &d);
	if (kept ==
		LEAT_OK) /* else there was no room: the client will ask in vain, which costs it nothing */
		h->v12.id_reserved = false;
}
