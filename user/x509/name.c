/* SPDX-License-Identifier: Apache-2.0
 *
 * name.c - host name rules. Pure functions over text; which names a certificate carries is san.c's.
 * RFC 9525 (service identity), RFC 6066 3 (SNI), RFC 5890 (A-labels), RFC 1123 2.1.
 */
#include "x509/name.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/limits.h"

#define LABEL_MAX 63  /* RFC 1035 2.3.4 */
#define NAME_MAX  253 /* 255 octets on the wire less the first length and the root label */

size_t name_parse_ip(const char *s, uint8_t out[16])
{
	uint8_t buf[16];
	size_t n = 0;

	if (inet_pton(AF_INET, s, buf) == 1)
		n = 4;
	else if (inet_pton(AF_INET6, s, buf) == 1)
		n = 16;
	if (n > 0 && out)
		memcpy(out, buf, n);
	return n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters, digits, hyphen; the underscore is no host name character (RFC 1123) but names in use
 * carry it, and it confuses nobody. */
static bool is_host_char(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* One label of n bytes: 1..63 host characters, no hyphen at either end. */
static bool is_label(const char *p, size_t n)
{
	if (n < 1 || n > LABEL_MAX || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_host_char(p[i]))
			return false;
	return true;
}

static size_t label_len(const char *p, size_t n)
{
	const char *dot = memchr(p, '.', n);

	return dot ? (size_t)(dot - p) : n;
}

/* A last label of digits only, or of 0x and hex digits, would be read as a number of an IPv4
 * address ("127.1", "0x7f.1") by resolvers: such text is an address, not a name (RFC 1123 2.1). */
static bool is_number_label(const char *p, size_t n)
{
	size_t i = 0;

	if (n > 2 && p[0] == '0' && lower(p[1]) == 'x') {
		for (i = 2; i < n; i++)
			if (!is_digit(p[i]) && (lower(p[i]) < 'a' || lower(p[i]) > 'f'))
				return false;
		return true;
	}
	for (i = 0; i < n; i++)
		if (!is_digit(p[i]))
			return false;
	return true;
}

/* Labels separated by single dots, none empty, the last one no number. */
static bool is_labels(const char *p, size_t n)
{
	size_t len;

	for (;;) {
		len = label_len(p, n);
		if (!is_label(p, len))
			return false;
		if (len == n)
			return !is_number_label(p, n);
		p += len + 1;
		n -= len + 1;
	}
}

/* Length of host without one final dot: "example.com." names the same host. */
static size_t host_len(const char *host)
{
	size_t n = strnlen(host, LIM_HOST_NAME + 1);

	return n > 1 && host[n - 1] == '.' ? n - 1 : n;
}

bool name_is_host(const char *s)
{
	size_t n = host_len(s);

	return n >= 1 && n <= NAME_MAX && is_labels(s, n);
}

static bool equal_names(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* RFC 9525 6.3: the wildcard is the complete left-most label, there is only one, and it stands for
 * exactly one label. It may stand for an A-label, since it is never a part of one. The rest must
 * have two labels: "*.com" and "*.localhost" claim more than any one holder has, and libcrypto
 * refuses them too. */
bool name_match_dns(const char *presented, size_t n, const char *host)
{
	size_t hn = host_len(host), first;

	/* Also keeps addresses out: an address is compared with iPAddress names only. */
	if (!name_is_host(host) || n > NAME_MAX)
		return false;
	if (n > 2 && presented[0] == '*' && presented[1] == '.') {
		first = label_len(host, hn);
		presented += 1;
		n -= 1;
		if (first == hn || memchr(presented + 1, '.', n - 1) == NULL)
			return false;
		host += first;
		hn -= first;
		/* both now begin with the dot */
		return n == hn && is_labels(presented + 1, n - 1) &&
		       equal_names(presented, host, n);
	}
	return n == hn && is_labels(presented, n) && equal_names(presented, host, n);
}
