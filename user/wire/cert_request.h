/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_request.h - CertificateRequest in the form of TLS 1.3 (RFC 8446 4.3.2) and of TLS 1.2
 * (RFC 5246 7.4.4).
 */
#ifndef LEAT_WIRE_CERT_REQUEST_H
#define LEAT_WIRE_CERT_REQUEST_H

#include "wire/ext.h"
#include "wire/hs_hdr.h"
#include "wire/list.h"

/* ClientCertificateType, RFC 5246 7.4.4, RFC 8422 5.5. */
#define CERT_TYPE_RSA_SIGN   1
#define CERT_TYPE_ECDSA_SIGN 64

struct cert_request {
	struct leat_span context;      /* TLS 1.3; empty in the main handshake */
	struct leat_span types;        /* TLS 1.2: list8 of ClientCertificateType, not empty */
	uint64_t has;                  /* TLS 1.3; EXT_SIGALGS always */
	struct leat_span sigalgs;      /* list16, not empty */
	struct leat_span sigalgs_cert; /* list16 */
	struct leat_span authorities;  /* list_next16 of DER names; may be empty in TLS 1.2 */
	struct leat_span compress;     /* list16 */
};

/* missing_extension without signature_algorithms. */
bool dec_cert_request(struct leat_span body, struct cert_request *out, uint8_t *alert);
void enc_cert_request(struct leat_wr *w, const struct cert_request *cr);
bool dec_cert_request12(struct leat_span body, struct cert_request *out, uint8_t *alert);
void enc_cert_request12(struct leat_wr *w, const struct cert_request *cr);

#endif
