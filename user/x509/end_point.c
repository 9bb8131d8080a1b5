/* SPDX-License-Identifier: Apache-2.0
 *
 * end_point.c - see end_point.h. libcrypto tells the hash of every kind of signature it knows, RSA-PSS
 * parameters included. Asked rarely, so nothing is kept.
 */
#include "x509/end_point.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "crypto/ossl_err.h"

/* RFC 5929 4.1: "if the certificate's signatureAlgorithm uses a single hash function, and that hash
 * function is either MD5 or SHA-1, then use SHA-256; [...] if [it] uses a single hash function and that
 * hash function [is] neither MD5 nor SHA-1, then use [it]; [...] if [it] uses no hash functions or uses
 * multiple hash functions, then this channel binding type's channel bindings are undefined" */
static const char *rule(const X509 *x)
{
	int hash = NID_undef;

	if (!X509_get_signature_info((X509 *)x, &hash, NULL, NULL, NULL))
		return NULL;
	switch (hash) {
	case NID_undef:
	case NID_md5_sha1: return NULL;
	case NID_md5:
	case NID_sha1: return "SHA256";
	default: return OBJ_nid2sn(hash);
	}
}

static size_t hash_by_name(const char *name, struct leat_span in, uint8_t out[HASH_MAX])
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	unsigned n = 0;

	/* No fixed length means no hash that a certificate is signed with. */
	if (md && EVP_MD_get_size(md) > 0 && EVP_MD_get_size(md) <= HASH_MAX &&
		!EVP_Digest(in.p, in.n, out, &n, md, NULL))
		n = 0;
	EVP_MD_free(md);
	return n;
}

size_t end_point_hash(struct leat_span der, uint8_t out[HASH_MAX])
{
	const unsigned char *p = der.p;
	const char *name;
	size_t n = 0;
	X509 *x;

	if (der.n == 0 || der.n > LONG_MAX)
		return 0;
	x = d2i_X509(NULL, &p, (long)der.n);
	name = x ? rule(x) : NULL;
	if (name)
		n = hash_by_name(name, der, out);
	X509_free(x);
	ossl_forget();
	return n;
}
