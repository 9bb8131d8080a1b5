/* SPDX-License-Identifier: Apache-2.0
 *
 * rawkey.h - SubjectPublicKeyInfos that stand alone, RFC 7250: read from text or a message.
 */
#ifndef LEAT_X509_RAWKEY_H
#define LEAT_X509_RAWKEY_H

#include "crypto/sign.h"

/* The key of a SubjectPublicKeyInfo that fills der exactly. Raises bad_certificate, or
 * unsupported_certificate for a kind that TLS cannot use. */
LEAT_MUST_CHECK enum leat_ret rawkey_parse(
	struct key **out, struct leat_span der, struct leat_err *err);
/* DER, or PEM with one PUBLIC KEY: checked, copied; *out is the caller's (leat_free). LEAT_E_OPTION names
 * what is wrong. */
LEAT_MUST_CHECK enum leat_ret rawkey_read(
	struct leat_span *out, struct leat_span text, struct leat_err *err);
/* The SubjectPublicKeyInfo of this EVP_PKEY; *out is the caller's. */
LEAT_MUST_CHECK enum leat_ret rawkey_of(struct leat_span *out, void *evp, struct leat_err *err);

#endif
