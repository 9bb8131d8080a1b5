/* SPDX-License-Identifier: Apache-2.0
 *
 * session/cookie.h - the cookie of a HelloRetryRequest, RFC 8446 4.2.2: what the server had decided when it
 * asked for a second ClientHello, authenticated by HMAC-SHA256 under a key derived from a ticket key, so
 * that servers which share ticket keys know each other's cookies. Nothing in it is secret.
 *
 *	opaque key_name[16]; uint8 format; uint64 made_s; uint16 suite; uint16 group;
 *	opaque first_hello_hash<32..48>; opaque unchanged[32]; opaque mac[32];
 */
#ifndef LEAT_SESSION_COOKIE_H
#define LEAT_SESSION_COOKIE_H

#include "base/wr.h"
#include "crypto/digest.h"
#include "session/ticket_keys.h"

/* How long a client may take for its second hello. */
#define COOKIE_LIFE_S 60

struct cookie {
	int64_t made_s;
	uint16_t suite, group; /* group: asked for; 0: none */
	uint8_t hash_n;
	uint8_t hash[HASH_MAX]; /* of the first ClientHello, by the suite's hash */
	uint8_t unchanged[32];  /* digest of what the second one must repeat */
};

/* Appends the cookie. LEAT_UNSUPPORTED: no key is in force, then nothing was written. */
LEAT_MUST_CHECK enum leat_ret cookie_seal(struct leat_ticket_keys *k, const struct leat_env *env,
	const struct cookie *c, struct leat_wr *out);
/* Takes any bytes. false: not ours, of an unknown or expired key, tampered with, or too old; which one
 * nobody learns. */
LEAT_MUST_CHECK bool cookie_open(struct leat_ticket_keys *k, const struct leat_env *env,
	struct leat_span bytes, struct cookie *out);

#endif
