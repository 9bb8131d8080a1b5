/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_server_kx.c - ServerKeyExchange of the ECDHE suites.
 *
 *	struct { ECParameters curve_params; opaque point<1..2^8-1>; } ServerECDHParams;
 *	struct { ServerECDHParams params; Signature signed_params; } ServerKeyExchange;   RFC 8422 5.4
 */
#include "wire/v12.h"

/* ECCurveType, RFC 8422 5.4. 1 (explicit_prime) and 2 (explicit_char2) are deprecated: "explicit
 * curves [...] MUST NOT be used", whatever they say they are not read. */
enum { CURVE_NAMED = 3 };

bool dec_v12_server_kx(struct leat_span body, struct v12_server_kx *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body), params;
	struct v12_server_kx kx = { 0 };
	uint8_t type;

	leat_rd_u8(&in, &type);
	*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	if (leat_rd_ok(&in) && type != CURVE_NAMED)
		return false;
	leat_rd_u16(&in, &kx.group);
	kx.point = leat_rd_opaque8(&in, 1, UINT8_MAX);
	params = leat_rd_of(body);
	kx.params = leat_rd_bytes(&params, body.n - in.n);
	leat_rd_u16(&in, &kx.scheme);
	kx.signature = leat_rd_opaque16(&in, 0, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = kx;
	return true;
}

void enc_v12_ecdh_params(struct leat_wr *w, uint16_t group, struct leat_span point)
{
	leat_wr_u8(w, CURVE_NAMED);
	leat_wr_u16(w, group);
	leat_wr_vec(w, 1, point);
}

void enc_v12_server_kx(struct leat_wr *w, const struct v12_server_kx *kx)
{
	size_t m = enc_hs_open(w, MSG_SERVER_KX);

	enc_v12_ecdh_params(w, kx->group, kx->point);
	leat_wr_u16(w, kx->scheme);
	leat_wr_vec(w, 2, kx->signature);
	enc_hs_close(w, m);
}
