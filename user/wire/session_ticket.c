/* SPDX-License-Identifier: Apache-2.0
 *
 * session_ticket.c - NewSessionTicket, both forms.
 *
 *	struct {                                            RFC 8446 4.6.1
 *	    uint32 ticket_lifetime;
 *	    uint32 ticket_age_add;
 *	    opaque ticket_nonce<0..255>;
 *	    opaque ticket<1..2^16-1>;
 *	    Extension extensions<0..2^16-2>;
 *	} NewSessionTicket;
 */
#include "wire/session_ticket.h"

#include "wire/ext_parts.h"

static bool dec_nst_ext(void *out, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	struct session_ticket *t = out;

	(void)alert;
	(void)e; /* early_data is the only row of the table that may stand here */
	return dec_ext_early_data_max(in, &t->max_early);
}

bool dec_session_ticket(struct leat_span body, struct session_ticket *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct session_ticket t = { 0 };
	struct leat_span block;

	leat_rd_u32(&in, &t.lifetime_s);
	leat_rd_u32(&in, &t.age_add);
	t.nonce = leat_rd_opaque8(&in, 0, UINT8_MAX);
	t.ticket = leat_rd_opaque16(&in, 1, UINT16_MAX);
	block = leat_rd_opaque16(&in, 0, UINT16_MAX - 1);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	if (!ext_walk(block, EXT_IN_NST, dec_nst_ext, &t, &t.has, alert))
		return false;
	*out = t;
	return true;
}

void enc_session_ticket(struct leat_wr *w, const struct session_ticket *t)
{
	size_t m = enc_hs_open(w, MSG_SESSION_TICKET), block;

	leat_wr_u32(w, t->lifetime_s);
	leat_wr_u32(w, t->age_add);
	leat_wr_vec(w, 1, t->nonce);
	leat_wr_vec(w, 2, t->ticket);
	block = leat_wr_open(w, 2);
	if (t->has & EXT_BIT(EXT_EARLY_DATA))
		enc_ext_early_data_max(w, t->max_early);
	leat_wr_close(w, block, 2);
	enc_hs_close(w, m);
}

/* RFC 5077 3.3: struct { uint32 ticket_lifetime_hint; opaque ticket<0..2^16-1>; } */
bool dec_session_ticket12(struct leat_span body, struct session_ticket *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct session_ticket t = { 0 };

	leat_rd_u32(&in, &t.lifetime_s);
	t.ticket = leat_rd_opaque16(&in, 0, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = t;
	return true;
}

void enc_session_ticket12(struct leat_wr *w, const struct session_ticket *t)
{
	size_t m = enc_hs_open(w, MSG_SESSION_TICKET);

	leat_wr_u32(w, t->lifetime_s);
	leat_wr_vec(w, 2, t->ticket);
	enc_hs_close(w, m);
}
