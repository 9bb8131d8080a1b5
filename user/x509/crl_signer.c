/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_signer.c - see crl_signer.h. Mostly the issuer of the certificate, which is next in its path. A CA
 * that changed its key, and the issuer of an indirect CRL, have certificates beside the path: among those
 * that the peer sent or that are trusted here. Their path is built and validated by libcrypto, has to end in
 * the same anchor, and unless only the peer is checked none of its certificates may be revoked.
 */
#include "x509/crl_signer.h"

#include <openssl/x509_vfy.h>

#include "crypto/ossl_err.h"
#include "x509/store_int.h"

static const char no_signer[] = "crl: its signer is not known here, or the signature is wrong";

/* RFC 5280 4.2.1.3: "If the key usage extension is present, the cRLSign bit MUST be asserted" */
static bool may_sign(X509 *x)
{
	return !(X509_get_extension_flags(x) & EXFLAG_KUSAGE) ||
	       (X509_get_key_usage(x) & KU_CRL_SIGN);
}

static bool has_name_of(const X509 *x, const struct crl *c)
{
	return X509_NAME_cmp(X509_get_subject_name(x), X509_CRL_get_issuer(c->x)) == 0;
}

/* Of the path above the certificate: that was validated, and is checked for itself. */
static bool is_signed_in_path(const struct revoked_in *in, int i, struct crl *c, const char **fault)
{
	X509 *x;

	for (int at = i + 1; at < sk_X509_num(in->path); at++) {
		x = sk_X509_value(in->path, at);
		if (!has_name_of(x, c) || !crl_signed_by(c, x))
			continue;
		if (may_sign(x))
			return true;
		*fault = "crl: signed by a key that may not sign CRLs";
	}
	return false;
}

static X509 *anchor_of(STACK_OF(X509) * path)
{
	return sk_X509_value(path, sk_X509_num(path) - 1);
}

/* May no more be revoked than those of the path itself. */
static enum leat_ret check_path(const struct revoked_in *in, STACK_OF(X509) * path)
{
	struct revoked_in own = *in;
	struct leat_err err = { 0 };
	struct revoked r;
	enum leat_ret ret;
	uint8_t alert;

	own.path = path;
	for (int i = 0; i < sk_X509_num(path) - 1 && in->verify->crl_check != CRL_CHECK_PEER; i++) {
		ret = revoked_ask_at(&own, i, 1, &r, &err);
		if (ret != LEAT_OK)
			return ret;
		if (!revoked_passes(&own, &r, &alert))
			return LEAT_UNSUPPORTED;
	}
	return LEAT_OK;
}

static enum leat_ret check_signer(const struct revoked_in *in, X509_STORE *store, X509 *signer)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum leat_ret r = LEAT_FAILED;
	X509_VERIFY_PARAM *param;

	if (ctx && X509_STORE_CTX_init(ctx, store, signer, in->sent) == 1) {
		param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, (time_t)in->verify->now_s);
		X509_VERIFY_PARAM_set_depth(param, 2 * LIM_CHAIN);
		X509_VERIFY_PARAM_set_auth_level(param, VERIFY_AUTH_LEVEL);
		r = LEAT_UNSUPPORTED;
		if (X509_verify_cert(ctx) == 1 &&
			X509_cmp(anchor_of(X509_STORE_CTX_get0_chain(ctx)), anchor_of(in->path)) ==
				0)
			r = check_path(in, X509_STORE_CTX_get0_chain(ctx));
		else if (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_OUT_OF_MEM)
			r = LEAT_FAILED;
	}
	X509_STORE_CTX_free(ctx);
	ossl_forget();
	return r;
}

/* Certificates that could have signed it, beside the path. Borrowed and referenced ones: all referenced. */
static STACK_OF(X509) * candidates(const struct revoked_in *in, const struct crl *c)
{
	STACK_OF(X509) *all = store_subjects(in->verify->store, X509_CRL_get_issuer(c->x));

	for (int i = 0; all && i < sk_X509_num(in->sent); i++) {
		X509 *x = sk_X509_value(in->sent, i);

		if (has_name_of(x, c) && X509_add_cert(all, x, X509_ADD_FLAG_UP_REF) != 1) {
			sk_X509_pop_free(all, X509_free);
			return NULL;
		}
	}
	return all;
}

static enum leat_ret check_beside(const struct revoked_in *in, struct crl *c, const char **fault)
{
	STACK_OF(X509) *all = candidates(in, c);
	X509_STORE *store = all ? store_select(in->verify->store, all) : NULL;
	enum leat_ret r = store ? LEAT_UNSUPPORTED : LEAT_FAILED;

	for (int i = 0; r == LEAT_UNSUPPORTED && i < sk_X509_num(all); i++) {
		X509 *x = sk_X509_value(all, i);

		if (!crl_signed_by(c, x))
			continue;
		*fault = "crl: its signer is not entitled to";
		if (may_sign(x))
			r = check_signer(in, store, x);
	}
	X509_STORE_free(store);
	sk_X509_pop_free(all, X509_free);
	return r;
}

enum leat_ret crl_signer_check(
	const struct revoked_in *in, int level, int i, struct crl *c, const char **fault)
{
	enum leat_ret r;

	*fault = no_signer;
	if (is_signed_in_path(in, i, c, fault))
		return LEAT_OK;
	/* the signer of a list about a signer stands above it, or this would have no end */
	r = level > 0 || !in->verify->store ? LEAT_UNSUPPORTED : check_beside(in, c, fault);
	if (r == LEAT_UNSUPPORTED && ossl_out_of_memory())
		r = LEAT_FAILED;
	ossl_forget();
	return r;
}
