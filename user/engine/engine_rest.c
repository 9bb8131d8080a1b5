/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_rest.c - an engine goes to rest and wakes up. At rest there is struct leat_engine, what the handshake left
 * in struct hs_kept, and where user space protects records their keys: no buffer, no cipher context, no error,
 * no struct with room for what may come. decision 0079.
 *
 *     working  --- engine_settle: nothing under way -->  at rest (w NULL)
 *     working  <-- engine_wake: allocates ------------   at rest
 *
 * Where the kernel has both directions an engine goes to rest by itself: data flows past it, only control
 * records wake it. Where user space has one, the caller says when it is worth it: leat_engine_rest.
 *
 * Waking can fail. Then the engine is dead; what it would have needed memory for is the only thing that is lost,
 * and the error is a constant.
 */
#include "engine/engine_int.h"

#include "base/mem.h"
#include "base/secret.h"

static bool is_quiet(const struct leat_engine *e)
{
	const struct engine_work *w = e->w;

	return e->up && !e->dead && !w->err.cls && !w->data.n && w->in_off == w->in_len &&
	       w->out_off == w->out_len && !w->gathering && !w->ctl && !w->ctl_in.n &&
	       !w->rx_keys.version;
}

void engine_work_free(struct leat_engine *e)
{
	struct engine_work *w = e->w;

	if (!w)
		return;
	hs_free(w->hs);
	hs_post_clear(&w->post);
	leat_wr_clear(&w->ctl_in);
	leat_free_wipe(w->in, w->in_cap);
	engine_out_clear(e);
	leat_free_wipe(w, sizeof(*w));
	e->w = NULL;
}

void engine_records_free(struct leat_engine *e)
{
	if (!e->rec)
		return;
	rec_half_clear(&e->rec->rx);
	rec_half_clear(&e->rec->tx);
	leat_free_wipe(e->rec, sizeof(*e->rec));
	e->rec = NULL;
}

void engine_settle(struct leat_engine *e, bool all)
{
	if (!e->w || !is_quiet(e))
		return;
	if (e->exported[LEAT_RX] && e->exported[LEAT_TX])
		engine_records_free(e);
	if (e->rec && !all)
		return;
	e->kept = hs_post_keep(&e->w->post, e->cfg->key_log != NULL);
	if (e->kept)
		engine_work_free(e);
}

bool engine_wake(struct leat_engine *e)
{
	if (e->w)
		return true;
	e->w = leat_zalloc(sizeof(*e->w));
	if (!e->w) {
		e->no_memory = e->dead = e->closed = true;
		return false;
	}
	e->w->sink = engine_sink;
	e->w->sink.arg = e;
	if (!e->kept)
		return true;
	hs_kept_take(e->kept, &e->w->post);
	e->kept = NULL;
	/* What tickets are made of was not wanted, or stayed behind in another process. */
	if (e->w->post.resumption.n == 0)
		e->w->sink.ticket = NULL;
	e->w->rx_level = e->w->tx_level = LV_APP;
	e->w->first_sent = true;
	return true;
}

const struct hs_post *engine_post(const struct leat_engine *e, struct hs_post *tmp)
{
	if (e->w)
		return &e->w->post;
	if (e->kept)
		hs_kept_look(e->kept, tmp);
	return tmp;
}

void engine_post_done(struct hs_post *tmp)
{
	leat_wipe(tmp, sizeof(*tmp));
}

void leat_engine_rest(struct leat_engine *e)
{
	if (!e->w || !is_quiet(e))
		return;
	if (e->rec) {
		rec_half_rest(&e->rec->rx);
		rec_half_rest(&e->rec->tx);
	}
	engine_in_release(e);
	engine_settle(e, true);
}

const struct leat_err *leat_engine_error(const struct leat_engine *e)
{
	static const struct leat_err none, no_memory = { .cls = LEAT_E_MEMORY,
		.alert = LEAT_ALERT_INTERNAL_ERROR,
		.where = LEAT_HERE,
		.what = "memory: exhausted" };

	if (e->w)
		return &e->w->err;
	return e->no_memory ? &no_memory : &none;
}
