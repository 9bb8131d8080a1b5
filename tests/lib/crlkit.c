/* SPDX-License-Identifier: Apache-2.0
 *
 * crlkit.c - see crlkit.h.
 */
#include "crlkit.h"

#include <openssl/x509v3.h>

#include "vec.h"

struct crl_spec crl_good(const struct made *issuer)
{
	return (struct crl_spec){
		.issuer = issuer,
		.this_s = PKI_NOW - 3600,
		.next_s = PKI_NOW + PKI_DAY,
		.number = 10,
	};
}

/* ---- parts ---- */

static ASN1_BIT_STRING *reason_flags(unsigned bits)
{
	ASN1_BIT_STRING *s = ASN1_BIT_STRING_new();

	for (int i = 0; i < 9; i++)
		if (bits >> i & 1)
			assert_int_equal(ASN1_BIT_STRING_set_bit(s, i, 1), 1);
	return s;
}

static GENERAL_NAME *directory_name(const struct made *m)
{
	GENERAL_NAME *g = GENERAL_NAME_new();

	g->type = GEN_DIRNAME;
	g->d.directoryName = X509_NAME_dup(X509_get_subject_name(made_x509_borrow(m)));
	return g;
}

static GENERAL_NAMES *names_of(const char *uris, const struct made *m)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	char copy[512], *rest = copy, *uri;

	if (m)
		sk_GENERAL_NAME_push(names, directory_name(m));
	if (!uris)
		return names;
	snprintf(copy, sizeof(copy), "%s", uris);
	while ((uri = strtok_r(rest, " ", &rest)) != NULL)
		sk_GENERAL_NAME_push(names, a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_URI, uri, 0));
	return names;
}

static DIST_POINT_NAME *place_name(const char *uris, const char *below, const struct made *m)
{
	DIST_POINT_NAME *n = DIST_POINT_NAME_new();
	X509_NAME *relative;

	if (!below) {
		n->type = 0;
		n->name.fullname = names_of(uris, m);
		return n;
	}
	relative = X509_NAME_new();
	assert_int_equal(X509_NAME_add_entry_by_txt(relative, "CN", MBSTRING_ASC,
				 (const unsigned char *)below, -1, -1, 0),
		1);
	n->type = 1;
	n->name.relativename = sk_X509_NAME_ENTRY_new_null();
	sk_X509_NAME_ENTRY_push(n->name.relativename, X509_NAME_delete_entry(relative, 0));
	X509_NAME_free(relative);
	return n;
}

static X509_EXTENSION *unknown_ext(bool critical, size_t n)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	uint8_t *bytes = calloc(1, n + 2);
	X509_EXTENSION *x;

	ASN1_OCTET_STRING_set(value, bytes, (int)n + 2);
	x = X509_EXTENSION_create_by_OBJ(NULL, oid, critical, value);
	free(bytes);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return x;
}

/* ---- a CRL ---- */

static void add_number(X509_CRL *c, int nid, long number, int critical)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();

	ASN1_INTEGER_set(n, number);
	assert_int_equal(X509_CRL_add1_ext_i2d(c, nid, n, critical, 0), 1);
	ASN1_INTEGER_free(n);
}

static void add_idp(X509_CRL *c, const struct crl_spec *s)
{
	ISSUING_DIST_POINT *idp = ISSUING_DIST_POINT_new();

	if (s->uri || s->below || s->full_name)
		idp->distpoint = place_name(s->uri, s->below, s->full_name);
	idp->onlyuser = s->only_user ? 0xff : 0;
	idp->onlyCA = s->only_ca ? 0xff : 0;
	idp->onlyattr = s->only_attr ? 0xff : 0;
	idp->indirectCRL = s->indirect ? 0xff : 0;
	if (s->reasons)
		idp->onlysomereasons = reason_flags(s->reasons);
	assert_int_equal(X509_CRL_add1_ext_i2d(c, NID_issuing_distribution_point, idp, 1, 0), 1);
	ISSUING_DIST_POINT_free(idp);
}

static void add_reason(X509_REVOKED *r, int reason)
{
	ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();

	ASN1_ENUMERATED_set(e, reason);
	assert_int_equal(X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0), 1);
	ASN1_ENUMERATED_free(e);
}

static void add_entry_issuer(X509_REVOKED *r, const struct made *m)
{
	GENERAL_NAMES *names = names_of(NULL, m);

	assert_int_equal(X509_REVOKED_add1_ext_i2d(r, NID_certificate_issuer, names, 1, 0), 1);
	GENERAL_NAMES_free(names);
}

static void add_entry(X509_CRL *c, const struct crl_spec *s, const struct crl_entry *e)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)s->this_s);
	X509 *x = made_x509_borrow(e->cert);
	X509_EXTENSION *unknown;

	assert_int_equal(X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(x)), 1);
	assert_int_equal(X509_REVOKED_set_revocationDate(r, when), 1);
	if (e->reason)
		add_reason(r, e->reason);
	if (e->issuer)
		add_entry_issuer(r, e->issuer);
	if (s->entry_critical) {
		unknown = unknown_ext(true, 0);
		assert_int_equal(X509_REVOKED_add_ext(r, unknown, -1), 1);
		X509_EXTENSION_free(unknown);
	}
	assert_int_equal(X509_CRL_add0_revoked(c, r), 1);
	ASN1_TIME_free(when);
}

static void add_extensions(X509_CRL *c, const struct crl_spec *s)
{
	X509_EXTENSION *unknown;

	if (s->number)
		add_number(c, NID_crl_number, s->number, 0);
	if (s->base)
		add_number(c, NID_delta_crl, s->base, 1);
	if (s->uri || s->below || s->full_name || s->only_user || s->only_ca || s->only_attr ||
		s->indirect || s->reasons)
		add_idp(c, s);
	if (s->critical || s->bulk) {
		unknown = unknown_ext(s->critical, s->bulk);
		assert_int_equal(X509_CRL_add_ext(c, unknown, -1), 1);
		X509_EXTENSION_free(unknown);
	}
}

static X509_CRL *unsigned_crl(const struct crl_spec *s)
{
	ASN1_TIME *this = ASN1_TIME_set(NULL, (time_t)s->this_s);
	ASN1_TIME *next = s->next_s ? ASN1_TIME_set(NULL, (time_t)s->next_s) : NULL;
	X509_CRL *c = X509_CRL_new();

	if (!s->v1)
		assert_int_equal(X509_CRL_set_version(c, X509_CRL_VERSION_2), 1);
	assert_int_equal(
		X509_CRL_set_issuer_name(c, X509_get_subject_name(made_x509_borrow(s->issuer))), 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(c, this), 1);
	if (next)
		assert_int_equal(X509_CRL_set1_nextUpdate(c, next), 1);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	for (size_t i = 0; i < CRL_MAX_REVOKED && s->revoked[i].cert; i++)
		add_entry(c, s, &s->revoked[i]);
	if (!s->v1)
		add_extensions(c, s);
	X509_CRL_sort(c);
	return c;
}

/* The first OID of ecdsa-with-SHA256 becomes that of SHA384. */
static void other_algorithm(uint8_t *p, size_t n)
{
	static const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
	uint8_t *at = memmem(p, n, oid, sizeof(oid));

	assert_non_null(at);
	at[7] = 3;
}

struct leat_span crl_make(const struct crl_spec *s)
{
	EVP_PKEY *key = made_evp_borrow(s->signer ? s->signer : s->issuer);
	X509_CRL *c = unsigned_crl(s);
	unsigned char *der = NULL;
	struct leat_span copy;
	int n;

	assert_true(X509_CRL_sign(c, key, EVP_get_digestbyname(s->hash ? s->hash : "SHA256")) > 0);
	n = i2d_X509_CRL(c, &der);
	assert_true(n > 0);
	copy = vec_copy(der, (size_t)n);
	if (s->bent) /* the signature ends it */
		((uint8_t *)(uintptr_t)copy.p)[copy.n - 1] ^= 1;
	if (s->two_algorithms)
		other_algorithm((uint8_t *)(uintptr_t)copy.p, copy.n);
	OPENSSL_free(der);
	X509_CRL_free(c);
	return copy;
}

/* ---- certificates ---- */

static DIST_POINT *point_of(const struct crl_place *p)
{
	DIST_POINT *dp = DIST_POINT_new();

	if (p->uri || p->below)
		dp->distpoint = place_name(p->uri, p->below, NULL);
	if (p->crl_issuer)
		dp->CRLissuer = names_of(NULL, p->crl_issuer);
	if (p->reasons)
		dp->reasons = reason_flags(p->reasons);
	return dp;
}

static bool is_place(const struct crl_place *p)
{
	return p->uri || p->below || p->crl_issuer || p->reasons || p->bare;
}

static void add_points(X509 *x, const struct crl_place *p, bool freshest)
{
	CRL_DIST_POINTS *all = CRL_DIST_POINTS_new();

	for (; is_place(p); p++)
		if (p->freshest == freshest)
			sk_DIST_POINT_push(all, point_of(p));
	if (sk_DIST_POINT_num(all) > 0)
		assert_int_equal(X509_add1_ext_i2d(x,
					 freshest ? NID_freshest_crl : NID_crl_distribution_points,
					 all, 0, X509V3_ADD_DEFAULT),
			1);
	CRL_DIST_POINTS_free(all);
}

void crl_tweak_points(void *x509, void *places)
{
	add_points(x509, places, false);
	add_points(x509, places, true);
}

void crl_tweak_no_sign(void *x509, void *unused)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

	(void)unused;
	ASN1_BIT_STRING_set_bit(bits, 5, 1); /* keyCertSign */
	assert_int_equal(X509_add1_ext_i2d(x509, NID_key_usage, bits, 1, X509V3_ADD_REPLACE), 1);
	ASN1_BIT_STRING_free(bits);
}

const struct made *crl_leaf(const struct crl_place *places)
{
	struct make_spec s = pki_spec();

	s.tweak = crl_tweak_points;
	s.tweak_arg = (void *)(uintptr_t)places;
	return pki_make(&s);
}

const struct made *crl_authority(const char *cn, const struct made *issuer)
{
	struct make_spec s = pki_ca_spec(cn, issuer);

	return pki_make(&s);
}
