/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.h - path building and checking through libcrypto's X509_verify_cert; the result is mapped
 * to an alert and a sentence that names the certificate, its depth and the reason. Pure: time comes
 * in, nothing is fetched.
 */
#ifndef LEAT_X509_VERIFY_H
#define LEAT_X509_VERIFY_H

#include "base/limits.h"
#include "crypto/sign.h"
#include "x509/store.h"

struct verify_in {
	const struct leat_span *chain; /* DER as received, leaf first; at least one */
	size_t num;
	const struct store *store;
	const char *host;    /* DNS name or IP literal the leaf must carry; NULL: not checked */
	bool leaf_is_server; /* required extended key usage: serverAuth, else clientAuth */
	int64_t now_s;
	unsigned depth; /* most non-self-issued intermediates between leaf and anchor */
};

/* Checks only what was received: parses every certificate of the chain (bad ones raise
 * bad_certificate) and gives the leaf's public key, needed for CertificateVerify whether or not the
 * chain is trusted. The caller owns *leaf_key (key_unref). Kinds TLS cannot use raise
 * unsupported_certificate. */
LEAT_MUST_CHECK enum leat_ret verify_parse(const struct crypto *c, const struct leat_span *chain,
	size_t num, struct key **leaf_key, struct leat_err *err);

/* Full validation. On refusal err holds the alert RFC 8446 6.2 names (unknown_ca,
 * certificate_expired, bad_certificate, unsupported_certificate, certificate_revoked,
 * certificate_unknown), what = the reason in words, detail = "depth N, subject CN=..., ...". */
LEAT_MUST_CHECK enum leat_ret verify_chain(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err);

/* One line about a certificate for people: subject, issuer, validity, key, names. */
LEAT_MUST_CHECK enum leat_ret verify_describe(struct leat_span der, char *buf, size_t n);

#endif
