/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_key_share.c - key_share in its three forms, RFC 8446 4.2.8. The length of a share for its group
 * is crypto/kex's.
 */
#include "wire/ext_parts.h"

bool dec_ext_key_shares(struct leat_rd *in, struct leat_span *shares, uint8_t *alert)
{
	struct key_share share;
	uint16_t seen[LIM_KEY_SHARES];
	size_t num = 0;
	struct leat_rd it;

	*shares = leat_rd_opaque16(in, 0, UINT16_MAX); /* KeyShareEntry client_shares<0..2^16-1> */
	it = leat_rd_of(*shares);
	while (key_share_next(&it, &share)) {
		*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
		if (num == LIM_KEY_SHARES)
			return false;
		/* "Clients MUST NOT offer multiple KeyShareEntry values for the same group." */
		for (size_t i = 0; i < num; i++)
			if (seen[i] == share.group)
				return false;
		seen[num++] = share.group;
	}
	*alert = LEAT_ALERT_DECODE_ERROR;
	return leat_rd_ok(in) && leat_rd_end(&it);
}

bool dec_ext_key_share_one(struct leat_rd *in, uint16_t *group, struct leat_span *key)
{
	leat_rd_u16(in, group);
	*key = leat_rd_opaque16(in, 1, UINT16_MAX); /* opaque key_exchange<1..2^16-1> */
	return leat_rd_ok(in);
}

void enc_ext_key_shares(struct leat_wr *w, struct leat_span shares)
{
	size_t m = enc_ext_open(w, EXTID_KEY_SHARE);

	leat_wr_vec(w, 2, shares);
	enc_ext_close(w, m);
}

void enc_ext_key_share_one(struct leat_wr *w, uint16_t group, struct leat_span key)
{
	size_t m = enc_ext_open(w, EXTID_KEY_SHARE);

	leat_wr_u16(w, group);
	leat_wr_vec(w, 2, key);
	enc_ext_close(w, m);
}
