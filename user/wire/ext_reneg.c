/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_reneg.c - renegotiation_info, RFC 5746 3.2. What the verify data must be is the handshake's.
 */
#include "wire/ext_parts.h"

bool dec_ext_reneg(struct leat_rd *in, struct leat_span *verify_data)
{
	*verify_data = leat_rd_opaque8(
		in, 0, UINT8_MAX); /* opaque renegotiated_connection<0..255> */
	return leat_rd_ok(in);
}

void enc_ext_reneg(struct leat_wr *w, struct leat_span verify_data)
{
	size_t m = enc_ext_open(w, EXTID_RENEG);

	leat_wr_vec(w, 1, verify_data);
	enc_ext_close(w, m);
}
