/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_authorities.c - certificate_authorities, RFC 8446 4.2.4: names as opaque DER.
 */
#include "wire/ext_parts.h"

bool dec_names(struct leat_span names)
{
	struct leat_rd it = leat_rd_of(names);

	while (leat_rd_more(&it))
		leat_rd_opaque16(&it, 1, UINT16_MAX); /* opaque DistinguishedName<1..2^16-1> */
	return leat_rd_end(&it);
}

bool dec_ext_authorities(struct leat_rd *in, struct leat_span *names)
{
	*names = leat_rd_opaque16(in, 3, UINT16_MAX); /* DistinguishedName authorities<3..2^16-1> */
	return leat_rd_ok(in) && dec_names(*names);
}

void enc_ext_authorities(struct leat_wr *w, struct leat_span names)
{
	size_t m = enc_ext_open(w, EXTID_AUTHORITIES);

	leat_wr_vec(w, 2, names);
	enc_ext_close(w, m);
}
