/* SPDX-License-Identifier: Apache-2.0
 *
 * crlkit.h - CRLs for C tests, made at run time by libcrypto: right ones, and wrong in the way a test asks
 * for; and distribution points for certificates.
 */
#ifndef TESTS_CRLKIT_H
#define TESTS_CRLKIT_H

#include "pki.h"

#define CRL_MAX_REVOKED 4

struct crl_entry {
	const struct made *cert;   /* NULL: the last entry was before */
	int reason;                /* CRLReason; 0: not said */
	const struct made *issuer; /* certificateIssuer of an indirect CRL; NULL: not said */
};

struct crl_spec {
	const struct made *issuer; /* whose name it bears */
	const struct made *signer; /* NULL: issuer */
	int64_t this_s, next_s;    /* next_s 0: none */
	long number, base;         /* 0: none; base makes it a delta */
	bool v1;
	const char *hash; /* NULL: SHA256 */
	struct crl_entry revoked[CRL_MAX_REVOKED];
	/* issuingDistributionPoint, where one of these is set */
	const char *uri;              /* of its fullName */
	const char *below;            /* nameRelativeToCRLIssuer, a common name */
	const struct made *full_name; /* a directory name in place of uri */
	bool only_user, only_ca, only_attr, indirect;
	unsigned reasons;              /* onlySomeReasons: bits 1 << ReasonFlags; 0: all */
	bool critical, entry_critical; /* an extension that nobody knows */
	bool two_algorithms;           /* the signed part names another than the signature */
	bool bent;                     /* signature wrong */
	size_t bulk;                   /* bytes of an extension that nobody needs */
};

/* A good CRL of issuer, made an hour before PKI_NOW for a day, number 10. */
struct crl_spec crl_good(const struct made *issuer);
/* DER, kept until vec_free_all. */
struct leat_span crl_make(const struct crl_spec *s);

/* A distribution point of a certificate: tweak_arg of crl_tweak_points is an array that ends with one that is all
 * zero. */
struct crl_place {
	const char *uri;               /* fullName; a second one behind a blank */
	const char *below;             /* nameRelativeToCRLIssuer */
	const struct made *crl_issuer; /* cRLIssuer */
	unsigned reasons;              /* bits 1 << ReasonFlags; 0: not said */
	bool freshest;                 /* in freshestCRL, not cRLDistributionPoints */
	bool bare;                     /* none of the above: an empty point */
};
void crl_tweak_points(void *x509, void *places);
/* Takes cRLSign out of the key usage. */
void crl_tweak_no_sign(void *x509, void *unused);
/* A leaf below pki_inter() with these points, kept. */
const struct made *crl_leaf(const struct crl_place *places);
/* A CA that is to sign CRLs, below issuer, kept. */
const struct made *crl_authority(const char *cn, const struct made *issuer);

#endif
