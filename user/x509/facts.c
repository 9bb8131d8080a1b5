/* SPDX-License-Identifier: Apache-2.0
 *
 * facts.c - see facts.h. Whoever made the certificate chose these bytes: what is no text is refused, so that
 * nobody downstream reads half a name or a line of its own in a log.
 */
#include "x509/facts.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ossl_err.h"
#include "x509/san.h"

typedef bool fact_fn(const X509 *x, char *buf, size_t n);

static bool from_cert(struct leat_span der, fact_fn *fn, char *buf, size_t n)
{
	bool memory, ok;
	X509 *x;

	buf[0] = '\0';
	x = san_parse_cert(der, &memory);
	if (!x)
		return false;
	ok = fn(x, buf, n);
	X509_free(x);
	ossl_forget();
	if (!ok)
		buf[0] = '\0';
	return ok;
}

static bool is_text(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] == 0x7f)
			return false;
	return len > 0;
}

static bool common_name(const X509 *x, char *buf, size_t n)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	bool ok = false;
	int len;

	if (at < 0)
		return false;
	len = ASN1_STRING_to_UTF8(
		&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0 && (size_t)len < n && is_text(utf8, (size_t)len)) {
		memcpy(buf, utf8, (size_t)len);
		buf[len] = '\0';
		ok = true;
	}
	OPENSSL_free(utf8);
	return ok;
}

static bool signature(const X509 *x, char *buf, size_t n)
{
	int nid = X509_get_signature_nid(x);

	return nid != NID_undef && (size_t)snprintf(buf, n, "%s", OBJ_nid2sn(nid)) < n;
}

static bool key(const X509 *x, char *buf, size_t n)
{
	const EVP_PKEY *k = X509_get0_pubkey(x);
	const char *kind = k ? EVP_PKEY_get0_type_name(k) : NULL;
	int len;

	if (!kind)
		return false;
	if (strncmp(kind, "ED", 2) == 0)
		len = snprintf(buf, n, "%s", kind);
	else
		len = snprintf(buf, n, "%.3s%d", kind, EVP_PKEY_get_bits(k));
	return (size_t)len < n;
}

bool facts_common_name(struct leat_span der, char *buf, size_t n)
{
	return from_cert(der, common_name, buf, n);
}

bool facts_signature(struct leat_span der, char *buf, size_t n)
{
	return from_cert(der, signature, buf, n);
}

bool facts_key(struct leat_span der, char *buf, size_t n)
{
	return from_cert(der, key, buf, n);
}
