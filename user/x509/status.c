/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c - see status.h. libcrypto takes responses apart and finds and believes their signer
 * (OCSP_basic_verify: the issuer that the response names, or a certificate with id-kp-OCSPSigning directly
 * below it, up to an anchor: of the store, or the one that was claimed). Added here: that the named issuer is the one that signed this
 * certificate, the dates against the given time (OCSP_check_validity would read the clock), weak hashes,
 * critical extensions, and what the answer means.
 *
 * Runs behind verify_chain's verdict, remembered or new, never in place of it, and only when a response
 * came or must come: libcrypto's objects are made for the certificates then (0.1 ms each).
 */
#include "x509/status.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/ossl_err.h"
#include "x509/certsig.h"
#include "x509/chain_int.h"
#include "x509/der.h"
#include "x509/fault.h"
#include "x509/papers.h"
#include "x509/san.h"
#include "x509/store_int.h"

#define refuse(err, what) err_alert((err), LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, (what))

/* ---- TLS feature, RFC 7633 ---- */

/* Features ::= SEQUENCE OF INTEGER; status_request is 5. A broken one counts as one that demands. */
static bool value_demands(struct leat_span value)
{
	struct leat_rd in = leat_rd_of(value), seq;
	struct leat_span n;

	der_take(&in, DER_SEQUENCE, &seq);
	while (leat_rd_more(&seq)) {
		n = der_span(&seq, DER_INTEGER, NULL);
		if (leat_rd_ok(&seq) && n.n == 1 && n.p[0] == 5)
			return true;
	}
	return !leat_rd_end(&seq) || !leat_rd_end(&in);
}

/* A certificate that der.c does not understand. */
static bool odd_cert_demands(struct leat_span der)
{
	ASN1_OCTET_STRING *value;
	bool memory, demands;
	X509 *x = san_parse_cert(der, &memory);
	int at;

	if (!x) /* cannot be: the chain was parsed. Without memory the answer is the strict one. */
		return true;
	at = X509_get_ext_by_NID(x, NID_tlsfeature, -1);
	value = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(x, at));
	demands = value && value_demands((struct leat_span){ ASN1_STRING_get0_data(value),
				   (size_t)ASN1_STRING_length(value) });
	X509_free(x);
	return demands;
}

static bool cert_demands(struct leat_span der)
{
	struct der_cert c;
	struct der_ext e;
	struct leat_rd in;

	if (!der_cert(der, &c))
		return odd_cert_demands(der);
	in = leat_rd_of(c.exts);
	while (leat_rd_more(&in)) {
		der_ext(&in, &e);
		if (leat_rd_ok(&in) && der_oid_is(e.oid, "\x2b\x06\x01\x05\x05\x07\x01\x18"))
			return value_demands(e.value);
	}
	return !leat_rd_end(&in);
}

/* RFC 7633 4.2.3 (4.2.2 for CAs, whose demand holds for what they certify): the leaf needs a response. */
static enum leat_ret check_demand(const struct verify_in *in, struct leat_err *err)
{
	bool demands = in->staple == STAPLE_REQUIRE;

	if (papers_status(in->papers, 0).n)
		return LEAT_OK;
	for (size_t i = 0; !demands && i < in->chain->num; i++)
		demands = cert_demands(in->chain->der[i]);
	if (!demands)
		return LEAT_OK;
	return refuse(err, in->staple == STAPLE_REQUIRE
				   ? "ocsp: no response came, and one is required here"
				   : "ocsp: no response came, and the certificate demands one");
}

/* ---- one response ---- */

/* The response in der, whole and successful; NULL otherwise, *why in words, or NULL without memory. */
static OCSP_BASICRESP *parse(struct leat_span der, const char **why)
{
	const unsigned char *p = der.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	OCSP_BASICRESP *basic = NULL;

	*why = "ocsp: the response cannot be decoded";
	if (r && p == der.p + der.n) {
		if (OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
			basic = OCSP_response_get1_basic(r);
		else
			*why = "ocsp: the response says that the responder had trouble";
	}
	if (!basic && ossl_out_of_memory())
		*why = NULL;
	OCSP_RESPONSE_free(r);
	ossl_forget();
	return basic;
}

static bool same_serial(const OCSP_CERTID *id, const X509 *cert)
{
	ASN1_INTEGER *serial = NULL;

	return OCSP_id_get0_info(NULL, NULL, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id) == 1 &&
	       ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) == 0;
}

/* Is id that of cert under this issuer, by the hash it was made with? */
static bool is_id_of(const OCSP_CERTID *id, const X509 *cert, const X509 *issuer)
{
	ASN1_OBJECT *alg = NULL;
	const EVP_MD *md;
	OCSP_CERTID *mine;
	bool same;

	if (OCSP_id_get0_info(NULL, &alg, NULL, NULL, (OCSP_CERTID *)(uintptr_t)id) != 1)
		return false;
	md = EVP_get_digestbyobj(alg);
	mine = md ? OCSP_cert_to_id(md, cert, issuer) : NULL;
	same = mine && OCSP_id_cmp(mine, id) == 0;
	OCSP_CERTID_free(mine);
	return same;
}

/* The answer about cert; issuer NULL: whoever issued it. */
static OCSP_SINGLERESP *find_answer(OCSP_BASICRESP *b, const X509 *cert, const X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(b); i++) {
		OCSP_SINGLERESP *s = OCSP_resp_get0(b, i);
		const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(s);

		if (same_serial(id, cert) && (!issuer || is_id_of(id, cert, issuer)))
			return s;
	}
	return NULL;
}

/* What a response says; without nextUpdate `to` is INT64_MAX. */
struct answer {
	int status, reason; /* reason: of a revoked one */
	int64_t from, to;
};

static bool read_answer(OCSP_SINGLERESP *s, struct answer *a)
{
	ASN1_GENERALIZEDTIME *this = NULL, *next = NULL;

	*a = (struct answer){ .to = INT64_MAX };
	a->status = OCSP_single_get0_status(s, &a->reason, NULL, &this, &next);
	return this && san_unix_time(this, &a->from) && (!next || san_unix_time(next, &a->to));
}

/* RFC 6960 4.2.2.1: "Responses whose nextUpdate value is earlier than the local system time value SHOULD
 * be considered unreliable. Responses whose thisUpdate time is later than the local system time SHOULD be
 * considered unreliable." */
static enum leat_ret check_dates(int64_t now_s, int64_t from, int64_t to, struct leat_err *err)
{
	if (from > to)
		return refuse(err, "ocsp: the response ends before it begins");
	if (from - LIM_STAPLE_SKEW_S > now_s)
		return refuse(err, "ocsp: the response is not valid yet");
	if (to == INT64_MAX ? now_s - LIM_STAPLE_SKEW_S > from + LIM_STAPLE_AGE_S
			    : now_s - LIM_STAPLE_SKEW_S > to)
		return refuse(err, "ocsp: the response is out of date");
	return LEAT_OK;
}

static enum leat_ret check_form(OCSP_BASICRESP *b, OCSP_SINGLERESP *s, struct leat_err *err)
{
	if (certsig_is_weak(OCSP_resp_get0_tbs_sigalg(b)))
		return refuse(err, "ocsp: the response is signed with a weak hash");
	/* RFC 6960 4.4: "unrecognized extensions MUST be ignored (unless they have the critical flag set and
	 * are not understood)" */
	if (OCSP_BASICRESP_get_ext_by_critical(b, 1, -1) >= 0 ||
		OCSP_SINGLERESP_get_ext_by_critical(s, 1, -1) >= 0)
		return refuse(err, "ocsp: a critical extension that is not known here");
	return LEAT_OK;
}

static enum leat_ret check_meaning(
	const struct answer *a, struct fault *found, struct leat_err *err)
{
	if (a->status == V_OCSP_CERTSTATUS_GOOD)
		return LEAT_OK;
	if (a->status == V_OCSP_CERTSTATUS_REVOKED) {
		found->reason = LEAT_BAD_REVOKED;
		found->crl_reason = crl_reason_of(a->reason); /* none given is -1 here */
		return err_alert(err, LEAT_ALERT_CERTIFICATE_REVOKED,
			"certificate: revoked, says the ocsp response");
	}
	return refuse(err, "ocsp: the responder does not know the certificate");
}

/* ---- whose certificates ---- */

/* libcrypto's objects for one check. */
struct world {
	STACK_OF(X509) * sent; /* the chain, leaf first */
	STACK_OF(X509) * all;  /* and the anchors that could matter; borrowed elements */
	X509_STORE *store;
	int64_t now_s;
};

static void world_clear(struct world *w)
{
	sk_X509_free(w->all);
	sk_X509_pop_free(w->sent, X509_free);
	X509_STORE_free(w->store);
}

static bool add_all(struct world *w)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(w->store);

	for (int i = 0; i < sk_X509_num(w->sent); i++)
		if (!sk_X509_push(w->all, sk_X509_value(w->sent, i)))
			return false;
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		if (x && !sk_X509_push(w->all, x))
			return false;
	}
	return true;
}

static bool world_make(struct world *w, const struct verify_in *in)
{
	X509_VERIFY_PARAM *param;
	bool memory;

	w->sent = sk_X509_new_null();
	w->all = sk_X509_new_null();
	w->now_s = in->now_s;
	for (size_t i = 0; w->sent && i < in->chain->num; i++) {
		X509 *x = san_parse_cert(in->chain->der[i], &memory);

		if (!x || !sk_X509_push(w->sent, x)) {
			X509_free(x);
			return false;
		}
	}
	if (!w->sent || !w->all)
		return false;
	w->store = store_anchors(in->store, w->sent, in->anchor);
	if (!w->store || !add_all(w))
		return false;
	param = X509_STORE_get0_param(w->store);
	X509_VERIFY_PARAM_set_time(param, (time_t)in->now_s); /* else it would ask the clock */
	X509_VERIFY_PARAM_set_auth_level(param, VERIFY_AUTH_LEVEL);
	if (in->anchor)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	return true;
}

/* The certificate whose key signed this one. */
static X509 *issuer_of(const struct world *w, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(w->all); i++) {
		X509 *x = sk_X509_value(w->all, i);

		if (x != cert && X509_check_issued(x, cert) == X509_V_OK &&
			X509_verify(cert, X509_get0_pubkey(x)) == 1)
			return x;
	}
	return NULL;
}

static enum leat_ret check_basic(const struct world *w, OCSP_BASICRESP *b, X509 *cert,
	struct fault *found, struct leat_err *err)
{
	X509 *issuer = issuer_of(w, cert);
	OCSP_SINGLERESP *s = issuer ? find_answer(b, cert, issuer) : NULL;
	struct answer a;

	if (!s)
		return refuse(err, "ocsp: the response is about another certificate");
	if (check_form(b, s, err) != LEAT_OK)
		return LEAT_FAILED;
	if (OCSP_basic_verify(b, w->all, w->store, OCSP_NOEXPLICIT) != 1)
		return ossl_out_of_memory()
			       ? err_memory(err)
			       : refuse(err, "ocsp: not signed by the issuer or on its behalf");
	if (!read_answer(s, &a))
		return refuse(err, "ocsp: unreadable date");
	if (check_dates(w->now_s, a.from, a.to, err) != LEAT_OK)
		return LEAT_FAILED;
	return check_meaning(&a, found, err);
}

static enum leat_ret check_one(
	const struct world *w, const struct verify_in *in, size_t i, struct leat_err *err)
{
	struct fault found = {
		.depth = (unsigned)i, .sent = true, .reason = LEAT_BAD_REVOCATION_UNDETERMINED
	};
	X509 *cert = sk_X509_value(w->sent, (int)i);
	OCSP_BASICRESP *b;
	enum leat_ret ret;
	const char *why;
	char subject[80];

	b = parse(papers_status(in->papers, i), &why);
	if (!b && !why)
		return err_memory(err);
	ret = b ? check_basic(w, b, cert, &found, err) : refuse(err, why);
	OCSP_BASICRESP_free(b);
	if (ret == LEAT_OK)
		return LEAT_OK;
	san_name_text(X509_get_subject_name(cert), subject, sizeof(subject));
	err_detailf(err, "depth %zu, subject %s", i, subject);
	return verify_found(in, found, err);
}

enum leat_ret status_check(const struct verify_in *in, struct leat_err *err)
{
	const struct fault missing = { .reason = LEAT_BAD_REVOCATION_UNDETERMINED };
	struct world w = { 0 };
	enum leat_ret ret = LEAT_OK;
	bool any = false;

	if (check_demand(in, err) != LEAT_OK && verify_found(in, missing, err) != LEAT_OK)
		return LEAT_FAILED;
	for (size_t i = 0; i < in->chain->num; i++)
		any = any || papers_status(in->papers, i).n;
	if (!any)
		return LEAT_OK;
	if (!world_make(&w, in))
		ret = err_memory(err);
	for (size_t i = 0; ret == LEAT_OK && i < in->chain->num; i++)
		if (papers_status(in->papers, i).n)
			ret = check_one(&w, in, i, err);
	world_clear(&w);
	ossl_forget();
	return ret;
}

/* ---- our own ---- */

static enum leat_ret refuse_own(struct leat_err *err, const char *what)
{
	return err_option(err, "ocsp", NULL, what);
}

enum leat_ret status_read_own(struct status_own *out, struct leat_span der, X509 *cert,
	X509 *issuer, struct leat_err *err)
{
	OCSP_SINGLERESP *s;
	OCSP_BASICRESP *b;
	struct answer a;
	const char *why;
	bool ok;

	if (der.n > LIM_STAPLE)
		return refuse_own(
			err, "the response is longer than " LEAT_STR(LIM_STAPLE) " bytes");
	b = parse(der, &why);
	if (!b)
		return why ? refuse_own(err, "not a successful OCSP response in DER")
			   : err_memory(err);
	if (issuer && X509_check_issued(issuer, cert) != X509_V_OK)
		issuer = NULL;
	s = find_answer(b, cert, issuer);
	ok = s && read_answer(s, &a);
	if (ok)
		*out = (struct status_own){ a.from, a.to };
	OCSP_BASICRESP_free(b);
	ossl_forget();
	return ok ? LEAT_OK : refuse_own(err, "the response is about another certificate");
}
