/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_in.c - see cert_in.h. RFC 8446 4.4.3.
 */
#include "hs/cert_in.h"

#include "wire/cert_verify.h"

bool cert_in_decode(
	const struct hs *h, struct leat_span body, struct certificate *out, uint8_t *alert)
{
	if (h->version == LEAT_TLS13)
		return dec_certificate(body, out, alert);
	return hs_peer_type(h) == CERT_RAW_KEY ? dec_certificate12_raw(body, out, alert)
					       : dec_certificate12(body, out, alert);
}

const struct sigscheme *cert_in_scheme(const struct hs *h, uint16_t id)
{
	for (unsigned i = 0; i < h->cfg->schemes.n; i++)
		if (h->cfg->schemes.v[i]->id == id)
			return h->cfg->schemes.v[i];
	return NULL;
}

static enum leat_ret check_scheme13(
	const struct hs *h, const struct sigscheme *s, enum key_kind key)
{
	/* RFC 8446 4.4.3: "If the CertificateVerify message is sent by a server, the signature algorithm
	 * MUST be one offered in the client's "signature_algorithms" extension [...] If sent by a client,
	 * the signature algorithm used in the signature MUST be one of those present in the
	 * supported_signature_algorithms field of the "signature_algorithms" extension in the
	 * CertificateRequest message.", and not RSA PKCS#1 or SHA-1; 4.2.3 */
	if (!s || !s->tls13)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate_verify: signature scheme was not offered");
	if (!sigscheme_fits(s, key, LEAT_TLS13))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate_verify: scheme does not fit the certificate's key");
	return LEAT_OK;
}

enum leat_ret cert_in_verify13(struct hs *h, struct leat_span body, const struct sigscheme **scheme)
{
	const struct key *key = chain_key(h->peer_chain);
	uint8_t alert = LEAT_ALERT_DECODE_ERROR, tbs_b[64 + 34 + HASH_MAX];
	const struct sigscheme *s;
	struct cert_verify cv;
	struct leat_wr tbs;

	if (!dec_cert_verify(body, &cv, &alert))
		return hs_refuse(h, alert, "certificate_verify: malformed");
	s = cert_in_scheme(h, cv.scheme);
	if (check_scheme13(h, s, key_kind(key)) != LEAT_OK)
		return LEAT_FAILED;
	leat_wr_fixed(&tbs, tbs_b, sizeof(tbs_b));
	hs_verify_tbs13(h, (enum leat_role) !h->role, &tbs);
	/* "If the verification fails, the receiver MUST terminate the handshake with a "decrypt_error"
	 * alert." */
	if (!sign_check(h->cfg->crypto, key, s, leat_wr_done(&tbs), cv.signature))
		return hs_refuse(
			h, LEAT_ALERT_DECRYPT_ERROR, "certificate_verify: wrong signature");
	*scheme = s;
	hs_take_msg(h);
	return LEAT_OK;
}
