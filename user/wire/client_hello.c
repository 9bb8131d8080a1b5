/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello.c - ClientHello.
 *
 *	struct {                                            RFC 8446 4.1.2
 *	    ProtocolVersion legacy_version = 0x0303;
 *	    Random random;
 *	    opaque legacy_session_id<0..32>;
 *	    CipherSuite cipher_suites<2..2^16-2>;
 *	    opaque legacy_compression_methods<1..2^8-1>;
 *	    Extension extensions<8..2^16-1>;                RFC 5246: <0..2^16-1>, or not there at all
 *	} ClientHello;
 */
#include "wire/client_hello.h"

#include "wire/ext_parts.h"

static bool dec_ch_ext(void *out, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	struct client_hello *ch = out;

	switch (e) {
	case EXT_SNI: return dec_ext_sni(in, &ch->sni, alert);
	case EXT_EMS:
	case EXT_ETM:
	case EXT_POST_AUTH:
	case EXT_SCT: /* RFC 6962 3.3.1: "MUST be empty" */
	case EXT_EARLY_DATA: return dec_ext_empty(in);
	case EXT_RENEG: return dec_ext_reneg(in, &ch->reneg);
	case EXT_GROUPS: return dec_ext_groups(in, &ch->groups);
	case EXT_POINT_FORMATS: return dec_ext_point_formats(in, &ch->point_formats);
	case EXT_TICKET: return dec_ext_raw(in, &ch->ticket);
	case EXT_ALPN: return dec_ext_alpn(in, &ch->alpn);
	case EXT_STATUS: return dec_ext_status_request(in, &ch->status_type, &ch->status);
	case EXT_SIGALGS: return dec_ext_sigalgs(in, &ch->sigalgs);
	case EXT_SIGALGS_CERT: return dec_ext_sigalgs(in, &ch->sigalgs_cert);
	case EXT_AUTHORITIES: return dec_ext_authorities(in, &ch->authorities);
	case EXT_CLIENT_CERT_TYPE: return dec_ext_cert_types(in, &ch->client_cert_types);
	case EXT_SERVER_CERT_TYPE: return dec_ext_cert_types(in, &ch->server_cert_types);
	case EXT_KEY_SHARE: return dec_ext_key_shares(in, &ch->key_shares, alert);
	case EXT_VERSIONS: return dec_ext_versions(in, &ch->versions);
	case EXT_COOKIE: return dec_ext_cookie(in, &ch->cookie, alert);
	case EXT_PSK_MODES: return dec_ext_psk_modes(in, &ch->psk_modes);
	/* RFC 8879 4: CertificateCompressionAlgorithm algorithms<2..2^8-2> */
	case EXT_COMPRESS_CERT: return dec_ext_list16(in, 1, 254, &ch->compress);
	case EXT_MAX_FRAGMENT: return dec_ext_max_fragment(in, &ch->max_fragment);
	case EXT_RECORD_SIZE: return dec_ext_record_size(in, &ch->record_size, alert);
	/* RFC 7685 wants zeros but no server gains from looking */
	case EXT_PADDING: return dec_ext_raw(in, &ch->padding);
	case EXT_PSK: return dec_ext_psk(in, &ch->psk_ids, &ch->psk_binders, alert);
	default: leat_rd_rest(in); return true; /* an extension nobody here reads */
	}
}

bool dec_client_hello(struct leat_span body, struct client_hello *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct client_hello ch = { 0 };
	struct leat_span block = { 0 };

	leat_rd_u16(&in, &ch.legacy_version);
	ch.random = leat_rd_bytes(&in, RANDOM_LEN);
	ch.session_id = leat_rd_opaque8(&in, 0, LIM_SESSION_ID);
	ch.suites = leat_rd_opaque16(&in, 2, UINT16_MAX - 1);
	ch.compressions = leat_rd_opaque8(&in, 1, UINT8_MAX);
	/* RFC 5246 7.4.1.2: extensions are there if bytes follow the compression methods */
	if (leat_rd_more(&in))
		block = leat_rd_opaque16(&in, 0, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in) || ch.suites.n % 2 != 0)
		return false;
	if (!ext_walk(block, EXT_IN_CH, dec_ch_ext, &ch, &ch.has, alert))
		return false;
	if (ch.has & EXT_BIT(EXT_PSK)) /* the binders end the message: ext_walk saw to that */
		ch.truncated_len = body.n - 2 - ch.psk_binders.n;
	*out = ch;
	return true;
}

static void enc_padding(struct leat_wr *w, size_t n)
{
	size_t m = enc_ext_open(w, EXTID_PADDING);

	while (n--)
		leat_wr_u8(w, 0);
	enc_ext_close(w, m);
}

/* The data of seats is not kept by the decoder, so they are never encoded: nobody offers them. */
static void enc_ch_ext(struct leat_wr *w, const struct client_hello *ch, enum ext e)
{
	unsigned id = ext_row(e)->id;

	switch (e) {
	case EXT_SNI: enc_ext_sni(w, ch->sni); break;
	case EXT_EMS:
	case EXT_ETM:
	case EXT_POST_AUTH:
	case EXT_SCT:
	case EXT_EARLY_DATA: enc_ext_empty(w, id); break;
	case EXT_RENEG: enc_ext_reneg(w, ch->reneg); break;
	case EXT_GROUPS: enc_ext_groups(w, ch->groups); break;
	case EXT_POINT_FORMATS: enc_ext_point_formats(w, ch->point_formats); break;
	case EXT_TICKET: enc_ext_raw(w, id, ch->ticket); break;
	case EXT_ALPN: enc_ext_alpn(w, ch->alpn); break;
	case EXT_STATUS: enc_ext_status_request(w, ch->status_type, ch->status); break;
	case EXT_SIGALGS: enc_ext_sigalgs(w, id, ch->sigalgs); break;
	case EXT_SIGALGS_CERT: enc_ext_sigalgs(w, id, ch->sigalgs_cert); break;
	case EXT_AUTHORITIES: enc_ext_authorities(w, ch->authorities); break;
	case EXT_CLIENT_CERT_TYPE: enc_ext_cert_types(w, id, ch->client_cert_types); break;
	case EXT_SERVER_CERT_TYPE: enc_ext_cert_types(w, id, ch->server_cert_types); break;
	case EXT_KEY_SHARE: enc_ext_key_shares(w, ch->key_shares); break;
	case EXT_VERSIONS: enc_ext_versions(w, ch->versions); break;
	case EXT_COOKIE: enc_ext_cookie(w, ch->cookie); break;
	case EXT_PSK_MODES: enc_ext_psk_modes(w, ch->psk_modes); break;
	case EXT_COMPRESS_CERT: enc_ext_list16(w, id, 1, ch->compress); break;
	case EXT_MAX_FRAGMENT: enc_ext_max_fragment(w, ch->max_fragment); break;
	case EXT_RECORD_SIZE: enc_ext_u16(w, id, ch->record_size); break;
	case EXT_PADDING: enc_padding(w, ch->padding.n); break;
	case EXT_PSK: enc_ext_psk(w, ch->psk_ids, ch->psk_binders); break;
	default: break;
	}
}

static void enc_ordered(
	struct leat_wr *w, const struct client_hello *ch, const uint16_t *order, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		enum ext e = ext_by_id(order[i]);

		if (e == EXT_COUNT)
			enc_ext_empty(w, order[i]);
		else if (ch->has & EXT_BIT(e))
			enc_ch_ext(w, ch, e);
	}
}

static void enc_by_registry(struct leat_wr *w, const struct client_hello *ch)
{
	for (unsigned e = 0; e < EXT_COUNT; e++)
		if (ch->has & EXT_BIT(e))
			enc_ch_ext(w, ch, (enum ext)e);
}

void enc_client_hello(
	struct leat_wr *w, const struct client_hello *ch, const uint16_t *order, size_t num)
{
	size_t m = enc_hs_open(w, MSG_CLIENT_HELLO), block;

	leat_wr_u16(w, ch->legacy_version);
	leat_wr_span(w, ch->random);
	leat_wr_vec(w, 1, ch->session_id);
	leat_wr_vec(w, 2, ch->suites);
	leat_wr_vec(w, 1, ch->compressions);
	if (ch->has || order) {
		block = leat_wr_open(w, 2);
		if (order)
			enc_ordered(w, ch, order, num);
		else
			enc_by_registry(w, ch);
		leat_wr_close(w, block, 2);
	}
	enc_hs_close(w, m);
}
