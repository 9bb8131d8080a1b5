/* SPDX-License-Identifier: Apache-2.0
 *
 * psk_server.c - which of the PSKs a client offers is taken: tickets of ours, handles into the session
 * store, external keys. RFC 8446 4.2.9, 4.2.11, 4.2.11.2, 4.6.1.
 *
 * Whatever is wrong with an identity (unknown, expired, tampered with, of another name or other
 * settings) it is passed over without a word, and without any PSK left a full handshake follows. Only
 * a wrong binder for an identity we would take ends the handshake.
 */
#include "hs/psk.h"

#include <string.h>

#include "hs/choose.h"

void psk_pick_clear(struct psk_pick *p)
{
	leat_secret_clear(&p->secret);
	lookup_hit_clear(&p->hit);
	p->found = false;
}

unsigned psk_server_modes(const struct hs *h, const struct client_hello *ch)
{
	unsigned modes = 0;

	for (unsigned m = PSK_KE; m <= PSK_DHE_KE; m++)
		if ((ch->has & EXT_BIT(EXT_PSK_MODES)) && list8_has(ch->psk_modes, (uint8_t)m))
			modes |= 1u << m;
	return modes & h->cfg->psk_modes;
}

static bool is_same(struct leat_span s, const void *p, size_t n)
{
	return s.n == n && (n == 0 || memcmp(s.p, p, n) == 0);
}

/* A suite of this hash can be (or, after a HelloRetryRequest, was) chosen. */
static bool fits_suites(const struct hs *h, const struct client_hello *ch, enum hash_id hash)
{
	return h->retried ? h->suite->hash == hash : choose_suite13(h->cfg, ch, hash) != NULL;
}

/* ---- sessions ---- */

static bool is_usable(
	const struct hs *h, const struct client_hello *ch, const struct session_data *d)
{
	return lookup_may_resume(h, LEAT_TLS13, d) && fits_suites(h, ch, d->suite->hash);
}

/* LEAT_UNSUPPORTED: it is no session of ours, or not one for this connection. */
static enum leat_ret try_session(
	struct hs *h, const struct client_hello *ch, const struct psk_id *id, struct psk_pick *out)
{
	const struct session_data *d = &out->hit.session;
	enum leat_ret r = lookup_session(h, id->identity, false, &out->hit);

	if (r != LEAT_OK)
		return r;
	r = is_usable(h, ch, d) ? lookup_reuse(h, id->identity, d) : LEAT_UNSUPPORTED;
	if (r != LEAT_OK) {
		psk_pick_clear(out);
		return r;
	}
	out->kind = PSK_RESUMPTION;
	out->hash = d->suite->hash;
	out->secret = d->secret;
	/* 4.2.11.1: the age as the client sees it, in milliseconds. It counts from the receipt of a ticket
	 * whose time is cut to a second, and is itself cut to one by clients like ours. */
	out->made_s = d->issued_s + (uint32_t)(id->age - d->age_add) / 1000 + 1;
	return LEAT_OK;
}

/* ---- external keys ---- */

static bool take_external(const struct hs *h, const struct client_hello *ch, const struct psk *p,
	struct psk_pick *out)
{
	if (!fits_suites(h, ch, p->hash))
		return false;
	out->kind = p->kind;
	out->hash = p->hash;
	out->secret = p->secret;
	return true;
}

/* The caller's answer, made into what it would be had it been added to the config. */
static bool made_of(const struct leat_psk *found, const struct leat_psk_query *q,
	enum hash_id target, struct psk *out)
{
	enum hash_id h = found->sha384 ? HASH_SHA384 : HASH_SHA256;
	struct leat_err ignored = { 0 };

	if (q->imported)
		return psk_imported(out, h, target, q->identity, q->context, found->secret,
			       &ignored) == LEAT_OK;
	return psk_external(out, h, q->identity, found->secret, &ignored) == LEAT_OK;
}

static enum leat_ret ask(struct hs *h, const struct client_hello *ch,
	const struct leat_psk_query *q, enum hash_id target, struct psk_pick *out)
{
	LEAT_SCOPED(psk_clear) struct psk p = { 0 };
	struct leat_psk found;
	enum leat_ret r = lookup_psk(h, q, &found);

	if (r != LEAT_OK)
		return r;
	return made_of(&found, q, target, &p) && take_external(h, ch, &p, out) ? LEAT_OK
									       : LEAT_UNSUPPORTED;
}

static enum leat_ret try_external(struct hs *h, const struct client_hello *ch,
	struct leat_span identity, struct psk_pick *out)
{
	struct leat_psk_query q = { .identity = identity };
	enum hash_id target;
	enum leat_ret r;

	for (unsigned i = 0; i < h->cfg->num_psks; i++) {
		const struct psk *p = &h->cfg->psks[i];

		if (is_same(p->identity, identity.p, identity.n))
			return take_external(h, ch, p, out) ? LEAT_OK : LEAT_UNSUPPORTED;
	}
	r = ask(h, ch, &q, HASH_NONE, out);
	if (r != LEAT_UNSUPPORTED)
		return r;
	q.imported = psk_parse_imported(identity, &q.identity, &q.context, &target);
	return q.imported ? ask(h, ch, &q, target, out) : LEAT_UNSUPPORTED;
}

/* ---- binders ---- */

static enum leat_ret check_binder(
	const struct hs *h, const struct client_hello *ch, const struct psk_pick *p)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret key = { 0 };
	LEAT_SCOPED(sched13_clear) struct sched13 s = { 0 };
	uint8_t th[HASH_MAX], want[HASH_MAX];
	size_t n = hash_len(p->hash);

	transcript_hash_with(&h->tr, p->hash,
		(struct leat_span){ h->msg.p, HS_HDR_LEN + ch->truncated_len }, th);
	sched13_early(&s, p->hash, leat_secret_span(&p->secret));
	sched13_binder_key(&s, psk_binder_label(p->kind), &key);
	sched13_finished(p->hash, &key, (struct leat_span){ th, n }, want);
	/* RFC 8446 4.2.11: "Prior to accepting PSK key establishment, the server MUST validate the
	 * corresponding binder value [...] If this value is not present or does not validate, the server
	 * MUST abort the handshake." 6.2 names decrypt_error for it. */
	if (p->binder.n != n || !leat_ct_equal(want, p->binder.p, n))
		return hs_refuse((struct hs *)h, LEAT_ALERT_DECRYPT_ERROR,
			"client_hello: wrong pre_shared_key binder");
	return LEAT_OK;
}

/* A handle into the store is good once: of several connections that bring it one gets the session. */
static enum leat_ret use_up(struct hs *h, struct leat_span identity)
{
	LEAT_SCOPED(lookup_hit_clear) struct lookup_hit hit = { 0 };

	if (h->cfg->sessions != SESSIONS_STATEFUL)
		return LEAT_OK;
	return lookup_session(h, identity, true, &hit);
}

/* One identity: LEAT_OK it is taken, LEAT_UNSUPPORTED it is passed over. */
static enum leat_ret try_identity(struct hs *h, const struct client_hello *ch,
	const struct psk_id *id, bool take, struct psk_pick *out)
{
	enum leat_ret r = try_session(h, ch, id, out);

	if (r == LEAT_UNSUPPORTED)
		r = try_external(h, ch, id->identity, out);
	if (r != LEAT_OK)
		return r;
	if (check_binder(h, ch, out) != LEAT_OK)
		return LEAT_FAILED;
	if (out->kind == PSK_RESUMPTION && take)
		r = use_up(h, id->identity);
	if (r != LEAT_OK)
		psk_pick_clear(out);
	return r;
}

enum leat_ret psk_server_pick(
	struct hs *h, const struct client_hello *ch, bool take, struct psk_pick *out)
{
	struct leat_rd ids = leat_rd_of(ch->psk_ids), binders = leat_rd_of(ch->psk_binders);
	struct psk_id id;
	enum leat_ret r;

	out->found = false;
	if (!(ch->has & EXT_BIT(EXT_PSK)) || !psk_server_modes(h, ch))
		return LEAT_OK;
	for (uint16_t i = 0;
		i < LIM_PSK_TRIED && psk_id_next(&ids, &id) && list_next8(&binders, &out->binder);
		i++) {
		r = try_identity(h, ch, &id, take, out);
		if (r == LEAT_UNSUPPORTED)
			continue;
		out->index = i;
		out->found = r == LEAT_OK;
		return r;
	}
	return LEAT_OK;
}
