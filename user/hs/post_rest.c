/* SPDX-License-Identifier: Apache-2.0
 *
 * post_rest.c - what an established connection keeps of its handshake while nothing happens: struct hs_post with
 * every secret cut to its length, in one wiping block. struct hs_post has room for the longest secrets
 * there are and for a message that is put together; most connections wait most of the time.
 *
 * Called by engine/ only. Nothing is encrypted here: whoever reads our memory reads both forms.
 */
#include "hs/hs.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "crypto/suite.h"

struct hs_kept {
	uint16_t version, suite;
	uint16_t n; /* bytes of b */
	uint8_t role, num_tickets, updates_in;
	bool ems : 1, wants_tickets : 1, answered : 1;
	bool logged : 1, has_slot : 1, has_early : 1;
	uint32_t updates[2];
	/* rx, tx, resumption, exporter, each behind its length; TLS 1.2: both randoms and unique, TLS 1.3: the
	 * client's random if the key log will name it; pointers that are not NULL */
	uint8_t b[];
};

static size_t num_randoms(const struct hs_post *p, bool logged)
{
	if (p->version != LEAT_TLS13)
		return 2;
	return logged ? 1 : 0;
}

static void put_all(struct leat_wr *w, const struct hs_post *p, bool logged)
{
	const struct leat_secret *secrets[] = { &p->rx, &p->tx, &p->resumption, &p->exporter };
	size_t randoms = num_randoms(p, logged);

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		leat_wr_vec(w, 1, leat_secret_span(secrets[i]));
	if (randoms > 0)
		leat_wr_bytes(w, p->client_random, sizeof(p->client_random));
	if (randoms > 1) {
		leat_wr_bytes(w, p->server_random, sizeof(p->server_random));
		leat_wr_bytes(w, p->unique, sizeof(p->unique));
	}
	if (p->slot)
		leat_wr_bytes(w, &p->slot, sizeof(p->slot));
	if (p->early_exporter)
		leat_wr_bytes(w, &p->early_exporter, sizeof(p->early_exporter));
}

/* Bytes that put_all writes. */
static size_t bytes_of(const struct hs_post *p, bool logged)
{
	size_t randoms = num_randoms(p, logged);

	return 4 + p->rx.n + p->tx.n + p->resumption.n + p->exporter.n +
	       randoms * sizeof(p->client_random) + (randoms > 1 ? sizeof(p->unique) : 0) +
	       (p->slot ? sizeof(p->slot) : 0) +
	       (p->early_exporter ? sizeof(p->early_exporter) : 0);
}

struct hs_kept *hs_post_keep(struct hs_post *p, bool logged)
{
	size_t n = bytes_of(p, logged);
	struct hs_kept *k;
	struct leat_wr w;

	if (p->partial.n || p->auth)
		return NULL;
	k = leat_malloc(sizeof(*k) + n);
	if (!k)
		return NULL;
	*k = (struct hs_kept){
		.version = p->version,
		.suite = p->suite->id,
		.n = (uint16_t)n,
		.role = p->role,
		.num_tickets = p->num_tickets,
		.updates_in = (uint8_t)p->key_updates_in,
		.ems = p->ems,
		.wants_tickets = p->wants_tickets,
		.answered = p->answered,
		.logged = logged,
		.has_slot = p->slot != NULL,
		.has_early = p->early_exporter != NULL,
		.updates = { p->updates[0], p->updates[1] },
	};
	leat_wr_fixed(&w, k->b, n);
	put_all(&w, p, logged);
	leat_wipe(p, sizeof(*p));
	return k;
}

static void take_bytes(struct leat_rd *in, void *out, size_t n)
{
	struct leat_span s = leat_rd_bytes(in, n);

	if (s.n)
		memcpy(out, s.p, s.n);
}

void hs_kept_look(const struct hs_kept *k, struct hs_post *out)
{
	struct leat_rd in = leat_rd_of((struct leat_span){ k->b, k->n });
	struct leat_secret *secrets[] = { &out->rx, &out->tx, &out->resumption, &out->exporter };

	*out = (struct hs_post){
		.version = k->version,
		.role = k->role,
		.suite = suite_by_id(k->suite),
		.ems = k->ems,
		.updates = { k->updates[0], k->updates[1] },
		.key_updates_in = k->updates_in,
		.wants_tickets = k->wants_tickets,
		.num_tickets = k->num_tickets,
		.answered = k->answered,
	};
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		struct leat_span s = leat_rd_opaque8(&in, 0, LEAT_SECRET_MAX);

		leat_secret_set(secrets[i], s.p, s.n);
	}
	if (num_randoms(out, k->logged) > 0)
		take_bytes(&in, out->client_random, sizeof(out->client_random));
	if (num_randoms(out, k->logged) > 1) {
		take_bytes(&in, out->server_random, sizeof(out->server_random));
		take_bytes(&in, out->unique, sizeof(out->unique));
	}
	if (k->has_slot)
		take_bytes(&in, &out->slot, sizeof(out->slot));
	if (k->has_early)
		take_bytes(&in, &out->early_exporter, sizeof(out->early_exporter));
}

void hs_kept_take(struct hs_kept *k, struct hs_post *out)
{
	hs_kept_look(k, out);
	leat_free_wipe(k, sizeof(*k) + k->n);
}

void hs_kept_free(struct hs_kept *k)
{
	struct hs_post p;

	if (!k)
		return;
	hs_kept_take(k, &p);
	hs_post_clear(&p);
}

void hs_kept_saw_data(struct hs_kept *k)
{
	k->updates_in = 0;
}
