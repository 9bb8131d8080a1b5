/* SPDX-License-Identifier: Apache-2.0
 *
 * t_suite.c: user/crypto/suite.c - the tables against the numbers of the IANA registry, and what must
 * never be in them.
 *
 * REQ: F-suites13 F-ccm F-x25519 F-x448 F-ed25519 F-ed448 F-pss-rsae F-pss-pss VER-export VER-idea
 */
#include "vec.h"

#include "crypto/suite.h"

static const struct suite *suite_named(const char *s)
{
	return suite_by_name(s, strlen(s));
}

static const struct group *group_named(const char *s)
{
	return group_by_name(s, strlen(s));
}

static const struct sigscheme *scheme_named(const char *s)
{
	return sigscheme_by_name(s, strlen(s));
}

/* The registry's names say it all. */
static enum suite_kx kx_of(const char *name)
{
	static const struct {
		const char *start;
		enum suite_kx kx;
	} t[] = { { "TLS_ECDHE_PSK_", KX_ECDHE_PSK }, { "TLS_DHE_PSK_", KX_DHE_PSK },
		{ "TLS_PSK_DHE_", KX_DHE_PSK }, { "TLS_PSK_", KX_PSK }, { "TLS_DHE_RSA_", KX_DHE },
		{ "TLS_ECDHE_", KX_ECDHE } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (strncmp(name, t[i].start, strlen(t[i].start)) == 0)
			return t[i].kx;
	return KX_COUNT;
}

static void suites(void **state)
{
	static const struct {
		unsigned id;
		const char *iana, *ossl;
		unsigned version;
		enum suite_auth auth;
		enum aead_id aead;
		enum hash_id hash;
		bool on;
	} t[] = {
		{ 0x1301, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", LEAT_TLS13, AUTH_ANY,
			AEAD_AES_128_GCM, HASH_SHA256, true },
		{ 0x1302, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", LEAT_TLS13, AUTH_ANY,
			AEAD_AES_256_GCM, HASH_SHA384, true },
		{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256",
			LEAT_TLS13, AUTH_ANY, AEAD_CHACHA20_POLY1305, HASH_SHA256, true },
		{ 0x1304, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256", LEAT_TLS13, AUTH_ANY,
			AEAD_AES_128_CCM, HASH_SHA256, true },
		{ 0x1305, "TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_8_SHA256", LEAT_TLS13,
			AUTH_ANY, AEAD_AES_128_CCM_8, HASH_SHA256, false },
		{ 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			"ECDHE-ECDSA-AES128-GCM-SHA256", LEAT_TLS12, AUTH_ECDSA, AEAD_AES_128_GCM,
			HASH_SHA256, true },
		{ 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
			"ECDHE-ECDSA-AES256-GCM-SHA384", LEAT_TLS12, AUTH_ECDSA, AEAD_AES_256_GCM,
			HASH_SHA384, true },
		{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
			LEAT_TLS12, AUTH_RSA, AEAD_AES_128_GCM, HASH_SHA256, true },
		{ 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
			LEAT_TLS12, AUTH_RSA, AEAD_AES_256_GCM, HASH_SHA384, true },
		{ 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
			"ECDHE-RSA-CHACHA20-POLY1305", LEAT_TLS12, AUTH_RSA, AEAD_CHACHA20_POLY1305,
			HASH_SHA256, true },
		{ 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
			"ECDHE-ECDSA-CHACHA20-POLY1305", LEAT_TLS12, AUTH_ECDSA,
			AEAD_CHACHA20_POLY1305, HASH_SHA256, true },
		{ 0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", LEAT_TLS12,
			AUTH_ECDSA, AEAD_AES_128_CCM, HASH_SHA256, true },
		{ 0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8",
			LEAT_TLS12, AUTH_ECDSA, AEAD_AES_128_CCM_8, HASH_SHA256, false },
		{ 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256",
			LEAT_TLS12, AUTH_RSA, AEAD_AES_128_GCM, HASH_SHA256, true },
		{ 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384",
			LEAT_TLS12, AUTH_RSA, AEAD_AES_256_GCM, HASH_SHA384, true },
		{ 0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305",
			LEAT_TLS12, AUTH_RSA, AEAD_CHACHA20_POLY1305, HASH_SHA256, true },
		{ 0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM", "DHE-RSA-AES128-CCM", LEAT_TLS12,
			AUTH_RSA, AEAD_AES_128_CCM, HASH_SHA256, true },
		{ 0xc0a2, "TLS_DHE_RSA_WITH_AES_128_CCM_8", "DHE-RSA-AES128-CCM8", LEAT_TLS12,
			AUTH_RSA, AEAD_AES_128_CCM_8, HASH_SHA256, false },
		{ 0xd001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", "ECDHE-PSK-AES128-GCM-SHA256",
			LEAT_TLS12, AUTH_NULL, AEAD_AES_128_GCM, HASH_SHA256, true },
		{ 0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384", "ECDHE-PSK-AES256-GCM-SHA384",
			LEAT_TLS12, AUTH_NULL, AEAD_AES_256_GCM, HASH_SHA384, true },
		{ 0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
			"ECDHE-PSK-CHACHA20-POLY1305", LEAT_TLS12, AUTH_NULL,
			AEAD_CHACHA20_POLY1305, HASH_SHA256, true },
		{ 0xd005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256", "ECDHE-PSK-AES128-CCM",
			LEAT_TLS12, AUTH_NULL, AEAD_AES_128_CCM, HASH_SHA256, true },
		{ 0xd003, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", "ECDHE-PSK-AES128-CCM8",
			LEAT_TLS12, AUTH_NULL, AEAD_AES_128_CCM_8, HASH_SHA256, false },
		{ 0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", "DHE-PSK-AES128-GCM-SHA256",
			LEAT_TLS12, AUTH_NULL, AEAD_AES_128_GCM, HASH_SHA256, true },
		{ 0x00ab, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384", "DHE-PSK-AES256-GCM-SHA384",
			LEAT_TLS12, AUTH_NULL, AEAD_AES_256_GCM, HASH_SHA384, true },
		{ 0xccad, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "DHE-PSK-CHACHA20-POLY1305",
			LEAT_TLS12, AUTH_NULL, AEAD_CHACHA20_POLY1305, HASH_SHA256, true },
		{ 0xc0a6, "TLS_DHE_PSK_WITH_AES_128_CCM", "DHE-PSK-AES128-CCM", LEAT_TLS12,
			AUTH_NULL, AEAD_AES_128_CCM, HASH_SHA256, true },
		{ 0xc0aa, "TLS_PSK_DHE_WITH_AES_128_CCM_8", "DHE-PSK-AES128-CCM8", LEAT_TLS12,
			AUTH_NULL, AEAD_AES_128_CCM_8, HASH_SHA256, false },
		{ 0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256", LEAT_TLS12,
			AUTH_NULL, AEAD_AES_128_GCM, HASH_SHA256, false },
		{ 0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384", "PSK-AES256-GCM-SHA384", LEAT_TLS12,
			AUTH_NULL, AEAD_AES_256_GCM, HASH_SHA384, false },
		{ 0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", "PSK-CHACHA20-POLY1305",
			LEAT_TLS12, AUTH_NULL, AEAD_CHACHA20_POLY1305, HASH_SHA256, false },
		{ 0xc0a4, "TLS_PSK_WITH_AES_128_CCM", "PSK-AES128-CCM", LEAT_TLS12, AUTH_NULL,
			AEAD_AES_128_CCM, HASH_SHA256, false },
		{ 0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8", "PSK-AES128-CCM8", LEAT_TLS12, AUTH_NULL,
			AEAD_AES_128_CCM_8, HASH_SHA256, false },
	};
	size_t n = 0;

	(void)state;
	while (suite_at(n))
		n++;
	assert_int_equal(n, sizeof(t) / sizeof(t[0]));
	for (size_t i = 0; i < n; i++) {
		const struct suite *s = suite_by_id(t[i].id);

		assert_non_null(s);
		assert_ptr_equal(s, suite_named(t[i].iana));
		assert_ptr_equal(s, suite_named(t[i].ossl));
		assert_string_equal(s->name, t[i].iana);
		assert_string_equal(s->ossl_name, t[i].ossl);
		assert_int_equal(s->version, t[i].version);
		assert_int_equal(s->kx, t[i].version == LEAT_TLS13 ? KX_TLS13 : kx_of(s->name));
		/* plain PSK has no forward secrecy: never unasked */
		assert_true(s->kx != KX_PSK || !s->by_default);
		assert_int_equal(s->auth, t[i].auth);
		assert_int_equal(s->aead, t[i].aead);
		assert_int_equal(s->hash, t[i].hash);
		assert_int_equal(s->by_default, t[i].on);
	}
}

/* The first suite of each version is the one RFC 8446 9.1 and common sense want. */
static void preference(void **state)
{
	const struct suite *s;
	bool saw12 = false;

	(void)state;
	assert_int_equal(suite_at(0)->id, 0x1301);
	for (size_t i = 0; (s = suite_at(i)); i++) {
		saw12 |= s->version == LEAT_TLS12;
		assert_false(
			saw12 && s->version == LEAT_TLS13); /* TLS 1.3 stands together, first */
	}
	assert_int_equal(group_at(0)->id, GROUP_X25519MLKEM768);
	assert_int_equal(group_at(1)->id, GROUP_X25519);
	assert_int_equal(group_at(2)->id, GROUP_SECP256R1);
	assert_int_equal(group_at(3)->id, GROUP_SECP384R1);
	assert_int_equal(group_at(4)->id, GROUP_SECP521R1);
	assert_int_equal(group_at(5)->id, GROUP_X448);
	assert_null(group_at(13));
	assert_null(group_at((size_t)-1));
}

/* No option may ever bring these back: they are in no table, under any of their names. */
static void weak_suites_do_not_exist(void **state)
{
	static const unsigned ids[] = { 0x0000, 0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006,
		0x0007, 0x0008, 0x0009, 0x000a, 0x0014, 0x0018, 0x0019, 0x001b, 0x002f, 0x0035,
		0x003c, 0x0062, 0x0064, 0x009c, 0x00ff, 0x5600, 0xc006, 0xc009, 0xc013, 0xc014,
		0xc023, 0xc027, 0xc015, 0x0a0a, 0x1a1a, 0xfafa };
	static const char *const names[] = { "", "NULL", "EXP-RC4-MD5", "EXP-DES-CBC-SHA",
		"EXP1024-RC4-SHA", "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
		"TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5",
		"IDEA-CBC-SHA", "TLS_RSA_WITH_IDEA_CBC_SHA", "TLS_RSA_WITH_NULL_SHA256",
		"ADH-AES128-SHA", "AECDH-AES128-SHA", "RC4-SHA", "DES-CBC3-SHA",
		"ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CCM",
		"TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "TLS_AES_128_GCM_SHA25",
		"TLS_AES_128_GCM_SHA2566", " TLS_AES_128_GCM_SHA256" };
	const struct suite *s;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_null(suite_by_id(ids[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(suite_named(names[i]));
	for (size_t i = 0; (s = suite_at(i)); i++) {
		assert_null(strstr(s->name, "EXPORT"));
		assert_null(strstr(s->name, "IDEA"));
		assert_null(strstr(s->name, "NULL"));
		assert_null(strstr(s->name, "anon"));
		assert_null(strstr(s->name, "RC4"));
		assert_null(strstr(s->name, "DES"));
		assert_null(strstr(s->name, "CBC"));
	}
	assert_null(suite_by_id(0x11301)); /* no truncation to 16 bits */
	assert_null(group_by_id(0x1001d));
	assert_null(sigscheme_by_id(0x10403));
}

static void names_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(suite_named("tls_aes_128_gcm_sha256")->id, 0x1301);
	assert_int_equal(suite_named("ecdhe-rsa-aes128-gcm-sha256")->id, 0xc02f);
	assert_int_equal(group_named("X25519")->id, GROUP_X25519);
	assert_int_equal(group_named("SecP256r1")->id, GROUP_SECP256R1);
	assert_int_equal(group_named("p-384")->id, GROUP_SECP384R1);
	assert_int_equal(scheme_named("ED25519")->id, 0x0807);
	/* n counts, the NUL does not */
	assert_int_equal(group_by_name("x25519,x448", 6)->id, GROUP_X25519);
	assert_null(group_by_name("x25519", 5));
	assert_null(group_by_name("x25519", 0));
}

static void no_names_and_no_rows_twice(void **state)
{
	const struct suite *s, *r;
	const struct group *g, *f;
	const struct sigscheme *a, *b;

	(void)state;
	for (size_t i = 0; (s = suite_at(i)); i++)
		for (size_t j = 0; j < i && (r = suite_at(j)); j++)
			assert_true(s->id != r->id && strcmp(s->name, r->name) != 0 &&
				    strcmp(s->ossl_name, r->ossl_name) != 0);
	for (size_t i = 0; (g = group_at(i)); i++)
		for (size_t j = 0; j < i && (f = group_at(j)); j++)
			assert_true(g->id != f->id && strcmp(g->name, f->name) != 0);
	for (size_t i = 0; (a = sigscheme_at(i)); i++)
		for (size_t j = 0; j < i && (b = sigscheme_at(j)); j++)
			assert_true(a->id != b->id && strcmp(a->name, b->name) != 0);
}

/* RFC 8446 4.2.7, 4.2.8.2; share lengths of 4.2.8.2: 32, 56, 65, 97, 133 */
static void groups(void **state)
{
	static const struct {
		unsigned id;
		const char *name, *alias;
		enum group_kind kind;
		size_t share, reply, secret;
		bool on;
	} t[] = {
		{ 0x001d, "x25519", "X25519", GROUP_X, 32, 32, 32, true },
		{ 0x0017, "secp256r1", "prime256v1", GROUP_NIST, 65, 65, 32, true },
		{ 0x0018, "secp384r1", "P-384", GROUP_NIST, 97, 97, 48, true },
		{ 0x0019, "secp521r1", "P-521", GROUP_NIST, 133, 133, 66, true },
		{ 0x001e, "x448", "X448", GROUP_X, 56, 56, 56, true },
		/* RFC 7919 A, RFC 8446 4.2.7 */
		{ 0x0100, "ffdhe2048", "FFDHE2048", GROUP_FFDHE, 256, 256, 256, false },
		{ 0x0101, "ffdhe3072", "FFDHE3072", GROUP_FFDHE, 384, 384, 384, false },
		{ 0x0102, "ffdhe4096", "FFDHE4096", GROUP_FFDHE, 512, 512, 512, false },
		{ 0x0103, "ffdhe6144", "FFDHE6144", GROUP_FFDHE, 768, 768, 768, false },
		{ 0x0104, "ffdhe8192", "FFDHE8192", GROUP_FFDHE, 1024, 1024, 1024, false },
		/* draft-ietf-tls-ecdhe-mlkem 4: lengths of both shares and of the secret */
		{ 0x11ec, "X25519MLKEM768", "x25519mlkem768", GROUP_HYBRID, 1216, 1120, 64, true },
		{ 0x11eb, "SecP256r1MLKEM768", "secp256r1mlkem768", GROUP_HYBRID, 1249, 1153, 64,
			false },
		{ 0x11ed, "SecP384r1MLKEM1024", "secp384r1mlkem1024", GROUP_HYBRID, 1665, 1665, 80,
			false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct group *g = group_by_id(t[i].id);

		assert_non_null(g);
		assert_ptr_equal(g, group_named(t[i].name));
		assert_ptr_equal(g, group_named(t[i].alias));
		assert_ptr_equal(g, group_named(g->ossl_name));
		assert_int_equal(g->kind, t[i].kind);
		assert_int_equal(g->share_len, t[i].share);
		assert_int_equal(g->reply_len, t[i].reply);
		assert_true(g->reply_len <= GROUP_REPLY_MAX);
		assert_int_equal(g->secret_len, t[i].secret);
		assert_int_equal(g->by_default, t[i].on);
	}
	/* sect* and Brainpool, secp192r1, secp224r1, secp256k1, GREASE, explicit curves */
	for (unsigned id = 0; id < 0x17; id++)
		assert_null(group_by_id(id));
	assert_null(group_by_id(0x0a0a));
	assert_null(group_by_id(0xff01));
	assert_null(group_by_id(0xff02));
	assert_null(group_named("secp192r1"));
	assert_null(group_named("sect283k1"));
}

static void schemes(void **state)
{
	static const struct {
		unsigned id;
		const char *name;
		enum key_kind key;
		enum hash_id hash;
		bool pss, tls13;
	} t[] = {
		{ 0x0401, "rsa_pkcs1_sha256", KEY_RSA, HASH_SHA256, false, false },
		{ 0x0501, "rsa_pkcs1_sha384", KEY_RSA, HASH_SHA384, false, false },
		{ 0x0601, "rsa_pkcs1_sha512", KEY_RSA, HASH_SHA512, false, false },
		{ 0x0403, "ecdsa_secp256r1_sha256", KEY_EC_P256, HASH_SHA256, false, true },
		{ 0x0503, "ecdsa_secp384r1_sha384", KEY_EC_P384, HASH_SHA384, false, true },
		{ 0x0603, "ecdsa_secp521r1_sha512", KEY_EC_P521, HASH_SHA512, false, true },
		{ 0x0804, "rsa_pss_rsae_sha256", KEY_RSA, HASH_SHA256, true, true },
		{ 0x0805, "rsa_pss_rsae_sha384", KEY_RSA, HASH_SHA384, true, true },
		{ 0x0806, "rsa_pss_rsae_sha512", KEY_RSA, HASH_SHA512, true, true },
		{ 0x0807, "ed25519", KEY_ED25519, HASH_NONE, false, true },
		{ 0x0808, "ed448", KEY_ED448, HASH_NONE, false, true },
		{ 0x0809, "rsa_pss_pss_sha256", KEY_RSA_PSS, HASH_SHA256, true, true },
		{ 0x080a, "rsa_pss_pss_sha384", KEY_RSA_PSS, HASH_SHA384, true, true },
		{ 0x080b, "rsa_pss_pss_sha512", KEY_RSA_PSS, HASH_SHA512, true, true },
	};
	size_t n = 0;

	(void)state;
	while (sigscheme_at(n))
		n++;
	assert_int_equal(n, sizeof(t) / sizeof(t[0]));
	for (size_t i = 0; i < n; i++) {
		const struct sigscheme *s = sigscheme_by_id(t[i].id);

		assert_non_null(s);
		assert_ptr_equal(s, scheme_named(t[i].name));
		assert_int_equal(s->key, t[i].key);
		assert_int_equal(s->hash, t[i].hash);
		assert_int_equal(s->pss, t[i].pss);
		assert_int_equal(s->tls13, t[i].tls13);
		assert_true(s->by_default);
	}
	/* SHA-1, MD5, SHA-224, DSA, anonymous, private use */
	static const unsigned gone[] = { 0x0000, 0x0101, 0x0201, 0x0203, 0x0202, 0x0301, 0x0303,
		0x0402, 0x0400, 0x0502, 0x0708, 0x0a0a, 0xfe00 };

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		assert_null(sigscheme_by_id(gone[i]));
	assert_null(scheme_named("rsa_pkcs1_sha1"));
	assert_null(scheme_named("ecdsa_sha1"));
	assert_null(scheme_named(""));
}

/* Every scheme x key kind x version, against the rule written down a second time. */
static void scheme_fits(void **state)
{
	const struct sigscheme *s;

	(void)state;
	for (size_t i = 0; (s = sigscheme_at(i)); i++)
		for (int k = KEY_NONE; k <= KEY_COUNT; k++) {
			bool ecdsa = (s->id & 0xff) == 0x03;
			bool ec_key = k == KEY_EC_P256 || k == KEY_EC_P384 || k == KEY_EC_P521;
			bool pkcs1 = (s->id & 0xff) == 0x01;
			bool same = k == (int)s->key && k != KEY_NONE;

			assert_int_equal(
				sigscheme_fits(s, (enum key_kind)k, LEAT_TLS13), same && !pkcs1);
			assert_int_equal(sigscheme_fits(s, (enum key_kind)k, LEAT_TLS12),
				same || (ecdsa && ec_key));
			assert_false(sigscheme_fits(s, (enum key_kind)k, 0x0302));
			assert_false(sigscheme_fits(s, (enum key_kind)k, 0));
			assert_false(sigscheme_fits(s, (enum key_kind)k, 0x0305));
		}
	assert_false(sigscheme_fits(NULL, KEY_RSA, LEAT_TLS13));
}

static void suite_fits(void **state)
{
	const struct suite *ecdsa = suite_by_id(0xc02b), *rsa = suite_by_id(0xc02f);
	const struct suite *any = suite_by_id(0x1301);
	struct suite psk = *rsa;

	(void)state;
	psk.auth = AUTH_NULL;
	for (int k = KEY_NONE; k < KEY_COUNT; k++) {
		bool is_rsa = k == KEY_RSA || k == KEY_RSA_PSS;

		assert_int_equal(suite_fits_key(any, (enum key_kind)k), k != KEY_NONE);
		assert_int_equal(suite_fits_key(rsa, (enum key_kind)k), is_rsa);
		assert_int_equal(suite_fits_key(ecdsa, (enum key_kind)k), k != KEY_NONE && !is_rsa);
		assert_false(suite_fits_key(&psk, (enum key_kind)k));
		assert_false(suite_fits_key(NULL, (enum key_kind)k));
	}
}

static void aead_sizes(void **state)
{
	static const struct {
		enum aead_id id;
		size_t key, tag, explicit12;
	} t[] = {
		{ AEAD_NONE, 0, 0, 0 },
		{ AEAD_AES_128_GCM, 16, 16, 8 },
		{ AEAD_AES_256_GCM, 32, 16, 8 },
		{ AEAD_CHACHA20_POLY1305, 32, 16, 0 },
		{ AEAD_AES_128_CCM, 16, 16, 8 },
		{ AEAD_AES_128_CCM_8, 16, 8, 8 },
		{ AEAD_COUNT, 0, 0, 0 },
		{ (enum aead_id)1000, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(aead_key_len(t[i].id), t[i].key);
		assert_int_equal(aead_tag_len(t[i].id), t[i].tag);
		assert_int_equal(aead_explicit_len(t[i].id, LEAT_TLS12), t[i].explicit12);
		assert_int_equal(aead_explicit_len(t[i].id, LEAT_TLS13), 0);
		assert_non_null(aead_name(t[i].id));
	}
}

static void kind_names(void **state)
{
	(void)state;
	for (int k = 0; k <= KEY_COUNT; k++)
		assert_non_null(key_kind_name((enum key_kind)k));
	assert_string_equal(key_kind_name(KEY_NONE), key_kind_name(KEY_COUNT));
	assert_string_not_equal(key_kind_name(KEY_RSA), key_kind_name(KEY_RSA_PSS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites),
		cmocka_unit_test(preference),
		cmocka_unit_test(weak_suites_do_not_exist),
		cmocka_unit_test(names_in_any_case),
		cmocka_unit_test(no_names_and_no_rows_twice),
		cmocka_unit_test(groups),
		cmocka_unit_test(schemes),
		cmocka_unit_test(scheme_fits),
		cmocka_unit_test(suite_fits),
		cmocka_unit_test(aead_sizes),
		cmocka_unit_test(kind_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
