/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_session.c - tickets that a server sends become sessions that a client may offer again; and the
 * status of early data. RFC 8446 4.6.1.
 */
#include "engine/engine_int.h"

#include <string.h>

#include "base/mem.h"
#include "sched/sched13.h"
#include "session/session.h"
#include "session/store.h"
#include "wire/session_ticket.h"

bool engine_sessions_open(struct leat_engine *e, const char *host)
{
	e->sessions = leat_zalloc(sizeof(*e->sessions));
	if (!e->sessions || !host)
		return e->sessions != NULL;
	e->sessions->host = leat_strdup(host);
	return e->sessions->host != NULL;
}

static void forget_sessions(struct leat_engine *e)
{
	for (unsigned i = 0; e->sessions && i < e->sessions->num; i++)
		leat_session_unref(e->sessions->v[i]);
	if (e->sessions)
		e->sessions->num = 0;
}

void engine_sessions_free(struct leat_engine *e)
{
	forget_sessions(e);
	if (e->sessions)
		leat_free(e->sessions->host);
	leat_free(e->sessions);
}

static struct leat_span stored_id(const struct leat_engine *e)
{
	struct hs_facts f;

	if (!e->w->hs)
		return (struct leat_span){ e->names + e->alpn_n + e->sni_n + e->peer_hash_n,
			e->id_n };
	hs_facts(e->w->hs, &f);
	return f.stored_id;
}

/* RFC 5246 7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and secrets associated
 * with a failed connection." RFC 8446 6.2 says that tickets "SHOULD be discarded if possible". Failed is a
 * connection with a fatal alert; one that was cut off is not (RFC 5246 7.2.1). */
void engine_sessions_failed(struct leat_engine *e)
{
	enum leat_err_class cls = e->w->err.cls;
	struct leat_span id;

	if (cls != LEAT_E_OUR_ALERT && cls != LEAT_E_PEER_ALERT && cls != LEAT_E_MEMORY &&
		cls != LEAT_E_CRYPTO)
		return;
	forget_sessions(e);
	id = stored_id(e);
	if (id.n)
		store_drop(e->cfg->sessions_store, id);
}

struct leat_session *leat_engine_take_session(struct leat_engine *e)
{
	struct engine_sessions *all = e->sessions;
	struct leat_session *s;

	if (!all || !all->num)
		return NULL;
	s = all->v[0];
	all->num--;
	memmove(all->v, all->v + 1, all->num * sizeof(all->v[0]));
	return s;
}

static void keep(struct leat_engine *e, struct leat_session *s)
{
	if (e->sessions->num == ENGINE_SESSIONS)
		leat_session_unref(leat_engine_take_session(e));
	e->sessions->v[e->sessions->num++] = s;
}

void engine_session(void *arg, struct leat_session *s)
{
	keep(arg, s);
}

/* The name that the certificate was checked for, without the dot a fully qualified one may end with. */
static struct leat_span host_of(const struct leat_engine *e)
{
	const char *host = e->sessions->host;
	size_t n = host ? strlen(host) : 0;

	if (n > 1 && host[n - 1] == '.')
		n--;
	return (struct leat_span){ (const uint8_t *)host, n };
}

/* What a session of this established connection is bound to, whichever side it is. */
static void describe(const struct leat_engine *e, int64_t now, uint8_t peer[SESSION_PEER_LEN],
	struct session_data *d)
{
	*d = (struct session_data){
		.version = LEAT_TLS13,
		.suite = engine_suite(e),
		.issued_s = now,
		.auth_s = e->auth_s && e->auth_s <= now ? e->auth_s : now,
		.bind = { e->cfg->bind, sizeof(e->cfg->bind) },
		.alpn = { e->names, e->alpn_n },
	};
	if (leat_engine_peer_digest(e, peer))
		d->peer = (struct leat_span){ peer, SESSION_PEER_LEN };
	if (engine_chain(e))
		d->peer_cert = hs_kept_cert(e->cfg, engine_chain(e));
}

enum leat_ret engine_ticket(void *arg, const struct session_ticket *t)
{
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };
	struct leat_engine *e = arg;
	uint8_t peer[SESSION_PEER_LEN];
	struct leat_session *s;

	if (e->cfg->sessions != SESSIONS_KEPT || !e->sessions)
		return LEAT_OK;
	describe(e, e->env.now_s(e->env.arg), peer, &d);
	d.lifetime_s = t->lifetime_s;
	d.age_add = t->age_add;
	d.max_early = t->has & EXT_BIT(EXT_EARLY_DATA) ? t->max_early : 0;
	d.host = host_of(e);
	d.ticket = t->ticket;
	sched13_ticket_psk(engine_suite(e)->hash, &e->w->post.resumption, t->nonce, &d.secret);
	if (session_new(&s, &d, &e->w->err) != LEAT_OK)
		return LEAT_FAILED;
	keep(e, s);
	return LEAT_OK;
}

enum leat_ret leat_engine_send_ticket(struct leat_engine *e)
{
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };
	uint8_t peer[SESSION_PEER_LEN];
	enum leat_ret r;

	if (e->dead)
		return LEAT_FAILED;
	if (!e->up)
		return LEAT_AGAIN;
	if (e->closed)
		return LEAT_UNSUPPORTED;
	if (!engine_wake(e))
		return LEAT_FAILED;
	describe(e, e->env.now_s(e->env.arg), peer, &d);
	d.host = (struct leat_span){ e->names + e->alpn_n, e->sni_n };
	r = hs_post_ticket(&e->w->post, e->cfg, &e->env, &e->w->sink, &d, &e->w->err);
	return r == LEAT_UNSUPPORTED ? r : engine_after(e, r);
}

enum leat_early leat_engine_early_status(const struct leat_engine *e)
{
	return (enum leat_early)e->early;
}
