/* SPDX-License-Identifier: Apache-2.0
 *
 * record_limit.h - how long records may be: record_size_limit (RFC 8449) and max_fragment_length
 * (RFC 6066 4), both versions, both roles. The first wins where both could: it says what each side can
 * take, the other binds both to what the client asked for. The sink gets the outcome.
 */
#ifndef LEAT_HS_RECORD_LIMIT_H
#define LEAT_HS_RECORD_LIMIT_H

#include "hs/hs_int.h"

/* What one hello says about it; each with its bit in has. */
struct record_words {
	uint64_t has; /* EXT_RECORD_SIZE, EXT_MAX_FRAGMENT; other bits are not looked at */
	uint16_t record_size;
	uint8_t max_fragment;
};

/* Client: adds what the config wants said. */
void limit_offer(const struct hs *h, struct client_hello *ch);
/* Client: may the server answer so? h->version need not be set. */
LEAT_MUST_CHECK enum leat_ret limit_check_answer(
	const struct hs *h, const struct record_words *w, uint16_t version);
/* Client: the same where a session of TLS 1.2 is taken up that has max_fragment_length code (0: none). */
LEAT_MUST_CHECK enum leat_ret limit_check_resumed(
	const struct hs *h, const struct record_words *w, uint8_t code);
/* Client: what the session says belongs to the answer, where it says nothing itself. */
void limit_add_resumed(struct record_words *w, uint8_t code);
/* Client: the answer holds from now on. h->version is set. */
void limit_commit_answer(struct hs *h, const struct record_words *w);

/* Server: may a client say so? And: kept for the answer. */
LEAT_MUST_CHECK enum leat_ret limit_check_hello(const struct hs *h, const struct client_hello *ch);
void limit_commit_hello(struct hs *h, const struct client_hello *ch);
/* Server: what is answered; holds from the next message on. h->version is set. */
struct record_words limit_answer(struct hs *h);

#endif
