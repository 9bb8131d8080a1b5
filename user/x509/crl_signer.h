/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_signer.h - who may sign a CRL, for x509/ only.
 */
#ifndef LEAT_X509_CRL_SIGNER_H
#define LEAT_X509_CRL_SIGNER_H

#include "x509/crl_int.h"
#include "x509/revoked.h"

/* RFC 5280 6.3.3 (f), (g): is c, about certificate number i of the path, signed by a certificate that may,
 * and that leads to the anchor of the path? LEAT_UNSUPPORTED: no, *fault says why (static). LEAT_AGAIN, LEAT_FAILED:
 * as revoked_ask. level: 0 for the path itself, 1 for the path of a CRL's signer. */
LEAT_MUST_CHECK enum leat_ret crl_signer_check(
	const struct revoked_in *in, int level, int i, struct crl *c, const char **fault);
/* revoked.c: revoked_ask for a path at that level. */
LEAT_MUST_CHECK enum leat_ret revoked_ask_at(
	const struct revoked_in *in, int i, int level, struct revoked *out, struct leat_err *err);

#endif
