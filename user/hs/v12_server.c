/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_server.c - a server that chose TLS 1.2: from ClientHello to its own Finished. RFC 5246 7.3, 7.4;
 * RFC 8422 (ECDHE), RFC 7627 (extended master secret), RFC 5746 (renegotiation_info).
 *
 * Entered by client_hello_in.c through v12_server_begin. The key exchanges are v12_server_kx.c's. Sessions
 * are taken up by v12_resume_server.c and made by v12_tickets.c.
 */
#include "hs/v12_int.h"

#include "hs/cert_attach.h"
#include "hs/cert_in.h"
#include "hs/cert_out.h"
#include "hs/choose.h"
#include "hs/record_limit.h"
#include "wire/cert_verify.h"
#include "wire/certificate.h"
#include "wire/v12.h"

static bool has(const struct client_hello *ch, enum ext e)
{
	return ch->has & EXT_BIT(e);
}

/* ---- ClientHello: what must hold, what is taken ---- */

static enum leat_ret check_client_hello12(const struct hs *h, const struct client_hello *ch)
{
	/* RFC 5746 3.6: "The server MUST then verify that the length of the "renegotiated_connection"
	 * field is zero, and if it is not, MUST abort the handshake (by sending a fatal
	 * handshake_failure alert)." */
	if (has(ch, EXT_RENEG) && ch->reneg.n)
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"client_hello: renegotiation_info in a first handshake is not empty");
	return v12_check_point_formats(h, ch->has, ch->point_formats,
		"client_hello: ec_point_formats without uncompressed");
}

static enum leat_ret choose_alpn12(
	const struct hs *h, const struct client_hello *ch, struct leat_span *alpn)
{
	*alpn = (struct leat_span){ NULL, 0 };
	if (!has(ch, EXT_ALPN) || !h->cfg->alpn.n)
		return LEAT_OK;
	*alpn = choose_alpn(h->cfg, ch->alpn);
	/* RFC 7301 3.2, as in TLS 1.3 */
	return alpn->n ? LEAT_OK
		       : hs_refuse(h, LEAT_ALERT_NO_APPLICATION_PROTOCOL,
				 "client_hello: no application protocol in common");
}

/* What an abbreviated handshake negotiates too. */
static void commit_hello12(struct hs *h, const struct client_hello *ch, struct leat_span alpn)
{
	hs_set_version(h, LEAT_TLS12);
	h->alpn = alpn;
	/* RFC 5746 3.6: the extension or the SCSV */
	h->v12.secure_reneg = has(ch, EXT_RENEG) || list16_has(ch->suites, SUITE_RENEG_SCSV);
}

static enum leat_ret commit_chosen12(
	struct hs *h, const struct client_hello *ch, const struct choice12 *c)
{
	h->group = c->group;
	h->cred = c->auth.cred;
	h->scheme = c->auth.scheme;
	h->server_type = c->auth.type;
	h->client_type = c->client_type;
	h->ems = has(ch, EXT_EMS);
	attach_note_wants(h, ch->has, ch->status_type, ch->compress);
	if (h->cfg->verify == LEAT_VERIFY_PEER) /* a client may sign all of this */
		transcript_keep(&h->tr);
	v12_commit_session(h, ch);
	if (hs_set_suite(h, c->suite) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return LEAT_OK;
}

/* ---- the flight ---- */

enum leat_ret v12_send_server_hello(struct hs *h, const struct client_hello *ch)
{
	static const uint8_t uncompressed[] = { 0 };
	struct server_hello sh = {
		.legacy_version = LEAT_TLS12,
		.random = { h->server_random, RANDOM_LEN },
		.session_id = { h->session_id, h->session_id_len },
		.suite = h->suite->id,
		.alpn = h->alpn,
		.point_formats = { uncompressed, sizeof(uncompressed) },
	};
	struct record_words words;
	struct attach *attached;

	server_make_random(h);
	if (h->v12.secure_reneg) /* RFC 5746 3.6: "MUST include an empty "renegotiation_info"" */
		sh.has |= EXT_BIT(EXT_RENEG);
	if (h->ems) /* RFC 7627 5.1: "MUST include" when the client did */
		sh.has |= EXT_BIT(EXT_EMS);
	if (h->v12.ticket_promised)
		sh.has |= EXT_BIT(EXT_TICKET);
	if (h->alpn.n)
		sh.has |= EXT_BIT(EXT_ALPN);
	/* RFC 8422 5.2: "when negotiating an ECC cipher suite" */
	if (!h->resumed && has(ch, EXT_POINT_FORMATS))
		sh.has |= EXT_BIT(EXT_POINT_FORMATS);
	/* RFC 6066 3: "When resuming a session, the server MUST NOT include a server_name extension" */
	if (!h->resumed && h->s.sni[0] && h->cred && cred_has_name(h->cred, h->s.sni))
		sh.has |= EXT_BIT(EXT_SNI);
	sh.server_cert_type = h->server_type;
	sh.client_cert_type = h->client_type;
	if (h->server_type == CERT_RAW_KEY) /* RFC 7250 4.2 */
		sh.has |= EXT_BIT(EXT_SERVER_CERT_TYPE);
	if (h->client_type == CERT_RAW_KEY && h->cfg->verify == LEAT_VERIFY_PEER)
		sh.has |= EXT_BIT(EXT_CLIENT_CERT_TYPE);
	words = limit_answer(h);
	sh.has |= words.has;
	sh.record_size = words.record_size;
	sh.max_fragment = words.max_fragment;
	attach_promise12(h, &sh, &attached);
	enc_server_hello(hs_out(h), &sh);
	attach_unref(attached);
	return hs_send(h);
}

static enum leat_ret begin_full(struct hs *h, const struct client_hello *ch, enum hs_state *next)
{
	struct choice12 c;

	if (server_check_types(h, ch, &c.client_type) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 7919 4: where none of the client's FFDHE groups and none of its other suites will do, "the
	 * server MUST end the connection with a fatal TLS alert of type insufficient_security" */
	if (!choose_suite12(h->cfg, ch, h->s.sni, &c))
		return hs_refuse(h,
			c.no_prime ? LEAT_ALERT_INSUFFICIENT_SECURITY
				   : LEAT_ALERT_HANDSHAKE_FAILURE,
			c.no_prime ? "client_hello: none of its finite field groups is ours"
				   : "client_hello: no cipher suite in common that fits");
	if (commit_chosen12(h, ch, &c) != LEAT_OK || v12_send_server_hello(h, ch) != LEAT_OK)
		return LEAT_FAILED;
	if (!suite_is_psk(h->suite) && cert_out_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return v12_begin_server_kx(h, next);
}

enum leat_ret v12_server_begin(struct hs *h, const struct client_hello *ch, enum hs_state *next)
{
	LEAT_SCOPED(lookup_hit_clear) struct lookup_hit hit = { 0 };
	struct leat_span alpn;
	enum leat_ret r;

	if (check_client_hello12(h, ch) != LEAT_OK || choose_alpn12(h, ch, &alpn) != LEAT_OK)
		return LEAT_FAILED;
	r = v12_server_find(h, ch, alpn, &hit);
	if (r != LEAT_OK && r != LEAT_UNSUPPORTED)
		return r;
	commit_hello12(h, ch, alpn);
	return r == LEAT_OK ? v12_server_resume(h, ch, &hit, next) : begin_full(h, ch, next);
}

/* ---- the client's flight, and our end ---- */

static enum leat_ret chain_is_good(struct hs *h, enum hs_state *next)
{
	(void)h;
	*next = S12_WAIT_CKX;
	return LEAT_OK;
}

enum leat_ret v12_on_client_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct certificate c;

	if (!cert_in_decode(h, body, &c, &alert))
		return hs_refuse(h, alert, "certificate: malformed");
	if (c.num == 0) {
		hs_take_msg(h);
		transcript_drop_raw(&h->tr);
		*next = S12_WAIT_CKX;
		return server_without_cert(h);
	}
	if (hs_take_chain(h, c.cert, c.num) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return job_verify(h, chain_is_good, next);
}

/* RFC 5246 7.4.8: "The hash and signature algorithms used in the signature MUST be one of those present
 * in the supported_signature_algorithms field of the CertificateRequest message. In addition, the hash
 * and signature algorithms MUST be compatible with the key in the client's end-entity certificate." */
enum leat_ret v12_on_client_cert_verify(struct hs *h, struct leat_span body, enum hs_state *next)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr signed_by = { 0 };
	const struct key *key = chain_key(h->peer_chain);
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	const struct sigscheme *s;
	struct cert_verify cv;

	if (!dec_cert_verify(body, &cv, &alert))
		return hs_refuse(h, alert, "certificate_verify: malformed");
	s = cert_in_scheme(h, cv.scheme);
	if (!s || !sigscheme_fits(s, key_kind(key), LEAT_TLS12))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			s ? "certificate_verify: scheme does not fit the certificate's key"
			  : "certificate_verify: signature scheme was not offered");
	if (!transcript_take_raw(&h->tr, &signed_by))
		return err_memory(h->err);
	if (!sign_check(h->cfg->crypto, key, s, leat_wr_done(&signed_by), cv.signature))
		return hs_refuse(
			h, LEAT_ALERT_DECRYPT_ERROR, "certificate_verify: wrong signature");
	h->client_scheme = s;
	hs_take_msg(h);
	*next = S12_WAIT_CCS;
	return LEAT_OK;
}

enum leat_ret v12_on_client_ccs(struct hs *h, struct leat_span body, enum hs_state *next)
{
	(void)body; /* checked to be the single byte 1 */
	*next = S12_WAIT_FINISHED;
	return v12_take_ccs(h);
}

enum leat_ret v12_on_client_finished(struct hs *h, struct leat_span body, enum hs_state *next)
{
	if (v12_take_finished(h, body) != LEAT_OK)
		return LEAT_FAILED;
	*next = HS_UP;
	if (!h->resumed) {
		if (h->v12.ticket_promised && v12_send_ticket(h) != LEAT_OK)
			return LEAT_FAILED;
		v12_keep_session(h);
		if (v12_send_finished(h) != LEAT_OK)
			return LEAT_FAILED;
	}
	v12_commit_up(h);
	return LEAT_OK;
}
