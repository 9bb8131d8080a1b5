/* SPDX-License-Identifier: Apache-2.0
 *
 * server_finish.c - the client's Finished ends the handshake. RFC 8446 4.4.4, 7.1.
 */
#include "hs/post_auth.h"

enum leat_ret on_client_finished(struct hs *h, struct leat_span body, enum hs_state *next)
{
	if (!hs_is_last(h))
		return hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "finished: not at the end of its record");
	if (hs_check_finished13(h, LEAT_CLIENT, body) != LEAT_OK)
		return LEAT_FAILED;
	hs_take_msg(h);
	hs_resumption13(h);
	if (post_auth_keep(h) != LEAT_OK)
		return LEAT_FAILED;
	*next = HS_UP;
	if (server_send_tickets(h) != LEAT_OK)
		return LEAT_FAILED;
	return hs_keys13(h, LEAT_RX, LV_APP, &h->app_secret[LEAT_CLIENT]);
}
