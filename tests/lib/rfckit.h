/* SPDX-License-Identifier: Apache-2.0
 *
 * rfckit.h - what the tests of RFC 8448 (rfc8448.h) share: private keys and record keys out of the hex
 * strings of the RFC.
 */
#ifndef TESTS_RFCKIT_H
#define TESTS_RFCKIT_H

#include "vec.h"

#include "rec/rec_user.h"

/* The key of this group, X25519 (which needs no public half) or P-256: an EVP_PKEY. */
void *rfckit_key(unsigned group, const char *private_key, const char *public_key);
/* One direction's record keys from a traffic secret; AES-128-GCM, as in all of the RFC. */
void rfckit_keys(struct rec_half *h, struct crypto *c, const char *secret, bool sealing);
/* The handshake messages in these records, sealed under that secret; kept by vec. */
struct leat_span rfckit_open(struct crypto *c, const char *secret, struct leat_span recs);

#endif
