/* SPDX-License-Identifier: Apache-2.0
 *
 * transcript.h - the running hash over all handshake messages (RFC 8446 4.4.1, RFC 5246 7.4.9).
 * Until the hash is known (client: before ServerHello) messages are kept as bytes.
 */
#ifndef LEAT_SCHED_TRANSCRIPT_H
#define LEAT_SCHED_TRANSCRIPT_H

#include "base/wr.h"
#include "crypto/digest.h"

/* Zero state: nothing seen. */
struct transcript {
	struct digest d;    /* d.hash == HASH_NONE: hash not chosen yet */
	struct leat_wr raw; /* messages before the choice; with keep all of them */
	bool keep;          /* TLS 1.2: a CertificateVerify signs the messages themselves */
	bool bad;           /* out of memory while keeping bytes: raised by transcript_ok */
};

void transcript_clear(struct transcript *t);
/* A whole message with its 4-byte header. */
void transcript_add(struct transcript *t, struct leat_span msg);
/* Chooses the hash (once) and feeds what was kept; a second call with the same hash does nothing.
 * Returns false when the hash differs from the one chosen, or memory ran out before. */
LEAT_MUST_CHECK bool transcript_choose(struct transcript *t, enum hash_id h);
/* Before the choice: messages are kept as bytes beyond it, until one of the next two. */
void transcript_keep(struct transcript *t);
/* Moves all messages so far to out and keeps no more. false: there was no memory for them. */
LEAT_MUST_CHECK bool transcript_take_raw(struct transcript *t, struct leat_wr *out);
void transcript_drop_raw(struct transcript *t);
/* RFC 8446 4.4.1: replaces ClientHello1 by the synthetic message_hash message. Hash must be chosen;
 * only ClientHello1 may have been added. */
void transcript_retry(struct transcript *t);
/* Hash of everything so far, hash_len bytes. */
void transcript_hash(const struct transcript *t, uint8_t *out);
/* Hash of everything so far followed by `more` (binders over a truncated ClientHello). Works before
 * the choice too, with h. */
void transcript_hash_with(
	const struct transcript *t, enum hash_id h, struct leat_span more, uint8_t *out);

#endif
