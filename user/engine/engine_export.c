/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_export.c - record keys leave for the kernel, control records come back from it. The steps and
 * their order are in engine.h; the system calls are ktls/handover.c's.
 */
#include "engine/engine_int.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "sched/sched12.h"
#include "sched/sched13.h"

static enum engine_export_state ready_rx(const struct leat_engine *e)
{
	if (e->eof)
		return EXPORT_DEAD;
	if (!e->w)
		return EXPORT_READY;
	if (e->w->post.partial.n || hs_post_is_mid_auth(&e->w->post))
		return EXPORT_MID_MESSAGE;
	if (e->w->data.n || e->w->in_off < e->w->in_len)
		return EXPORT_PENDING;
	return EXPORT_READY;
}

enum engine_export_state leat_engine_export_ready(const struct leat_engine *e, enum leat_dir dir)
{
	if (e->dead)
		return EXPORT_DEAD;
	if (!e->up)
		return EXPORT_NOT_UP;
	if (e->exported[dir])
		return EXPORT_GONE;
	if (dir == LEAT_RX)
		return ready_rx(e);
	if (e->closed)
		return EXPORT_DEAD;
	if (!e->w)
		return EXPORT_READY;
	return e->w->out_off < e->w->out_len || e->w->gathering ? EXPORT_PENDING : EXPORT_READY;
}

enum leat_ret leat_engine_export(
	struct leat_engine *e, enum leat_dir dir, struct traffic_keys *keys, uint64_t *seq)
{
	if (leat_engine_export_ready(e, dir) != EXPORT_READY || !engine_wake(e))
		return LEAT_FAILED;
	if (hs_post_keys(&e->w->post, dir, keys) != LEAT_OK)
		return LEAT_FAILED;
	*seq = dir == LEAT_RX ? e->rec->rx.seq : e->rec->tx.seq;
	return LEAT_OK;
}

void leat_engine_export_commit(
	struct leat_engine *e, enum leat_dir dir, struct hs_slot *(*take)(void))
{
	rec_half_clear(dir == LEAT_RX ? &e->rec->rx : &e->rec->tx);
	e->exported[dir] = true;
	if (!take || !hs_post_set_aside(&e->w->post, dir, take))
		hs_post_forget_keys(&e->w->post, dir, e->cfg->keep_secrets);
	engine_settle(e, false);
}

bool leat_engine_is_exported(const struct leat_engine *e, enum leat_dir dir)
{
	return e->exported[dir];
}

/* A record may be handed up in pieces when the caller's buffer was small. The rules are about records, so
 * they are put together; the kernel sees to it that none is longer than 2^14. */
static enum leat_ret keep_piece(struct leat_engine *e, uint8_t type, struct leat_span piece)
{
	e->w->ctl_in_type = type;
	leat_wr_span(&e->w->ctl_in, piece);
	return leat_wr_ok(&e->w->ctl_in) ? LEAT_OK : err_memory(&e->w->err);
}

static enum leat_ret whole_record(struct leat_engine *e, uint8_t type, struct leat_span payload)
{
	if (payload.n == 0) /* RFC 8446 5.4; RFC 5246 6.2.1: only application data may be empty */
		return err_alert(
			&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: empty fragment");
	if (type == REC_DATA)
		return err_misuse(&e->w->err, "engine: application data is no control record");
	return engine_dispatch(e, type, payload);
}

static enum leat_ret control_in(
	struct leat_engine *e, uint8_t type, struct leat_span payload, bool record_end)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr whole = { 0 };
	enum leat_ret r;

	if (e->w->ctl_in.n && e->w->ctl_in_type != type)
		r = err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: between the pieces of another");
	else if (e->w->ctl_in.n || (!record_end && payload.n))
		r = keep_piece(e, type, payload);
	else
		return engine_after(e, whole_record(e, type, payload));
	if (r == LEAT_OK && record_end) {
		whole = e->w->ctl_in;
		e->w->ctl_in = (struct leat_wr){ 0 };
		r = whole_record(e, type, leat_wr_done(&whole));
	}
	return engine_after(e, r);
}

enum leat_ret leat_engine_control(
	struct leat_engine *e, uint8_t type, struct leat_span payload, bool record_end)
{
	enum leat_ret r;

	if (e->dead)
		return LEAT_FAILED;
	if (e->eof)
		return LEAT_OK; /* RFC 8446 6.1: anything after close_notify is ignored */
	if (!engine_wake(e))
		return LEAT_FAILED;
	r = control_in(e, type, payload, record_end);
	engine_settle(e, false);
	return r;
}

enum leat_ret leat_engine_saw_data(struct leat_engine *e)
{
	if (e->dead)
		return LEAT_FAILED;
	e->empty_run = 0;
	e->warn_run = 0;
	if (!e->w) {
		hs_kept_saw_data(e->kept);
		return LEAT_OK;
	}
	if (e->w->post.partial.n || e->w->ctl_in.n || hs_post_is_mid_auth(&e->w->post)) {
		(void)err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: between the fragments of a handshake message");
		return engine_fail(e);
	}
	e->w->post.key_updates_in = 0;
	return LEAT_OK;
}

enum leat_ret leat_engine_rx_failed(struct leat_engine *e, int sys)
{
	if (e->dead || !engine_wake(e))
		return LEAT_FAILED;
	switch (sys) {
	case EBADMSG:
		(void)err_alert(&e->w->err, LEAT_ALERT_BAD_RECORD_MAC,
			"record: authentication failed (kernel)");
		break;
	case EMSGSIZE:
		(void)err_alert(&e->w->err, LEAT_ALERT_RECORD_OVERFLOW,
			"record: longer than allowed (kernel)");
		break;
	case EKEYEXPIRED:
		/* It stops at a record that begins with a KeyUpdate, also when the rest is in the next one. */
		if (!e->closed)
			e->closed = out_alert(e, false, LEAT_ALERT_CLOSE_NOTIFY) == LEAT_OK;
		(void)err_raise(&e->w->err, LEAT_E_CLOSED, 0, sys, LEAT_HERE,
			"key_update: in pieces, which the kernel that reads the records cannot follow");
		break;
	case EINVAL: /* all that the kernel checks besides lengths */
		(void)err_alert(&e->w->err, LEAT_ALERT_PROTOCOL_VERSION,
			"record: version differs from the negotiated one (kernel)");
		break;
	default: (void)err_sys(&e->w->err, sys, "recvmsg: kernel records"); break;
	}
	return engine_fail(e);
}

bool leat_engine_ctl(const struct leat_engine *e, uint8_t *type, struct leat_span *payload)
{
	if (!e->w || !e->w->ctl || e->w->ctl->type == ENGINE_NEW_KEYS)
		return false;
	*type = e->w->ctl->type;
	*payload = (struct leat_span){ e->w->ctl->b, e->w->ctl->n };
	return true;
}

void leat_engine_ctl_done(struct leat_engine *e)
{
	struct engine_ctl *c = e->w ? e->w->ctl : NULL;

	if (!c)
		return;
	e->w->ctl = c->next;
	leat_free_wipe(c, sizeof(*c) + c->n);
	engine_settle(e, false);
}

bool leat_engine_new_keys(const struct leat_engine *e, enum leat_dir dir, struct traffic_keys *out)
{
	if (!e->w)
		return false;
	if (dir == LEAT_RX) {
		*out = e->w->rx_keys;
		return out->version != 0;
	}
	if (!e->w->ctl || e->w->ctl->type != ENGINE_NEW_KEYS)
		return false;
	memcpy(out, e->w->ctl->b, sizeof(*out));
	return true;
}

void leat_engine_new_keys_done(struct leat_engine *e, enum leat_dir dir)
{
	if (dir == LEAT_TX) {
		leat_engine_ctl_done(e);
		return;
	}
	traffic_keys_clear(&e->w->rx_keys);
	engine_settle(e, false);
}

enum leat_ret leat_engine_new_keys_refused(struct leat_engine *e, enum leat_dir dir, int sys)
{
	/* Where we write, the peer expects records under keys that nobody has: nothing more can be said. */
	if (dir == LEAT_TX) {
		e->closed = true;
		engine_out_clear(e);
	} else if (!e->closed) {
		e->closed = out_alert(e, false, LEAT_ALERT_CLOSE_NOTIFY) == LEAT_OK;
	}
	if (e->dead) /* of something else, which stays the reason */
		return LEAT_FAILED;
	(void)err_raise(&e->w->err, LEAT_E_CLOSED, 0, sys, LEAT_HERE,
		"key_update: the kernel that carries this direction took no new keys");
	return engine_fail(e);
}
