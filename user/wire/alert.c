/* SPDX-License-Identifier: Apache-2.0
 *
 * alert.c - alerts.
 */
#include "wire/alert.h"

bool dec_alert(struct leat_span payload, struct alert_msg *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(payload);
	struct alert_msg a;

	leat_rd_u8(&in, &a.level);
	leat_rd_u8(&in, &a.description);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	if (a.level != ALERT_WARNING && a.level != ALERT_FATAL)
		return false;
	*out = a;
	return true;
}

void enc_alert(struct leat_wr *w, const struct alert_msg *a)
{
	leat_wr_u8(w, a->level);
	leat_wr_u8(w, a->description);
}
