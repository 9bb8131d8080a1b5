/* SPDX-License-Identifier: Apache-2.0
 *
 * client_finish.c - the server's Finished, and the client's second flight: EndOfEarlyData after
 * early data, Certificate and CertificateVerify when asked for (the signature is a job), Finished.
 * RFC 8446 4.4.4, 7.1, D.4.
 */
#include "hs/cert_out.h"

#include "hs/keylog.h"
#include "hs/post_auth.h"
#include "wire/end_early.h"

/* RFC 8446 4.5: EndOfEarlyData, the last under the early keys, "if the server sent an "early_data"
 * extension in EncryptedExtensions" */
static enum leat_ret end_early(struct hs *h)
{
	enc_end_early(hs_out(h));
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return hs_keys13(h, LEAT_TX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

/* Our Finished, and the application keys of both directions. */
static enum leat_ret finish_flight2(struct hs *h, enum hs_state *next)
{
	if (hs_send_finished13(h, LEAT_CLIENT) != LEAT_OK)
		return LEAT_FAILED;
	hs_resumption13(h);
	if (post_auth_keep(h) != LEAT_OK)
		return LEAT_FAILED;
	*next = HS_UP;
	if (hs_keys13(h, LEAT_TX, LV_APP, &h->app_secret[LEAT_CLIENT]) != LEAT_OK)
		return LEAT_FAILED;
	return hs_keys13(h, LEAT_RX, LV_APP, &h->app_secret[LEAT_SERVER]);
}

static enum leat_ret after_sign(struct hs *h, enum hs_state *next)
{
	return cert_out_send_verify(h) == LEAT_OK ? finish_flight2(h, next) : LEAT_FAILED;
}

static enum leat_ret send_flight2(struct hs *h, enum hs_state *next)
{
	/* D.4: "immediately before its second flight"; already sent after a HelloRetryRequest */
	if (h->session_id_len && hs_send_ccs(h) != LEAT_OK)
		return LEAT_FAILED;
	if (h->early == HS_EARLY_ACCEPTED && end_early(h) != LEAT_OK)
		return LEAT_FAILED;
	if (h->c.cert_requested && cert_out_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return h->cred ? cert_out_sign13(h, after_sign) : finish_flight2(h, next);
}

enum leat_ret on_server_finished(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t th[HASH_MAX];

	if (!hs_is_last(h))
		return hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "finished: not at the end of its record");
	if (hs_check_finished13(h, LEAT_SERVER, body) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	sched13_master(&h->sched, hs_transcript(h, th), &h->app_secret[LEAT_CLIENT],
		&h->app_secret[LEAT_SERVER], &h->exporter);
	keylog_application13(h);
	return send_flight2(h, next);
}
