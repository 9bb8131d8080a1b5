/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_out.c - everything that leaves: handshake messages gathered into records, alerts,
 * change_cipher_spec, application data sealed straight into the out buffer.
 *
 * When the write direction lives in the kernel, handshake messages and alerts become control records
 * (struct engine_ctl) that the driver sends with a record type; out stays empty.
 */
#include "engine/engine_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

void engine_out_clear(struct leat_engine *e)
{
	while (e->w->ctl) {
		struct engine_ctl *c = e->w->ctl;

		e->w->ctl = c->next;
		leat_free_wipe(c, sizeof(*c) + c->n);
	}
	leat_free_wipe(e->w->out, e->w->out_cap);
	e->w->out = NULL;
	e->w->out_cap = e->w->out_off = e->w->out_len = 0;
	e->w->gathering = false;
	e->w->gather_n = 0;
}

/* Makes room for n more bytes behind out_len (an open record's bytes included). */
static bool out_room(struct leat_engine *e, size_t n)
{
	size_t used = (e->w->gathering ? e->w->gather + rec_prefix(&e->rec->tx) + e->w->gather_n
				       : e->w->out_len);
	size_t need, cap = e->w->out_cap ? e->w->out_cap : 512;
	uint8_t *p;

	if (!leat_add_ok(used, n, &need))
		return false;
	if (need <= e->w->out_cap)
		return true;
	if (e->w->out_off) { /* what was sent already makes room first */
		memmove(e->w->out, e->w->out + e->w->out_off, used - e->w->out_off);
		e->w->gather -= e->w->gathering ? e->w->out_off : 0;
		e->w->out_len -= e->w->out_off;
		need -= e->w->out_off;
		used -= e->w->out_off;
		e->w->out_off = 0;
		if (need <= e->w->out_cap)
			return true;
	}
	if (e->up && !e->w->out_cap && cap < need)
		cap = need; /* write_records asks for all it will seal */
	while (e->up && cap < need)
		cap *= 2; /* need is bounded by ENGINE_OUT_MARK and LIM_HANDSHAKE */
	if (cap < need)   /* a flight: its certificates, then a signature and Finished */
		cap = need + ENGINE_OUT_TAIL;
	p = leat_malloc(cap);
	if (!p)
		return false;
	if (used)
		memcpy(p, e->w->out, used);
	leat_free_wipe(e->w->out, e->w->out_cap);
	e->w->out = p;
	e->w->out_cap = cap;
	return true;
}

/* RFC 8446 5.1: the first ClientHello's record says 0x0301 for old middleboxes, all else 0x0303. */
static uint16_t cleartext_version(const struct leat_engine *e)
{
	return e->role == LEAT_CLIENT && !e->w->first_sent ? 0x0301 : LEAT_TLS12;
}

/* RFC 8446 5.4: "Implementations MUST NOT" let content and padding exceed the limit of a record, by the
 * protocol or by agreement. */
static size_t padding_of(const struct leat_engine *e, uint8_t type, size_t n)
{
	size_t room, pad;

	if (!leat_engine_pads(e) || !rec_half_is_keyed(&e->rec->tx) || n >= rec_max(&e->rec->tx))
		return 0;
	room = rec_max(&e->rec->tx) - n;
	if (e->cfg->pad)
		pad = e->cfg->pad(e->cfg->pad_arg, type, n, room);
	else
		pad = n % e->cfg->pad_to ? e->cfg->pad_to - n % e->cfg->pad_to : 0;
	return pad < room ? pad : room;
}

/* Seals n bytes from in (or in place) as one record behind out_len; room must have been made. */
static enum leat_ret out_record(
	struct leat_engine *e, uint8_t type, const uint8_t *in, size_t n, size_t pad)
{
	size_t len = rec_seal(&e->rec->tx, type, in, n, pad, cleartext_version(e),
		e->w->out + e->w->out_len, &e->w->err);

	if (len == 0)
		return LEAT_FAILED;
	e->w->out_len += len;
	e->w->first_sent = true;
	return LEAT_OK;
}

enum leat_ret out_flush(struct leat_engine *e)
{
	size_t pad;

	if (!e->w->gathering)
		return LEAT_OK;
	pad = padding_of(e, REC_HANDSHAKE, e->w->gather_n);
	if (pad && !out_room(e, rec_overhead(&e->rec->tx) + pad))
		return err_memory(&e->w->err);
	e->w->gathering = false;
	e->w->out_len = e->w->gather;
	return out_record(e, REC_HANDSHAKE, e->w->out + e->w->gather + rec_prefix(&e->rec->tx),
		e->w->gather_n, pad);
}

static enum leat_ret ctl_add(struct leat_engine *e, uint8_t type, struct leat_span payload)
{
	struct engine_ctl *c = leat_malloc(sizeof(*c) + payload.n), **end = &e->w->ctl;

	if (!c)
		return err_memory(&e->w->err);
	c->next = NULL;
	c->type = type;
	c->n = payload.n;
	memcpy(c->b, payload.p, payload.n);
	while (*end)
		end = &(*end)->next;
	*end = c;
	return LEAT_OK;
}

/* A control record holds one record's worth; a certificate may be longer. */
static enum leat_ret ctl_message(struct leat_engine *e, struct leat_span msg)
{
	enum leat_ret r = LEAT_OK;

	while (r == LEAT_OK && msg.n) {
		size_t n = msg.n < LIM_PLAINTEXT ? msg.n : LIM_PLAINTEXT;

		r = ctl_add(e, REC_HANDSHAKE, (struct leat_span){ msg.p, n });
		msg.p += n;
		msg.n -= n;
	}
	return r;
}

static enum leat_ret sink_send(void *arg, struct leat_span msg)
{
	struct leat_engine *e = arg;
	size_t n;

	if (e->closed) /* RFC 8446 6.1: nothing follows our close_notify */
		return LEAT_OK;
	if (e->exported[LEAT_TX])
		return ctl_message(e, msg);
	while (msg.n) {
		if (e->w->gathering && e->w->gather_n >= rec_max(&e->rec->tx) &&
			out_flush(e) != LEAT_OK)
			return LEAT_FAILED;
		n = rec_max(&e->rec->tx) - (e->w->gathering ? e->w->gather_n : 0);
		n = n < msg.n ? n : msg.n;
		if (!out_room(e, n + rec_overhead(&e->rec->tx)))
			return err_memory(&e->w->err);
		if (!e->w->gathering) {
			e->w->gathering = true;
			e->w->gather = e->w->out_len;
			e->w->gather_n = 0;
		}
		memcpy(e->w->out + e->w->gather + rec_prefix(&e->rec->tx) + e->w->gather_n, msg.p,
			n);
		e->w->gather_n += n;
		msg.p += n;
		msg.n -= n;
	}
	return LEAT_OK;
}

static enum leat_ret sink_ccs(void *arg)
{
	struct leat_engine *e = arg;
	const uint8_t one = 1;

	if (out_flush(e) != LEAT_OK)
		return LEAT_FAILED;
	if (!out_room(e, LIM_RECORD_HEADER + 1))
		return err_memory(&e->w->err);
	/* The compatibility CCS is never protected, also when keys are set already (RFC 8446 D.4). */
	if (rec_half_is_keyed(&e->rec->tx)) {
		struct rec_half clear = { 0 };
		size_t len = rec_seal(&clear, REC_CCS, &one, 1, 0, LEAT_TLS12,
			e->w->out + e->w->out_len, &e->w->err);

		e->w->out_len += len;
		return len ? LEAT_OK : LEAT_FAILED;
	}
	return out_record(e, REC_CCS, &one, 1, 0);
}

/* What was agreed does not hold for early data, whose keys are older than the agreement. */
static void apply_max(struct leat_engine *e, enum leat_dir dir)
{
	enum hs_level level = dir == LEAT_RX ? e->w->rx_level : e->w->tx_level;
	struct rec_half *half = dir == LEAT_RX ? &e->rec->rx : &e->rec->tx;
	bool holds = level == LV_PLAIN ? e->max_clear : level != LV_EARLY;

	half->max = holds ? e->max[dir] : 0;
}

/* The driver gives them to it (leat_engine_new_keys): RX before anything more is read, TX behind the KeyUpdate
 * that was queued just now. Where the kernel cannot take new keys the secrets are gone, and nobody comes here. */
static enum leat_ret keys_for_kernel(
	struct leat_engine *e, enum leat_dir dir, const struct traffic_keys *keys)
{
	if (dir == LEAT_TX)
		return ctl_add(e, ENGINE_NEW_KEYS,
			(struct leat_span){ (const uint8_t *)keys, sizeof(*keys) });
	e->w->rx_keys = *keys;
	return LEAT_OK;
}

static enum leat_ret sink_keys(void *arg, enum leat_dir dir, enum hs_level level,
	const struct traffic_keys *keys, const struct leat_secret *secret)
{
	struct leat_engine *e = arg;

	(void)secret; /* the machine keeps what KeyUpdate needs in struct hs_post */
	if (e->exported[dir])
		return keys_for_kernel(e, dir, keys);
	if (dir == LEAT_TX) {
		if (out_flush(e) != LEAT_OK)
			return LEAT_FAILED;
		e->w->tx_level = level;
		if (!keys) {
			rec_half_clear(&e->rec->tx);
			return LEAT_OK;
		}
		apply_max(e, dir);
		return rec_half_keys(&e->rec->tx, e->cfg->crypto, keys, true, &e->w->err);
	}
	e->w->rx_level = level;
	apply_max(e, dir);
	if (rec_half_keys(&e->rec->rx, e->cfg->crypto, keys, false, &e->w->err) != LEAT_OK)
		return LEAT_FAILED;
	/* OpenSSL's client takes its handshake keys into use only with its own flight: when it refuses
	 * our certificate, the alert comes in cleartext. It ends the handshake like any other alert
	 * would, or like garbage would; taking it tells the operator why. */
	e->rec->rx.clear_alert = level == LV_HANDSHAKE && e->role == LEAT_SERVER;
	return LEAT_OK;
}

static void sink_limit(void *arg, enum leat_dir dir, uint16_t max, bool clear_too)
{
	struct leat_engine *e = arg;

	e->max[dir] = max < LIM_PLAINTEXT ? max : 0;
	e->max_clear = clear_too;
	apply_max(e, dir);
}

static void sink_version(void *arg, uint16_t version)
{
	struct leat_engine *e = arg;

	e->version = version;
}

static void sink_config(void *arg, struct leat_config *cfg)
{
	struct leat_engine *e = arg;

	leat_config_unref(e->cfg);
	e->cfg = leat_config_ref(cfg);
}

const struct hs_sink engine_sink = {
	.send = sink_send,
	.send_ccs = sink_ccs,
	.keys = sink_keys,
	.limit = sink_limit,
	.version = sink_version,
	.ticket = engine_ticket,
	.config = sink_config,
	.session = engine_session,
};

/* RFC 8446 6: enum { warning(1), fatal(2) }; in 1.3 close_notify and user_canceled stay warnings. */
enum leat_ret out_alert(struct leat_engine *e, bool fatal, uint8_t alert)
{
	const uint8_t body[2] = { fatal ? 2 : 1, alert };
	size_t pad;

	if (e->exported[LEAT_TX])
		return ctl_add(e, REC_ALERT, (struct leat_span){ body, sizeof(body) });
	if (out_flush(e) != LEAT_OK)
		return LEAT_FAILED;
	pad = padding_of(e, REC_ALERT, sizeof(body));
	if (!out_room(e, rec_overhead(&e->rec->tx) + sizeof(body) + pad))
		return err_memory(&e->w->err);
	return out_record(e, REC_ALERT, body, sizeof(body), pad);
}

const uint8_t *leat_engine_out(const struct leat_engine *e, size_t *n)
{
	*n = e->w ? e->w->out_len - e->w->out_off : 0;
	return *n ? e->w->out + e->w->out_off : NULL;
}

void leat_engine_out_done(struct leat_engine *e, size_t n)
{
	size_t have;

	if (!e->w)
		return;
	have = e->w->out_len - e->w->out_off;
	e->w->out_off += n < have ? n : have;
	if (e->w->out_off < e->w->out_len)
		return;
	e->w->out_off = e->w->out_len = 0;
	/* Sealed records are no secrets: free without the cost of a wipe. */
	if (!e->w->gathering) {
		leat_free(e->w->out);
		e->w->out = NULL;
		e->w->out_cap = 0;
	}
}

/* TLS 1.2 has no new keys for an old connection: a planned end, of which the peer is told by
 * close_notify. RFC 5246 6.1 leaves renegotiation, which is not spoken here. */
static enum leat_ret end_of_key12(struct leat_engine *e)
{
	if (!e->closed && out_alert(e, false, LEAT_ALERT_CLOSE_NOTIFY) == LEAT_OK)
		e->closed = true;
	return err_raise(&e->w->err, LEAT_E_CLOSED, 0, 0, LEAT_HERE, ENGINE_KEYS_USED_UP);
}

/* RFC 8446 5.5: "Implementations SHOULD do a key update as described in Section 4.6.3 prior to reaching
 * these limits." What is kept back leaves room for the KeyUpdate itself and an alert; so the sequence number
 * never wraps (5.3: "MUST either rekey [...] or terminate the connection"). */
static enum leat_ret maybe_update_key(struct leat_engine *e)
{
	bool used_up = rec_half_left(&e->rec->tx) <= REC_KEY_KEEP;

	if (!e->up)
		return LEAT_OK;
	if (e->version != LEAT_TLS13)
		return used_up ? end_of_key12(e) : LEAT_OK;
	if (!used_up && e->rec->tx.bytes < e->cfg->key_update_at)
		return LEAT_OK;
	if (hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, false, &e->w->err) != LEAT_OK)
		return LEAT_FAILED;
	return out_flush(e);
}

static bool keys_can_change(const struct leat_engine *e, enum leat_dir dir)
{
	LEAT_SCOPED(engine_post_done) struct hs_post tmp = { 0 };

	return !e->exported[dir] || hs_post_is_aside(engine_post(e, &tmp), dir);
}

enum leat_ret leat_engine_key_update(struct leat_engine *e, bool ask)
{
	if (!e->up || e->dead || e->closed)
		return LEAT_FAILED;
	/* Asking the peer for its new keys where they cannot be followed would end the connection. */
	if (e->version != LEAT_TLS13 || !keys_can_change(e, LEAT_TX) ||
		(ask && !keys_can_change(e, LEAT_RX)))
		return LEAT_UNSUPPORTED;
	if (!engine_wake(e))
		return LEAT_FAILED;
	if (hs_post_key_update(&e->w->post, e->cfg, &e->w->sink, ask, &e->w->err) != LEAT_OK ||
		out_flush(e) != LEAT_OK)
		return engine_fail(e);
	return LEAT_OK;
}

/* dynamic_record_size: a record can be used by the peer when its last byte is there. While TCP's window is
 * small that takes several round trips for one of 16 KiB, and one lost segment of it stops all of them: so a
 * stream begins with records of one segment (docs/decisions/0043). */

/* What a segment carries over IPv6 with timestamps (1428 of 1500 bytes), less room for a tunnel's header. */
#define SEGMENT 1400
/* Where ten segments of a first window have become so many that a record of 16 KiB is a small part. */
#define RAMP (64 * 1024)
/* The clock has whole seconds: so much later at least one has passed, by which TCP has closed its window
 * again (RFC 5681 4.1). */
#define IDLE_S 2

static void begin_ramp(struct leat_engine *e)
{
	int64_t now;

	if (!e->cfg->dynamic_records)
		return;
	now = e->env.now_s(e->env.arg);
	if (e->w->wrote_s == 0 || now < e->w->wrote_s || now - e->w->wrote_s >= IDLE_S)
		e->w->ramp = RAMP;
	e->w->wrote_s = now;
}

static size_t content_max(const struct leat_engine *e)
{
	size_t max = rec_max(&e->rec->tx), segment = SEGMENT - rec_overhead(&e->rec->tx);

	return e->w->ramp && segment < max ? segment : max;
}

static size_t out_mark(size_t n)
{
	return ENGINE_OUT_MARK + (n <= ENGINE_OUT_REST ? ENGINE_OUT_REST : 0);
}

/* Room for all records of a large write at once: a buffer that grows record by record is copied and wiped
 * as often. */
static bool room_for_write(struct leat_engine *e, size_t n)
{
	size_t most = n <= ENGINE_OUT_MARK + ENGINE_OUT_REST ? n : ENGINE_OUT_MARK;

	return most <= rec_max(&e->rec->tx) ||
	       out_room(e, most + (most / rec_max(&e->rec->tx) + 1) * rec_overhead(&e->rec->tx));
}

/* Seals up to n bytes as records while the out buffer is below its mark. */
static enum leat_ret write_records(struct leat_engine *e, const uint8_t *p, size_t n, size_t *taken)
{
	size_t piece, pad;

	begin_ramp(e);
	if (!room_for_write(e, n)) {
		(void)err_memory(&e->w->err);
		return engine_fail(e);
	}
	while (n && e->w->out_len - e->w->out_off < out_mark(n)) {
		if (maybe_update_key(e) != LEAT_OK)
			return engine_fail(e);
		piece = n < content_max(e) ? n : content_max(e);
		pad = padding_of(e, REC_DATA, piece);
		if (!out_room(e, piece + rec_overhead(&e->rec->tx) + pad)) {
			(void)err_memory(&e->w->err);
			return engine_fail(e);
		}
		if (out_record(e, REC_DATA, p, piece, pad) != LEAT_OK)
			return engine_fail(e);
		p += piece;
		n -= piece;
		*taken += piece;
		e->w->ramp -= piece < e->w->ramp ? (uint32_t)piece : e->w->ramp;
		e->w->post.answered = false; /* the answer has left: the next request counts anew */
	}
	return *taken || n == 0 ? LEAT_OK : LEAT_AGAIN;
}

enum leat_ret leat_engine_write(struct leat_engine *e, const void *data, size_t n, size_t *taken)
{
	*taken = 0;
	if (e->dead)
		return LEAT_FAILED;
	if (!(leat_engine_wants(e) & LEAT_MAY_WRITE))
		return LEAT_AGAIN;
	if (!engine_wake(e))
		return LEAT_FAILED;
	return write_records(e, data, n, taken);
}

enum leat_ret leat_engine_write_early(
	struct leat_engine *e, const void *data, size_t n, size_t *taken)
{
	enum leat_ret r;

	*taken = 0;
	if (e->dead)
		return LEAT_FAILED;
	if (!(leat_engine_wants(e) & LEAT_MAY_WRITE_EARLY))
		return LEAT_AGAIN;
	r = write_records(e, data, n < e->w->early_left ? n : e->w->early_left, taken);
	e->w->early_left -= (uint32_t)*taken;
	return r;
}
