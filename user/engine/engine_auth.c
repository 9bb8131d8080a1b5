/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_auth.c - post-handshake authentication as the engine's user sees it: asking, and what came of it
 * (RFC 8446 4.6.2; the exchange itself is hs/post_auth.c). Also which machine the jobs belong to.
 */
#include "engine/engine_int.h"

struct hs *engine_machine(const struct leat_engine *e)
{
	if (!e->w) /* where there may be one, engines do not rest (hs_post_keep) */
		return NULL;
	return e->w->hs ? e->w->hs : hs_post_machine(&e->w->post);
}

enum leat_ret engine_after_job(struct leat_engine *e, enum leat_ret r)
{
	if (e->w->hs)
		return r;
	r = hs_post_after_job(&e->w->post, e->cfg, &e->w->sink, r, &e->w->err);
	engine_note_auth(e);
	return r;
}

void engine_note_auth(struct leat_engine *e)
{
	struct hs_shown shown;

	switch (hs_post_take_verdict(&e->w->post, &shown)) {
	case HS_POST_NO_VERDICT: return;
	case HS_POST_DECLINED: e->auth = LEAT_AUTH_DECLINED; break;
	case HS_POST_SHOWN:
		chain_unref(e->peer->chain);
		papers_unref(e->peer->papers);
		*e->peer = (struct engine_peer){ shown.chain, shown.papers };
		e->client_scheme = shown.scheme ? shown.scheme->id : 0;
		e->client_packed_by = shown.packed_by ? (uint8_t)shown.packed_by->id : 0;
		chain_rest(e->peer->chain, e->cfg->crypto);
		e->auth = LEAT_AUTH_SHOWN;
	}
	e->has_auth = true;
}

enum leat_ret leat_engine_request_auth(struct leat_engine *e)
{
	enum leat_ret r;

	if (e->dead)
		return LEAT_FAILED;
	if (e->role != LEAT_SERVER || e->closed || e->eof)
		return LEAT_UNSUPPORTED;
	if (!e->up)
		return LEAT_AGAIN;
	if (!engine_wake(e))
		return LEAT_FAILED;
	r = hs_post_ask(&e->w->post, &e->w->sink, &e->w->err);
	if (r == LEAT_OK)
		e->auth = LEAT_AUTH_ASKED;
	return r == LEAT_OK || r == LEAT_FAILED ? engine_after(e, r) : r;
}

enum leat_auth leat_engine_auth(struct leat_engine *e)
{
	e->has_auth = false;
	return (enum leat_auth)e->auth;
}
