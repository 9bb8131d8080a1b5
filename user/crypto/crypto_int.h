/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto_int.h - inside of struct crypto; for the files of user/crypto only.
 */
#ifndef LEAT_CRYPTO_CRYPTO_INT_H
#define LEAT_CRYPTO_CRYPTO_INT_H

#include <stdatomic.h>
#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "crypto/suite.h"

/* Rows the group table may grow to (finite-field and hybrid groups are still to come). */
#define GROUP_SEATS 16

/* Written by crypto_new only; afterwards read-only but for the reference count, so that any number
 * of threads may use one. Nothing in it is keyed. */
struct crypto {
	atomic_uint refs;
	EVP_CIPHER *cipher[AEAD_COUNT];
	/* A key of the group, as a source of parameters: making a context from it costs neither a fetch
	 * by name nor a new EC_GROUP. The key itself is never used for agreement. NULL: group absent. */
	EVP_PKEY *group[GROUP_SEATS];
};

/* Index of a row in the group table. */
size_t group_seat(const struct group *g);

#endif
