/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_cookie.c - cookie, RFC 8446 4.2.2. The RFC allows 2^16-1 bytes; more than LIM_COOKIE is refused
 * as illegal_parameter, being well-formed.
 */
#include "wire/ext_parts.h"

bool dec_ext_cookie(struct leat_rd *in, struct leat_span *cookie, uint8_t *alert)
{
	*cookie = leat_rd_opaque16(in, 1, UINT16_MAX); /* opaque cookie<1..2^16-1> */
	if (!leat_rd_ok(in))
		return false;
	*alert = cookie->n > LIM_COOKIE ? LEAT_ALERT_ILLEGAL_PARAMETER : LEAT_ALERT_DECODE_ERROR;
	return cookie->n <= LIM_COOKIE;
}

void enc_ext_cookie(struct leat_wr *w, struct leat_span cookie)
{
	size_t m = enc_ext_open(w, EXTID_COOKIE);

	leat_wr_vec(w, 2, cookie);
	enc_ext_close(w, m);
}
