/* SPDX-License-Identifier: Apache-2.0
 *
 * end_early.c - EndOfEarlyData.
 */
#include "wire/end_early.h"

/* RFC 8446 4.5: struct {} EndOfEarlyData; */
bool dec_end_early(struct leat_span body, uint8_t *alert)
{
	*alert = LEAT_ALERT_DECODE_ERROR;
	return body.n == 0;
}

void enc_end_early(struct leat_wr *w)
{
	enc_hs_close(w, enc_hs_open(w, MSG_END_EARLY));
}
