/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_alpn.c - application_layer_protocol_negotiation, RFC 7301 3.1. Choosing is hs/choose.
 */
#include "wire/ext_parts.h"

bool dec_ext_alpn(struct leat_rd *in, struct leat_span *names)
{
	struct leat_rd it;

	*names = leat_rd_opaque16(in, 2, UINT16_MAX); /* ProtocolName list<2..2^16-1> */
	it = leat_rd_of(*names);
	while (leat_rd_more(&it))
		leat_rd_opaque8(&it, 1, UINT8_MAX); /* opaque ProtocolName<1..2^8-1> */
	return leat_rd_ok(in) && leat_rd_end(&it);
}

bool dec_ext_alpn_one(struct leat_rd *in, struct leat_span *name, uint8_t *alert)
{
	struct leat_span names;
	struct leat_rd it;

	if (!dec_ext_alpn(in, &names))
		return false;
	it = leat_rd_of(names);
	*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	/* RFC 7301 3.1: the server's list MUST contain exactly one ProtocolName */
	return list_next8(&it, name) && leat_rd_end(&it);
}

void enc_ext_alpn(struct leat_wr *w, struct leat_span names)
{
	size_t m = enc_ext_open(w, EXTID_ALPN);

	leat_wr_vec(w, 2, names);
	enc_ext_close(w, m);
}

void enc_ext_alpn_one(struct leat_wr *w, struct leat_span name)
{
	size_t m = enc_ext_open(w, EXTID_ALPN);
	size_t list = leat_wr_open(w, 2);

	leat_wr_vec(w, 1, name);
	leat_wr_close(w, list, 2);
	enc_ext_close(w, m);
}
