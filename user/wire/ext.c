/* SPDX-License-Identifier: Apache-2.0
 *
 * ext.c - the table of extensions and the walk that enforces it. Also the few shapes of data that
 * several extensions share.
 */
#include "wire/ext.h"

#include "wire/ext_parts.h"

/* Columns, short for the table only. */
#define CH  EXT_IN_CH
#define SH  EXT_IN_SH
#define HRR EXT_IN_HRR
#define EE  EXT_IN_EE
#define CT  EXT_IN_CT
#define CR  EXT_IN_CR
#define NST EXT_IN_NST
#define S12 EXT_IN_SH12

/* RFC 8446 4.2, the table "Extension [...] TLS 1.3", row by row, with two kinds of additions: the
 * column S12 (ServerHello of TLS 1.2, by each extension's own RFC) and extensions that only TLS 1.2
 * answers. Those may stand in any ClientHello, because one hello offers both versions.
 *
 * supported_groups in a TLS 1.2 ServerHello is not legal (RFC 8422 4), but known servers send it
 * and every client bears it; its content is not looked at. */
/* clang-format off */
static const struct ext_row rows[EXT_COUNT] = {
	[EXT_SNI]              = { EXTID_SNI,              "server_name",               CH | EE | S12 },
	[EXT_MAX_FRAGMENT]     = { EXTID_MAX_FRAGMENT,     "max_fragment_length",       CH | EE | S12 },
	[EXT_STATUS]           = { EXTID_STATUS,           "status_request",            CH | CR | CT | S12 },
	[EXT_GROUPS]           = { EXTID_GROUPS,           "supported_groups",          CH | EE | S12 },
	[EXT_SIGALGS]          = { EXTID_SIGALGS,          "signature_algorithms",      CH | CR },
	[EXT_USE_SRTP]         = { EXTID_USE_SRTP,         "use_srtp",                  CH | EE | S12 },
	[EXT_HEARTBEAT]        = { EXTID_HEARTBEAT,        "heartbeat",                 CH | EE | S12 },
	[EXT_ALPN]             = { EXTID_ALPN,             "application_layer_protocol_negotiation",
	                                                                                CH | EE | S12 },
	[EXT_SCT]              = { EXTID_SCT,              "signed_certificate_timestamp",
	                                                                                CH | CR | CT | S12 },
	[EXT_CLIENT_CERT_TYPE] = { EXTID_CLIENT_CERT_TYPE, "client_certificate_type",   CH | EE | S12 },
	[EXT_SERVER_CERT_TYPE] = { EXTID_SERVER_CERT_TYPE, "server_certificate_type",   CH | EE | S12 },
	[EXT_PADDING]          = { EXTID_PADDING,          "padding",                   CH },
	[EXT_KEY_SHARE]        = { EXTID_KEY_SHARE,        "key_share",                 CH | SH | HRR },
	[EXT_PSK]              = { EXTID_PSK,              "pre_shared_key",            CH | SH },
	[EXT_PSK_MODES]        = { EXTID_PSK_MODES,        "psk_key_exchange_modes",    CH },
	[EXT_EARLY_DATA]       = { EXTID_EARLY_DATA,       "early_data",                CH | EE | NST },
	[EXT_COOKIE]           = { EXTID_COOKIE,           "cookie",                    CH | HRR },
	[EXT_VERSIONS]         = { EXTID_VERSIONS,         "supported_versions",        CH | SH | HRR },
	[EXT_AUTHORITIES]      = { EXTID_AUTHORITIES,      "certificate_authorities",   CH | CR },
	[EXT_OID_FILTERS]      = { EXTID_OID_FILTERS,      "oid_filters",               CR },
	[EXT_POST_AUTH]        = { EXTID_POST_AUTH,        "post_handshake_auth",       CH },
	[EXT_SIGALGS_CERT]     = { EXTID_SIGALGS_CERT,     "signature_algorithms_cert", CH | CR },
	/* later RFCs: 8879, 8449 */
	[EXT_COMPRESS_CERT]    = { EXTID_COMPRESS_CERT,    "compress_certificate",      CH | CR },
	[EXT_RECORD_SIZE]      = { EXTID_RECORD_SIZE,      "record_size_limit",         CH | EE | S12 },
	/* answered by TLS 1.2 only */
	[EXT_POINT_FORMATS]    = { EXTID_POINT_FORMATS,    "ec_point_formats",          CH | S12 },
	[EXT_SRP]              = { EXTID_SRP,              "srp",                       CH },
	[EXT_ETM]              = { EXTID_ETM,              "encrypt_then_mac",          CH | S12 },
	[EXT_EMS]              = { EXTID_EMS,              "extended_master_secret",    CH | S12 },
	[EXT_TICKET]           = { EXTID_TICKET,           "session_ticket",            CH | S12 },
	[EXT_RENEG]            = { EXTID_RENEG,            "renegotiation_info",        CH | S12 },
};
/* clang-format on */

_Static_assert(EXT_COUNT <= 64, "a set of extensions is a 64-bit mask");

const struct ext_row *ext_row(enum ext e)
{
	return &rows[e];
}

enum ext ext_by_id(unsigned id)
{
	unsigned e = 0;

	while (e < EXT_COUNT && rows[e].id != id)
		e++;
	return (enum ext)e;
}

bool ext_is_asked(enum ext_where where, uint64_t has, uint64_t asked)
{
	/* RFC 8446 4.2: the cookie in a HelloRetryRequest is the one exception */
	if (where == EXT_IN_HRR)
		asked |= EXT_BIT(EXT_COOKIE);
	return (has & ~asked) == 0;
}

/* RFC 8446 4.2: struct { ExtensionType extension_type; opaque extension_data<0..2^16-1>; } */
static bool next_ext(struct leat_rd *block, uint16_t *id, struct leat_rd *body)
{
	leat_rd_u16(block, id);
	leat_rd_vec16(block, body, 0, UINT16_MAX);
	return leat_rd_ok(block);
}

bool ext_find(struct leat_span block, unsigned id, struct leat_span *body)
{
	struct leat_rd in = leat_rd_of(block), sub;
	uint16_t at;

	while (leat_rd_more(&in) && next_ext(&in, &at, &sub))
		if (at == id) {
			*body = leat_rd_rest(&sub);
			return true;
		}
	return false;
}

static bool was_seen(const uint16_t *seen, size_t num, uint16_t id)
{
	for (size_t i = 0; i < num; i++)
		if (seen[i] == id)
			return true;
	return false;
}

/* RFC 8446 4.2: implementations MUST NOT send extension responses if the remote endpoint did not send
 * the corresponding request; unknown ones in requests are ignored. */
static bool may_be_unknown(enum ext_where where)
{
	return where == EXT_IN_CH || where == EXT_IN_CR || where == EXT_IN_NST;
}

bool ext_walk(struct leat_span block, enum ext_where where, ext_dec_fn *each, void *out,
	uint64_t *has, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(block), body;
	uint16_t seen[LIM_EXTENSIONS], id;
	size_t num = 0;
	enum ext e;

	*has = 0;
	while (leat_rd_more(&in)) {
		*alert = LEAT_ALERT_DECODE_ERROR;
		if (!next_ext(&in, &id, &body))
			return false;
		*alert = LEAT_ALERT_ILLEGAL_PARAMETER;
		/* RFC 8446 4.2: MUST NOT be more than one extension of the same type in a block */
		if (num == LIM_EXTENSIONS || was_seen(seen, num, id))
			return false;
		seen[num++] = id;
		e = ext_by_id(id);
		if (e == EXT_COUNT && may_be_unknown(where))
			continue;
		if (e == EXT_COUNT) {
			*alert = LEAT_ALERT_UNSUPPORTED_EXTENSION;
			return false;
		}
		/* RFC 8446 4.2: recognized and not specified for the message: illegal_parameter */
		if ((rows[e].where & where) == 0)
			return false;
		/* RFC 8446 4.2.11: pre_shared_key MUST be the last extension in the ClientHello */
		if (e == EXT_PSK && where == EXT_IN_CH && leat_rd_more(&in))
			return false;
		*alert = LEAT_ALERT_DECODE_ERROR;
		if (!each(out, e, &body, alert))
			return false;
		*alert = LEAT_ALERT_DECODE_ERROR;
		if (!leat_rd_end(&body))
			return false;
		*has |= EXT_BIT(e);
	}
	return true;
}

size_t enc_ext_open(struct leat_wr *w, unsigned id)
{
	leat_wr_u16(w, (uint16_t)id);
	return leat_wr_open(w, 2);
}

void enc_ext_close(struct leat_wr *w, size_t mark)
{
	leat_wr_close(w, mark, 2);
}

bool dec_ext_empty(const struct leat_rd *in)
{
	return leat_rd_end(in);
}

void enc_ext_empty(struct leat_wr *w, unsigned id)
{
	enc_ext_close(w, enc_ext_open(w, id));
}

bool dec_ext_raw(struct leat_rd *in, struct leat_span *out)
{
	*out = leat_rd_rest(in);
	return leat_rd_ok(in);
}

void enc_ext_raw(struct leat_wr *w, unsigned id, struct leat_span data)
{
	size_t m = enc_ext_open(w, id);

	leat_wr_span(w, data);
	enc_ext_close(w, m);
}

bool dec_ext_list16(struct leat_rd *in, unsigned width, size_t max, struct leat_span *out)
{
	*out = width == 1 ? leat_rd_opaque8(in, 2, max) : leat_rd_opaque16(in, 2, max);
	if (out->n % 2 != 0)
		leat_rd_fail(in);
	return leat_rd_ok(in);
}

void enc_ext_list16(struct leat_wr *w, unsigned id, unsigned width, struct leat_span list)
{
	size_t m = enc_ext_open(w, id);

	leat_wr_vec(w, width, list);
	enc_ext_close(w, m);
}

bool dec_ext_u16(struct leat_rd *in, uint16_t *out)
{
	leat_rd_u16(in, out);
	return leat_rd_ok(in);
}

void enc_ext_u16(struct leat_wr *w, unsigned id, uint16_t v)
{
	size_t m = enc_ext_open(w, id);

	leat_wr_u16(w, v);
	enc_ext_close(w, m);
}
