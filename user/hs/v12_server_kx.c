/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_server_kx.c - the server's side of the key exchanges of TLS 1.2: ServerKeyExchange out, with its
 * signature, ClientKeyExchange in, and the premaster secret they make. RFC 8422 (ECDHE).
 */
#include "hs/v12_int.h"

#include "hs/cert_out.h"
#include "wire/v12.h"

/* The signature is there: ServerKeyExchange (the params are the end of what was signed),
 * CertificateRequest where clients are to show who they are, ServerHelloDone. */
static enum leat_ret after_sign(struct hs *h, enum hs_state *next)
{
	struct leat_span tbs = leat_wr_done(&h->job.tbs);
	size_t n = h->group->share_len;
	struct v12_server_kx kx = {
		.group = h->group->id,
		.point = { tbs.p + tbs.n - n, n },
		.scheme = h->scheme->id,
		.signature = leat_wr_done(&h->job.sig),
	};

	enc_v12_server_kx(hs_out(h), &kx);
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	job_clear(&h->job);
	if (h->cfg->verify == LEAT_VERIFY_PEER &&
		cert_out_request(h, (struct leat_span){ NULL, 0 }) != LEAT_OK)
		return LEAT_FAILED;
	enc_v12_hello_done(hs_out(h));
	*next = h->s.asked_cert ? S12_WAIT_CERT : S12_WAIT_CKX;
	return hs_send(h);
}

enum leat_ret v12_begin_server_kx(struct hs *h, enum hs_state *next)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr share = { 0 };

	(void)next; /* given by after_sign */
	/* The certificates have left, and libcrypto takes 3 KiB to make a key. */
	leat_wr_clear(&h->out);
	if (kex_start(&h->v12.kex, h->cfg->crypto, h->group, &share, h->err) != LEAT_OK)
		return LEAT_FAILED;
	if (!leat_wr_ok(&share))
		return err_memory(h->err);
	v12_signed_randoms(h, &h->job.tbs);
	enc_v12_ecdh_params(&h->job.tbs, h->group->id, leat_wr_done(&share));
	return job_sign(h, after_sign);
}

enum leat_ret v12_on_client_kx(struct hs *h, struct leat_span body, enum hs_state *next)
{
	LEAT_SCOPED(kex_out_clear) struct kex_out shared = { 0 };
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct leat_span point;

	if (!dec_v12_client_kx(body, &point, &alert))
		return hs_refuse(h, alert, "client_key_exchange: malformed");
	if (kex_finish(&h->v12.kex, h->cfg->crypto, point, &shared, h->err) != LEAT_OK)
		return LEAT_FAILED;
	kex_clear(&h->v12.kex);
	hs_take_msg(h);
	v12_set_master(h, kex_out_span(&shared));
	*next = h->peer_chain ? S12_WAIT_CV : S12_WAIT_CCS;
	return LEAT_OK;
}
