/* SPDX-License-Identifier: Apache-2.0
 *
 * sign.h - handshake signatures by scheme, and the keys that make and check them.
 */
#ifndef LEAT_CRYPTO_SIGN_H
#define LEAT_CRYPTO_SIGN_H

#include "base/wr.h"
#include "crypto/crypto.h"
#include "crypto/suite.h"

/* A public or private key, reference counted (wraps EVP_PKEY). */
struct key;

struct key *key_ref(struct key *k);
void key_unref(struct key *k);
/* key_unref where the crypto is at hand: what libcrypto object can be used again is. */
void key_give_back(struct key *k, const struct crypto *c);
enum key_kind key_kind(const struct key *k); /* KEY_NONE: a kind TLS cannot use here */
unsigned key_bits(const struct key *k);
bool key_is_private(const struct key *k);
/* Takes over one reference of an EVP_PKEY (x509/ and cred loading). On failure it is released too. */
LEAT_MUST_CHECK enum leat_ret key_take_evp(
	struct key **out, void *evp_pkey, bool is_private, struct leat_err *err);
/* Public keys from their parts, as they stand in a certificate (pubkey.c): a point of a NIST curve in
 * uncompressed form, modulus and exponent as big-endian numbers, the bytes of an EdDSA key. NULL: not
 * a key that leat takes, or no memory; nothing is left in libcrypto's error queue. */
struct key *key_new_ec(const struct crypto *c, enum key_kind kind, struct leat_span point);
struct key *key_new_rsa(struct leat_span modulus, struct leat_span exponent);
struct key *key_new_raw(enum key_kind kind, struct leat_span bytes);
/* The EVP_PKEY, borrowed; only for crypto/ and x509/. */
void *key_evp_borrow(const struct key *k);
/* Do both hold the same public key? */
bool key_matches(const struct key *a, const struct key *b);

/* May this very key sign with this scheme under this version? Beyond sigscheme_fits: a modulus long
 * enough for PSS with that hash, and the hash and salt an id-RSASSA-PSS key may be tied to. */
bool key_fits(const struct key *k, const struct sigscheme *s, unsigned version);

/* Can the libcrypto at hand make and check signatures of this scheme? */
bool crypto_has_scheme(const struct crypto *c, const struct sigscheme *s);

/* Appends the signature of tbs to sig. */
LEAT_MUST_CHECK enum leat_ret sign_make(const struct crypto *c, const struct key *k,
	const struct sigscheme *s, struct leat_span tbs, struct leat_wr *sig, struct leat_err *err);
/* true only for a valid signature by a key whose kind fits the scheme. */
LEAT_MUST_CHECK bool sign_check(const struct crypto *c, const struct key *k,
	const struct sigscheme *s, struct leat_span tbs, struct leat_span sig);

#endif
