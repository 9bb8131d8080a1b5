/* SPDX-License-Identifier: Apache-2.0
 *
 * t_aead.c: user/crypto/aead.c - published vectors, libcrypto's EVP and (for CCM) a second
 * implementation as references; then every way an opening can fail.
 *
 * REQ: F-suites13 F-ccm
 */
#include "vec.h"
#include "rfc8448.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "crypto/aead.h"
#include "crypto/crypto_int.h"

#define BIG 17000

static const struct leat_span none = { NULL, 0 };
static struct crypto *c;

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	return crypto_new(&c, &err) == LEAT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	crypto_unref(c);
	return vec_teardown(state);
}

static struct aead start(enum aead_id id, const uint8_t *key, bool sealing)
{
	struct leat_err err = { 0 };
	struct aead a;

	assert_true(crypto_has_aead(c, id));
	assert_int_equal(aead_init(&a, c, id, key, sealing, &err), LEAT_OK);
	return a;
}

static struct leat_span seal(enum aead_id id, struct leat_span key, struct leat_span nonce,
	struct leat_span aad, struct leat_span text)
{
	struct aead a = start(id, key.p, true);
	uint8_t *out = malloc(text.n + 16);
	struct leat_span r;

	assert_int_equal(aead_seal(&a, nonce.p, aad, text.p, text.n, out), LEAT_OK);
	aead_clear(&a);
	r = vec_copy(out, text.n + aead_tag_len(id));
	free(out);
	return r;
}

static void published(void **state)
{
	static const struct {
		const char *from;
		enum aead_id id;
		const char *key, *nonce, *aad, *text, *out;
	} t[] = {
		{ "McGrew and Viega, The Galois/Counter Mode, test case 1", AEAD_AES_128_GCM,
			"00000000000000000000000000000000", "000000000000000000000000", "", "",
			"58e2fccefa7e3061367f1d57a4e7455a" },
		{ "test case 4", AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308",
			"cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595"
			"6809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b254"
			"66931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae712"
			"1a47" },
		{ "test case 13", AEAD_AES_256_GCM,
			"0000000000000000000000000000000000000000000000000000000000000000",
			"000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
		{ "test case 16", AEAD_AES_256_GCM,
			"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
			"cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595"
			"6809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e4859"
			"0dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d"
			"551b" },
		{ "RFC 8439 2.8.2", AEAD_CHACHA20_POLY1305,
			"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
			"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
			"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f6620"
			"2739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e65207469"
			"7020666f7220746865206675747572652c2073756e73637265656e20776f756c6420626520"
			"69742e",
			"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8c"
			"a9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803"
			"aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec6"
			"4b61161ae10b594f09e26a7e902ecbd0600691" },
		{ "NIST SP 800-38C, example 3", AEAD_AES_128_CCM_8,
			"404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b",
			"000102030405060708090a0b0c0d0e0f10111213",
			"202122232425262728292a2b2c2d2e2f3031323334353637",
			"e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct leat_span key = vec_hex(t[i].key), nonce = vec_hex(t[i].nonce);
		struct leat_span aad = vec_hex(t[i].aad), text = vec_hex(t[i].text);
		struct leat_span got = seal(t[i].id, key, nonce, aad, text);
		struct aead a = start(t[i].id, key.p, false);
		uint8_t out[200];

		assert_hex(got.p, got.n, t[i].out);
		assert_true(aead_open(&a, nonce.p, aad, got.p, got.n, out));
		assert_memory_equal(out, text.p, text.n);
		aead_clear(&a);
	}
}

/* RFC 8448 3: whole records, the nonce being IV xor sequence number, the header the AAD. */
static void rfc_8448_records(void **state)
{
	static const struct {
		const char *key, *iv;
		uint8_t seq;
		const char *text, *record;
	} t[] = {
		{ S3_S_HS_KEY, S3_S_HS_IV, 0,
			S3_ENCRYPTED_EXTENSIONS S3_CERTIFICATE S3_CERTIFICATE_VERIFY
				S3_SERVER_FINISHED "16",
			S3_SERVER_FLIGHT_RECORD },
		{ S3_C_HS_KEY, S3_C_HS_IV, 0, S3_CLIENT_FINISHED "16", S3_CLIENT_FINISHED_RECORD },
		{ S3_S_AP_KEY, S3_S_AP_IV, 0, S3_NEW_SESSION_TICKET "16", S3_TICKET_RECORD },
		{ S3_C_AP_KEY, S3_C_AP_IV, 1, "010015", S3_CLIENT_ALERT_RECORD },
		{ S3_S_AP_KEY, S3_S_AP_IV, 2, "010015", S3_SERVER_ALERT_RECORD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct leat_span record = vec_hex(t[i].record), iv = vec_hex(t[i].iv);
		struct leat_span text = vec_hex(t[i].text), body = { record.p + 5, record.n - 5 };
		struct leat_span aad = { record.p, 5 }, got;
		uint8_t nonce[12], out[1000];
		struct aead a;

		memcpy(nonce, iv.p, 12);
		nonce[11] ^= t[i].seq;
		got = seal(AEAD_AES_128_GCM, vec_hex(t[i].key), (struct leat_span){ nonce, 12 },
			aad, text);
		assert_int_equal(got.n, body.n);
		assert_memory_equal(got.p, body.p, body.n);
		a = start(AEAD_AES_128_GCM, vec_hex(t[i].key).p, false);
		assert_true(aead_open(&a, nonce, aad, body.p, body.n, out));
		assert_memory_equal(out, text.p, text.n);
		aead_clear(&a);
	}
}

static const EVP_CIPHER *evp(enum aead_id id)
{
	switch (id) {
	case AEAD_AES_128_GCM: return EVP_aes_128_gcm();
	case AEAD_AES_256_GCM: return EVP_aes_256_gcm();
	default: return EVP_chacha20_poly1305();
	}
}

static void evp_seal(enum aead_id id, const uint8_t *key, const uint8_t *nonce,
	struct leat_span aad, struct leat_span text, uint8_t *out)
{
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int n;

	assert_int_equal(EVP_EncryptInit_ex(x, evp(id), NULL, key, nonce), 1);
	if (aad.n)
		assert_int_equal(EVP_EncryptUpdate(x, NULL, &n, aad.p, (int)aad.n), 1);
	if (text.n)
		assert_int_equal(EVP_EncryptUpdate(x, out, &n, text.p, (int)text.n), 1);
	assert_int_equal(EVP_EncryptFinal_ex(x, out + text.n, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, 16, out + text.n), 1);
	EVP_CIPHER_CTX_free(x);
}

/* CCM by NIST SP 800-38C 6.1 on the bare block cipher, n = 12 and so q = 3. */
struct ccm {
	EVP_CIPHER_CTX *ecb;
	uint8_t x[16];
	size_t at;
};

static void block(struct ccm *m, uint8_t b[16])
{
	int n;

	assert_int_equal(EVP_EncryptUpdate(m->ecb, b, &n, b, 16), 1);
	assert_int_equal(n, 16);
}

static void mac_bytes(struct ccm *m, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		m->x[m->at++] ^= p[i];
		if (m->at == 16) {
			block(m, m->x);
			m->at = 0;
		}
	}
}

static void mac_pad(struct ccm *m)
{
	if (m->at)
		block(m, m->x);
	m->at = 0;
}

static void ccm_seal(size_t tag_len, const uint8_t *key, const uint8_t *nonce, struct leat_span aad,
	struct leat_span text, uint8_t *out)
{
	struct ccm m = { .ecb = EVP_CIPHER_CTX_new() };
	uint8_t b0[16], s[16], len[2] = { (uint8_t)(aad.n >> 8), (uint8_t)aad.n };
	uint32_t ctr;

	assert_int_equal(EVP_EncryptInit_ex(m.ecb, EVP_aes_128_ecb(), NULL, key, NULL), 1);
	EVP_CIPHER_CTX_set_padding(m.ecb, 0);
	b0[0] = (uint8_t)((aad.n ? 0x40 : 0) | (tag_len - 2) / 2 << 3 | 2);
	memcpy(b0 + 1, nonce, 12);
	b0[13] = (uint8_t)(text.n >> 16);
	b0[14] = (uint8_t)(text.n >> 8);
	b0[15] = (uint8_t)text.n;
	mac_bytes(&m, b0, 16);
	if (aad.n) {
		mac_bytes(&m, len, 2);
		mac_bytes(&m, aad.p, aad.n);
		mac_pad(&m);
	}
	mac_bytes(&m, text.p, text.n);
	mac_pad(&m);
	for (size_t i = 0; i <= text.n; i++) {
		if (i % 16 == 0) {
			ctr = (uint32_t)(i / 16 + 1);
			memset(s, 0, 16);
			s[0] = 2;
			memcpy(s + 1, nonce, 12);
			s[13] = (uint8_t)(ctr >> 16);
			s[14] = (uint8_t)(ctr >> 8);
			s[15] = (uint8_t)ctr;
			block(&m, s);
		}
		if (i < text.n)
			out[i] = text.p[i] ^ s[i % 16];
	}
	memset(s, 0, 16);
	s[0] = 2;
	memcpy(s + 1, nonce, 12);
	block(&m, s);
	for (size_t i = 0; i < tag_len; i++)
		out[text.n + i] = m.x[i] ^ s[i];
	EVP_CIPHER_CTX_free(m.ecb);
}

static void want_seal(enum aead_id id, const uint8_t *key, const uint8_t *nonce,
	struct leat_span aad, struct leat_span text, uint8_t *out)
{
	if (id == AEAD_AES_128_CCM || id == AEAD_AES_128_CCM_8)
		ccm_seal(aead_tag_len(id), key, nonce, aad, text, out);
	else
		evp_seal(id, key, nonce, aad, text, out);
}

static const size_t text_lens[] = { 0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257,
	1400, 4095, 16384, 16385, 16640 };
#define NUM_LENS (sizeof(text_lens) / sizeof(text_lens[0]))

/* One context for many records, as a connection uses it: lengths up and down, AAD of any length. */
static void differs_nowhere_from_the_reference(void **state)
{
	static uint8_t got[BIG], want[BIG], back[BIG];

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct leat_span key = vec_noise(32);
		struct aead s = start((enum aead_id)id, key.p, true);
		struct aead o = start((enum aead_id)id, key.p, false);
		size_t tag = aead_tag_len((enum aead_id)id);

		for (size_t i = 0; i < 4 * NUM_LENS; i++) {
			size_t n = text_lens[vec_rand() % NUM_LENS];
			struct leat_span text = vec_noise(n), nonce = vec_noise(12);
			struct leat_span aad = i % 5 == 4 ? none : vec_noise(vec_rand() % 40);

			want_seal((enum aead_id)id, key.p, nonce.p, aad, text, want);
			memset(got, 0xee, sizeof(got));
			assert_int_equal(aead_seal(&s, nonce.p, aad, text.p, n, got), LEAT_OK);
			assert_memory_equal(got, want, n + tag);
			assert_int_equal(got[n + tag], 0xee); /* not a byte more */
			memset(back, 0xee, sizeof(back));
			assert_true(aead_open(&o, nonce.p, aad, got, n + tag, back));
			assert_memory_equal(back, text.p, n);
			assert_int_equal(back[n], 0xee);
		}
		aead_clear(&s);
		aead_clear(&o);
		vec_free_all();
	}
}

static void in_place(void **state)
{
	static uint8_t buf[BIG], want[BIG];

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct leat_span key = vec_noise(32);
		struct aead s = start((enum aead_id)id, key.p, true);
		struct aead o = start((enum aead_id)id, key.p, false);
		size_t tag = aead_tag_len((enum aead_id)id);

		for (size_t i = 0; i < NUM_LENS; i++) {
			size_t n = text_lens[i];
			struct leat_span text = vec_noise(n), nonce = vec_noise(12);
			struct leat_span aad = vec_noise(5);

			want_seal((enum aead_id)id, key.p, nonce.p, aad, text, want);
			memcpy(buf, text.p, n);
			assert_int_equal(aead_seal(&s, nonce.p, aad, buf, n, buf), LEAT_OK);
			assert_memory_equal(buf, want, n + tag);
			assert_true(aead_open(&o, nonce.p, aad, buf, n + tag, buf));
			assert_memory_equal(buf, text.p, n);
		}
		aead_clear(&s);
		aead_clear(&o);
		vec_free_all();
	}
}

/* Body and tail apart, body in place or not, either part empty; the result is that of one piece. */
static void two_pieces(void **state)
{
	static const size_t tails[] = { 0, 1, 2, 15, 16, 17, 255 };
	static uint8_t buf[BIG], want[BIG];

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct leat_span key = vec_noise(32);
		struct aead s = start((enum aead_id)id, key.p, true);
		size_t tag = aead_tag_len((enum aead_id)id);

		for (size_t i = 0; i < NUM_LENS; i++)
			for (size_t j = 0; j < sizeof(tails) / sizeof(tails[0]); j++)
				for (int placed = 0; placed < 2; placed++) {
					size_t n = text_lens[i], m = tails[j];
					struct leat_span text = vec_noise(n + m);
					struct leat_span nonce = vec_noise(12), aad = vec_noise(5);
					struct leat_span body = { text.p, n };
					struct leat_span tail = { text.p + n, m };

					want_seal(
						(enum aead_id)id, key.p, nonce.p, aad, text, want);
					memset(buf, 0xee, sizeof(buf));
					if (placed) {
						memcpy(buf, text.p, n);
						body.p = buf;
					}
					assert_int_equal(
						aead_seal2(&s, nonce.p, aad, body, tail, buf),
						LEAT_OK);
					assert_memory_equal(buf, want, n + m + tag);
					assert_int_equal(buf[n + m + tag], 0xee);
				}
		aead_clear(&s);
		vec_free_all();
	}
}

static void empty_pieces_may_be_null(void **state)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 2 }, out[32], want[32];

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct aead s = start((enum aead_id)id, key, true);
		struct aead o = start((enum aead_id)id, key, false);
		size_t tag = aead_tag_len((enum aead_id)id);

		want_seal((enum aead_id)id, key, nonce, none, none, want);
		assert_int_equal(aead_seal2(&s, nonce, none, none, none, out), LEAT_OK);
		assert_memory_equal(out, want, tag);
		assert_true(aead_open(&o, nonce, none, out, tag, NULL));
		out[0] ^= 1;
		assert_false(aead_open(&o, nonce, none, out, tag, NULL));
		aead_clear(&s);
		aead_clear(&o);
	}
}

/* Each bit of tag, text, AAD, nonce; each shorter length. Nothing opens, nothing leaks, and the
 * context still works. */
static void nothing_forged_opens(void **state)
{
	static const uint8_t zeros[64];

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct leat_span key = vec_noise(32), text = vec_noise(33);
		struct aead o = start((enum aead_id)id, key.p, false);
		size_t tag = aead_tag_len((enum aead_id)id), n = 33 + tag;
		uint8_t nonce[12], aad[13], good[64], bad[64], out[64];
		struct leat_span a = { aad, 13 };

		memcpy(nonce, vec_noise(12).p, 12);
		memcpy(aad, vec_noise(13).p, 13);
		want_seal((enum aead_id)id, key.p, nonce, a, text, good);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			memcpy(bad, good, n);
			bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(out, 0xee, sizeof(out));
			assert_false(aead_open(&o, nonce, a, bad, n, out));
			assert_memory_equal(out, zeros, 33); /* no unauthenticated plaintext */
			assert_int_equal(out[33], 0xee);
		}
		for (size_t bit = 0; bit < 8 * 13; bit++) {
			aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(aead_open(&o, nonce, a, good, n, out));
			aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 0; bit < 8 * 12; bit++) {
			nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(aead_open(&o, nonce, a, good, n, out));
			nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t len = 0; len < n; len++)
			assert_false(aead_open(&o, nonce, a, good, len, out));
		assert_false(aead_open(&o, nonce, (struct leat_span){ aad, 12 }, good, n, out));
		assert_false(aead_open(&o, nonce, none, good, n, out));
		/* in place too: the buffer then holds neither text nor a hint of it */
		memcpy(bad, good, n);
		bad[n - 1] ^= 1;
		assert_false(aead_open(&o, nonce, a, bad, n, bad));
		assert_memory_equal(bad, zeros, 33);
		assert_int_equal(ERR_peek_error(), 0); /* an answer, not an error left behind */
		assert_true(aead_open(&o, nonce, a, good, n, out));
		assert_memory_equal(out, text.p, 33);
		aead_clear(&o);
	}
}

static void shorter_than_a_tag(void **state)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 2 }, in[16] = { 3 }, out[1] = { 0xee };

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct aead o = start((enum aead_id)id, key, false);

		for (size_t n = 0; n < aead_tag_len((enum aead_id)id); n++)
			assert_false(aead_open(&o, nonce, none, in, n, out));
		assert_false(aead_open(&o, nonce, none, NULL, 0, NULL));
		assert_int_equal(out[0], 0xee);
		aead_clear(&o);
	}
}

static void wrong_key_and_wrong_cipher(void **state)
{
	uint8_t key[32] = { 1 }, other[32] = { 2 }, nonce[12] = { 3 }, in[40], out[64], back[64];

	(void)state;
	memset(in, 7, sizeof(in));
	for (int id = 1; id < AEAD_COUNT; id++)
		for (int with = 1; with < AEAD_COUNT; with++) {
			struct aead s = start((enum aead_id)id, key, true);
			struct aead o = start((enum aead_id)with, id == with ? other : key, false);

			assert_int_equal(aead_seal(&s, nonce, none, in, 40, out), LEAT_OK);
			assert_false(aead_open(
				&o, nonce, none, out, 40 + aead_tag_len((enum aead_id)id), back));
			aead_clear(&s);
			aead_clear(&o);
		}
}

static void zero_state_and_wrong_direction_refuse(void **state)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 0 }, buf[64] = { 0 };
	struct aead zero = { 0 }, a;

	(void)state;
	assert_int_equal(aead_seal(&zero, nonce, none, buf, 10, buf), LEAT_FAILED);
	assert_false(aead_open(&zero, nonce, none, buf, 26, buf));
	aead_clear(&zero);
	aead_clear(&zero);
	a = start(AEAD_AES_128_GCM, key, false);
	assert_int_equal(aead_seal(&a, nonce, none, buf, 10, buf), LEAT_FAILED);
	aead_clear(&a);
	a = start(AEAD_AES_128_GCM, key, true);
	assert_false(aead_open(&a, nonce, none, buf, 26, buf));
	aead_clear(&a);
	assert_null(a.ctx);
	assert_int_equal(aead_seal(&a, nonce, none, buf, 10, buf), LEAT_FAILED);
}

static void lengths_beyond_libcrypto_refuse(void **state)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 0 }, buf[64] = { 0 };
	struct leat_span huge = { buf, (size_t)1 << 32 };

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++) {
		struct aead s = start((enum aead_id)id, key, true);
		struct aead o = start((enum aead_id)id, key, false);

		/* refused by the length alone: none of these bytes is looked at */
		assert_int_equal(aead_seal(&s, nonce, none, huge.p, huge.n, buf), LEAT_FAILED);
		assert_int_equal(aead_seal(&s, nonce, huge, buf, 1, buf), LEAT_FAILED);
		assert_int_equal(aead_seal2(&s, nonce, none, none, huge, buf), LEAT_FAILED);
		assert_false(aead_open(&o, nonce, none, huge.p, huge.n, buf));
		assert_false(aead_open(&o, nonce, huge, buf, 32, buf));
		aead_clear(&s);
		aead_clear(&o);
	}
}

static void unknown_cipher(void **state)
{
	uint8_t key[32] = { 1 };
	struct leat_err err = { 0 };
	struct aead a;

	(void)state;
	assert_false(crypto_has_aead(c, AEAD_NONE));
	assert_false(crypto_has_aead(c, AEAD_COUNT));
	assert_false(crypto_has_aead(c, (enum aead_id) - 1));
	assert_int_equal(aead_init(&a, c, AEAD_NONE, key, true, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_CRYPTO);
	assert_null(a.ctx);
	aead_clear(&a);
}

static void traffic_keys_are_wiped(void **state)
{
	static const struct traffic_keys zero;
	struct traffic_keys k = { AEAD_AES_256_GCM, LEAT_TLS13, { 1, 2, 3 }, { 4, 5 } };

	(void)state;
	traffic_keys_clear(&k);
	assert_memory_equal(&k, &zero, sizeof(k));
}

/* ---- contexts that are lent ---- */

#define MANY (3 * AEAD_SEATS + 1)

static struct aead lent(enum aead_id id, const uint8_t *key, bool sealing)
{
	struct leat_err err = { 0 };
	struct aead a;

	assert_int_equal(aead_prepare(&a, c, id, key, sealing, &err), LEAT_OK);
	assert_null(a.ctx);
	return a;
}

/* One text sealed by s and opened by o, both with a context just for that. */
static bool passes(struct aead *s, struct aead *o, uint8_t text)
{
	uint8_t nonce[12] = { text }, in[24], out[24 + 16], back[24];
	struct leat_err err = { 0 };
	bool ok;

	memset(in, text, sizeof(in));
	ok = aead_take(s, &err) == LEAT_OK &&
	     aead_seal(s, nonce, none, in, sizeof(in), out) == LEAT_OK;
	aead_park(s);
	ok = ok && aead_take(o, &err) == LEAT_OK &&
	     aead_open(o, nonce, none, out, sizeof(in) + aead_tag_len(o->id), back) &&
	     memcmp(back, in, sizeof(in)) == 0;
	aead_park(o);
	return ok;
}

/* Contexts of the cipher that lie parked and carry some key. */
static size_t parked(enum aead_id id)
{
	size_t num = 0;

	for (uint64_t i = 0; i < AEAD_SEATS; i++) {
		struct aead_ctx *x = atomic_load(aead_slot(c, id, i));

		num += x && x->serial;
	}
	return num;
}

/* More keys than seats, both directions and all ciphers among each other: each seals and opens as if it
 * had its context for itself, whoever used that before. */
static void each_keeps_its_key(void **state)
{
	static struct aead s[AEAD_COUNT][MANY], o[AEAD_COUNT][MANY];

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++)
		for (int i = 0; i < MANY; i++) {
			uint8_t key[32] = { (uint8_t)i, (uint8_t)id };

			s[id][i] = lent((enum aead_id)id, key, true);
			o[id][i] = lent((enum aead_id)id, key, false);
		}
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < MANY; i++)
			for (int id = 1; id < AEAD_COUNT; id++) {
				int at = (round % 2 ? MANY - 1 - i : i * 7) % MANY;

				assert_true(passes(&s[id][at], &o[id][at], (uint8_t)(i + round)));
				/* and under the next one's key it does not open */
				assert_false(passes(&s[id][at], &o[id][(at + 1) % MANY], 1));
			}
	for (int id = 1; id < AEAD_COUNT; id++) {
		assert_in_range(parked((enum aead_id)id), 1, AEAD_SEATS);
		for (int i = 0; i < MANY; i++) {
			aead_clear(&s[id][i]);
			aead_clear(&o[id][i]);
		}
		/* nobody is left, and no key either */
		assert_int_equal(parked((enum aead_id)id), 0);
	}
}

static void its_own_context_is_found_again(void **state)
{
	uint8_t key[32] = { 1 };
	struct aead a = lent(AEAD_AES_128_GCM, key, true);
	struct leat_err err = { 0 };
	struct aead_ctx *x;

	(void)state;
	assert_int_equal(aead_take(&a, &err), LEAT_OK);
	x = a.ctx;
	assert_int_equal(aead_take(&a, &err), LEAT_OK); /* it has one */
	assert_ptr_equal(a.ctx, x);
	aead_park(&a);
	aead_park(&a);
	assert_null(a.ctx);
	assert_int_equal(x->serial, a.serial);
	assert_int_equal(aead_take(&a, &err), LEAT_OK);
	assert_ptr_equal(a.ctx, x);
	aead_park(&a);
	aead_rest(&a);
	aead_rest(&a);
	assert_int_equal(parked(AEAD_AES_128_GCM), 0);
	assert_int_equal(aead_take(&a, &err), LEAT_OK);
	aead_clear(&a); /* with the context at hand */
	assert_int_equal(parked(AEAD_AES_128_GCM), 0);
}

static void parked_it_refuses(void **state)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 0 }, buf[64] = { 0 };
	struct leat_err err = { 0 };
	struct aead zero = { 0 }, a = lent(AEAD_AES_256_GCM, key, true);

	(void)state;
	assert_int_equal(aead_seal(&a, nonce, none, buf, 10, buf), LEAT_FAILED);
	assert_int_equal(aead_take(&a, &err), LEAT_OK);
	aead_park(&a);
	assert_int_equal(aead_seal(&a, nonce, none, buf, 10, buf), LEAT_FAILED);
	aead_clear(&a);
	aead_park(&zero);
	aead_rest(&zero);
	assert_int_equal(aead_take(&zero, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_int_equal(aead_rekey(&zero, key, &err), LEAT_FAILED);
}

/* Wherever the context is: at hand, parked, taken by another key, nowhere yet. */
static void a_new_key_is_in_force_at_once(void **state)
{
	uint8_t old[32] = { 1 }, new[32] = { 2 }, key3[32] = { 3 };
	struct leat_err err = { 0 };

	(void)state;
	for (int id = 1; id < AEAD_COUNT; id++)
		for (int where = 0; where < 4; where++) {
			struct aead s = lent((enum aead_id)id, old, true), thief;
			struct aead o = lent((enum aead_id)id, new, false);

			assert_false(passes(&s, &o, 1));
			if (where == 0)
				assert_int_equal(aead_take(&s, &err), LEAT_OK);
			if (where == 1) {
				thief = lent((enum aead_id)id, key3, true);
				thief.serial = s.serial + AEAD_SEATS;
				assert_int_equal(aead_take(&thief, &err), LEAT_OK);
				aead_park(&thief);
			}
			if (where == 2)
				aead_rest(&s);
			assert_int_equal(aead_rekey(&s, new, &err), LEAT_OK);
			assert_true(passes(&s, &o, 2));
			aead_clear(&s);
			aead_clear(&o);
			if (where == 1)
				aead_clear(&thief);
			assert_int_equal(parked((enum aead_id)id), 0);
		}
}

static void *hammer(void *arg)
{
	uint8_t base = *(uint8_t *)arg;
	struct leat_err err = { 0 };
	struct aead s[3], o[3];
	bool ok = true;

	for (int round = 0; ok && round < 60; round++) {
		for (int i = 0; i < 3; i++) {
			uint8_t key[32] = { base, (uint8_t)i, (uint8_t)round };

			ok = ok &&
			     aead_prepare(&s[i], c, AEAD_AES_128_GCM, key, true, &err) == LEAT_OK;
			ok = ok &&
			     aead_prepare(&o[i], c, AEAD_AES_128_GCM, key, false, &err) == LEAT_OK;
		}
		for (int i = 0; ok && i < 30; i++)
			ok = passes(&s[i % 3], &o[i % 3], (uint8_t)i);
		for (int i = 0; i < 3; i++) {
			aead_clear(&s[i]);
			aead_clear(&o[i]);
		}
	}
	return ok ? arg : NULL;
}

/* Eight threads, more keys than seats, one struct crypto. */
static void threads_share_the_seats(void **state)
{
	static uint8_t base[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	pthread_t t[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, &base[i]), 0);
	for (int i = 0; i < 8; i++) {
		void *got;

		assert_int_equal(pthread_join(t[i], &got), 0);
		assert_ptr_equal(got, &base[i]);
	}
	assert_int_equal(parked(AEAD_AES_128_GCM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published),
		cmocka_unit_test(rfc_8448_records),
		cmocka_unit_test(differs_nowhere_from_the_reference),
		cmocka_unit_test(in_place),
		cmocka_unit_test(two_pieces),
		cmocka_unit_test(empty_pieces_may_be_null),
		cmocka_unit_test(nothing_forged_opens),
		cmocka_unit_test(shorter_than_a_tag),
		cmocka_unit_test(wrong_key_and_wrong_cipher),
		cmocka_unit_test(zero_state_and_wrong_direction_refuse),
		cmocka_unit_test(lengths_beyond_libcrypto_refuse),
		cmocka_unit_test(unknown_cipher),
		cmocka_unit_test(traffic_keys_are_wiped),
		cmocka_unit_test(each_keeps_its_key),
		cmocka_unit_test(its_own_context_is_found_again),
		cmocka_unit_test(parked_it_refuses),
		cmocka_unit_test(a_new_key_is_in_force_at_once),
		cmocka_unit_test(threads_share_the_seats),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
