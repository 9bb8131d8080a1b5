/* SPDX-License-Identifier: Apache-2.0
 *
 * name.h - host name rules, alone and exhaustively tested: RFC 6125/9525 matching of DNS names with
 * one wildcard as the whole left-most label, IP literals compared as bytes, no common name fallback.
 */
#ifndef LEAT_X509_NAME_H
#define LEAT_X509_NAME_H

#include <leat/types.h>

/* Is s an IPv4 or IPv6 literal? Writes 4 or 16 bytes to out (may be NULL) and returns the count, else 0. */
size_t name_parse_ip(const char *s, uint8_t out[16]);
/* A host name TLS can carry in SNI: A-labels, 1..253 bytes, no empty label but a final dot. */
bool name_is_host(const char *s);
/* Does the presented name (from a certificate, n bytes, may hold anything) cover the wanted host? */
bool name_match_dns(const char *presented, size_t n, const char *host);

#endif
