/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_status.c - status_request, RFC 6066 8 and RFC 8446 4.4.2.1: a client's request in ClientHello,
 * a response in CertificateEntry and in the CertificateStatus of TLS 1.2. In the other messages it is
 * empty. The response is opaque here.
 */
#include "wire/ext_parts.h"

bool dec_ext_status_request(struct leat_rd *in, uint8_t *type, struct leat_span *rest)
{
	struct leat_rd body, ids;

	leat_rd_u8(in, type);
	*rest = leat_rd_rest(in);
	if (!leat_rd_ok(in))
		return false;
	if (*type != STATUS_OCSP) /* a type we do not know cannot be answered; it is no error */
		return true;
	body = leat_rd_of(*rest);
	leat_rd_vec16(&body, &ids, 0, UINT16_MAX); /* ResponderID responder_id_list<0..2^16-1> */
	while (leat_rd_more(&ids))
		leat_rd_opaque16(&ids, 1, UINT16_MAX); /* opaque ResponderID<1..2^16-1> */
	leat_rd_opaque16(&body, 0, UINT16_MAX);        /* Extensions request_extensions */
	return leat_rd_end(&ids) && leat_rd_end(&body);
}

bool dec_ext_status(struct leat_rd *in, struct leat_span *response, uint8_t *alert)
{
	uint8_t type;

	leat_rd_u8(in, &type);
	*response = leat_rd_opaque24(in, 1, 0xffffff); /* opaque OCSPResponse<1..2^24-1> */
	if (!leat_rd_end(in))
		return false;
	if (type != STATUS_OCSP)
		*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
	return type == STATUS_OCSP;
}

void enc_ext_status_request(struct leat_wr *w, uint8_t type, struct leat_span rest)
{
	size_t m = enc_ext_open(w, EXTID_STATUS);

	leat_wr_u8(w, type);
	leat_wr_span(w, rest);
	enc_ext_close(w, m);
}

void enc_status(struct leat_wr *w, struct leat_span response)
{
	leat_wr_u8(w, STATUS_OCSP);
	leat_wr_vec(w, 3, response);
}

void enc_ext_status(struct leat_wr *w, struct leat_span response)
{
	size_t m = enc_ext_open(w, EXTID_STATUS);

	enc_status(w, response);
	enc_ext_close(w, m);
}
