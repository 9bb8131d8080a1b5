/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c - is this chain to be believed? libcrypto builds the path and checks it (RFC 5280 6);
 * this file sets the rules, adds the ones libcrypto leaves out, and turns the verdict into the alert
 * of RFC 8446 6.2 with a sentence for the operator. Called by engine jobs, possibly on another
 * thread: everything it reads is immutable.
 *
 * Before libcrypto is asked, two may say yes, never no: an earlier verdict about the same bytes under
 * the same anchors (its time span, the depth and the host name are looked at anew), and lean.c, which
 * knows the plain chains.
 *
 * Where the application has a say (walk.c), nothing is refused here: every fault goes to in->faults, and
 * libcrypto goes on (fault.h).
 *
 * Rules that were chosen:
 *  - The path must end in a self-signed certificate of the store (no partial chains).
 *  - Signatures and keys give 112 bits of security (libcrypto's auth level 2): no MD5 and no SHA-1
 *    signature below the anchor, RSA from 2048 bits. RFC 8446 4.4.2.4 names bad_certificate.
 *  - X509_V_FLAG_X509_STRICT is off: it refuses certificates for lacking identifiers that nothing
 *    here relies on (SKI, AKI), which many private CAs leave out. That an intermediate says it is a
 *    CA (RFC 5280 6.1.4 k) libcrypto asks in any case.
 *  - Certificate policies are processed, with any policy good enough for us (RFC 5280 6.1.1 c to f):
 *    a CA that demands a policy of those below it (policyConstraints) is obeyed.
 *  - Depth counts intermediates that are not self-issued, as the manual's `depth` and RFC 5280's
 *    pathLenConstraint do; libcrypto's own depth counts all, so that one is set out of the way.
 *  - The names are checked last and by name.c, without the common name (RFC 9525 2).
 */
#include "x509/verify.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ossl_err.h"
#include "x509/cache.h"
#include "x509/certsig.h"
#include "x509/chain_int.h"
#include "x509/der.h"
#include "x509/fault.h"
#include "x509/lean.h"
#include "x509/revoked.h"
#include "x509/san.h"
#include "x509/status.h"
#include "x509/store_int.h"

/* Verdicts of X509_verify_cert that have a better answer than certificate_unknown. */
static const struct {
	int code;
	enum leat_bad_cert reason;
	uint8_t alert;
	const char *what;
} verdicts[] = {
	/* RFC 8446 6.2: "the CA certificate could not be located or could not be matched with a
	 * known trust anchor" */
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, LEAT_BAD_UNKNOWN_CA, LEAT_ALERT_UNKNOWN_CA,
		"certificate: the issuer is not among the trusted CAs" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, LEAT_BAD_UNKNOWN_CA, LEAT_ALERT_UNKNOWN_CA,
		"certificate: the issuer is not among the trusted CAs" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, LEAT_BAD_UNKNOWN_CA, LEAT_ALERT_UNKNOWN_CA,
		"certificate: the issuer is not among the trusted CAs" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, LEAT_BAD_UNKNOWN_CA, LEAT_ALERT_UNKNOWN_CA,
		"certificate: the root of the chain is not a trusted CA" },
	{ X509_V_ERR_CERT_UNTRUSTED, LEAT_BAD_UNKNOWN_CA, LEAT_ALERT_UNKNOWN_CA,
		"certificate: the root is not trusted for this use" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, LEAT_BAD_SELFSIGNED_PEER,
		LEAT_ALERT_BAD_CERTIFICATE, "certificate: signed by itself and not trusted" },
	{ X509_V_ERR_CERT_HAS_EXPIRED, LEAT_BAD_CERT_EXPIRED, LEAT_ALERT_CERTIFICATE_EXPIRED,
		"certificate: expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, LEAT_BAD_CERT_EXPIRED, LEAT_ALERT_CERTIFICATE_EXPIRED,
		"certificate: not valid yet" },
	{ X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, LEAT_BAD_OTHER, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: unreadable date" },
	{ X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, LEAT_BAD_OTHER, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: unreadable date" },
	{ X509_V_ERR_CERT_REVOKED, LEAT_BAD_REVOKED, LEAT_ALERT_CERTIFICATE_REVOKED,
		"certificate: revoked" },
	{ X509_V_ERR_SUBJECT_ISSUER_MISMATCH, LEAT_BAD_INVALID_ISSUER, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: not from the issuer it names" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, LEAT_BAD_INVALID_SIGNATURE, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: the signature is wrong" },
	{ X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, LEAT_BAD_INVALID_SIGNATURE,
		LEAT_ALERT_BAD_CERTIFICATE, "certificate: the signature cannot be checked" },
	{ X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, LEAT_BAD_INVALID_SIGNATURE,
		LEAT_ALERT_BAD_CERTIFICATE, "certificate: the issuer's key cannot be read" },
	{ X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, LEAT_BAD_INVALID_SIGNATURE,
		LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: names two different signature algorithms" },
	{ X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY, LEAT_BAD_INVALID_SIGNATURE,
		LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: names two different signature algorithms" },
	{ X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, LEAT_BAD_SIGNATURE_ALGORITHM,
		LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"certificate: a signature algorithm that is not supported" },
	/* RFC 8446 4.4.2.4: MD5 MUST, SHA-1 is RECOMMENDED to be refused with bad_certificate. */
	{ X509_V_ERR_CA_MD_TOO_WEAK, LEAT_BAD_WEAK, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: signed with a weak hash" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, LEAT_BAD_WEAK, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: the key is too weak" },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, LEAT_BAD_WEAK, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: the key of a CA is too weak" },
	{ X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, LEAT_BAD_OTHER, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a curve given by its parameters" },
	{ X509_V_ERR_INVALID_CA, LEAT_BAD_BASIC_CONSTRAINT, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: the issuer is not allowed to issue certificates" },
	{ X509_V_ERR_INVALID_NON_CA, LEAT_BAD_BASIC_CONSTRAINT, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a CA as the peer" },
	{ X509_V_ERR_KEYUSAGE_NO_CERTSIGN, LEAT_BAD_KEY_USAGE, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: the issuer's key may not sign certificates" },
	{ X509_V_ERR_PATH_LENGTH_EXCEEDED, LEAT_BAD_PATH_LENGTH, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: below a CA that allows fewer levels" },
	{ X509_V_ERR_INVALID_PURPOSE, LEAT_BAD_EXT_KEY_USAGE, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"certificate: not meant for this use" },
	{ X509_V_ERR_CERT_REJECTED, LEAT_BAD_OTHER, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: the root is marked as rejected" },
	{ X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, LEAT_BAD_CRITICAL_EXTENSION,
		LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
		"certificate: a critical extension that is not known here" },
	{ X509_V_ERR_INVALID_EXTENSION, LEAT_BAD_OTHER, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a broken extension" },
	{ X509_V_ERR_INVALID_POLICY_EXTENSION, LEAT_BAD_POLICY, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a broken policy extension" },
	{ X509_V_ERR_NO_EXPLICIT_POLICY, LEAT_BAD_POLICY, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: without the policy that a CA above it demands" },
	{ X509_V_ERR_PERMITTED_VIOLATION, LEAT_BAD_NAME_NOT_PERMITTED, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a name outside of what the CA may certify" },
	{ X509_V_ERR_EXCLUDED_VIOLATION, LEAT_BAD_NAME_NOT_PERMITTED, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a name the CA must not certify" },
	{ X509_V_ERR_SUBTREE_MINMAX, LEAT_BAD_NAME_NOT_PERMITTED, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: name constraints of a kind that is not supported" },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, LEAT_BAD_NAME_NOT_PERMITTED,
		LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: name constraints of a kind that is not supported" },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, LEAT_BAD_NAME_NOT_PERMITTED,
		LEAT_ALERT_BAD_CERTIFICATE, "certificate: name constraints that cannot be read" },
	{ X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, LEAT_BAD_NAME_NOT_PERMITTED,
		LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: a name that cannot be held against the CA's constraints" },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, LEAT_BAD_PATH_LENGTH, LEAT_ALERT_BAD_CERTIFICATE,
		"certificate: chain longer than allowed" },
};

/* "depth 1, subject CN=x, tail": the place of the trouble. */
static void place(struct leat_err *err, const X509 *x, int depth, const char *tail)
{
	char subject[80];

	san_name_text(X509_get_subject_name(x), subject, sizeof(subject));
	err_detailf(err, "depth %d, subject %s%s%s", depth, subject, tail[0] ? ", " : "", tail);
}

static void date_text(const ASN1_TIME *t, char *buf, size_t n)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		snprintf(buf, n, "(unreadable)");
	else
		snprintf(buf, n, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
			tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* What helps to act: the missing issuer's name, the date, else libcrypto's own words. */
static void tail_of(char *buf, size_t n, int code, const X509 *x)
{
	char text[64];

	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		san_name_text(X509_get_issuer_name(x), text, sizeof(text));
		snprintf(buf, n, "issuer %s", text);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		date_text(X509_get0_notAfter(x), text, sizeof(text));
		snprintf(buf, n, "since %s", text);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		date_text(X509_get0_notBefore(x), text, sizeof(text));
		snprintf(buf, n, "until %s", text);
		break;
	default: snprintf(buf, n, "%s", X509_verify_cert_error_string(code));
	}
}

/* Raises what ctx found last. Returns what kind of fault it is. */
static enum leat_bad_cert raise_found(X509_STORE_CTX *ctx, struct leat_err *err)
{
	const X509 *current = X509_STORE_CTX_get_current_cert(ctx);
	const X509 *x = current ? current : X509_STORE_CTX_get0_cert(ctx); /* of the whole path */
	int code = X509_STORE_CTX_get_error(ctx);
	int depth = current ? X509_STORE_CTX_get_error_depth(ctx) : 0;
	enum leat_bad_cert reason = LEAT_BAD_OTHER;
	uint8_t alert = LEAT_ALERT_CERTIFICATE_UNKNOWN;
	const char *what = "certificate: refused";
	char tail[96] = "";

	if (code == X509_V_ERR_OUT_OF_MEM) {
		err_memory(err);
		return reason;
	}
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].code == code) {
			reason = verdicts[i].reason;
			alert = verdicts[i].alert;
			what = verdicts[i].what;
			break;
		}
	}
	err_alert(err, alert, what);
	tail_of(tail, sizeof(tail), code, x);
	place(err, x, depth, tail);
	return reason;
}

/* Of libcrypto's own making, not of the certificates'. */
static bool is_no_verdict(int code)
{
	return code == X509_V_ERR_OUT_OF_MEM || code == X509_V_ERR_UNSPECIFIED ||
	       code == X509_V_ERR_INVALID_CALL || code == X509_V_ERR_STORE_LOOKUP;
}

/* What the callback of X509_STORE_CTX needs: its one pointer. */
struct collecting {
	const struct verify_in *in;
	struct leat_err *err;
};

/* Takes what libcrypto found into in->faults and lets it go on. Unknown critical extensions are told as
 * extensions, and the answer decides. */
static int collect(int ok, X509_STORE_CTX *ctx)
{
	const struct collecting *c = X509_STORE_CTX_get_app_data(ctx);
	int code = X509_STORE_CTX_get_error(ctx);
	struct fault found = { 0 };

	if (ok || code == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION)
		return 1;
	if (is_no_verdict(code))
		return 0;
	if (X509_STORE_CTX_get_current_cert(ctx))
		found.depth = (unsigned)X509_STORE_CTX_get_error_depth(ctx);
	found.reason = raise_found(ctx, c->err);
	/* who is no CA is none for this purpose either: said once */
	if (code == X509_V_ERR_INVALID_PURPOSE &&
		faults_at(c->in->faults, found.depth, LEAT_BAD_BASIC_CONSTRAINT)) {
		err_clear(c->err);
		return 1;
	}
	if (verify_found(c->in, found, c->err) == LEAT_OK)
		return 1;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
	return 0;
}

static bool is_self_issued(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_SI) != 0;
}

/* Rules about the path as a whole that X509_verify_cert leaves to the caller. */
static enum leat_ret check_path(
	const struct verify_in *in, const STACK_OF(X509) * path, struct leat_err *err)
{
	unsigned intermediates = 0;
	int num = sk_X509_num(path);
	char tail[32];
	X509 *x;

	for (int i = 1; i < num - 1; i++) {
		x = sk_X509_value(path, i);
		if (!is_self_issued(x))
			intermediates++;
	}
	if (intermediates > in->depth) {
		err_alert(
			err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: chain longer than allowed");
		snprintf(tail, sizeof(tail), "%u over a depth of %u", intermediates, in->depth);
		place(err, sk_X509_value(path, num - 1), num - 1, tail);
		return verify_found(in,
			(struct fault){
				.depth = (unsigned)num - 1, .reason = LEAT_BAD_PATH_LENGTH },
			err);
	}
	return LEAT_OK;
}

/* RFC 8446 4.4.2.2: "All certificates provided by the server MUST be signed by a signature algorithm
 * advertised by the client if it is able to provide such a chain"; 4.4.2.4: "by default,
 * "unsupported_certificate"". */
static enum leat_ret check_schemes(
	const struct verify_in *in, const STACK_OF(X509) * certs, struct leat_err *err)
{
	struct fault found = { .reason = LEAT_BAD_SIGNATURE_ALGORITHM };

	for (int i = 0; i < sk_X509_num(certs); i++) {
		struct certsig s = certsig_of(sk_X509_value(certs, i));

		if (s.self_signed || certsig_is_one_of(&s, in->schemes, in->num_schemes))
			continue;
		err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"certificate: signed with an algorithm that was not offered");
		place(err, sk_X509_value(certs, i), i, "");
		found.depth = (unsigned)i;
		if (verify_found(in, found, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* Of the leaf. */
static enum leat_ret leaf_fault(
	const struct verify_in *in, enum leat_bad_cert reason, struct leat_err *err)
{
	return verify_found(in, (struct fault){ .reason = reason }, err);
}

static enum leat_ret check_leaf(const struct verify_in *in, X509 *leaf, struct leat_err *err)
{
	char names[96];

	/* RFC 8446 4.4.2.2: "The certificate type MUST be X.509v3" */
	if (X509_get_version(leaf) != X509_VERSION_3) {
		err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"certificate: not X.509 version 3");
		place(err, leaf, 0, "");
		if (leaf_fault(in, LEAT_BAD_OTHER, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	/* RFC 8446 4.4.2.2: "the digitalSignature bit MUST be set if the Key Usage extension is
	 * present"; the ECDHE suites of TLS 1.2 sign as well. */
	if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) &&
		!(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE)) {
		err_alert(err, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"certificate: its key may not make signatures");
		place(err, leaf, 0, "key usage without digitalSignature");
		if (leaf_fault(in, LEAT_BAD_KEY_USAGE, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	if (in->host && !san_has_host(leaf, in->host)) {
		err_alert(err, LEAT_ALERT_BAD_CERTIFICATE,
			"certificate: not for the host that was asked for");
		san_text(leaf, names, sizeof(names));
		err_detailf(err, "depth 0, wanted %.60s, the certificate has %s", in->host, names);
		if (leaf_fault(in, LEAT_BAD_HOSTNAME, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* Notes the span of time in which all of the path is valid, for later uses. */
static void note_path(const STACK_OF(X509) * path, struct verdict *v)
{
	int64_t from, to;
	X509 *x;

	v->from_s = INT64_MIN;
	v->to_s = INT64_MAX;
	v->intermediates = 0;
	for (int i = 0; i < sk_X509_num(path); i++) {
		x = sk_X509_value(path, i);
		if (!san_unix_time(X509_get0_notBefore(x), &from) ||
			!san_unix_time(X509_get0_notAfter(x), &to)) {
			v->to_s = INT64_MIN; /* never again */
			return;
		}
		v->from_s = from > v->from_s ? from : v->from_s;
		v->to_s = to < v->to_s ? to : v->to_s;
		v->intermediates += i > 0 && i < sk_X509_num(path) - 1 && !is_self_issued(x);
	}
}

/* The path as it was judged, for the walk; and the rule that is otherwise asked of what was sent. */
static enum leat_ret keep_path(const struct verify_in *in, const STACK_OF(X509) * path,
	const STACK_OF(X509) * certs, struct leat_err *err)
{
	struct faults *f = in->faults;

	f->path = X509_chain_up_ref((STACK_OF(X509) *)(uintptr_t)path);
	if (!f->path)
		return err_memory(err);
	for (int i = 0; i < sk_X509_num(path) && i < FAULT_PATH; i++)
		for (int k = 0; k < sk_X509_num(certs); k++)
			if (sk_X509_value(path, i) == sk_X509_value(certs, k))
				f->sent_at[i] = (uint8_t)(k + 1);
	return in->num_schemes ? check_schemes(in, path, err) : LEAT_OK;
}

/* Revocation, of a path that is otherwise believed: nobody else makes a cache work or CRLs be fetched. */
static enum leat_ret check_revoked(const struct verify_in *in, STACK_OF(X509) * path,
	STACK_OF(X509) * certs, struct leat_err *err)
{
	const struct revoked_in ask = { .verify = in, .sent = certs, .path = path };

	return in->crl_check == CRL_CHECK_OFF ? LEAT_OK : revoked_check(&ask, err);
}

/* ctx borrows the store and the certificates, leaf first. */
static enum leat_ret run(X509_STORE_CTX *ctx, const struct verify_in *in, X509_STORE *store,
	STACK_OF(X509) * certs, struct verdict *v, struct leat_err *err)
{
	struct collecting collecting = { in, err };
	X509 *leaf = sk_X509_value(certs, 0);
	STACK_OF(X509) * path;
	X509_VERIFY_PARAM *param;

	if (X509_STORE_CTX_init(ctx, store, leaf, certs) != 1)
		return err_memory(err);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)in->now_s);
	X509_VERIFY_PARAM_set_depth(param, 2 * LIM_CHAIN);
	X509_VERIFY_PARAM_set_auth_level(param, VERIFY_AUTH_LEVEL);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK);
	/* user-initial-policy-set is {any-policy}; without it libcrypto takes the empty set */
	if (X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) != 1)
		return err_memory(err);
	/* The purpose: extended key usage of the leaf and of every CA between it and the anchor. */
	if (X509_VERIFY_PARAM_set_purpose(param,
		    in->leaf_is_server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT) != 1 ||
		X509_VERIFY_PARAM_set_trust(param,
			in->leaf_is_server ? X509_TRUST_SSL_SERVER : X509_TRUST_SSL_CLIENT) != 1)
		return err_crypto(err, "certificate: libcrypto does not know its own purposes");
	if (in->anchor)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	if (in->faults) {
		if (X509_STORE_CTX_set_app_data(ctx, &collecting) != 1)
			return err_memory(err);
		X509_STORE_CTX_set_verify_cb(ctx, collect);
	}
	if (X509_verify_cert(ctx) != 1) {
		raise_found(ctx, err);
		return LEAT_FAILED;
	}
	path = X509_STORE_CTX_get0_chain(ctx);
	if (check_path(in, path, err) != LEAT_OK)
		return LEAT_FAILED;
	note_path(path, v);
	if (check_leaf(in, leaf, err) != LEAT_OK)
		return LEAT_FAILED;
	if (in->faults && keep_path(in, path, certs, err) != LEAT_OK)
		return LEAT_FAILED;
	return check_revoked(in, path, certs, err);
}

/* The chain as libcrypto's objects, leaf first. */
static STACK_OF(X509) * parse_all(const struct chain *ch, struct leat_err *err)
{
	STACK_OF(X509) *certs = sk_X509_new_reserve(NULL, (int)ch->num);
	bool memory = true;
	X509 *x = NULL;

	for (size_t i = 0; certs && i < ch->num; i++) {
		x = san_parse_cert(ch->der[i], &memory);
		if (!x)
			break;
		sk_X509_push(certs, x); /* has room */
	}
	if (x)
		return certs;
	sk_X509_pop_free(certs, X509_free);
	ossl_forget();
	if (memory)
		err_memory(err);
	else
		err_alert(err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: not an X.509 certificate");
	return NULL;
}

static enum leat_ret ask_libcrypto(
	const struct verify_in *in, STACK_OF(X509) * certs, struct verdict *v, struct leat_err *err)
{
	X509 *leaf = sk_X509_value(certs, 0);
	enum leat_ret ret = LEAT_FAILED;
	X509_STORE_CTX *ctx;
	X509_STORE *store;
	char issuer[64], tail[80];

	if (!in->faults && !in->anchor && (!in->store || store_num(in->store) == 0)) {
		err_alert(err, LEAT_ALERT_UNKNOWN_CA, "certificate: no CA is trusted here");
		san_name_text(X509_get_issuer_name(leaf), issuer, sizeof(issuer));
		snprintf(tail, sizeof(tail), "issuer %s", issuer);
		place(err, leaf, 0, tail);
		return LEAT_FAILED;
	}
	/* libcrypto would not find an issuer for it and say unknown CA */
	if (X509_get_extension_flags(leaf) & EXFLAG_INVALID) {
		err_alert(err, LEAT_ALERT_BAD_CERTIFICATE, "certificate: a broken extension");
		place(err, leaf, 0, "one that cannot be read, or is there twice");
		if (leaf_fault(in, LEAT_BAD_OTHER, err) != LEAT_OK)
			return LEAT_FAILED;
	}
	store = store_anchors(in->store, certs, in->anchor);
	ctx = X509_STORE_CTX_new();
	if (ctx && store)
		ret = run(ctx, in, store, certs, v, err);
	else
		err_memory(err);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ret;
}

/* The same bytes passed under the same anchors: what else the verdict rested on is looked at again. */
static bool has_passed(const struct verify_in *in)
{
	const struct verdict *v = &in->chain->verdict;

	return in->store && v->generation == store_generation(in->store) &&
	       v->leaf_is_server == in->leaf_is_server && in->now_s >= v->from_s &&
	       in->now_s < v->to_s && v->intermediates <= in->depth &&
	       (!in->host || lean_has_host(in->chain->der[0], in->host));
}

/* Longer chains are rare, and dear to keep. */
#define KEEP_BYTES 16384

static void keep_verdict(const struct verify_in *in, struct verdict *v)
{
	struct chain *ch = in->chain;
	size_t total = 0;

	for (size_t i = 0; i < ch->num; i++)
		total += ch->der[i].n;
	if (!in->keep || in->faults || in->anchor || ch->shared || total > KEEP_BYTES)
		return;
	v->generation = store_generation(in->store);
	v->leaf_is_server = in->leaf_is_server;
	ch->verdict = *v;
	ch->shared = true;
	cache_put(store_cache(in->store), ch);
}

/* The rule about what was sent, in the path or not. A walk asks it of the path. */
static enum leat_ret check_sent(const struct verify_in *in, struct leat_err *err)
{
	STACK_OF(X509) * certs;
	enum leat_ret ret;

	if (!in->num_schemes || in->faults)
		return LEAT_OK;
	certs = parse_all(in->chain, err);
	ret = certs ? check_schemes(in, certs, err) : LEAT_FAILED;
	sk_X509_pop_free(certs, X509_free);
	ossl_forget();
	return ret;
}

static enum leat_ret judge_chain(
	const struct crypto *c, const struct verify_in *in, struct leat_err *err)
{
	/* Neither knows what the application has to say, nor of revocation, which is asked about anew each time. */
	bool may_pass = !in->only_libcrypto && !in->faults && !in->anchor &&
			in->crl_check == CRL_CHECK_OFF;
	STACK_OF(X509) * certs;
	struct verdict v = { 0 };
	enum leat_ret ret;

	if (check_sent(in, err) != LEAT_OK)
		return LEAT_FAILED;
	if (may_pass && has_passed(in))
		return LEAT_OK;
	if (may_pass && lean_accepts(c, in, &v)) {
		keep_verdict(in, &v);
		return LEAT_OK;
	}
	certs = parse_all(in->chain, err);
	if (!certs)
		return LEAT_FAILED;
	ret = ask_libcrypto(in, certs, &v, err);
	sk_X509_pop_free(certs, X509_free);
	ossl_forget();
	if (ret == LEAT_OK)
		keep_verdict(in, &v);
	return ret;
}

enum leat_ret verify_chain(const struct crypto *c, const struct verify_in *in, struct leat_err *err)
{
	enum leat_ret r = in->staple_only ? LEAT_OK : judge_chain(c, in, err);

	if (r != LEAT_OK)
		return r;
	/* Whoever let the chain pass, a verdict of before or a new one: revocation is no part of it. */
	return in->staple == STAPLE_OFF ? LEAT_OK : status_check(in, err);
}

enum leat_ret verify_describe(struct leat_span der, char *buf, size_t n)
{
	char subject[96], issuer[96], names[128], from[24], to[24];
	bool memory;
	X509 *x = san_parse_cert(der, &memory);
	const char *alg = "unknown key";
	EVP_PKEY *pkey;

	if (n > 0)
		buf[0] = '\0';
	if (!x)
		return LEAT_FAILED;
	pkey = X509_get0_pubkey(x);
	if (pkey)
		alg = EVP_PKEY_get0_type_name(pkey);
	san_name_text(X509_get_subject_name(x), subject, sizeof(subject));
	san_name_text(X509_get_issuer_name(x), issuer, sizeof(issuer));
	san_text(x, names, sizeof(names));
	date_text(X509_get0_notBefore(x), from, sizeof(from));
	date_text(X509_get0_notAfter(x), to, sizeof(to));
	snprintf(buf, n, "subject %s; issuer %s; valid %s to %s; key %s %d bits; %s", subject,
		issuer, from, to, alg ? alg : "unknown", pkey ? EVP_PKEY_get_bits(pkey) : 0, names);
	X509_free(x);
	ossl_forget();
	return LEAT_OK;
}

enum leat_ret verify_subject(struct leat_span der, char *buf, size_t n)
{
	bool memory;
	X509 *x = san_parse_cert(der, &memory);

	if (n > 0)
		buf[0] = '\0';
	if (!x)
		return LEAT_FAILED;
	san_name_text(X509_get_subject_name(x), buf, n);
	X509_free(x);
	ossl_forget();
	return LEAT_OK;
}
