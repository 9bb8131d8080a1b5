/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_resume_server.c - a server takes up a session of TLS 1.2: by the ticket a client brings (sealed,
 * SESSIONS_STATELESS) or by its session id (in the store, SESSIONS_STATEFUL; good until it expires, not
 * for one use only). RFC 5246 7.3 figure 2, RFC 5077 3.1 figure 2, RFC 7627 5.3, RFC 6066 3.
 *
 *	ClientHello                       ->
 *	                                  <-  ServerHello, [NewSessionTicket],
 *	                                      change_cipher_spec, Finished
 *	change_cipher_spec, Finished      ->
 *
 * Which sessions are made, and how they leave: v12_tickets.c. Whatever is wrong with a session (unknown,
 * expired, tampered with, another name, protocol, suite or other settings) a full handshake follows
 * without a word; the exception is RFC 7627's.
 */
#include "hs/v12_int.h"

#include <string.h>

#include "hs/choose.h"

/* What the client brings for the place where our sessions are. */
static struct leat_span offered_identity(const struct hs *h, const struct client_hello *ch)
{
	bool ticket = ch->has & EXT_BIT(EXT_TICKET);

	/* RFC 5077 3.4: with a ticket the session id stands for nothing, it only asks to be echoed */
	if (h->cfg->sessions == SESSIONS_STATELESS)
		return ticket ? ch->ticket : (struct leat_span){ NULL, 0 };
	return ch->session_id;
}

/* RFC 5246 7.4.1.2: the list of suites "MUST include at least the cipher_suite from that session"; and it
 * must still be one of ours. */
static bool may_use_suite(
	const struct hs *h, const struct client_hello *ch, const struct suite *suite)
{
	return choose_has_suite(h->cfg, suite) && list16_has(ch->suites, suite->id);
}

static bool is_alpn(const struct session_data *d, struct leat_span alpn)
{
	return d->alpn.n == alpn.n && (!alpn.n || memcmp(d->alpn.p, alpn.p, alpn.n) == 0);
}

/* RFC 7627 5.3 (where 5.2 says that to abort the handshake is to send handshake_failure):
 * "If the original session used the "extended_master_secret" extension but the new ClientHello does not
 * contain it, the server MUST abort the abbreviated handshake."; if neither does "the server SHOULD abort
 * the handshake"; if only the new one does "the server MUST NOT perform the abbreviated handshake.
 * Instead, it SHOULD continue with a full handshake". */
static enum leat_ret check_ems(
	const struct hs *h, const struct client_hello *ch, const struct session_data *d)
{
	if (!(ch->has & EXT_BIT(EXT_EMS)))
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"client_hello: resumes without extended master secret");
	return d->ems ? LEAT_OK : LEAT_UNSUPPORTED;
}

/* RFC 7301 3.1 negotiates the protocol anew; one that differs from that of the
 * session is another use of it, which we do not resume (docs/decisions/0014). */
static enum leat_ret check_session(const struct hs *h, const struct client_hello *ch,
	struct leat_span alpn, const struct session_data *d)
{
	enum leat_ret r;

	if (!lookup_may_resume(h, LEAT_TLS12, d))
		return LEAT_UNSUPPORTED;
	r = check_ems(h, ch, d);
	if (r != LEAT_OK)
		return r;
	/* RFC 6066 4: "The negotiated length applies for the duration of the session including session
	 * resumptions." */
	if (d->max_fragment != h->s.max_fragment)
		return LEAT_UNSUPPORTED;
	return is_alpn(d, alpn) && may_use_suite(h, ch, d->suite) ? LEAT_OK : LEAT_UNSUPPORTED;
}

enum leat_ret v12_server_find(
	struct hs *h, const struct client_hello *ch, struct leat_span alpn, struct lookup_hit *hit)
{
	enum leat_ret r = lookup_session(h, offered_identity(h, ch), false, hit);

	if (r != LEAT_OK)
		return r;
	r = check_session(h, ch, alpn, &hit->session);
	if (r == LEAT_OK)
		r = lookup_reuse(h, offered_identity(h, ch), &hit->session);
	if (r != LEAT_OK)
		lookup_hit_clear(hit);
	return r;
}

/* The session id stays what the client sent. RFC 5077 3.4: "If the server accepts the ticket and the
 * Session ID is not empty, then it MUST respond with the same Session ID present in the ClientHello." */
static enum leat_ret commit_resumed(struct hs *h, const struct lookup_hit *hit)
{
	const struct session_data *d = &hit->session;

	h->resumed = true;
	h->ems = true;
	h->v12.ticket_promised = hit->renew;
	v12_take_session(h, d);
	if (hs_set_suite(h, d->suite) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return LEAT_OK;
}

enum leat_ret v12_server_resume(struct hs *h, const struct client_hello *ch,
	const struct lookup_hit *hit, enum hs_state *next)
{
	if (commit_resumed(h, hit) != LEAT_OK || v12_send_server_hello(h, ch) != LEAT_OK)
		return LEAT_FAILED;
	v12_set_keys(h);
	if (h->v12.ticket_promised && v12_send_ticket(h) != LEAT_OK)
		return LEAT_FAILED;
	*next = S12_WAIT_CCS;
	return v12_send_finished(h);
}
