/* SPDX-License-Identifier: Apache-2.0
 *
 * cred.h - one credential: our certificate chain, leaf first, and the private key of the leaf.
 * Built from memory (reading files is sock/anchors); immutable and reference counted.
 */
#ifndef LEAT_X509_CRED_H
#define LEAT_X509_CRED_H

#include <leat/config.h>

#include "crypto/sign.h"
#include "x509/attach.h"

struct cred;
struct store;

/* From PEM text: every CERTIFICATE in order, leaf first; one private key (PKCS#8, encrypted PKCS#8
 * with password, PKCS#1, SEC1). Refuses, naming the reason: no certificate, no key, key that is not
 * the leaf's, key kind TLS cannot use, more than LIM_CHAIN certificates, broken PEM, wrong or missing
 * password. key_pem may be the same span as cert_pem. password may be empty. */
LEAT_MUST_CHECK enum leat_ret cred_new_pem(struct cred **out, const struct crypto *c,
	struct leat_span cert_pem, struct leat_span key_pem, struct leat_span password,
	struct leat_err *err);
/* The same from parts of either kind: DER where there is DER, else PEM. */
struct cred_parts {
	struct leat_span cert_pem, key_pem, password;
	struct leat_span cert_der, key_der;
};
LEAT_MUST_CHECK enum leat_ret cred_new_parts(struct cred **out, const struct crypto *c,
	const struct cred_parts *p, struct leat_err *err);
/* From DER: num certificates, leaf first, and a PKCS#8/PKCS#1/SEC1 key. */
LEAT_MUST_CHECK enum leat_ret cred_new_der(struct cred **out, const struct crypto *c,
	const struct leat_span *certs, size_t num, struct leat_span key, struct leat_err *err);
/* The private key is elsewhere: the certificates alone (PEM, or num DER ones), and who signs; fn may be NULL,
 * arg is borrowed. cred_key is then the leaf's public key. */
struct cred_signer {
	leat_sign_fn *fn;
	void *arg;
};
LEAT_MUST_CHECK enum leat_ret cred_new_external_pem(struct cred **out, struct leat_span cert_pem,
	struct cred_signer signer, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret cred_new_external_der(struct cred **out,
	const struct leat_span *certs, size_t num, struct cred_signer signer, struct leat_err *err);
/* A key without a certificate: only good as a raw public key (RFC 7250). */
LEAT_MUST_CHECK enum leat_ret cred_new_raw(struct cred **out, const struct crypto *c,
	struct leat_span key_pem, struct leat_span password, struct leat_err *err);
/* Appends the intermediates of s that the chain lacks, up to the root, which the peer has. For a new credential:
 * before anybody else has it. Nothing to append is fine. */
LEAT_MUST_CHECK enum leat_ret cred_complete(
	struct cred *c, const struct store *s, struct leat_err *err);
struct cred *cred_ref(struct cred *c);
void cred_unref(struct cred *c);

size_t cred_num(const struct cred *c); /* 0: a raw key */
/* The key's SubjectPublicKeyInfo, borrowed. */
struct leat_span cred_spki(const struct cred *c);
struct leat_span cred_cert(const struct cred *c, size_t i); /* DER, borrowed */
const struct key *cred_key(const struct cred *c);
/* NULL: cred_key is private and signs. */
const struct cred_signer *cred_signer(const struct cred *c);
/* Does the leaf carry this DNS name or address (for choosing among credentials by SNI)? */
bool cred_has_name(const struct cred *c, const char *name);

/* Is one of these names (list_next16 of DER names) the issuer of a certificate of the chain, or the
 * subject of its last? */
bool cred_is_under(const struct cred *c, struct leat_span names);
/* Is every signature of the chain (that of a self-signed root aside) of a scheme of this list16? */
bool cred_is_signed_with(const struct cred *c, struct leat_span schemes);
/* What is sent with the certificates now; a reference for the caller. Any thread. */
struct attach *cred_attach(const struct cred *c);
/* Gives certificate i an OCSP response in place of an earlier one; empty: none. Any thread, also while the
 * credential is in use. LEAT_E_OPTION when the bytes are no successful response about that certificate.
 * LEAT_AGAIN: another thread is at it right now; nothing changed. */
LEAT_MUST_CHECK enum leat_ret cred_set_status(
	struct cred *c, size_t i, struct leat_span response, struct leat_err *err);
/* Gives the leaf a SignedCertificateTimestampList (RFC 6962 3.3, its length in front); empty: none. */
LEAT_MUST_CHECK enum leat_ret cred_set_sct(
	struct cred *c, struct leat_span list, struct leat_err *err);

#endif
