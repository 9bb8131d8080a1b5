/* SPDX-License-Identifier: Apache-2.0
 *
 * choose.h - negotiation as pure functions: what we have (the config), what was offered (a decoded
 * ClientHello) -> what is used, or nothing. No alert is chosen here, no state is read or written; the
 * server's handlers of both versions call these.
 *
 * Order: with cfg->server_order ours decides about suites and groups, else the client's. Schemes and
 * ALPN names go by our order always (RFC 7301 3.2 leaves it to the server).
 */
#ifndef LEAT_HS_CHOOSE_H
#define LEAT_HS_CHOOSE_H

#include "config/config.h"
#include "wire/cert_request.h"
#include "wire/client_hello.h"

/* Highest version both sides allow; 0: none. */
uint16_t choose_version(const struct leat_config *cfg, const struct client_hello *ch);
/* Highest version the client says it can do. */
uint16_t choose_client_max(const struct client_hello *ch);

/* Is this suite (NULL: none) enabled in the config? */
bool choose_has_suite(const struct leat_config *cfg, const struct suite *s);

/* TLS 1.3 suite; NULL: none in common. hash: only suites of this hash (a PSK is bound to one), or
 * HASH_NONE for any. */
const struct suite *choose_suite13(
	const struct leat_config *cfg, const struct client_hello *ch, enum hash_id hash);

/* TLS 1.3 group. A group the client sent a share for is preferred over a better one without: the round
 * trip of a HelloRetryRequest costs more than any difference between curves. Not so where the order begins
 * with a hybrid: then only a hybrid's share counts. share is empty when the client must be asked for one. NULL: no group in common. */
const struct group *choose_group13(
	const struct leat_config *cfg, const struct client_hello *ch, struct leat_span *share);
/* The client's share for this group; false: it sent none. */
bool choose_share(const struct client_hello *ch, const struct group *g, struct leat_span *share);

/* First of our schemes that the peer lists and this key can make under this version; NULL: none. */
const struct sigscheme *choose_scheme(const struct leat_config *cfg, unsigned version,
	struct leat_span offered, const struct key *key);

struct choice_cred {
	const struct cred *cred;
	const struct sigscheme *scheme;
	uint8_t type; /* CERT_X509, CERT_RAW_KEY: as what it is shown */
};
/* Server: of the credentials that can sign for this peer the best: one that carries the name (sni, ""
 * for none) goes before one that a CA the client named has issued (RFC 8446 4.2.4), that before one whose
 * chain is signed with what the client takes (4.4.2.2); else the first. An unknown name gets our default
 * (RFC 6066 3 allows to go on). suite: TLS 1.2, whose authentication must fit; NULL in TLS 1.3. false:
 * none can sign. */
bool choose_cred(const struct leat_config *cfg, unsigned version, struct leat_span schemes,
	const struct suite *suite, const struct client_hello *ch, const char *sni,
	struct choice_cred *out);

/* Server: does the client take any type of certificate that we may show? And what it may show to us: the
 * first of its types that we take (false: none; RFC 7250 4.1). */
bool choose_has_server_type(const struct leat_config *cfg, const struct client_hello *ch);
bool choose_client_type(
	const struct leat_config *cfg, const struct client_hello *ch, uint8_t *type);

/* Client: the first credential that answers this request: its key can sign with an algorithm of the
 * request, is (TLS 1.2) of a type that was asked for, and one of the authorities, where some are named,
 * is among its issuers (RFC 8446 4.4.2.3, RFC 5246 7.4.6). Chains signed with what the server takes go
 * first. false: none, and an empty list is the answer. */
bool choose_client_cred(const struct leat_config *cfg, unsigned version, uint8_t type,
	const struct cert_request *cr, struct choice_cred *out);

/* TLS 1.2: suite, group and credential depend on each other. */
struct choice12 {
	const struct suite *suite;
	const struct group *group; /* NULL: none needed, or the prime of the config (DHE) */
	struct choice_cred auth;   /* empty with PSK suites */
	uint8_t client_type;       /* as what a client may show what it is */
	bool no_prime;             /* DHE suites were passed over for want of a group in common */
};
bool choose_suite12(const struct leat_config *cfg, const struct client_hello *ch, const char *sni,
	struct choice12 *out);

/* Our first protocol name that the list offers, inside cfg->alpn; empty: none. */
struct leat_span choose_alpn(const struct leat_config *cfg, struct leat_span offered);
/* Is this one of our names? The same bytes inside cfg->alpn, or empty. */
struct leat_span choose_alpn_ours(const struct leat_config *cfg, struct leat_span name);

#endif
