/* SPDX-License-Identifier: Apache-2.0
 *
 * crl_uri.c - http URIs as keys of CRL caches. RFC 3986 6.2.2, 6.2.3, as far as it is certain that both
 * forms mean the same place: scheme and host in small letters, no port 80, no fragment, "/" for no path.
 * Everything else is part of the key as it stands: host, port, path and query.
 */
#include <string.h>

#include "base/mem.h"
#include "x509/crl.h"

static const char scheme[] = "http://";
#define SCHEME (sizeof(scheme) - 1)

static uint8_t small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool is_http(struct leat_span text)
{
	for (size_t i = 0; i < SCHEME; i++)
		if (i >= text.n || small(text.p[i]) != (uint8_t)scheme[i])
			return false;
	/* RFC 3986 2: printable ASCII only; what else there is may not reach another program */
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
			return false;
	return true;
}

static size_t until(struct leat_span text, size_t from, const char *ends)
{
	while (from < text.n && !strchr(ends, text.p[from]))
		from++;
	return from;
}

enum leat_ret crl_uri_new(char **out, struct leat_span text)
{
	size_t authority, host_end, n = SCHEME;
	bool at_default;
	char *uri;

	*out = NULL;
	if (!is_http(text))
		return LEAT_UNSUPPORTED;
	text.n = until(text, 0, "#");
	authority = until(text, SCHEME, "/?");
	at_default = authority >= 3 && memcmp(text.p + authority - 3, ":80", 3) == 0;
	host_end = at_default ? authority - 3 : authority;
	if (host_end <= SCHEME)
		return LEAT_UNSUPPORTED;
	uri = leat_malloc(text.n + 2);
	if (!uri)
		return LEAT_FAILED;
	memcpy(uri, scheme, SCHEME);
	while (n < host_end) {
		uri[n] = (char)small(text.p[n]);
		n++;
	}
	if (authority == text.n || text.p[authority] != '/')
		uri[n++] = '/';
	memcpy(uri + n, text.p + authority, text.n - authority);
	uri[n + text.n - authority] = '\0';
	*out = uri;
	return LEAT_OK;
}
