/* SPDX-License-Identifier: Apache-2.0
 *
 * facts.h - single facts out of one certificate, as the short words in which other programs are told of them
 * (the PROXY protocol). Nothing here judges.
 */
#ifndef LEAT_X509_FACTS_H
#define LEAT_X509_FACTS_H

#include <leat/types.h>

/* The first common name of the subject, as UTF-8. false: the certificate cannot be read, has none, or one
 * that does not fit or holds control characters; buf is "" then. */
bool facts_common_name(struct leat_span der, char *buf, size_t n);
/* How it was signed, as libcrypto's short name: "RSA-SHA256", "ecdsa-with-SHA256". false as above. */
bool facts_signature(struct leat_span der, char *buf, size_t n);
/* Its key, kind and bits: "RSA2048", "EC256", "ED25519". false as above. */
bool facts_key(struct leat_span der, char *buf, size_t n);

#endif
