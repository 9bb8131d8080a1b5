/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c - see lookup.h. RFC 8446 4.6.1, RFC 5077 3.4, RFC 5246 7.4.1.2.
 */
#include "hs/lookup.h"

#include "session/store.h"

void lookup_hit_clear(struct lookup_hit *hit)
{
	session_data_clear(&hit->session);
	ticket_plain_clear(&hit->plain);
	hit->renew = false;
}

static bool find(const struct hs *h, struct leat_span identity, bool take, struct lookup_hit *hit)
{
	switch (h->cfg->sessions) {
	case SESSIONS_STATELESS:
		return ticket_open(h->cfg->ticket_keys, h->cfg->crypto, h->env, identity,
			&hit->plain, &hit->session, &hit->renew);
	case SESSIONS_STATEFUL:
		return store_find(h->cfg->sessions_store, identity, take,
			h->env->now_s(h->env->arg), &hit->plain, &hit->session);
	default: return false;
	}
}

enum leat_ret lookup_session(
	const struct hs *h, struct leat_span identity, bool take, struct lookup_hit *hit)
{
	if (identity.n && find(h, identity, take, hit))
		return LEAT_OK;
	lookup_hit_clear(hit);
	return LEAT_UNSUPPORTED;
}
