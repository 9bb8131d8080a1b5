/* SPDX-License-Identifier: Apache-2.0
 *
 * sct.c - see sct.h. Verifying them needs the logs' keys and is not done here.
 */
#include "x509/sct.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "wire/list.h"
#include "x509/der.h"
#include "x509/san.h"

/* The extension's value: an OCTET STRING around the list. */
static struct leat_span unwrap(struct leat_span value)
{
	struct leat_rd in = leat_rd_of(value);
	struct leat_span body = der_span(&in, DER_OCTET_STRING, NULL), list;

	if (!leat_rd_end(&in) || !dec_sct_list(body, &list))
		return (struct leat_span){ NULL, 0 };
	return list;
}

/* A certificate that der.c does not understand: libcrypto finds the value, its bytes are found in der. */
static struct leat_span of_odd_cert(struct leat_span der)
{
	struct leat_span found = { NULL, 0 };
	const ASN1_OCTET_STRING *value;
	bool memory;
	X509 *x = san_parse_cert(der, &memory);
	int at = x ? X509_get_ext_by_NID(x, NID_ct_precert_scts, -1) : -1;

	if (at >= 0) {
		value = X509_EXTENSION_get_data(X509_get_ext(x, at));
		found.n = (size_t)ASN1_STRING_length(value);
		found.p = memmem(der.p, der.n, ASN1_STRING_get0_data(value), found.n);
	}
	X509_free(x);
	return found.p ? unwrap(found) : (struct leat_span){ NULL, 0 };
}

struct leat_span sct_of_cert(struct leat_span der)
{
	struct der_cert c;
	struct der_ext e;
	struct leat_rd in;

	if (!der_cert(der, &c))
		return of_odd_cert(der);
	in = leat_rd_of(c.exts);
	while (leat_rd_more(&in)) {
		der_ext(&in, &e);
		if (leat_rd_ok(&in) &&
			der_oid_is(e.oid, "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"))
			return unwrap(e.value);
	}
	return (struct leat_span){ NULL, 0 };
}
