/* SPDX-License-Identifier: Apache-2.0
 *
 * attach.h - what travels with a credential: OCSP responses, one for each certificate that has one, a list
 * of SCTs, and the Certificate message in packed form. A set of these is immutable; a new response makes
 * a new set, which takes the old one's place while handshakes go on (cred_attach, cred_attach_set).
 */
#ifndef LEAT_X509_ATTACH_H
#define LEAT_X509_ATTACH_H

#include <stdatomic.h>

#include "base/limits.h"
#include "crypto/zip.h"

/* Certificate in packed form. n 0: packing does not make it shorter. */
struct packed {
	size_t plain_len;
	size_t n;
	uint8_t b[];
};

/* Which of the attachments a Certificate message holds. */
#define ATTACH_STATUS   1u
#define ATTACH_SCT      2u
#define ATTACH_VARIANTS 4

struct attach {
	atomic_uint refs;
	struct leat_span status[LIM_CHAIN]; /* by certificate; empty: none */
	int64_t from_s[LIM_CHAIN], until_s[LIM_CHAIN];
	struct leat_span sct;                                        /* list_next16; of the leaf */
	_Atomic(struct packed *) packed[ZIP_COUNT][ATTACH_VARIANTS]; /* made when first needed */
};

/* Spans are copied; old, if not NULL, has what stays as it is. NULL: no memory. */
struct attach *attach_new(const struct attach *old);
struct attach *attach_ref(struct attach *a);
void attach_unref(struct attach *a);
/* Before it is shared. false: no memory. */
LEAT_MUST_CHECK bool attach_put_status(struct attach *a, size_t i, struct leat_span der);
LEAT_MUST_CHECK bool attach_put_sct(struct attach *a, struct leat_span list);

/* Every response that is there is in time. */
bool attach_is_fresh(const struct attach *a, int64_t now_s);

/* The packed form kept for this algorithm and set of attachments, or NULL. Borrowed with a. */
const struct packed *attach_packed(const struct attach *a, const struct zip *z, unsigned variant);
/* Keeps p (owned, from leat_malloc) unless another thread was first; returns what is kept. */
const struct packed *attach_keep_packed(
	struct attach *a, const struct zip *z, unsigned variant, struct packed *p);

/* The set in force, swapped without a lock: two seats, of which readers of one never meet its writer. */
struct attach_seat {
	atomic_uint active; /* index */
	atomic_uint readers[2];
	atomic_flag writing;
	struct attach *set[2];
};
void attach_seat_init(struct attach_seat *s, struct attach *take);
void attach_seat_clear(struct attach_seat *s);
/* A reference to the set in force. */
struct attach *attach_seat_get(struct attach_seat *s);
/* Excludes other writers from reading the old set to attach_seat_put. false: one is at it. */
bool attach_seat_lock(struct attach_seat *s);
void attach_seat_unlock(struct attach_seat *s);
/* Puts a set (owned) in force. false: a reader is just leaving the seat it would take; nothing changed. */
LEAT_MUST_CHECK bool attach_seat_put(struct attach_seat *s, struct attach *take);

#endif
