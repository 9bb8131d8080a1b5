/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_server_kx.c - the server's side of the key exchanges of TLS 1.2: ServerKeyExchange out, with its
 * signature where a certificate is used, ClientKeyExchange in. RFC 8422 (ECDHE), RFC 5246 7.4.3 and
 * RFC 7919 (DHE), RFC 4279 and RFC 5489 (PSK). What a suite's messages are made of: v12_kx_parts.
 *
 * Keys of our own live from here to ClientKeyExchange and serve one handshake: h->v12.kex.
 */
#include "hs/v12_int.h"

#include "hs/cert_out.h"

static enum leat_ret send_hello_done(struct hs *h, enum hs_state *next)
{
	enc_v12_hello_done(hs_out(h));
	*next = h->s.asked_cert ? S12_WAIT_CERT : S12_WAIT_CKX;
	return hs_send(h);
}

/* The signature is there: ServerKeyExchange (the params are what was signed behind the randoms),
 * CertificateRequest where clients are to show who they are, ServerHelloDone. */
static enum leat_ret after_sign(struct hs *h, enum hs_state *next)
{
	struct leat_span tbs = leat_wr_done(&h->job.tbs);
	struct leat_span params = { tbs.p + 2 * RANDOM_LEN, tbs.n - 2 * RANDOM_LEN };

	enc_v12_server_kx_raw(hs_out(h), params, h->scheme->id, leat_wr_done(&h->job.sig));
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	job_clear(&h->job);
	if (h->cfg->verify == LEAT_VERIFY_PEER &&
		cert_out_request(h, (struct leat_span){ NULL, 0 }) != LEAT_OK)
		return LEAT_FAILED;
	return send_hello_done(h, next);
}

static enum leat_ret start_curve(
	struct hs *h, struct leat_wr *share, struct leat_wr *params, struct v12_server_kx *kx)
{
	if (kex_start(&h->v12.kex, h->cfg->crypto, h->group, share, h->err) != LEAT_OK)
		return LEAT_FAILED;
	kx->group = h->group->id;
	kx->point = leat_wr_done(share);
	enc_v12_kx_params(params, v12_kx_parts(h->suite), kx);
	return LEAT_OK;
}

/* The group that the client named and we chose, or the prime of the config. */
static enum leat_ret start_prime(struct hs *h, struct leat_wr *share, struct leat_wr *params)
{
	static const uint8_t two[] = { 2 };
	uint8_t known[DH_BYTES_MAX];
	struct v12_server_kx kx = {
		.hint = h->cfg->psk_identity, .p = h->cfg->dh.p, .g = h->cfg->dh.g
	};

	if (h->group) {
		if (!dh_prime_of(h->cfg->crypto, h->group, known))
			return err_memory(h->err);
		kx.p = (struct leat_span){ known, h->group->share_len };
		kx.g = (struct leat_span){ two, sizeof(two) };
	}
	if (dh_start(&h->v12.kex, kx.p, kx.g, share, h->err) != LEAT_OK)
		return LEAT_FAILED;
	kx.y = leat_wr_done(share);
	enc_v12_kx_params(params, v12_kx_parts(h->suite), &kx);
	return LEAT_OK;
}

static enum leat_ret make_params(struct hs *h, struct leat_wr *params)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr share = { 0 };
	struct v12_server_kx kx = { .hint = h->cfg->psk_identity };
	unsigned parts = v12_kx_parts(h->suite);
	enum leat_ret r = LEAT_OK;

	if (parts & V12_KX_EC)
		r = start_curve(h, &share, params, &kx);
	else if (parts & V12_KX_DH)
		r = start_prime(h, &share, params);
	else
		enc_v12_kx_params(params, parts, &kx);
	if (r == LEAT_OK && (!leat_wr_ok(params) || !leat_wr_ok(&share)))
		return err_memory(h->err);
	return r;
}

/* No certificate, no signature. RFC 4279 2: "In the absence of an application profile specification
 * specifying otherwise, servers SHOULD NOT provide an identity hint [...] If no hint is provided, the
 * ServerKeyExchange message is omitted." */
static enum leat_ret send_psk_params(struct hs *h, enum hs_state *next)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr params = { 0 };

	transcript_drop_raw(&h->tr); /* nobody signs it */
	if (h->suite->kx == KX_PSK && !h->cfg->psk_identity.n)
		return send_hello_done(h, next);
	if (make_params(h, &params) != LEAT_OK)
		return LEAT_FAILED;
	enc_v12_server_kx_raw(hs_out(h), leat_wr_done(&params), 0, (struct leat_span){ NULL, 0 });
	return hs_send(h) == LEAT_OK ? send_hello_done(h, next) : LEAT_FAILED;
}

enum leat_ret v12_begin_server_kx(struct hs *h, enum hs_state *next)
{
	if (suite_is_psk(h->suite))
		return send_psk_params(h, next);
	/* The certificates have left, and libcrypto takes 3 KiB to make a key. */
	leat_wr_clear(&h->out);
	v12_signed_randoms(h, &h->job.tbs);
	if (make_params(h, &h->job.tbs) != LEAT_OK)
		return LEAT_FAILED;
	return job_sign(h, after_sign);
}

static enum leat_ret finish_kex(
	struct hs *h, unsigned parts, struct leat_span value, struct kex_out *shared)
{
	if (parts & V12_KX_EC)
		return kex_finish(&h->v12.kex, h->cfg->crypto, value, shared, h->err);
	if (parts & V12_KX_DH)
		return dh_finish(&h->v12.kex, value, shared, h->err);
	return LEAT_OK;
}

enum leat_ret v12_on_client_kx(struct hs *h, struct leat_span body, enum hs_state *next)
{
	LEAT_SCOPED(leat_secret_clear) struct leat_secret psk = { 0 };
	LEAT_SCOPED(kex_out_clear) struct kex_out shared = { 0 };
	unsigned parts = v12_kx_parts(h->suite);
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	enum leat_ret r = LEAT_OK;
	struct v12_client_kx kx;

	if (!dec_v12_client_kx_of(body, parts, &kx, &alert))
		return hs_refuse(h, alert, "client_key_exchange: malformed");
	/* a lookup that is not ready yet: this handler runs again from its start, with our key unused */
	if (parts & V12_KX_PSK)
		r = v12_server_psk(h, kx.identity, &psk);
	if (r != LEAT_OK)
		return r;
	if (finish_kex(h, parts, kx.value, &shared) != LEAT_OK)
		return LEAT_FAILED;
	kex_clear(&h->v12.kex);
	if (parts & V12_KX_PSK)
		v12_commit_psk(h, (struct leat_span){ NULL, 0 }, &psk);
	hs_take_msg(h);
	v12_set_kx_master(h, &shared);
	*next = h->peer_chain ? S12_WAIT_CV : S12_WAIT_CCS;
	return LEAT_OK;
}
