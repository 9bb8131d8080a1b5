/* SPDX-License-Identifier: Apache-2.0
 *
 * t_sign.c: user/crypto/sign.c - keys, signatures by scheme, and signatures that must not verify.
 *
 * REQ: F-ed25519 F-ed448 F-pss-rsae F-pss-pss VER-ecc
 */
#include "vec.h"
#include "rfc8448.h"

#include <pthread.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/sign.h"

static struct crypto *c;
/* One key of each kind, by enum key_kind; made once, RSA is slow. */
static struct key *keys[KEY_COUNT];

static EVP_PKEY *gen_rsa(const char *type, int bits, const char *md, int saltlen)
{
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *k = NULL;

	if (EVP_PKEY_keygen_init(x) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(x, bits) != 1)
		abort();
	if (md && (EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(x, md, NULL) != 1 ||
			  EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(x, md) != 1 ||
			  EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(x, saltlen) != 1))
		abort();
	if (EVP_PKEY_keygen(x, &k) != 1)
		abort();
	EVP_PKEY_CTX_free(x);
	return k;
}

static struct key *take(EVP_PKEY *p, bool is_private)
{
	struct leat_err err = { 0 };
	struct key *k;

	if (!p || key_take_evp(&k, p, is_private, &err) != LEAT_OK)
		abort();
	return k;
}

static int setup(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	if (crypto_new(&c, &err) != LEAT_OK)
		return -1;
	keys[KEY_RSA] = take(gen_rsa("RSA", 2048, NULL, 0), true);
	keys[KEY_RSA_PSS] = take(gen_rsa("RSA-PSS", 2048, NULL, 0), true);
	keys[KEY_EC_P256] = take(EVP_EC_gen("P-256"), true);
	keys[KEY_EC_P384] = take(EVP_EC_gen("P-384"), true);
	keys[KEY_EC_P521] = take(EVP_EC_gen("P-521"), true);
	keys[KEY_ED25519] = take(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), true);
	keys[KEY_ED448] = take(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), true);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < KEY_COUNT; i++)
		key_unref(keys[i]);
	crypto_unref(c);
	return vec_teardown(state);
}

/* The public half as a key of its own, as a certificate would give it. */
static struct key *public_of(const struct key *k)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_PUBKEY(key_evp_borrow(k), &der);
	EVP_PKEY *pub;

	assert_true(n > 0);
	p = der;
	pub = d2i_PUBKEY(NULL, &p, n);
	OPENSSL_free(der);
	return take(pub, false);
}

static struct leat_span make(const struct key *k, const struct sigscheme *s, struct leat_span tbs)
{
	struct leat_err err = { 0 };
	struct leat_wr w = { 0 };
	struct leat_span sig;

	assert_int_equal(sign_make(c, k, s, tbs, &w, &err), LEAT_OK);
	assert_int_equal(err.cls, LEAT_E_NONE);
	sig = vec_copy(w.p, w.n);
	leat_wr_clear(&w);
	return sig;
}

static void kinds_and_bits(void **state)
{
	static const unsigned bits[KEY_COUNT] = {
		[KEY_RSA] = 2048,
		[KEY_RSA_PSS] = 2048,
		[KEY_EC_P256] = 256,
		[KEY_EC_P384] = 384,
		[KEY_EC_P521] = 521,
		[KEY_ED25519] = 256,
		[KEY_ED448] = 456,
	};

	(void)state;
	for (int i = 1; i < KEY_COUNT; i++) {
		struct key *pub = public_of(keys[i]);

		assert_int_equal(key_kind(keys[i]), i);
		assert_int_equal(key_bits(keys[i]), bits[i]);
		assert_true(key_is_private(keys[i]));
		assert_int_equal(key_kind(pub), i);
		assert_int_equal(key_bits(pub), bits[i]);
		assert_false(key_is_private(pub));
		assert_non_null(key_evp_borrow(pub));
		assert_true(key_matches(pub, keys[i]));
		for (int j = 1; j < KEY_COUNT; j++)
			assert_int_equal(key_matches(pub, keys[j]), i == j);
		key_unref(pub);
	}
	assert_int_equal(ERR_peek_error(), 0);
	key_unref(NULL);
}

static void same_kind_other_key_does_not_match(void **state)
{
	struct key *k = take(EVP_EC_gen("P-256"), true);

	(void)state;
	assert_false(key_matches(k, keys[KEY_EC_P256]));
	assert_ptr_equal(key_ref(k), k);
	key_unref(k);
	assert_true(key_matches(k, k));
	key_unref(k);
}

/* Every key with every scheme: made and verified when they fit, refused without a trace when not. */
static void every_key_with_every_scheme(void **state)
{
	const struct sigscheme *s;

	(void)state;
	for (int i = 1; i < KEY_COUNT; i++) {
		struct key *pub = public_of(keys[i]);

		for (size_t j = 0; (s = sigscheme_at(j)); j++) {
			bool fits = sigscheme_fits(s, (enum key_kind)i, LEAT_TLS12);
			struct leat_span tbs = vec_noise(130);
			struct leat_err err = { 0 };
			struct leat_wr w = { 0 };

			leat_wr_u8(&w, 0xaa); /* signatures are appended */
			if (!fits) {
				assert_int_equal(
					sign_make(c, keys[i], s, tbs, &w, &err), LEAT_FAILED);
				assert_int_equal(err.cls, LEAT_E_MISUSE);
				assert_int_equal(w.n, 1);
				assert_false(sign_check(c, pub, s, tbs, vec_noise(256)));
				leat_wr_clear(&w);
				continue;
			}
			for (int again = 0; again < 3; again++) {
				struct leat_span sig;

				w.n = 1;
				assert_int_equal(sign_make(c, keys[i], s, tbs, &w, &err), LEAT_OK);
				sig = (struct leat_span){ w.p + 1, w.n - 1 };
				assert_int_equal(w.p[0], 0xaa);
				assert_true(sign_check(c, pub, s, tbs, sig));
				assert_true(sign_check(c, keys[i], s, tbs, sig));
			}
			leat_wr_clear(&w);
			assert_int_equal(ERR_peek_error(), 0);
		}
		key_unref(pub);
	}
	vec_free_all();
}

/* One bit anywhere, one byte more or less, another text, another scheme, another key. */
static void tampered_signatures(void **state)
{
	const struct sigscheme *s, *r;

	(void)state;
	for (size_t j = 0; (s = sigscheme_at(j)); j++) {
		struct key *k = keys[s->key], *pub = public_of(k);
		struct leat_span tbs = vec_noise(100), sig = make(k, s, tbs);
		uint8_t b[600], t[100];
		size_t step = sig.n > 140 ? 97 : 5;

		memcpy(b, sig.p, sig.n);
		b[sig.n] = 0;
		for (size_t bit = 0; bit < 8 * sig.n; bit += step) {
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(sign_check(c, pub, s, tbs, (struct leat_span){ b, sig.n }));
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(sign_check(c, pub, s, tbs, (struct leat_span){ b, sig.n }));
		assert_false(sign_check(c, pub, s, tbs, (struct leat_span){ b, sig.n + 1 }));
		assert_false(sign_check(c, pub, s, tbs, (struct leat_span){ b, sig.n - 1 }));
		assert_false(sign_check(c, pub, s, tbs, (struct leat_span){ b, 1 }));
		assert_false(sign_check(c, pub, s, tbs, (struct leat_span){ NULL, 0 }));
		assert_false(sign_check(c, pub, s, tbs, vec_noise(sig.n)));
		memset(b, 0, sizeof(b));
		assert_false(sign_check(c, pub, s, tbs, (struct leat_span){ b, sig.n }));
		memcpy(t, tbs.p, 100);
		t[57] ^= 4;
		assert_false(sign_check(c, pub, s, (struct leat_span){ t, 100 }, sig));
		assert_false(sign_check(c, pub, s, (struct leat_span){ tbs.p, 99 }, sig));
		assert_false(sign_check(c, pub, s, (struct leat_span){ NULL, 0 }, sig));
		for (size_t i = 0; (r = sigscheme_at(i)); i++)
			if (r != s)
				assert_false(sign_check(c, pub, r, tbs, sig));
		for (int i = 1; i < KEY_COUNT; i++)
			if (keys[i] != k)
				assert_false(sign_check(c, keys[i], s, tbs, sig));
		assert_int_equal(ERR_peek_error(), 0);
		key_unref(pub);
	}
	vec_free_all();
}

static void empty_text_signs(void **state)
{
	const struct sigscheme *s;

	(void)state;
	for (size_t j = 0; (s = sigscheme_at(j)); j++) {
		struct leat_span none = { NULL, 0 }, sig = make(keys[s->key], s, none);

		assert_true(sign_check(c, keys[s->key], s, none, sig));
	}
}

/* RFC 8446 4.2.3: salt as long as the hash. Shorter, longer, automatic maximum: all refused. */
static void pss_salt_must_be_the_hash_length(void **state)
{
	static const int salts[] = { 0, 20, 31, 32, 33, 48, RSA_PSS_SALTLEN_MAX };
	const struct sigscheme *s = sigscheme_by_id(0x0804);
	struct leat_span tbs = vec_noise(50);

	(void)state;
	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
		EVP_MD_CTX *m = EVP_MD_CTX_new();
		EVP_PKEY_CTX *x;
		uint8_t sig[256];
		size_t n = sizeof(sig);

		assert_int_equal(EVP_DigestSignInit_ex(m, &x, "SHA256", NULL, NULL,
					 key_evp_borrow(keys[KEY_RSA]), NULL),
			1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(x, salts[i]), 1);
		assert_int_equal(EVP_DigestSign(m, sig, &n, tbs.p, tbs.n), 1);
		assert_int_equal(sign_check(c, keys[KEY_RSA], s, tbs, (struct leat_span){ sig, n }),
			salts[i] == 32);
		EVP_MD_CTX_free(m);
	}
}

/* And MGF1 with the same hash. */
static void pss_mgf1_must_use_the_same_hash(void **state)
{
	const struct sigscheme *s = sigscheme_by_id(0x0804);
	struct leat_span tbs = vec_noise(50);
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *x;
	uint8_t sig[256];
	size_t n = sizeof(sig);

	(void)state;
	assert_int_equal(EVP_DigestSignInit_ex(
				 m, &x, "SHA256", NULL, NULL, key_evp_borrow(keys[KEY_RSA]), NULL),
		1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(x, 32), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(x, EVP_sha1()), 1);
	assert_int_equal(EVP_DigestSign(m, sig, &n, tbs.p, tbs.n), 1);
	assert_false(sign_check(c, keys[KEY_RSA], s, tbs, (struct leat_span){ sig, n }));
	EVP_MD_CTX_free(m);
}

/* An id-RSASSA-PSS key may fix its hash and salt; only the scheme that says the same fits. */
static void restricted_pss_keys(void **state)
{
	static const struct {
		const char *md;
		int salt;
		unsigned only;
	} t[] = {
		{ "SHA256", 32, 0x0809 },
		{ "SHA384", 48, 0x080a },
		{ "SHA512", 64, 0x080b },
		{ "SHA256", 40, 0 }, /* wants more salt than TLS allows */
		{ "SHA256", 0, 0x0809 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct key *k = take(gen_rsa("RSA-PSS", 2048, t[i].md, t[i].salt), true);
		struct key *pub = public_of(k);

		assert_int_equal(key_kind(pub), KEY_RSA_PSS);
		for (unsigned id = 0x0809; id <= 0x080b; id++) {
			const struct sigscheme *s = sigscheme_by_id(id);
			struct leat_span tbs = vec_noise(40);
			struct leat_err err = { 0 };
			struct leat_wr w = { 0 };
			enum leat_ret r = sign_make(c, k, s, tbs, &w, &err);

			assert_int_equal(r == LEAT_OK, id == t[i].only);
			/* and who asks before, is told so */
			assert_int_equal(key_fits(k, s, LEAT_TLS13), id == t[i].only);
			assert_int_equal(key_fits(pub, s, LEAT_TLS12), id == t[i].only);
			if (r == LEAT_OK) {
				assert_true(sign_check(c, pub, s, tbs, leat_wr_done(&w)));
			} else {
				assert_int_equal(err.cls, LEAT_E_CRYPTO);
				assert_int_equal(w.n, 0);
				assert_false(sign_check(c, pub, s, tbs, vec_noise(256)));
			}
			assert_int_equal(ERR_peek_error(), 0);
			leat_wr_clear(&w);
		}
		key_unref(pub);
		key_unref(k);
	}
}

/* PSS needs twice the hash and two bytes more than a short modulus may have; PKCS#1 does not. */
static void short_modulus_and_long_hash(void **state)
{
	static const struct {
		int bits;
		unsigned id;
		bool fits;
	} t[] = {
		{ 1024, 0x0804, true },
		{ 1024, 0x0805, true },
		{ 1024, 0x0806, false }, /* 130 bytes wanted, 128 there */
		{ 1024, 0x0601, true },
		{ 1032, 0x0806, false },
		{ 1033, 0x0806, false }, /* emBits is one less: 129 bytes */
		{ 1034, 0x0806, true },
		{ 1040, 0x0806, true },
		{ 1041, 0x0806, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct key *k = take(gen_rsa("RSA", t[i].bits, NULL, 0), true);
		const struct sigscheme *s = sigscheme_by_id(t[i].id);
		struct leat_err err = { 0 };
		struct leat_wr w = { 0 };

		assert_int_equal(key_fits(k, s, LEAT_TLS12), t[i].fits);
		assert_int_equal(sign_make(c, k, s, vec_str("x"), &w, &err) == LEAT_OK, t[i].fits);
		assert_int_equal(sign_check(c, k, s, vec_str("x"), leat_wr_done(&w)), t[i].fits);
		leat_wr_clear(&w);
		key_unref(k);
	}
}

/* An unrestricted key of 2048 bits fits exactly what its kind fits. */
static void key_fits_as_its_kind(void **state)
{
	const struct sigscheme *s;

	(void)state;
	for (int i = 1; i < KEY_COUNT; i++)
		for (size_t j = 0; (s = sigscheme_at(j)); j++)
			for (unsigned v = 0x0302; v <= 0x0305; v++)
				assert_int_equal(key_fits(keys[i], s, v),
					sigscheme_fits(s, (enum key_kind)i, v));
	assert_false(key_fits(keys[KEY_RSA], NULL, LEAT_TLS13));
}

static struct key *known_public(const char *type, const char *hex)
{
	struct leat_span p = vec_hex(hex);

	return take(EVP_PKEY_new_raw_public_key_ex(NULL, type, NULL, p.p, p.n), false);
}

/* RFC 8032 7.1 (TEST 3) and 7.4 (1 octet): EdDSA is deterministic, so both directions are known. */
static void rfc_8032(void **state)
{
	static const struct {
		const char *type, *d, *q, *m, *sig;
		unsigned scheme;
	} t[] = {
		{ "ED25519", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d"
			"16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
			0x0807 },
		{ "ED448",
			"c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8"
			"d2877c5e3bc397a659949ef8021e954e0a12274e",
			"43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00"
			"742802b8438ea4cb82169c235160627b4c3a9480",
			"03",
			"26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4"
			"b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04"
			"dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807"
			"c03a00",
			0x0808 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct sigscheme *s = sigscheme_by_id(t[i].scheme);
		struct leat_span d = vec_hex(t[i].d), sig;
		struct key *k = take(
			EVP_PKEY_new_raw_private_key_ex(NULL, t[i].type, NULL, d.p, d.n), true);
		struct key *pub = known_public(t[i].type, t[i].q);

		assert_true(key_matches(k, pub));
		sig = make(k, s, vec_hex(t[i].m));
		assert_hex(sig.p, sig.n, t[i].sig);
		assert_true(sign_check(c, pub, s, vec_hex(t[i].m), vec_hex(t[i].sig)));
		assert_false(sign_check(c, pub, s, vec_hex("af83"), vec_hex(t[i].sig)));
		key_unref(k);
		key_unref(pub);
	}
}

static struct key *known_p256(const char *point)
{
	struct leat_span q = vec_hex(point);
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *k = NULL;
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t) "P-256", 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)q.p, q.n),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_PKEY_fromdata_init(x), 1);
	assert_int_equal(EVP_PKEY_fromdata(x, &k, EVP_PKEY_PUBLIC_KEY, p), 1);
	EVP_PKEY_CTX_free(x);
	return take(k, false);
}

/* RFC 6979 A.2.5, message "sample", SHA-256; then the same numbers in encodings that are not DER, or
 * out of range. */
static void ecdsa_must_be_der(void **state)
{
	static const char q[] =
		"0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc"
		"99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
#define R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define N "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
	static const char *const bad[] = {
		"3046 022100" R "022100" S "00",   /* a byte after it */
		"30460221" R "022100" S,           /* negative r, length off */
		"3044 0220" R "0220" S,            /* both negative */
		"308146 022100" R "022100" S,      /* long-form length where short fits */
		"3047 02220000" R "022100" S,      /* a zero too many */
		"3080 022100" R "022100" S "0000", /* indefinite length */
		"3048 022100" R "022100" S "0500", /* a third member */
		"3023 022100" R,                   /* one member */
		"3045 022100" R "022100" S,        /* outer length short */
		"3047 022100" R "022100" S,        /* outer length long */
		"3146 022100" R "022100" S,        /* SET */
		"3026 020100 022100" S,            /* r = 0 */
		"3026 022100" R "020100",          /* s = 0 */
		"3046 022100" N "022100" S,        /* r = n */
		"3046 022100" R "022100" N,        /* s = n */
		"3006 020101 020101",              /* r = s = 1 */
		"3006 0201ff 0201ff",              /* -1, -1 */
		"3000", R S,                       /* the raw form of other protocols */
	};
	const struct sigscheme *s = sigscheme_by_id(0x0403);
	struct key *k = known_p256(q);

	(void)state;
	assert_true(sign_check(c, k, s, vec_str("sample"), vec_hex("3046 022100" R "022100" S)));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sign_check(c, k, s, vec_str("sample"), vec_hex(bad[i])));
	assert_int_equal(ERR_peek_error(), 0);
	key_unref(k);
}

/* The certificate of RFC 8448 3: its own signature (PKCS#1 v1.5, self-signed) and the server's
 * CertificateVerify (PSS) over the transcript, RFC 8446 4.4.3. 1024 bits are the least we take. */
static void rfc_8448_certificate_verify(void **state)
{
	struct leat_span msg = vec_hex(S3_CERTIFICATE), cv = vec_hex(S3_CERTIFICATE_VERIFY);
	const unsigned char *p = msg.p + 11;
	X509 *x = d2i_X509(NULL, &p, 0x1b0);
	const ASN1_BIT_STRING *outer;
	struct leat_span messages = vec_hex(
		S3_CLIENT_HELLO S3_SERVER_HELLO S3_ENCRYPTED_EXTENSIONS S3_CERTIFICATE);
	uint8_t tbs[64 + 34 + 32];
	unsigned char *inner = NULL;
	struct key *k;
	int n;

	(void)state;
	assert_non_null(x);
	k = take(X509_get_pubkey(x), false);
	assert_int_equal(key_bits(k), 1024);
	X509_get0_signature(&outer, NULL, x);
	n = i2d_re_X509_tbs(x, &inner);
	assert_true(n > 0);
	assert_true(
		sign_check(c, k, sigscheme_by_id(0x0401), (struct leat_span){ inner, (size_t)n },
			(struct leat_span){ outer->data, (size_t)outer->length }));
	memset(tbs, ' ', 64);
	memcpy(tbs + 64, "TLS 1.3, server CertificateVerify", 34); /* with its NUL */
	digest_once(HASH_SHA256, messages, tbs + 98);
	assert_true(sign_check(c, k, sigscheme_by_id(0x0804),
		(struct leat_span){ tbs, sizeof(tbs) }, (struct leat_span){ cv.p + 8, cv.n - 8 }));
	memcpy(tbs + 64, "TLS 1.3, client CertificateVerify", 34);
	assert_false(sign_check(c, k, sigscheme_by_id(0x0804),
		(struct leat_span){ tbs, sizeof(tbs) }, (struct leat_span){ cv.p + 8, cv.n - 8 }));
	OPENSSL_free(inner);
	X509_free(x);
	key_unref(k);
}

static void rsa_sizes(void **state)
{
	static const struct {
		int bits;
		bool ok;
	} t[] = { { 512, false }, { 1016, false }, { 1023, false }, { 1024, true },
		{ 1536, true } };

	(void)state;
	for (int type = 0; type < 2; type++)
		for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			struct leat_err err = { 0 };
			struct key *k;
			enum leat_ret r = key_take_evp(&k,
				gen_rsa(type ? "RSA-PSS" : "RSA", t[i].bits, NULL, 0), i & 1, &err);

			assert_int_equal(r, t[i].ok ? LEAT_OK : LEAT_FAILED);
			if (t[i].ok) {
				key_unref(k);
				continue;
			}
			assert_null(k);
			assert_int_equal(err.cls, LEAT_E_OUR_ALERT);
			assert_int_equal(err.alert, LEAT_ALERT_UNSUPPORTED_CERTIFICATE);
			assert_non_null(strstr(err.detail, " bits"));
		}
}

/* A modulus of 16384 bits and one more: nothing is generated, any odd number does. */
static void rsa_too_big(void **state)
{
	(void)state;
	for (int bits = 16384; bits <= 16385; bits++) {
		OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
		EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
		BIGNUM *n = BN_new(), *e = BN_new();
		struct leat_err err = { 0 };
		EVP_PKEY *p = NULL;
		OSSL_PARAM *params;
		struct key *k;

		BN_set_bit(n, bits - 1);
		BN_set_bit(n, 0);
		BN_set_word(e, 65537);
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
		params = OSSL_PARAM_BLD_to_param(bld);
		EVP_PKEY_fromdata_init(x);
		assert_int_equal(EVP_PKEY_fromdata(x, &p, EVP_PKEY_PUBLIC_KEY, params), 1);
		assert_int_equal(
			key_take_evp(&k, p, false, &err), bits == 16384 ? LEAT_OK : LEAT_FAILED);
		key_unref(k);
		OSSL_PARAM_free(params);
		OSSL_PARAM_BLD_free(bld);
		EVP_PKEY_CTX_free(x);
		BN_free(n);
		BN_free(e);
	}
}

/* Keys TLS cannot use here are taken (a chain may hold them) but fit no scheme. */
static void keys_of_no_kind(void **state)
{
	EVP_PKEY *p[] = { EVP_EC_gen("secp256k1"), EVP_EC_gen("P-224"),
		EVP_EC_gen("brainpoolP256r1"), EVP_PKEY_Q_keygen(NULL, NULL, "X25519") };
	const struct sigscheme *s;

	(void)state;
	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
		struct key *k = take(p[i], true);

		assert_int_equal(key_kind(k), KEY_NONE);
		for (size_t j = 0; (s = sigscheme_at(j)); j++) {
			struct leat_err err = { 0 };
			struct leat_wr w = { 0 };

			assert_int_equal(sign_make(c, k, s, vec_str("x"), &w, &err), LEAT_FAILED);
			assert_false(sign_check(c, k, s, vec_str("x"), vec_noise(70)));
			leat_wr_clear(&w);
		}
		assert_int_equal(ERR_peek_error(), 0);
		key_unref(k);
	}
}

/* VER-ecc: P-256 written out as explicit parameters is no named curve. */
static void explicit_curve_parameters(void **state)
{
	EVP_PKEY *p = EVP_EC_gen("P-256"), *back;
	unsigned char *der = NULL;
	const unsigned char *q;
	struct key *k;
	int n;

	(void)state;
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
				 p, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT),
		1);
	n = i2d_PUBKEY(p, &der);
	assert_true(n > 200); /* the parameters are really in there */
	q = der;
	back = d2i_PUBKEY(NULL, &q, n);
	assert_non_null(back);
	k = take(back, false);
	assert_int_equal(key_kind(k), KEY_NONE);
	key_unref(k);
	OPENSSL_free(der);
	EVP_PKEY_free(p);
}

static void refusals_of_the_caller(void **state)
{
	const struct sigscheme *s = sigscheme_by_id(0x0403);
	struct key *pub = public_of(keys[KEY_EC_P256]), *k;
	struct leat_err err = { 0 };
	struct leat_wr w = { 0 };
	uint8_t small[20];

	(void)state;
	assert_int_equal(key_take_evp(&k, NULL, true, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_null(k);
	err = (struct leat_err){ 0 };
	assert_int_equal(sign_make(c, pub, s, vec_str("x"), &w, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE); /* no private half */
	err = (struct leat_err){ 0 };
	assert_int_equal(
		sign_make(c, keys[KEY_EC_P256], NULL, vec_str("x"), &w, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	assert_false(sign_check(c, pub, NULL, vec_str("x"), vec_noise(70)));
	leat_wr_fixed(&w, small, sizeof(small));
	err = (struct leat_err){ 0 };
	assert_int_equal(sign_make(c, keys[KEY_EC_P256], s, vec_str("x"), &w, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MEMORY);
	key_unref(pub);
}

/* Signing with one key from many threads, starting before its contexts are ready. */
static struct key *shared;

static void *sign_often(void *arg)
{
	const struct sigscheme *s = sigscheme_by_id(0x0403);
	long bad = 0;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		struct leat_err err = { 0 };
		struct leat_wr w = { 0 };

		if (sign_make(c, shared, s, vec_str("text"), &w, &err) != LEAT_OK ||
			!sign_check(c, shared, s, vec_str("text"), leat_wr_done(&w)))
			bad++;
		leat_wr_clear(&w);
	}
	return (void *)bad;
}

static void threads_share_one_key(void **state)
{
	pthread_t th[6];
	void *bad;

	(void)state;
	for (int round = 0; round < 5; round++) {
		shared = take(EVP_EC_gen("P-256"), true);
		for (int i = 0; i < 6; i++)
			assert_int_equal(pthread_create(&th[i], NULL, sign_often, NULL), 0);
		for (int i = 0; i < 6; i++) {
			pthread_join(th[i], &bad);
			assert_null(bad);
		}
		key_unref(shared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_and_bits),
		cmocka_unit_test(same_kind_other_key_does_not_match),
		cmocka_unit_test(every_key_with_every_scheme),
		cmocka_unit_test(tampered_signatures),
		cmocka_unit_test(empty_text_signs),
		cmocka_unit_test(pss_salt_must_be_the_hash_length),
		cmocka_unit_test(pss_mgf1_must_use_the_same_hash),
		cmocka_unit_test(restricted_pss_keys),
		cmocka_unit_test(short_modulus_and_long_hash),
		cmocka_unit_test(key_fits_as_its_kind),
		cmocka_unit_test(rfc_8032),
		cmocka_unit_test(ecdsa_must_be_der),
		cmocka_unit_test(rfc_8448_certificate_verify),
		cmocka_unit_test(rsa_sizes),
		cmocka_unit_test(rsa_too_big),
		cmocka_unit_test(keys_of_no_kind),
		cmocka_unit_test(explicit_curve_parameters),
		cmocka_unit_test(refusals_of_the_caller),
		cmocka_unit_test(threads_share_one_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
