/* SPDX-License-Identifier: Apache-2.0
 *
 * key_update.c - KeyUpdate.
 */
#include "wire/key_update.h"

/* RFC 8446 4.6.3: enum { update_not_requested(0), update_requested(1), (255) } KeyUpdateRequest */
bool dec_key_update(struct leat_span body, bool *request, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	uint8_t v;

	leat_rd_u8(&in, &v);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	/* "MUST terminate the connection with an illegal_parameter alert" on any other value */
	*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	if (v > 1)
		return false;
	*request = v == 1;
	return true;
}

void enc_key_update(struct leat_wr *w, bool request)
{
	size_t m = enc_hs_open(w, MSG_KEY_UPDATE);

	leat_wr_u8(w, request ? 1 : 0);
	enc_hs_close(w, m);
}
