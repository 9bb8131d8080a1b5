/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto.h - one instance of libcrypto as leat uses it: every algorithm fetched once, because
 * OpenSSL 3's fetch per operation is what makes other users of it slow. Created with a config,
 * shared by reference; immutable after creation, so any thread may use it.
 */
#ifndef LEAT_CRYPTO_CRYPTO_H
#define LEAT_CRYPTO_CRYPTO_H

#include "base/err.h"

struct crypto;

/* Fetches everything from libcrypto's default library context. Algorithms that libcrypto lacks are
 * left out and reported by the crypto_has_* predicates; LEAT_FAILED only without the mandatory ones
 * of RFC 8446 9.1. */
LEAT_MUST_CHECK enum leat_ret crypto_new(struct crypto **out, struct leat_err *err);
struct crypto *crypto_ref(struct crypto *c);
void crypto_unref(struct crypto *c);

#endif
