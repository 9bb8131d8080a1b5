/* SPDX-License-Identifier: Apache-2.0
 *
 * retry_cookie.c - the cookie between a HelloRetryRequest and the second ClientHello, RFC 8446 4.2.2. It
 * holds what the server decided; since this server remembers that too, the two must be the same.
 */
#include "hs/hs_int.h"

#include <string.h>

#include "session/cookie.h"

enum leat_ret retry_cookie_make(struct hs *h, const struct group *asked, struct leat_wr *out)
{
	struct cookie c = {
		.made_s = h->env->now_s(h->env->arg),
		.suite = h->suite->id,
		.group = asked ? asked->id : 0,
	};
	enum leat_ret r;

	/* "the hash of the ClientHello" (4.2.2) */
	c.hash_n = (uint8_t)hs_transcript(h, h->s.first_hash).n;
	memcpy(c.hash, h->s.first_hash, c.hash_n);
	memcpy(c.unchanged, h->s.hello_digest, sizeof(c.unchanged));
	r = cookie_seal(h->cfg->ticket_keys, h->env, &c, out);
	return leat_wr_ok(out) ? r : err_memory(h->err);
}

static bool is_ours(const struct hs *h, const struct cookie *c)
{
	uint16_t group = h->s.retry_group ? h->s.retry_group->id : 0;

	return c->suite == h->suite->id && c->group == group &&
	       c->hash_n == hash_len(h->suite->hash) &&
	       memcmp(c->hash, h->s.first_hash, c->hash_n) == 0 &&
	       memcmp(c->unchanged, h->s.hello_digest, sizeof(c->unchanged)) == 0;
}

enum leat_ret retry_cookie_check(const struct hs *h, const struct client_hello *ch)
{
	struct cookie c;

	if (!h->s.cookie_sent)
		return ch->has & EXT_BIT(EXT_COOKIE)
			       ? hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
					 "client_hello: a cookie that nobody gave")
			       : LEAT_OK;
	/* 4.2.2: "Clients MUST copy the contents of the extension received in the HelloRetryRequest into
	 * a "cookie" extension in the new ClientHello." */
	if (!(ch->has & EXT_BIT(EXT_COOKIE)))
		return hs_refuse(h, LEAT_ALERT_MISSING_EXTENSION,
			"client_hello: without the cookie of hello_retry_request");
	if (!cookie_open(h->cfg->ticket_keys, h->env, ch->cookie, &c) || !is_ours(h, &c))
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"client_hello: cookie is not this connection's, or too old");
	return LEAT_OK;
}
