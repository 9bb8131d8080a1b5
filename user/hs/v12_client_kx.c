/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_client_kx.c - the client's side of the key exchanges of TLS 1.2: ServerKeyExchange in,
 * ClientKeyExchange out, and the premaster secret they make. RFC 8422 (ECDHE).
 */
#include "hs/v12_int.h"

#include <string.h>

#include "wire/v12.h"

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

static enum leat_ret check_server_kx(const struct hs *h, const struct v12_server_kx *kx)
{
	const struct group *g = offered_curve(h, kx->group);
	const struct sigscheme *s = offered_scheme(h, kx->scheme);
	const struct key *key = chain_key(h->peer_chain);

	/* RFC 8422 5.4: the client MUST NOT be given a curve it did not list */
	if (!g)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: curve was not offered");
	if (kx->point.n != g->share_len)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: point of the wrong length for its curve");
	/* RFC 5246 7.4.3: the algorithm "MUST be a pair that appears in" our signature_algorithms and
	 * be compatible with the certificate's key */
	if (!s || !sigscheme_fits(s, key_kind(key), LEAT_TLS12))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"server_key_exchange: signature scheme was not offered or does not fit");
	return LEAT_OK;
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

enum leat_ret v12_on_server_kx(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct v12_server_kx kx;

	if (!dec_v12_server_kx(body, &kx, &alert))
		return hs_refuse(h, alert, "server_key_exchange: malformed");
	if (check_server_kx(h, &kx) != LEAT_OK || check_signature(h, &kx) != LEAT_OK)
		return LEAT_FAILED;
	h->group = offered_curve(h, kx.group);
	h->scheme = offered_scheme(h, kx.scheme);
	h->v12.point_len = (uint8_t)kx.point.n;
	memcpy(h->v12.point, kx.point.p, kx.point.n);
	hs_take_msg(h);
	*next = C12_WAIT_CR_DONE;
	return LEAT_OK;
}

/* ---- ClientKeyExchange ---- */

enum leat_ret v12_send_client_kx(struct hs *h)
{
	LEAT_SCOPED(kex_out_clear) struct kex_out shared = { 0 };
	LEAT_SCOPED(leat_wr_clear) struct leat_wr share = { 0 };
	struct leat_span theirs = { h->v12.point, h->v12.point_len };

	/* Our key is made when it is needed and used once, which is what kex_respond does. */
	if (kex_respond(h->cfg->crypto, h->group, theirs, &share, &shared, h->err) != LEAT_OK)
		return LEAT_FAILED;
	if (!leat_wr_ok(&share))
		return err_memory(h->err);
	enc_v12_client_kx(hs_out(h), leat_wr_done(&share));
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	v12_set_master(h, kex_out_span(&shared));
	return LEAT_OK;
}
