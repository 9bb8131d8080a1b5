/* SPDX-License-Identifier: Apache-2.0
 *
 * t_digest.c: user/crypto/digest.c - SHA-2 and HMAC against FIPS 180, RFC 4231 and libcrypto's EVP.
 *
 * REQ: TYPE-hash
 */
#include "vec.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/digest.h"

static const enum hash_id all[] = { HASH_SHA256, HASH_SHA384, HASH_SHA512 };

static const EVP_MD *evp(enum hash_id h)
{
	return h == HASH_SHA256 ? EVP_sha256() : h == HASH_SHA384 ? EVP_sha384() : EVP_sha512();
}

static void lengths(void **state)
{
	(void)state;
	assert_int_equal(hash_len(HASH_NONE), 0);
	assert_int_equal(hash_len(HASH_SHA256), 32);
	assert_int_equal(hash_len(HASH_SHA384), 48);
	assert_int_equal(hash_len(HASH_SHA512), 64);
	assert_int_equal(hash_len(HASH_COUNT), 0);
	assert_int_equal(hash_len((enum hash_id)99), 0);
}

/* FIPS 180-4's example messages (NIST "SHA256", "SHA384", "SHA512" example files). */
static void fips_180(void **state)
{
	static const char m448[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static const char m896[] =
		"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
		"ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
	static const struct {
		enum hash_id h;
		const char *m, *want;
	} t[] = {
		{ HASH_SHA256, "",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ HASH_SHA256, "abc",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ HASH_SHA256, m448,
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ HASH_SHA384, "",
			"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebf"
			"e76f65fbd51ad2f14898b95b" },
		{ HASH_SHA384, "abc",
			"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072b"
			"a1e7cc2358baeca134c825a7" },
		{ HASH_SHA384, m896,
			"09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a"
			"557e2db966c3e9fa91746039" },
		{ HASH_SHA512, "",
			"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c"
			"5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e" },
		{ HASH_SHA512, "abc",
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a"
			"274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
		{ HASH_SHA512, m896,
			"8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e"
			"4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909" },
	};
	uint8_t out[HASH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		digest_once(t[i].h, vec_str(t[i].m), out);
		assert_hex(out, hash_len(t[i].h), t[i].want);
	}
}

static void fips_180_million_a(void **state)
{
	struct digest d;
	uint8_t block[1000], out[HASH_MAX];

	(void)state;
	memset(block, 'a', sizeof(block));
	digest_init(&d, HASH_SHA256);
	for (int i = 0; i < 1000; i++)
		digest_update(&d, block, sizeof(block));
	digest_snapshot(&d, out);
	assert_hex(out, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the block sizes, each cut in two at a random place, against EVP. */
static void differs_nowhere_from_evp(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (size_t n = 0; n < 300; n++) {
			struct leat_span m = vec_noise(n);
			size_t cut = vec_rand() % (n + 1);
			uint8_t a[HASH_MAX], b[HASH_MAX];
			struct digest d;
			unsigned len;

			digest_init(&d, all[k]);
			digest_update(&d, m.p, cut);
			digest_update(&d, m.p + cut, n - cut);
			digest_snapshot(&d, a);
			assert_int_equal(EVP_Digest(m.p, n, b, &len, evp(all[k]), NULL), 1);
			assert_int_equal(len, hash_len(all[k]));
			assert_memory_equal(a, b, len);
		}
	vec_free_all();
}

static void snapshot_leaves_the_state_running(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct leat_span m = vec_noise(517);
		uint8_t got[HASH_MAX], want[HASH_MAX];
		struct digest d;

		digest_init(&d, all[k]);
		for (size_t i = 0; i < m.n; i++) {
			digest_once(all[k], (struct leat_span){ m.p, i }, want);
			digest_snapshot(&d, got);
			assert_memory_equal(got, want, hash_len(all[k]));
			digest_snapshot(&d, got); /* and twice gives the same */
			assert_memory_equal(got, want, hash_len(all[k]));
			digest_update(&d, m.p + i, 1);
		}
	}
}

static void a_copy_is_a_clone(void **state)
{
	uint8_t a[HASH_MAX], b[HASH_MAX], want[HASH_MAX];
	struct digest d, e;

	(void)state;
	digest_init(&d, HASH_SHA384);
	digest_update(&d, "common", 6);
	e = d;
	digest_update(&d, " one", 4);
	digest_update(&e, " two", 4);
	digest_snapshot(&d, a);
	digest_snapshot(&e, b);
	digest_once(HASH_SHA384, vec_str("common one"), want);
	assert_memory_equal(a, want, 48);
	digest_once(HASH_SHA384, vec_str("common two"), want);
	assert_memory_equal(b, want, 48);
}

static void nothing_may_be_null(void **state)
{
	uint8_t a[HASH_MAX];
	struct digest d;

	(void)state;
	digest_init(&d, HASH_SHA256);
	digest_update(&d, NULL, 0);
	digest_snapshot(&d, a);
	assert_hex(a, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_once(HASH_SHA256, (struct leat_span){ NULL, 0 }, a);
	assert_hex(a, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static void clear_wipes(void **state)
{
	struct hmac_key k;
	struct digest d;

	(void)state;
	digest_init(&d, HASH_SHA512);
	digest_update(&d, "secret", 6);
	digest_clear(&d);
	assert_true(all_zero(&d, sizeof(d)));
	hmac_key_init(&k, HASH_SHA256, vec_str("secret"));
	hmac_key_clear(&k);
	assert_true(all_zero(&k, sizeof(k)));
	digest_clear(&d); /* zero state is legal to clear */
	hmac_key_clear(&k);
}

/* RFC 4231 4.2 to 4.4, 4.5, 4.7, 4.8 (4.6 is about truncation). */
static void rfc_4231(void **state)
{
	static const char key25[] = "0102030405060708090a0b0c0d0e0f10111213141516171819";
	static const char big[] =
		"This is a test using a larger than block-size key and a larger than "
		"block-size data. The key needs to be hashed before being used by the "
		"HMAC algorithm.";
	uint8_t aa[131], dd[50], cd[50], b20[20], out[HASH_MAX];
	const struct {
		struct leat_span key, data;
		const char *want[3];
	} t[] = {
		{ { b20, 20 }, vec_str("Hi There"),
			{ "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
				"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9"
				"076ede7f4af152e8b2fa9cb6",
				"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7"
				"d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" } },
		{ vec_str("Jefe"), vec_str("what do ya want for nothing?"),
			{ "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
				"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca"
				"5e69e2c78b3239ecfab21649",
				"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75"
				"c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" } },
		{ { aa, 20 }, { dd, 50 },
			{ "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
				"88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39d"
				"c13814b94e3ab6e101a34f27",
				"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e8482"
				"79a722c806b485a47e67c807b946a337bee8942674278859e13292fb" } },
		{ vec_hex(key25), { cd, 50 },
			{ "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
				"3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23"
				"c4a7d679ccf8a386c674cffb",
				"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c1"
				"1aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd" } },
		{ { aa, 131 }, vec_str("Test Using Larger Than Block-Size Key - Hash Key First"),
			{ "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
				"4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab"
				"4030fe8296248df163f44952",
				"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037"
				"e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" } },
		{ { aa, 131 }, vec_str(big),
			{ "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
				"6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31"
				"e799176d3860e6110c46523e",
				"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac"
				"3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58" } },
	};

	(void)state;
	memset(aa, 0xaa, sizeof(aa));
	memset(dd, 0xdd, sizeof(dd));
	memset(cd, 0xcd, sizeof(cd));
	memset(b20, 0x0b, sizeof(b20));
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			hmac_once(all[k], t[i].key, t[i].data, out);
			assert_hex(out, hash_len(all[k]), t[i].want[k]);
		}
}

/* Key lengths around a block, text in up to four pieces, the prepared key used again and again. */
static void hmac_differs_nowhere_from_libcrypto(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (size_t n = 0; n < 140; n++) {
			struct leat_span key = vec_noise(n), m = vec_noise(vec_rand() % 400);
			size_t a = vec_rand() % (m.n + 1), b = a + vec_rand() % (m.n - a + 1);
			const struct leat_span parts[] = { { m.p, a }, { NULL, 0 },
				{ m.p + a, b - a }, { m.p + b, m.n - b } };
			uint8_t got[HASH_MAX], want[HASH_MAX];
			struct hmac_key hk;
			unsigned len;

			assert_non_null(HMAC(evp(all[k]), key.p, (int)n, m.p, m.n, want, &len));
			hmac_key_init(&hk, all[k], key);
			for (int again = 0; again < 2; again++) {
				hmac_parts(&hk, parts, 4, got);
				assert_memory_equal(got, want, len);
			}
			hmac_key_clear(&hk);
		}
	vec_free_all();
}

static void hmac_of_no_parts_is_hmac_of_nothing(void **state)
{
	uint8_t a[32], b[32];
	struct hmac_key k;

	(void)state;
	hmac_key_init(&k, HASH_SHA256, vec_str("k"));
	hmac_parts(&k, NULL, 0, a);
	hmac_once(HASH_SHA256, vec_str("k"), (struct leat_span){ NULL, 0 }, b);
	assert_memory_equal(a, b, 32);
}

/* The output may overwrite an input part: hkdf.c feeds T(i-1) back that way. */
static void hmac_output_may_be_an_input(void **state)
{
	uint8_t buf[32] = { 1, 2, 3 }, want[32];
	struct leat_span part = { buf, 32 };
	struct hmac_key k;

	(void)state;
	hmac_key_init(&k, HASH_SHA256, vec_str("k"));
	hmac_once(HASH_SHA256, vec_str("k"), part, want);
	hmac_parts(&k, &part, 1, buf);
	assert_memory_equal(buf, want, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(fips_180),
		cmocka_unit_test(fips_180_million_a),
		cmocka_unit_test(differs_nowhere_from_evp),
		cmocka_unit_test(snapshot_leaves_the_state_running),
		cmocka_unit_test(a_copy_is_a_clone),
		cmocka_unit_test(nothing_may_be_null),
		cmocka_unit_test(clear_wipes),
		cmocka_unit_test(rfc_4231),
		cmocka_unit_test(hmac_differs_nowhere_from_libcrypto),
		cmocka_unit_test(hmac_of_no_parts_is_hmac_of_nothing),
		cmocka_unit_test(hmac_output_may_be_an_input),
	};

	return cmocka_run_group_tests(tests, NULL, vec_teardown);
}
