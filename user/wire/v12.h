/* SPDX-License-Identifier: Apache-2.0
 *
 * v12.h - the messages only TLS 1.2 (and before) has: ServerKeyExchange and ClientKeyExchange of the
 * ECDHE, DHE and PSK suites (RFC 8422 5.4, 5.7, RFC 5246 7.4.3, 7.4.7, RFC 4279, RFC 5489),
 * ServerHelloDone, HelloRequest, and the change_cipher_spec record.
 */
#ifndef LEAT_WIRE_V12_H
#define LEAT_WIRE_V12_H

#include "wire/hs_hdr.h"

/* What a suite's key exchange messages are made of, in this order. */
#define V12_KX_PSK    1u /* identity hint of the server, identity of the client */
#define V12_KX_EC     2u /* a curve's values */
#define V12_KX_DH     4u /* a prime's */
#define V12_KX_SIGNED 8u /* the server's end with a signature */

/* Only what the parts name is set. */
struct v12_server_kx {
	struct leat_span hint;    /* may be empty */
	struct leat_span p, g, y; /* 1..2^16-1 bytes each */
	uint16_t group;           /* namedcurve; explicit curves are illegal_parameter */
	struct leat_span point;   /* 1..255 bytes */
	struct leat_span
		params; /* as sent, without the signature: what it is over, after the randoms */
	uint16_t scheme;
	struct leat_span signature;
};

bool dec_v12_server_kx(struct leat_span body, struct v12_server_kx *out, uint8_t *alert);
void enc_v12_server_kx(struct leat_wr *w, const struct v12_server_kx *kx);
/* The two above are these with V12_KX_EC | V12_KX_SIGNED. */
bool dec_v12_server_kx_of(
	struct leat_span body, unsigned parts, struct v12_server_kx *out, uint8_t *alert);
void enc_v12_server_kx_of(struct leat_wr *w, unsigned parts, const struct v12_server_kx *kx);
/* All but the signature, no header. */
void enc_v12_kx_params(struct leat_wr *w, unsigned parts, const struct v12_server_kx *kx);
/* The message of such params, with a signature where scheme is not 0. */
void enc_v12_server_kx_raw(
	struct leat_wr *w, struct leat_span params, uint16_t scheme, struct leat_span signature);
/* ServerECDHParams alone. */
void enc_v12_ecdh_params(struct leat_wr *w, uint16_t group, struct leat_span point);

/* ClientKeyExchange: the client's point, 1..255 bytes. */
bool dec_v12_client_kx(struct leat_span body, struct leat_span *point, uint8_t *alert);
void enc_v12_client_kx(struct leat_wr *w, struct leat_span point);

struct v12_client_kx {
	struct leat_span identity; /* may be empty */
	struct leat_span value;    /* point or dh_Yc */
};
bool dec_v12_client_kx_of(
	struct leat_span body, unsigned parts, struct v12_client_kx *out, uint8_t *alert);
void enc_v12_client_kx_of(struct leat_wr *w, unsigned parts, const struct v12_client_kx *kx);

bool dec_v12_hello_done(struct leat_span body, uint8_t *alert);
void enc_v12_hello_done(struct leat_wr *w);
bool dec_v12_hello_request(struct leat_span body, uint8_t *alert);
void enc_v12_hello_request(struct leat_wr *w);

/* The payload of a change_cipher_spec record: one byte, 1. Anything else is unexpected_message, as
 * RFC 8446 5 says for TLS 1.3. */
bool dec_ccs(struct leat_span payload, uint8_t *alert);
void enc_ccs(struct leat_wr *w);

#endif
