/* SPDX-License-Identifier: Apache-2.0
 *
 * revoked.c - see revoked.h. RFC 5280 6.3.3, in its order: for each distribution point the lists that lie there,
 * then those that the certificate's issuer published elsewhere; the newest first. A list counts when
 * its scope covers the certificate, it is in time, and a certificate signed it that leads to the anchor of the
 * path (crl_signer.c). A delta that fits a list is believed before it.
 *
 * The status is known when one list says revoked, or when lists that say nothing of the certificate
 * cover all reasons; everything else is "unknown", with the last thing that was in the way.
 *
 * Not libcrypto's own check (X509_V_FLAG_CRL_CHECK_ALL): it asks about the anchor too, cannot tell a
 * cache the distribution point, and judges a path once more. docs/decisions/0064.
 */
#include "x509/revoked.h"

#include <string.h>

#include "crypto/ossl_err.h"
#include "x509/crl_int.h"
#include "x509/crl_points.h"
#include "x509/crl_signer.h"
#include "x509/fault.h"
#include "x509/san.h"

/* Lists to look at: by distribution point. */
#define EVERYWHERE SIZE_MAX /* found by issuer: they may be of any point, or of none */

struct found {
	struct crl *crl;
	size_t point; /* number of it, or EVERYWHERE */
};

struct ask {
	const struct revoked_in *in;
	int level;
	X509 *cert;
	int at; /* its number in the path */
	struct crl_points points;
	size_t num_points; /* without those of freshestCRL, which come behind */
	struct found found[4 * LIM_CRLS];
	size_t num;
	unsigned covered; /* reasons */
	struct revoked *out;
};

static void ask_clear(struct ask *k)
{
	while (k->num > 0)
		crl_unref(k->found[--k->num].crl);
	crl_points_clear(&k->points);
}

static void unknown(struct ask *k, const char *why)
{
	k->out->status = REVOKED_UNKNOWN;
	k->out->why = why;
}

/* ---- what the cache has ------------------------------------------------------------------------ */

static bool is_newer(const struct crl *a, const struct crl *b)
{
	if (a->number && b->number && crl_same_scope(a, b))
		return ASN1_INTEGER_cmp(a->number, b->number) > 0;
	return a->from_s > b->from_s;
}

/* Newest first. */
static void note(struct ask *k, struct crl *c, size_t point)
{
	size_t i = k->num;

	if (k->num == sizeof(k->found) / sizeof(k->found[0]))
		return;
	for (; i > 0 && is_newer(c, k->found[i - 1].crl); i--)
		k->found[i] = k->found[i - 1];
	k->found[i] = (struct found){ crl_ref(c), point };
	k->num++;
}

static enum leat_ret note_fresh(
	struct ask *k, const struct leat_dist_point *dp, struct crl *c, size_t point)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list fresh = { 0 };
	enum leat_ret r = crl_cache_fresh(k->in->verify->crls, dp, c, k->in->verify->now_s, &fresh);

	if (r == LEAT_AGAIN)
		return r;
	if (r != LEAT_OK || fresh.num == 0)
		note(k, c, point);
	for (size_t i = 0; r == LEAT_OK && i < fresh.num; i++)
		note(k, fresh.v[i], point);
	return LEAT_OK;
}

static enum leat_ret note_all(struct ask *k, const struct leat_dist_point *dp,
	const struct leat_crl_list *l, size_t point)
{
	enum leat_ret r = LEAT_OK;

	for (size_t i = 0; r == LEAT_OK && i < l->num; i++)
		r = note_fresh(k, dp, l->v[i], point);
	return r;
}

static enum leat_ret gather_point(struct ask *k, size_t point)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list l = { 0 };
	const struct leat_dist_point *dp = &k->points.v[point].view;
	enum leat_ret r = crl_cache_lookup(k->in->verify->crls, dp, k->in->verify->now_s, &l);

	if (r == LEAT_OK)
		r = note_all(k, dp, &l, dp->freshest ? EVERYWHERE : point);
	return r == LEAT_AGAIN ? r : LEAT_OK;
}

static enum leat_ret gather_by_issuer(struct ask *k)
{
	LEAT_SCOPED(crl_list_clear) struct leat_crl_list l = { 0 };
	struct leat_dist_point dp = { 0 };
	enum leat_ret r;

	if (X509_NAME_get0_der(X509_get_issuer_name(k->cert), &dp.issuer.p, &dp.issuer.n) != 1)
		return LEAT_OK;
	r = crl_cache_select(k->in->verify->crls, dp.issuer, k->in->verify->now_s, &l);
	if (r == LEAT_OK)
		r = note_all(k, &dp, &l, EVERYWHERE);
	return r == LEAT_AGAIN ? r : LEAT_OK;
}

/* ---- scope: RFC 5280 6.3.3 (b) ------------------------------------------------------------------ */

static bool has_directory_name(const GENERAL_NAMES *names, const X509_NAME *wanted)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DIRNAME && X509_NAME_cmp(g->d.directoryName, wanted) == 0)
			return true;
	}
	return false;
}

static bool have_one_in_common(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++)
		for (int j = 0; j < sk_GENERAL_NAME_num(b); j++)
			if (GENERAL_NAME_cmp(
				    sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, j)) == 0)
				return true;
	return false;
}

/* dpname is the whole name where only the part below the issuer was given. */
static bool is_same_place(const DIST_POINT_NAME *a, const DIST_POINT_NAME *b)
{
	if (a->type == 0 && b->type == 0)
		return have_one_in_common(a->name.fullname, b->name.fullname);
	if (a->type == 1 && b->type == 1)
		return a->dpname && b->dpname && X509_NAME_cmp(a->dpname, b->dpname) == 0;
	return a->type == 1 ? a->dpname && has_directory_name(b->name.fullname, a->dpname)
			    : b->dpname && has_directory_name(a->name.fullname, b->dpname);
}

/* dp NULL: the point that RFC 5280 assumes behind the others, whose name is that of the issuer. */
static bool is_of_place(const DIST_POINT_NAME *place, const DIST_POINT *dp, const X509 *cert)
{
	if (dp && dp->distpoint)
		return is_same_place(place, dp->distpoint);
	if (place->type != 0)
		return false;
	if (!dp || !dp->CRLissuer)
		return has_directory_name(place->name.fullname, X509_get_issuer_name(cert));
	return have_one_in_common(place->name.fullname, dp->CRLissuer);
}

static bool is_by_right_issuer(const struct crl *c, const DIST_POINT *dp, const X509 *cert)
{
	const X509_NAME *issuer = X509_CRL_get_issuer(c->x);
	bool own = X509_NAME_cmp(issuer, X509_get_issuer_name(cert)) == 0;

	if (!dp || !dp->CRLissuer)
		return own;
	return has_directory_name(dp->CRLissuer, issuer) &&
	       (own || (c->idp && c->idp->indirectCRL > 0));
}

static bool covers(const struct crl *c, const DIST_POINT *dp, X509 *cert)
{
	bool is_ca = (X509_get_extension_flags(cert) & EXFLAG_CA) != 0;

	if (!is_by_right_issuer(c, dp, cert))
		return false;
	if (!c->idp)
		return true;
	if (c->idp->onlyattr > 0 || (c->idp->onlyuser > 0 && is_ca) ||
		(c->idp->onlyCA > 0 && !is_ca))
		return false;
	return !c->idp->distpoint || is_of_place(c->idp->distpoint, dp, cert);
}

/* ---- one list ----------------------------------------------------------------------------------- */

static const char *find_fault(const struct crl *c, int64_t now_s)
{
	if (c->unfit)
		return c->unfit;
	if (now_s < c->from_s)
		return "crl: not valid yet";
	return crl_is_over(c, now_s) ? "crl: expired" : NULL;
}

/* LEAT_OK: sound, and signed by somebody entitled to. LEAT_UNSUPPORTED: it counts for nothing. */
static enum leat_ret check_list(struct ask *k, struct crl *c)
{
	const char *fault = find_fault(c, k->in->verify->now_s);
	enum leat_ret r;

	if (!fault) {
		r = crl_signer_check(k->in, k->level, k->at, c, &fault);
		if (r != LEAT_UNSUPPORTED)
			return r;
	}
	unknown(k, fault);
	return LEAT_UNSUPPORTED;
}

/* RFC 5280 5.2.4, 6.3.3 (c): made for lists from base on, and newer than this one. */
static bool is_delta_for(const struct crl *d, const struct crl *c)
{
	return crl_is_delta(d) && c->number && crl_same_scope(d, c) &&
	       ASN1_INTEGER_cmp(d->base, c->number) <= 0 &&
	       ASN1_INTEGER_cmp(d->number, c->number) > 0;
}

/* The newest one that counts; *out stays NULL where there is none. */
static enum leat_ret find_delta(struct ask *k, const struct crl *c, struct crl **out)
{
	enum leat_ret r;

	*out = NULL;
	for (size_t i = 0; i < k->num; i++) {
		if (!is_delta_for(k->found[i].crl, c))
			continue;
		r = check_list(k, k->found[i].crl);
		if (r == LEAT_OK)
			*out = k->found[i].crl;
		if (r != LEAT_UNSUPPORTED)
			return r;
	}
	return LEAT_OK;
}

static enum leat_crl_reason reason_of(const X509_REVOKED *entry)
{
	ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	long reason = e ? ASN1_ENUMERATED_get(e) : 0;

	ASN1_ENUMERATED_free(e);
	return crl_reason_of(reason);
}

enum says { SAYS_NOTHING = 0, SAYS_REVOKED, SAYS_NO_MORE /* removeFromCRL */ };

static enum says look_up(struct ask *k, const struct crl *c)
{
	X509_REVOKED *entry = NULL;
	enum says says = (enum says)X509_CRL_get0_by_cert(c->x, &entry, k->cert);

	if (says == SAYS_REVOKED)
		*k->out = (struct revoked){ REVOKED_YES, reason_of(entry), NULL };
	return says;
}

/* A complete list that covers the certificate. LEAT_OK: went into the answer, one way or the other. */
static enum leat_ret use_list(struct ask *k, struct crl *c, unsigned reasons)
{
	enum leat_ret r = check_list(k, c);
	enum says says = SAYS_NOTHING;
	struct crl *delta;

	if (r == LEAT_OK)
		r = find_delta(k, c, &delta);
	if (r != LEAT_OK)
		return r;
	if (delta)
		says = look_up(k, delta);
	if (says == SAYS_NOTHING)
		says = look_up(k, c);
	if (says != SAYS_REVOKED) {
		k->covered |= reasons;
		unknown(k, "crl: the lists that there are do not cover all reasons");
	}
	return LEAT_OK;
}

static bool is_decided(const struct ask *k)
{
	return k->out->status == REVOKED_YES || k->covered == REASONS_ALL;
}

/* ---- one point ---------------------------------------------------------------------------------- */

/* point EVERYWHERE: the one that is assumed. */
static enum leat_ret use_point(struct ask *k, size_t point)
{
	const DIST_POINT *dp = point == EVERYWHERE ? NULL : k->points.v[point].dp;
	enum leat_ret r = LEAT_OK;
	unsigned reasons;

	for (size_t i = 0; r != LEAT_AGAIN && r != LEAT_FAILED && !is_decided(k) && i < k->num;
		i++) {
		struct found *f = &k->found[i];

		if ((f->point != point && f->point != EVERYWHERE) || crl_is_delta(f->crl) ||
			!covers(f->crl, dp, k->cert))
			continue;
		/* 6.3.3 (d), (e) */
		reasons = crl_reasons(dp ? dp->reasons : NULL) &
			  crl_reasons(f->crl->idp ? f->crl->idp->onlysomereasons : NULL);
		if (reasons & ~k->covered)
			r = use_list(k, f->crl, reasons);
	}
	return r == LEAT_UNSUPPORTED ? LEAT_OK : r;
}

static enum leat_ret use_points(struct ask *k)
{
	enum leat_ret r = LEAT_OK;

	for (size_t i = 0; r == LEAT_OK && !is_decided(k) && i < k->num_points; i++)
		r = use_point(k, i);
	if (r == LEAT_OK && !is_decided(k))
		r = use_point(k, EVERYWHERE);
	return r;
}

static enum leat_ret find_points(struct ask *k, struct leat_err *err)
{
	if (!crl_points_add(&k->points, k->cert, NID_crl_distribution_points))
		return err_memory(err);
	k->num_points = k->points.num;
	return crl_points_add(&k->points, k->cert, NID_freshest_crl) ? LEAT_OK : err_memory(err);
}

static enum leat_ret run(struct ask *k, struct leat_err *err)
{
	enum leat_ret r = find_points(k, err);

	for (size_t i = 0; r == LEAT_OK && i < k->points.num; i++)
		r = gather_point(k, i);
	if (r == LEAT_OK && k->num > 0)
		r = use_points(k);
	if (r != LEAT_OK || is_decided(k))
		return r;
	/* RFC 5280 6.3.3: "repeat the process above with any available CRLs not specified in a distribution
	 * point but issued by the certificate issuer" */
	r = gather_by_issuer(k);
	return r == LEAT_OK ? use_points(k) : r;
}

enum leat_ret revoked_ask_at(
	const struct revoked_in *in, int i, int level, struct revoked *out, struct leat_err *err)
{
	struct ask k = {
		.in = in, .level = level, .cert = sk_X509_value(in->path, i), .at = i, .out = out
	};
	enum leat_ret r;

	*out = (struct revoked){ REVOKED_UNKNOWN, 0, "crl: none was found" };
	r = run(&k, err);
	if (r == LEAT_FAILED && err->cls == LEAT_E_NONE)
		err_memory(err);
	if (r == LEAT_OK && out->status != REVOKED_YES && is_decided(&k))
		*out = (struct revoked){ REVOKED_NO, 0, NULL };
	ask_clear(&k);
	ossl_forget();
	return r;
}

enum leat_ret revoked_ask(
	const struct revoked_in *in, int i, struct revoked *out, struct leat_err *err)
{
	return revoked_ask_at(in, i, 0, out, err);
}

/* ---- the path ----------------------------------------------------------------------------------- */

bool revoked_is_asked(const struct revoked_in *in, int i)
{
	return in->verify->crl_check != CRL_CHECK_OFF && i < sk_X509_num(in->path) - 1 &&
	       (i == 0 || in->verify->crl_check != CRL_CHECK_PEER);
}

bool revoked_passes(const struct revoked_in *in, const struct revoked *r, uint8_t *alert)
{
	*alert = r->status == REVOKED_YES ? LEAT_ALERT_CERTIFICATE_REVOKED
					  : LEAT_ALERT_BAD_CERTIFICATE;
	return r->status == REVOKED_NO ||
	       (r->status == REVOKED_UNKNOWN && in->verify->crl_check == CRL_CHECK_BEST_EFFORT);
}

static enum leat_ret refuse(const struct revoked_in *in, int i, const struct revoked *r,
	uint8_t alert, struct leat_err *err)
{
	bool yes = r->status == REVOKED_YES;
	struct fault found = {
		.depth = (unsigned)i,
		.reason = yes ? LEAT_BAD_REVOKED : LEAT_BAD_REVOCATION_UNDETERMINED,
		.crl_reason = r->reason,
	};
	char subject[80];

	err_alert(err, alert,
		yes ? "certificate: revoked, says the CRL"
		    : "certificate: whether it is revoked cannot be told");
	san_name_text(X509_get_subject_name(sk_X509_value(in->path, i)), subject, sizeof(subject));
	err_detailf(err, "depth %d, subject %s, %s", i, subject,
		yes ? leat_crl_reason_name(r->reason) : r->why);
	return verify_found(in->verify, found, err);
}

/* Who comes with a path that nobody vouches for does not choose what is fetched. */
static bool is_trusted(const struct revoked_in *in)
{
	const struct faults *f = in->verify->faults;

	for (int i = 0; f && i < sk_X509_num(in->path); i++)
		if (faults_at(f, (unsigned)i, LEAT_BAD_UNKNOWN_CA) ||
			faults_at(f, (unsigned)i, LEAT_BAD_SELFSIGNED_PEER) ||
			faults_at(f, (unsigned)i, LEAT_BAD_INVALID_SIGNATURE) ||
			faults_at(f, (unsigned)i, LEAT_BAD_INVALID_ISSUER) ||
			faults_at(f, (unsigned)i, LEAT_BAD_BASIC_CONSTRAINT))
			return false;
	return true;
}

enum leat_ret revoked_check(const struct revoked_in *in, struct leat_err *err)
{
	bool trusted = is_trusted(in);
	enum leat_ret r = LEAT_OK;
	uint8_t alert;

	for (int i = sk_X509_num(in->path) - 2; r == LEAT_OK && i >= 0; i--) {
		struct revoked known = { REVOKED_UNKNOWN, LEAT_CRL_UNSPECIFIED,
			"crl: not asked for, the path is not trusted" };

		if (!revoked_is_asked(in, i))
			continue;
		if (trusted)
			r = revoked_ask(in, i, &known, err);
		if (r == LEAT_OK && !revoked_passes(in, &known, &alert))
			r = refuse(in, i, &known, alert, err);
	}
	return r;
}
