/* SPDX-License-Identifier: Apache-2.0
 *
 * make.c - certificates by the profile of RFC 5280 and the CA/Browser forum: version 3, names in the
 * subjectAltName, critical basicConstraints and keyUsage, key identifiers.
 */
#include "x509/make.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/name.h"

#define RSA_BITS_DEFAULT 2048

struct made {
	X509 *x509;
	EVP_PKEY *pkey;
};

void made_free(struct made *m)
{
	if (!m)
		return;
	X509_free(m->x509);
	EVP_PKEY_free(m->pkey);
	leat_free(m);
}

void *made_x509_borrow(const struct made *m)
{
	return m->x509;
}

void *made_evp_borrow(const struct made *m)
{
	return m->pkey;
}

static EVP_PKEY *make_rsa(const char *type, unsigned bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) != 1 ||
		EVP_PKEY_keygen(ctx, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *make_key(const struct make_spec *s)
{
	unsigned bits = s->rsa_bits ? s->rsa_bits : RSA_BITS_DEFAULT;

	switch (s->key) {
	case KEY_RSA: return make_rsa("RSA", bits);
	case KEY_RSA_PSS: return make_rsa("RSA-PSS", bits);
	case KEY_EC_P256: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case KEY_EC_P384: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case KEY_EC_P521: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	case KEY_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case KEY_ED448: return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	default: return NULL;
	}
}

/* ---- extensions ------------------------------------------------------------------------------ */

static bool add_constraints(X509 *x, const struct make_spec *s)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	bool ok = bc != NULL;

	if (ok && s->is_ca) {
		bc->ca = 0xff;
		if (s->path_len >= 0) {
			bc->pathlen = ASN1_INTEGER_new();
			ok = bc->pathlen && ASN1_INTEGER_set(bc->pathlen, s->path_len) == 1;
		}
	}
	ok = ok && X509_add1_ext_i2d(x, NID_basic_constraints, bc, 1, X509V3_ADD_DEFAULT) == 1;
	BASIC_CONSTRAINTS_free(bc);
	return ok;
}

/* RFC 5280 4.2.1.3: bits are numbered from the left. Every suite of ours signs, none encrypts keys. */
static bool add_usage(X509 *x, bool is_ca)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	bool ok = bits != NULL;

	if (ok && is_ca)
		ok = ASN1_BIT_STRING_set_bit(bits, 5, 1) && ASN1_BIT_STRING_set_bit(bits, 6, 1);
	else if (ok)
		ok = ASN1_BIT_STRING_set_bit(bits, 0, 1);
	ok = ok && X509_add1_ext_i2d(x, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) == 1;
	ASN1_BIT_STRING_free(bits);
	return ok;
}

static bool add_purpose(X509 *x, bool server, bool client)
{
	STACK_OF(ASN1_OBJECT) *uses = sk_ASN1_OBJECT_new_null();
	bool ok = uses != NULL;

	if (ok && server)
		ok = sk_ASN1_OBJECT_push(uses, OBJ_nid2obj(NID_server_auth)) > 0;
	if (ok && client)
		ok = sk_ASN1_OBJECT_push(uses, OBJ_nid2obj(NID_client_auth)) > 0;
	ok = ok && X509_add1_ext_i2d(x, NID_ext_key_usage, uses, 0, X509V3_ADD_DEFAULT) == 1;
	sk_ASN1_OBJECT_free(uses); /* the objects are libcrypto's own */
	return ok;
}

static GENERAL_NAME *general_name(const char *name)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	uint8_t ip[16];
	size_t n = name_parse_ip(name, ip);
	ASN1_STRING *value = n ? (ASN1_STRING *)ASN1_OCTET_STRING_new()
			       : (ASN1_STRING *)ASN1_IA5STRING_new();

	if (!g || !value ||
		ASN1_STRING_set(value, n ? (const void *)ip : name, n ? (int)n : -1) != 1) {
		GENERAL_NAME_free(g);
		ASN1_STRING_free(value);
		return NULL;
	}
	GENERAL_NAME_set0_value(g, n ? GEN_IPADD : GEN_DNS, value);
	return g;
}

static bool add_names(X509 *x, const struct make_spec *s)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *g;
	bool ok = names != NULL;

	for (size_t i = 0; ok && i < s->num_names; i++) {
		g = general_name(s->names[i]);
		ok = g && sk_GENERAL_NAME_push(names, g) > 0;
		if (!ok)
			GENERAL_NAME_free(g);
	}
	ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

/* RFC 5280 4.2.1.2 method (1): SHA-1 of the public key; an identifier, nothing rests on it. */
static bool key_id(X509 *x, ASN1_OCTET_STRING **out)
{
	uint8_t id[EVP_MAX_MD_SIZE];
	unsigned n;

	*out = ASN1_OCTET_STRING_new();
	return *out && X509_pubkey_digest(x, EVP_sha1(), id, &n) == 1 &&
	       ASN1_OCTET_STRING_set(*out, id, (int)n) == 1;
}

static bool add_key_ids(X509 *x, X509 *issuer)
{
	AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
	ASN1_OCTET_STRING *own = NULL;
	bool ok = akid && key_id(x, &own) && key_id(issuer, &akid->keyid) &&
		  X509_add1_ext_i2d(x, NID_subject_key_identifier, own, 0, X509V3_ADD_DEFAULT) ==
			  1 &&
		  X509_add1_ext_i2d(x, NID_authority_key_identifier, akid, 0, X509V3_ADD_DEFAULT) ==
			  1;

	ASN1_OCTET_STRING_free(own);
	AUTHORITY_KEYID_free(akid);
	return ok;
}

static bool add_extensions(X509 *x, X509 *issuer, const struct make_spec *s)
{
	return add_constraints(x, s) && add_usage(x, s->is_ca) &&
	       (!(s->server || s->client) || add_purpose(x, s->server, s->client)) &&
	       (s->num_names == 0 || add_names(x, s)) && add_key_ids(x, issuer);
}

/* ---- the certificate --------------------------------------------------------------------------- */

/* RFC 5280 4.1.2.2: positive, at most 20 octets. */
static bool set_serial(X509 *x, const uint8_t serial[16])
{
	uint8_t positive[16];
	BIGNUM *n;
	bool ok;

	memcpy(positive, serial, sizeof(positive));
	positive[0] = (positive[0] & 0x3f) | 0x40;
	n = BN_bin2bn(positive, sizeof(positive), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool set_name(X509_NAME *name, const char *field, const char *value)
{
	return !value || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
				 (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool fill(X509 *x, EVP_PKEY *pkey, X509 *issuer, const struct make_spec *s)
{
	X509_NAME *subject = X509_get_subject_name(x);

	return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x, s->serial) &&
	       set_name(subject, "O", s->org) && set_name(subject, "CN", s->cn) &&
	       X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
	       ASN1_TIME_set(X509_getm_notBefore(x), (time_t)s->from_s) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)s->to_s) &&
	       X509_set_pubkey(x, pkey) == 1 && add_extensions(x, issuer, s);
}

static bool sign(X509 *x, EVP_PKEY *key, const char *digest)
{
	bool eddsa = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
	const EVP_MD *md = EVP_get_digestbyname(digest ? digest : "SHA256");

	return md && X509_sign(x, key, eddsa ? NULL : md) > 0;
}

enum leat_ret made_new(struct made **out, const struct make_spec *spec, struct leat_err *err)
{
	struct made *m = leat_zalloc(sizeof(*m));
	const struct made *issuer;
	bool ok;

	*out = NULL;
	if (!m)
		return err_memory(err);
	issuer = spec->issuer ? spec->issuer : m;
	m->pkey = make_key(spec);
	m->x509 = X509_new();
	ok = m->pkey && m->x509 && fill(m->x509, m->pkey, issuer->x509, spec);
	if (ok && spec->tweak)
		spec->tweak(m->x509, spec->tweak_arg);
	if (!ok || !sign(m->x509, issuer->pkey, spec->digest)) {
		made_free(m);
		return OSSL_FAIL(err, "certificate: libcrypto cannot make it");
	}
	*out = m;
	return LEAT_OK;
}

/* Moves what a memory BIO holds to w and frees it (wiping: BIO_s_mem's buffer clears itself). */
static enum leat_ret take_text(BIO *b, bool ok, struct leat_wr *w, struct leat_err *err)
{
	char *p = NULL;
	long n = b ? BIO_get_mem_data(b, &p) : 0;

	ok = ok && n > 0;
	if (ok)
		leat_wr_bytes(w, p, (size_t)n);
	BIO_free(b);
	if (!ok)
		return OSSL_FAIL(err, "certificate: libcrypto cannot write it");
	return leat_wr_ok(w) ? LEAT_OK : err_memory(err);
}

enum leat_ret made_cert_pem(const struct made *m, struct leat_wr *w, struct leat_err *err)
{
	BIO *b = BIO_new(BIO_s_mem());

	return take_text(b, b && PEM_write_bio_X509(b, m->x509) == 1, w, err);
}

enum leat_ret made_cert_der(const struct made *m, struct leat_wr *w, struct leat_err *err)
{
	BIO *b = BIO_new(BIO_s_mem());

	return take_text(b, b && i2d_X509_bio(b, m->x509) == 1, w, err);
}

enum leat_ret made_key_pem(const struct made *m, struct leat_wr *w, struct leat_err *err)
{
	BIO *b = BIO_new(BIO_s_mem());

	return take_text(b,
		b && PEM_write_bio_PKCS8PrivateKey(b, m->pkey, NULL, NULL, 0, NULL, NULL) == 1, w,
		err);
}
