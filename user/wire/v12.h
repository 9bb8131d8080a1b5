/* SPDX-License-Identifier: Apache-2.0
 *
 * v12.h - the messages only TLS 1.2 (and before) has: ServerKeyExchange and ClientKeyExchange of the
 * ECDHE suites (RFC 8422 5.4, 5.7), ServerHelloDone, HelloRequest, and the change_cipher_spec record.
 * Other key exchanges get their structs here when their flights exist.
 */
#ifndef LEAT_WIRE_V12_H
#define LEAT_WIRE_V12_H

#include "wire/hs_hdr.h"

struct v12_server_kx {
	uint16_t group;         /* namedcurve; explicit curves are illegal_parameter */
	struct leat_span point; /* 1..255 bytes */
	struct leat_span
		params; /* decoder: ServerECDHParams as sent, what is signed after the randoms */
	uint16_t scheme;
	struct leat_span signature;
};

bool dec_v12_server_kx(struct leat_span body, struct v12_server_kx *out, uint8_t *alert);
void enc_v12_server_kx(struct leat_wr *w, const struct v12_server_kx *kx);
/* ServerECDHParams alone: what the signature covers. */
void enc_v12_ecdh_params(struct leat_wr *w, uint16_t group, struct leat_span point);

/* ClientKeyExchange: the client's point, 1..255 bytes. */
bool dec_v12_client_kx(struct leat_span body, struct leat_span *point, uint8_t *alert);
void enc_v12_client_kx(struct leat_wr *w, struct leat_span point);

bool dec_v12_hello_done(struct leat_span body, uint8_t *alert);
void enc_v12_hello_done(struct leat_wr *w);
bool dec_v12_hello_request(struct leat_span body, uint8_t *alert);
void enc_v12_hello_request(struct leat_wr *w);

/* The payload of a change_cipher_spec record: one byte, 1. Anything else is unexpected_message, as
 * RFC 8446 5 says for TLS 1.3. */
bool dec_ccs(struct leat_span payload, uint8_t *alert);
void enc_ccs(struct leat_wr *w);

#endif
