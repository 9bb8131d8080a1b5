/* SPDX-License-Identifier: Apache-2.0
 *
 * knownkey.h - for fuzz targets of x509/: signs what the fuzzer made with a key that everybody knows, the one
 * of RFC 8410 10.3, so that signatures fit and the rest decides.
 */
#ifndef TESTS_KNOWNKEY_H
#define TESTS_KNOWNKEY_H

#include "base/wr.h"

/* Appends SEQUENCE { tbs, Ed25519, signature }: a certificate around a TBSCertificate, a CRL around a
 * TBSCertList. */
void knownkey_sign(struct leat_wr *w, struct leat_span tbs);

#endif
