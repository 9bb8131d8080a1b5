/* SPDX-License-Identifier: Apache-2.0
 *
 * sched12.h - the TLS 1.2 key schedule, RFC 5246 8.1 and 6.3, RFC 7627 (extended master secret).
 */
#ifndef LEAT_SCHED_SCHED12_H
#define LEAT_SCHED_SCHED12_H

#include "crypto/aead.h"
#include "crypto/hkdf.h"

#define SCHED12_VERIFY_LEN 12

/* master_secret (48 bytes). With extended = true, seed is the session hash through ClientKeyExchange
 * (RFC 7627 4); else seed is client_random || server_random. */
void sched12_master(enum hash_id h, struct leat_span premaster, bool extended,
	struct leat_span seed, struct leat_secret *master);
/* Record keys of both directions from key_block; randoms are 32 bytes each. */
void sched12_keys(enum hash_id h, enum aead_id aead, const struct leat_secret *master,
	const uint8_t *client_random, const uint8_t *server_random, struct traffic_keys *client,
	struct traffic_keys *server);
/* verify_data, 12 bytes; th = hash of the messages so far. */
void sched12_finished(enum hash_id h, const struct leat_secret *master, bool client,
	struct leat_span th, uint8_t out[SCHED12_VERIFY_LEN]);
/* Exporter, RFC 5705. has_context tells an absent context from an empty one. */
void sched12_export(enum hash_id h, const struct leat_secret *master, const char *label,
	const uint8_t *client_random, const uint8_t *server_random, bool has_context,
	struct leat_span context, uint8_t *out, size_t n);

#endif
