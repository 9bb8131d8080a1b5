/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_points.h - the distribution points of a certificate, for x509/ only: as libcrypto's objects for the
 * comparison with a CRL's scope, and as struct leat_dist_point for caches.
 */
#ifndef LEAT_X509_CRL_POINTS_H
#define LEAT_X509_CRL_POINTS_H

#include <openssl/x509v3.h>

#include <leat/crl.h>

#include "base/limits.h"

struct crl_point {
	struct leat_dist_point view; /* its spans point into the certificate */
	DIST_POINT *dp;
	struct leat_span names[LIM_CRL_NAMES], uris[LIM_CRL_NAMES], issuers[LIM_CRL_NAMES];
};

struct crl_points {
	struct crl_point v[LIM_CRL_POINTS];
	size_t num;
};

/* Those of cRLDistributionPoints (NID_crl_distribution_points) or freshestCRL (NID_freshest_crl), behind
 * those that are there. What lies beyond the bounds is left out. false: no memory. An extension that cannot be
 * read counts as none: libcrypto refuses such a certificate. */
bool crl_points_add(struct crl_points *p, const X509 *cert, int nid);
void crl_points_clear(struct crl_points *p);

#endif
