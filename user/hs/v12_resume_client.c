/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_resume_client.c - a client offers a session of TLS 1.2, notices that the server takes it up, and
 * keeps what servers give: tickets (RFC 5077) and session ids (RFC 5246 7.4.1.2). The same hello may offer
 * TLS 1.3: a session is offered under the version it was made with, and the server chooses.
 */
#include "hs/v12_int.h"

#include <string.h>

#include "crypto/digest.h"
#include "hs/choose.h"
#include "wire/session_ticket.h"

/* What a server did not say of a session's life (RFC 5077 3.3: a hint of 0 is "unspecified"; nothing is
 * ever said of a session id's): a day, RFC 5246 F.1.4's upper limit. */
#define LIFE_S 86400

/* A session stands for what was checked when it began: the same name, the same settings. RFC 7627 5.3:
 * "The client SHOULD NOT offer an abbreviated handshake to resume a session that does not use an extended
 * master secret." */
static bool is_offerable(const struct hs *h, const struct session_data *d)
{
	return d->version == LEAT_TLS12 && d->ems && (d->ticket.n || d->id.n) &&
	       h->cfg->min_version <= LEAT_TLS12 && h->cfg->max_version >= LEAT_TLS12 &&
	       session_is_for(d, h->c.host, h->cfg->bind) &&
	       session_is_fresh(d, h->env->now_s(h->env->arg)) &&
	       choose_has_suite(h->cfg, d->suite) &&
	       (!d->max_fragment || d->max_fragment == h->cfg->max_fragment) &&
	       (d->alpn.n == 0 || choose_alpn_ours(h->cfg, d->alpn).n);
}

void v12_client_offer(struct hs *h)
{
	const struct session_data *d = h->c.session ? session_data(h->c.session) : NULL;

	if (!d || !is_offerable(h, d))
		return;
	h->c.offers12 = true;
	if (!d->ticket.n) {
		h->session_id_len = (uint8_t)d->id.n;
		memcpy(h->session_id, d->id.p, d->id.n);
		return;
	}
	/* RFC 5077 3.4: "When presenting a ticket, the client MAY generate and include a Session ID in the
	 * TLS ClientHello": echoed, it tells that the ticket was accepted. RFC 8446 D.4's is as good. */
	if (!h->session_id_len) {
		h->session_id_len = LIM_SESSION_ID;
		h->env->random(h->env->arg, h->session_id, h->session_id_len);
	}
}

void v12_client_ticket_ext(const struct hs *h, struct client_hello *ch)
{
	/* The id tells which session is meant, where it is no ticket: a ticket may still be had. */
	if (h->c.offers12)
		ch->ticket = session_data(h->c.session)->ticket;
	if (ch->ticket.n || h->cfg->sessions == SESSIONS_KEPT)
		ch->has |= EXT_BIT(EXT_TICKET);
}

/* ---- the server's answer ---- */

bool v12_client_is_resumed(const struct hs *h, const struct server_hello *sh)
{
	return sh->session_id.n && sh->session_id.n == h->session_id_len &&
	       memcmp(sh->session_id.p, h->session_id, h->session_id_len) == 0;
}

enum leat_ret v12_check_resumed(const struct hs *h, const struct server_hello *sh)
{
	const struct session_data *d;

	/* The id was RFC 8446 D.4's: a server that echoes it claims to resume what never was. */
	if (!h->c.offers12)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: resumes a session that was not offered");
	d = session_data(h->c.session);
	/* RFC 5246 7.4.1.3: "For resumed sessions, this field is the value from the state of the session
	 * being resumed." */
	if (sh->suite != d->suite->id)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: resumes with another cipher suite");
	/* RFC 7627 5.3: "If the original session used the "extended_master_secret" extension but the new
	 * ServerHello does not contain the extension, the client MUST abort the handshake." and the other
	 * way round (5.2: by handshake_failure). */
	if (!d->ems || !(sh->has & EXT_BIT(EXT_EMS)))
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"server_hello: resumes without extended master secret");
	return LEAT_OK;
}

void v12_client_resume(struct hs *h)
{
	h->resumed = true;
	v12_take_session(h, session_data(h->c.session));
	v12_set_keys(h);
}

/* ---- what is kept ---- */

static bool wants_sessions(const struct hs *h)
{
	return h->sink->session && h->cfg->sessions == SESSIONS_KEPT;
}

enum leat_ret v12_client_keep_ticket(struct hs *h, const struct session_ticket *t)
{
	if (!wants_sessions(h) || !t->ticket.n)
		return LEAT_OK;
	leat_wr_span(&h->v12.ticket, t->ticket);
	if (!leat_wr_ok(&h->v12.ticket))
		return err_memory(h->err);
	h->v12.ticket_life_s = t->lifetime_s < SESSION_WEEK_S ? t->lifetime_s : SESSION_WEEK_S;
	return LEAT_OK;
}

static void describe(const struct hs *h, uint8_t peer[SESSION_PEER_LEN], struct session_data *d)
{
	int64_t now = h->env->now_s(h->env->arg);

	*d = (struct session_data){
		.version = LEAT_TLS12,
		.suite = h->suite,
		.ems = h->ems,
		.max_fragment = h->c.max_fragment,
		.secret = h->v12.master,
		.issued_s = now,
		.auth_s = h->auth_s && h->auth_s <= now ? h->auth_s : now,
		.lifetime_s = h->v12.ticket_life_s ? h->v12.ticket_life_s : LIFE_S,
		.bind = { h->cfg->bind, sizeof(h->cfg->bind) },
		.peer = { h->peer_hash, h->peer_hash_len },
		.host = { (const uint8_t *)h->c.host, strlen(h->c.host) },
		.alpn = h->alpn,
		.ticket = leat_wr_done(&h->v12.ticket),
	};
	if (h->peer_chain) {
		digest_once(HASH_SHA256, chain_cert(h->peer_chain, 0), peer);
		d->peer = (struct leat_span){ peer, SESSION_PEER_LEN };
	}
	/* RFC 5077 3.4: a client that got a ticket "discards any Session ID that was sent in the
	 * ServerHello" */
	if (!d->ticket.n)
		d->id = (struct leat_span){ h->session_id, h->session_id_len };
}

enum leat_ret v12_client_deliver(struct hs *h)
{
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };
	uint8_t peer[SESSION_PEER_LEN];
	struct leat_session *s;

	if (!wants_sessions(h) || !h->ems)
		return LEAT_OK;
	/* In TLS 1.2 a session is good until it expires: unless there is a new ticket it comes back, so
	 * that a program which takes one for each connection has one for the next. */
	if (h->resumed && !h->v12.ticket.n) {
		h->sink->session(h->sink->arg, leat_session_ref(h->c.session));
		return LEAT_OK;
	}
	describe(h, peer, &d);
	if (!d.ticket.n && !d.id.n)
		return LEAT_OK;
	if (session_new(&s, &d, h->err) != LEAT_OK)
		return LEAT_FAILED;
	h->sink->session(h->sink->arg, s);
	return LEAT_OK;
}
