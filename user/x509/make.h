/* SPDX-License-Identifier: Apache-2.0
 *
 * make.h - makes keys and certificates for trying things out: `leat certs`, the in-memory certificate
 * of `leat serve --dev`, and the tests. Not a CA: nothing is recorded, nothing can be revoked. Time and
 * serial numbers come in; keys come from libcrypto's generator.
 */
#ifndef LEAT_X509_MAKE_H
#define LEAT_X509_MAKE_H

#include "base/err.h"
#include "base/wr.h"
#include "crypto/suite.h"

/* A certificate with its private key. */
struct made;

struct make_spec {
	enum key_kind key;
	unsigned rsa_bits; /* 0: 2048 */
	const char *cn;
	const char *org; /* NULL: none */
	bool is_ca;
	int path_len;        /* of a CA: most intermediates below it; negative: no limit written */
	bool server, client; /* extended key usage; neither: none written */
	const char *const *names; /* DNS names and IP literals of the subjectAltName */
	size_t num_names;
	int64_t from_s, to_s;
	uint8_t serial[16];
	const struct made *issuer; /* NULL: signed by itself */
	const char *digest;        /* of the signature; NULL: SHA256. Not used with EdDSA */
	/* Tests only: called with the X509 before it is signed, to make it wrong. */
	void (*tweak)(void *x509, void *arg);
	void *tweak_arg;
};

LEAT_MUST_CHECK enum leat_ret made_new(
	struct made **out, const struct make_spec *spec, struct leat_err *err);
void made_free(struct made *m);

/* Each appends to w: certificate as PEM or DER, key as PKCS#8 PEM (no password). */
LEAT_MUST_CHECK enum leat_ret made_cert_pem(
	const struct made *m, struct leat_wr *w, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret made_cert_der(
	const struct made *m, struct leat_wr *w, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret made_key_pem(
	const struct made *m, struct leat_wr *w, struct leat_err *err);
/* The X509 and EVP_PKEY, borrowed; for x509/ and tests. */
void *made_x509_borrow(const struct made *m);
void *made_evp_borrow(const struct made *m);

#endif
