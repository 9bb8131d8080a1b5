/* SPDX-License-Identifier: Apache-2.0
 *
 * hkdf.c - the two key derivation functions of TLS, both loops around HMAC with a prepared key.
 *
 * Outputs may be the same memory as the secret they are derived from (an update in place): the HMAC
 * key is prepared before the first output byte is written. They may not overlap info or context.
 */
#include "crypto/hkdf.h"

#include <assert.h>
#include <string.h>

void hkdf_extract(
	enum hash_id h, struct leat_span salt, struct leat_span ikm, struct leat_secret *out)
{
	static const uint8_t zeros[HASH_MAX];
	LEAT_SCOPED(leat_secret_clear) struct leat_secret prk = { .n = (uint8_t)hash_len(h) };

	/* RFC 8446 7.1: "if a given secret is not available, then the 0-value consisting of a string of
	 * Hash.length bytes set to zeros is used". For the salt RFC 5869 2.2 says the same. */
	if (salt.n == 0)
		salt = (struct leat_span){ zeros, hash_len(h) };
	if (ikm.n == 0)
		ikm = (struct leat_span){ zeros, hash_len(h) };
	hmac_once(h, salt, ikm, prk.b);
	*out = prk;
}

/* RFC 5869 2.3: T(i) = HMAC-Hash(PRK, T(i-1) | info | i) */
static void expand(const struct hmac_key *k, struct leat_span info, uint8_t *out, size_t n)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret t = { 0 };
	size_t len = hash_len(k->inner.hash), take;

	assert(n <= 255 * len);
	for (uint8_t i = 1; n > 0; i++) {
		const struct leat_span parts[] = { { t.b, t.n }, info, { &i, 1 } };

		hmac_parts(k, parts, 3, t.b);
		t.n = (uint8_t)len;
		take = n < len ? n : len;
		memcpy(out, t.b, take);
		out += take;
		n -= take;
	}
}

void hkdf_expand(enum hash_id h, const struct leat_secret *prk, struct leat_span info, uint8_t *out,
	size_t n)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	hmac_key_init(&k, h, leat_secret_span(prk));
	expand(&k, info, out, n);
}

void hkdf_label_keyed(const struct hmac_key *prk, const char *label, struct leat_span context,
	uint8_t *out, size_t n)
{
	/* struct { uint16 length; opaque label<7..255> = "tls13 " + Label; opaque context<0..255>; }
	 * HkdfLabel, RFC 8446 7.1. Neither label nor context is secret. */
	static const char prefix[] = "tls13 ";
	size_t label_len = strlen(label), full = sizeof(prefix) - 1 + label_len;
	uint8_t info[2 + 1 + 255 + 1 + 255], *p = info;

	assert(label_len >= 1 && full <= 255 && context.n <= 255 && n <= 0xffff);
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	*p++ = (uint8_t)full;
	memcpy(p, prefix, sizeof(prefix) - 1);
	p += sizeof(prefix) - 1;
	memcpy(p, label, label_len);
	p += label_len;
	*p++ = (uint8_t)context.n;
	if (context.n > 0)
		memcpy(p, context.p, context.n);
	p += context.n;
	expand(prk, (struct leat_span){ info, (size_t)(p - info) }, out, n);
}

void hkdf_expand_label(enum hash_id h, const struct leat_secret *prk, const char *label,
	struct leat_span context, uint8_t *out, size_t n)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	hmac_key_init(&k, h, leat_secret_span(prk));
	hkdf_label_keyed(&k, label, context, out, n);
}

void hkdf_derive_keyed(const struct hmac_key *prk, const char *label, struct leat_span context,
	struct leat_secret *out)
{
	LEAT_SCOPED(leat_secret_clear)
	struct leat_secret s = { .n = (uint8_t)hash_len(prk->inner.hash) };

	hkdf_label_keyed(prk, label, context, s.b, s.n);
	*out = s;
}

void hkdf_derive(enum hash_id h, const struct leat_secret *prk, const char *label,
	struct leat_span context, struct leat_secret *out)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;

	hmac_key_init(&k, h, leat_secret_span(prk));
	hkdf_derive_keyed(&k, label, context, out);
}

void prf12_parts(enum hash_id h, struct leat_span secret, const struct leat_span *seed, size_t num,
	uint8_t *out, size_t n)
{
	LEAT_SCOPED(hmac_key_clear) struct hmac_key k;
	LEAT_SCOPED(leat_secret_clear) struct leat_secret a = { 0 }, t = { 0 };
	struct leat_span parts[1 + PRF12_PARTS];
	size_t len = hash_len(h), take;

	/* RFC 5246 5: P_hash(secret, seed) = HMAC_hash(secret, A(1) + seed) + HMAC_hash(secret, A(2) +
	 * seed) + ...; A(0) = seed, A(i) = HMAC_hash(secret, A(i-1)) */
	assert(num <= PRF12_PARTS);
	hmac_key_init(&k, h, secret);
	for (size_t i = 0; i < num; i++)
		parts[1 + i] = seed[i];
	hmac_parts(&k, seed, num, a.b);
	parts[0] = (struct leat_span){ a.b, len };
	while (n > 0) {
		hmac_parts(&k, parts, 1 + num, t.b);
		take = n < len ? n : len;
		memcpy(out, t.b, take);
		out += take;
		n -= take;
		if (n > 0)
			hmac_parts(&k, parts, 1, a.b);
	}
}

void prf12(enum hash_id h, struct leat_span secret, const char *label, struct leat_span seed1,
	struct leat_span seed2, uint8_t *out, size_t n)
{
	/* RFC 5246 5: PRF(secret, label, seed) = P_<hash>(secret, label + seed) */
	const struct leat_span seed[] = { { (const uint8_t *)label, strlen(label) }, seed1, seed2 };

	prf12_parts(h, secret, seed, 3, out, n);
}
