/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_client_kx.c - the client's side of the key exchanges of TLS 1.2: ServerKeyExchange in,
 * ClientKeyExchange out. RFC 8422 (ECDHE), RFC 5246 7.4.3 and RFC 7919 (DHE), RFC 4279 and RFC 5489 (PSK).
 * What a suite's messages are made of: v12_kx_parts.
 */
#include "hs/v12_int.h"

#include <string.h>

#include "base/limits.h"

/* ---- ServerKeyExchange ---- */

static const struct group *offered_curve(const struct hs *h, uint16_t id)
{
	for (unsigned i = 0; i < h->cfg->groups.n; i++) {
		const struct group *g = h->cfg->groups.v[i];

		if (g->id == id && (g->kind == GROUP_NIST || g->kind == GROUP_X))
			return g;
	}
	return NULL;
}

static const struct sigscheme *offered_scheme(const struct hs *h, uint16_t id)
{
	for (unsigned i = 0; i < h->cfg->schemes.n; i++)
		if (h->cfg->schemes.v[i]->id == id)
			return h->cfg->schemes.v[i];
	return NULL;
}

static enum leat_ret check_curve(const struct hs *h, const struct v12_server_kx *kx)
{
	const struct group *g = offered_curve(h, kx->group);

	/* RFC 8422 5.4: the client MUST NOT be given a curve it did not list */
	if (!g)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: curve was not offered");
	if (kx->point.n != g->share_len)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: point of the wrong length for its curve");
	return LEAT_OK;
}

/* Whether p is prime is not looked at: that takes longer than the handshake, and a server that signs a bad
 * one hurts itself. Its size, its form and the values are. */
static enum leat_ret check_prime(const struct hs *h, const struct v12_server_kx *kx)
{
	struct leat_span p = dh_trim(kx->p);

	if (dh_bits(p) < LIM_DH_BITS_MIN)
		return hs_refuse(h, LEAT_ALERT_INSUFFICIENT_SECURITY,
			"server_key_exchange: prime shorter than " LEAT_STR(
				LIM_DH_BITS_MIN) " bits");
	if (dh_bits(p) > LIM_DH_BITS_MAX)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: prime longer than " LEAT_STR(
				LIM_DH_BITS_MAX) " bits");
	/* RFC 7919 3 and 5.1: "the client MUST verify that dh_Ys is in the range 1 < dh_Ys < dh_p - 1". The
	 * same for the generator: 1 and p-1 make nothing. */
	if (!(p.p[p.n - 1] & 1) || !dh_is_value(p, kx->g) || !dh_is_value(p, kx->y))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: dh value out of range");
	return LEAT_OK;
}

static enum leat_ret check_scheme(const struct hs *h, const struct v12_server_kx *kx)
{
	const struct sigscheme *s = offered_scheme(h, kx->scheme);

	/* RFC 5246 7.4.3: the algorithm "MUST be a pair that appears in" our signature_algorithms and
	 * be compatible with the certificate's key */
	if (!s || !sigscheme_fits(s, key_kind(chain_key(h->peer_chain)), LEAT_TLS12))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: signature scheme was not offered or does not fit");
	return LEAT_OK;
}

static enum leat_ret check_server_kx(
	const struct hs *h, unsigned parts, const struct v12_server_kx *kx)
{
	if ((parts & V12_KX_EC) && check_curve(h, kx) != LEAT_OK)
		return LEAT_FAILED;
	if ((parts & V12_KX_DH) && check_prime(h, kx) != LEAT_OK)
		return LEAT_FAILED;
	return parts & V12_KX_SIGNED ? check_scheme(h, kx) : LEAT_OK;
}

static enum leat_ret check_signature(struct hs *h, const struct v12_server_kx *kx)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr tbs = { 0 };

	v12_signed_randoms(h, &tbs);
	leat_wr_span(&tbs, kx->params);
	if (!leat_wr_ok(&tbs))
		return err_memory(h->err);
	/* RFC 5246 7.2.2: decrypt_error, "unable to correctly verify a signature" */
	if (!sign_check(h->cfg->crypto, chain_key(h->peer_chain), offered_scheme(h, kx->scheme),
		    leat_wr_done(&tbs), kx->signature))
		return hs_refuse(
			h, LEAT_ALERT_DECRYPT_ERROR, "server_key_exchange: wrong signature");
	return LEAT_OK;
}

static enum leat_ret take_curve(struct hs *h, const struct v12_server_kx *kx)
{
	h->group = offered_curve(h, kx->group);
	h->v12.point_len = (uint8_t)kx->point.n;
	memcpy(h->v12.point, kx->point.p, kx->point.n);
	return LEAT_OK;
}

static enum leat_ret take_prime(struct hs *h, const struct v12_server_kx *kx)
{
	struct leat_span p = dh_trim(kx->p);

	if (dh_import(&h->v12.kex, p, kx->g, kx->y, h->err) != LEAT_OK)
		return LEAT_FAILED;
	h->group = dh_known_group(h->cfg->crypto, p, kx->g);
	return LEAT_OK;
}

enum leat_ret v12_on_server_kx(struct hs *h, struct leat_span body, enum hs_state *next)
{
	unsigned parts = v12_kx_parts(h->suite);
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct v12_server_kx kx;

	if (!dec_v12_server_kx_of(body, parts, &kx, &alert))
		return hs_refuse(h, alert, "server_key_exchange: malformed");
	/* the promised CertificateStatus did not come, which a server may do; do we need it? */
	if (h->state == C12_WAIT_STATUS && job_no_staple(h) != LEAT_OK)
		return LEAT_FAILED;
	if (check_server_kx(h, parts, &kx) != LEAT_OK ||
		((parts & V12_KX_SIGNED) && check_signature(h, &kx) != LEAT_OK) ||
		((parts & V12_KX_PSK) && v12_client_psk(h, kx.hint) != LEAT_OK))
		return LEAT_FAILED;
	if ((parts & V12_KX_EC) && take_curve(h, &kx) != LEAT_OK)
		return LEAT_FAILED;
	if ((parts & V12_KX_DH) && take_prime(h, &kx) != LEAT_OK)
		return LEAT_FAILED;
	if (parts & V12_KX_SIGNED)
		h->scheme = offered_scheme(h, kx.scheme);
	hs_take_msg(h);
	/* RFC 4279 2: "The Certificate and CertificateRequest payloads are omitted from the response." */
	*next = parts & V12_KX_PSK ? C12_WAIT_DONE : C12_WAIT_CR_DONE;
	return LEAT_OK;
}

/* ---- ClientKeyExchange ---- */

/* Our key is made when it is needed and used once, which is what kex_respond and dh_answer do. */
static enum leat_ret answer(
	struct hs *h, unsigned parts, struct leat_wr *share, struct kex_out *shared)
{
	struct leat_span theirs = { h->v12.point, h->v12.point_len };
	enum leat_ret r = LEAT_OK;

	if (parts & V12_KX_EC)
		r = kex_respond(h->cfg->crypto, h->group, theirs, share, shared, h->err);
	else if (parts & V12_KX_DH)
		r = dh_answer(&h->v12.kex, share, shared, h->err);
	kex_clear(&h->v12.kex);
	return r == LEAT_OK && !leat_wr_ok(share) ? err_memory(h->err) : r;
}

enum leat_ret v12_send_client_kx(struct hs *h)
{
	LEAT_SCOPED(kex_out_clear) struct kex_out shared = { 0 };
	LEAT_SCOPED(leat_wr_clear) struct leat_wr share = { 0 };
	unsigned parts = v12_kx_parts(h->suite);

	/* without a ServerKeyExchange there was no hint */
	if ((parts & V12_KX_PSK) && !h->psk &&
		v12_client_psk(h, (struct leat_span){ NULL, 0 }) != LEAT_OK)
		return LEAT_FAILED;
	if (answer(h, parts, &share, &shared) != LEAT_OK)
		return LEAT_FAILED;
	enc_v12_client_kx_of(hs_out(h), parts,
		&(struct v12_client_kx){
			.identity = h->v12.identity, .value = leat_wr_done(&share) });
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	v12_set_kx_master(h, &shared);
	return LEAT_OK;
}
