/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_in.h - the peer's CertificateVerify, for the files of hs/ only: what both roles check in the same
 * way.
 */
#ifndef LEAT_HS_CERT_IN_H
#define LEAT_HS_CERT_IN_H

#include "hs/hs_int.h"
#include "wire/certificate.h"

/* TLS 1.3: checks scheme and signature of the peer's CertificateVerify against h->peer_chain and the
 * transcript, adds it to the transcript. *scheme: what it signed with. */
LEAT_MUST_CHECK enum leat_ret cert_in_verify13(
	struct hs *h, struct leat_span body, const struct sigscheme **scheme);
/* Decodes the peer's Certificate in the form of the version and of what it shows. false: *alert. */
LEAT_MUST_CHECK bool cert_in_decode(
	const struct hs *h, struct leat_span body, struct certificate *out, uint8_t *alert);
/* One of our config's schemes, or NULL. */
const struct sigscheme *cert_in_scheme(const struct hs *h, uint16_t id);

#endif
