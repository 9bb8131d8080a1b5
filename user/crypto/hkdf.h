/* SPDX-License-Identifier: Apache-2.0
 *
 * hkdf.h - HKDF (RFC 5869), HKDF-Expand-Label (RFC 8446 7.1) and the TLS 1.2 PRF (RFC 5246 5).
 * None of them can fail for the sizes TLS uses; sizes are asserted.
 */
#ifndef LEAT_CRYPTO_HKDF_H
#define LEAT_CRYPTO_HKDF_H

#include "crypto/digest.h"

/* HKDF-Extract. An empty salt or ikm stands for hash_len zero bytes, as RFC 8446 7.1 uses "0". */
void hkdf_extract(
	enum hash_id h, struct leat_span salt, struct leat_span ikm, struct leat_secret *out);

/* HKDF-Expand with plain info; n <= 255 * hash_len. */
void hkdf_expand(enum hash_id h, const struct leat_secret *prk, struct leat_span info, uint8_t *out,
	size_t n);

/* HKDF-Expand-Label: label without its "tls13 " prefix (which is added), at most 249 bytes. */
void hkdf_expand_label(enum hash_id h, const struct leat_secret *prk, const char *label,
	struct leat_span context, uint8_t *out, size_t n);

/* The same into a secret of hash_len bytes: Derive-Secret when context is a transcript hash. */
void hkdf_derive(enum hash_id h, const struct leat_secret *prk, const char *label,
	struct leat_span context, struct leat_secret *out);

/* Several labels of one secret: the HMAC key prepared once is half the work of each output. */
void hkdf_label_keyed(const struct hmac_key *prk, const char *label, struct leat_span context,
	uint8_t *out, size_t n);
void hkdf_derive_keyed(const struct hmac_key *prk, const char *label, struct leat_span context,
	struct leat_secret *out);

/* PRF(secret, label, seed1 || seed2)[0..n-1], RFC 5246 5: P_hash with the suite's hash. */
void prf12(enum hash_id h, struct leat_span secret, const char *label, struct leat_span seed1,
	struct leat_span seed2, uint8_t *out, size_t n);

/* The same with label and seed given as up to PRF12_PARTS pieces (an exporter has five). */
#define PRF12_PARTS 5
void prf12_parts(enum hash_id h, struct leat_span secret, const struct leat_span *seed, size_t num,
	uint8_t *out, size_t n);

#endif
