/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_client_kx.c - ClientKeyExchange: RFC 8422 5.7, RFC 5246 7.4.7.2 (opaque dh_Yc<1..2^16-1>),
 * RFC 4279 2 to 4 and RFC 5489 2 (opaque psk_identity<0..2^16-1> before it).
 */
#include "wire/v12.h"

/* RFC 8422 5.7: struct { ECPoint ecdh_Yc; }, opaque point<1..2^8-1>. The empty form (implicit) is for
 * fixed ECDH client certificates, which do not exist here. */
bool dec_v12_client_kx_of(
	struct leat_span body, unsigned parts, struct v12_client_kx *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct v12_client_kx kx = { 0 };

	if (parts & V12_KX_PSK)
		kx.identity = leat_rd_opaque16(&in, 0, UINT16_MAX);
	if (parts & V12_KX_EC)
		kx.value = leat_rd_opaque8(&in, 1, UINT8_MAX);
	if (parts & V12_KX_DH)
		kx.value = leat_rd_opaque16(&in, 1, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = kx;
	return true;
}

bool dec_v12_client_kx(struct leat_span body, struct leat_span *point, uint8_t *alert)
{
	struct v12_client_kx kx;

	if (!dec_v12_client_kx_of(body, V12_KX_EC, &kx, alert))
		return false;
	*point = kx.value;
	return true;
}

void enc_v12_client_kx_of(struct leat_wr *w, unsigned parts, const struct v12_client_kx *kx)
{
	size_t m = enc_hs_open(w, MSG_CLIENT_KX);

	if (parts & V12_KX_PSK)
		leat_wr_vec(w, 2, kx->identity);
	if (parts & (V12_KX_EC | V12_KX_DH))
		leat_wr_vec(w, parts & V12_KX_EC ? 1 : 2, kx->value);
	enc_hs_close(w, m);
}

void enc_v12_client_kx(struct leat_wr *w, struct leat_span point)
{
	enc_v12_client_kx_of(w, V12_KX_EC, &(struct v12_client_kx){ .value = point });
}
