/* SPDX-License-Identifier: Apache-2.0
 *
 * suite.h - tables: cipher suites, groups, signature schemes, and what each of them requires.
 * Pure data; the order of a table is the order of preference.
 */
#ifndef LEAT_CRYPTO_SUITE_H
#define LEAT_CRYPTO_SUITE_H

#include "crypto/digest.h"

enum aead_id {
	AEAD_NONE = 0,
	AEAD_AES_128_GCM,
	AEAD_AES_256_GCM,
	AEAD_CHACHA20_POLY1305,
	AEAD_AES_128_CCM,
	AEAD_AES_128_CCM_8,
	AEAD_COUNT
};

/* Key exchange of a TLS 1.2 suite; a TLS 1.3 suite has none of its own. (RSA has its seat here; its
 * flight comes later.) */
enum suite_kx {
	KX_TLS13 = 0,
	KX_ECDHE,
	KX_DHE,
	KX_RSA,
	KX_PSK,
	KX_DHE_PSK,
	KX_ECDHE_PSK,
	KX_COUNT
};

/* What key the server's certificate must hold; ECDSA suites of TLS 1.2 also serve EdDSA keys
 * (RFC 8422 5.10). */
enum suite_auth { AUTH_ANY = 0, AUTH_RSA, AUTH_ECDSA, AUTH_NULL, AUTH_COUNT };

struct suite {
	uint16_t id;
	uint16_t version; /* the one version it belongs to: LEAT_TLS12 or LEAT_TLS13 */
	enum suite_kx kx;
	enum suite_auth auth;
	enum aead_id aead;
	enum hash_id hash;     /* of the key schedule (1.3) or the PRF (1.2) */
	const char *name;      /* IANA: TLS_AES_128_GCM_SHA256 */
	const char *ossl_name; /* OpenSSL: ECDHE-RSA-AES128-GCM-SHA256 */
	bool by_default;       /* CCM_8 is not: RFC 8446 leaves its short tag to the application */
};

enum group_kind { GROUP_NIST, GROUP_X, GROUP_FFDHE, GROUP_HYBRID };

struct group {
	uint16_t id; /* NamedGroup, RFC 8446 4.2.7 */
	enum group_kind kind;
	const char *name;      /* RFC name: x25519, secp256r1, ... */
	const char *ossl_name; /* name libcrypto knows it by: "X25519", "P-256", ... */
	size_t share_len;      /* length of a key_exchange value, bytes: the client's */
	size_t reply_len;      /* of the server's: another one only where it is an encapsulation */
	size_t secret_len;     /* length of the shared secret, bytes */
	bool by_default;
};

/* The longest of reply_len. */
#define GROUP_REPLY_MAX 1665

#define GROUP_SECP256R1 0x0017
#define GROUP_SECP384R1 0x0018
#define GROUP_SECP521R1 0x0019
#define GROUP_X25519    0x001d
#define GROUP_X448      0x001e
#define GROUP_FFDHE2048 0x0100
#define GROUP_FFDHE3072 0x0101
#define GROUP_FFDHE4096 0x0102
#define GROUP_FFDHE6144 0x0103
#define GROUP_FFDHE8192 0x0104
/* draft-ietf-tls-ecdhe-mlkem, registered with IANA */
#define GROUP_SECP256R1MLKEM768  0x11eb
#define GROUP_X25519MLKEM768     0x11ec
#define GROUP_SECP384R1MLKEM1024 0x11ed

/* Kinds of key a certificate can hold. */
enum key_kind {
	KEY_NONE = 0,
	KEY_RSA,     /* rsaEncryption: PKCS#1 v1.5 and PSS (rsae) */
	KEY_RSA_PSS, /* id-RSASSA-PSS: only rsa_pss_pss_* */
	KEY_EC_P256,
	KEY_EC_P384,
	KEY_EC_P521,
	KEY_ED25519,
	KEY_ED448,
	KEY_COUNT
};

struct sigscheme {
	uint16_t id; /* SignatureScheme, RFC 8446 4.2.3 */
	const char *name;
	enum key_kind
		key; /* the key it signs with. TLS 1.2 reads ecdsa_* as hash only: see sigscheme_fits */
	enum hash_id hash; /* HASH_NONE for EdDSA; SHA-1 schemes are not in the table */
	bool pss;
	bool tls13; /* may sign a TLS 1.3 CertificateVerify; PKCS#1 may not (RFC 8446 4.2.3) */
	bool by_default;
};

/* Is it one whose keys come from a PSK (no certificates)? Needs a configured one. */
static inline bool suite_is_psk(const struct suite *s)
{
	return s->kx == KX_PSK || s->kx == KX_DHE_PSK || s->kx == KX_ECDHE_PSK;
}

/* NULL when unknown. Names are matched in any case; suites by IANA or OpenSSL name. */
const struct suite *suite_by_id(unsigned id);
const struct suite *suite_by_name(const char *name, size_t n);
const struct suite *suite_at(size_t i); /* NULL past the end */
const struct group *group_by_id(unsigned id);
const struct group *group_by_name(const char *name, size_t n); /* also "P-256", "prime256v1" ... */
const struct group *group_at(size_t i);
const struct sigscheme *sigscheme_by_id(unsigned id);
const struct sigscheme *sigscheme_by_name(const char *name, size_t n);
const struct sigscheme *sigscheme_at(size_t i);

/* May a key of this kind make a handshake signature with this scheme under this version?
 * In TLS 1.2 an ECDSA scheme names only the hash, any curve serves (RFC 8446 4.2.3 last paragraph). */
bool sigscheme_fits(const struct sigscheme *s, enum key_kind key, unsigned version);
/* May a certificate with such a key authenticate this suite? */
bool suite_fits_key(const struct suite *s, enum key_kind key);
const char *key_kind_name(enum key_kind k);

size_t aead_key_len(enum aead_id a);
size_t aead_tag_len(enum aead_id a);
/* Bytes of nonce that travel in each TLS 1.2 record: 8 for GCM and CCM, 0 for ChaCha20 (RFC 7905).
 * Always 0 in TLS 1.3. */
size_t aead_explicit_len(enum aead_id a, unsigned version);
const char *aead_name(enum aead_id a);

#endif
