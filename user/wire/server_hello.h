/* SPDX-License-Identifier: Apache-2.0
 *
 * server_hello.h - ServerHello of every version and HelloRetryRequest, which differ only in the value
 * of random. RFC 8446 4.1.3, 4.1.4, RFC 5246 7.4.1.3.
 *
 * Which table column the extensions are held against follows from the message itself: the fixed random
 * makes it a HelloRetryRequest, supported_versions a TLS 1.3 ServerHello, neither a TLS 1.2 one.
 */
#ifndef LEAT_WIRE_SERVER_HELLO_H
#define LEAT_WIRE_SERVER_HELLO_H

#include "wire/client_hello.h"

/* The random of a HelloRetryRequest: SHA-256 of "HelloRetryRequest", RFC 8446 4.1.3. */
extern const uint8_t retry_random[RANDOM_LEN];

struct server_hello {
	bool retry;              /* a HelloRetryRequest */
	uint16_t legacy_version; /* must be 0x0303 in TLS 1.3 (the handshake checks) */
	uint16_t version;        /* selected_version of supported_versions, else legacy_version */
	struct leat_span random;
	struct leat_span session_id;
	uint16_t suite;
	uint8_t compression;

	uint64_t has;
	/* TLS 1.3 */
	uint16_t group; /* key_share: of the share, or selected_group in a HelloRetryRequest */
	struct leat_span share; /* key_exchange; empty in a HelloRetryRequest */
	uint16_t psk;           /* selected_identity */
	struct leat_span cookie;
	/* TLS 1.2; EXT_SNI, EXT_EMS, EXT_ETM, EXT_TICKET, EXT_STATUS carry nothing but their bit */
	struct leat_span alpn; /* the one protocol chosen */
	struct leat_span point_formats;
	struct leat_span reneg;
	struct leat_span sct; /* list_next16 */
	uint16_t record_size;
	uint8_t max_fragment;
	uint8_t client_cert_type, server_cert_type; /* CERT_X509, CERT_RAW_KEY */
};

/* The column of the extension table this message is held against. */
enum ext_where server_hello_where(const struct server_hello *sh);

bool dec_server_hello(struct leat_span body, struct server_hello *out, uint8_t *alert);
/* Appends the message with its header; sh->retry is what random says and is not read. With has 0 no
 * extension block is written (TLS 1.2). */
void enc_server_hello(struct leat_wr *w, const struct server_hello *sh);

/* Downgrade protection, RFC 8446 4.1.3: the last 8 bytes of random say what the server could have
 * spoken. Returns LEAT_TLS13 (it negotiated 1.2 but supports 1.3), LEAT_TLS12 (it negotiated 1.1 or
 * below but supports 1.2), or 0 without a sentinel. */
uint16_t sentinel_of(struct leat_span random);
/* Writes the sentinel a server of max_version puts into a ServerHello of `version`; nothing when none
 * is due. */
void sentinel_put(uint8_t random[RANDOM_LEN], uint16_t max_version, uint16_t version);

#endif
