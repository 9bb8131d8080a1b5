/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_v2.h - the PROXY protocol, version 2, as a pure codec: the header that a balancer puts in front of a
 * connection to say whose it is. haproxy's doc/proxy-protocol.txt (section 2.2) is the specification.
 *
 * Version 1 (text) is refused: nothing of TLS can be said in it.
 */
#ifndef LEAT_TOOL_PROXY_V2_H
#define LEAT_TOOL_PROXY_V2_H

#include <netinet/in.h>

#include "base/wr.h"

/* What says how long a header is, and the longest one taken: addresses, and TLVs that "always" fit one
 * segment (2.2); balancers in the field stay below 1 KiB. */
#define PROXY_V2_FIXED 16
#define PROXY_V2_MAX   4096
/* 2.2.5: a unique id has up to 128 bytes. */
#define PROXY_V2_ID_MAX 128

union proxy_addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* What is said of a TLS client (2.2.6). Texts may be NULL, then they are left out. */
struct proxy_v2_tls {
	const char *version;           /* "TLSv1.3" */
	const char *cipher;            /* by OpenSSL's name */
	const char *sig_alg, *key_alg; /* of our certificate */
	const char *cn;                /* the client's common name */
	bool cert_conn;                /* the client showed a certificate on this connection */
	bool cert_sess;                /* ... or when the session began */
	bool verified;
};

struct proxy_v2 {
	bool local;                /* no client: the sender's own connection (a health check) */
	bool has_addr;             /* src and dst are of one family, AF_INET or AF_INET6 */
	union proxy_addr src, dst; /* of the client; where it connected to */
	struct leat_span alpn, authority, unique_id; /* empty: not there */
	const struct proxy_v2_tls *tls;              /* NULL: none. Not decoded */
};

/* The length of the whole header that starts with these PROXY_V2_FIXED bytes; 0: it is none of version 2,
 * or longer than PROXY_V2_MAX. */
size_t proxy_v2_len(const uint8_t fixed[PROXY_V2_FIXED]);
/* Decodes a whole header; spans are borrowed from it. false: malformed, a checksum that does not fit, or
 * datagrams; *out is then of no use. Unix addresses and unknown TLVs are skipped. */
LEAT_MUST_CHECK bool proxy_v2_dec(struct leat_span header, struct proxy_v2 *out);
/* Appends a header. The writer fails where it does not fit. */
void proxy_v2_enc(struct leat_wr *w, const struct proxy_v2 *v);

#endif
