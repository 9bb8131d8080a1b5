/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_in.c - everything that arrives: whole records out of the byte stream, opened in place,
 * handed to the handshake, the alert rules or (as plaintext) to the caller.
 *
 * engine_dispatch is shared with the kernel path (engine_export.c): one set of rules for records that
 * user space opened and for those the kernel did.
 */
#include "engine/engine_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"

void engine_in_release(struct leat_engine *e)
{
	if (e->w->in_off < e->w->in_len || e->w->data.n)
		return;
	e->w->in_off = e->w->in_len = 0;
	/* Handshake plaintext is wiped; application plaintext is the caller's affair and costs 33 KiB. */
	if (e->up)
		leat_free(e->w->in);
	else
		leat_free_wipe(e->w->in, e->w->in_cap);
	e->w->in = NULL;
	e->w->in_cap = 0;
}

/* Bytes from in_off that the current record needs in all; header_only when even that is unknown. */
static size_t record_need(const struct leat_engine *e)
{
	size_t have = e->w->in_len - e->w->in_off;
	const uint8_t *b = e->w->in + e->w->in_off;

	if (have < LIM_RECORD_HEADER)
		return LIM_RECORD_HEADER;
	return LIM_RECORD_HEADER + ((size_t)b[3] << 8 | b[4]);
}

size_t leat_engine_in_missing(const struct leat_engine *e)
{
	size_t have = e->w ? e->w->in_len - e->w->in_off : 0, need;

	if (have == 0 || e->eof)
		return 0;
	need = record_need(e);
	return need > have ? need - have : 0;
}

void leat_engine_in_exact(struct leat_engine *e, bool exact)
{
	e->exact = exact;
}

/* A buffer of at least cap bytes with the unprocessed bytes at its start. */
static bool in_reserve(struct leat_engine *e, size_t cap)
{
	size_t have = e->w->in_len - e->w->in_off;
	uint8_t *p;

	if (e->w->in_cap >= cap) {
		if (e->w->in_off && have)
			memmove(e->w->in, e->w->in + e->w->in_off, have);
	} else {
		p = leat_malloc(cap);
		if (!p)
			return false;
		if (have)
			memcpy(p, e->w->in + e->w->in_off, have);
		leat_free_wipe(e->w->in, e->w->in_cap);
		e->w->in = p;
		e->w->in_cap = cap;
	}
	e->w->in_off = 0;
	e->w->in_len = have;
	return true;
}

uint8_t *leat_engine_in(struct leat_engine *e, size_t *n)
{
	size_t have, need, cap;

	*n = 0;
	if (!(leat_engine_wants(e) & LEAT_WANT_BYTES) || !engine_wake(e))
		return NULL;
	have = e->w->in_len - e->w->in_off;
	/* The header of the record in hand passed its check (engine_process), so need is bounded. */
	need = have ? record_need(e) : LIM_RECORD_HEADER;
	cap = e->up && !e->exact ? ENGINE_IN_UP : ENGINE_IN_FIRST;
	if (!in_reserve(e, need > cap ? need : cap)) {
		(void)err_memory(&e->w->err);
		(void)engine_fail(e);
		return NULL;
	}
	*n = e->exact ? need - have : e->w->in_cap - e->w->in_len;
	return e->w->in + e->w->in_len;
}

static enum leat_ret dispatch_empty(struct leat_engine *e)
{
	/* Legal as a traffic analysis countermeasure (RFC 8446 5.4), but not for ever. */
	if (++e->empty_run > LIM_EMPTY_RECORDS)
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: too many empty records in a row");
	return LEAT_OK;
}

static enum leat_ret peer_alert(struct leat_engine *e, uint8_t alert)
{
	return err_raise(&e->w->err, LEAT_E_PEER_ALERT, alert, 0, LEAT_HERE,
		e->up ? "connection ended by the peer" : "handshake ended by the peer");
}

static enum leat_ret warning_in(struct leat_engine *e, uint8_t alert)
{
	if (++e->warn_run > LIM_WARN_ALERTS)
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"alert: too many warnings in a row");
	(void)alert;
	return LEAT_OK;
}

/* RFC 8446 6: alerts are not fragmented; in TLS 1.3 the level says nothing and all but close_notify
 * and user_canceled are fatal. RFC 5246 7.2: the level decides. */
enum leat_ret engine_alert_in(struct leat_engine *e, struct leat_span payload)
{
	struct leat_rd in = leat_rd_of(payload);
	uint8_t level, alert;

	leat_rd_u8(&in, &level);
	leat_rd_u8(&in, &alert);
	if (!leat_rd_end(&in))
		return err_alert(&e->w->err, LEAT_ALERT_DECODE_ERROR, "alert: not two bytes");
	if (alert == LEAT_ALERT_CLOSE_NOTIFY) {
		if (!e->up)
			return err_raise(&e->w->err, LEAT_E_CLOSED, 0, 0, LEAT_HERE,
				"handshake: closed by the peer before it was complete");
		e->eof = true;
		return LEAT_OK;
	}
	if (alert == LEAT_ALERT_USER_CANCELED)
		return warning_in(e, alert);
	if (level == 1 && e->version != LEAT_TLS13 && e->version != 0)
		return warning_in(e, alert);
	/* A server without a name for us may warn and go on (RFC 6066 3). */
	if (level == 1 && alert == LEAT_ALERT_UNRECOGNIZED_NAME && e->version == 0)
		return warning_in(e, alert);
	if (level != 1 && level != 2)
		return err_alert(&e->w->err, LEAT_ALERT_ILLEGAL_PARAMETER, "alert: unknown level");
	return peer_alert(e, alert);
}

/* RFC 8446 4.2.10: "A server receiving more than max_early_data_size bytes of 0-RTT data SHOULD terminate
 * the connection with an "unexpected_message" alert." Counted is the plaintext, as the RFC says. */
static enum leat_ret early_in(struct leat_engine *e, struct leat_span payload)
{
	if (payload.n > e->w->early_left)
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"early data: more than the session allows");
	if (payload.n == 0)
		return dispatch_empty(e);
	e->w->early_left -= (uint32_t)payload.n;
	e->w->data = payload;
	e->w->data_is_early = true;
	return LEAT_OK;
}

static enum leat_ret data_in(struct leat_engine *e, struct leat_span payload)
{
	if (e->w->rx_level == LV_EARLY)
		return early_in(e, payload);
	/* Without keys of its own application data is a forgery. */
	if (!e->up)
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"application data: before the handshake was complete");
	if (hs_post_is_mid_auth(&e->w->post))
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"application data: inside an answer to certificate_request");
	if (payload.n == 0)
		return dispatch_empty(e);
	e->empty_run = 0;
	e->warn_run = 0;
	e->w->post.key_updates_in = 0;
	e->w->data = payload;
	return LEAT_OK;
}

/* A KeyUpdate that the kernel cannot follow is nobody's fault: a planned end, of which the peer is told
 * by close_notify, not by an error. */
static enum leat_ret post_in(struct leat_engine *e, struct leat_span payload)
{
	enum leat_ret r = hs_post_record(&e->w->post, e->cfg, &e->w->sink, payload, &e->w->err);

	if (r == LEAT_FAILED && e->w->err.cls == LEAT_E_CLOSED && !e->closed)
		e->closed = out_alert(e, false, LEAT_ALERT_CLOSE_NOTIFY) == LEAT_OK;
	/* RFC 5246 7.2.2: the peer asked to renegotiate, "if the [other side] doesn't want to": a
	 * warning, and the connection goes on. Nothing is said after our close_notify. */
	engine_note_auth(e);
	if (r == LEAT_UNSUPPORTED)
		r = e->closed ? LEAT_OK : out_alert(e, false, LEAT_ALERT_NO_RENEGOTIATION);
	return r;
}

static enum leat_ret handshake_in(struct leat_engine *e, struct leat_span payload)
{
	if (e->w->hs)
		return hs_record(e->w->hs, REC_HANDSHAKE, e->w->rx_level, payload);
	return post_in(e, payload);
}

static bool is_mid_message(const struct leat_engine *e)
{
	return e->w->hs ? hs_is_mid_message(e->w->hs) : e->w->post.partial.n > 0;
}

enum leat_ret engine_dispatch(struct leat_engine *e, uint8_t type, struct leat_span payload)
{
	/* RFC 8446 5.1: handshake messages MUST NOT be interleaved with other record types. */
	if (type != REC_HANDSHAKE && is_mid_message(e) &&
		!(type == REC_CCS && e->version != LEAT_TLS12))
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"record: between the fragments of a handshake message");
	switch (type) {
	case REC_DATA: return data_in(e, payload);
	case REC_HANDSHAKE: return handshake_in(e, payload);
	case REC_ALERT: return engine_alert_in(e, payload);
	case REC_CCS:
		if (!e->w->hs)
			return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
				"change_cipher_spec: after the handshake");
		if (++e->empty_run > LIM_EMPTY_RECORDS)
			return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
				"change_cipher_spec: too many");
		return hs_record(e->w->hs, REC_CCS, e->w->rx_level, payload);
	default:
		return err_alert(&e->w->err, LEAT_ALERT_UNEXPECTED_MESSAGE, "record: unknown type");
	}
}

/* RFC 8446 4.2.10: a server that refused early data skips what it cannot open, up to a bound. */
static bool skip_early(struct leat_engine *e, const struct rec_hdr *hdr)
{
	if (!e->w->hs || !hs_early_rejected(e->w->hs) || hdr->type != REC_DATA ||
		hdr->len > e->w->early_skip)
		return false;
	e->w->early_skip -= hdr->len;
	return true;
}

/* Opens the whole record at in_off; *skipped: it was refused early data. */
static enum leat_ret open_record(struct leat_engine *e, const struct rec_hdr *hdr, uint8_t *type,
	struct leat_span *payload, bool *skipped)
{
	uint8_t *rec = e->w->in + e->w->in_off;

	e->w->in_off += LIM_RECORD_HEADER + hdr->len;
	*skipped = !rec_half_is_keyed(&e->rec->rx) && skip_early(e, hdr);
	if (*skipped || rec_open(&e->rec->rx, rec, hdr, type, payload, &e->w->err) == LEAT_OK)
		return LEAT_OK;
	if (e->w->err.alert != LEAT_ALERT_BAD_RECORD_MAC || !skip_early(e, hdr))
		return LEAT_FAILED;
	err_clear(&e->w->err);
	*skipped = true;
	return LEAT_OK;
}

/* Takes the record at in_off if it is whole. LEAT_AGAIN: it is not. */
static enum leat_ret one_record(
	struct leat_engine *e, uint8_t *type, struct leat_span *payload, bool *skipped)
{
	size_t have = e->w->in_len - e->w->in_off;
	struct rec_hdr hdr;
	const uint8_t *rec = e->w->in + e->w->in_off;

	if (have < LIM_RECORD_HEADER)
		return LEAT_AGAIN;
	if (rec_hdr_check(&e->rec->rx, rec, &hdr, &e->w->err) != LEAT_OK)
		return LEAT_FAILED;
	if (have < LIM_RECORD_HEADER + hdr.len)
		return LEAT_AGAIN;
	return open_record(e, &hdr, type, payload, skipped);
}

enum leat_ret engine_process(struct leat_engine *e)
{
	struct leat_span payload;
	enum leat_ret r = LEAT_OK;
	bool skipped = false;
	const struct hs *m;
	uint8_t type;

	while (!e->dead && !e->eof && !e->w->data.n && e->w->in_off < e->w->in_len) {
		m = engine_machine(e);
		if (m && hs_job(m) != HS_JOB_NONE)
			return LEAT_AGAIN;
		r = one_record(e, &type, &payload, &skipped);
		if (r == LEAT_AGAIN) {
			r = LEAT_OK;
			break;
		}
		if (r == LEAT_OK && !skipped)
			r = engine_dispatch(e, type, payload);
		r = engine_after(e, r);
		if (r != LEAT_OK) {
			/* a job waits: what it needs was copied, so the messages may go */
			if (!e->dead)
				engine_in_release(e);
			return r;
		}
	}
	/* RFC 8446 6.1: what follows close_notify is ignored, but may be the plain bytes of another protocol:
	 * leat_engine_left. */
	engine_in_release(e);
	return e->dead ? LEAT_FAILED : r;
}

enum leat_ret leat_engine_in_done(struct leat_engine *e, size_t n)
{
	if (e->dead)
		return LEAT_FAILED;
	if (n == 0 && !e->w)
		return LEAT_OK;
	if (!engine_wake(e))
		return LEAT_FAILED;
	if (n > e->w->in_cap - e->w->in_len) {
		(void)err_misuse(&e->w->err, "engine: more bytes than room was given");
		return engine_fail(e);
	}
	e->w->in_len += n;
	return engine_process(e);
}

enum leat_ret leat_engine_in_eof(struct leat_engine *e)
{
	if (e->dead)
		return LEAT_FAILED;
	if (e->eof)
		return LEAT_OK;
	if (!engine_wake(e))
		return LEAT_FAILED;
	(void)err_raise(&e->w->err, LEAT_E_CLOSED, 0, 0, LEAT_HERE,
		e->up ? "connection: cut off by the transport without close_notify (truncated)"
		      : "handshake: the transport was closed before it was complete");
	return engine_fail(e);
}

struct leat_span leat_engine_left(const struct leat_engine *e)
{
	if (!e->eof || !e->w || e->w->in_off == e->w->in_len)
		return (struct leat_span){ NULL, 0 };
	return (struct leat_span){ e->w->in + e->w->in_off, e->w->in_len - e->w->in_off };
}

void leat_engine_data(const struct leat_engine *e, struct leat_span *out)
{
	*out = e->w && !e->w->data_is_early ? e->w->data : (struct leat_span){ NULL, 0 };
}

void leat_engine_early_data(const struct leat_engine *e, struct leat_span *out)
{
	*out = e->w && e->w->data_is_early ? e->w->data : (struct leat_span){ NULL, 0 };
}

static enum leat_ret used(struct leat_engine *e, size_t n)
{
	if (n > e->w->data.n)
		n = e->w->data.n;
	e->w->data.p += n;
	e->w->data.n -= n;
	if (e->w->data.n)
		return LEAT_OK;
	e->w->data.p = NULL;
	e->w->data_is_early = false;
	if (e->dead)
		return LEAT_FAILED;
	return engine_process(e);
}

enum leat_ret leat_engine_data_done(struct leat_engine *e, size_t n)
{
	return e->w && !e->w->data_is_early ? used(e, n) : LEAT_OK;
}

enum leat_ret leat_engine_early_data_done(struct leat_engine *e, size_t n)
{
	return e->w && e->w->data_is_early ? used(e, n) : LEAT_OK;
}
