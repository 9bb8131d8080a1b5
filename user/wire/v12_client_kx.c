/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_client_kx.c - ClientKeyExchange of the ECDHE suites.
 */
#include "wire/v12.h"

/* RFC 8422 5.7: struct { ECPoint ecdh_Yc; }, opaque point<1..2^8-1>. The empty form (implicit) is for
 * fixed ECDH client certificates, which do not exist here. */
bool dec_v12_client_kx(struct leat_span body, struct leat_span *point, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct leat_span p = leat_rd_opaque8(&in, 1, UINT8_MAX);

	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*point = p;
	return true;
}

void enc_v12_client_kx(struct leat_wr *w, struct leat_span point)
{
	size_t m = enc_hs_open(w, MSG_CLIENT_KX);

	leat_wr_vec(w, 1, point);
	enc_hs_close(w, m);
}
