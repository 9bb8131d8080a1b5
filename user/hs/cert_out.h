/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_out.h - the one place where our Certificate and CertificateVerify are made, for the files of hs/
 * only: server and client, both versions, in the handshake and after it.
 */
#ifndef LEAT_HS_CERT_OUT_H
#define LEAT_HS_CERT_OUT_H

#include "hs/hs_int.h"
#include "wire/cert_request.h"

/* Sends Certificate in the form of h->version: the chain of h->cred, or an empty list without one (a
 * client only: RFC 8446 4.4.2, RFC 5246 7.4.6). */
LEAT_MUST_CHECK enum leat_ret cert_out_send(struct hs *h);
/* TLS 1.3: starts the job that signs the transcript so far. resume sends the result by
 * cert_out_send_verify. */
LEAT_MUST_CHECK enum leat_ret cert_out_sign13(struct hs *h, hs_resume_fn *resume);
/* The signature job is done: sends CertificateVerify and forgets the job. */
LEAT_MUST_CHECK enum leat_ret cert_out_send_verify(struct hs *h);

/* A client was asked for a certificate: chooses h->cred and h->client_scheme, or none. */
void cert_out_choose(struct hs *h, const struct cert_request *cr);
/* A server asks: CertificateRequest in the form of h->version. context: empty in the main handshake. */
LEAT_MUST_CHECK enum leat_ret cert_out_request(struct hs *h, struct leat_span context);
/* The subjects of the trusted CAs as a list of DER names; empty where they are too many for one. */
void cert_out_authorities(const struct leat_config *cfg, struct leat_wr *w);

#endif
