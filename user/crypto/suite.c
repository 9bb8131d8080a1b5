/* SPDX-License-Identifier: Apache-2.0
 *
 * suite.c - the tables of what leat can negotiate, and the questions others ask about them.
 * Pure data. A row is here only when everything it needs works; names of other protocols' algorithms
 * (export, IDEA, NULL, anonymous ...) are in no table, so no option can ever turn them on.
 */
#include "crypto/suite.h"

#include <string.h>
#include <strings.h>

#include <leat/types.h>

#define NUM(a) (sizeof(a) / sizeof((a)[0]))

/* Order of preference. AES-128-GCM stands first: 128 bits are beyond every known attack, and on
 * machines with AES instructions it is the fastest of all and the one every kernel can take over.
 * AES-256-GCM next for those who want the margin, then ChaCha20-Poly1305, which wins where AES
 * instructions lack (a server that sees a client prefer it should follow). CCM last: two passes over
 * the data, there for small devices. Within one AEAD, ECDSA before RSA: a sixteenth of the server's
 * signing time. CCM_8 authenticates with 64 bits only and is never on by default. */
static const struct suite suites[] = {
	{ 0x1301, LEAT_TLS13, KX_TLS13, AUTH_ANY, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true },
	{ 0x1302, LEAT_TLS13, KX_TLS13, AUTH_ANY, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true },
	{ 0x1303, LEAT_TLS13, KX_TLS13, AUTH_ANY, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", true },
	{ 0x1304, LEAT_TLS13, KX_TLS13, AUTH_ANY, AEAD_AES_128_CCM, HASH_SHA256,
		"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256", true },
	{ 0x1305, LEAT_TLS13, KX_TLS13, AUTH_ANY, AEAD_AES_128_CCM_8, HASH_SHA256,
		"TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_8_SHA256", false },
	/* RFC 5289 */
	{ 0xc02b, LEAT_TLS12, KX_ECDHE, AUTH_ECDSA, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", true },
	{ 0xc02f, LEAT_TLS12, KX_ECDHE, AUTH_RSA, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", true },
	{ 0xc02c, LEAT_TLS12, KX_ECDHE, AUTH_ECDSA, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", true },
	{ 0xc030, LEAT_TLS12, KX_ECDHE, AUTH_RSA, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", true },
	/* RFC 7905 */
	{ 0xcca9, LEAT_TLS12, KX_ECDHE, AUTH_ECDSA, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
		true },
	{ 0xcca8, LEAT_TLS12, KX_ECDHE, AUTH_RSA, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
		true },
	/* RFC 7251. There are no ECDHE_RSA suites with CCM. */
	{ 0xc0ac, LEAT_TLS12, KX_ECDHE, AUTH_ECDSA, AEAD_AES_128_CCM, HASH_SHA256,
		"TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", true },
	{ 0xc0ae, LEAT_TLS12, KX_ECDHE, AUTH_ECDSA, AEAD_AES_128_CCM_8, HASH_SHA256,
		"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8", false },
	/* RFC 5288, RFC 7905, RFC 6655: after ECDHE, whose keys are far cheaper */
	{ 0x009e, LEAT_TLS12, KX_DHE, AUTH_RSA, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256", true },
	{ 0x009f, LEAT_TLS12, KX_DHE, AUTH_RSA, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384", true },
	{ 0xccaa, LEAT_TLS12, KX_DHE, AUTH_RSA, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305", true },
	{ 0xc09e, LEAT_TLS12, KX_DHE, AUTH_RSA, AEAD_AES_128_CCM, HASH_SHA256,
		"TLS_DHE_RSA_WITH_AES_128_CCM", "DHE-RSA-AES128-CCM", true },
	{ 0xc0a2, LEAT_TLS12, KX_DHE, AUTH_RSA, AEAD_AES_128_CCM_8, HASH_SHA256,
		"TLS_DHE_RSA_WITH_AES_128_CCM_8", "DHE-RSA-AES128-CCM8", false },
	/* RFC 8442, RFC 7905. Last: who has both certificates and keys to share uses those when the peer
	 * has nothing else */
	{ 0xd001, LEAT_TLS12, KX_ECDHE_PSK, AUTH_NULL, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", "ECDHE-PSK-AES128-GCM-SHA256", true },
	{ 0xd002, LEAT_TLS12, KX_ECDHE_PSK, AUTH_NULL, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384", "ECDHE-PSK-AES256-GCM-SHA384", true },
	{ 0xccac, LEAT_TLS12, KX_ECDHE_PSK, AUTH_NULL, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-PSK-CHACHA20-POLY1305",
		true },
	{ 0xd005, LEAT_TLS12, KX_ECDHE_PSK, AUTH_NULL, AEAD_AES_128_CCM, HASH_SHA256,
		"TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256", "ECDHE-PSK-AES128-CCM", true },
	{ 0xd003, LEAT_TLS12, KX_ECDHE_PSK, AUTH_NULL, AEAD_AES_128_CCM_8, HASH_SHA256,
		"TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", "ECDHE-PSK-AES128-CCM8", false },
	/* RFC 5487, RFC 7905, RFC 6655 */
	{ 0x00aa, LEAT_TLS12, KX_DHE_PSK, AUTH_NULL, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", "DHE-PSK-AES128-GCM-SHA256", true },
	{ 0x00ab, LEAT_TLS12, KX_DHE_PSK, AUTH_NULL, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_DHE_PSK_WITH_AES_256_GCM_SHA384", "DHE-PSK-AES256-GCM-SHA384", true },
	{ 0xccad, LEAT_TLS12, KX_DHE_PSK, AUTH_NULL, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "DHE-PSK-CHACHA20-POLY1305", true },
	{ 0xc0a6, LEAT_TLS12, KX_DHE_PSK, AUTH_NULL, AEAD_AES_128_CCM, HASH_SHA256,
		"TLS_DHE_PSK_WITH_AES_128_CCM", "DHE-PSK-AES128-CCM", true },
	{ 0xc0aa, LEAT_TLS12, KX_DHE_PSK, AUTH_NULL, AEAD_AES_128_CCM_8, HASH_SHA256,
		"TLS_PSK_DHE_WITH_AES_128_CCM_8", "DHE-PSK-AES128-CCM8", false },
	/* The same without a key exchange: whoever learns the key later reads everything, so never unasked */
	{ 0x00a8, LEAT_TLS12, KX_PSK, AUTH_NULL, AEAD_AES_128_GCM, HASH_SHA256,
		"TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256", false },
	{ 0x00a9, LEAT_TLS12, KX_PSK, AUTH_NULL, AEAD_AES_256_GCM, HASH_SHA384,
		"TLS_PSK_WITH_AES_256_GCM_SHA384", "PSK-AES256-GCM-SHA384", false },
	{ 0xccab, LEAT_TLS12, KX_PSK, AUTH_NULL, AEAD_CHACHA20_POLY1305, HASH_SHA256,
		"TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", "PSK-CHACHA20-POLY1305", false },
	{ 0xc0a4, LEAT_TLS12, KX_PSK, AUTH_NULL, AEAD_AES_128_CCM, HASH_SHA256,
		"TLS_PSK_WITH_AES_128_CCM", "PSK-AES128-CCM", false },
	{ 0xc0a8, LEAT_TLS12, KX_PSK, AUTH_NULL, AEAD_AES_128_CCM_8, HASH_SHA256,
		"TLS_PSK_WITH_AES_128_CCM_8", "PSK-AES128-CCM8", false },
};

/* The hybrid first, where libcrypto has ML-KEM: what is recorded today stays secret when somebody builds
 * the machine that breaks curves. One hybrid by default, the one that peers have; the other two are for
 * those who need a NIST curve in it. X25519 next: constant time by construction, small shares, what nearly
 * every peer sends. The finite fields of RFC 7919 cost more than any curve and are for those who ask. */
static const struct group groups[] = {
	{ GROUP_X25519MLKEM768, GROUP_HYBRID, "X25519MLKEM768", "X25519MLKEM768", 1184 + 32,
		1088 + 32, 64, true },
	{ GROUP_X25519, GROUP_X, "x25519", "X25519", 32, 32, 32, true },
	{ GROUP_SECP256R1, GROUP_NIST, "secp256r1", "P-256", 65, 65, 32, true },
	{ GROUP_SECP384R1, GROUP_NIST, "secp384r1", "P-384", 97, 97, 48, true },
	{ GROUP_SECP521R1, GROUP_NIST, "secp521r1", "P-521", 133, 133, 66, true },
	{ GROUP_X448, GROUP_X, "x448", "X448", 56, 56, 56, true },
	{ GROUP_FFDHE2048, GROUP_FFDHE, "ffdhe2048", "ffdhe2048", 256, 256, 256, false },
	{ GROUP_FFDHE3072, GROUP_FFDHE, "ffdhe3072", "ffdhe3072", 384, 384, 384, false },
	{ GROUP_FFDHE4096, GROUP_FFDHE, "ffdhe4096", "ffdhe4096", 512, 512, 512, false },
	{ GROUP_FFDHE6144, GROUP_FFDHE, "ffdhe6144", "ffdhe6144", 768, 768, 768, false },
	{ GROUP_FFDHE8192, GROUP_FFDHE, "ffdhe8192", "ffdhe8192", 1024, 1024, 1024, false },
	{ GROUP_SECP256R1MLKEM768, GROUP_HYBRID, "SecP256r1MLKEM768", "SecP256r1MLKEM768",
		65 + 1184, 65 + 1088, 64, false },
	{ GROUP_SECP384R1MLKEM1024, GROUP_HYBRID, "SecP384r1MLKEM1024", "SecP384r1MLKEM1024",
		97 + 1568, 97 + 1568, 80, false },
};

/* libcrypto's and X9.62's names of the same curves. */
static const struct {
	const char *alias;
	uint16_t id;
} group_aliases[] = {
	{ "P-256", GROUP_SECP256R1 },
	{ "prime256v1", GROUP_SECP256R1 },
	{ "P-384", GROUP_SECP384R1 },
	{ "P-521", GROUP_SECP521R1 },
};

/* Preference: the cheap and strong first (P-256 signs in 15 us where RSA-2048 takes 234), PSS before
 * PKCS#1. PKCS#1 v1.5 serves TLS 1.2 handshakes and certificate signatures only: RFC 8446 4.2.3 "not
 * defined for use in signed TLS handshake messages". No SHA-1 and no DSA rows at all. */
static const struct sigscheme sigschemes[] = {
	{ 0x0403, "ecdsa_secp256r1_sha256", KEY_EC_P256, HASH_SHA256, false, true, true },
	{ 0x0807, "ed25519", KEY_ED25519, HASH_NONE, false, true, true },
	{ 0x0503, "ecdsa_secp384r1_sha384", KEY_EC_P384, HASH_SHA384, false, true, true },
	{ 0x0603, "ecdsa_secp521r1_sha512", KEY_EC_P521, HASH_SHA512, false, true, true },
	{ 0x0808, "ed448", KEY_ED448, HASH_NONE, false, true, true },
	{ 0x0804, "rsa_pss_rsae_sha256", KEY_RSA, HASH_SHA256, true, true, true },
	{ 0x0805, "rsa_pss_rsae_sha384", KEY_RSA, HASH_SHA384, true, true, true },
	{ 0x0806, "rsa_pss_rsae_sha512", KEY_RSA, HASH_SHA512, true, true, true },
	{ 0x0809, "rsa_pss_pss_sha256", KEY_RSA_PSS, HASH_SHA256, true, true, true },
	{ 0x080a, "rsa_pss_pss_sha384", KEY_RSA_PSS, HASH_SHA384, true, true, true },
	{ 0x080b, "rsa_pss_pss_sha512", KEY_RSA_PSS, HASH_SHA512, true, true, true },
	{ 0x0401, "rsa_pkcs1_sha256", KEY_RSA, HASH_SHA256, false, false, true },
	{ 0x0501, "rsa_pkcs1_sha384", KEY_RSA, HASH_SHA384, false, false, true },
	{ 0x0601, "rsa_pkcs1_sha512", KEY_RSA, HASH_SHA512, false, false, true },
};

/* name[0..n-1] against a table name. Case does not matter: operators type "x25519" and "X25519". */
static bool same_name(const char *row, const char *name, size_t n)
{
	return strlen(row) == n && strncasecmp(row, name, n) == 0;
}

const struct suite *suite_by_id(unsigned id)
{
	for (size_t i = 0; i < NUM(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

const struct suite *suite_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < NUM(suites); i++)
		if (same_name(suites[i].name, name, n) || same_name(suites[i].ossl_name, name, n))
			return &suites[i];
	return NULL;
}

const struct suite *suite_at(size_t i)
{
	return i < NUM(suites) ? &suites[i] : NULL;
}

const struct group *group_by_id(unsigned id)
{
	for (size_t i = 0; i < NUM(groups); i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

const struct group *group_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < NUM(groups); i++)
		if (same_name(groups[i].name, name, n))
			return &groups[i];
	for (size_t i = 0; i < NUM(group_aliases); i++)
		if (same_name(group_aliases[i].alias, name, n))
			return group_by_id(group_aliases[i].id);
	return NULL;
}

const struct group *group_at(size_t i)
{
	return i < NUM(groups) ? &groups[i] : NULL;
}

const struct sigscheme *sigscheme_by_id(unsigned id)
{
	for (size_t i = 0; i < NUM(sigschemes); i++)
		if (sigschemes[i].id == id)
			return &sigschemes[i];
	return NULL;
}

const struct sigscheme *sigscheme_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < NUM(sigschemes); i++)
		if (same_name(sigschemes[i].name, name, n))
			return &sigschemes[i];
	return NULL;
}

const struct sigscheme *sigscheme_at(size_t i)
{
	return i < NUM(sigschemes) ? &sigschemes[i] : NULL;
}

static bool is_ec(enum key_kind k)
{
	return k == KEY_EC_P256 || k == KEY_EC_P384 || k == KEY_EC_P521;
}

bool sigscheme_fits(const struct sigscheme *s, enum key_kind key, unsigned version)
{
	if (!s || key == KEY_NONE)
		return false;
	switch (version) {
	case LEAT_TLS13: return s->tls13 && s->key == key;
	case LEAT_TLS12:
		/* RFC 8446 4.2.3: in TLS 1.2 "the curve is not constrained" by ECDSA's code points */
		return s->key == key || (is_ec(s->key) && is_ec(key));
	default: return false;
	}
}

bool suite_fits_key(const struct suite *s, enum key_kind key)
{
	if (!s || key == KEY_NONE)
		return false;
	switch (s->auth) {
	case AUTH_ANY: return true;
	case AUTH_RSA: return key == KEY_RSA || key == KEY_RSA_PSS;
	case AUTH_ECDSA: return is_ec(key) || key == KEY_ED25519 || key == KEY_ED448;
	default: return false;
	}
}

const char *key_kind_name(enum key_kind k)
{
	switch (k) {
	case KEY_RSA: return "RSA";
	case KEY_RSA_PSS: return "RSA-PSS";
	case KEY_EC_P256: return "ECDSA P-256";
	case KEY_EC_P384: return "ECDSA P-384";
	case KEY_EC_P521: return "ECDSA P-521";
	case KEY_ED25519: return "Ed25519";
	case KEY_ED448: return "Ed448";
	default: return "unsupported";
	}
}

static const struct {
	uint8_t key_len, tag_len, explicit12;
	const char *name;
} aeads[AEAD_COUNT] = {
	[AEAD_NONE] = { 0, 0, 0, "none" },
	[AEAD_AES_128_GCM] = { 16, 16, 8, "AES-128-GCM" },
	[AEAD_AES_256_GCM] = { 32, 16, 8, "AES-256-GCM" },
	[AEAD_CHACHA20_POLY1305] = { 32, 16, 0, "ChaCha20-Poly1305" },
	[AEAD_AES_128_CCM] = { 16, 16, 8, "AES-128-CCM" },
	[AEAD_AES_128_CCM_8] = { 16, 8, 8, "AES-128-CCM-8" },
};

static enum aead_id known(enum aead_id a)
{
	return (unsigned)a < AEAD_COUNT ? a : AEAD_NONE;
}

size_t aead_key_len(enum aead_id a)
{
	return aeads[known(a)].key_len;
}

size_t aead_tag_len(enum aead_id a)
{
	return aeads[known(a)].tag_len;
}

size_t aead_explicit_len(enum aead_id a, unsigned version)
{
	return version == LEAT_TLS12 ? aeads[known(a)].explicit12 : 0;
}

const char *aead_name(enum aead_id a)
{
	return aeads[known(a)].name;
}
