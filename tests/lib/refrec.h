/* SPDX-License-Identifier: Apache-2.0
 *
 * refrec.h - a second, small record layer for tests, written from the RFCs and not from user/rec/: what
 * the product seals is opened here and the other way round. It also makes records no product may make
 * (wrong tags, padding, odd types and versions).
 */
#ifndef LEAT_TESTS_REFREC_H
#define LEAT_TESTS_REFREC_H

#include "crypto/aead.h"

/* One direction. */
struct refrec {
	const struct crypto *c;
	struct traffic_keys keys;
	uint64_t seq;
};

#define REFREC_ROOM(n, pad) ((n) + (pad) + 5 + 8 + 1 + 16)

/* Random-looking keys for a cipher and version; iv as traffic_keys has it. */
void refrec_init(struct refrec *r, const struct crypto *c, enum aead_id aead, uint16_t version,
	uint64_t seq);
/* One record with header; returns its length. pad: zero bytes behind the type (TLS 1.3 only). */
size_t refrec_seal(
	struct refrec *r, uint8_t type, const void *in, size_t n, size_t pad, uint8_t *out);
/* Opens a whole record (header included) into out; returns the payload's length or -1. */
int refrec_open(struct refrec *r, const uint8_t *rec, size_t len, uint8_t *type, uint8_t *out);
/* Reads exactly one record from fd and opens it; -1 for a bad one, -2 at the end of the stream. */
int refrec_read(struct refrec *r, int fd, uint8_t *type, uint8_t *out);

#endif
