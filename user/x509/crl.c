/* SPDX-License-Identifier: Apache-2.0
 *
 * crl.c - see crl.h. libcrypto takes CRLs apart (RFC 5280 5); everything that later checks ask for is
 * taken out when one is made, so that it is immutable afterwards but for the memory of who signed it.
 * Nothing is refused here that libcrypto can read: what makes a CRL worthless is noted (unfit), and the
 * check says so if it needed it.
 */
#include "x509/crl.h"

#include <openssl/err.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "crypto/ossl_err.h"
#include "x509/certsig.h"
#include "x509/crl_int.h"
#include "x509/der.h"
#include "x509/pem.h"
#include "x509/san.h"

/* RFC 5280 5.2: "If a CRL contains a critical extension that the application cannot process, then the
 * application MUST NOT use that CRL to determine the status of certificates." */
static bool knows_all(const X509_CRL *x)
{
	int at = -1, nid;

	while ((at = X509_CRL_get_ext_by_critical(x, 1, at)) >= 0) {
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_CRL_get_ext(x, at)));
		if (nid != NID_issuing_distribution_point && nid != NID_delta_crl)
			return false;
	}
	return true;
}

/* RFC 5280 5.3 says the same of entries. */
static bool knows_all_of_entries(X509_CRL *x)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(x);
	int at, nid;

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(entries, i);

		for (at = -1; (at = X509_REVOKED_get_ext_by_critical(r, 1, at)) >= 0;) {
			nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_REVOKED_get_ext(r, at)));
			if (nid != NID_certificate_issuer && nid != NID_crl_reason)
				return false;
		}
	}
	return true;
}

/* RFC 5280 5.2.5: at most one of the three "only" scopes. */
static bool is_sound_idp(const ISSUING_DIST_POINT *idp)
{
	return !idp || (idp->onlyuser > 0) + (idp->onlyCA > 0) + (idp->onlyattr > 0) <= 1;
}

/* The extension's value; absent is fine. false: it cannot be read, or is there twice. */
static bool read_ext(const X509_CRL *x, int nid, void **out)
{
	int critical;

	*out = X509_CRL_get_ext_d2i(x, nid, &critical, NULL);
	return *out || critical == -1;
}

/* RFC 5280 5.1.1.2: signatureAlgorithm "MUST contain the same algorithm identifier as the signature field" of the
 * signed part; libcrypto has no way to ask for the latter. Of BER the answer is no. */
static bool names_one_algorithm(struct leat_span der)
{
	struct leat_rd in = leat_rd_of(der), list, tbs;
	struct leat_span inner, outer;

	der_take(&in, DER_SEQUENCE, &list);
	der_take(&list, DER_SEQUENCE, &tbs);
	if (der_is(&tbs, DER_INTEGER)) /* version */
		der_span(&tbs, DER_INTEGER, NULL);
	der_span(&tbs, DER_SEQUENCE, &inner);
	der_span(&list, DER_SEQUENCE, &outer);
	return leat_rd_ok(&tbs) && leat_rd_ok(&list) && leat_span_same(inner, outer);
}

static const char *find_fault(struct crl *c, struct leat_span der)
{
	const X509_ALGOR *alg;

	X509_CRL_get0_signature(c->x, NULL, &alg);
	if (!read_ext(c->x, NID_issuing_distribution_point, (void **)&c->idp) ||
		!read_ext(c->x, NID_crl_number, (void **)&c->number) ||
		!read_ext(c->x, NID_delta_crl, (void **)&c->base) || !is_sound_idp(c->idp))
		return "crl: a broken extension";
	if (!knows_all(c->x) || !knows_all_of_entries(c->x))
		return "crl: a critical extension that is not known here";
	if (!names_one_algorithm(der))
		return "crl: names two different signature algorithms";
	if (certsig_is_weak(alg))
		return "crl: signed with a weak hash";
	/* RFC 5280 5.2.3, 5.2.4: a delta is ordered among the others by its number */
	if (c->base && !c->number)
		return "crl: a delta without a number";
	return NULL;
}

static enum leat_ret read_all(struct crl *c, struct leat_span der)
{
	const ASN1_TIME *from = X509_CRL_get0_lastUpdate(c->x);
	const ASN1_TIME *to = X509_CRL_get0_nextUpdate(c->x);

	c->to_s = INT64_MIN;
	c->unfit = find_fault(c, der);
	if (!from || !san_unix_time(from, &c->from_s))
		c->unfit = "crl: unreadable date";
	/* RFC 5280 5.1.2.5: nextUpdate MUST be there; without, an old list would be good for ever. */
	if (!to)
		c->unfit = "crl: does not say until when it is good (nextUpdate)";
	else if (!san_unix_time(to, &c->to_s))
		c->unfit = "crl: unreadable date";
	/* nameRelativeToCRLIssuer becomes a whole name here: later the object is shared */
	if (c->idp && c->idp->distpoint &&
		!DIST_POINT_set_dpname(c->idp->distpoint, X509_CRL_get_issuer(c->x)))
		c->unfit = "crl: a broken extension";
	if (X509_NAME_get0_der(X509_CRL_get_issuer(c->x), &c->issuer.p, &c->issuer.n) != 1)
		return LEAT_FAILED;
	return ossl_out_of_memory() ? LEAT_FAILED : LEAT_OK;
}

enum leat_ret crl_new(struct crl **out, struct leat_span der)
{
	const unsigned char *p = der.p;
	enum leat_ret r;
	struct crl *c;

	*out = NULL;
	if (der.n == 0 || der.n > LIM_CRL)
		return LEAT_UNSUPPORTED;
	c = leat_zalloc(sizeof(*c));
	if (!c)
		return LEAT_FAILED;
	atomic_init(&c->refs, 1);
	atomic_init(&c->signer_state, 0);
	c->size = der.n;
	digest_once(HASH_SHA256, der, c->id);
	c->x = d2i_X509_CRL(NULL, &p, (long)der.n);
	if (c->x && p == der.p + der.n)
		r = read_all(c, der);
	else
		r = ossl_out_of_memory() ? LEAT_FAILED : LEAT_UNSUPPORTED;
	ossl_forget();
	if (r == LEAT_OK)
		*out = c;
	else
		crl_unref(c);
	return r;
}

struct crl *crl_ref(struct crl *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void crl_unref(struct crl *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	ISSUING_DIST_POINT_free(c->idp);
	ASN1_INTEGER_free(c->number);
	ASN1_INTEGER_free(c->base);
	X509_CRL_free(c->x);
	leat_free(c);
}

struct leat_span crl_issuer(const struct crl *c)
{
	return c->issuer;
}

bool crl_is_over(const struct crl *c, int64_t now_s)
{
	return now_s >= c->to_s;
}

size_t crl_size(const struct crl *c)
{
	return c->size;
}

bool crl_is_delta(const struct crl *c)
{
	return c->base != NULL;
}

unsigned crl_reasons(const ASN1_BIT_STRING *flags)
{
	unsigned bits = 0;

	if (!flags)
		return REASONS_ALL;
	if (flags->length > 0)
		bits = flags->data[0];
	if (flags->length > 1)
		bits |= (unsigned)flags->data[1] << 8;
	return bits & REASONS_ALL;
}

/* ---- names ----------------------------------------------------------------------------------- */

X509_NAME *crl_parse_name(struct leat_span der)
{
	const unsigned char *p = der.p;
	X509_NAME *name = der.n && der.n <= INT32_MAX ? d2i_X509_NAME(NULL, &p, (long)der.n) : NULL;

	if (name && p != der.p + der.n) {
		X509_NAME_free(name);
		name = NULL;
	}
	return name;
}

bool crl_name_hash(struct leat_span name, uint32_t *hash)
{
	X509_NAME *n = crl_parse_name(name);
	int ok = 0;

	*hash = n ? (uint32_t)X509_NAME_hash_ex(n, NULL, NULL, &ok) : 0;
	X509_NAME_free(n);
	ossl_forget();
	return ok;
}

bool crl_same_name(struct leat_span a, struct leat_span b)
{
	X509_NAME *x, *y;
	bool same;

	if (leat_span_same(a, b))
		return true;
	x = crl_parse_name(a);
	y = crl_parse_name(b);
	same = x && y && X509_NAME_cmp(x, y) == 0;
	X509_NAME_free(x);
	X509_NAME_free(y);
	ossl_forget();
	return same;
}

/* ---- who signed it --------------------------------------------------------------------------- */

static bool key_id(X509 *issuer, uint8_t id[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &der);

	if (n > 0)
		digest_once(HASH_SHA256, (struct leat_span){ der, (size_t)n }, id);
	OPENSSL_free(der);
	return n > 0;
}

/* The signature covers all of a list that may have megabytes: it is looked at once for each list. */
bool crl_signed_by(struct crl *c, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	uint8_t id[32];
	int nobody = 0;

	if (!key || !key_id(issuer, id))
		return false;
	if (atomic_load_explicit(&c->signer_state, memory_order_acquire) == 2 &&
		memcmp(c->signer, id, sizeof(id)) == 0)
		return true;
	if (X509_CRL_verify(c->x, key) != 1)
		return false;
	if (atomic_compare_exchange_strong_explicit(
		    &c->signer_state, &nobody, 1, memory_order_acquire, memory_order_relaxed)) {
		memcpy(c->signer, id, sizeof(id));
		atomic_store_explicit(&c->signer_state, 2, memory_order_release);
	}
	return true;
}

/* ---- which lists are versions of each other --------------------------------------------------- */

static struct leat_span ext_value(const X509_CRL *x, int nid)
{
	int at = X509_CRL_get_ext_by_NID(x, nid, -1);
	const ASN1_OCTET_STRING *s = at < 0 ? NULL
					    : X509_EXTENSION_get_data(X509_CRL_get_ext(x, at));

	if (!s)
		return (struct leat_span){ NULL, 0 };
	return (struct leat_span){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

bool crl_same_scope(const struct crl *a, const struct crl *b)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(a->x), X509_CRL_get_issuer(b->x)) == 0 &&
	       leat_span_same(ext_value(a->x, NID_authority_key_identifier),
		       ext_value(b->x, NID_authority_key_identifier)) &&
	       leat_span_same(ext_value(a->x, NID_issuing_distribution_point),
		       ext_value(b->x, NID_issuing_distribution_point));
}

/* ---- lists of lists --------------------------------------------------------------------------- */

void crl_list_push(struct leat_crl_list *l, struct crl *c)
{
	if (l->num < LIM_CRLS)
		l->v[l->num++] = crl_ref(c);
}

void crl_list_clear(struct leat_crl_list *l)
{
	while (l->num > 0)
		crl_unref(l->v[--l->num]);
}

enum leat_ret leat_crl_list_add(struct leat_crl_list *l, struct leat_span der)
{
	enum leat_ret r;
	struct crl *c;

	if (l->num == LIM_CRLS)
		return LEAT_UNSUPPORTED;
	r = crl_new(&c, der);
	if (r == LEAT_OK)
		l->v[l->num++] = c;
	return r;
}

/* RFC 1421 4.6.1.1: "Proc-Type: 4,ENCRYPTED" */
static bool is_plain_crl(const struct pem *b)
{
	return strcmp(b->label, "X509 CRL") == 0 && !strstr(b->header, "ENCRYPTED");
}

static enum leat_ret add_blocks(struct leat_crl_list *l, BIO *in)
{
	enum leat_ret r = LEAT_OK;
	struct pem b = { 0 };
	size_t had = l->num;

	while (r == LEAT_OK) {
		switch (pem_next(in, &b)) {
		case PEM_BLOCK:
			if (is_plain_crl(&b) && b.n >= 0)
				r = leat_crl_list_add(l, (struct leat_span){ b.p, (size_t)b.n });
			continue;
		case PEM_MEMORY: r = LEAT_FAILED; break;
		case PEM_BROKEN: r = LEAT_UNSUPPORTED; break;
		case PEM_END: r = l->num > had ? LEAT_OK : LEAT_UNSUPPORTED; break;
		}
		break;
	}
	pem_clear(&b);
	return r;
}

enum leat_ret crl_list_add_text(struct leat_crl_list *l, struct leat_span text)
{
	enum leat_ret r;
	BIO *in;

	if (text.n > 0 && text.p[0] == 0x30) /* SEQUENCE */
		return leat_crl_list_add(l, text);
	in = pem_open(text);
	if (!in)
		return LEAT_FAILED;
	r = add_blocks(l, in);
	BIO_free(in);
	ossl_forget();
	return r;
}
