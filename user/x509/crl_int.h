/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_int.h - the inside of struct crl, for x509/ only.
 */
#ifndef LEAT_X509_CRL_INT_H
#define LEAT_X509_CRL_INT_H

#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "crypto/digest.h"
#include "x509/crl.h"

/* RFC 5280 5.2.5, 6.3.2: all reasons, as libcrypto orders the bits of ReasonFlags. */
#define REASONS_ALL 0x807fu

struct crl {
	atomic_uint refs;
	X509_CRL *x;
	size_t size;
	uint8_t id[32]; /* SHA-256 of its bytes */
	struct leat_span issuer;
	int64_t from_s, to_s; /* to_s INT64_MIN: it does not say */
	const char *unfit;    /* why nothing can be concluded from it; NULL: it is sound */
	ISSUING_DIST_POINT *idp;
	ASN1_INTEGER *number, *base; /* base: of a delta */
	/* Whose key is known to have signed it: 0 nobody's, 1 being written, 2 that one's. */
	atomic_int signer_state;
	uint8_t signer[32];
};

/* Does key, the subject's of a certificate, sign it? Remembered for one key. */
bool crl_signed_by(struct crl *c, X509 *issuer);
bool crl_is_delta(const struct crl *c);
/* Is there a chance that b says more of the same: same issuer, key and scope? */
bool crl_same_scope(const struct crl *a, const struct crl *b);
/* A Name that fills der, or NULL. */
X509_NAME *crl_parse_name(struct leat_span der);
/* ReasonFlags as bits; NULL: all. */
unsigned crl_reasons(const ASN1_BIT_STRING *flags);

#endif
