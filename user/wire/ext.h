/* SPDX-License-Identifier: Apache-2.0
 *
 * ext.h - the registry of extensions: which may stand in which message (the table of RFC 8446 4.2,
 * with the TLS 1.2 answers beside it), and the walk over an extension block that enforces it:
 *
 *   - at most LIM_EXTENSIONS, none twice, known or not        illegal_parameter
 *   - pre_shared_key last in ClientHello                      illegal_parameter
 *   - known, but not for this message                         illegal_parameter
 *   - unknown in an answer (nobody can have asked for it)     unsupported_extension
 *   - unknown in ClientHello, CertificateRequest, NewSessionTicket: skipped (GREASE, RFC 8701)
 *
 * Whether a known extension of an answer had been asked for needs the hello that was sent: the
 * handshake calls ext_is_asked with the mask of what it offered.
 * One ext_*.c per extension holds its codecs; extensions without one are known here only by name.
 */
#ifndef LEAT_WIRE_EXT_H
#define LEAT_WIRE_EXT_H

#include "base/limits.h"
#include "base/rd.h"
#include "base/wr.h"

/* ExtensionType, IANA registry. */
enum ext_id {
	EXTID_SNI = 0,
	EXTID_MAX_FRAGMENT = 1,
	EXTID_STATUS = 5,
	EXTID_GROUPS = 10,
	EXTID_POINT_FORMATS = 11,
	EXTID_SRP = 12,
	EXTID_SIGALGS = 13,
	EXTID_USE_SRTP = 14,
	EXTID_HEARTBEAT = 15,
	EXTID_ALPN = 16,
	EXTID_SCT = 18,
	EXTID_CLIENT_CERT_TYPE = 19,
	EXTID_SERVER_CERT_TYPE = 20,
	EXTID_PADDING = 21,
	EXTID_ETM = 22,
	EXTID_EMS = 23,
	EXTID_COMPRESS_CERT = 27,
	EXTID_RECORD_SIZE = 28,
	EXTID_TICKET = 35,
	EXTID_PSK = 41,
	EXTID_EARLY_DATA = 42,
	EXTID_VERSIONS = 43,
	EXTID_COOKIE = 44,
	EXTID_PSK_MODES = 45,
	EXTID_AUTHORITIES = 47,
	EXTID_OID_FILTERS = 48,
	EXTID_POST_AUTH = 49,
	EXTID_SIGALGS_CERT = 50,
	EXTID_KEY_SHARE = 51,
	EXTID_RENEG = 0xff01,
};

/* The same as small numbers: index into the registry, bit in a mask. The order is that in which
 * encoders write them unless told otherwise. */
enum ext {
	EXT_SNI = 0,          /* server_name, RFC 6066 3 */
	EXT_MAX_FRAGMENT,     /* max_fragment_length, RFC 6066 4 */
	EXT_EMS,              /* extended_master_secret, RFC 7627 */
	EXT_RENEG,            /* renegotiation_info, RFC 5746 */
	EXT_GROUPS,           /* supported_groups, RFC 8446 4.2.7 */
	EXT_POINT_FORMATS,    /* ec_point_formats, RFC 8422 5.1.2 */
	EXT_SRP,              /* srp, RFC 5054 (seat) */
	EXT_TICKET,           /* session_ticket, RFC 5077 */
	EXT_ETM,              /* encrypt_then_mac, RFC 7366 (seat) */
	EXT_ALPN,             /* application_layer_protocol_negotiation, RFC 7301 */
	EXT_STATUS,           /* status_request, RFC 6066 8 */
	EXT_SCT,              /* signed_certificate_timestamp, RFC 6962 */
	EXT_USE_SRTP,         /* use_srtp, RFC 5764 (seat) */
	EXT_HEARTBEAT,        /* heartbeat, RFC 6520 (seat) */
	EXT_CLIENT_CERT_TYPE, /* client_certificate_type, RFC 7250 */
	EXT_SERVER_CERT_TYPE, /* server_certificate_type, RFC 7250 */
	EXT_SIGALGS,          /* signature_algorithms, RFC 8446 4.2.3 */
	EXT_SIGALGS_CERT,     /* signature_algorithms_cert */
	EXT_AUTHORITIES,      /* certificate_authorities, RFC 8446 4.2.4 */
	EXT_OID_FILTERS,      /* oid_filters, RFC 8446 4.2.5 (seat) */
	EXT_POST_AUTH,        /* post_handshake_auth, RFC 8446 4.2.6 */
	EXT_KEY_SHARE,        /* key_share, RFC 8446 4.2.8 */
	EXT_VERSIONS,         /* supported_versions, RFC 8446 4.2.1 */
	EXT_COOKIE,           /* cookie, RFC 8446 4.2.2 */
	EXT_PSK_MODES,        /* psk_key_exchange_modes, RFC 8446 4.2.9 */
	EXT_EARLY_DATA,       /* early_data, RFC 8446 4.2.10 */
	EXT_COMPRESS_CERT,    /* compress_certificate, RFC 8879 */
	EXT_RECORD_SIZE,      /* record_size_limit, RFC 8449 */
	EXT_PADDING,          /* padding, RFC 7685 */
	EXT_PSK,              /* pre_shared_key, RFC 8446 4.2.11: MUST be last in ClientHello */
	EXT_COUNT
};

/* CertificateType, RFC 7250 3 (RFC 6091's OpenPGP is not spoken). */
#define CERT_X509    0
#define CERT_RAW_KEY 2

/* A set of extensions. */
#define EXT_BIT(e) (UINT64_C(1) << (e))

/* CertificateStatusType, RFC 6066 8. */
enum { STATUS_OCSP = 1 };

/* Where an extension block stands: the columns of the table. */
enum ext_where {
	EXT_IN_CH = 1 << 0,   /* ClientHello, any version */
	EXT_IN_SH = 1 << 1,   /* ServerHello of TLS 1.3 */
	EXT_IN_HRR = 1 << 2,  /* HelloRetryRequest */
	EXT_IN_EE = 1 << 3,   /* EncryptedExtensions */
	EXT_IN_CT = 1 << 4,   /* CertificateEntry */
	EXT_IN_CR = 1 << 5,   /* CertificateRequest */
	EXT_IN_NST = 1 << 6,  /* NewSessionTicket */
	EXT_IN_SH12 = 1 << 7, /* ServerHello of TLS 1.2 and before */
};

/* One row of the registry. */
struct ext_row {
	uint16_t id;
	const char *name;
	unsigned where; /* set of enum ext_where */
};

const struct ext_row *ext_row(enum ext e);
/* EXT_COUNT when unknown. */
enum ext ext_by_id(unsigned id);

/* Was everything in `has` asked for? `asked` is what our own message offered (the SCSV of RFC 5746
 * counts as EXT_RENEG). A cookie in HelloRetryRequest comes unasked, rightly (RFC 8446 4.2).
 * false: unsupported_extension. */
bool ext_is_asked(enum ext_where where, uint64_t has, uint64_t asked);

/* Decodes the body of one known extension into out; ext_walk checks that nothing is left over.
 * false: *alert is set when it is not decode_error. */
typedef bool ext_dec_fn(void *out, enum ext e, struct leat_rd *body, uint8_t *alert);

/* Walks the extensions of a block (the bytes behind its own length) by the rules above. *has gets the
 * known ones. false: *alert says what to send. */
bool ext_walk(struct leat_span block, enum ext_where where, ext_dec_fn *each, void *out,
	uint64_t *has, uint8_t *alert);
/* The body of extension id in a block; false when it is not there (or the block is malformed). */
bool ext_find(struct leat_span block, unsigned id, struct leat_span *body);

/* One extension: type and length around what is written between open and close. */
size_t enc_ext_open(struct leat_wr *w, unsigned id);
void enc_ext_close(struct leat_wr *w, size_t mark);

#endif
