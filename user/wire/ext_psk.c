/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_psk.c - pre_shared_key as a client offers it, RFC 8446 4.2.11. The server's answer is a number.
 */
#include "wire/ext_parts.h"

bool dec_ext_psk(
	struct leat_rd *in, struct leat_span *ids, struct leat_span *binders, uint8_t *alert)
{
	size_t num_ids = 0, num_binders = 0;
	struct leat_rd it;
	struct psk_id id;

	*ids = leat_rd_opaque16(in, 7, UINT16_MAX); /* PskIdentity identities<7..2^16-1> */
	it = leat_rd_of(*ids);
	while (psk_id_next(&it, &id))
		num_ids++;
	if (!leat_rd_ok(in) || !leat_rd_end(&it))
		return false;

	*binders = leat_rd_opaque16(in, 33, UINT16_MAX); /* PskBinderEntry binders<33..2^16-1> */
	it = leat_rd_of(*binders);
	for (; leat_rd_more(&it); num_binders++)
		leat_rd_opaque8(&it, 32, UINT8_MAX); /* opaque PskBinderEntry<32..255> */
	if (!leat_rd_ok(in) || !leat_rd_end(&it))
		return false;

	/* "binders: A series of HMAC values, one for each value in the identities list" */
	if (num_ids != num_binders)
		*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	return num_ids == num_binders;
}

void enc_ext_psk(struct leat_wr *w, struct leat_span ids, struct leat_span binders)
{
	size_t m = enc_ext_open(w, EXTID_PSK);

	leat_wr_vec(w, 2, ids);
	leat_wr_vec(w, 2, binders);
	enc_ext_close(w, m);
}
