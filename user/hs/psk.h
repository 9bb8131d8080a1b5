/* SPDX-License-Identifier: Apache-2.0
 *
 * hs/psk.h - pre_shared_key in a TLS 1.3 handshake, for the files of hs/ only: what a client offers
 * (psk_client.c), what a server takes (psk_server.c). RFC 8446 4.2.9, 4.2.11, RFC 9258.
 */
#ifndef LEAT_HS_PSK_H
#define LEAT_HS_PSK_H

#include "hs/lookup.h"

/* ---- client ---- */

/* What one PSK of our offer is; secret is borrowed from the session or the config. */
struct psk_offer {
	enum psk_kind kind;
	enum hash_id hash;
	struct leat_span identity;
	uint32_t age; /* obfuscated_ticket_age; 0 of an external PSK */
	const struct leat_secret *secret;
};

/* Decides what the next ClientHello offers: h->c.offer. After a HelloRetryRequest only PSKs of its
 * suite's hash are left (RFC 8446 4.1.4). */
void psk_client_list(struct hs *h);
/* Number i of the offer; i < h->c.num_offers. */
struct psk_offer psk_client_offer(const struct hs *h, unsigned i);
/* Appends the identities, and binders of the right lengths that are all zero. */
void psk_client_write(const struct hs *h, struct leat_wr *ids, struct leat_wr *binders);
/* The hello is built, binders_len bytes of binders at its end: computes them. */
void psk_client_bind(struct hs *h, size_t binders_len);
/* 0-RTT: may early data be announced with the session that is offered first? */
bool psk_client_may_early(const struct hs *h);

/* ---- server ---- */

/* The PSK a server takes: a wiping type. */
struct psk_pick {
	bool found;
	uint16_t index;
	enum psk_kind kind;
	enum hash_id hash;
	struct leat_secret secret;
	struct leat_span binder; /* inside the message */
	/* of a session of ours */
	struct lookup_hit hit;
	int64_t made_s; /* when the ClientHello was made, by what it says of the ticket's age */
};

void psk_pick_clear(struct psk_pick *p);

/* Looks for the first identity that we know and may use. take: this hello is the one that is answered
 * by ServerHello, so a ticket for one use is used up. LEAT_OK with found false: none; LEAT_AGAIN: not
 * known yet (lookup.h). Raises the alert for a wrong binder. */
LEAT_MUST_CHECK enum leat_ret psk_server_pick(
	struct hs *h, const struct client_hello *ch, bool take, struct psk_pick *out);
/* Modes that both sides allow, bits 1 << enum psk_mode. */
unsigned psk_server_modes(const struct hs *h, const struct client_hello *ch);

/* "res binder" and so on. */
const char *psk_binder_label(enum psk_kind kind);

#endif
