/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_psk_modes.c - psk_key_exchange_modes, RFC 8446 4.2.9. Unknown modes are the handshake's to skip.
 */
#include "wire/ext_parts.h"

bool dec_ext_psk_modes(struct leat_rd *in, struct leat_span *modes)
{
	*modes = leat_rd_opaque8(in, 1, UINT8_MAX); /* PskKeyExchangeMode ke_modes<1..255> */
	return leat_rd_ok(in);
}

void enc_ext_psk_modes(struct leat_wr *w, struct leat_span modes)
{
	size_t m = enc_ext_open(w, EXTID_PSK_MODES);

	leat_wr_vec(w, 1, modes);
	enc_ext_close(w, m);
}
