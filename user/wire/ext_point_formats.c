/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_point_formats.c - ec_point_formats, RFC 8422 5.1.2. That the list must hold `uncompressed` is a
 * rule of TLS 1.2 and checked where 1.2 is negotiated: a TLS 1.3 hello may say what it likes.
 */
#include "wire/ext_parts.h"

bool dec_ext_point_formats(struct leat_rd *in, struct leat_span *list)
{
	*list = leat_rd_opaque8(
		in, 1, UINT8_MAX); /* ECPointFormat ec_point_format_list<1..2^8-1> */
	return leat_rd_ok(in);
}

void enc_ext_point_formats(struct leat_wr *w, struct leat_span list)
{
	size_t m = enc_ext_open(w, EXTID_POINT_FORMATS);

	leat_wr_vec(w, 1, list);
	enc_ext_close(w, m);
}
