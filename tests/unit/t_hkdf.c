/* SPDX-License-Identifier: Apache-2.0
 *
 * t_hkdf.c: user/crypto/hkdf.c - HKDF, HKDF-Expand-Label and the TLS 1.2 PRF.
 */
#include "vec.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto/hkdf.h"

static const struct leat_span none = { NULL, 0 };
static const enum hash_id all[] = { HASH_SHA256, HASH_SHA384, HASH_SHA512 };
static const char *const names[] = { "SHA256", "SHA384", "SHA512" };

static struct leat_secret secret_of(struct leat_span s)
{
	struct leat_secret x = { 0 };

	assert_true(s.n <= LEAT_SECRET_MAX);
	leat_secret_set(&x, s.p, s.n);
	return x;
}

/* RFC 5869 A.1 to A.3. A.3 has an empty salt and an empty info.  REQ: T-hkdf */
static void rfc_5869(void **state)
{
	static const struct {
		const char *ikm, *salt, *info, *prk, *okm;
	} t[] = {
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
			"f0f1f2f3f4f5f6f7f8f9",
			"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
			"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5"
			"b887185865" },
		{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324"
		  "25262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40414243444546474849"
		  "4a4b4c4d4e4f",
			"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384"
			"85868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9"
			"aaabacadaeaf",
			"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4"
			"d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9"
			"fafbfcfdfeff",
			"06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
			"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99ca"
			"c7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c"
			"01d5c1f3434f1d87" },
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
			"19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
			"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395fa"
			"a4b61a96c8" },
	};
	uint8_t okm[100];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct leat_secret prk;

		hkdf_extract(HASH_SHA256, vec_hex(t[i].salt), vec_hex(t[i].ikm), &prk);
		assert_hex(prk.b, prk.n, t[i].prk);
		hkdf_expand(HASH_SHA256, &prk, vec_hex(t[i].info), okm, strlen(t[i].okm) / 2);
		assert_hex(okm, strlen(t[i].okm) / 2, t[i].okm);
	}
}

/* RFC 8446 7.1: "0" for a missing secret is hash_len zeros, not the empty string. (For an HMAC key the
 * two are the same, for the message they are not.) */
static void empty_ikm_is_zeros(void **state)
{
	static const uint8_t zeros[HASH_MAX];

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct leat_secret a, b;
		uint8_t wrong[HASH_MAX];
		struct leat_span z = { zeros, hash_len(all[k]) };

		hkdf_extract(all[k], none, none, &a);
		hkdf_extract(all[k], z, z, &b);
		assert_int_equal(a.n, hash_len(all[k]));
		assert_memory_equal(a.b, b.b, a.n);
		hmac_once(all[k], none, none, wrong);
		assert_memory_not_equal(a.b, wrong, a.n);
	}
}

static void evp_hkdf(const char *md, int mode, struct leat_span salt, struct leat_span key,
	struct leat_span info, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM p[6], *q = p;

	*q++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)md, 0);
	*q++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*q++ = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.p, key.n);
	if (salt.n)
		*q++ = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.n);
	if (info.n)
		*q++ = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.p, info.n);
	*q = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_KDF_derive(c, out, n, p), 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static void differs_nowhere_from_libcrypto(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (int i = 0; i < 60; i++) {
			struct leat_span salt = vec_noise(1 + vec_rand() % 200);
			struct leat_span ikm = vec_noise(1 + vec_rand() % 200);
			struct leat_span info = vec_noise(vec_rand() % 200);
			size_t n = 1 + vec_rand() % 500;
			uint8_t got[500], want[500];
			struct leat_secret prk;

			hkdf_extract(all[k], salt, ikm, &prk);
			evp_hkdf(names[k], EVP_KDF_HKDF_MODE_EXTRACT_ONLY, salt, ikm, none, want,
				hash_len(all[k]));
			assert_memory_equal(prk.b, want, prk.n);
			hkdf_expand(all[k], &prk, info, got, n);
			evp_hkdf(names[k], EVP_KDF_HKDF_MODE_EXPAND_ONLY, none,
				leat_secret_span(&prk), info, want, n);
			assert_memory_equal(got, want, n);
		}
	vec_free_all();
}

/* Lengths at and around whole blocks, up to RFC 5869's maximum of 255 blocks. */
static void expand_length_limits(void **state)
{
	static uint8_t long_out[255 * 32], want[255 * 32];
	struct leat_secret prk = secret_of(vec_noise(32));
	struct leat_span info = vec_str("info");
	const size_t lens[] = { 0, 1, 31, 32, 33, 63, 64, 65, 255 * 32 - 1, 255 * 32 };

	(void)state;
	evp_hkdf("SHA256", EVP_KDF_HKDF_MODE_EXPAND_ONLY, none, leat_secret_span(&prk), info, want,
		sizeof(want));
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		memset(long_out, 0x55, sizeof(long_out));
		hkdf_expand(HASH_SHA256, &prk, info, long_out, lens[i]);
		assert_memory_equal(long_out, want, lens[i]);
		for (size_t j = lens[i]; j < sizeof(long_out); j++)
			assert_int_equal(long_out[j], 0x55); /* nothing past the end */
	}
}

/* HkdfLabel spelled out by hand: length, "tls13 " + label, context. */
static void label_encoding(void **state)
{
	struct leat_secret prk = secret_of(vec_noise(32));
	uint8_t got[16], want[16];

	(void)state;
	hkdf_expand_label(HASH_SHA256, &prk, "key", none, got, 16);
	hkdf_expand(HASH_SHA256, &prk, vec_hex("0010 09 746c733133206b6579 00"), want, 16);
	assert_memory_equal(got, want, 16);
	hkdf_expand_label(HASH_SHA256, &prk, "resumption", vec_hex("0000"), got, 16);
	hkdf_expand(HASH_SHA256, &prk, vec_hex("0010 10 746c73313320726573756d7074696f6e 02 0000"),
		want, 16);
	assert_memory_equal(got, want, 16);
}

static void label_and_context_at_their_limits(void **state)
{
	struct leat_secret prk = secret_of(vec_noise(48));
	struct leat_span context = vec_noise(255);
	uint8_t info[2 + 1 + 255 + 1 + 255], got[48], want[48];
	char label[250];

	(void)state;
	memset(label, 'x', 249);
	label[249] = '\0';
	memcpy(info, "\0\x30\xfftls13 ", 9);
	memset(info + 9, 'x', 249);
	info[258] = 255;
	memcpy(info + 259, context.p, 255);
	hkdf_expand_label(HASH_SHA384, &prk, label, context, got, 48);
	hkdf_expand(HASH_SHA384, &prk, (struct leat_span){ info, sizeof(info) }, want, 48);
	assert_memory_equal(got, want, 48);
}

static void derive_in_place(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct leat_secret a = secret_of(vec_noise(hash_len(all[k]))), b;

		hkdf_derive(all[k], &a, "traffic upd", none, &b);
		hkdf_derive(all[k], &a, "traffic upd", none, &a);
		assert_int_equal(a.n, hash_len(all[k]));
		assert_memory_equal(a.b, b.b, a.n);
	}
}

static void extract_over_its_own_salt(void **state)
{
	struct leat_secret a = secret_of(vec_noise(32)), b;

	(void)state;
	hkdf_extract(HASH_SHA256, leat_secret_span(&a), vec_str("ikm"), &b);
	hkdf_extract(HASH_SHA256, leat_secret_span(&a), vec_str("ikm"), &a);
	assert_memory_equal(a.b, b.b, 32);
}

/* Vectors of the TLS working group's list, "TLS 1.2 PRF test vectors" (msg03416, 2 November 2010);
 * the outputs were recomputed with Python's hmac. */
static void prf12_published(void **state)
{
	static const struct {
		enum hash_id h;
		const char *secret, *seed, *want;
	} t[] = {
		{ HASH_SHA256, "9bbe436ba940f017b17652849a71db35",
			"a0ba9f936cda311827a6f796ffd5198c",
			"e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e9"
			"0d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fc"
			"e34f796789baa48082d122ee42c5a72e5a5110fff70187347b66" },
		{ HASH_SHA384, "b80b733d6ceefcdc71566ea48e5567df",
			"cd665cf6a8447dd6ff8b27555edb7465",
			"7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60"
			"be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792ec"
			"a722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1"
			"a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct leat_span secret = vec_hex(t[i].secret), seed = vec_hex(t[i].seed);
		size_t n = strlen(t[i].want) / 2;
		uint8_t out[200];

		prf12(t[i].h, secret, "test label", seed, none, out, n);
		assert_hex(out, n, t[i].want);
		/* however the seed is cut in two */
		for (size_t cut = 0; cut <= seed.n; cut++) {
			prf12(t[i].h, secret, "test label", (struct leat_span){ seed.p, cut },
				(struct leat_span){ seed.p + cut, seed.n - cut }, out, n);
			assert_hex(out, n, t[i].want);
		}
	}
}

static void evp_prf(
	const char *md, struct leat_span secret, struct leat_span seed, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)md, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed.p, seed.n),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(c, out, n, p), 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static void prf12_differs_nowhere_from_libcrypto(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (int i = 0; i < 60; i++) {
			struct leat_span secret = vec_noise(1 + vec_rand() % 150);
			struct leat_span seed = vec_noise(1 + vec_rand() % 150);
			size_t n = 1 + vec_rand() % 300, a = vec_rand() % (seed.n + 1);
			const struct leat_span parts[] = { { seed.p, a }, none, none, none,
				{ seed.p + a, seed.n - a } };
			uint8_t got[300], want[300];

			prf12_parts(all[k], secret, parts, PRF12_PARTS, got, n);
			evp_prf(names[k], secret, seed, want, n);
			assert_memory_equal(got, want, n);
		}
	vec_free_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_5869),
		cmocka_unit_test(empty_ikm_is_zeros),
		cmocka_unit_test(differs_nowhere_from_libcrypto),
		cmocka_unit_test(expand_length_limits),
		cmocka_unit_test(label_encoding),
		cmocka_unit_test(label_and_context_at_their_limits),
		cmocka_unit_test(derive_in_place),
		cmocka_unit_test(extract_over_its_own_salt),
		cmocka_unit_test(prf12_published),
		cmocka_unit_test(prf12_differs_nowhere_from_libcrypto),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
