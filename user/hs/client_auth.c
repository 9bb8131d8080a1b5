/* SPDX-License-Identifier: Apache-2.0
 *
 * client_auth.c - the client makes sure who the server is, and hears whether it is asked the same:
 * CertificateRequest (answered in client_finish.c), Certificate, CertificateVerify. RFC 8446 4.3.2, 4.4.2, 4.4.3. Path building is x509/verify, run as a job.
 */
#include "hs/hs_int.h"

#include "hs/cert_attach.h"
#include "hs/cert_in.h"
#include "hs/cert_out.h"

/* RFC 7250 4.2: the server "selects" out of what was offered; without a word it is X.509. Where we take
 * raw keys alone, a certificate is no substitute. */
enum leat_ret client_check_types(const struct hs *h, uint64_t has, uint8_t server, uint8_t client)
{
	if (((has & EXT_BIT(EXT_SERVER_CERT_TYPE)) &&
		    !cert_types_has(&h->cfg->server_types, server)) ||
		((has & EXT_BIT(EXT_CLIENT_CERT_TYPE)) &&
			!cert_types_has(&h->cfg->client_types, client)))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate_type: one that was not offered");
	if (!h->psk && !cert_types_has(&h->cfg->server_types, server))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_CERTIFICATE,
			"certificate_type: the server has certificates only");
	return LEAT_OK;
}

enum leat_ret on_cert_request(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct cert_request cr;

	if (!dec_cert_request(body, &cr, &alert))
		return hs_refuse(h, alert, "certificate_request: malformed");
	/* RFC 8446 4.3.2: "SHALL be zero length unless used for the post-handshake authentication" */
	if (cr.context.n)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate_request: context in the main handshake");
	h->c.cert_requested = true;
	cert_out_choose(h, &cr);
	attach_note_wants(h, cr.has, STATUS_OCSP, cr.compress);
	hs_take_msg(h);
	*next = C_WAIT_CERT;
	return LEAT_OK;
}

/* ---- Certificate ---- */

static enum leat_ret check_certificate(const struct hs *h, const struct certificate *c)
{
	if (c->context.n)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate: context in the main handshake");
	/* RFC 8446 4.4.2.4: "If the server supplies an empty Certificate message, the client MUST abort
	 * the handshake with a "decode_error" alert." */
	if (c->num == 0)
		return hs_refuse(h, LEAT_ALERT_DECODE_ERROR, "certificate: the server sent none");
	if (!ext_is_asked(EXT_IN_CT, c->has, h->c.asked))
		return hs_refuse(h, LEAT_ALERT_UNSUPPORTED_EXTENSION,
			"certificate: extension was not asked for");
	return LEAT_OK;
}

static enum leat_ret chain_is_good(struct hs *h, enum hs_state *next)
{
	(void)h;
	*next = C_WAIT_CV;
	return LEAT_OK;
}

static enum leat_ret take_certificate(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct certificate c;

	if (!cert_in_decode(h, body, &c, &alert))
		return hs_refuse(h, alert, "certificate: malformed");
	if (check_certificate(h, &c) != LEAT_OK || hs_take_chain(h, c.cert, c.num) != LEAT_OK ||
		attach_take(h, c.status, c.num, c.sct[0]) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return job_verify(h, chain_is_good, next);
}

enum leat_ret on_server_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	return take_certificate(h, body, next);
}

/* RFC 8879 4: CompressedCertificate "takes the place of" Certificate; the transcript has what was sent. */
enum leat_ret on_packed_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr plain = { 0 };

	if (attach_unpack(h, body, h->c.asked & EXT_BIT(EXT_COMPRESS_CERT), &plain) != LEAT_OK)
		return LEAT_FAILED;
	return take_certificate(h, leat_wr_done(&plain), next);
}

enum leat_ret on_server_cert_verify(struct hs *h, struct leat_span body, enum hs_state *next)
{
	*next = C_WAIT_FINISHED;
	return cert_in_verify13(h, body, &h->scheme);
}
