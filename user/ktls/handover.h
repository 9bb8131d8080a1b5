/* SPDX-License-Identifier: Apache-2.0
 *
 * handover.h - when a direction of a connection moves from the engine's records to the kernel's, and
 * what happens when only one of them can.
 *
 * Works on a descriptor and an engine, so every driver can use it: sock/ (blocking), the servers on
 * loop/. One struct handover per connection, zero system calls per record.
 *
 *   handover_init     at once after connect or accept
 *   handover_early    right after that: the socket is certainly ESTABLISHED now. After the peer's FIN
 *                     the kernel refuses TLS on it for good.
 *   handover_try      for each direction, when the handshake is complete and again whenever there is a
 *                     reason: idempotent, cheap when the answer is no.
 *
 * The steps of one direction:
 *
 *     engine up? allowed? possible? worth it?     pure; a no costs nothing and is remembered as a code
 *            |
 *     drained to a record boundary?               no: LEAT_AGAIN. RX: take leat_engine_data, then read
 *            |                                    with leat_engine_in_exact; TX: send leat_engine_out
 *     keys out of the engine, kernel struct built
 *            |
 *     setsockopt(SOL_TLS) ---- refused ---------- nothing changed: user space goes on, or the end when
 *            |                                    the policy is `kernel`
 *     ======== point of no return ========        nothing below can fail
 *     the engine forgets the keys
 *
 * Half done. The directions move one by one, and hybrids work (docs/kernel.md 2), so "RX in, TX
 * refused" is no accident to survive but a state with a name: HANDOVER_RX_IN_TX_REFUSED. With policy
 * auto the connection goes on, receiving by the kernel, sending from user space. With policy kernel handover_try
 * returns LEAT_FAILED and the caller closes: the engine still holds the TX keys, so the peer gets its
 * close_notify in order. The mirror image has its name too.
 *
 * Rejected: installing both directions in one step with a roll-back (the kernel has none), and peeking
 * at the socket instead of exact reads (a second read of every byte).
 *
 * Never install RX while another thread is blocked in a read of the descriptor: it would be handed
 * ciphertext. Never give a connection to a socket map.
 */
#ifndef LEAT_KTLS_HANDOVER_H
#define LEAT_KTLS_HANDOVER_H

#include "engine/engine.h"
#include "ktls/rec_kernel.h"
#include "ktls/why.h"

/* What the caller has in mind for the direction; decides what pays under policy auto. */
enum handover_use {
	HANDOVER_STREAM, /* bytes between the kernel and memory of this process */
	HANDOVER_FILE,   /* sendfile, splice: the bytes need never come to user space */
	HANDOVER_ASKED, /* the caller wants it, whatever it costs (descriptor goes to another process) */
};

enum handover_outcome {
	HANDOVER_NONE = 0, /* both directions in user space */
	HANDOVER_RX_ONLY,
	HANDOVER_TX_ONLY,
	HANDOVER_BOTH,
	HANDOVER_RX_IN_TX_REFUSED, /* both were tried; the kernel has RX and refused TX */
	HANDOVER_TX_IN_RX_REFUSED,
	HANDOVER_OUTCOME_COUNT
};

struct handover_dir {
	enum leat_records policy;
	enum leat_why why; /* the last answer */
	int sys;           /* errno behind it, or 0 */
	bool in_kernel;
	bool refused; /* the kernel said no to the keys: not asked again */
};

struct handover {
	const struct leat_sys *sys;
	int fd;
	int ulp;                    /* 0: on; errno: refused; -1: not asked for */
	uint64_t tx_left;           /* TX in the kernel: records the keys may still protect */
	uint64_t tx_limit;          /* ... of so many in all */
	size_t tx_open;             /* ... bytes in a record that is open, and counted already */
	uint64_t streamed;          /* bytes from memory that user space has sent */
	struct handover_dir dir[2]; /* by enum leat_dir */
};

/* fd < 0: the transport is not a socket; nothing will ever move. */
void handover_init(
	struct handover *h, const struct leat_sys *sys, int fd, const struct leat_config *cfg);
/* Prepares the socket unless no direction may move. LEAT_FAILED only when the policy is `kernel` and it
 * cannot be had; otherwise a refusal is remembered and LEAT_OK returned. */
LEAT_MUST_CHECK enum leat_ret handover_early(struct handover *h, struct leat_err *err);
/* LEAT_OK: the kernel has the direction (now or already). LEAT_AGAIN: not at a record boundary or not up
 * yet; dir[].why says which. LEAT_UNSUPPORTED: it stays in user space, and why. LEAT_FAILED: policy
 * kernel, and it cannot be had: err says why; close the connection. ahead: bytes known to follow. */
LEAT_MUST_CHECK enum leat_ret handover_try(struct handover *h, struct leat_engine *e,
	enum leat_dir dir, enum handover_use use, uint64_t ahead, struct leat_err *err);
/* Before n bytes from memory are sent: where TX is in user space and the stream has grown enough for policy
 * auto, tries to move it. LEAT_FAILED as above. */
LEAT_MUST_CHECK enum leat_ret handover_grow(
	struct handover *h, struct leat_engine *e, size_t n, struct leat_err *err);
/* So many of them were taken. */
static inline void handover_streamed(struct handover *h, size_t n)
{
	h->streamed += n;
}
enum handover_outcome handover_outcome(const struct handover *h);
const char *handover_outcome_name(enum handover_outcome o);
static inline bool handover_is_kernel(const struct handover *h, enum leat_dir dir)
{
	return h->dir[dir].in_kernel;
}

/* Bytes of data that kernel TX may still be given under its keys (RFC 8446 5.5; the kernel does not count),
 * as records that are full but for the last. 0: they are used up: send close_notify and nothing else. */
uint64_t handover_room_tx(const struct handover *h);
/* Counts n bytes of data that one call gave to kernel TX, or one control record (n = 0). more: it was a file
 * call (sendfile, splice) that took less than it was asked for: its last record is open, and what comes next
 * goes into it. */
void handover_count_tx(struct handover *h, size_t n, bool more);

/* Both directions are in the kernel already, put there by another process. */
struct handover_adopted {
	uint64_t tx_left, tx_limit;
	size_t tx_open;
};
void handover_adopt(
	struct handover *h, const struct leat_sys *sys, int fd, const struct handover_adopted *a);

/* Gives the kernel the keys that a KeyUpdate has made for a direction. LEAT_OK: none waited. LEAT_AGAIN: it has them
 * now; of TX, control records may wait behind (leat_engine_ctl). LEAT_FAILED: it refused, e is dead. When to call:
 * see leat_engine_new_keys. */
LEAT_MUST_CHECK enum leat_ret handover_rekey(
	struct handover *h, struct leat_engine *e, enum leat_dir dir);
/* TX in the kernel, and handover_room_tx is 0: queues a KeyUpdate, after which there is room again. false: the keys
 * cannot change. */
LEAT_MUST_CHECK bool handover_renew(struct handover *h, struct leat_engine *e);

/* For a direction that another process writes to: asks the kernel how many records there were. false: it is
 * time to end, three quarters of what the keys may protect are gone. */
LEAT_MUST_CHECK bool handover_recount_tx(struct handover *h);

/* The switch for operators: off means that connections made from now on stay in user space. Any thread
 * may call both; on at start. */
void handover_switch(bool on);
bool handover_is_switched_on(void);

#endif
