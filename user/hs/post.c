/* SPDX-License-Identifier: Apache-2.0
 *
 * post.c - handshake messages after the handshake: NewSessionTicket (checked, handed on), KeyUpdate in
 * and out, attempts to renegotiate TLS 1.2. RFC 8446 4.6, RFC 5246 7.4.1.1. Works on struct hs_post,
 * all that is left of the machine. Messages of post-handshake authentication go on to post_auth.c.
 */
#include "hs/hs.h"

#include "base/err.h"
#include "base/mem.h"
#include "hs/keylog.h"
#include "hs/post_auth.h"
#include "hs/reassemble.h"
#include "sched/sched13.h"
#include "wire/key_update.h"
#include "wire/session_ticket.h"

#define WEEK_S 604800

struct arrival {
	struct hs_post *post;
	const struct leat_config *cfg;
	const struct hs_sink *sink;
	struct leat_err *err;
};

void hs_post_clear(struct hs_post *p)
{
	leat_secret_clear(&p->rx);
	leat_secret_clear(&p->tx);
	leat_secret_clear(&p->resumption);
	leat_secret_clear(&p->exporter);
	leat_wr_clear(&p->partial);
	if (p->slot)
		p->slot->put(p->slot);
	post_auth_free(p->auth);
	leat_free_wipe(p->early_exporter, sizeof(*p->early_exporter));
	leat_wipe(p, sizeof(*p));
}

static bool is_known(const struct hs_post *p, unsigned type)
{
	bool client = p->role == LEAT_CLIENT;

	if (p->version != LEAT_TLS13)
		return type == (client ? MSG_HELLO_REQUEST : MSG_CLIENT_HELLO);
	/* RFC 8446 4.6.2: the client's answer comes "with no intervening messages of other types"; a
	 * request without an offer is unexpected_message */
	if (post_auth_takes(p, type) || hs_post_is_mid_auth(p))
		return post_auth_takes(p, type);
	return type == MSG_KEY_UPDATE || (type == MSG_SESSION_TICKET && client);
}

/* What a message counts: a request costs its receiver a signature; an answer was asked for. */
static unsigned weight(unsigned type)
{
	switch (type) {
	case MSG_CERT_REQUEST: return LIM_POST_MESSAGES / LIM_POST_REQUESTS;
	case MSG_CERT:
	case MSG_CERT_VERIFY:
	case MSG_FINISHED: return 0;
	default: return 1;
	}
}

/* What may come at all, before a byte of it is kept. */
static enum leat_ret check_header(void *arg, unsigned type, size_t len, struct leat_err *err)
{
	const struct arrival *a = arg;

	if (!is_known(a->post, type))
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"handshake: message out of order after the handshake");
	if (len > msg_limit((uint8_t)type, a->cfg->max_handshake_size))
		return err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER,
			"handshake: message longer than its limit");
	a->post->key_updates_in += weight(type);
	if (a->post->key_updates_in > LIM_POST_MESSAGES)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"handshake: too many messages without application data");
	return LEAT_OK;
}

static enum leat_ret switch_keys(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, enum leat_dir dir)
{
	LEAT_SCOPED(traffic_keys_clear) struct traffic_keys keys = { 0 };
	struct leat_secret *s = hs_post_is_aside(p, dir) ? &p->slot->by_dir[dir]
				: dir == LEAT_RX         ? &p->rx
							 : &p->tx;

	sched13_update(p->suite->hash, s);
	sched13_keys(p->suite->hash, p->suite->aead, s, &keys);
	keylog_traffic(cfg, (enum leat_role)(dir == LEAT_TX ? p->role : !p->role),
		++p->updates[dir], p->client_random, s);
	return sink->keys(sink->arg, dir, LV_APP, &keys, s);
}

enum leat_ret hs_post_key_update(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, bool request, struct leat_err *err)
{
	uint8_t b[HS_HDR_LEN + 1];
	struct leat_wr w;

	if (p->version != LEAT_TLS13)
		return err_misuse(err, "key_update: not in TLS 1.2");
	if (hs_post_secret(p, LEAT_TX)->n == 0)
		return err_raise(err, LEAT_E_CLOSED, 0, 0, LEAT_HERE,
			"key_update: the kernel that writes the records cannot change keys");
	leat_wr_fixed(&w, b, sizeof(b));
	enc_key_update(&w, request);
	if (sink->send(sink->arg, leat_wr_done(&w)) != LEAT_OK)
		return LEAT_FAILED;
	return switch_keys(p, cfg, sink, LEAT_TX);
}

static enum leat_ret on_key_update(struct arrival *a, struct leat_span body, bool is_last)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	bool request;

	if (!dec_key_update(body, &request, &alert))
		return err_alert(a->err, alert, "key_update: malformed");
	/* RFC 8446 5.1: what precedes a key change MUST align with a record border */
	if (!is_last)
		return err_alert(a->err, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"key_update: not at the end of its record");
	if (hs_post_secret(a->post, LEAT_RX)->n ==
		0) /* the engine gave the keys away (engine/engine.h) */
		return err_raise(a->err, LEAT_E_CLOSED, 0, 0, LEAT_HERE,
			"key_update: the kernel that reads the records cannot change keys");
	if (switch_keys(a->post, a->cfg, a->sink, LEAT_RX) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 8446 4.6.3: with update_requested "the receiver MUST send a KeyUpdate of its own with
	 * request_update set to "update_not_requested" prior to sending its next Application Data
	 * record": one answer does for every request until then. */
	if (!request || a->post->answered)
		return LEAT_OK;
	/* Where the kernel writes nobody tells when data went out in between: each request gets its answer. */
	a->post->answered = !hs_post_is_aside(a->post, LEAT_TX);
	return hs_post_key_update(a->post, a->cfg, a->sink, false, a->err);
}

static enum leat_ret on_ticket(struct arrival *a, struct leat_span body)
{
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct session_ticket t;

	if (!dec_session_ticket(body, &t, &alert))
		return err_alert(a->err, alert, "new_session_ticket: malformed");
	/* RFC 8446 4.6.1: "Servers MUST NOT use any value greater than 604800 seconds (7 days)." */
	if (t.lifetime_s > WEEK_S)
		return err_alert(a->err, LEAT_ALERT_ILLEGAL_PARAMETER,
			"new_session_ticket: lifetime above seven days");
	/* "The value of zero indicates that the ticket should be discarded immediately." */
	return a->sink->ticket && t.lifetime_s ? a->sink->ticket(a->sink->arg, &t) : LEAT_OK;
}

static enum leat_ret on_message(struct arrival *a, struct leat_span msg, bool is_last)
{
	struct leat_span body = { msg.p + HS_HDR_LEN, msg.n - HS_HDR_LEN };

	switch (msg.p[0]) {
	case MSG_KEY_UPDATE: return on_key_update(a, body, is_last);
	case MSG_SESSION_TICKET: return on_ticket(a, body);
	case MSG_HELLO_REQUEST:
	case MSG_CLIENT_HELLO: return LEAT_UNSUPPORTED;
	default: /* check_header let no other by */
		return post_auth_message(a->post, a->sink, msg, a->err);
	}
}

/* A job waits: what follows in the record is for later. */
static enum leat_ret keep_rest(
	struct hs_post *p, struct reasm *in, struct leat_span rest, struct leat_err *err)
{
	p->partial = in->buf;
	leat_wr_span(&p->partial, rest);
	if (!leat_wr_ok(&p->partial))
		return err_memory(err);
	if (!rest.n)
		leat_wr_clear(&p->partial);
	return LEAT_AGAIN;
}

/* Comes while a job waits: only from a kernel that reads the records, the engine does not go on. */
static enum leat_ret wait_too(struct hs_post *p, const struct leat_config *cfg,
	struct leat_span payload, struct leat_err *err)
{
	leat_wr_span(&p->partial, payload);
	if (!leat_wr_ok(&p->partial))
		return err_memory(err);
	return p->partial.n <= cfg->max_handshake_size
		       ? LEAT_AGAIN
		       : err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE,
				 "handshake: too much while a job waits");
}

enum leat_ret hs_post_after_job(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, enum leat_ret r, struct leat_err *err)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr rest = { 0 };

	r = post_auth_settle(p, sink, r);
	if (r != LEAT_OK || !p->partial.n)
		return r;
	rest = p->partial;
	p->partial = (struct leat_wr){ 0 };
	return hs_post_record(p, cfg, sink, leat_wr_done(&rest), err);
}

enum leat_ret hs_post_record(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, struct leat_span payload, struct leat_err *err)
{
	struct arrival a = { p, cfg, sink, err };
	struct reasm in = { .buf = p->partial };
	enum leat_ret r = LEAT_OK, answer = LEAT_OK;
	struct leat_span msg;

	if (payload.n == 0)
		return err_alert(err, LEAT_ALERT_UNEXPECTED_MESSAGE, "handshake: empty record");
	if (hs_post_machine(p) && hs_job(hs_post_machine(p)) != HS_JOB_NONE)
		return wait_too(p, cfg, payload, err);
	p->partial = (struct leat_wr){ 0 };
	while (payload.n > 0) {
		r = reasm_next(&in, &payload, &msg, check_header, &a, err);
		if (r != LEAT_OK)
			break;
		r = on_message(&a, msg, payload.n == 0);
		reasm_done(&in);
		if (r == LEAT_FAILED)
			break;
		if (r == LEAT_AGAIN)
			return keep_rest(p, &in, payload, err);
		if (r == LEAT_UNSUPPORTED)
			answer = r;
	}
	/* An idle connection keeps no buffer. */
	if (reasm_is_partial(&in) && r != LEAT_FAILED)
		p->partial = in.buf;
	else
		reasm_clear(&in);
	return r == LEAT_FAILED ? r : answer;
}
