/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_verify.h - CertificateVerify, the same bytes in TLS 1.3 (RFC 8446 4.4.3) and 1.2 (RFC 5246
 * 7.4.8). What is signed differs and is the handshake's.
 */
#ifndef LEAT_WIRE_CERT_VERIFY_H
#define LEAT_WIRE_CERT_VERIFY_H

#include "wire/hs_hdr.h"

struct cert_verify {
	uint16_t scheme;
	struct leat_span signature;
};

bool dec_cert_verify(struct leat_span body, struct cert_verify *out, uint8_t *alert);
void enc_cert_verify(struct leat_wr *w, const struct cert_verify *cv);

#endif
