/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.c - SHA-2 and HMAC on libcrypto's low-level contexts. The only file that uses them, and
 * the only one that silences the deprecation warnings (docs/decisions/0001-low-level-sha2.md).
 *
 * HMAC is RFC 2104: both padded key blocks are compressed once, in hmac_key_init; every use starts
 * from copies of those two states. All intermediate state that depends on a key is wiped.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/digest.h"

#include <assert.h>
#include <string.h>
#include <openssl/sha.h>

#define STATE_MAX sizeof(((struct digest *)NULL)->opaque)

_Static_assert(sizeof(SHA256_CTX) <= STATE_MAX, "SHA-256 state fits");
_Static_assert(sizeof(SHA512_CTX) <= STATE_MAX, "SHA-512 state fits");
_Static_assert(_Alignof(SHA512_CTX) <= _Alignof(uint64_t), "SHA-512 state is aligned");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(uint64_t), "SHA-256 state is aligned");
_Static_assert(SHA512_DIGEST_LENGTH <= HASH_MAX, "the longest hash fits");
_Static_assert(SHA512_DIGEST_LENGTH <= LEAT_SECRET_MAX, "a secret holds the longest hash");

#define BLOCK_MAX SHA512_CBLOCK

size_t hash_len(enum hash_id h)
{
	switch (h) {
	case HASH_SHA256: return SHA256_DIGEST_LENGTH;
	case HASH_SHA384: return SHA384_DIGEST_LENGTH;
	case HASH_SHA512: return SHA512_DIGEST_LENGTH;
	default: return 0;
	}
}

static size_t block_len(enum hash_id h)
{
	return h == HASH_SHA256 ? SHA256_CBLOCK : SHA512_CBLOCK;
}

/* The opaque bytes are reached as one of the two context types, chosen by d->hash, and only inside
 * libcrypto; this file never reads a member, it copies whole structs. */
static SHA256_CTX *s256(struct digest *d)
{
	return (void *)d->opaque;
}

static SHA512_CTX *s512(struct digest *d)
{
	return (void *)d->opaque;
}

/* The low-level functions return 1 always; their results carry no information. */
void digest_init(struct digest *d, enum hash_id h)
{
	assert(hash_len(h) > 0);
	d->hash = h;
	switch (h) {
	case HASH_SHA256: (void)SHA256_Init(s256(d)); break;
	case HASH_SHA384: (void)SHA384_Init(s512(d)); break;
	default: (void)SHA512_Init(s512(d)); break;
	}
}

void digest_update(struct digest *d, const void *p, size_t n)
{
	assert(hash_len(d->hash) > 0);
	if (n == 0) /* p may be NULL then */
		return;
	if (d->hash == HASH_SHA256)
		(void)SHA256_Update(s256(d), p, n);
	else
		(void)SHA512_Update(s512(d), p, n); /* SHA-384 differs in its start and end only */
}

/* Ends d; d is of no use afterwards. */
static void finish(struct digest *d, uint8_t *out)
{
	switch (d->hash) {
	case HASH_SHA256: (void)SHA256_Final(out, s256(d)); break;
	case HASH_SHA384: (void)SHA384_Final(out, s512(d)); break;
	default: (void)SHA512_Final(out, s512(d)); break;
	}
}

void digest_snapshot(const struct digest *d, uint8_t *out)
{
	LEAT_SCOPED(digest_clear) struct digest copy = *d;

	assert(hash_len(d->hash) > 0);
	finish(&copy, out);
}

void digest_clear(struct digest *d)
{
	leat_wipe(d, sizeof(*d));
}

void digest_once(enum hash_id h, struct leat_span in, uint8_t *out)
{
	LEAT_SCOPED(digest_clear) struct digest d;

	digest_init(&d, h);
	digest_update(&d, in.p, in.n);
	finish(&d, out);
}

struct key_block {
	uint8_t b[BLOCK_MAX];
};

static void key_block_clear(struct key_block *k)
{
	leat_wipe(k, sizeof(*k));
}

static void start_pad(struct digest *d, enum hash_id h, const struct key_block *key, uint8_t pad)
{
	LEAT_SCOPED(key_block_clear) struct key_block block;
	size_t i, n = block_len(h);

	for (i = 0; i < n; i++)
		block.b[i] = key->b[i] ^ pad;
	digest_init(d, h);
	digest_update(d, block.b, n);
}

/* RFC 2104 2: a key longer than a block is hashed first; a shorter one is filled up with zeros. */
void hmac_key_init(struct hmac_key *k, enum hash_id h, struct leat_span key)
{
	LEAT_SCOPED(key_block_clear) struct key_block block = { 0 };

	if (key.n > block_len(h))
		digest_once(h, key, block.b);
	else if (key.n > 0)
		memcpy(block.b, key.p, key.n);
	start_pad(&k->inner, h, &block, 0x36);
	start_pad(&k->outer, h, &block, 0x5c);
}

void hmac_key_clear(struct hmac_key *k)
{
	leat_wipe(k, sizeof(*k));
}

void hmac_parts(const struct hmac_key *k, const struct leat_span *parts, size_t num, uint8_t *out)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret mid;
	LEAT_SCOPED(digest_clear) struct digest d = k->inner;
	size_t i, n = hash_len(k->inner.hash);

	for (i = 0; i < num; i++)
		digest_update(&d, parts[i].p, parts[i].n);
	finish(&d, mid.b);
	d = k->outer;
	digest_update(&d, mid.b, n);
	finish(&d, out);
}

void hmac_once(enum hash_id h, struct leat_span key, struct leat_span in, uint8_t *out)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	hmac_key_init(&k, h, key);
	hmac_parts(&k, &in, 1, out);
}
