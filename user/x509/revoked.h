/* SPDX-License-Identifier: Apache-2.0
 *
 * revoked.h - are the certificates of a path revoked? The algorithm of RFC 5280 6.3.3 over the CRLs that a
 * cache has (crl.h), for x509/ only. Runs behind the path's validation, never in place of it, and anew each
 * time: no verdict outlives its CRL.
 */
#ifndef LEAT_X509_REVOKED_H
#define LEAT_X509_REVOKED_H

#include <openssl/x509.h>

#include <leat/verify.h>

#include "x509/crl.h"
#include "x509/verify.h"

enum revoked_status { REVOKED_NO = 0, REVOKED_YES, REVOKED_UNKNOWN };

/* What is known of one certificate. */
struct revoked {
	enum revoked_status status;
	enum leat_crl_reason reason; /* REVOKED_YES */
	const char *why;             /* REVOKED_UNKNOWN: what was in the way, static */
};

struct revoked_in {
	const struct verify_in *verify; /* the cache, what is to be asked, the time, the trust */
	STACK_OF(X509) * sent;          /* by the peer */
	STACK_OF(X509) * path;          /* leaf first, anchor last */
};

/* Certificate number i of the path, not the anchor. LEAT_AGAIN: the cache does not know yet. LEAT_FAILED:
 * no memory. */
LEAT_MUST_CHECK enum leat_ret revoked_ask(
	const struct revoked_in *in, int i, struct revoked *out, struct leat_err *err);
/* Is this one to be asked about? */
bool revoked_is_asked(const struct revoked_in *in, int i);
/* Is this answer good enough? Otherwise *alert is the one to send. */
bool revoked_passes(const struct revoked_in *in, const struct revoked *r, uint8_t *alert);

/* All that are to be asked about, from the anchor down. Alerts: certificate_revoked; bad_certificate
 * where nothing is known and something must be. Where faults are collected they go there; of a path that is not
 * trusted nothing is asked then, and nothing known. LEAT_AGAIN as above. */
LEAT_MUST_CHECK enum leat_ret revoked_check(const struct revoked_in *in, struct leat_err *err);

#endif
