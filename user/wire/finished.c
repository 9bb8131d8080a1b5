/* SPDX-License-Identifier: Apache-2.0
 *
 * finished.c - Finished.
 */
#include "wire/finished.h"

/* RFC 8446 4.4.4: struct { opaque verify_data[Hash.length]; } Finished; */
bool dec_finished(struct leat_span body, size_t len, struct leat_span *verify_data, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct leat_span data = leat_rd_bytes(&in, len);

	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*verify_data = data;
	return true;
}

void enc_finished(struct leat_wr *w, struct leat_span verify_data)
{
	size_t m = enc_hs_open(w, MSG_FINISHED);

	leat_wr_span(w, verify_data);
	enc_hs_close(w, m);
}
