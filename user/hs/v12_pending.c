/* SPDX-License-Identifier: Apache-2.0
 *
 * v12_pending.c - the way into TLS 1.2 while its flights are not here: every entry refuses. Goes away
 * with v12_client.c and v12_server.c.
 */
#include "hs/hs_int.h"

static enum leat_ret refuse(struct hs *h)
{
	return hs_refuse(h, LEAT_ALERT_PROTOCOL_VERSION, "tls 1.2: not built in");
}

enum leat_ret v12_client_begin(struct hs *h, const struct server_hello *sh, enum hs_state *next)
{
	(void)sh;
	(void)next;
	return refuse(h);
}

enum leat_ret v12_server_begin(struct hs *h, const struct client_hello *ch, enum hs_state *next)
{
	(void)ch;
	(void)next;
	return refuse(h);
}

#define REFUSES(fn)                                                                \
	enum leat_ret fn(struct hs *h, struct leat_span body, enum hs_state *next) \
	{                                                                          \
		(void)body;                                                        \
		(void)next;                                                        \
		return refuse(h);                                                  \
	}

REFUSES(v12_on_server_cert)
REFUSES(v12_on_server_kx)
REFUSES(v12_on_cert_request)
REFUSES(v12_on_hello_done)
REFUSES(v12_on_ticket)
REFUSES(v12_on_server_ccs)
REFUSES(v12_on_server_finished)
REFUSES(v12_on_client_kx)
REFUSES(v12_on_client_ccs)
REFUSES(v12_on_client_finished)
