/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_request.c - CertificateRequest, both forms.
 */
#include "wire/cert_request.h"

#include "wire/ext_parts.h"

static bool dec_cr_ext(void *out, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	struct cert_request *cr = out;

	(void)alert;
	switch (e) {
	case EXT_SIGALGS: return dec_ext_sigalgs(in, &cr->sigalgs);
	case EXT_SIGALGS_CERT: return dec_ext_sigalgs(in, &cr->sigalgs_cert);
	case EXT_AUTHORITIES: return dec_ext_authorities(in, &cr->authorities);
	case EXT_STATUS: /* RFC 8446 4.4.2.1: an empty status_request */
	case EXT_SCT: return dec_ext_empty(in);
	case EXT_COMPRESS_CERT: return dec_ext_list16(in, 1, 254, &cr->compress);
	default: leat_rd_rest(in); return true;
	}
}

bool dec_cert_request(struct leat_span body, struct cert_request *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct cert_request cr = { 0 };
	struct leat_span block;

	cr.context = leat_rd_opaque8(&in, 0, UINT8_MAX); /* certificate_request_context<0..2^8-1> */
	block = leat_rd_opaque16(&in, 2, UINT16_MAX);    /* Extension extensions<2..2^16-1> */
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	if (!ext_walk(block, EXT_IN_CR, dec_cr_ext, &cr, &cr.has, alert))
		return false;
	/* RFC 8446 4.3.2: the "signature_algorithms" extension MUST be specified */
	*alert = LEAT_ALERT_MISSING_EXTENSION;
	if ((cr.has & EXT_BIT(EXT_SIGALGS)) == 0)
		return false;
	*out = cr;
	return true;
}

void enc_cert_request(struct leat_wr *w, const struct cert_request *cr)
{
	size_t m = enc_hs_open(w, MSG_CERT_REQUEST), block;

	leat_wr_vec(w, 1, cr->context);
	block = leat_wr_open(w, 2);
	if (cr->has & EXT_BIT(EXT_STATUS))
		enc_ext_empty(w, EXTID_STATUS);
	if (cr->has & EXT_BIT(EXT_SCT))
		enc_ext_empty(w, EXTID_SCT);
	if (cr->has & EXT_BIT(EXT_SIGALGS))
		enc_ext_sigalgs(w, EXTID_SIGALGS, cr->sigalgs);
	if (cr->has & EXT_BIT(EXT_SIGALGS_CERT))
		enc_ext_sigalgs(w, EXTID_SIGALGS_CERT, cr->sigalgs_cert);
	if (cr->has & EXT_BIT(EXT_AUTHORITIES))
		enc_ext_authorities(w, cr->authorities);
	if (cr->has & EXT_BIT(EXT_COMPRESS_CERT))
		enc_ext_list16(w, EXTID_COMPRESS_CERT, 1, cr->compress);
	leat_wr_close(w, block, 2);
	enc_hs_close(w, m);
}

bool dec_cert_request12(struct leat_span body, struct cert_request *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct cert_request cr = { 0 };

	cr.types = leat_rd_opaque8(&in, 1, UINT8_MAX);         /* ClientCertificateType<1..2^8-1> */
	cr.sigalgs = leat_rd_opaque16(&in, 2, UINT16_MAX - 1); /* <2..2^16-2> */
	cr.authorities = leat_rd_opaque16(&in, 0, UINT16_MAX); /* DistinguishedName<0..2^16-1> */
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in) || cr.sigalgs.n % 2 != 0 || !dec_names(cr.authorities))
		return false;
	*out = cr;
	return true;
}

void enc_cert_request12(struct leat_wr *w, const struct cert_request *cr)
{
	size_t m = enc_hs_open(w, MSG_CERT_REQUEST);

	leat_wr_vec(w, 1, cr->types);
	leat_wr_vec(w, 2, cr->sigalgs);
	leat_wr_vec(w, 2, cr->authorities);
	enc_hs_close(w, m);
}
