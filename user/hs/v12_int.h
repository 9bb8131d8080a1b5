/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_int.h - what both sides of TLS 1.2 share, for the v12_*.c files only.
 */
#ifndef LEAT_HS_V12_INT_H
#define LEAT_HS_V12_INT_H

#include "crypto/dh.h"
#include "hs/lookup.h"
#include "wire/v12.h"

struct session_ticket;

/* The transcript ends with ClientKeyExchange: master secret and record keys of both directions. */
void v12_set_master(struct hs *h, struct leat_span premaster);
/* The record keys of both directions: the master secret and both randoms are known. */
void v12_set_keys(struct hs *h);
/* The master secret and what is known of the peer come from a session. */
void v12_take_session(struct hs *h, const struct session_data *d);
/* What a ServerKeyExchange signature covers before the params: both randoms. */
void v12_signed_randoms(const struct hs *h, struct leat_wr *tbs);
/* change_cipher_spec, our write keys, our Finished. */
LEAT_MUST_CHECK enum leat_ret v12_send_finished(struct hs *h);
/* The peer's change_cipher_spec: its keys from the next record on. */
LEAT_MUST_CHECK enum leat_ret v12_take_ccs(struct hs *h);
/* The peer's Finished, checked and added to the transcript. */
LEAT_MUST_CHECK enum leat_ret v12_take_finished(struct hs *h, struct leat_span body);
/* Both Finished are done: application data may flow; keys and premaster are gone. */
void v12_commit_up(struct hs *h);
/* RFC 8422 5.1.2: a list of point formats must hold uncompressed (0). */
LEAT_MUST_CHECK enum leat_ret v12_check_point_formats(
	const struct hs *h, uint64_t has, struct leat_span list, const char *what);

/* ---- v12_server.c ---- */

/* ServerHello of the full and of the abbreviated handshake (h->resumed). */
LEAT_MUST_CHECK enum leat_ret v12_send_server_hello(struct hs *h, const struct client_hello *ch);

/* ---- v12_resume_server.c ---- */

/* Looks for the session that the client offers. LEAT_OK: it fits, and alpn with it; LEAT_UNSUPPORTED: a
 * full handshake; LEAT_AGAIN: not known yet (lookup.h); LEAT_FAILED: refused. Changes nothing. */
LEAT_MUST_CHECK enum leat_ret v12_server_find(
	struct hs *h, const struct client_hello *ch, struct leat_span alpn, struct lookup_hit *hit);
/* The abbreviated handshake as far as our Finished. */
LEAT_MUST_CHECK enum leat_ret v12_server_resume(struct hs *h, const struct client_hello *ch,
	const struct lookup_hit *hit, enum hs_state *next);

/* ---- v12_tickets.c ---- */

/* A full handshake: will there be a ticket, or a session id (then it is made)? */
void v12_commit_session(struct hs *h, const struct client_hello *ch);
/* The handshake has failed, or nothing was kept: an id that was reserved is free again. */
void v12_forget_id(struct hs *h);
/* NewSessionTicket, promised in ServerHello. */
LEAT_MUST_CHECK enum leat_ret v12_send_ticket(struct hs *h);
/* The session goes into the store, where there is one. */
void v12_keep_session(struct hs *h);

/* ---- v12_resume_client.c ---- */

/* Does this ServerHello take up a session, or claim to? */
bool v12_client_is_resumed(const struct hs *h, const struct server_hello *sh);
LEAT_MUST_CHECK enum leat_ret v12_check_resumed(const struct hs *h, const struct server_hello *sh);
/* The session's secret makes the keys. */
void v12_client_resume(struct hs *h);
LEAT_MUST_CHECK enum leat_ret v12_client_keep_ticket(struct hs *h, const struct session_ticket *t);
/* The handshake is done: the session that came of it is handed out. */
LEAT_MUST_CHECK enum leat_ret v12_client_deliver(struct hs *h);

/* ---- v12_psk.c ---- */

/* V12_KX_ bits of the suite's key exchange messages. */
unsigned v12_kx_parts(const struct suite *s);
/* Finds the key to be used, hint empty: the server gave none. h->v12.psk and identity are set. */
LEAT_MUST_CHECK enum leat_ret v12_client_psk(struct hs *h, struct leat_span hint);
/* The key of this identity, or random bytes. LEAT_AGAIN: not known yet (lookup.h). Changes nothing. */
LEAT_MUST_CHECK enum leat_ret v12_server_psk(
	struct hs *h, struct leat_span identity, struct leat_secret *secret);
void v12_commit_psk(struct hs *h, struct leat_span identity, const struct leat_secret *secret);
/* v12_set_master with the premaster secret of h->v12.psk; other is empty in plain PSK. */
void v12_set_psk_master(struct hs *h, struct leat_span other);
/* Whichever the suite wants, of the secret of its key exchange (empty in plain PSK). */
void v12_set_kx_master(struct hs *h, const struct kex_out *shared);

/* ---- v12_client_kx.c, v12_server_kx.c ---- */

/* ClientKeyExchange; afterwards the master secret is there. */
LEAT_MUST_CHECK enum leat_ret v12_send_client_kx(struct hs *h);
/* Certificate is out: ServerKeyExchange (through a job where it is signed) to ServerHelloDone. */
LEAT_MUST_CHECK enum leat_ret v12_begin_server_kx(struct hs *h, enum hs_state *next);

#endif
