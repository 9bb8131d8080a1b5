/* SPDX-License-Identifier: Apache-2.0
 *
 * ocsp.h - OCSP responses for C tests, made at run time by libcrypto: right ones, and wrong in the way a
 * test asks for.
 */
#ifndef TESTS_OCSP_H
#define TESTS_OCSP_H

#include "pki.h"

enum ocsp_says { OCSP_GOOD = 0, OCSP_REVOKED, OCSP_UNKNOWN };

struct ocsp_spec {
	const struct made *leaf, *issuer; /* what the answer is about */
	const struct made *signer;
	const struct made *embed; /* put into the response, or NULL */
	enum ocsp_says says;
	int reason;             /* of OCSP_REVOKED; 0: unspecified */
	int64_t this_s, next_s; /* next_s 0: none */
	const char *hash;       /* of the signature; NULL: SHA256 (none for EdDSA) */
	const char *id_hash;    /* of the certificate's number; NULL: SHA1, as everybody does */
	bool critical;          /* an unknown critical extension */
	bool bent;              /* signature wrong */
	int status;             /* OCSPResponseStatus; 0: successful */
};

/* A good answer about leaf, from its issuer, made an hour before PKI_NOW for a day. */
struct ocsp_spec ocsp_good(const struct made *leaf, const struct made *issuer);
/* DER, kept by vec. */
struct leat_span ocsp_make(const struct ocsp_spec *s);
/* A certificate below issuer that may sign for it (id-kp-OCSPSigning), or with right false may not. */
const struct made *ocsp_responder(const struct made *issuer, bool right);
/* make_spec tweak: a TLS feature extension with status_request (RFC 7633). */
void ocsp_tweak_demand(void *x509, void *arg);

#endif
