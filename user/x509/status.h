/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h - OCSP responses (RFC 6960) as they travel in TLS: those of a peer are judged, ours are only
 * looked at. Nothing is fetched; the time comes in. Also the TLS feature extension (RFC 7633), by which a
 * certificate demands a response.
 */
#ifndef LEAT_X509_STATUS_H
#define LEAT_X509_STATUS_H

#include <openssl/x509.h>

#include "x509/verify.h"

/* The responses of in->papers against the certificates of in->chain, which is otherwise believed: signed
 * by the issuer or by whom it put in charge, about this certificate, in time, and good. What in->staple
 * and the certificates demand must be there. Alerts: certificate_revoked; bad_certificate_status_response
 * for everything else. */
LEAT_MUST_CHECK enum leat_ret status_check(const struct verify_in *in, struct leat_err *err);

/* What is to be known of a response we send. until_s INT64_MAX: it says nothing. */
struct status_own {
	int64_t from_s, until_s;
};
/* issuer NULL: the serial number alone says that the response is about cert. LEAT_E_OPTION "ocsp". */
LEAT_MUST_CHECK enum leat_ret status_read_own(struct status_own *out, struct leat_span der,
	X509 *cert, X509 *issuer, struct leat_err *err);

#endif
