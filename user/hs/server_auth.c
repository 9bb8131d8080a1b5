/* SPDX-License-Identifier: Apache-2.0
 *
 * server_auth.c - what a client may send before its Finished when it was asked to: EndOfEarlyData,
 * Certificate, CertificateVerify. RFC 8446 4.5, 4.4.2, 4.4.3.
 *
 * This server asks for neither (it accepts no early data and sends no CertificateRequest), so the
 * states S_WAIT_EOED, S_WAIT_CERT and S_WAIT_CV are never entered and these handlers refuse: the rows
 * are there because the table is the whole of RFC 8446 A.2.
 */
#include "hs/hs_int.h"

static enum leat_ret not_asked(struct hs *h)
{
	return hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE, "handshake: message was not asked for");
}

enum leat_ret on_end_of_early_data(struct hs *h, struct leat_span body, enum hs_state *next)
{
	(void)body;
	(void)next;
	return not_asked(h);
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
