/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_attach.h - our Certificate with everything the peer asked for along with it: OCSP responses, SCTs,
 * packed or plain. And the same from the peer: what it attached, unpacked. For the files of hs/ only.
 */
#ifndef LEAT_HS_CERT_ATTACH_H
#define LEAT_HS_CERT_ATTACH_H

#include "hs/hs_int.h"
#include "wire/cert_request.h"
#include "wire/certificate.h"

/* ---- ours ---- */

/* What the peer's message (ClientHello, or CertificateRequest of TLS 1.3) asked for. has: its extensions,
 * compress: its list16 of algorithms. */
void attach_note_wants(struct hs *h, uint64_t has, uint8_t status_type, struct leat_span compress);
/* Sends Certificate in the form of h->version, or CompressedCertificate where the peer takes it and it is
 * shorter: the chain of h->cred, an empty list without one. */
LEAT_MUST_CHECK enum leat_ret attach_send_certificate(struct hs *h, struct leat_span context);
/* TLS 1.2, before ServerHello: what will be sent. Sets the bits of sh->has and sh->sct, which is borrowed
 * with *keep (a reference for the caller, attach_unref). */
void attach_promise12(struct hs *h, struct server_hello *sh, struct attach **keep);
/* TLS 1.2, behind Certificate: CertificateStatus, where it was promised. */
LEAT_MUST_CHECK enum leat_ret attach_send_status12(struct hs *h);

/* ---- theirs ---- */

/* The extensions a client asks with, and a server of TLS 1.3. list: room for ZIP_COUNT numbers, kept until
 * the message is encoded. */
void attach_ask(const struct leat_config *cfg, struct client_hello *ch, struct leat_wr *list);
void attach_ask_client(
	const struct leat_config *cfg, struct cert_request *cr, struct leat_wr *list);
/* Takes a CompressedCertificate apart: *out is the body of a Certificate. asked: we offered something. */
LEAT_MUST_CHECK enum leat_ret attach_unpack(
	struct hs *h, struct leat_span body, bool asked, struct leat_wr *out);
/* Keeps what came along for the verify job and the application. */
LEAT_MUST_CHECK enum leat_ret attach_take(
	struct hs *h, const struct leat_span *status, size_t num, struct leat_span sct);

#endif
