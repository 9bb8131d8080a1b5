/* SPDX-License-Identifier: Apache-2.0
 *
 * packkit.h - CompressedCertificate in place of the Certificate that was sent (RFC 8879), right or wrong in
 * the way a test asks for. The functions have the form of struct tamper's raw.
 */
#ifndef TESTS_PACKKIT_H
#define TESTS_PACKKIT_H

#include "pair.h"

#include "crypto/zip.h"
#include "wire/compressed_cert.h"

/* What pack_unit does wrong; all zero but the algorithm: nothing. */
struct pack_bend {
	uint16_t algorithm; /* as written; the bytes are zlib's where it is nobody's */
	int length_off;     /* added to the length that is announced */
	size_t cut_by;      /* bytes missing at the end of the packed ones */
	bool grow;          /* a byte behind the Certificate inside */
	bool garbage;       /* no bytes of that algorithm at all */
};
extern struct pack_bend pack_bend;

void pack_unit(struct pair_unit *u);
/* 4 MiB of nothing, announced as they are; and announced as 256 bytes. */
void pack_bomb(struct pair_unit *u);
void pack_bomb_that_lies(struct pair_unit *u);
/* The envelope itself is broken: cut inside a length; empty. */
void pack_malformed(struct pair_unit *u);
void pack_empty(struct pair_unit *u);
/* Inside: a Certificate with an empty list; one with a context of one byte. */
void pack_no_certificate(struct pair_unit *u);
void pack_context(struct pair_unit *u);

#endif
