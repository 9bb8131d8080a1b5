/* SPDX-License-Identifier: Apache-2.0
 *
 * san.c - names inside a certificate. Matching rules are name.c's; here is the way to the bytes.
 * Everything in a certificate is chosen by whoever made it: names may hold NUL, control characters
 * or megabytes, so nothing here trusts a terminator or copies without a bound.
 */
#include "x509/san.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ossl_err.h"
#include "x509/der.h"
#include "x509/name.h"

X509 *san_parse_cert(struct leat_span der, bool *memory)
{
	const unsigned char *p = der.p;
	X509 *x = NULL;

	*memory = false;
	if (der.n > 0 && der.n <= INT32_MAX)
		x = d2i_X509(NULL, &p, (long)der.n);
	if (!x)
		*memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
	if (x && p != der.p + der.n) {
		X509_free(x);
		x = NULL;
	}
	/* libcrypto fills a cache inside the X509 at first use. Filled here, before anybody shares it, the
	 * object is as immutable as its owners say. A certificate it cannot fill it for is still one. */
	if (x)
		(void)X509_check_purpose(x, -1, 0);
	/* Also after success: d2i may leave notes about a public key it could not decode. */
	ossl_forget();
	return x;
}

static bool entry_covers(const GENERAL_NAME *g, const char *host, const uint8_t *ip, size_t ip_len)
{
	const ASN1_STRING *s;
	int type;

	s = GENERAL_NAME_get0_value(g, &type);
	if (ip_len > 0)
		return type == GEN_IPADD && (size_t)ASN1_STRING_length(s) == ip_len &&
		       memcmp(ASN1_STRING_get0_data(s), ip, ip_len) == 0;
	return type == GEN_DNS && name_match_dns((const char *)ASN1_STRING_get0_data(s),
					  (size_t)ASN1_STRING_length(s), host);
}

bool san_has_host(const X509 *x, const char *host)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	uint8_t ip[16];
	size_t ip_len = name_parse_ip(host, ip);
	bool found = false;

	/* A broken or repeated extension gives NULL: no name, no match. */
	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++)
		found = entry_covers(sk_GENERAL_NAME_value(names, i), host, ip, ip_len);
	GENERAL_NAMES_free(names);
	ossl_forget();
	return found;
}

/* Appends to a buffer that is always terminated; silently cut when full. */
struct text {
	char *p;
	size_t n, cap;
};

static void put(struct text *t, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n && t->n + 1 < t->cap; i++)
		t->p[t->n++] = b[i] >= 0x20 && b[i] < 0x7f ? (char)b[i] : '?';
	if (t->cap > 0)
		t->p[t->n] = '\0';
}

static void puts_text(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_general_name(struct text *t, const GENERAL_NAME *g)
{
	char ip[INET6_ADDRSTRLEN];
	const ASN1_STRING *s;
	int type, n;

	s = GENERAL_NAME_get0_value(g, &type);
	if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI) {
		puts_text(t, type == GEN_DNS ? "DNS:" : type == GEN_EMAIL ? "email:" : "URI:");
		put(t, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
		return;
	}
	if (type == GEN_IPADD) {
		n = ASN1_STRING_length(s);
		if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET : AF_INET6,
						   ASN1_STRING_get0_data(s), ip, sizeof(ip))) {
			puts_text(t, "IP:");
			puts_text(t, ip);
			return;
		}
	}
	puts_text(t, "(other name)");
}

void san_text(const X509 *x, char *buf, size_t n)
{
	struct text t = { buf, 0, n };
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	if (n > 0)
		buf[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (i > 0)
			puts_text(&t, ", ");
		put_general_name(&t, sk_GENERAL_NAME_value(names, i));
	}
	if (sk_GENERAL_NAME_num(names) <= 0)
		puts_text(&t, "no names");
	GENERAL_NAMES_free(names);
	ossl_forget();
}

void san_name_text(const X509_NAME *name, char *buf, size_t n)
{
	struct text t = { buf, 0, n };
	int num = X509_NAME_entry_count(name);
	const X509_NAME_ENTRY *e;
	const ASN1_STRING *s;
	const char *label;
	int nid;

	if (n > 0)
		buf[0] = '\0';
	for (int i = num - 1; i >= 0; i--) {
		e = X509_NAME_get_entry(name, i);
		s = X509_NAME_ENTRY_get_data(e);
		nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));
		label = nid == NID_undef ? "?" : OBJ_nid2sn(nid);
		puts_text(&t, label);
		puts_text(&t, "=");
		put(&t, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
		if (i > 0)
			puts_text(&t, ", ");
	}
	if (num <= 0)
		puts_text(&t, "(empty)");
}

bool san_unix_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = der_unix_time(
		       (unsigned)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday) +
	       tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
	return true;
}
