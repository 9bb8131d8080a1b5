/* SPDX-License-Identifier: Apache-2.0
 *
 * certificate.c - Certificate, both forms.
 *
 *	struct {                                            RFC 8446 4.4.2
 *	    opaque cert_data<1..2^24-1>;
 *	    Extension extensions<0..2^16-1>;
 *	} CertificateEntry;
 *	struct {
 *	    opaque certificate_request_context<0..2^8-1>;
 *	    CertificateEntry certificate_list<0..2^24-1>;
 *	} Certificate;
 *
 *	opaque ASN.1Cert<1..2^24-1>;                        RFC 5246 7.4.2
 *	struct { ASN.1Cert certificate_list<0..2^24-1>; } Certificate;
 */
#include "wire/certificate.h"

#include "wire/ext_parts.h"

#define MAX24 0xffffff

/* Extensions of one entry. */
struct entry_ext {
	struct leat_span status, sct;
};

static bool dec_entry_ext(void *out, enum ext e, struct leat_rd *in, uint8_t *alert)
{
	struct entry_ext *x = out;

	switch (e) {
	case EXT_STATUS: return dec_ext_status(in, &x->status, alert);
	case EXT_SCT: return dec_ext_sct(in, &x->sct);
	default: leat_rd_rest(in); return true;
	}
}

/* One entry; with_ext is the difference between the two forms. */
static bool dec_entry(struct leat_rd *list, bool with_ext, struct certificate *c, uint8_t *alert)
{
	struct leat_span block = { 0 };
	struct entry_ext x = { 0 };
	uint64_t has;

	*alert = LEAT_ALERT_BAD_CERTIFICATE;
	if (c->num == LIM_CHAIN)
		return false;
	c->cert[c->num] = leat_rd_opaque24(list, 1, MAX24);
	if (with_ext)
		block = leat_rd_opaque16(list, 0, UINT16_MAX);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_ok(list))
		return false;
	if (!ext_walk(block, EXT_IN_CT, dec_entry_ext, &x, &has, alert))
		return false;
	c->status[c->num] = x.status;
	c->sct[c->num] = x.sct;
	c->has |= has;
	c->num++;
	return true;
}

static bool dec_any(struct leat_span body, bool with_ext, struct certificate *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body), list;
	struct certificate c = { 0 };

	if (with_ext)
		c.context = leat_rd_opaque8(&in, 0, UINT8_MAX);
	leat_rd_vec24(&in, &list, 0, MAX24);
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	while (leat_rd_more(&list))
		if (!dec_entry(&list, with_ext, &c, alert))
			return false;
	*out = c;
	return true;
}

static void enc_body(struct leat_wr *w, bool with_ext, const struct certificate *c)
{
	size_t list, block;

	if (with_ext)
		leat_wr_vec(w, 1, c->context);
	list = leat_wr_open(w, 3);
	for (size_t i = 0; i < c->num; i++) {
		leat_wr_vec(w, 3, c->cert[i]);
		if (!with_ext)
			continue;
		block = leat_wr_open(w, 2);
		if (c->status[i].n)
			enc_ext_status(w, c->status[i]);
		if (c->sct[i].n)
			enc_ext_sct(w, c->sct[i]);
		leat_wr_close(w, block, 2);
	}
	leat_wr_close(w, list, 3);
}

static void enc_any(struct leat_wr *w, bool with_ext, const struct certificate *c)
{
	size_t m = enc_hs_open(w, MSG_CERT);

	enc_body(w, with_ext, c);
	enc_hs_close(w, m);
}

void enc_certificate_body(struct leat_wr *w, const struct certificate *c)
{
	enc_body(w, true, c);
}

bool dec_certificate(struct leat_span body, struct certificate *out, uint8_t *alert)
{
	return dec_any(body, true, out, alert);
}

void enc_certificate(struct leat_wr *w, const struct certificate *c)
{
	enc_any(w, true, c);
}

bool dec_certificate12(struct leat_span body, struct certificate *out, uint8_t *alert)
{
	return dec_any(body, false, out, alert);
}

void enc_certificate12(struct leat_wr *w, const struct certificate *c)
{
	enc_any(w, false, c);
}

/* RFC 7250 3: opaque ASN.1_subjectPublicKeyInfo<1..2^24-1>; a client without one has an empty list */
bool dec_certificate12_raw(struct leat_span body, struct certificate *out, uint8_t *alert)
{
	struct leat_rd in = leat_rd_of(body);
	struct certificate c = { 0 };

	c.cert[0] = leat_rd_opaque24(&in, 0, MAX24);
	c.num = c.cert[0].n > 0;
	*alert = LEAT_ALERT_DECODE_ERROR;
	if (!leat_rd_end(&in))
		return false;
	*out = c;
	return true;
}

void enc_certificate12_raw(struct leat_wr *w, const struct certificate *c)
{
	size_t m = enc_hs_open(w, MSG_CERT);

	leat_wr_vec(w, 3, c->num ? c->cert[0] : (struct leat_span){ NULL, 0 });
	enc_hs_close(w, m);
}
