/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_out.c - see cert_out.h. Certificate, CertificateVerify and CertificateRequest as we send them.
 * RFC 8446 4.3.2, 4.4.2, 4.4.3; RFC 5246 7.4.2, 7.4.4, 7.4.6, 7.4.8.
 */
#include "hs/cert_out.h"

#include "hs/cert_attach.h"
#include "hs/choose.h"
#include "wire/cert_verify.h"
#include "wire/certificate.h"

/* RFC 8446 4.4.2: with RawPublicKey "the certificate_list MUST contain no more than one CertificateEntry,
 * which contains an ASN1_subjectPublicKeyInfo value" */
static void list_certs(const struct hs *h, struct certificate *c)
{
	if (!h->cred)
		return;
	if (hs_own_type(h) == CERT_RAW_KEY) {
		c->num = 1;
		c->cert[0] = cred_spki(h->cred);
		return;
	}
	c->num = cred_num(h->cred);
	for (size_t i = 0; i < c->num; i++)
		c->cert[i] = cred_cert(h->cred, i);
}

enum leat_ret cert_out_send(struct hs *h)
{
	struct certificate c = { .context = h->auth_context };

	if (h->cred && hs_own_type(h) == CERT_X509) {
		if (attach_send_certificate(h, h->auth_context) != LEAT_OK)
			return LEAT_FAILED;
		return h->role == LEAT_SERVER ? attach_send_status12(h) : LEAT_OK;
	}
	list_certs(h, &c);
	if (h->version == LEAT_TLS13)
		enc_certificate(hs_out(h), &c);
	else if (hs_own_type(h) == CERT_RAW_KEY)
		enc_certificate12_raw(hs_out(h), &c);
	else
		enc_certificate12(hs_out(h), &c);
	return hs_send(h);
}

enum leat_ret cert_out_sign13(struct hs *h, hs_resume_fn *resume)
{
	hs_verify_tbs13(h, (enum leat_role)h->role, &h->job.tbs);
	return job_sign(h, resume);
}

enum leat_ret cert_out_send_verify(struct hs *h)
{
	struct cert_verify cv = {
		.scheme = hs_own_scheme(h)->id,
		.signature = leat_wr_done(&h->job.sig),
	};

	enc_cert_verify(hs_out(h), &cv);
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	job_clear(&h->job);
	return LEAT_OK;
}

void cert_out_choose(struct hs *h, const struct cert_request *cr)
{
	struct choice_cred c = { 0 };

	if (cert_types_has(&h->cfg->client_types, h->client_type))
		(void)choose_client_cred(h->cfg, h->version, h->client_type, cr, &c);
	h->cred = c.cred;
	h->client_scheme = c.scheme;
}

/* ---- what a server asks for ---- */

void cert_out_authorities(const struct leat_config *cfg, struct leat_wr *w)
{
	size_t total = 0;

	for (size_t i = 0; cfg->trust && i < store_num(cfg->trust); i++)
		total += 2 + store_subject(cfg->trust, i).n;
	/* Half a list would tell clients of the other half that they are not welcome. */
	if (total > UINT16_MAX - 2 || !cfg->trust)
		return;
	for (size_t i = 0; i < store_num(cfg->trust); i++)
		leat_wr_vec(w, 2, store_subject(cfg->trust, i));
}

static struct leat_span list_ids(const struct sigscheme *const *v, unsigned n, struct leat_wr *w)
{
	for (unsigned i = 0; i < n; i++)
		leat_wr_u16(w, v[i]->id);
	return leat_wr_done(w);
}

/* RFC 5246 7.4.4, RFC 8422 5.5: rsa_sign (1) and ecdsa_sign (64), which stands for EdDSA too */
static struct leat_span list_types(const struct leat_config *cfg, uint8_t b[2])
{
	bool rsa = false, ec = false;
	size_t n = 0;

	for (unsigned i = 0; i < cfg->schemes.n; i++) {
		enum key_kind k = cfg->schemes.v[i]->key;

		rsa = rsa || k == KEY_RSA || k == KEY_RSA_PSS;
		ec = ec || (k != KEY_RSA && k != KEY_RSA_PSS);
	}
	if (rsa)
		b[n++] = CERT_TYPE_RSA_SIGN;
	if (ec)
		b[n++] = CERT_TYPE_ECDSA_SIGN;
	return (struct leat_span){ b, n };
}

enum leat_ret cert_out_request(struct hs *h, struct leat_span context)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr names = { 0 };
	uint8_t schemes_b[2 * CONFIG_MAX_SCHEMES], certs_b[2 * CONFIG_MAX_SCHEMES], types[2];
	struct cert_request cr = { .context = context, .has = EXT_BIT(EXT_SIGALGS) };
	struct leat_wr schemes, certs, zips;
	uint8_t zips_b[2 * ZIP_COUNT];

	leat_wr_fixed(&schemes, schemes_b, sizeof(schemes_b));
	leat_wr_fixed(&certs, certs_b, sizeof(certs_b));
	cr.sigalgs = list_ids(h->cfg->schemes.v, h->cfg->schemes.n, &schemes);
	cr.sigalgs_cert = list_ids(h->cfg->cert_schemes.v, h->cfg->cert_schemes.n, &certs);
	cr.types = list_types(h->cfg, types);
	leat_wr_fixed(&zips, zips_b, sizeof(zips_b));
	if (h->version == LEAT_TLS13 && hs_peer_type(h) == CERT_X509)
		attach_ask_client(h->cfg, &cr, &zips);
	if (cr.sigalgs_cert.n)
		cr.has |= EXT_BIT(EXT_SIGALGS_CERT);
	if (h->cfg->authorities) {
		cert_out_authorities(h->cfg, &names);
		if (!leat_wr_ok(&names))
			return err_memory(h->err);
		cr.authorities = leat_wr_done(&names);
		if (cr.authorities.n)
			cr.has |= EXT_BIT(EXT_AUTHORITIES);
	}
	if (h->version == LEAT_TLS13)
		enc_cert_request(hs_out(h), &cr);
	else
		enc_cert_request12(hs_out(h), &cr);
	h->s.asked_cert = true;
	h->s.asked_ext = cr.has;
	return hs_send(h);
}
