/* SPDX-License-Identifier: Apache-2.0
 *
 * pki.h - certificates for C tests, made at run time under a root and an intermediate of this process.
 * Nothing expires: they are valid around PKI_NOW, which is what a test's environment should call now.
 * Everything is made on first use and kept until pki_done; a failure ends the test program.
 */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H

#include <leat/types.h>

#include "crypto/suite.h"
#include "x509/make.h"

#define PKI_NOW INT64_C(1800000000) /* 2027-01-15 */
#define PKI_DAY INT64_C(86400)

/* Good server for localhost, *.wild.test, 127.0.0.1 and ::1: leaf + intermediate, and the key. RSA
 * leaves come from an RSA intermediate, all others from a P-256 one. */
struct pki_ident {
	struct leat_span chain_pem, key_pem;
	const struct made *leaf, *inter;
};
const struct pki_ident *pki_server(enum key_kind k);
/* The same for a client (extended key usage clientAuth). */
const struct pki_ident *pki_client(enum key_kind k);

/* PEM of the root to trust, and of one that signed nothing here. */
struct leat_span pki_root_pem(void);
struct leat_span pki_stranger_pem(void);
const struct made *pki_root(void);
const struct made *pki_inter(void);

/* A spec with the defaults of a good P-256 server certificate under pki_inter(); change and make. */
struct make_spec pki_spec(void);
/* A spec of a CA under issuer (NULL: self-signed). */
struct make_spec pki_ca_spec(const char *cn, const struct made *issuer);
/* Makes and keeps. */
const struct made *pki_make(const struct make_spec *s);

/* Bytes of a made certificate, kept. */
struct leat_span pki_der(const struct made *m);
struct leat_span pki_cert_pem(const struct made *m);
struct leat_span pki_key_pem(const struct made *m);
/* Several texts one after the other, kept. */
struct leat_span pki_join(struct leat_span a, struct leat_span b);

void pki_done(void);

#endif
