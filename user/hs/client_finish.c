/* SPDX-License-Identifier: Apache-2.0
 *
 * client_finish.c - the server's Finished, and the client's second flight: (Certificate,) Finished.
 * RFC 8446 4.4.4, 7.1, D.4.
 */
#include "hs/hs_int.h"

#include "hs/keylog.h"
#include "wire/certificate.h"
#include "wire/end_early.h"

/* RFC 8446 4.4.2: a client without a suitable certificate MUST send a Certificate message with an empty
 * list. (Credentials for the client role: here they are sent, with CertificateVerify.) */
static enum leat_ret send_certificate(struct hs *h)
{
	static const struct certificate none;

	enc_certificate(hs_out(h), &none);
	return hs_send(h);
}

/* RFC 8446 4.5: EndOfEarlyData, the last under the early keys, "if the server sent an "early_data"
 * extension in EncryptedExtensions" */
static enum leat_ret end_early(struct hs *h)
{
	enc_end_early(hs_out(h));
	if (hs_send(h) != LEAT_OK)
		return LEAT_FAILED;
	return hs_keys13(h, LEAT_TX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

static enum leat_ret send_flight2(struct hs *h)
{
	/* D.4: "immediately before its second flight"; already sent after a HelloRetryRequest */
	if (h->session_id_len && hs_send_ccs(h) != LEAT_OK)
		return LEAT_FAILED;
	if (h->early == HS_EARLY_ACCEPTED && end_early(h) != LEAT_OK)
		return LEAT_FAILED;
	if (h->c.cert_requested && send_certificate(h) != LEAT_OK)
		return LEAT_FAILED;
	return hs_send_finished13(h, LEAT_CLIENT);
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
	if (send_flight2(h) != LEAT_OK)
		return LEAT_FAILED;
	hs_resumption13(h);
	*next = HS_UP;
	if (hs_keys13(h, LEAT_TX, LV_APP, &h->app_secret[LEAT_CLIENT]) != LEAT_OK)
		return LEAT_FAILED;
	return hs_keys13(h, LEAT_RX, LV_APP, &h->app_secret[LEAT_SERVER]);
}
