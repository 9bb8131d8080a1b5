/* SPDX-License-Identifier: Apache-2.0
 *
 * server_auth.c - what a client may send before its Finished when it was asked to: EndOfEarlyData,
 * Certificate, CertificateVerify. RFC 8446 4.5, 4.4.2, 4.4.3.
 *
 * This server asks for no certificate, so the states S_WAIT_CERT and S_WAIT_CV are never entered and
 * their handlers refuse: the rows are there because the table is the whole of RFC 8446 A.2.
 */
#include "hs/hs_int.h"

#include "wire/end_early.h"

static enum leat_ret not_asked(struct hs *h)
{
	return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE, "handshake: message was not asked for");
}

enum leat_ret on_end_of_early_data(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;

	if (!dec_end_early(body, &alert))
		return hs_refuse(h, alert, "end_of_early_data: malformed");
	if (!hs_is_last(h))
		return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"end_of_early_data: not at the end of its record");
	hs_take_msg(h);
	*next = S_WAIT_FINISHED;
	return hs_keys13(h, LEAT_RX, LV_HANDSHAKE, &h->hs_secret[LEAT_CLIENT]);
}

enum leat_ret on_client_cert(struct hs *h, struct leat_span body, enum hs_state *next)
{
	(void)body;
	(void)next;
	return not_asked(h);
}

enum leat_ret on_client_cert_verify(struct hs *h, struct leat_span body, enum hs_state *next)
{
	(void)body;
	(void)next;
	return not_asked(h);
}
