/* SPDX-License-Identifier: Apache-2.0
 *
 * psk_client.c - the client's pre_shared_key: which sessions and keys are offered, and their binders.
 * RFC 8446 4.2.11, 4.2.11.1 (age), 4.2.11.2 (binders).
 */
#include "hs/psk.h"

#include <string.h>

#include "hs/choose.h"

#define OFFER_SESSION 0xff /* else an index into cfg->psks */

const char *psk_binder_label(enum psk_kind kind)
{
	static const char *const labels[PSK_KIND_COUNT] = { [PSK_RESUMPTION] = "res binder",
		[PSK_EXTERNAL] = "ext binder",
		[PSK_IMPORTED] = "imp binder" };

	return labels[kind];
}

static bool has_suite_of(const struct hs *h, enum hash_id hash)
{
	if (h->retried)
		return h->suite->hash == hash;
	for (unsigned i = 0; i < h->cfg->suites.n; i++)
		if (h->cfg->suites.v[i]->version == LEAT_TLS13 && h->cfg->suites.v[i]->hash == hash)
			return true;
	return false;
}

/* A session is only worth what was checked when it began: it is offered to the host it was made with,
 * under the verification settings it was made with (RFC 8446 4.6.1, last but one paragraph). */
static bool is_offerable(const struct hs *h, const struct session_data *d)
{
	return d->version == LEAT_TLS13 && d->ticket.n &&
	       session_is_for(d, h->c.host, h->cfg->bind) &&
	       session_is_fresh(d, h->env->now_s(h->env->arg)) && has_suite_of(h, d->suite->hash);
}

void psk_client_list(struct hs *h)
{
	h->c.num_offers = 0;
	if (h->c.session && is_offerable(h, session_data(h->c.session)))
		h->c.offer[h->c.num_offers++] = OFFER_SESSION;
	for (unsigned i = 0; i < h->cfg->num_psks; i++)
		if (has_suite_of(h, h->cfg->psks[i].hash))
			h->c.offer[h->c.num_offers++] = (uint8_t)i;
}

/* RFC 8446 4.2.11.1: "The client's view of the age of a ticket is the time since the receipt of the
 * NewSessionTicket message [in milliseconds]. [...] adding the "ticket_age_add" value" modulo 2^32. Both
 * times are cut to seconds, so their difference may be a second more than the truth. A server that sees an
 * age above its own view of it can only think of a forgery (GnuTLS takes no early data then); one below it
 * is what delays make every day. */
static uint32_t obfuscated_age(const struct hs *h, const struct session_data *d)
{
	int64_t age_s = h->env->now_s(h->env->arg) - d->issued_s - 1;

	return (uint32_t)(age_s > 0 ? age_s : 0) * 1000 + d->age_add;
}

struct psk_offer psk_client_offer(const struct hs *h, unsigned i)
{
	const struct session_data *d;
	const struct psk *p;

	if (h->c.offer[i] == OFFER_SESSION) {
		d = session_data(h->c.session);
		return (struct psk_offer){ PSK_RESUMPTION, d->suite->hash, d->ticket,
			obfuscated_age(h, d), &d->secret };
	}
	p = &h->cfg->psks[h->c.offer[i]];
	return (struct psk_offer){ p->kind, p->hash, p->identity, 0, &p->secret };
}

void psk_client_write(const struct hs *h, struct leat_wr *ids, struct leat_wr *binders)
{
	for (unsigned i = 0; i < h->c.num_offers; i++) {
		struct psk_offer o = psk_client_offer(h, i);
		uint8_t *room;

		leat_wr_vec(ids, 2, o.identity);
		leat_wr_u32(ids, o.age);
		leat_wr_u8(binders, (uint8_t)hash_len(o.hash));
		room = leat_wr_room(binders, hash_len(o.hash));
		if (room)
			memset(room, 0, hash_len(o.hash));
	}
}

/* RFC 8446 4.2.11.2: "Each entry in the binders list is computed as an HMAC over a transcript hash
 * containing a partial ClientHello up to and including the PreSharedKeyExtension.identities field.
 * [...] in the same way as the Finished message but with the BaseKey being the binder_key" */
void psk_client_bind(struct hs *h, size_t binders_len)
{
	uint8_t *at, th[HASH_MAX];
	struct leat_span partial;

	if (!leat_wr_ok(&h->out))
		return;
	at = h->out.p + h->out.n - binders_len;
	partial = (struct leat_span){ h->out.p, h->out.n - binders_len - 2 };
	/* The first offer comes last: its early secret is the one kept, it is what a server takes. */
	for (unsigned left = h->c.num_offers; left > 0; left--) {
		LEAT_SCOPED(leat_secret_clear) struct leat_secret key = { 0 };
		struct psk_offer o = psk_client_offer(h, left - 1);
		uint8_t *binder = at;

		for (unsigned i = 0; i + 1 < left; i++)
			binder += 1 + hash_len(psk_client_offer(h, i).hash);
		transcript_hash_with(&h->tr, o.hash, partial, th);
		sched13_early(&h->sched, o.hash, leat_secret_span(o.secret));
		sched13_binder_key(&h->sched, psk_binder_label(o.kind), &key);
		sched13_finished(
			o.hash, &key, (struct leat_span){ th, hash_len(o.hash) }, binder + 1);
	}
}

/* RFC 8446 4.2.10: early data goes under the suite and the application protocol of the session, so both
 * must be on offer; never in answer to a HelloRetryRequest. */
bool psk_client_may_early(const struct hs *h)
{
	const struct session_data *d;

	if (h->retried || h->c.num_offers == 0 || h->c.offer[0] != OFFER_SESSION)
		return false;
	d = session_data(h->c.session);
	return d->max_early > 0 && choose_has_suite(h->cfg, d->suite) &&
	       (d->alpn.n == 0 || choose_alpn_ours(h->cfg, d->alpn).n);
}
