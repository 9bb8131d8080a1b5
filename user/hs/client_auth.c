/* SPDX-License-Identifier: Apache-2.0
 *
 * client_auth.c - the client makes sure who the server is: CertificateRequest (noted), Certificate,
 * CertificateVerify. RFC 8446 4.3.2, 4.4.2, 4.4.3. Path building is x509/verify, run as a job.
 */
#include "hs/hs_int.h"

#include "wire/cert_request.h"
#include "wire/cert_verify.h"
#include "wire/certificate.h"

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

enum leat_ret on_server_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct certificate c;

	if (!dec_certificate(body, &c, &alert))
		return hs_refuse(h, alert, "certificate: malformed");
	if (check_certificate(h, &c) != LEAT_OK || hs_take_chain(h, c.cert, c.num) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	return job_verify(h, chain_is_good, next);
}

/* ---- CertificateVerify ---- */

static enum leat_ret check_scheme13(
	const struct hs *h, const struct sigscheme *s, enum key_kind key)
{
	bool offered = false;

	for (unsigned i = 0; s && i < h->cfg->schemes.n; i++)
		offered = offered || h->cfg->schemes.v[i] == s;
	/* RFC 8446 4.4.3: "If the CertificateVerify message is sent by a server, the signature algorithm
	 * MUST be one offered in the client's "signature_algorithms" extension" and not RSA PKCS#1 or
	 * SHA-1; 4.2.3 */
	if (!offered || !s->tls13)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate_verify: signature scheme was not offered");
	if (!sigscheme_fits(s, key, LEAT_TLS13))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate_verify: scheme does not fit the certificate's key");
	return LEAT_OK;
}

enum leat_ret on_server_cert_verify(struct hs *h, struct leat_span body, enum hs_state *next)
{
	const struct key *key = chain_key(h->peer_chain);
	uint8_t alert = LEAT_ALERT_DECODE_ERROR, tbs_b[64 + 34 + HASH_MAX];
	const struct sigscheme *s;
	struct cert_verify cv;
	struct leat_wr tbs;

	if (!dec_cert_verify(body, &cv, &alert))
		return hs_refuse(h, alert, "certificate_verify: malformed");
	s = sigscheme_by_id(cv.scheme);
	if (check_scheme13(h, s, key_kind(key)) != LEAT_OK)
		return LEAT_FAILED;
	leat_wr_fixed(&tbs, tbs_b, sizeof(tbs_b));
	hs_verify_tbs13(h, LEAT_SERVER, &tbs);
	/* "If the verification fails, the receiver MUST terminate the handshake with a "decrypt_error"
	 * alert." */
	if (!sign_check(h->cfg->crypto, key, s, leat_wr_done(&tbs), cv.signature))
		return hs_refuse(
			h, LEAT_ALERT_DECRYPT_ERROR, "certificate_verify: wrong signature");
	h->scheme = s;
	hs_take_msg(h);
	*next = C_WAIT_FINISHED;
	return LEAT_OK;
}
