/* SPDX-License-Identifier: Apache-2.0
 *
 * certsig.h - what a certificate is signed with, in the words of signature_algorithms_cert. Included by
 * x509/ only: it shows libcrypto's types.
 */
#ifndef LEAT_X509_CERTSIG_H
#define LEAT_X509_CERTSIG_H

#include <openssl/x509.h>

#include "crypto/suite.h"

struct certsig {
	int key, md; /* libcrypto's numbers; 0: unknown, or no hash of its own */
	bool self_signed;
};

struct certsig certsig_of(X509 *x);
/* Is it one of the schemes of this list16? A curve in the name of an ECDSA scheme is not looked at: it
 * speaks of the issuer's key, which may not be at hand. */
bool certsig_is_listed(const struct certsig *s, struct leat_span schemes);
bool certsig_is_one_of(
	const struct certsig *s, const struct sigscheme *const *schemes, unsigned num);

/* Is what signs with this less than 112 bits: MD5, SHA-1, or an unknown hash? */
bool certsig_is_weak(const X509_ALGOR *alg);

#endif
