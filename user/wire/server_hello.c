/* SPDX-License-Identifier: Apache-2.0
 *
 * server_hello.c - ServerHello and HelloRetryRequest.
 *
 *	struct {                                            RFC 8446 4.1.3
 *	    ProtocolVersion legacy_version = 0x0303;
 *	    Random random;
 *	    opaque legacy_session_id_echo<0..32>;
 *	    CipherSuite cipher_suite;
 *	    uint8 legacy_compression_method = 0;
 *	    Extension extensions<6..2^16-1>;                RFC 5246: <0..2^16-1>, or not there at all
 *	} ServerHello;
 */
#include "wire/server_hello.h"

#include <string.h>

#include "wire/ext_parts.h"

const uint8_t retry_random[RANDOM_LEN] = {
	0xcf,
	0x21,
	0xad,
	0x74,
	0xe5,
	0x9a,
	0x61,
	0x11,
	0xbe,
	0x1d,
	0x8c,
	0x02,
	0x1e,
	0x65,
	0xb8,
	0x91,
	0xc2,
	0xa2,
	0x11,
	0x16,
	0x7a,
	0xbb,
	0x8c,
	0x5e,
	0x07,
	0x9e,
	0x09,
	0xe2,
	0xc8,
	0xa8,
	0x33,
	0x9c,
};

/* "DOWNGRD" and a number, RFC 8446 4.1.3. */
enum { SENTINEL_LEN = 8 };
static const uint8_t sentinel12[SENTINEL_LEN] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', 1 };
static const uint8_t sentinel11[SENTINEL_LEN] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', 0 };

static bool span_ends(struct leat_span s, const uint8_t *tail, size_t n)
{
	return s.n >= n && memcmp(s.p + s.n - n, tail, n) == 0;
}

uint16_t sentinel_of(struct leat_span random)
{
	if (span_ends(random, sentinel12, SENTINEL_LEN))
		return LEAT_TLS13;
	if (span_ends(random, sentinel11, SENTINEL_LEN))
		return LEAT_TLS12;
	return 0;
}

void sentinel_put(uint8_t random[RANDOM_LEN], uint16_t max_version, uint16_t version)
{
	uint8_t *at = random + RANDOM_LEN - SENTINEL_LEN;

	/* "TLS 1.3 servers which negotiate TLS 1.2 [...] MUST set the last 8 bytes" */
	if (max_version >= LEAT_TLS13 && version == LEAT_TLS12)
		memcpy(at, sentinel12, SENTINEL_LEN);
	/* "TLS 1.3 servers MUST and TLS 1.2 servers SHOULD" for 1.1 and below */
	if (max_version >= LEAT_TLS12 && version < LEAT_TLS12)
		memcpy(at, sentinel11, SENTINEL_LEN);
}

enum ext_where server_hello_where(const struct server_hello *sh)
{
	if (sh->retry)
		return EXT_IN_HRR;
	return sh->has & EXT_BIT(EXT_VERSIONS) ? EXT_IN_SH : EXT_IN_SH12;
}

/* Data of TLS 1.2 answers; their RFCs make most of them empty. */
static bool dec_sh12_ext(struct server_hello *sh, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	switch (e) {
	case EXT_SNI:    /* RFC 6066 3: "extension_data" SHALL be empty */
	case EXT_STATUS: /* RFC 6066 8: empty */
	case EXT_EMS:    /* RFC 7627 5.1 */
	case EXT_ETM:    /* RFC 7366 2 */
	case EXT_TICKET: /* RFC 5077 3.2: zero-length */ return dec_ext_empty(in);
	case EXT_ALPN: return dec_ext_alpn_one(in, &sh->alpn, alert);
	case EXT_POINT_FORMATS: return dec_ext_point_formats(in, &sh->point_formats);
	case EXT_RENEG: return dec_ext_reneg(in, &sh->reneg);
	case EXT_MAX_FRAGMENT: return dec_ext_max_fragment(in, &sh->max_fragment);
	case EXT_SCT: return dec_ext_sct(in, &sh->sct);
	case EXT_RECORD_SIZE: return dec_ext_record_size(in, &sh->record_size, alert);
	case EXT_CLIENT_CERT_TYPE: return dec_ext_cert_type(in, &sh->client_cert_type);
	case EXT_SERVER_CERT_TYPE: return dec_ext_cert_type(in, &sh->server_cert_type);
	default: leat_rd_rest(in); return true;
	}
}

static bool dec_sh_ext(void *out, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	struct server_hello *sh = out;

	switch (e) {
	case EXT_VERSIONS: return dec_ext_u16(in, &sh->version);
	case EXT_KEY_SHARE:
		return sh->retry ? dec_ext_u16(in, &sh->group)
				 : dec_ext_key_share_one(in, &sh->group, &sh->share);
	case EXT_PSK: return dec_ext_u16(in, &sh->psk);
	case EXT_COOKIE: return dec_ext_cookie(in, &sh->cookie, alert);
	default: return dec_sh12_ext(sh, e, in, alert);
	}
}

bool dec_server_hello(struct leat_span body, struct server_hello *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct server_hello sh = { 0 };
	struct leat_span block = { 0 }, found;
	enum ext_where where;

	leat_rd_u16(&in, &sh.legacy_version);
	sh.random = leat_rd_bytes(&in, RANDOM_LEN);
	sh.session_id = leat_rd_opaque8(&in, 0, LIM_SESSION_ID);
	leat_rd_u16(&in, &sh.suite);
	leat_rd_u8(&in, &sh.compression);
	if (leat_rd_more(&in))
		block = leat_rd_opaque16(&in, 0, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;

	sh.version = sh.legacy_version;
	sh.retry = span_ends(sh.random, retry_random, RANDOM_LEN);
	if (sh.retry)
		where = EXT_IN_HRR;
	else
		where = ext_find(block, EXTID_VERSIONS, &found) ? EXT_IN_SH : EXT_IN_SH12;
	if (!ext_walk(block, where, dec_sh_ext, &sh, &sh.has, alert))
		return false;
	*out = sh;
	return true;
}

static void enc_sh_ext(struct leat_wr *w, const struct server_hello *sh, bool retry, enum ext e)
{
	unsigned id = ext_row(e)->id;

	switch (e) {
	case EXT_VERSIONS: enc_ext_u16(w, id, sh->version); break;
	case EXT_KEY_SHARE:
		if (retry)
			enc_ext_u16(w, id, sh->group);
		else
			enc_ext_key_share_one(w, sh->group, sh->share);
		break;
	case EXT_PSK: enc_ext_u16(w, id, sh->psk); break;
	case EXT_COOKIE: enc_ext_cookie(w, sh->cookie); break;
	case EXT_SNI:
	case EXT_STATUS:
	case EXT_EMS:
	case EXT_ETM:
	case EXT_TICKET: enc_ext_empty(w, id); break;
	case EXT_ALPN: enc_ext_alpn_one(w, sh->alpn); break;
	case EXT_POINT_FORMATS: enc_ext_point_formats(w, sh->point_formats); break;
	case EXT_RENEG: enc_ext_reneg(w, sh->reneg); break;
	case EXT_MAX_FRAGMENT: enc_ext_max_fragment(w, sh->max_fragment); break;
	case EXT_SCT: enc_ext_sct(w, sh->sct); break;
	case EXT_RECORD_SIZE: enc_ext_u16(w, id, sh->record_size); break;
	case EXT_CLIENT_CERT_TYPE: enc_ext_cert_type(w, id, sh->client_cert_type); break;
	case EXT_SERVER_CERT_TYPE: enc_ext_cert_type(w, id, sh->server_cert_type); break;
	default: break;
	}
}

void enc_server_hello(struct leat_wr *w, const struct server_hello *sh)
{
	bool retry = span_ends(sh->random, retry_random, RANDOM_LEN);
	size_t m = enc_hs_open(w, MSG_SERVER_HELLO), block;

	leat_wr_u16(w, sh->legacy_version);
	leat_wr_span(w, sh->random);
	leat_wr_vec(w, 1, sh->session_id);
	leat_wr_u16(w, sh->suite);
	leat_wr_u8(w, sh->compression);
	if (sh->has) {
		block = leat_wr_open(w, 2);
		for (unsigned e = 0; e < EXT_COUNT; e++)
			if (sh->has & EXT_BIT(e))
				enc_sh_ext(w, sh, retry, (enum ext)e);
		leat_wr_close(w, block, 2);
	}
	enc_hs_close(w, m);
}
