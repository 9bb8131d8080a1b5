/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto_int.h - inside of struct crypto; for the files of user/crypto only.
 */
#ifndef LEAT_CRYPTO_CRYPTO_INT_H
#define LEAT_CRYPTO_CRYPTO_INT_H

#include <stdatomic.h>
#include <openssl/evp.h>

#include "crypto/kex.h"

/* Rows the group table may grow to. */
#define GROUP_SEATS 16

#define BLANKS 2

/* Cipher contexts parked for each cipher, most; which seat is whose: the serial modulo this. */
#define AEAD_SEATS 32

/* A context and whose key is in it. */
struct aead_ctx {
	EVP_CIPHER_CTX *evp;
	uint64_t serial; /* struct aead's; 0: nobody's */
};

/* Written by crypto_new only; afterwards read-only but for the atomics, so that any number of
 * threads may use one. Keyed are only the parked cipher contexts. */
struct crypto {
	atomic_uint refs;
	EVP_CIPHER *cipher[AEAD_COUNT];
	bool signs[KEY_COUNT];    /* by kind of key */
	bool hybrid[GROUP_SEATS]; /* hybrid groups: ML-KEM and the curve are both there */
	/* A key of the group as a source of parameters: copying them costs neither a fetch by name nor a
	 * new EC_GROUP. The key itself is never used for agreement. NULL: group absent. */
	EVP_PKEY *group[GROUP_SEATS];
	/* One idle key generation context per group. Whoever wants one takes it by exchange with NULL and
	 * makes a new one when it is gone (another thread has it); a context is only ever in one pair of
	 * hands. Saves 2 us and 30 allocations per P-256 key, 1 us and 3 per X25519 key. */
	_Atomic(EVP_PKEY_CTX *) generator[GROUP_SEATS];
	/* And keys to put a peer's value into, in the same way: 0.9 us and 5 allocations per X25519
	 * agreement, 3.5 us and 55 per P-256 one. Two: a chain's leaf and its issuer are at hand at once. */
	_Atomic(EVP_PKEY *) blank[GROUP_SEATS][BLANKS];
	/* Cipher contexts nobody works with just now, in the same way; aead.c. */
	_Atomic(struct aead_ctx *) parked[AEAD_COUNT][AEAD_SEATS];
	_Atomic(uint64_t) serial; /* the last one given */
};

void aead_ctx_free(struct aead_ctx *x); /* wipes the key schedule; NULL is fine */

/* Below: factored by hobbyists. Above: a signature check that costs the checker milliseconds; also
 * libcrypto's own bound. What is acceptable between the two is policy and decided in x509/. */
#define RSA_BITS_MIN 1024
#define RSA_BITS_MAX 16384

/* A public key around pkey, which is owned afterwards, or freed when there is no memory (NULL). */
struct key;
struct key *key_wrap(EVP_PKEY *pkey, enum key_kind kind, unsigned bits);
/* Its EVP_PKEY is a blank of the group that nobody else knows: key_give_back parks it again. */
void key_of_blank(struct key *k, const struct group *g);

/* A key of the group to put a public value into, whatever is in it now; NULL: no memory. */
EVP_PKEY *crypto_take_blank(const struct crypto *c, const struct group *g);
/* Gives one back whose value was set well; one in an unknown state is freed instead. */
void crypto_park_blank(const struct crypto *c, const struct group *g, EVP_PKEY *key);

/* kex.c's parts for hybrid.c: g is one of the curves. agree puts the secret at out, g->secret_len bytes,
 * or leaves zeros. refuse: libcrypto would not have the peer's value. */
LEAT_MUST_CHECK bool kex_put_share(EVP_PKEY *key, size_t len, struct leat_wr *share);
LEAT_MUST_CHECK enum leat_ret kex_import(const struct crypto *c, const struct group *g,
	struct leat_span peer, EVP_PKEY **out, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret kex_agree(const struct group *g, EVP_PKEY *mine, EVP_PKEY *theirs,
	uint8_t *out, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret kex_refuse(struct leat_err *err, const char *what);
LEAT_MUST_CHECK enum leat_ret kex_no_share(const struct leat_wr *share, struct leat_err *err);
void free_pkey_ctx(EVP_PKEY_CTX **p);

/* hybrid.c: kex_start, kex_finish, kex_respond for hybrid groups; k->group is set. */
bool hybrid_probe(const struct crypto *c, const struct group *g);
LEAT_MUST_CHECK enum leat_ret hybrid_start(
	struct kex *k, const struct crypto *c, struct leat_wr *share, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret hybrid_finish(struct kex *k, const struct crypto *c,
	struct leat_span peer, struct kex_out *out, struct leat_err *err);
LEAT_MUST_CHECK enum leat_ret hybrid_respond(const struct crypto *c, const struct group *g,
	struct leat_span peer, struct leat_wr *share, struct kex_out *out, struct leat_err *err);

/* libcrypto's name of the kind of key. */
const char *group_key_type(const struct group *g);
/* Index of a row in the group table. */
size_t group_seat(const struct group *g);
/* A fresh key generation context; NULL when libcrypto has none. */
EVP_PKEY_CTX *new_generator(const struct group *g);
/* The places of the idle objects: the only things in a struct crypto that change. */
static inline _Atomic(EVP_PKEY_CTX *) *generator_slot(const struct crypto *c, const struct group *g)
{
	return &((struct crypto *)(uintptr_t)c)->generator[group_seat(g)];
}
static inline _Atomic(EVP_PKEY *) *blank_slots(const struct crypto *c, const struct group *g)
{
	return ((struct crypto *)(uintptr_t)c)->blank[group_seat(g)];
}
static inline _Atomic(struct aead_ctx *) *aead_slot(
	const struct crypto *c, enum aead_id id, uint64_t serial)
{
	return &((struct crypto *)(uintptr_t)c)->parked[id][serial % AEAD_SEATS];
}
static inline uint64_t next_serial(const struct crypto *c)
{
	return 1 + atomic_fetch_add_explicit(
			   &((struct crypto *)(uintptr_t)c)->serial, 1, memory_order_relaxed);
}

#endif
