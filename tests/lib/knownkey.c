/* SPDX-License-Identifier: Apache-2.0
 *
 * knownkey.c - see knownkey.h.
 */
#include "knownkey.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "x509/der.h"

static const uint8_t secret[32] = { 0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6,
	0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0,
	0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42 };

static EVP_PKEY *the_key(void)
{
	static EVP_PKEY *key; /* for the life of the process */

	if (!key)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	if (!key)
		abort();
	return key;
}

void knownkey_sign(struct leat_wr *w, struct leat_span tbs)
{
	static const uint8_t alg[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x41, 0x00 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = the_key();
	uint8_t sig[64];
	size_t n = sizeof(sig), total = tbs.n + sizeof(alg) + n;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
		EVP_DigestSign(ctx, sig, &n, tbs.p ? tbs.p : sig, tbs.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	leat_wr_u8(w, DER_SEQUENCE);
	if (total >= 256) {
		leat_wr_u8(w, total > UINT16_MAX ? 0x83 : 0x82);
		if (total > UINT16_MAX)
			leat_wr_u8(w, (uint8_t)(total >> 16));
		leat_wr_u16(w, (uint16_t)total);
	} else {
		if (total >= 128)
			leat_wr_u8(w, 0x81);
		leat_wr_u8(w, (uint8_t)total);
	}
	leat_wr_span(w, tbs);
	leat_wr_bytes(w, alg, sizeof(alg));
	leat_wr_bytes(w, sig, n);
}
