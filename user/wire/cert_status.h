/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_status.h - CertificateStatus, the message of TLS 1.2 that carries the server's OCSP response
 * (RFC 6066 8). In TLS 1.3 the same structure is an extension of CertificateEntry (certificate.h).
 */
#ifndef LEAT_WIRE_CERT_STATUS_H
#define LEAT_WIRE_CERT_STATUS_H

#include "wire/hs_hdr.h"

/* illegal_parameter for a status_type other than ocsp. */
bool dec_cert_status(struct leat_span body, struct leat_span *response, uint8_t *alert);
void enc_cert_status(struct leat_wr *w, struct leat_span response);

#endif
