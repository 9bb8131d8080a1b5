/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_server_kx.c - ServerKeyExchange, put together of parts as the suite has them.
 *
 *	struct { opaque psk_identity_hint<0..2^16-1>; ... }                               RFC 4279 2, RFC 5489 2
 *	struct { opaque dh_p<1..2^16-1>; opaque dh_g<1..2^16-1>; opaque dh_Ys<1..2^16-1>; }
 *		ServerDHParams;                                                           RFC 5246 7.4.3
 *	struct { ECParameters curve_params; opaque point<1..2^8-1>; } ServerECDHParams;
 *	struct { ServerECDHParams params; Signature signed_params; } ServerKeyExchange;   RFC 8422 5.4
 */
#include "wire/v12.h"

/* ECCurveType, RFC 8422 5.4. 1 (explicit_prime) and 2 (explicit_char2) are deprecated: "explicit
 * curves [...] MUST NOT be used", whatever they say they are not read. */
enum { CURVE_NAMED = 3 };

static bool dec_curve(struct leat_rd *in, struct v12_server_kx *kx)
{
	uint8_t type;

	leat_rd_u8(in, &type);
	if (leat_rd_ok(in) && type != CURVE_NAMED)
		return false;
	leat_rd_u16(in, &kx->group);
	kx->point = leat_rd_opaque8(in, 1, UINT8_MAX);
	return true;
}

static void dec_prime(struct leat_rd *in, struct v12_server_kx *kx)
{
	kx->p = leat_rd_opaque16(in, 1, UINT16_MAX);
	kx->g = leat_rd_opaque16(in, 1, UINT16_MAX);
	kx->y = leat_rd_opaque16(in, 1, UINT16_MAX);
}

bool dec_v12_server_kx_of(
	struct leat_span body, unsigned parts, struct v12_server_kx *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body), params = leat_rd_of(body);
	struct v12_server_kx kx = { 0 };

	if (parts & V12_KX_PSK)
		kx.hint = leat_rd_opaque16(&in, 0, UINT16_MAX);
	*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	if ((parts & V12_KX_EC) && !dec_curve(&in, &kx))
		return false;
	if (parts & V12_KX_DH)
		dec_prime(&in, &kx);
	kx.params = leat_rd_bytes(&params, body.n - in.n);
	if (parts & V12_KX_SIGNED) {
		leat_rd_u16(&in, &kx.scheme);
		kx.signature = leat_rd_opaque16(&in, 0, UINT16_MAX);
	}
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = kx;
	return true;
}

bool dec_v12_server_kx(struct leat_span body, struct v12_server_kx *out, uint8_t *alert)
{
	return dec_v12_server_kx_of(body, V12_KX_EC | V12_KX_SIGNED, out, alert);
}

void enc_v12_ecdh_params(struct leat_wr *w, uint16_t group, struct leat_span point)
{
	leat_wr_u8(w, CURVE_NAMED);
	leat_wr_u16(w, group);
	leat_wr_vec(w, 1, point);
}

void enc_v12_kx_params(struct leat_wr *w, unsigned parts, const struct v12_server_kx *kx)
{
	if (parts & V12_KX_PSK)
		leat_wr_vec(w, 2, kx->hint);
	if (parts & V12_KX_EC)
		enc_v12_ecdh_params(w, kx->group, kx->point);
	if (parts & V12_KX_DH) {
		leat_wr_vec(w, 2, kx->p);
		leat_wr_vec(w, 2, kx->g);
		leat_wr_vec(w, 2, kx->y);
	}
}

void enc_v12_server_kx_of(struct leat_wr *w, unsigned parts, const struct v12_server_kx *kx)
{
	size_t m = enc_hs_open(w, MSG_SERVER_KX);

	enc_v12_kx_params(w, parts, kx);
	if (parts & V12_KX_SIGNED) {
		leat_wr_u16(w, kx->scheme);
		leat_wr_vec(w, 2, kx->signature);
	}
	enc_hs_close(w, m);
}

void enc_v12_server_kx(struct leat_wr *w, const struct v12_server_kx *kx)
{
	enc_v12_server_kx_of(w, V12_KX_EC | V12_KX_SIGNED, kx);
}

void enc_v12_server_kx_raw(
	struct leat_wr *w, struct leat_span params, uint16_t scheme, struct leat_span signature)
{
	size_t m = enc_hs_open(w, MSG_SERVER_KX);

	leat_wr_span(w, params);
	if (scheme) {
		leat_wr_u16(w, scheme);
		leat_wr_vec(w, 2, signature);
	}
	enc_hs_close(w, m);
}
