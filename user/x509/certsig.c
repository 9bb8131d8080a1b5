/* SPDX-License-Identifier: Apache-2.0
 *
 * certsig.c - see certsig.h. RFC 8446 4.2.3, 4.4.2.2. Used to choose among our own chains (cred.c) and,
 * where the option signature_algs_cert is set, to refuse the peer's (verify.c); the weak ones are refused in OCSP
 * responses and CRLs (status.c, crl.c), as libcrypto does in certificates.
 */
#include "x509/certsig.h"

#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "wire/list.h"

struct certsig certsig_of(X509 *x)
{
	struct certsig s = { 0, 0, false };

	/* reads the extensions, on which the next two rely */
	s.self_signed = (X509_get_extension_flags(x) & EXFLAG_SS) != 0;
	if (X509_get_signature_info(x, &s.md, &s.key, NULL, NULL) != 1)
		s.key = s.md = 0;
	return s;
}

static int md_of(enum hash_id h)
{
	static const int md[HASH_COUNT] = { [HASH_NONE] = NID_undef,
		[HASH_SHA256] = NID_sha256,
		[HASH_SHA384] = NID_sha384,
		[HASH_SHA512] = NID_sha512 };

	return md[h];
}

static bool means(const struct sigscheme *scheme, const struct certsig *s)
{
	switch (scheme->key) {
	case KEY_RSA:
	case KEY_RSA_PSS:
		return s->key == (scheme->pss ? NID_rsassaPss : NID_rsaEncryption) &&
		       s->md == md_of(scheme->hash);
	case KEY_EC_P256:
	case KEY_EC_P384:
	case KEY_EC_P521: return s->key == NID_X9_62_id_ecPublicKey && s->md == md_of(scheme->hash);
	case KEY_ED25519: return s->key == NID_ED25519;
	case KEY_ED448: return s->key == NID_ED448;
	default: return false;
	}
}

bool certsig_is_listed(const struct certsig *s, struct leat_span schemes)
{
	const struct sigscheme *scheme;

	for (size_t i = 0; s->key && i < list16_num(schemes); i++) {
		scheme = sigscheme_by_id(list16_at(schemes, i));
		if (scheme && means(scheme, s))
			return true;
	}
	return false;
}

bool certsig_is_one_of(
	const struct certsig *s, const struct sigscheme *const *schemes, unsigned num)
{
	for (unsigned i = 0; s->key && i < num; i++)
		if (means(schemes[i], s))
			return true;
	return false;
}

bool certsig_is_weak(const X509_ALGOR *alg)
{
	int nid = OBJ_obj2nid(alg->algorithm), md = NID_undef, type;
	RSA_PSS_PARAMS *pss;
	const void *param;

	if (nid == NID_rsassaPss) {
		X509_ALGOR_get0(NULL, &type, &param, alg);
		pss = type == V_ASN1_SEQUENCE
			      ? ASN1_item_unpack(param, ASN1_ITEM_rptr(RSA_PSS_PARAMS))
			      : NULL;
		if (pss && pss->hashAlgorithm) /* absent: SHA-1 */
			md = OBJ_obj2nid(pss->hashAlgorithm->algorithm);
		RSA_PSS_PARAMS_free(pss);
	} else if (!OBJ_find_sigid_algs(nid, &md, NULL)) {
		return true;
	} else if (md == NID_undef) { /* EdDSA */
		return nid != NID_ED25519 && nid != NID_ED448;
	}
	return md != NID_sha256 && md != NID_sha384 && md != NID_sha512 && md != NID_sha224 &&
	       md != NID_sha3_256 && md != NID_sha3_384 && md != NID_sha3_512;
}
