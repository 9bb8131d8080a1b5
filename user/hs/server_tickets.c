/* SPDX-License-Identifier: Apache-2.0
 *
 * server_tickets.c - NewSessionTicket, RFC 8446 4.6.1: sent by the server when the client's Finished is
 * in, before anything else. A ticket is the session itself, sealed (session/ticket), or 32 random bytes
 * that name it in the session store.
 */
#include "hs/hs_int.h"

#include <string.h>

#include "crypto/digest.h"
#include "session/store.h"
#include "session/ticket.h"
#include "wire/session_ticket.h"

#define HANDLE_LEN 32

struct leat_span hs_kept_cert(const struct leat_config *cfg, const struct chain *ch)
{
	struct leat_span cert = { NULL, 0 };

	if (cfg->reuse && !chain_is_raw(ch))
		cert = chain_cert(ch, 0);
	return cert.n <= LIM_SESSION_CERT ? cert : (struct leat_span){ NULL, 0 };
}

void server_describe_session(struct hs *h, uint8_t peer[SESSION_PEER_LEN], struct session_data *d)
{
	int64_t now = h->env->now_s(h->env->arg);

	*d = (struct session_data){
		.version = h->version,
		.suite = h->suite,
		.issued_s = now,
		.auth_s = h->auth_s && h->auth_s <= now ? h->auth_s : now,
		.lifetime_s = h->cfg->session_life_s,
		.max_early = h->version == LEAT_TLS13 ? h->cfg->max_early : 0,
		.bind = { h->cfg->bind, sizeof(h->cfg->bind) },
		.host = { (const uint8_t *)h->s.sni, strlen(h->s.sni) },
		.alpn = h->alpn,
	};
	d->peer_cert = h->peer_chain ? hs_kept_cert(h->cfg, h->peer_chain) : h->peer_cert;
	if (h->peer_chain) {
		digest_once(HASH_SHA256, chain_cert(h->peer_chain, 0), peer);
		d->peer = (struct leat_span){ peer, SESSION_PEER_LEN };
	} else if (h->peer_hash_len) {
		d->peer = (struct leat_span){ h->peer_hash, h->peer_hash_len };
	}
}

/* Who gives tickets: the machine, or what is left of it. */
struct giver {
	const struct leat_config *cfg;
	const struct leat_env *env;
	const struct hs_sink *sink;
	const struct leat_secret *resumption;
	enum hash_id hash;
	struct leat_err *err;
};

/* The ticket's bytes. LEAT_UNSUPPORTED: there is none to be had. */
static enum leat_ret make(
	const struct giver *g, const struct session_data *d, struct leat_wr *ticket)
{
	uint8_t *handle;

	if (g->cfg->sessions == SESSIONS_STATELESS)
		return ticket_seal(g->cfg->ticket_keys, g->cfg->crypto, g->env, d, ticket, g->err);
	handle = leat_wr_room(ticket, HANDLE_LEN);
	if (!handle)
		return err_memory(g->err);
	g->env->random(g->env->arg, handle, HANDLE_LEN);
	return store_put(g->cfg->sessions_store, leat_wr_done(ticket), d);
}

/* RFC 8446 4.6.1: "ticket_nonce: A per-ticket value that is unique across all tickets issued on this
 * connection."; PSK = HKDF-Expand-Label(resumption_master_secret, "resumption", ticket_nonce) */
static enum leat_ret send_one(const struct giver *g, struct session_data *d, uint8_t number)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr msg = { 0 };
	uint8_t ticket_b[TICKET_MAX], age_add[4];
	struct session_ticket t = { 0 };
	struct leat_wr ticket;
	enum leat_ret r;

	t.nonce = (struct leat_span){ &number, 1 };
	sched13_ticket_psk(g->hash, g->resumption, t.nonce, &d->secret);
	/* "a fresh value for each ticket it sends" */
	g->env->random(g->env->arg, age_add, sizeof(age_add));
	memcpy(&d->age_add, age_add, sizeof(age_add));
	leat_wr_fixed(&ticket, ticket_b, sizeof(ticket_b));
	r = make(g, d, &ticket);
	if (r != LEAT_OK)
		return r;
	t.lifetime_s = (uint32_t)(session_expires(d) - d->issued_s);
	t.age_add = d->age_add;
	t.ticket = leat_wr_done(&ticket);
	t.max_early = d->max_early;
	t.has = d->max_early ? EXT_BIT(EXT_EARLY_DATA) : 0;
	enc_session_ticket(&msg, &t);
	if (!leat_wr_ok(&msg))
		return err_memory(g->err);
	/* straight to the sink: the transcript is over */
	return g->sink->send(g->sink->arg, leat_wr_done(&msg));
}

enum leat_ret server_send_tickets(struct hs *h)
{
	const struct giver g = { h->cfg, h->env, h->sink, &h->resumption, h->suite->hash, h->err };
	/* A resumed connection gives one in place of the one it used. */
	unsigned num = h->resumed && h->cfg->num_tickets ? 1 : h->cfg->num_tickets;
	LEAT_SCOPED(session_data_clear) struct session_data d;
	uint8_t peer[SESSION_PEER_LEN];
	enum leat_ret r;

	d = (struct session_data){ 0 };
	if (h->cfg->sessions == SESSIONS_OFF || !h->s.wants_tickets || !num)
		return LEAT_OK;
	server_describe_session(h, peer, &d);
	if (session_expires(&d) <= d.issued_s) /* certificates are to be looked at again */
		return LEAT_OK;
	for (unsigned i = 0; i < num; i++) {
		r = send_one(&g, &d, h->s.num_tickets);
		/* no key in force, no room in the store: no tickets then, and no harm */
		if (r == LEAT_UNSUPPORTED)
			return LEAT_OK;
		if (r != LEAT_OK)
			return LEAT_FAILED;
		h->s.num_tickets++;
	}
	return LEAT_OK;
}

enum leat_ret hs_post_ticket(struct hs_post *p, const struct leat_config *cfg,
	const struct leat_env *env, const struct hs_sink *sink, struct session_data *d,
	struct leat_err *err)
{
	struct giver g = { cfg, env, sink, &p->resumption, HASH_NONE, err };
	enum leat_ret r;

	if (p->version != LEAT_TLS13 || p->role != LEAT_SERVER || cfg->sessions == SESSIONS_OFF ||
		!p->wants_tickets || p->num_tickets == UINT8_MAX)
		return LEAT_UNSUPPORTED;
	g.hash = p->suite->hash;
	d->max_early = cfg->max_early;
	d->lifetime_s = cfg->session_life_s;
	if (session_expires(d) <= d->issued_s)
		return LEAT_UNSUPPORTED;
	r = send_one(&g, d, p->num_tickets);
	if (r == LEAT_OK)
		p->num_tickets++;
	return r;
}
