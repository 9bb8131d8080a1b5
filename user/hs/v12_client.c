/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_client.c - a client whose server chose TLS 1.2: from ServerHello to the server's Finished.
 * RFC 5246 7.3, 7.4; RFC 8422 (ECDHE), RFC 7627 (extended master secret), RFC 5746 (renegotiation_info).
 *
 * Entered by client_params.c through v12_client_begin. The key exchanges are v12_client_kx.c's.
 */
#include "hs/v12_int.h"

#include <string.h>

#include "hs/cert_in.h"
#include "hs/cert_out.h"
#include "hs/choose.h"
#include "hs/record_limit.h"
#include "wire/certificate.h"
#include "hs/cert_attach.h"
#include "wire/cert_status.h"
#include "wire/session_ticket.h"
#include "wire/v12.h"

/* ---- ServerHello ---- */

static const struct suite *offered_suite(const struct hs *h, uint16_t id)
{
	for (unsigned i = 0; i < h->cfg->suites.n; i++) {
		const struct suite *s = h->cfg->suites.v[i];

		if (s->id == id && s->version == LEAT_TLS12 && config_may_use(h->cfg, s))
			return s;
	}
	return NULL;
}

/* RFC 5746 3.4: "If the extension is not present, [...] some clients may want to terminate the handshake"
 * (we do), and when it is, "the client MUST then verify that the length of the
 * "renegotiated_connection" field is zero, and if it is not, MUST abort the handshake (by sending a
 * fatal handshake_failure alert)". */
static enum leat_ret check_reneg(const struct hs *h, const struct server_hello *sh)
{
	if (!(sh->has & EXT_BIT(EXT_RENEG)) && !h->cfg->secure_renegotiate)
		return LEAT_OK;
	if (!(sh->has & EXT_BIT(EXT_RENEG)))
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"server_hello: without secure renegotiation");
	if (sh->reneg.n)
		return hs_refuse(h, LEAT_ALERT_HANDSHAKE_FAILURE,
			"server_hello: renegotiation_info in a first handshake is not empty");
	return LEAT_OK;
}

static struct record_words words_of(const struct server_hello *sh)
{
	return (struct record_words){ sh->has, sh->record_size, sh->max_fragment };
}

static enum leat_ret check_server_hello12(const struct hs *h, const struct server_hello *sh)
{
	const struct record_words words = words_of(sh);

	if (!ext_is_asked(EXT_IN_SH12, sh->has, h->c.asked))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_EXTENSION,
			"server_hello: extension was not asked for");
	if (!offered_suite(h, sh->suite))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_hello: cipher suite was not offered");
	if (v12_client_is_resumed(h, sh) && v12_check_resumed(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	if (check_reneg(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	if ((sh->has & EXT_BIT(EXT_ALPN)) && choose_alpn_ours(h->cfg, sh->alpn).n == 0)
		return hs_refuse(
			h, LEAT_ALERT_ILLEGAL_PARAMETER, "server_hello: alpn name was not offered");
	if (limit_check_answer(h, &words, LEAT_TLS12) != LEAT_OK)
		return LEAT_FAILED;
	if (v12_client_is_resumed(h, sh) &&
		limit_check_resumed(h, &words, session_data(h->c.session)->max_fragment) != LEAT_OK)
		return LEAT_FAILED;
	if (client_check_types(h, sh->has, sh->server_cert_type, sh->client_cert_type) != LEAT_OK)
		return LEAT_FAILED;
	return v12_check_point_formats(h, sh->has, sh->point_formats,
		"server_hello: ec_point_formats without uncompressed");
}

/* RFC 4279 2 to 4: with a PSK no Certificate comes; plain PSK may leave out ServerKeyExchange too. */
static enum hs_state first_state(const struct suite *s)
{
	if (s->kx == KX_PSK)
		return C12_WAIT_SKX_DONE;
	return suite_is_psk(s) ? C12_WAIT_SKX_PSK : C12_WAIT_CERT;
}

enum leat_ret v12_client_begin(struct hs *h, const struct server_hello *sh, enum hs_state *next)
{
	struct record_words words = words_of(sh);
	bool resumed = v12_client_is_resumed(h, sh);

	if (check_server_hello12(h, sh) != LEAT_OK)
		return LEAT_FAILED;
	hs_set_version(h, LEAT_TLS12);
	if (resumed)
		limit_add_resumed(&words, session_data(h->c.session)->max_fragment);
	limit_commit_answer(h, &words);
	client_clear_shares(h);
	memcpy(h->server_random, sh->random.p, RANDOM_LEN);
	h->session_id_len = (uint8_t)sh->session_id.n;
	if (sh->session_id.n)
		memcpy(h->session_id, sh->session_id.p, sh->session_id.n);
	/* RFC 7627 5.1: in use when both sides sent it */
	h->ems = sh->has & EXT_BIT(EXT_EMS);
	h->server_type = sh->server_cert_type;
	h->client_type = sh->client_cert_type;
	h->v12.secure_reneg = (sh->has & EXT_BIT(EXT_RENEG)) != 0;
	h->v12.ticket_promised = sh->has & EXT_BIT(EXT_TICKET);
	h->v12.status_promised = sh->has & EXT_BIT(EXT_STATUS);
	if (sh->has & EXT_BIT(EXT_ALPN))
		h->alpn = choose_alpn_ours(h->cfg, sh->alpn);
	if (h->cfg->num_creds && !resumed) /* one of them may have to sign all of this */
		transcript_keep(&h->tr);
	if (hs_set_suite(h, offered_suite(h, sh->suite)) != LEAT_OK ||
		attach_take(h, NULL, 0, sh->sct) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	if (resumed)
		v12_client_resume(h);
	*next = resumed ? C12_WAIT_CCS : first_state(h->suite);
	return LEAT_OK;
}

/* ---- Certificate ---- */

static enum leat_ret chain_is_good(struct hs *h, enum hs_state *next)
{
	*next = h->v12.status_promised ? C12_WAIT_STATUS : C12_WAIT_SKX;
	return LEAT_OK;
}

enum leat_ret v12_on_server_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct certificate c;

	if (!cert_in_decode(h, body, &c, &alert))
		return hs_refuse(h, alert, "certificate: malformed");
	if (c.num == 0)
		return hs_refuse(h, LEAT_ALERT_DECODE_ERROR, "certificate: the server sent none");
	if (hs_take_chain(h, c.cert, c.num) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 5246 7.4.2: the certificate's key "MUST allow the key to be used for" the key exchange and
	 * be of the type the cipher suite names. */
	if (!suite_fits_key(h->suite, key_kind(chain_key(h->peer_chain))))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate: its key does not fit the cipher suite");
	hs_take_msg(h);
	return job_verify(h, chain_is_good, next);
}

/* ---- CertificateStatus, RFC 6066 8 ---- */

static enum leat_ret status_is_good(struct hs *h, enum hs_state *next)
{
	h->job.staple_only = false;
	*next = C12_WAIT_SKX;
	return LEAT_OK;
}

enum leat_ret v12_on_cert_status(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct leat_span response;

	if (!dec_cert_status(body, &response, &alert))
		return hs_refuse(h, alert, "certificate_status: malformed");
	if (attach_take(h, &response, 1, papers_sct(h->papers)) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return job_verify_staple(h, status_is_good, next);
}

/* ---- CertificateRequest, ServerHelloDone and our flight ---- */

enum leat_ret v12_on_cert_request(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct cert_request cr;

	if (!dec_cert_request12(body, &cr, &alert))
		return hs_refuse(h, alert, "certificate_request: malformed");
	h->v12.cert_requested = true;
	cert_out_choose(h, &cr);
	hs_take_msg(h);
	*next = C12_WAIT_DONE;
	return LEAT_OK;
}

static enum leat_ret after_sign(struct hs *h, enum hs_state *next)
{
	if (cert_out_send_verify(h) != LEAT_OK)
		return LEAT_FAILED;
	*next = C12_WAIT_CCS;
	return v12_send_finished(h);
}

/* RFC 5246 7.4.8: the signature is over "all handshake messages sent or received, starting at client
 * hello and up to, but not including, this message", with a hash of its own. */
static enum leat_ret sign_messages(struct hs *h)
{
	return transcript_take_raw(&h->tr, &h->job.tbs) ? job_sign(h, after_sign)
							: err_memory(h->err);
}

enum leat_ret v12_on_hello_done(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;

	if (!dec_v12_hello_done(body, &alert))
		return hs_refuse(h, alert, "server_hello_done: malformed");
	/* RFC 5246 7.4.5: "After sending this message, the server will wait for a client response." */
	if (!hs_is_last(h))
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"server_hello_done: not at the end of its record");
	hs_take_msg(h);
	/* 7.4.6: "This is the first message the client can send after receiving a ServerHelloDone
	 * message. [...] If no suitable certificate is available, the client MUST send a certificate
	 * message containing no certificates." */
	if (h->v12.cert_requested && cert_out_send(h) != LEAT_OK)
		return LEAT_FAILED;
	if (v12_send_client_kx(h) != LEAT_OK)
		return LEAT_FAILED;
	if (h->cred)
		return sign_messages(h);
	transcript_drop_raw(&h->tr);
	*next = C12_WAIT_CCS;
	return v12_send_finished(h);
}

/* RFC 5246 7.4.1.1: "This message will be ignored by the client if the client is currently negotiating a
 * session"; it "MUST NOT be included in the message hashes". */
enum leat_ret v12_on_hello_request(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;

	if (!dec_v12_hello_request(body, &alert))
		return hs_refuse(h, alert, "hello_request: malformed");
	if (h->dropped_in == LIM_DROPPED)
		return hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "hello_request: too many of them");
	h->dropped_in++;
	*next = (enum hs_state)h->state;
	return LEAT_OK;
}

/* ---- the server's last flight ---- */

enum leat_ret v12_on_ticket(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct session_ticket t;

	/* RFC 5077 3.3: "This message MUST NOT be sent if the server did not include a SessionTicket
	 * extension in the ServerHello"; and once. */
	if (!h->v12.ticket_promised)
		return hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "new_session_ticket: none was promised");
	if (!dec_session_ticket12(body, &t, &alert))
		return hs_refuse(h, alert, "new_session_ticket: malformed");
	h->v12.ticket_promised = false;
	hs_take_msg(h);
	*next = C12_WAIT_CCS;
	return v12_client_keep_ticket(h, &t);
}

enum leat_ret v12_on_server_ccs(struct hs *h, struct leat_span body, enum hs_state *next)
{
	(void)body; /* checked to be the single byte 1 */
	/* RFC 5077 3.3: "This message MUST be sent if the server included a SessionTicket extension" */
	if (h->v12.ticket_promised)
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"change_cipher_spec: before the promised new_session_ticket");
	*next = C12_WAIT_FINISHED;
	return v12_take_ccs(h);
}

enum leat_ret v12_on_server_finished(struct hs *h, struct leat_span body, enum hs_state *next)
{
	if (v12_take_finished(h, body) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 5246 7.3 figure 2: here it is the client's turn to send what the server has sent */
	if (h->resumed && v12_send_finished(h) != LEAT_OK)
		return LEAT_FAILED;
	v12_commit_up(h);
	*next = HS_UP;
	return v12_client_deliver(h);
}
