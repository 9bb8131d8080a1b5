/* SPDX-License-Identifier: Apache-2.0
 *
 * ocsp.c - see ocsp.h.
 */
#include "ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "vec.h"

struct ocsp_spec ocsp_good(const struct made *leaf, const struct made *issuer)
{
	return (struct ocsp_spec){
		.leaf = leaf,
		.issuer = issuer,
		.signer = issuer,
		.this_s = PKI_NOW - 3600,
		.next_s = PKI_NOW + 86400,
	};
}

static void add_critical(OCSP_BASICRESP *b)
{
	static const uint8_t null[] = { 5, 0 };
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *x;

	ASN1_OCTET_STRING_set(value, null, sizeof(null));
	x = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
	assert_int_equal(OCSP_BASICRESP_add_ext(b, x, -1), 1);
	X509_EXTENSION_free(x);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

static OCSP_BASICRESP *basic(const struct ocsp_spec *s)
{
	static const int says[] = { V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
		V_OCSP_CERTSTATUS_UNKNOWN };
	const EVP_MD *id_md = EVP_get_digestbyname(s->id_hash ? s->id_hash : "SHA1");
	EVP_PKEY *key = made_evp_borrow(s->signer);
	bool eddsa = EVP_PKEY_is_a(key, "ED25519");
	ASN1_TIME *this = ASN1_GENERALIZEDTIME_set(NULL, s->this_s);
	ASN1_TIME *next = s->next_s ? ASN1_GENERALIZEDTIME_set(NULL, s->next_s) : NULL;
	ASN1_TIME *gone = ASN1_GENERALIZEDTIME_set(NULL, s->this_s - 1000);
	OCSP_BASICRESP *b = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(
		id_md, made_x509_borrow(s->leaf), made_x509_borrow(s->issuer));

	assert_non_null(OCSP_basic_add1_status(b, id, says[s->says], s->reason,
		s->says == OCSP_REVOKED ? gone : NULL, this, next));
	OCSP_CERTID_free(id);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	ASN1_TIME_free(gone);
	if (s->critical)
		add_critical(b);
	if (s->embed)
		assert_int_equal(OCSP_basic_add1_cert(b, made_x509_borrow(s->embed)), 1);
	assert_int_equal(OCSP_basic_sign(b, made_x509_borrow(s->signer), key,
				 eddsa ? NULL : EVP_get_digestbyname(s->hash ? s->hash : "SHA256"),
				 NULL, OCSP_NOCERTS),
		1);
	return b;
}

struct leat_span ocsp_make(const struct ocsp_spec *s)
{
	OCSP_BASICRESP *b = s->status ? NULL : basic(s);
	OCSP_RESPONSE *r = OCSP_response_create(s->status, b);
	unsigned char *der = NULL;
	int n = i2d_OCSP_RESPONSE(r, &der);
	struct leat_span copy;

	assert_true(n > 0);
	copy = vec_copy(der, (size_t)n);
	if (s->bent) { /* the signature ends the response where no certificate is in it */
		((uint8_t *)(uintptr_t)copy.p)[copy.n - 1] ^= 1;
	}
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(b);
	return copy;
}

static void may_sign_answers(void *x509, void *arg)
{
	EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();

	(void)arg;
	sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_OCSP_sign));
	assert_int_equal(X509_add1_ext_i2d(x509, NID_ext_key_usage, eku, 0, X509V3_ADD_REPLACE), 1);
	EXTENDED_KEY_USAGE_free(eku);
}

const struct made *ocsp_responder(const struct made *issuer, bool right)
{
	struct make_spec s = pki_spec();

	s.cn = "pki responder";
	s.issuer = issuer;
	s.num_names = 0;
	if (right)
		s.tweak = may_sign_answers;
	return pki_make(&s);
}

void ocsp_tweak_demand(void *x509, void *arg)
{
	/* SEQUENCE { INTEGER 5 } */
	static const uint8_t features[] = { 0x30, 3, 2, 1, 5 };
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *x;

	(void)arg;
	ASN1_OCTET_STRING_set(value, features, sizeof(features));
	x = X509_EXTENSION_create_by_NID(NULL, NID_tlsfeature, 0, value);
	assert_int_equal(X509_add_ext(x509, x, -1), 1);
	X509_EXTENSION_free(x);
	ASN1_OCTET_STRING_free(value);
}
