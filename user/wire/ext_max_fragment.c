/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_max_fragment.c - max_fragment_length, RFC 6066 4. A value that means nothing is well-formed: who
 * must refuse it, and who may look past it (RFC 8449 5), is the handshake's to know.
 */
#include "wire/ext_parts.h"

/* enum { 2^9(1), 2^10(2), 2^11(3), 2^12(4), (255) } MaxFragmentLength; */
bool dec_ext_max_fragment(struct leat_rd *in, uint8_t *code)
{
	leat_rd_u8(in, code);
	return leat_rd_ok(in);
}

void enc_ext_max_fragment(struct leat_wr *w, uint8_t code)
{
	size_t m = enc_ext_open(w, EXTID_MAX_FRAGMENT);

	leat_wr_u8(w, code);
	enc_ext_close(w, m);
}
