/* SPDX-License-Identifier: Apache-2.0
 *
 * compressed_cert.c - CompressedCertificate.
 *
 *	struct {                                            RFC 8879 4
 *	    CertificateCompressionAlgorithm algorithm;
 *	    uint24 uncompressed_length;
 *	    opaque compressed_certificate_message<1..2^24-1>;
 *	} CompressedCertificate;
 */
#include "wire/compressed_cert.h"

#define MAX24 0xffffff

bool dec_compressed_cert(struct leat_span body, struct compressed_cert *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct compressed_cert c = { 0 };

	leat_rd_u16(&in, &c.algorithm);
	leat_rd_u24(&in, &c.length);
	c.data = leat_rd_opaque24(&in, 1, MAX24);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = c;
	return true;
}

void enc_compressed_cert(struct leat_wr *w, const struct compressed_cert *c)
{
	size_t m = enc_hs_open(w, MSG_COMPRESSED_CERT);

	leat_wr_u16(w, c->algorithm);
	leat_wr_u24(w, c->length);
	leat_wr_vec(w, 3, c->data);
	enc_hs_close(w, m);
}
