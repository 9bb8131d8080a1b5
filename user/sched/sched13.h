/* SPDX-License-Identifier: Apache-2.0
 *
 * sched13.h - the TLS 1.3 key schedule, RFC 8446 7.1. One struct per stage; moving to the next stage
 * wipes the one before.
 *
 *   0 -> early(psk) -> handshake(dhe) -> master -> traffic secrets -> update
 */
#ifndef LEAT_SCHED_SCHED13_H
#define LEAT_SCHED_SCHED13_H

#include "crypto/aead.h"
#include "crypto/hkdf.h"

struct sched13 {
	enum hash_id hash;
	enum { SCHED13_NONE = 0, SCHED13_EARLY, SCHED13_HANDSHAKE, SCHED13_MASTER } stage;
	struct leat_secret cur; /* Early, Handshake or Master Secret */
};

void sched13_clear(struct sched13 *s);

/* Early Secret from a PSK; the empty span stands for no PSK (hash_len zeros). */
void sched13_early(struct sched13 *s, enum hash_id h, struct leat_span psk);
/* binder_key. label: "res binder", "ext binder", or "imp binder" (RFC 9258 5.2). Stage: early. */
void sched13_binder_key(const struct sched13 *s, const char *label, struct leat_secret *out);
/* client_early_traffic_secret; th = hash of ClientHello. Stage: early. */
void sched13_early_traffic(const struct sched13 *s, struct leat_span th, struct leat_secret *out);
void sched13_early_exporter(const struct sched13 *s, struct leat_span th, struct leat_secret *out);

/* Handshake Secret; dhe empty for psk_ke. th = hash of ClientHello..ServerHello. */
void sched13_handshake(struct sched13 *s, struct leat_span dhe, struct leat_span th,
	struct leat_secret *client, struct leat_secret *server);
/* Master Secret; th = hash of ClientHello..server Finished. */
void sched13_master(struct sched13 *s, struct leat_span th, struct leat_secret *client,
	struct leat_secret *server, struct leat_secret *exporter);
/* resumption_master_secret; th = hash of ClientHello..client Finished. Stage: master. */
void sched13_resumption(const struct sched13 *s, struct leat_span th, struct leat_secret *out);

/* verify_data of Finished (4.4.4) under a base traffic secret (or a binder key); hash_len bytes. */
void sched13_finished(
	enum hash_id h, const struct leat_secret *base, struct leat_span th, uint8_t *out);
/* finished_key of it: the HMAC key alone. */
void sched13_finished_key(enum hash_id h, const struct leat_secret *base, struct leat_secret *out);
/* Record keys from a traffic secret, 7.3. */
void sched13_keys(enum hash_id h, enum aead_id aead, const struct leat_secret *secret,
	struct traffic_keys *out);
/* application_traffic_secret_N+1, in place, 7.2. */
void sched13_update(enum hash_id h, struct leat_secret *secret);
/* PSK of a ticket: HKDF-Expand-Label(resumption_master_secret, "resumption", nonce), 4.6.1. */
void sched13_ticket_psk(enum hash_id h, const struct leat_secret *resumption,
	struct leat_span nonce, struct leat_secret *out);
/* Exporter, 7.5. context empty and absent are the same in TLS 1.3. */
void sched13_export(enum hash_id h, const struct leat_secret *exporter, const char *label,
	struct leat_span context, uint8_t *out, size_t n);

#endif
