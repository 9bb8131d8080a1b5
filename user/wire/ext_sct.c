/* SPDX-License-Identifier: Apache-2.0
 *
 * ext_sct.c - signed_certificate_timestamp, RFC 6962 3.3.1: empty in ClientHello and CertificateRequest, a
 * list in CertificateEntry and in ServerHello of TLS 1.2. What a timestamp says is opaque here.
 *
 *	opaque SerializedSCT<1..2^16-1>;
 *	struct { SerializedSCT sct_list <1..2^16-1>; } SignedCertificateTimestampList;
 */
#include "wire/ext_parts.h"

bool dec_sct_list(struct leat_span data, struct leat_span *list)
{
	struct leat_rd in = leat_rd_of(data);

	return dec_ext_sct(&in, list) && leat_rd_end(&in);
}

bool dec_ext_sct(struct leat_rd *in, struct leat_span *list)
{
	struct leat_rd body;

	*list = leat_rd_opaque16(in, 1, UINT16_MAX);
	body = leat_rd_of(*list);
	while (leat_rd_more(&body))
		leat_rd_opaque16(&body, 1, UINT16_MAX);
	return leat_rd_ok(in) && leat_rd_end(&body);
}

void enc_ext_sct(struct leat_wr *w, struct leat_span list)
{
	size_t m = enc_ext_open(w, EXTID_SCT);

	leat_wr_vec(w, 2, list);
	enc_ext_close(w, m);
}
