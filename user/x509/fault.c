/* SPDX-License-Identifier: Apache-2.0
 *
 * fault.c - see fault.h. Also the names of reasons, and the alert of a reason that the application chose.
 */
#include "x509/fault.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

void faults_clear(struct faults *f)
{
	leat_free(f->v);
	sk_X509_pop_free(f->path, X509_free);
	*f = (struct faults){ 0 };
}

bool faults_at(const struct faults *f, unsigned depth, enum leat_bad_cert reason)
{
	for (size_t i = 0; i < f->num; i++)
		if (f->v[i].depth == depth && !f->v[i].sent && f->v[i].reason == reason)
			return true;
	return false;
}

static bool is_known(const struct faults *f, const struct fault *found)
{
	for (size_t i = 0; i < f->num; i++)
		if (f->v[i].depth == found->depth && f->v[i].sent == found->sent &&
			f->v[i].reason == found->reason)
			return true;
	return false;
}

static bool grow(struct faults *f)
{
	size_t cap = f->cap ? 2 * f->cap : 4;
	struct fault *more;

	if (f->num < f->cap)
		return true;
	more = leat_array(cap, sizeof(*more));
	if (!more)
		return false;
	if (f->num)
		memcpy(more, f->v, f->num * sizeof(*more));
	leat_free(f->v);
	f->v = more;
	f->cap = cap;
	return true;
}

enum leat_ret verify_found(const struct verify_in *in, struct fault found, struct leat_err *err)
{
	struct faults *f = in->faults;

	if (!f || err->cls != LEAT_E_OUR_ALERT)
		return LEAT_FAILED;
	found.err = *err;
	err_clear(err);
	if (is_known(f, &found))
		return LEAT_OK;
	if (!grow(f))
		return err_memory(err);
	f->v[f->num++] = found;
	return LEAT_OK;
}

/* ---- names ---- */

const char *leat_bad_cert_name(enum leat_bad_cert reason)
{
	static const char *const names[LEAT_BAD_COUNT] = {
		[LEAT_BAD_APPLICATION] = "application",
		[LEAT_BAD_UNKNOWN_CA] = "unknown_ca",
		[LEAT_BAD_SELFSIGNED_PEER] = "selfsigned_peer",
		[LEAT_BAD_CERT_EXPIRED] = "cert_expired",
		[LEAT_BAD_INVALID_ISSUER] = "invalid_issuer",
		[LEAT_BAD_INVALID_SIGNATURE] = "invalid_signature",
		[LEAT_BAD_NAME_NOT_PERMITTED] = "name_not_permitted",
		[LEAT_BAD_BASIC_CONSTRAINT] = "missing_basic_constraint",
		[LEAT_BAD_KEY_USAGE] = "invalid_key_usage",
		[LEAT_BAD_EXT_KEY_USAGE] = "invalid_ext_key_usage",
		[LEAT_BAD_REVOKED] = "revoked",
		[LEAT_BAD_REVOCATION_UNDETERMINED] = "revocation_status_undetermined",
		[LEAT_BAD_PATH_LENGTH] = "max_path_length_reached",
		[LEAT_BAD_HOSTNAME] = "hostname_check_failed",
		[LEAT_BAD_POLICY] = "explicit_policy_required",
		[LEAT_BAD_WEAK] = "insufficient_security",
		[LEAT_BAD_SIGNATURE_ALGORITHM] = "unsupported_signature",
		[LEAT_BAD_CRITICAL_EXTENSION] = "unknown_critical_extension",
		[LEAT_BAD_OTHER] = "invalid_certificate",
	};

	return names[(unsigned)reason < LEAT_BAD_COUNT ? reason : LEAT_BAD_APPLICATION];
}

enum leat_crl_reason crl_reason_of(long n)
{
	return n < 0 || n > LEAT_CRL_AA_COMPROMISE ? LEAT_CRL_UNSPECIFIED : (enum leat_crl_reason)n;
}

const char *leat_crl_reason_name(enum leat_crl_reason reason)
{
	static const char *const names[] = {
		[LEAT_CRL_UNSPECIFIED] = "unspecified",
		[LEAT_CRL_KEY_COMPROMISE] = "keyCompromise",
		[LEAT_CRL_CA_COMPROMISE] = "cACompromise",
		[LEAT_CRL_AFFILIATION_CHANGED] = "affiliationChanged",
		[LEAT_CRL_SUPERSEDED] = "superseded",
		[LEAT_CRL_CESSATION_OF_OPERATION] = "cessationOfOperation",
		[LEAT_CRL_CERTIFICATE_HOLD] = "certificateHold",
		[LEAT_CRL_REMOVE_FROM_CRL] = "removeFromCRL",
		[LEAT_CRL_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
		[LEAT_CRL_AA_COMPROMISE] = "aACompromise",
	};
	size_t i = (unsigned)reason < sizeof(names) / sizeof(names[0]) ? reason : 0;

	return names[i] ? names[i] : names[0];
}
