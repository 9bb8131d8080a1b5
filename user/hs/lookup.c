/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c - see lookup.h. RFC 8446 4.6.1, RFC 5077 3.4, RFC 5246 7.4.1.2, RFC 6066 3.
 *
 * A question without an answer becomes a job (job_lookup.c), and the ClientHello is put aside. When the
 * answer is there the ClientHello is handled again from its start, asks the same questions, and finds the
 * answers so far in h->job.known; one more question may be open then. Each is asked once per message: a
 * session that was taken out of a store is not taken twice. All are forgotten when the message is done.
 */
#include "hs/lookup.h"

#include <string.h>

#include "hs/job.h"
#include "session/store.h"

void lookup_hit_clear(struct lookup_hit *hit)
{
	session_data_clear(&hit->session);
	ticket_plain_clear(&hit->plain);
	hit->renew = false;
}

/* ---- questions and their answers ---- */

struct question {
	enum hs_job_kind kind;
	struct leat_span id, context;
	bool imported, take;
};

static bool is_same(struct leat_span a, struct leat_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static struct leat_job *known(const struct hs *h, const struct question *q)
{
	struct leat_job *j = h->job.known;

	while (j && !(j->kind == (enum leat_job_kind)q->kind && j->take == q->take &&
			    j->imported == q->imported && is_same(j->id, q->id) &&
			    is_same(j->context, q->context)))
		j = j->next;
	return j;
}

/* The question becomes a job. */
static enum leat_ret ask(struct hs *h, const struct question *q)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr both = { 0 };
	struct leat_job *j = NULL;

	leat_wr_span(&both, q->id);
	leat_wr_span(&both, q->context);
	if (leat_wr_ok(&both))
		j = job_new(q->kind, h->cfg, leat_wr_done(&both));
	if (!j)
		return err_memory(h->err);
	j->id = (struct leat_span){ j->b, q->id.n };
	j->context = (struct leat_span){ j->b + q->id.n, q->context.n };
	j->imported = q->imported;
	j->take = q->take;
	j->now_s = h->env->now_s(h->env->arg);
	h->job.ask = j;
	h->job.kind = q->kind;
	h->job.resume = hs_again;
	return LEAT_AGAIN;
}

void lookup_forget(struct hs_job *job)
{
	struct leat_job *j;

	while ((j = job->known)) {
		job->known = j->next;
		leat_job_unref(j);
	}
	leat_wr_clear(&job->held);
}

/* ---- sessions ---- */

/* The bytes of an answer are anybody's: judged as those of a store or a ticket are. */
static enum leat_ret session_of(
	const struct hs *h, const struct leat_job *j, struct lookup_hit *hit)
{
	struct leat_span got = leat_wr_done(&j->got);

	if (j->result != LEAT_OK || got.n == 0 || got.n > TICKET_PLAIN_MAX)
		return LEAT_UNSUPPORTED;
	memcpy(hit->plain.b, got.p, got.n);
	hit->plain.n = got.n;
	hit->renew = j->renew;
	got.p = hit->plain.b;
	return session_decode(got, &hit->session) && !hit->session.ticket.n &&
			       session_is_fresh(&hit->session, h->env->now_s(h->env->arg))
		       ? LEAT_OK
		       : LEAT_UNSUPPORTED;
}

static enum leat_ret find(
	const struct hs *h, struct leat_span identity, bool take, struct lookup_hit *hit)
{
	if (h->cfg->sessions == SESSIONS_STATEFUL)
		return store_find(h->cfg->sessions_store, identity, take,
			h->env->now_s(h->env->arg), &hit->plain, &hit->session);
	return ticket_open(h->cfg->ticket_keys, h->cfg->crypto, h->env, identity, &hit->plain,
		       &hit->session, &hit->renew)
		       ? LEAT_OK
		       : LEAT_UNSUPPORTED;
}

enum leat_ret lookup_session(
	struct hs *h, struct leat_span identity, bool take, struct lookup_hit *hit)
{
	bool stateful = h->cfg->sessions == SESSIONS_STATEFUL;
	const struct question q = {
		.kind = stateful ? HS_JOB_SESSION : HS_JOB_TICKET,
		.id = identity,
		.take = take,
	};
	const struct leat_job *j = known(h, &q);
	enum leat_ret r = LEAT_UNSUPPORTED;

	if (identity.n == 0 || (!stateful && h->cfg->sessions != SESSIONS_STATELESS))
		r = LEAT_UNSUPPORTED;
	else if (j)
		r = session_of(h, j, hit);
	else
		r = h->cfg->lookup_jobs ? LEAT_AGAIN : find(h, identity, take, hit);
	if (r != LEAT_OK)
		lookup_hit_clear(hit);
	return r == LEAT_AGAIN ? ask(h, &q) : r;
}

/* RFC 8446 4.6.1 lets a server resume under another name; we do not, nor with other settings or
 * certificates than the session began with. RFC 6066 3: the server "MUST NOT accept the request to resume
 * the session if the server_name extension contains a different name". Where clients must show a
 * certificate a session without one is no way around it: the full handshake asks, and decides. */
static bool has_what_is_required(const struct hs *h, const struct session_data *d)
{
	return d->peer.n || h->cfg->verify != LEAT_VERIFY_PEER || !h->cfg->fail_if_no_peer_cert;
}

bool lookup_may_resume(const struct hs *h, uint16_t version, const struct session_data *d)
{
	return d->version == version && session_is_for(d, h->s.sni, h->cfg->bind) &&
	       has_what_is_required(h, d);
}

/* ---- the application's say in resumption ---- */

void lookup_offer(
	struct leat_span identity, const struct session_data *d, struct leat_session_offer *out)
{
	*out = (struct leat_session_offer){
		.id = identity,
		.peer_cert = d->peer_cert,
		.peer_digest = d->peer,
		.version = d->version,
		.suite = d->suite->id,
		.host = d->host,
		.alpn = d->alpn,
		.issued_s = d->issued_s,
		.auth_s = d->auth_s,
	};
}

enum leat_ret lookup_ask_reuse(
	const struct leat_config *cfg, struct leat_span identity, const struct session_data *d)
{
	struct leat_session_offer offer;
	enum leat_ret r;

	lookup_offer(identity, d, &offer);
	r = cfg->reuse(cfg->reuse_arg, &offer);
	return r == LEAT_OK || r == LEAT_AGAIN ? r : LEAT_UNSUPPORTED;
}

/* The session goes along in its serialised form: a job owns all it needs. */
static enum leat_ret ask_reuse(
	struct hs *h, struct leat_span identity, const struct session_data *d)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr w = { 0 };
	struct question q = { .kind = HS_JOB_REUSE, .id = identity };
	const struct leat_job *j;
	enum leat_ret r;

	session_encode(&w, d);
	if (!leat_wr_ok(&w))
		return err_memory(h->err);
	q.context = leat_wr_done(&w);
	j = known(h, &q);
	if (j)
		return j->result == LEAT_OK ? LEAT_OK : LEAT_UNSUPPORTED;
	r = h->cfg->lookup_jobs ? LEAT_AGAIN : lookup_ask_reuse(h->cfg, identity, d);
	return r == LEAT_AGAIN ? ask(h, &q) : r;
}

enum leat_ret lookup_reuse(struct hs *h, struct leat_span identity, const struct session_data *d)
{
	return h->cfg->reuse ? ask_reuse(h, identity, d) : LEAT_OK;
}

/* ---- external keys ---- */

enum leat_ret lookup_psk(struct hs *h, const struct leat_psk_query *query, struct leat_psk *out)
{
	const struct question q = {
		.kind = HS_JOB_PSK,
		.id = query->identity,
		.context = query->context,
		.imported = query->imported,
	};
	const struct leat_job *j = known(h, &q);
	enum leat_ret r;

	*out = (struct leat_psk){ 0 };
	if (!h->cfg->psk_lookup)
		return LEAT_UNSUPPORTED;
	if (j) {
		out->secret = leat_wr_done(&j->got);
		out->sha384 = j->sha384;
		return j->result == LEAT_OK ? LEAT_OK : LEAT_UNSUPPORTED;
	}
	r = h->cfg->lookup_jobs ? LEAT_AGAIN
				: h->cfg->psk_lookup(h->cfg->psk_lookup_arg, query, out);
	return r == LEAT_AGAIN ? ask(h, &q) : r == LEAT_OK ? LEAT_OK : LEAT_UNSUPPORTED;
}

/* ---- names ---- */

enum leat_ret lookup_check_config(const struct leat_config *cfg, struct leat_err *err)
{
	return !cfg || (cfg->frozen && cfg->role == LEAT_SERVER)
		       ? LEAT_OK
		       : err_alert(err, LEAT_ALERT_INTERNAL_ERROR,
				 "sni: the config given is not a frozen one of a server");
}

enum leat_ret lookup_ask_sni(const struct leat_config *cfg, struct leat_span name,
	struct leat_config **out, struct leat_err *err)
{
	enum leat_ret r;

	*out = NULL;
	r = cfg->sni(cfg->sni_arg, name, out);
	if (r == LEAT_OK)
		r = lookup_check_config(*out, err);
	else if (r == LEAT_UNSUPPORTED)
		/* RFC 6066 3: "If the server understood the ClientHello extension but does not recognize
		 * the server name, the server SHOULD take one of two actions: either abort the handshake
		 * by sending a fatal-level unrecognized_name(112) alert or continue the handshake." */
		r = err_alert(err, LEAT_ALERT_UNRECOGNIZED_NAME,
			"client_hello: nobody of the name asked for is here");
	else if (r == LEAT_FAILED)
		r = err_alert(err, LEAT_ALERT_INTERNAL_ERROR, "sni: the callback failed");
	if (r != LEAT_OK) {
		leat_config_unref(*out);
		*out = NULL;
	}
	return r;
}

enum leat_ret lookup_config(struct hs *h, struct leat_span name, struct leat_config **out)
{
	const struct question q = { .kind = HS_JOB_SNI, .id = name };
	const struct leat_job *j = known(h, &q);
	enum leat_ret r;

	*out = NULL;
	if (j) {
		if (j->result == LEAT_OK && j->config)
			*out = leat_config_ref(j->config);
		if (j->result != LEAT_OK)
			*h->err = j->err;
		return j->result;
	}
	r = h->cfg->lookup_jobs ? LEAT_AGAIN : lookup_ask_sni(h->cfg, name, out, h->err);
	return r == LEAT_AGAIN ? ask(h, &q) : r;
}
