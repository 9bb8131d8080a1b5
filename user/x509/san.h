/* SPDX-License-Identifier: Apache-2.0
 *
 * san.h - small things several files of x509/ need from one X509: strict parsing, the names it
 * carries, its subject for people. Included by x509/ only: it shows libcrypto's types.
 */
#ifndef LEAT_X509_SAN_H
#define LEAT_X509_SAN_H

#include <openssl/x509.h>

#include <leat/types.h>

/* The certificate that fills der exactly, or NULL; *memory says whether memory was the reason.
 * libcrypto's error queue is left empty. */
X509 *san_parse_cert(struct leat_span der, bool *memory);

/* Does the certificate name this host: a dNSName by the rules of name.h, or for an IP literal an
 * iPAddress of the same bytes? The common name is never looked at (RFC 9525 2). */
bool san_has_host(const X509 *x, const char *host);

/* The subjectAltName as text, "DNS:a, IP:192.0.2.1", cut to fit; "no names" when there is none.
 * Bytes outside printable ASCII become '?'. */
void san_text(const X509 *x, char *buf, size_t n);

/* A Name as text, "CN=x, O=y" (the most specific part first), cut to fit, "(empty)" for an empty one,
 * printable ASCII only. */
void san_name_text(const X509_NAME *name, char *buf, size_t n);

/* Seconds since 1970; false: cannot be read. Asks no clock. */
bool san_unix_time(const ASN1_TIME *t, int64_t *out);

#endif
