/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello.h - ClientHello of every version, RFC 8446 4.1.2, RFC 5246 7.4.1.2.
 *
 * The decoder takes the whole message or nothing and checks every list to its end; spans are borrowed
 * from the body. Rules that need context (which version is negotiated, what must then be present) are
 * the handshake's: legacy_version and compressions, key_share groups being a subset of
 * supported_groups in the same order, psk without psk_modes (missing_extension), early_data without
 * psk, the second hello against the first.
 */
#ifndef LEAT_WIRE_CLIENT_HELLO_H
#define LEAT_WIRE_CLIENT_HELLO_H

#include "wire/ext.h"
#include "wire/hs_hdr.h"
#include "wire/list.h"

#define RANDOM_LEN 32

/* Signals dressed as cipher suites. */
#define SUITE_RENEG_SCSV    0x00ff /* TLS_EMPTY_RENEGOTIATION_INFO_SCSV, RFC 5746 3.3 */
#define SUITE_FALLBACK_SCSV 0x5600 /* TLS_FALLBACK_SCSV, RFC 7507 */

/* PskKeyExchangeMode, RFC 8446 4.2.9. */
enum psk_mode { PSK_KE = 0, PSK_DHE_KE = 1 };

struct client_hello {
	uint16_t legacy_version;
	struct leat_span random;       /* RANDOM_LEN bytes */
	struct leat_span session_id;   /* at most LIM_SESSION_ID */
	struct leat_span suites;       /* list16, not empty */
	struct leat_span compressions; /* list8, not empty */

	uint64_t
		has; /* EXT_BIT of each known extension; fields below are set only with their bit */
	struct leat_span sni;    /* host name: 1..LIM_HOST_NAME printable ASCII bytes, no space */
	struct leat_span reneg;  /* renegotiated_connection, empty in a first handshake */
	struct leat_span groups; /* list16, not empty */
	struct leat_span point_formats;     /* list8, not empty */
	struct leat_span ticket;            /* TLS 1.2 ticket; empty: "send me one" */
	struct leat_span alpn;              /* list_next8, not empty */
	uint8_t status_type;                /* status_request: 1 = ocsp */
	struct leat_span status;            /* what follows the type; checked when it is ocsp */
	struct leat_span sigalgs;           /* list16, not empty */
	struct leat_span sigalgs_cert;      /* list16, not empty */
	struct leat_span authorities;       /* list_next16 of DER names, not empty */
	struct leat_span client_cert_types; /* list8, not empty */
	struct leat_span server_cert_types; /* list8, not empty */
	struct leat_span key_shares;        /* key_share_next; may be empty; no group twice */
	struct leat_span versions;          /* list16, not empty */
	struct leat_span cookie;            /* 1..LIM_COOKIE bytes */
	struct leat_span psk_modes;         /* list8, not empty */
	struct leat_span compress;          /* list16 of RFC 8879 algorithms, not empty */
	uint16_t record_size;               /* record_size_limit, at least 64 */
	uint8_t max_fragment;               /* max_fragment_length: 1 to 4 mean something */
	struct leat_span padding;           /* encoder: how many zeros (p is not read) */
	struct leat_span psk_ids;           /* psk_id_next, not empty */
	struct leat_span psk_binders;       /* list_next8, as many as psk_ids */
	/* Decoder, with EXT_PSK: bytes of the body before the binders list (its length prefix not
	 * included): what the binders are computed over, RFC 8446 4.2.11.2, is the header and these. */
	size_t truncated_len;
};

/* false: the message is refused with *alert. */
bool dec_client_hello(struct leat_span body, struct client_hello *out, uint8_t *alert);

/* Appends the message with its header. The extensions of ch->has are written in the order of `order`,
 * a list of num extension numbers: a number without a bit in ch->has is left out if the registry knows
 * it and written as an empty extension if not (GREASE). order NULL: the order of enum ext. No
 * extension block is written when ch->has is 0 and order is NULL.
 * With EXT_PSK (which the caller lists last) the binders are the last bytes written: the truncated
 * message is all but the last 2 + psk_binders.n bytes. */
void enc_client_hello(
	struct leat_wr *w, const struct client_hello *ch, const uint16_t *order, size_t num);

#endif
