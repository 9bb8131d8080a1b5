/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/engine.h - what the drivers above the purity line (ktls/, sock/) may do beyond the public
 * interface: take the record keys of a direction out of the engine, and feed it the control records
 * that the kernel hands up afterwards.
 *
 * Hand-over of a direction, seen from the engine:
 *   1. leat_engine_export_ready says whether the direction is at a clean record boundary.
 *   2. leat_engine_export copies keys and sequence number; the engine goes on as before.
 *   3. The driver installs them. Refused: nothing happened, the engine goes on.
 *   4. Installed: leat_engine_export_commit wipes the engine's keys of that direction. It cannot fail.
 *      From then on the engine neither opens (RX) nor seals (TX) records of that direction.
 */
#ifndef LEAT_ENGINE_ENGINE_INT_H
#define LEAT_ENGINE_ENGINE_INT_H

#include <leat/engine.h>

#include "crypto/aead.h"

/* Why a direction cannot leave now (enum leat_why is in ktls/why.h; these are its engine part). */
enum engine_export_state {
	EXPORT_READY = 0,
	EXPORT_NOT_UP,      /* handshake not complete */
	EXPORT_PENDING,     /* RX: bytes or plaintext still here. TX: out buffer not flushed */
	EXPORT_MID_MESSAGE, /* RX: a handshake message is partly received */
	EXPORT_GONE,        /* already handed over */
	EXPORT_DEAD,        /* dead, or closed in this direction */
};

enum engine_export_state leat_engine_export_ready(const struct leat_engine *e, enum leat_dir dir);
/* *keys and *seq: for the next record of the direction. EXPORT_READY must hold. LEAT_FAILED: it does not, or
 * there is no memory, of which the engine has died. */
LEAT_MUST_CHECK enum leat_ret leat_engine_export(
	struct leat_engine *e, enum leat_dir dir, struct traffic_keys *keys, uint64_t *seq);
/* take: gives the memory in which the direction's traffic secret stays, so that its keys can change (TLS 1.3);
 * NULL, or none to be had: they cannot, and the secret is wiped. */
struct hs_slot;
void leat_engine_export_commit(
	struct leat_engine *e, enum leat_dir dir, struct hs_slot *(*take)(void));
bool leat_engine_is_exported(const struct leat_engine *e, enum leat_dir dir);

/* RX in the kernel: one decrypted record (or piece of one, record_end false) of a type other than
 * application data. Same rules, same alerts as for the engine's own records; results as in_done. */
LEAT_MUST_CHECK enum leat_ret leat_engine_control(
	struct leat_engine *e, uint8_t type, struct leat_span payload, bool record_end);
/* RX in the kernel: application data arrived (resets flood counters; refused after close_notify). */
LEAT_MUST_CHECK enum leat_ret leat_engine_saw_data(struct leat_engine *e);
/* RX in the kernel: a record failed (EBADMSG -> bad_record_mac, EMSGSIZE -> record_overflow, ...). */
enum leat_ret leat_engine_rx_failed(struct leat_engine *e, int sys);

/* TX in the kernel: the next control record the engine wants sent (an alert, a KeyUpdate): returns
 * false when none. payload is borrowed until leat_engine_ctl_done. LEAT_WANT_SEND is set while one
 * waits; leat_engine_out stays empty for an exported TX. */
bool leat_engine_ctl(const struct leat_engine *e, uint8_t *type, struct leat_span *payload);
void leat_engine_ctl_done(struct leat_engine *e);

/* New keys for a direction that is the kernel's, from record 0 on. RX: ask after every control record, before more is
 * read. TX: ask when leat_engine_ctl has none; records that follow are under these keys, the alert of a dead engine
 * too. false: none. */
bool leat_engine_new_keys(const struct leat_engine *e, enum leat_dir dir, struct traffic_keys *out);
/* The kernel has them. More control records may wait behind. */
void leat_engine_new_keys_done(struct leat_engine *e, enum leat_dir dir);
/* It said -sys: the end, which is LEAT_FAILED. TX: not even an alert can follow. */
enum leat_ret leat_engine_new_keys_refused(struct leat_engine *e, enum leat_dir dir, int sys);

/* Why a planned end comes when keys are used up that cannot be changed: TLS 1.2, or a kernel's. */
#define ENGINE_KEYS_USED_UP \
	"write: the keys have protected as many records as they may, and cannot be changed here"

/* Most bytes of content in one record of a direction, as the two sides agreed: LIM_PLAINTEXT or less. */
size_t leat_engine_record_max(const struct leat_engine *e, enum leat_dir dir);
/* Records that are sent get padding (RFC 8446 5.4). */
bool leat_engine_pads(const struct leat_engine *e);
/* leat_engine_state, of a dead engine the state it died in. */
const char *leat_engine_last_state(const struct leat_engine *e);
/* The suite's AEAD and version, for policy; AEAD_NONE and 0 before they are known. */
enum aead_id leat_engine_aead(const struct leat_engine *e);
uint16_t leat_engine_version(const struct leat_engine *e);
const struct leat_config *leat_engine_config(const struct leat_engine *e);
/* What an engine whose records are the kernel's in both directions is made of: no secrets. engine_adopt.c */
struct engine_bare {
	enum leat_role role;
	uint16_t version, suite, group, scheme, client_scheme; /* IANA numbers, 0: none */
	bool resumed, retried, extended_master, external_psk;
	uint16_t max[2]; /* as agreed, by enum leat_dir; 0: the protocol's */
	uint32_t empty_run, warn_run, updates_in; /* flood counters */
	struct leat_span alpn, sni;               /* borrowed */
	uint8_t digest[32];                       /* SHA-256 of the peer's certificate */
	bool has_digest;
};
/* NULL and *out filled: an engine made of it can take e's place. Else why not, as a phrase. */
const char *leat_engine_bare(const struct leat_engine *e, struct engine_bare *out);
/* Makes that engine: up, both directions exported. cfg need not be of the same role. LEAT_FAILED: memory, or
 * values that cannot be (LEAT_E_MISUSE). */
LEAT_MUST_CHECK enum leat_ret leat_engine_adopt(struct leat_engine **out, struct leat_config *cfg,
	const struct engine_bare *b, const struct leat_env *env, struct leat_err *err);

/* The certificate (DER) that we showed; empty: none, as when a session was resumed. */
struct leat_span leat_engine_own_cert(const struct leat_engine *e);

#endif
