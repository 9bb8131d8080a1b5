/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_early_data.c - early_data, RFC 8446 4.2.10: empty in ClientHello and EncryptedExtensions, a
 * number in NewSessionTicket.
 */
#include "wire/ext_parts.h"

bool dec_ext_early_data_max(struct leat_rd *in, uint32_t *max)
{
	leat_rd_u32(in, max); /* uint32 max_early_data_size */
	return leat_rd_ok(in);
}

void enc_ext_early_data_max(struct leat_wr *w, uint32_t max)
{
	size_t m = enc_ext_open(w, EXTID_EARLY_DATA);

	leat_wr_u32(w, max);
	enc_ext_close(w, m);
}
