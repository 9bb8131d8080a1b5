/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h - the states of a handshake and the shape of the tables that connect them. The tables
 * themselves are client_rows.c, server_rows.c, v12_rows.c and post_rows.c, nothing else decides what may come when:
 * tests/unit/t_hs_table.c compares them with RFC 8446 appendix A and writes docs/states.md from them.
 */
#ifndef LEAT_HS_STATE_H
#define LEAT_HS_STATE_H

#include "hs/hs.h"

/* RFC 8446 appendix A names with a side prefix; C12_ and S12_ are TLS 1.2 (RFC 5246 7.3). */
enum hs_state {
	HS_START = 0, /* nothing sent, nothing received */

	C_WAIT_SH,  /* ClientHello sent */
	C_WAIT_SH2, /* HelloRetryRequest answered: the second ServerHello must be the real one */
	C_WAIT_EE,  /* handshake keys set */
	C_WAIT_CERT_CR, /* Certificate or CertificateRequest */
	C_WAIT_CERT,
	C_WAIT_CV,
	C_WAIT_FINISHED,

	C12_WAIT_CERT,
	C12_WAIT_STATUS, /* CertificateStatus or ServerKeyExchange */
	C12_WAIT_SKX,
	C12_WAIT_SKX_PSK,  /* PSK with a key exchange: no certificate was sent, none is asked for */
	C12_WAIT_SKX_DONE, /* plain PSK: ServerKeyExchange (with a hint) or ServerHelloDone */
	C12_WAIT_CR_DONE,  /* CertificateRequest or ServerHelloDone */
	C12_WAIT_DONE,
	C12_WAIT_CCS,
	C12_WAIT_FINISHED,

	S_WAIT_CH,
	S_WAIT_CH2,  /* HelloRetryRequest sent */
	S_WAIT_EOED, /* early data accepted: EndOfEarlyData ends it */
	S_WAIT_CERT, /* CertificateRequest sent */
	S_WAIT_CV,
	S_WAIT_FINISHED,

	S12_WAIT_CERT, /* CertificateRequest sent */
	S12_WAIT_CKX,
	S12_WAIT_CV, /* the client showed a certificate */
	S12_WAIT_CCS,
	S12_WAIT_FINISHED,

	/* after the handshake: one exchange of post-handshake authentication */
	CP_WAIT_CR,
	SP_WAIT_CERT, /* CertificateRequest sent */
	SP_WAIT_CV,
	SP_WAIT_FINISHED,

	HS_UP,   /* CONNECTED */
	HS_DEAD, /* refused; nothing is taken any more */
	HS_STATE_COUNT
};

#define HS_BIT(state) (UINT64_C(1) << (state))

/* change_cipher_spec is no handshake message, but in TLS 1.2 it has its place among them. */
#define HS_MSG_CCS 256

/* Handles one message: body is what follows its 4-byte header (h->msg is the whole). Sets *next on
 * LEAT_OK; on LEAT_AGAIN a job was started whose resume function will. */
typedef enum leat_ret hs_fn(struct hs *h, struct leat_span body, enum hs_state *next);

struct hs_row {
	uint8_t in;    /* enum hs_state */
	uint16_t msg;  /* enum msg_type, or HS_MSG_CCS */
	uint8_t level; /* enum hs_level: the keys it must arrive under */
	hs_fn *on;
	uint64_t may; /* HS_BIT of every legal successor */
};

extern const struct hs_row client_rows[];
extern const size_t num_client_rows;
extern const struct hs_row server_rows[];
extern const size_t num_server_rows;
extern const struct hs_row v12_client_rows[];
extern const size_t num_v12_client_rows;
extern const struct hs_row v12_server_rows[];
extern const size_t num_v12_server_rows;

extern const struct hs_row post_client_rows[];
extern const size_t num_post_client_rows;
extern const struct hs_row post_server_rows[];
extern const size_t num_post_server_rows;

/* NULL: this message is not legal in this state. */
const struct hs_row *state_row(enum leat_role role, enum hs_state s, unsigned msg);
const char *state_name(enum hs_state s);
const char *state_msg_name(unsigned msg);

#endif
