/* SPDX-License-Identifier: Apache-2.0
 *
 * compressed_cert.h - CompressedCertificate, RFC 8879 4. What is inside is the body of a TLS 1.3
 * Certificate; packing it is crypto/zip's, this is the envelope.
 */
#ifndef LEAT_WIRE_COMPRESSED_CERT_H
#define LEAT_WIRE_COMPRESSED_CERT_H

#include "wire/hs_hdr.h"

struct compressed_cert {
	uint16_t algorithm;
	uint32_t length; /* of the Certificate body; what the peer says, not more than 2^24-1 */
	struct leat_span data;
};

bool dec_compressed_cert(struct leat_span body, struct compressed_cert *out, uint8_t *alert);
void enc_compressed_cert(struct leat_wr *w, const struct compressed_cert *c);

#endif
