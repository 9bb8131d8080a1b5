/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.c - see walk.h; the contract with the application is leat/verify.h. Called by the verify job.
 * What is wrong comes from verify.c and status.c as faults; here is only who is told what and when, and the
 * alert of an answer. docs/decisions/0061-the-path-is-judged-before-it-is-told.md has the reasons.
 */
#include "x509/walk.h"

#include <openssl/x509v3.h>

#include "base/mem.h"
#include "crypto/ossl_err.h"
#include "x509/chain_int.h"
#include "x509/fault.h"
#include "x509/store_int.h"

struct walk {
	struct leat_verify_fun fun;
	void *state;
	bool cloned;         /* state is ours to end */
	struct chain *chain; /* referenced */
	const struct store *store;
	struct faults faults;
	bool claimed;    /* the last of the path is what partial_chain named */
	bool only_paper; /* a response alone is judged: nothing about certificates is told */
	/* the next event: of the certificate at this depth, its next fault, its next extension, the last word */
	int depth;
	size_t fault;
	int ext;
	bool done;
	struct leat_cert_event ev;
	bool open; /* ev waits for an answer */
};

void walk_free(struct walk *w)
{
	if (!w)
		return;
	if (w->cloned && w->fun.free)
		w->fun.free(w->state);
	faults_clear(&w->faults);
	chain_unref(w->chain);
	leat_free(w);
}

const struct leat_cert_event *walk_event(const struct walk *w)
{
	return w && w->open ? &w->ev : NULL;
}

/* ---- which anchor ---- */

static int path_num(const struct faults *f)
{
	return f->path ? sk_X509_num(f->path) : 1;
}

/* No path to a root that is trusted and has not expired. */
static bool lacks_root(const struct faults *f)
{
	for (size_t i = 0; i < f->num; i++)
		if (f->v[i].reason == LEAT_BAD_UNKNOWN_CA ||
			(f->v[i].reason == LEAT_BAD_CERT_EXPIRED &&
				f->v[i].depth + 1 == (unsigned)path_num(f)))
			return true;
	return false;
}

/* Everything that is wrong into *f, with an anchor that was claimed where one is needed: *anchor, 0 where not. */
static enum leat_ret judge(const struct crypto *c, const struct verify_in *in, struct faults *f,
	size_t *anchor, struct leat_err *err)
{
	struct verify_in mine = *in;
	size_t at = 0;
	enum leat_ret r;

	*anchor = 0;
	mine.faults = f;
	r = verify_chain(c, &mine, err);
	if (r != LEAT_OK || !in->partial || !lacks_root(f))
		return r;
	r = in->partial(in->partial_arg, in->chain->der, in->chain->num, &at);
	if (r == LEAT_AGAIN)
		return r;
	if (r != LEAT_OK || at == 0 || at >= in->chain->num)
		return LEAT_OK; /* unknown_ca, as found */
	*anchor = mine.anchor = at;
	faults_clear(f);
	return verify_chain(c, &mine, err);
}

/* Without a verify_fun: libcrypto's verdict, or the one under the claimed anchor. */
static enum leat_ret verify_claimed(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err)
{
	LEAT_SCOPED(faults_clear) struct faults f = { 0 };
	enum leat_ret r = verify_chain(c, in, err);
	struct verify_in mine = *in;
	struct leat_err other = { 0 };

	if (r == LEAT_OK || err->cls != LEAT_E_OUR_ALERT)
		return r;
	r = judge(c, in, &f, &mine.anchor, &other);
	if (r == LEAT_OK && !mine.anchor)
		return LEAT_FAILED;
	err_clear(err);
	if (r == LEAT_OK)
		return verify_chain(c, &mine, err);
	*err = other;
	return r;
}

/* ---- what is told next ---- */

/* In the path, also of what was found in what was sent. */
static int depth_of(const struct walk *w, const struct fault *f)
{
	int num = path_num(&w->faults);

	if (!f->sent)
		return (int)f->depth < num ? (int)f->depth : num - 1;
	for (int i = 0; i < num && i < FAULT_PATH; i++)
		if (w->faults.sent_at[i] == f->depth + 1)
			return i;
	return 0;
}

/* Extensions that are used or understood here or by libcrypto. A critical one only libcrypto may know. */
static bool is_told(X509_EXTENSION *e)
{
	if (X509_supported_extension(e))
		return false;
	if (X509_EXTENSION_get_critical(e))
		return true;
	switch (OBJ_obj2nid(X509_EXTENSION_get_object(e))) {
	case NID_subject_key_identifier:
	case NID_authority_key_identifier:
	case NID_issuer_alt_name:
	case NID_freshest_crl:
	case NID_info_access:
	case NID_tlsfeature:
	case NID_id_pkix_OCSP_noCheck:
	case NID_ct_precert_scts: return false;
	default: return true;
	}
}

static struct leat_span der_at(const struct walk *w, int depth)
{
	size_t sent = depth < FAULT_PATH ? w->faults.sent_at[depth] : 0;

	if (!w->faults.path)
		return w->chain->der[depth];
	return sent ? w->chain->der[sent - 1]
		    : store_der_of(w->store, sk_X509_value(w->faults.path, depth));
}

static void open_event(struct walk *w, enum leat_cert_event_kind kind)
{
	bool sent = w->depth < FAULT_PATH && w->faults.sent_at[w->depth];
	bool last = w->depth + 1 == path_num(&w->faults);

	w->ev = (struct leat_cert_event){
		.kind = kind,
		.number = w->ev.number,
		.depth = (unsigned)w->depth,
		.is_anchor = w->faults.path && last && (!sent || w->claimed),
		.der = der_at(w, w->depth),
	};
	w->open = true;
}

static bool next_fault(struct walk *w)
{
	while (w->fault < w->faults.num) {
		const struct fault *f = &w->faults.v[w->fault++];

		if (depth_of(w, f) != w->depth)
			continue;
		open_event(w, LEAT_CERT_BAD);
		w->ev.reason = f->reason;
		w->ev.crl_reason = f->crl_reason;
		w->ev.alert = f->err.alert;
		w->ev.what = f->err.what;
		w->ev.detail = f->err.detail;
		return true;
	}
	return false;
}

static bool next_extension(struct walk *w)
{
	X509 *x = w->only_paper ? NULL : sk_X509_value(w->faults.path, w->depth);
	const ASN1_OCTET_STRING *value;
	const ASN1_OBJECT *oid;
	X509_EXTENSION *e;

	while (x && w->ext < X509_get_ext_count(x)) {
		e = X509_get_ext(x, w->ext++);
		if (!is_told(e))
			continue;
		oid = X509_EXTENSION_get_object(e);
		value = X509_EXTENSION_get_data(e);
		open_event(w, LEAT_CERT_EXTENSION);
		w->ev.critical = X509_EXTENSION_get_critical(e);
		w->ev.oid = (struct leat_span){ OBJ_get0_data(oid), OBJ_length(oid) };
		w->ev.value = (struct leat_span){ ASN1_STRING_get0_data(value),
			(size_t)ASN1_STRING_length(value) };
		return true;
	}
	return false;
}

static bool last_word(struct walk *w)
{
	if (w->done || w->only_paper)
		return false;
	w->done = true;
	open_event(w, w->depth ? LEAT_CERT_VALID : LEAT_CERT_VALID_PEER);
	return true;
}

/* Opens the next event. false: there is none. */
static bool next_event(struct walk *w)
{
	while (w->depth >= 0) {
		if (next_fault(w) || next_extension(w) || last_word(w))
			return true;
		w->depth--;
		w->fault = 0;
		w->ext = 0;
		w->done = false;
	}
	return false;
}

/* ---- what an answer means ---- */

/* The alert of a reason that the application gives, as the manual's program has them. */
static uint8_t alert_of(enum leat_bad_cert reason)
{
	switch (reason) {
	case LEAT_BAD_UNKNOWN_CA: return LEAT_ALERT_UNKNOWN_CA;
	case LEAT_BAD_CERT_EXPIRED: return LEAT_ALERT_CERTIFICATE_EXPIRED;
	case LEAT_BAD_REVOKED: return LEAT_ALERT_CERTIFICATE_REVOKED;
	case LEAT_BAD_INVALID_ISSUER:
	case LEAT_BAD_INVALID_SIGNATURE:
	case LEAT_BAD_NAME_NOT_PERMITTED:
	case LEAT_BAD_SELFSIGNED_PEER:
	case LEAT_BAD_REVOCATION_UNDETERMINED: return LEAT_ALERT_BAD_CERTIFICATE;
	case LEAT_BAD_CRITICAL_EXTENSION: return LEAT_ALERT_UNSUPPORTED_CERTIFICATE;
	default: return LEAT_ALERT_HANDSHAKE_FAILURE;
	}
}

static enum leat_ret refuse(
	const struct walk *w, enum leat_bad_cert reason, const char *what, struct leat_err *err)
{
	const struct leat_cert_event *ev = &w->ev;

	if (ev->kind == LEAT_CERT_BAD && reason == ev->reason) {
		err_alert(err, ev->alert, ev->what);
		err_detailf(err, "%s", ev->detail);
		return LEAT_FAILED;
	}
	err_alert(err, alert_of(reason), what);
	err_detailf(err, "depth %u, reason %s", ev->depth, leat_bad_cert_name(reason));
	return LEAT_FAILED;
}

static enum leat_ret take(
	const struct walk *w, enum leat_verdict v, enum leat_bad_cert reason, struct leat_err *err)
{
	const struct leat_cert_event *ev = &w->ev;

	if (v == LEAT_VERDICT_VALID)
		return LEAT_OK;
	if (v == LEAT_VERDICT_UNKNOWN && ev->kind == LEAT_CERT_EXTENSION && ev->critical)
		return refuse(w, LEAT_BAD_CRITICAL_EXTENSION,
			"certificate: a critical extension that is not known here", err);
	if (v == LEAT_VERDICT_UNKNOWN && ev->kind != LEAT_CERT_BAD)
		return LEAT_OK;
	return refuse(w, reason, "certificate: refused by the application", err);
}

/* ---- walking ---- */

static enum leat_ret end(struct walk **walk, enum leat_ret r)
{
	walk_free(*walk);
	*walk = NULL;
	return r;
}

static enum leat_ret answer(
	struct walk *w, enum leat_verdict v, enum leat_bad_cert reason, struct leat_err *err)
{
	w->open = false;
	w->ev.number++;
	return take(w, v, reason, err);
}

static enum leat_ret go_on(struct walk **walk, struct leat_err *err)
{
	struct walk *w = *walk;
	enum leat_bad_cert reason;
	enum leat_verdict v;

	while (w->open || next_event(w)) {
		reason = w->ev.kind == LEAT_CERT_BAD ? w->ev.reason : LEAT_BAD_APPLICATION;
		v = w->fun.fn(w->state, &w->ev, &reason);
		if (v == LEAT_VERDICT_LATER)
			return LEAT_AGAIN;
		if (answer(w, v, reason, err) != LEAT_OK)
			return end(walk, LEAT_FAILED);
	}
	return end(walk, LEAT_OK);
}

static enum leat_ret begin(
	struct walk *w, const struct crypto *c, const struct verify_in *in, struct leat_err *err)
{
	size_t anchor;
	enum leat_ret r = judge(c, in, &w->faults, &anchor, err);

	if (r != LEAT_OK)
		return r;
	w->fun = *in->fun;
	w->claimed = anchor > 0;
	w->only_paper = in->staple_only;
	w->chain = chain_ref(in->chain);
	w->store = in->store;
	w->depth = path_num(&w->faults) - 1;
	w->state = w->fun.clone ? w->fun.clone(w->fun.state) : w->fun.state;
	w->cloned = w->fun.clone && w->state;
	return w->fun.clone && !w->state ? err_memory(err) : LEAT_OK;
}

enum leat_ret walk_verify(const struct crypto *c, const struct verify_in *in, struct walk **walk,
	struct leat_err *err)
{
	enum leat_ret r;

	if (!in->fun)
		return in->partial ? verify_claimed(c, in, err) : verify_chain(c, in, err);
	if (!*walk) {
		*walk = leat_zalloc(sizeof(**walk));
		if (!*walk)
			return err_memory(err);
		r = begin(*walk, c, in, err);
		if (r != LEAT_OK)
			return end(walk, r);
	}
	return go_on(walk, err);
}

enum leat_ret walk_answer(
	struct walk **walk, enum leat_verdict v, enum leat_bad_cert reason, struct leat_err *err)
{
	if (answer(*walk, v, reason, err) != LEAT_OK)
		return end(walk, LEAT_FAILED);
	return go_on(walk, err);
}

/* ---- what the manual answers by default ---- */

enum leat_verdict leat_verify_default_peer(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason)
{
	(void)state;
	(void)reason;
	switch (ev->kind) {
	case LEAT_CERT_BAD: return LEAT_VERDICT_FAIL;
	case LEAT_CERT_EXTENSION: return LEAT_VERDICT_UNKNOWN;
	default: return LEAT_VERDICT_VALID;
	}
}

enum leat_verdict leat_verify_default_none(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason)
{
	(void)state;
	(void)reason;
	return ev->kind == LEAT_CERT_EXTENSION && !ev->critical ? LEAT_VERDICT_UNKNOWN
								: LEAT_VERDICT_VALID;
}
