/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_status.c - CertificateStatus.
 *
 *	struct {                                            RFC 6066 8
 *	    CertificateStatusType status_type;
 *	    select (status_type) { case ocsp: OCSPResponse; } response;
 *	} CertificateStatus;
 */
#include "wire/cert_status.h"

#include "wire/ext_parts.h"

bool dec_cert_status(struct leat_span body, struct leat_span *response, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);

	*alert = LEAT_ALERT_DECODE_ERROR;
	return dec_ext_status(&in, response, alert);
}

void enc_cert_status(struct leat_wr *w, struct leat_span response)
{
	size_t m = enc_hs_open(w, MSG_CERT_STATUS);

	enc_status(w, response);
	enc_hs_close(w, m);
}
