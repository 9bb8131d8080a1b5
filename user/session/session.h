/* SPDX-License-Identifier: Apache-2.0
 *
 * session/session.h - what a session is, for every version: the facts (struct session_data, borrowed
 * bytes, lives on the stack), the object a client keeps (struct leat_session), and the one format both
 * are serialised in. What a ticket seals and what a store keeps is that format too.
 *
 *	uint16 format (1), version, suite;         integers in network byte order
 *	uint8  flags;                              1: extended master secret; bits 1 to 3:
 *	                                           max_fragment_length (TLS 1.2); 16: not resumable; 32: peer_cert
 *	                                           follows; others are refused
 *	uint64 issued_s, auth_s;
 *	uint32 lifetime_s, age_add, max_early;
 *	opaque secret<1..64>, bind<0..32>, peer<0..32>, id<0..32>, host<0..255>, alpn<0..255>;
 *	opaque ticket<0..2^16-1>;
 *	opaque peer_cert<1..2048>;                 only with 32 in flags
 */
#ifndef LEAT_SESSION_SESSION_H
#define LEAT_SESSION_SESSION_H

#include <leat/session.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/wr.h"
#include "crypto/suite.h"

#define SESSION_BIND_LEN 32
#define SESSION_PEER_LEN 32
#define SESSION_WEEK_S   604800 /* RFC 8446 4.6.1: no ticket lives longer than seven days */

struct session_data {
	uint16_t version;
	const struct suite *suite; /* of the connection; in TLS 1.3 its hash is what counts */
	bool ems;                  /* TLS 1.2: extended master secret (RFC 7627 5.3) */
	uint8_t max_fragment;      /* TLS 1.2: max_fragment_length, 1 to 4 (RFC 6066 4); 0: none */
	bool ended; /* in a store or cache: no connection may be made with it (any more) */
	struct leat_secret secret; /* 1.3: the PSK; 1.2: the master secret */
	int64_t issued_s;          /* when this ticket or id was made or received */
	int64_t auth_s; /* when certificates were last looked at: new tickets do not renew it */
	uint32_t lifetime_s;
	uint32_t age_add;      /* 1.3 */
	uint32_t max_early;    /* 1.3: bytes of 0-RTT data, 0: none */
	struct leat_span bind; /* SESSION_BIND_LEN bytes that stand for the verification settings */
	struct leat_span peer; /* SHA-256 of the peer's leaf certificate, empty without one */
	/* server that is asked whether to reuse: that certificate, if it is no longer than
	 * LIM_SESSION_CERT; else empty */
	struct leat_span peer_cert;
	struct leat_span id;   /* 1.2: session id */
	struct leat_span host; /* client: the name asked for; server: SNI */
	struct leat_span alpn;
	struct leat_span ticket; /* client only: what to send back */
};

void session_data_clear(struct session_data *d);

/* Neither ended nor expired nor from a time to come (by more than a minute: clocks of hosts differ). */
bool session_is_fresh(const struct session_data *d, int64_t now_s);
/* Made with this name and under these settings (config/bind.c)? Both sides ask before they resume. */
bool session_is_for(
	const struct session_data *d, const char *host, const uint8_t bind[SESSION_BIND_LEN]);
/* When it ends: its lifetime, and a week after certificates were looked at. */
int64_t session_expires(const struct session_data *d);

/* Appends the serialised form (secret: the writer wipes). */
void session_encode(struct leat_wr *w, const struct session_data *d);
/* Reads it; spans are borrowed from bytes. false: not a session; *d is then clear. */
bool session_decode(struct leat_span bytes, struct session_data *d);

/* The object: one block, immutable, wiped when the last reference goes. */
struct leat_session;
LEAT_MUST_CHECK enum leat_ret session_new(
	struct leat_session **out, const struct session_data *d, struct leat_err *err);
const struct session_data *session_data(const struct leat_session *s);
/* When a cache of this process got it, on the cache's clock: the first one that says so counts. Not serialised. */
int64_t session_born(const struct leat_session *s);
void session_is_born(struct leat_session *s, int64_t at_s);
/* Is a time set? */
#define SESSION_UNBORN INT64_MIN

#endif
