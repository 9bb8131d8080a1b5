/* SPDX-License-Identifier: Apache-2.0
 *
 * server_auth.c - what a client may send before its Finished when it was asked to: EndOfEarlyData,
 * Certificate, plain or packed, CertificateVerify (these also after the handshake, h->owner set). RFC 8446
 * 4.5, 4.4.2, 4.4.3, RFC 8879 4. The messages of TLS 1.2 are in v12_server.c; which certificates suffice is
 * decided here for both.
 */
#include "hs/hs_int.h"

#include "hs/cert_attach.h"
#include "hs/cert_in.h"
#include "hs/choose.h"
#include "wire/certificate.h"
#include "wire/end_early.h"

enum leat_ret on_end_of_early_data(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;

	if (!dec_end_early(body, &alert))
		return hs_refuse(h, alert, "end_of_early_data: malformed");
	if (!hs_is_last(h))
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"end_of_early_data: not at the end of its record");
	hs_take_msg(h);
	*next = S_WAIT_FINISHED;
	return hs_keys13(h, LEAT_RX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

/* RFC 8446 4.4.2.4: "If the client does not send any certificates [...], the server MAY at its discretion
 * either continue the handshake without client authentication or abort the handshake with a
 * "certificate_required" alert."; RFC 5246 7.4.6: "a fatal handshake_failure alert" */
enum leat_ret server_without_cert(const struct hs *h)
{
	if (!h->cfg->fail_if_no_peer_cert)
		return LEAT_OK;
	return hs_refuse(h,
		h->version == LEAT_TLS13 ? LEAT_ALERT_CERTIFICATE_REQUIRED
					 : LEAT_ALERT_HANDSHAKE_FAILURE,
		"certificate: the client has none, and one is required");
}

/* RFC 7250 4.2: "If the server does not support any of the certificate types [...] the server terminates
 * the session with a fatal alert of type "unsupported_certificate"." */
enum leat_ret server_check_types(
	const struct hs *h, const struct client_hello *ch, uint8_t *client_type)
{
	bool asks = h->cfg->verify == LEAT_VERIFY_PEER || h->cfg->post_auth;

	if (!choose_has_server_type(h->cfg, ch) ||
		(!choose_client_type(h->cfg, ch, client_type) && asks))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"client_hello: no type of certificate in common");
	return LEAT_OK;
}

static enum leat_ret check_certificate(const struct hs *h, const struct certificate *c)
{
	/* RFC 8446 4.4.2: "If this message is in response to a CertificateRequest, the value of
	 * certificate_request_context in that message." */
	if (!leat_span_same(c->context, h->auth_context))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate: another context than was asked with");
	if (!ext_is_asked(EXT_IN_CT, c->has, h->s.asked_ext))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_EXTENSION,
			"certificate: extension was not asked for");
	return LEAT_OK;
}

static enum leat_ret chain_is_good(struct hs *h, enum hs_state *next)
{
	*next = h->owner ? SP_WAIT_CV : S_WAIT_CV;
	return LEAT_OK;
}

static enum leat_ret take_certificate(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct certificate c;

	if (!cert_in_decode(h, body, &c, &alert))
		return hs_refuse(h, alert, "certificate: malformed");
	if (check_certificate(h, &c) != LEAT_OK)
		return LEAT_FAILED;
	if (c.num == 0) {
		hs_take_msg(h);
		*next = h->owner ? SP_WAIT_FINISHED : S_WAIT_FINISHED;
		return server_without_cert(h);
	}
	if (hs_take_chain(h, c.cert, c.num) != LEAT_OK ||
		attach_take(h, c.status, c.num, c.sct[0]) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return job_verify(h, chain_is_good, next);
}

enum leat_ret on_client_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	return take_certificate(h, body, next);
}

/* RFC 8879 4: in place of Certificate, where our CertificateRequest had compress_certificate. */
enum leat_ret on_packed_client_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr plain = { 0 };
	bool asked = h->s.asked_ext & EXT_BIT(EXT_COMPRESS_CERT);

	if (attach_unpack(h, body, asked, &plain) != LEAT_OK)
		return LEAT_FAILED;
	return take_certificate(h, leat_wr_done(&plain), next);
}

enum leat_ret on_client_cert_verify(struct hs *h, struct leat_span body, enum hs_state *next)
{
	*next = h->owner ? SP_WAIT_FINISHED : S_WAIT_FINISHED;
	return cert_in_verify13(h, body, &h->client_scheme);
}
