/* SPDX-License-Identifier: Apache-2.0
 *
 * server_choose.c - the server's side of a TLS 1.3 negotiation: what must be there, what is taken, and
 * HelloRetryRequest when the client sent no share we can use. Decisions themselves are choose.c.
 * RFC 8446 4.1.1, 4.1.4, 4.2.8, 9.2.
 */
#include "hs/psk.h"

#include <string.h>

#include "hs/cert_attach.h"
#include "hs/choose.h"
#include "session/antireplay.h"

struct chosen {
	const struct suite *suite;
	const struct group *group;
	struct leat_span share; /* the client's, empty: must be asked for */
	struct choice_cred auth;
	uint8_t client_type; /* as what a client may show what it is */
	struct leat_span alpn;
	struct psk_pick psk;
	bool ke_only;   /* psk_ke: no group, no share */
	bool ask_share; /* for a share of group */
	bool retry;     /* HelloRetryRequest is due: for that, or because the config wants one */
};

static void chosen_clear(struct chosen *c)
{
	psk_pick_clear(&c->psk);
}

static bool has(const struct client_hello *ch, enum ext e)
{
	return ch->has & EXT_BIT(e);
}

/* RFC 8446 9.2: "If not containing a "pre_shared_key" extension, it MUST contain both a
 * "signature_algorithms" extension and a "supported_groups" extension. If containing a
 * "supported_groups" extension, it MUST also contain a "key_share" extension, and vice versa. [...]
 * Servers receiving a ClientHello which does not conform to these requirements MUST abort the handshake
 * with a "missing_extension" alert." */
static enum leat_ret check_mandatory(const struct hs *h, const struct client_hello *ch)
{
	bool psk = has(ch, EXT_PSK);

	if (!psk && !has(ch, EXT_SIGALGS))
		return hs_refuse(h, LEAT_ALERT_MISSING_EXTENSION,
			"client_hello: without signature_algorithms");
	if (!has(ch, EXT_GROUPS) && (!psk || has(ch, EXT_KEY_SHARE)))
		return hs_refuse(
			h, LEAT_ALERT_MISSING_EXTENSION, "client_hello: without supported_groups");
	if (!has(ch, EXT_KEY_SHARE) && (!psk || has(ch, EXT_GROUPS)))
		return hs_refuse(
			h, LEAT_ALERT_MISSING_EXTENSION, "client_hello: without key_share");
	/* 4.2.9: "If clients offer "pre_shared_key" without a "psk_key_exchange_modes" extension,
	 * servers MUST abort the handshake." */
	if (psk && !has(ch, EXT_PSK_MODES))
		return hs_refuse(h, LEAT_ALERT_MISSING_EXTENSION,
			"client_hello: pre_shared_key without psk_key_exchange_modes");
	return LEAT_OK;
}

/* RFC 8446 4.2.8: "Clients MUST NOT offer any KeyShareEntry values for groups not listed in the client's
 * "supported_groups" extension. Servers MAY check for violations of these rules and abort the handshake
 * with an "illegal_parameter" alert if one is violated." */
static enum leat_ret check_shares(const struct hs *h, const struct client_hello *ch)
{
	struct leat_rd it = leat_rd_of(ch->key_shares);
	uint16_t last = 0;
	struct key_share ks;
	size_t num = 0;

	for (; key_share_next(&it, &ks); num++) {
		last = ks.group;
		if (!list16_has(ch->groups, ks.group))
			return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
				"client_hello: key_share of a group that is not supported");
	}
	/* 4.1.2: after HelloRetryRequest "a list containing a single KeyShareEntry from the indicated
	 * group" */
	if (h->retried && h->s.retry_group && (num != 1 || last != h->s.retry_group->id))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"client_hello: not the one key_share that was asked for");
	return LEAT_OK;
}

/* Address validation: once for each connection. */
static bool wants_retry(const struct hs *h)
{
	return h->cfg->always_retry && !h->retried;
}

/* RFC 8446 4.1.1: "If the server is unable to negotiate a supported set of parameters [...] it MUST abort
 * the handshake with either a "handshake_failure" or "insufficient_security" fatal alert" */
static enum leat_ret choose_all(struct hs *h, const struct client_hello *ch, struct chosen *out)
{
	const struct group *group = choose_group13(h->cfg, ch, &out->share);
	unsigned modes = psk_server_modes(h, ch);
	enum leat_ret r;

	/* Without a key exchange there is nothing to ask for again. */
	out->retry = (group && !out->share.n && !(modes == 1u << PSK_KE)) || wants_retry(h);
	r = psk_server_pick(h, ch, !out->retry, &out->psk);
	if (r != LEAT_OK)
		return r;
	/* With a key exchange where that can be had: what is sent stays secret when the PSK does not. */
	out->ke_only = out->psk.found && (!(modes & 1u << PSK_DHE_KE) || !group);
	if (out->psk.found && out->ke_only && !(modes & 1u << PSK_KE))
		psk_pick_clear(&out->psk);
	/* After a HelloRetryRequest the suite stands (4.1.4), with the PSK or without. */
	out->suite = h->retried ? h->suite
				: choose_suite13(
					  h->cfg, ch, out->psk.found ? out->psk.hash : HASH_NONE);
	if (!out->suite)
		return hs_refuse(
			h, LEAT_ALERT_HANDSHAKE_FAILURE, "client_hello: no cipher suite in common");
	out->group = out->psk.found && out->ke_only ? NULL : group;
	if (!out->group && !out->psk.found)
		return hs_refuse(
			h, LEAT_ALERT_HANDSHAKE_FAILURE, "client_hello: no group in common");
	out->ask_share = out->group && !out->share.n;
	out->retry = out->ask_share || wants_retry(h);
	/* The second hello gave up the PSK that would have done without a share. */
	if (out->retry && h->retried)
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"client_hello: no usable key_share after hello_retry_request");
	if (!out->psk.found && server_check_types(h, ch, &out->client_type) != LEAT_OK)
		return LEAT_FAILED;
	if (!out->psk.found &&
		!choose_cred(h->cfg, LEAT_TLS13, ch->sigalgs, NULL, ch, h->s.sni, &out->auth))
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"client_hello: no certificate fits its signature_algorithms");
	out->alpn = (struct leat_span){ NULL, 0 };
	if (!has(ch, EXT_ALPN) || !h->cfg->alpn.n)
		return LEAT_OK;
	out->alpn = choose_alpn(h->cfg, ch->alpn);
	/* RFC 7301 3.2: "In the event that the server supports no protocols that the client advertises,
	 * then the server SHALL respond with a fatal "no_application_protocol" alert." */
	return out->alpn.n ? LEAT_OK
			   : hs_refuse(h, LEAT_ALERT_NO_APPLICATION_PROTOCOL,
				     "client_hello: no application protocol in common");
}

/* ---- early data, RFC 8446 4.2.10, 8 ---- */

/* "In order to accept early data, the server MUST have accepted a PSK cipher suite and selected the first
 * key offered in the client's "pre_shared_key" extension. In addition, it MUST verify that the following
 * values are the same as those associated with the selected PSK: the TLS version number, the selected
 * cipher suite, the selected ALPN protocol, if any" */
static bool may_be_early(const struct hs *h, const struct client_hello *ch, const struct chosen *c)
{
	const struct session_data *d = &c->psk.hit.session;

	return has(ch, EXT_EARLY_DATA) && h->cfg->max_early && !h->retried && !c->retry &&
	       c->psk.found && c->psk.kind == PSK_RESUMPTION && c->psk.index == 0 && d->max_early &&
	       d->suite == c->suite && d->alpn.n == c->alpn.n &&
	       (d->alpn.n == 0 || memcmp(d->alpn.p, c->alpn.p, d->alpn.n) == 0);
}

/* The binder stands for the ClientHello: an HMAC over all of it. Asked last, because it remembers. */
static void decide_early(struct hs *h, const struct client_hello *ch, const struct chosen *c)
{
	bool take = may_be_early(h, ch, c) &&
		    antireplay_check(h->cfg->antireplay, c->psk.binder, c->psk.made_s,
			    h->env->now_s(h->env->arg)) == ANTIREPLAY_NEW;

	h->s.early_rejected = has(ch, EXT_EARLY_DATA) && !take;
	if (!has(ch, EXT_EARLY_DATA))
		return;
	h->early = take ? HS_EARLY_ACCEPTED : HS_EARLY_REJECTED;
	if (take)
		h->s.max_early = c->psk.hit.session.max_early;
}

static void commit_psk(struct hs *h, const struct psk_pick *p)
{
	const struct session_data *d = &p->hit.session;

	h->psk = true;
	h->s.psk_index = p->index;
	h->resumed = p->kind == PSK_RESUMPTION;
	if (!h->resumed)
		return;
	hs_take_peer(h, d);
}

static enum leat_ret commit_chosen(
	struct hs *h, const struct client_hello *ch, const struct chosen *c)
{
	if (!h->version)
		hs_set_version(h, LEAT_TLS13);
	h->group = c->group;
	h->cred = c->auth.cred;
	h->scheme = c->auth.scheme;
	h->server_type = c->auth.type;
	h->client_type = c->client_type;
	h->alpn = c->alpn;
	h->post_offered = h->cfg->post_auth && has(ch, EXT_POST_AUTH);
	attach_note_wants(h, ch->has, ch->status_type, ch->compress);
	h->s.wants_tickets = psk_server_modes(h, ch) != 0;
	if (hs_set_suite(h, c->suite) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	decide_early(h, ch, c);
	if (c->retry)
		return LEAT_OK;
	if (c->psk.found)
		commit_psk(h, &c->psk);
	sched13_early(&h->sched, c->suite->hash, leat_secret_span(&c->psk.secret));
	/* Now: what follows goes into the transcript that its keys must not see. */
	return h->early == HS_EARLY_ACCEPTED ? hs_keys_early(h, LEAT_RX, c->suite) : LEAT_OK;
}

/* A cookie where one is wanted and a key for it is there; without a share to ask for it is the one reason
 * for the request (4.1.4: "would not result in any change") and must be there. */
static enum leat_ret add_cookie(struct hs *h, const struct chosen *c, struct leat_wr *out)
{
	enum leat_ret r;

	if (!h->cfg->cookie && !h->cfg->always_retry)
		return LEAT_OK;
	r = retry_cookie_make(h, c->ask_share ? c->group : NULL, out);
	if (r == LEAT_UNSUPPORTED && c->ask_share)
		return LEAT_OK;
	if (r == LEAT_UNSUPPORTED)
		return hs_refuse(
			h, LEAT_ALERT_INTERNAL_ERROR, "hello_retry_request: no key for its cookie");
	return r;
}

static enum leat_ret send_retry(
	struct hs *h, const struct client_hello *ch, const struct chosen *c, enum hs_state *next)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr cookie = { 0 };
	struct server_hello sh = {
		.legacy_version = LEAT_TLS12,
		.version = LEAT_TLS13,
		.random = { retry_random, RANDOM_LEN },
		.session_id = ch->session_id,
		.suite = h->suite->id,
		.has = EXT_BIT(EXT_VERSIONS),
	};

	server_hello_digest(ch, !c->ask_share, h->s.hello_digest);
	if (add_cookie(h, c, &cookie) != LEAT_OK)
		return LEAT_FAILED;
	if (cookie.n) {
		sh.has |= EXT_BIT(EXT_COOKIE);
		sh.cookie = leat_wr_done(&cookie);
		h->s.cookie_sent = true;
	}
	if (c->ask_share) {
		sh.has |= EXT_BIT(EXT_KEY_SHARE);
		sh.group = h->group->id;
		h->s.retry_group = h->group;
	}
	h->retried = true;
	transcript_retry(&h->tr);
	enc_server_hello(hs_out(h), &sh);
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	*next = S_WAIT_CH2;
	/* D.4: "immediately after its first handshake message" */
	return ch->session_id.n ? hs_send_ccs(h) : LEAT_OK;
}

enum leat_ret server_choose13(struct hs *h, const struct client_hello *ch, enum hs_state *next)
{
	LEAT_SCOPED(kex_out_clear) struct kex_out shared = { 0 };
	LEAT_SCOPED(leat_wr_clear) struct leat_wr share = { 0 };
	uint8_t share_b[GROUP_REPLY_MAX];
	LEAT_SCOPED(chosen_clear) struct chosen c = { 0 };
	enum leat_ret r;

	if (check_mandatory(h, ch) != LEAT_OK || check_shares(h, ch) != LEAT_OK)
		return LEAT_FAILED;
	r = choose_all(h, ch, &c);
	if (r != LEAT_OK)
		return r;
	if (c.group && c.share.n && !c.retry) {
		leat_wr_fixed(&share, share_b, sizeof(share_b));
		if (kex_respond(h->cfg->crypto, c.group, c.share, &share, &shared, h->err) !=
			LEAT_OK)
			return LEAT_FAILED;
	}
	if (commit_chosen(h, ch, &c) != LEAT_OK)
		return LEAT_FAILED;
	if (c.retry)
		return send_retry(h, ch, &c, next);
	return server_send_flight(h, ch, leat_wr_done(&share), &shared, next);
}
