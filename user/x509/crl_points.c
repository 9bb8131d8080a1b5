/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_points.c - see crl_points.h. RFC 5280 4.2.1.13:
 *
 *   DistributionPoint ::= SEQUENCE {
 *       distributionPoint       [0]     DistributionPointName OPTIONAL,
 *       reasons                 [1]     ReasonFlags OPTIONAL,
 *       cRLIssuer               [2]     GeneralNames OPTIONAL }
 *   DistributionPointName ::= CHOICE {
 *       fullName                [0]     GeneralNames,
 *       nameRelativeToCRLIssuer [1]     RelativeDistinguishedName }
 */
#include "x509/crl_points.h"

#include "crypto/ossl_err.h"
#include "x509/der.h"

#define NAME_DIRECTORY 0xa4
#define NAME_URI       0x86

/* The tag of the next element; 0 at the end. */
static uint8_t next_tag(const struct leat_rd *in)
{
	return leat_rd_more(in) ? in->p[0] : 0;
}

/* GeneralNames, the contents. Of each: where it stands; URIs also as text, directory names as Name. */
static void read_names(struct leat_rd *in, struct leat_span *whole, size_t *num_whole,
	struct leat_span *uris, size_t *num_uris, struct leat_span *directory,
	size_t *num_directory)
{
	struct leat_span name, body;
	struct leat_rd inner;
	uint8_t tag;

	while ((tag = next_tag(in)) != 0) {
		body = der_span(in, tag, &name);
		if (whole && *num_whole < LIM_CRL_NAMES)
			whole[(*num_whole)++] = name;
		if (uris && tag == NAME_URI && *num_uris < LIM_CRL_NAMES)
			uris[(*num_uris)++] = body;
		if (!directory || tag != NAME_DIRECTORY || *num_directory == LIM_CRL_NAMES)
			continue;
		inner = leat_rd_of(body);
		der_span(&inner, DER_SEQUENCE, &name);
		if (leat_rd_end(&inner))
			directory[(*num_directory)++] = name;
	}
}

static void read_place(struct leat_rd *in, struct crl_point *p)
{
	struct leat_rd body;

	if (der_is(in, 0xa0)) {
		der_take(in, 0xa0, &body);
		read_names(&body, p->names, &p->view.num_full_name, p->uris, &p->view.num_uris,
			NULL, NULL);
		if (!leat_rd_end(&body))
			leat_rd_fail(in);
	} else {
		p->view.relative_name = der_span(in, 0xa1, NULL);
	}
}

static bool read_point(struct leat_rd *in, struct crl_point *p)
{
	struct leat_rd body, part;
	struct leat_span bits;

	*p = (struct crl_point){ 0 };
	der_take(in, DER_SEQUENCE, &body);
	if (der_is(&body, 0xa0)) {
		der_take(&body, 0xa0, &part);
		read_place(&part, p);
		if (!leat_rd_end(&part))
			leat_rd_fail(&body);
	}
	if (der_is(&body, 0x81)) {
		bits = der_span(&body, 0x81, NULL);
		if (bits.n < 1)
			leat_rd_fail(&body);
		else
			p->view.reasons = (struct leat_span){ bits.p + 1, bits.n - 1 };
	}
	if (der_is(&body, 0xa2)) {
		der_take(&body, 0xa2, &part);
		read_names(&part, NULL, NULL, NULL, NULL, p->issuers, &p->view.num_crl_issuers);
		if (!leat_rd_end(&part))
			leat_rd_fail(&body);
	}
	return leat_rd_end(&body);
}

static const X509_NAME *name_of_issuer(const DIST_POINT *dp, const X509 *cert)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(dp->CRLissuer); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(dp->CRLissuer, i);

		if (g->type == GEN_DIRNAME)
			return g->d.directoryName;
	}
	return X509_get_issuer_name(cert);
}

static bool parse_point(struct crl_point *p, struct leat_span der, const X509 *cert)
{
	const unsigned char *at = der.p;

	p->dp = d2i_DIST_POINT(NULL, &at, (long)der.n);
	return p->dp && (!p->dp->distpoint || DIST_POINT_set_dpname(p->dp->distpoint,
						      name_of_issuer(p->dp, cert)));
}

static struct leat_span ext_value(const X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);
	const ASN1_OCTET_STRING *s = at < 0 ? NULL
					    : X509_EXTENSION_get_data(X509_get_ext(cert, at));

	if (!s)
		return (struct leat_span){ NULL, 0 };
	return (struct leat_span){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

/* The arrays move with the struct, so the view gets them last. */
static void finish(struct crl_point *p, const X509 *cert, bool freshest)
{
	p->view.full_name = p->names;
	p->view.uris = p->uris;
	p->view.crl_issuers = p->issuers;
	p->view.freshest = freshest;
	(void)X509_NAME_get0_der(X509_get_issuer_name(cert), &p->view.issuer.p, &p->view.issuer.n);
}

bool crl_points_add(struct crl_points *p, const X509 *cert, int nid)
{
	struct leat_rd in = leat_rd_of(ext_value(cert, nid)), seq, again;
	struct crl_point *point;
	struct leat_span der;
	bool ok;

	der_take(&in, DER_SEQUENCE, &seq);
	while (leat_rd_more(&seq) && p->num < LIM_CRL_POINTS) {
		point = &p->v[p->num];
		der_span(&seq, DER_SEQUENCE, &der);
		again = leat_rd_of(der);
		if (!leat_rd_ok(&seq) || !read_point(&again, point))
			break;
		ok = parse_point(point, der, cert);
		p->num++; /* what was made of it is freed with the others */
		if (!ok) {
			ok = !ossl_out_of_memory();
			ossl_forget();
			DIST_POINT_free(p->v[--p->num].dp);
			if (!ok)
				return false;
			break;
		}
		point->view.der = der;
		finish(point, cert, nid == NID_freshest_crl);
	}
	return true;
}

void crl_points_clear(struct crl_points *p)
{
	while (p->num > 0)
		DIST_POINT_free(p->v[--p->num].dp);
}
