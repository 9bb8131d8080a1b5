/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_verify.c - CertificateVerify.
 */
#include "wire/cert_verify.h"

/* RFC 8446 4.4.3: struct { SignatureScheme algorithm; opaque signature<0..2^16-1>; } */
bool dec_cert_verify(struct leat_span body, struct cert_verify *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct cert_verify cv;

	leat_rd_u16(&in, &cv.scheme);
	cv.signature = leat_rd_opaque16(&in, 0, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = cv;
	return true;
}

void enc_cert_verify(struct leat_wr *w, const struct cert_verify *cv)
{
	size_t m = enc_hs_open(w, MSG_CERT_VERIFY);

	leat_wr_u16(w, cv->scheme);
	leat_wr_vec(w, 2, cv->signature);
	enc_hs_close(w, m);
}
