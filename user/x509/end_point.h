/* SPDX-License-Identifier: Apache-2.0
 *
 * end_point.h - the channel binding tls-server-end-point of a certificate, RFC 5929 4.1.
 */
#ifndef LEAT_X509_END_POINT_H
#define LEAT_X509_END_POINT_H

#include <leat/types.h>

#include "crypto/digest.h"

/* The hash of a certificate (DER) by the rule of the RFC; returns its length, or 0 where the rule gives
 * none: no certificate, or a signature that names no single hash. */
size_t end_point_hash(struct leat_span der, uint8_t out[HASH_MAX]);

#endif
