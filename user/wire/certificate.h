/* SPDX-License-Identifier: Apache-2.0
 *
 * certificate.h - Certificate in the form of TLS 1.3 (RFC 8446 4.4.2, extensions per entry) and of
 * TLS 1.2 (RFC 5246 7.4.2). The certificates themselves are opaque here: x509/chain parses them.
 */
#ifndef LEAT_WIRE_CERTIFICATE_H
#define LEAT_WIRE_CERTIFICATE_H

#include "wire/ext.h"
#include "wire/hs_hdr.h"

struct certificate {
	struct leat_span context;           /* TLS 1.3 */
	size_t num;                         /* 0: the peer has none to show */
	struct leat_span cert[LIM_CHAIN];   /* DER, leaf first */
	struct leat_span status[LIM_CHAIN]; /* TLS 1.3: OCSP response of that entry, or empty */
	struct leat_span sct[LIM_CHAIN];    /* TLS 1.3: its list_next16 of SCTs, or empty */
	uint64_t has;                       /* TLS 1.3: extensions found in any entry */
};

/* bad_certificate for more than LIM_CHAIN entries. */
bool dec_certificate(struct leat_span body, struct certificate *out, uint8_t *alert);
/* Writes status[i] and sct[i] where they are not empty; has is not read. */
void enc_certificate(struct leat_wr *w, const struct certificate *c);
/* The body alone, what CompressedCertificate holds (RFC 8879 4). */
void enc_certificate_body(struct leat_wr *w, const struct certificate *c);
bool dec_certificate12(struct leat_span body, struct certificate *out, uint8_t *alert);
void enc_certificate12(struct leat_wr *w, const struct certificate *c);

/* TLS 1.2 with a raw public key, RFC 7250 3: cert[0] is a SubjectPublicKeyInfo; an empty one is none. */
bool dec_certificate12_raw(struct leat_span body, struct certificate *out, uint8_t *alert);
void enc_certificate12_raw(struct leat_wr *w, const struct certificate *c);

#endif
