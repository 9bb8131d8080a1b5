/* SPDX-License-Identifier: Apache-2.0
 *
 * refrec.c - records by the book: RFC 8446 5.2-5.4; RFC 5246 6.2.3.3 with RFC 5288, 6655 and 7905.
 */
#include "refrec.h"

#include "tcp.h"
#include "vec.h"

#define HEADER 5

void refrec_init(
	struct refrec *r, const struct crypto *c, enum aead_id aead, uint16_t version, uint64_t seq)
{
	struct leat_span key = vec_noise(sizeof(r->keys.key));
	struct leat_span iv = vec_noise(sizeof(r->keys.iv));

	*r = (struct refrec){ .c = c, .seq = seq };
	r->keys.aead = aead;
	r->keys.version = version;
	memcpy(r->keys.key, key.p, key.n);
	memcpy(r->keys.iv, iv.p, aead_explicit_len(aead, version) ? 4 : 12);
}

static void be(uint8_t *out, uint64_t v, size_t n)
{
	while (n-- > 0) {
		out[n] = (uint8_t)v;
		v >>= 8;
	}
}

/* The nonce of the next record; explicit8 is what travels in the record, or NULL. */
static void nonce_of(const struct refrec *r, const uint8_t *explicit8, uint8_t nonce[12])
{
	uint8_t s[12] = { 0 };

	memcpy(nonce, r->keys.iv, 12);
	if (explicit8) {
		memcpy(nonce + 4, explicit8, 8);
		return;
	}
	be(s + 4, r->seq, 8);
	for (size_t i = 0; i < 12; i++)
		nonce[i] ^= s[i];
}

static size_t aad_of(
	const struct refrec *r, uint8_t type, size_t plain_len, size_t body_len, uint8_t aad[13])
{
	if (r->keys.version == LEAT_TLS13) {
		aad[0] = 23;
		be(aad + 1, 0x0303, 2);
		be(aad + 3, body_len, 2);
		return 5;
	}
	be(aad, r->seq, 8);
	aad[8] = type;
	be(aad + 9, 0x0303, 2);
	be(aad + 11, plain_len, 2);
	return 13;
}

size_t refrec_seal(
	struct refrec *r, uint8_t type, const void *in, size_t n, size_t pad, uint8_t *out)
{
	bool v13 = r->keys.version == LEAT_TLS13;
	size_t ex = aead_explicit_len(r->keys.aead, r->keys.version);
	size_t inner = n + (v13 ? 1 + pad : 0);
	size_t body = ex + inner + aead_tag_len(r->keys.aead);
	uint8_t *plain = out + HEADER + ex;
	struct leat_err err = { 0 };
	uint8_t aad[13], nonce[12];
	struct aead a = { 0 };

	if (n > 0)
		memmove(plain, in, n);
	if (v13) {
		plain[n] = type;
		memset(plain + n + 1, 0, pad);
	}
	out[0] = v13 ? 23 : type;
	be(out + 1, 0x0303, 2);
	be(out + 3, body, 2);
	be(out + HEADER, ex ? r->seq : 0, ex);
	nonce_of(r, ex ? out + HEADER : NULL, nonce);
	assert_int_equal(aead_init(&a, r->c, r->keys.aead, r->keys.key, true, &err), LEAT_OK);
	assert_int_equal(
		aead_seal(&a, nonce, (struct leat_span){ aad, aad_of(r, type, n, body, aad) },
			plain, inner, plain),
		LEAT_OK);
	aead_clear(&a);
	r->seq++;
	return HEADER + body;
}

int refrec_open(struct refrec *r, const uint8_t *rec, size_t len, uint8_t *type, uint8_t *out)
{
	bool v13 = r->keys.version == LEAT_TLS13;
	size_t ex = aead_explicit_len(r->keys.aead, r->keys.version);
	size_t tag = aead_tag_len(r->keys.aead);
	struct leat_err err = { 0 };
	uint8_t aad[13], nonce[12];
	struct aead a = { 0 };
	size_t n;
	bool ok;

	if (len < HEADER + ex + tag)
		return -1;
	n = len - HEADER - ex - tag;
	nonce_of(r, ex ? rec + HEADER : NULL, nonce);
	assert_int_equal(aead_init(&a, r->c, r->keys.aead, r->keys.key, false, &err), LEAT_OK);
	ok = aead_open(&a, nonce,
		(struct leat_span){ aad, aad_of(r, rec[0], n, len - HEADER, aad) },
		rec + HEADER + ex, n + tag, out);
	aead_clear(&a);
	if (!ok)
		return -1;
	r->seq++;
	*type = rec[0];
	if (v13) {
		while (n > 0 && out[n - 1] == 0)
			n--;
		if (n == 0)
			return -1;
		*type = out[--n];
	}
	return (int)n;
}

int refrec_read(struct refrec *r, int fd, uint8_t *type, uint8_t *out)
{
	static uint8_t rec[HEADER + 65535];
	size_t len;

	if (!tcp_read_all(fd, rec, HEADER))
		return -2;
	len = (size_t)rec[3] << 8 | rec[4];
	if (!tcp_read_all(fd, rec + HEADER, len))
		return -2;
	return refrec_open(r, rec, HEADER + len, type, out);
}
