/* SPDX-License-Identifier: Apache-2.0
 *
 * rec_user.h - user-space record protection, one direction at a time: header, nonce, AEAD, padding,
 * sequence number. Pure: buffers belong to the caller, nothing is copied but what the AEAD writes.
 * RFC 8446 5, RFC 5246 6.2.3.3, RFC 5288, RFC 6655, RFC 7905.
 */
#ifndef LEAT_REC_REC_USER_H
#define LEAT_REC_REC_USER_H

#include "base/limits.h"
#include "crypto/aead.h"

/* One direction. Zero state: cleartext records, sequence 0. */
struct rec_half {
	struct aead aead;
	uint16_t version; /* 0 until keys are set */
	uint8_t iv[12];
	uint64_t seq;   /* sequence number of the next record under these keys */
	uint64_t limit; /* records allowed under these keys (RFC 8446 5.5); 0: cleartext */
	uint64_t bytes; /* content sealed under these keys */
	/* Most content and padding in one record, less than LIM_PLAINTEXT by agreement only (RFC 8449,
	 * RFC 6066 4); 0: LIM_PLAINTEXT. The owner's: new keys leave it alone. */
	uint16_t max;
	/* TLS 1.3, reading: an alert in cleartext may still come, until the first protected record.
	 * rec_half_keys clears it; the engine sets it where it is so. */
	bool clear_alert;
};

/* Sets new keys, sequence 0. On failure the half is unchanged. */
LEAT_MUST_CHECK enum leat_ret rec_half_keys(struct rec_half *h, const struct crypto *c,
	const struct traffic_keys *k, bool sealing, struct leat_err *err);
void rec_half_clear(struct rec_half *h);
/* Frees the cipher context that may be kept for this half; the next record takes another one. */
void rec_half_rest(struct rec_half *h);
static inline bool rec_half_is_keyed(const struct rec_half *h)
{
	return h->version != 0;
}
/* Records that one key of this cipher may protect, whoever protects them. */
uint64_t rec_key_limit(enum aead_id aead);
/* Of those, kept back when data is sent: a KeyUpdate and an alert must still find room. */
#define REC_KEY_KEEP 2
/* The record after this many must not be sent (or read) without new keys. */
uint64_t rec_half_left(const struct rec_half *h);

/* Most content and padding in one record. */
static inline size_t rec_max(const struct rec_half *h)
{
	return h->max ? h->max : LIM_PLAINTEXT;
}

/* Bytes that sealing adds to a payload of this half. */
size_t rec_overhead(const struct rec_half *h);

/* Seals n <= rec_max payload bytes into one record at out (room: n + rec_overhead). The payload
 * may lie anywhere, also inside out at its final place (offset rec_prefix): then nothing is copied.
 * pad zero bytes are appended in TLS 1.3 (n + pad <= rec_max). Returns the record's length, or 0
 * when the key limit is reached or libcrypto fails (err says which). cleartext_version is the
 * header's version for cleartext records. */
LEAT_MUST_CHECK size_t rec_seal(struct rec_half *h, uint8_t type, const uint8_t *in, size_t n,
	size_t pad, uint16_t cleartext_version, uint8_t *out, struct leat_err *err);
size_t rec_prefix(const struct rec_half *h); /* header and explicit nonce */

/* A parsed record header. */
struct rec_hdr {
	uint8_t type;
	uint16_t version;
	size_t len; /* of the fragment that follows */
};

/* Checks the 5 header bytes against the state of the half: known type (else unexpected_message),
 * version 3.x (else protocol_version), length limit (record_overflow), a keyed TLS 1.3 half only takes
 * application_data, and change_cipher_spec of length 1. */
LEAT_MUST_CHECK enum leat_ret rec_hdr_check(
	const struct rec_half *h, const uint8_t b[5], struct rec_hdr *out, struct leat_err *err);

/* Opens the record that starts at rec (header included, hdr.len bytes after it), in place. *type and
 * *payload (inside rec) are the inner ones. Failures raise bad_record_mac, record_overflow,
 * unexpected_message (all-padding record) as RFC 8446 5.2 and 5.4 say; the buffer is then wiped. */
LEAT_MUST_CHECK enum leat_ret rec_open(struct rec_half *h, uint8_t *rec, const struct rec_hdr *hdr,
	uint8_t *type, struct leat_span *payload, struct leat_err *err);

#endif
