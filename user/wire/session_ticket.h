/* SPDX-License-Identifier: Apache-2.0
 *
 * session_ticket.h - NewSessionTicket in the form of TLS 1.3 (RFC 8446 4.6.1) and of TLS 1.2
 * (RFC 5077 3.3).
 */
#ifndef LEAT_WIRE_SESSION_TICKET_H
#define LEAT_WIRE_SESSION_TICKET_H

#include "wire/ext.h"
#include "wire/hs_hdr.h"

struct session_ticket {
	uint32_t lifetime_s; /* TLS 1.3: at most 604800 (the handshake checks); 1.2: a hint */
	uint32_t age_add;
	struct leat_span nonce;
	struct leat_span ticket; /* not empty in TLS 1.3 */
	uint64_t has;            /* EXT_EARLY_DATA */
	uint32_t max_early;      /* max_early_data_size */
};

bool dec_session_ticket(struct leat_span body, struct session_ticket *out, uint8_t *alert);
void enc_session_ticket(struct leat_wr *w, const struct session_ticket *t);
bool dec_session_ticket12(struct leat_span body, struct session_ticket *out, uint8_t *alert);
void enc_session_ticket12(struct leat_wr *w, const struct session_ticket *t);

#endif
