/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_ccs.c - the payload of change_cipher_spec records: the real one of TLS 1.2 (RFC 5246 7.1) and
 * the dummy of TLS 1.3 (RFC 8446 5). When one may come is the handshake's.
 */
#include "wire/v12.h"

bool dec_ccs(struct leat_span payload, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(payload);
	uint8_t v;

	leat_rd_u8(&in, &v);
	/* RFC 8446 5: "any other change_cipher_spec value [...] MUST abort the handshake with an
	 * unexpected_message alert" */
	*alert = LEAT_ALERT_UNEXPECTED_MESSAGE;
	return leat_rd_end(&in) && v == 1;
}

void enc_ccs(struct leat_wr *w)
{
	leat_wr_u8(w, 1);
}
