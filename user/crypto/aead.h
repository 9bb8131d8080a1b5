/* SPDX-License-Identifier: Apache-2.0
 *
 * aead.h - one direction's record cipher: key set once, nonce per call given by the record layer.
 */
#ifndef LEAT_CRYPTO_AEAD_H
#define LEAT_CRYPTO_AEAD_H

#include "crypto/crypto.h"
#include "crypto/suite.h"

/* Traffic keys of one direction, as derived: a wiping type.
 * iv: TLS 1.3 and ChaCha20 in 1.2: the 12-byte static IV. GCM/CCM in TLS 1.2: the 4-byte salt,
 * the other 8 bytes zero. */
struct traffic_keys {
	enum aead_id aead;
	uint16_t version;
	uint8_t key[32];
	uint8_t iv[12];
};

void traffic_keys_clear(struct traffic_keys *k);

/* Zero state is legal to clear and refuses to seal or open. */
struct aead {
	void *ctx; /* EVP_CIPHER_CTX, keyed */
	enum aead_id id;
	bool sealing;
};

/* Is this cipher offered by the libcrypto at hand? */
bool crypto_has_aead(const struct crypto *c, enum aead_id id);

LEAT_MUST_CHECK enum leat_ret aead_init(struct aead *a, const struct crypto *c, enum aead_id id,
	const uint8_t *key, bool sealing, struct leat_err *err);
void aead_clear(struct aead *a);

/* Seals n bytes from in to out (may be the same address) and appends the tag: out must hold
 * n + aead_tag_len. LEAT_FAILED without a reason in detail only when libcrypto breaks. */
LEAT_MUST_CHECK enum leat_ret aead_seal(struct aead *a, const uint8_t nonce[12],
	struct leat_span aad, const uint8_t *in, size_t n, uint8_t *out);
/* The same with the plaintext in two pieces (application bytes, then content type and padding):
 * for in-place sealing without a copy of the body. in2 may be empty. */
LEAT_MUST_CHECK enum leat_ret aead_seal2(struct aead *a, const uint8_t nonce[12],
	struct leat_span aad, struct leat_span in1, struct leat_span in2, uint8_t *out);

/* Opens n bytes (ciphertext and tag) from in to out (may be the same address). false: the tag is
 * wrong or n is shorter than a tag; out is then wiped. */
LEAT_MUST_CHECK bool aead_open(struct aead *a, const uint8_t nonce[12], struct leat_span aad,
	const uint8_t *in, size_t n, uint8_t *out);

#endif
