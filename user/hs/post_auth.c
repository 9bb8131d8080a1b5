/* SPDX-License-Identifier: Apache-2.0
 *
 * post_auth.c - post-handshake authentication, RFC 8446 4.6.2: the server asks an established client for a
 * certificate, the client answers with Certificate, CertificateVerify and Finished, or with an empty
 * Certificate and Finished.
 *
 * An exchange is a small machine of its own (struct hs with the states CP_ and SP_ of post_rows.c), made
 * when it begins and freed when it ends; so its rows, jobs and certificates are those of the handshake.
 * Between exchanges only struct post_auth is kept: the hash state of the handshake (4.4: every exchange
 * stands on the main handshake, none on another). One exchange at a time: a server's second request is
 * refused, a client answers in the order of the requests.
 */
#include "hs/post_auth.h"

#include <string.h>

#include "base/mem.h"
#include "hs/cert_attach.h"
#include "hs/cert_out.h"
#include "wire/finished.h"

/* ---- what is kept ---- */

enum leat_ret post_auth_keep(struct hs *h)
{
	struct post_auth *a;

	if (!h->post_offered)
		return LEAT_OK;
	a = leat_zalloc(sizeof(*a));
	if (!a)
		return err_memory(h->err);
	a->cfg = h->cfg;
	a->env = h->env;
	a->client_type = h->client_type;
	a->context = h->tr.d;
	h->post = a;
	return LEAT_OK;
}

void post_auth_free(struct post_auth *a)
{
	if (!a)
		return;
	hs_free(a->machine);
	leat_wr_clear(&a->held);
	hs_shown_clear(&a->shown);
	leat_free_wipe(a, sizeof(*a));
}

static const struct leat_secret *client_secret(const struct hs_post *p)
{
	return hs_post_secret(p, p->role == LEAT_CLIENT ? LEAT_TX : LEAT_RX);
}

/* The record keys leave, their secret goes; what the client's Finished needs of it stays. It gives
 * neither the secret nor a record key. */
void post_auth_before_forget(struct hs_post *p, enum leat_dir dir)
{
	if (p->auth && dir == (p->role == LEAT_CLIENT ? LEAT_TX : LEAT_RX) && client_secret(p)->n)
		sched13_finished_key(p->suite->hash, client_secret(p), &p->auth->finished);
}

/* RFC 8446 4.4: the Base Key of a post-handshake Finished is client_application_traffic_secret_N, the one
 * in use now; only clients send it. */
static void verify_data(const struct hs *h, uint8_t *out)
{
	const struct leat_secret *base = client_secret(h->owner);
	struct leat_secret key = h->owner->auth->finished;
	uint8_t th[HASH_MAX];

	if (base->n)
		sched13_finished_key(h->suite->hash, base, &key);
	hmac_once(h->suite->hash, leat_secret_span(&key), hs_transcript(h, th), out);
	leat_secret_clear(&key);
}

/* ---- an exchange ---- */

static enum leat_ret begin(
	struct hs_post *p, const struct hs_sink *sink, enum hs_state state, struct leat_err *err)
{
	struct post_auth *a = p->auth;
	struct hs *h = leat_zalloc(sizeof(*h));

	if (!h)
		return err_memory(err);
	h->cfg = leat_config_ref(a->cfg);
	h->env = a->env;
	h->sink = sink;
	h->err = err;
	h->role = p->role;
	h->state = (uint8_t)state;
	h->rx_level = LV_APP;
	h->owner = p;
	h->version = LEAT_TLS13;
	h->suite = p->suite;
	h->client_type = a->client_type;
	h->tr.d = a->context;
	a->machine = h;
	return LEAT_OK;
}

static enum leat_ret send_held(struct post_auth *a, const struct hs_sink *sink)
{
	struct leat_rd in = leat_rd_of(leat_wr_done(&a->held));
	enum leat_ret r = LEAT_OK;

	while (r == LEAT_OK && leat_rd_more(&in)) {
		struct leat_rd at = in;
		uint32_t len;
		uint8_t type;

		leat_rd_u8(&at, &type);
		leat_rd_u24(&at, &len);
		r = sink->send(sink->arg, leat_rd_bytes(&in, HS_HDR_LEN + len));
	}
	leat_wr_clear(&a->held);
	return r;
}

static void keep_shown(struct post_auth *a, struct hs *h)
{
	hs_shown_clear(&a->shown);
	a->shown = (struct hs_shown){ .chain = h->peer_chain,
		.papers = h->papers,
		.scheme = h->client_scheme,
		.packed_by = h->peer_zip };
	h->peer_chain = NULL;
	h->papers = NULL;
	a->verdict = a->shown.chain ? HS_POST_SHOWN : HS_POST_DECLINED;
}

enum leat_ret post_auth_settle(struct hs_post *p, const struct hs_sink *sink, enum leat_ret r)
{
	struct post_auth *a = p->auth;
	struct hs *h = a->machine;

	if (r != LEAT_OK || !hs_is_up(h))
		return r;
	if (p->role == LEAT_CLIENT) {
		r = send_held(a, sink);
	} else {
		keep_shown(a, h);
	}
	hs_free(h);
	a->machine = NULL;
	return r;
}

enum leat_ret post_auth_message(
	struct hs_post *p, const struct hs_sink *sink, struct leat_span msg, struct leat_err *err)
{
	struct post_auth *a = p->auth;

	if (p->role == LEAT_CLIENT && begin(p, &a->hold, CP_WAIT_CR, err) != LEAT_OK)
		return LEAT_FAILED;
	return post_auth_settle(p, sink, hs_record(a->machine, REC_HANDSHAKE, LV_APP, msg));
}

bool post_auth_takes(const struct hs_post *p, unsigned type)
{
	if (!p->auth)
		return false;
	if (p->role == LEAT_CLIENT)
		return type == MSG_CERT_REQUEST;
	return p->auth->machine &&
	       state_row(LEAT_SERVER, (enum hs_state)p->auth->machine->state, type);
}

bool hs_post_is_mid_auth(const struct hs_post *p)
{
	return p->role == LEAT_SERVER && p->auth && p->auth->machine &&
	       p->auth->machine->state != SP_WAIT_CERT;
}

struct hs *hs_post_machine(const struct hs_post *p)
{
	return p->auth ? p->auth->machine : NULL;
}

/* ---- server ---- */

enum leat_ret hs_post_ask(struct hs_post *p, const struct hs_sink *sink, struct leat_err *err)
{
	struct post_auth *a = p->auth;

	if (!a || p->role != LEAT_SERVER)
		return LEAT_UNSUPPORTED;
	if (a->machine)
		return LEAT_AGAIN;
	if (begin(p, sink, SP_WAIT_CERT, err) != LEAT_OK)
		return LEAT_FAILED;
	/* RFC 8446 4.3.2: "the server SHOULD [choose it] in a way that is unpredictable to the client
	 * (e.g., by randomly generating it) in order to prevent an attacker who has temporary access to
	 * the client's private key from pre-computing valid CertificateVerify messages." */
	a->env->random(a->env->arg, a->id, sizeof(a->id));
	a->machine->auth_context = (struct leat_span){ a->id, sizeof(a->id) };
	return cert_out_request(a->machine, a->machine->auth_context);
}

enum leat_ret on_post_finished(struct hs *h, struct leat_span body, enum hs_state *next)
{
	uint8_t want[HASH_MAX], alert = LEAT_ALERT_DECODE_ERROR;
	struct leat_span got;

	if (!dec_finished(body, hash_len(h->suite->hash), &got, &alert))
		return hs_refuse(h, alert, "finished: malformed");
	verify_data(h, want);
	if (!leat_ct_equal(want, got.p, got.n))
		return hs_refuse(h, LEAT_ALERT_DECRYPT_ERROR, "finished: wrong verify_data");
	*next = HS_UP;
	return LEAT_OK;
}

void hs_shown_clear(struct hs_shown *s)
{
	chain_unref(s->chain);
	papers_unref(s->papers);
	*s = (struct hs_shown){ 0 };
}

enum hs_post_verdict hs_post_take_verdict(struct hs_post *p, struct hs_shown *out)
{
	enum hs_post_verdict v = p->auth ? p->auth->verdict : HS_POST_NO_VERDICT;

	*out = (struct hs_shown){ 0 };
	if (v == HS_POST_NO_VERDICT)
		return v;
	*out = p->auth->shown;
	p->auth->shown = (struct hs_shown){ 0 };
	p->auth->verdict = HS_POST_NO_VERDICT;
	return v;
}

/* ---- client ----
 *
 * RFC 8446 4.6.2: "All of the client's messages for a given response MUST appear consecutively on the wire
 * with no intervening messages of other types." The signature may take its time and data goes out
 * meanwhile, so nothing is sent before all of it is there. */

static enum leat_ret hold(void *arg, struct leat_span msg)
{
	struct post_auth *a = arg;

	leat_wr_span(&a->held, msg);
	return leat_wr_ok(&a->held) ? LEAT_OK : err_memory(a->machine->err);
}

static enum leat_ret finish(struct hs *h, enum hs_state *next)
{
	uint8_t verify[HASH_MAX];

	verify_data(h, verify);
	enc_finished(hs_out(h), (struct leat_span){ verify, hash_len(h->suite->hash) });
	*next = HS_UP;
	return hs_send(h);
}

static enum leat_ret after_sign(struct hs *h, enum hs_state *next)
{
	return cert_out_send_verify(h) == LEAT_OK ? finish(h, next) : LEAT_FAILED;
}

enum leat_ret on_post_request(struct hs *h, struct leat_span body, enum hs_state *next)
{
	struct post_auth *a = h->owner->auth;
	uint8_t alert = LEAT_ALERT_DECODE_ERROR;
	struct cert_request cr;
	enum leat_ret r;

	if (!dec_cert_request(body, &cr, &alert))
		return hs_refuse(h, alert, "certificate_request: malformed");
	a->hold = (struct hs_sink){ .send = hold, .arg = a };
	cert_out_choose(h, &cr);
	attach_note_wants(h, cr.has, STATUS_OCSP, cr.compress);
	hs_take_msg(h);
	h->auth_context = cr.context; /* inside the message, for this one call */
	r = cert_out_send(h);
	h->auth_context = (struct leat_span){ NULL, 0 };
	if (r != LEAT_OK)
		return r;
	return h->cred ? cert_out_sign13(h, after_sign) : finish(h, next);
}
