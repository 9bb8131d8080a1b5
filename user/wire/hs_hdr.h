/* SPDX-License-Identifier: Apache-2.0
 *
 * hs_hdr.h - the 4-byte header of handshake messages and their type numbers. Every encoder of wire/
 * opens with it; every decoder is given the body behind it. Putting messages together out of record
 * fragments is hs/reassemble. RFC 8446 4, RFC 5246 7.4.
 */
#ifndef LEAT_WIRE_HS_HDR_H
#define LEAT_WIRE_HS_HDR_H

#include "base/rd.h"
#include "base/wr.h"

#define HS_HDR_LEN 4

/* HandshakeType, all versions. */
enum msg_type {
	MSG_HELLO_REQUEST = 0, /* TLS 1.2 */
	MSG_CLIENT_HELLO = 1,
	MSG_SERVER_HELLO = 2, /* HelloRetryRequest too */
	MSG_SESSION_TICKET = 4,
	MSG_END_EARLY = 5,
	MSG_ENCRYPTED_EXT = 8,
	MSG_CERT = 11,
	MSG_SERVER_KX = 12, /* TLS 1.2 */
	MSG_CERT_REQUEST = 13,
	MSG_HELLO_DONE = 14, /* TLS 1.2 */
	MSG_CERT_VERIFY = 15,
	MSG_CLIENT_KX = 16, /* TLS 1.2 */
	MSG_FINISHED = 20,
	MSG_CERT_STATUS = 22, /* TLS 1.2, RFC 6066 8 */
	MSG_KEY_UPDATE = 24,
	MSG_COMPRESSED_CERT = 25, /* RFC 8879 */
	MSG_HASH = 254,           /* synthetic, never on the wire */
};

/* The header at the start of b; false when b is shorter than it. Says nothing about len. */
bool dec_hs_hdr(struct leat_span b, uint8_t *type, uint32_t *len);

/* A message is everything between open and close; close writes the length. */
size_t enc_hs_open(struct leat_wr *w, uint8_t type);
void enc_hs_close(struct leat_wr *w, size_t mark);

/* The most body bytes a message of this type may have: LIM_CLIENT_HELLO, LIM_SMALL_MESSAGE, or
 * max_handshake_size for certificates, requests for them, and their kin. 0 for an unknown type. */
size_t msg_limit(uint8_t type, size_t max_handshake_size);

/* "client_hello"; "unknown" for a number without a name. */
const char *msg_name(uint8_t type);

#endif
