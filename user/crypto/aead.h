/* SPDX-License-Identifier: Apache-2.0
 *
 * aead.h - one direction's record cipher: key set once, nonce per call given by the record layer.
 *
 * The key is 32 bytes, libcrypto's context around it 1.2 KiB. So contexts are lent: a struct crypto parks
 * some, an aead takes one for as long as it works and parks it again, still keyed. Who comes back finds
 * its own context in its seat unless somebody else had to take it meanwhile; only then the key is set
 * anew (0.2 us). docs/decisions/0030.
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

/* Zero state is legal to clear and refuses to seal or open. A wiping type. */
struct aead {
	struct aead_ctx *ctx;   /* at hand, keyed; NULL: parked, or none yet */
	const struct crypto *c; /* borrowed; outlives this. NULL: zero state */
	uint64_t serial; /* whose key a context carries: never used twice in a struct crypto */
	enum aead_id id;
	bool sealing;
	uint8_t key[32];
};

/* Is this cipher offered by the libcrypto at hand? */
bool crypto_has_aead(const struct crypto *c, enum aead_id id);

LEAT_MUST_CHECK enum leat_ret aead_init(struct aead *a, const struct crypto *c, enum aead_id id,
	const uint8_t *key, bool sealing, struct leat_err *err);
/* The same without a context: aead_take before use. Fails only when the cipher is not there. */
LEAT_MUST_CHECK enum leat_ret aead_prepare(struct aead *a, const struct crypto *c, enum aead_id id,
	const uint8_t *key, bool sealing, struct leat_err *err);
/* A context with this key at hand; nothing to do when there is one. On failure (memory) none is. */
LEAT_MUST_CHECK enum leat_ret aead_take(struct aead *a, struct leat_err *err);
/* Gives the context at hand back to the struct crypto. Others may take it then, so that until the next
 * aead_take nothing can be sealed or opened. */
void aead_park(struct aead *a);
/* Frees what aead_park left for us; the key stays. */
void aead_rest(struct aead *a);
/* Another key of the same cipher and direction; a context that carries the old one gets the new one at
 * once, so that nothing of the old one is left anywhere. */
LEAT_MUST_CHECK enum leat_ret aead_rekey(struct aead *a, const uint8_t *key, struct leat_err *err);
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
