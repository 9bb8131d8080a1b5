/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.c - the life of an engine: creation, what it wants, how it dies, what it knows.
 * The public contract is include/leat/engine.h.
 */
#include "engine/engine_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/zip.h"
#include "x509/sct.h"

enum leat_ret leat_engine_new(struct leat_engine **out, struct leat_config *cfg, const char *host,
	const struct leat_env *env, struct leat_err *err)
{
	const struct leat_engine_opts opts = { .host = host };

	return leat_engine_new_with(out, cfg, &opts, env, err);
}

static enum leat_ret start(struct leat_engine *e, const struct leat_engine_opts *o)
{
	if (hs_new(&e->w->hs, e->cfg, o->host, &e->env, &e->w->sink, &e->w->err) != LEAT_OK)
		return LEAT_FAILED;
	if (e->role == LEAT_CLIENT && e->cfg->sessions == SESSIONS_KEPT &&
		!engine_sessions_open(e, o->host))
		return err_memory(&e->w->err);
	if (e->role == LEAT_CLIENT && o->session)
		hs_offer(e->w->hs, o->session, o->early_data);
	return engine_after(e, hs_start(e->w->hs));
}

enum leat_ret leat_engine_new_with(struct leat_engine **out, struct leat_config *cfg,
	const struct leat_engine_opts *opts, const struct leat_env *env, struct leat_err *err)
{
	struct leat_engine *e;

	*out = NULL;
	if (!cfg->frozen)
		return err_misuse(err, "config: not frozen");
	e = leat_zalloc(sizeof(*e));
	if (!e)
		return err_memory(err);
	e->cfg = leat_config_ref(cfg);
	e->env = *env;
	e->role = cfg->role;
	e->rec = leat_zalloc(sizeof(*e->rec));
	if (!e->rec || !engine_wake(e)) {
		leat_engine_free(e);
		return err_memory(err);
	}
	e->w->early_skip = LIM_EARLY_SKIP;
	if (start(e, opts) == LEAT_FAILED) {
		*err = e->w->err;
		leat_engine_free(e);
		return LEAT_FAILED;
	}
	*out = e;
	return LEAT_OK;
}

void leat_engine_free(struct leat_engine *e)
{
	if (!e)
		return;
	engine_work_free(e);
	hs_kept_free(e->kept);
	engine_records_free(e);
	leat_free(e->names);
	engine_sessions_free(e);
	if (e->peer) {
		chain_unref(e->peer->chain);
		papers_unref(e->peer->papers);
		leat_free(e->peer);
	}
	leat_config_unref(e->cfg);
	leat_free_wipe(e, sizeof(*e));
}

/* Errors of ours that the peer must hear of; the alert was chosen where the error was raised. */
static bool peer_must_know(const struct leat_err *err)
{
	return err->cls == LEAT_E_OUR_ALERT || err->cls == LEAT_E_MEMORY ||
	       err->cls == LEAT_E_CRYPTO;
}

static struct leat_span keep(uint8_t **at, struct leat_span s)
{
	struct leat_span kept = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

/* The machine goes; what it negotiated stays. false: no memory for the names (one block). */
static bool keep_facts(struct leat_engine *e, const struct hs_facts *f)
{
	uint8_t *at;
	size_t n;

	e->suite = f->suite ? f->suite->id : 0;
	e->group = f->group ? f->group->id : 0;
	e->scheme = f->scheme ? f->scheme->id : 0;
	e->client_scheme = f->client_scheme ? f->client_scheme->id : 0;
	e->resumed = f->resumed;
	e->retried = f->retried;
	e->extended_master = f->extended_master;
	e->external_psk = f->external_psk;
	e->sni_known = f->sni_known;
	e->packed_by = f->packed_by ? (uint8_t)f->packed_by->id : 0;
	e->client_packed_by = f->client_packed_by ? (uint8_t)f->client_packed_by->id : 0;
	n = f->alpn.n + f->sni.n + f->peer_hash.n + f->stored_id.n;
	if (e->names || n == 0)
		return true;
	e->names = leat_malloc(n);
	if (!e->names)
		return false;
	at = e->names;
	e->alpn_n = (uint8_t)keep(&at, f->alpn).n;
	e->sni_n = (uint8_t)keep(&at, f->sni).n;
	e->peer_hash_n = (uint8_t)keep(&at, f->peer_hash).n;
	e->id_n = (uint8_t)keep(&at, f->stored_id).n;
	return true;
}

/* For whoever wants to know how far a handshake came. Not the chain: it may have been refused. */
static void drop_machine(struct leat_engine *e)
{
	struct hs_facts f;

	if (!e->w->hs)
		return;
	hs_facts(e->w->hs, &f);
	(void)keep_facts(e, &f);
	hs_free(e->w->hs);
	e->w->hs = NULL;
}

enum leat_ret engine_fail(struct leat_engine *e)
{
	if (e->dead)
		return LEAT_FAILED;
	if (e->w->err.cls == LEAT_E_NONE)
		(void)err_misuse(&e->w->err, "engine: failed without a reason");
	/* Best effort: when even the alert cannot be queued the connection just ends. */
	if (peer_must_know(&e->w->err) && !e->closed)
		(void)out_alert(e, true, e->w->err.alert);
	engine_sessions_failed(e);
	e->w->died_in = e->w->hs ? hs_last_state_name(e->w->hs) : leat_engine_state(e);
	e->dead = true;
	e->closed = true;
	e->w->data = (struct leat_span){ NULL, 0 };
	e->w->data_is_early = false;
	if (e->rec)
		rec_half_clear(&e->rec->rx);
	drop_machine(e);
	hs_post_clear(&e->w->post);
	/* not those of TX: an alert may wait behind them */
	traffic_keys_clear(&e->w->rx_keys);
	leat_wr_clear(&e->w->ctl_in);
	return LEAT_FAILED;
}

/* Will a ticket be made of this connection, or be taken from it? */
static bool may_resume(const struct leat_engine *e)
{
	if (e->role == LEAT_CLIENT)
		return e->cfg->sessions == SESSIONS_KEPT;
	return e->cfg->sessions != SESSIONS_OFF && e->w->post.wants_tickets;
}

/* What the peer showed, or may be asked to show later. false: no memory. */
static bool hold_peer(struct leat_engine *e, const struct hs_facts *f)
{
	if (!f->peer_chain && !f->papers && !e->cfg->post_auth)
		return true;
	e->peer = leat_zalloc(sizeof(*e->peer));
	if (!e->peer)
		return false;
	e->peer->chain = f->peer_chain ? chain_ref(f->peer_chain) : NULL;
	e->peer->papers = papers_ref(f->papers);
	return true;
}

static enum leat_ret come_up(struct leat_engine *e)
{
	struct hs_facts f;

	hs_facts(e->w->hs, &f);
	if (!keep_facts(e, &f))
		return err_memory(&e->w->err);
	if (!hold_peer(e, &f))
		return err_memory(&e->w->err);
	e->cred = f.cred;
	e->auth_s = f.auth_s;
	hs_finish(e->w->hs, &e->w->post);
	hs_free(e->w->hs);
	e->w->hs = NULL;
	chain_rest(engine_chain(e), e->cfg->crypto);
	if (!may_resume(e))
		leat_secret_clear(&e->w->post.resumption);
	e->empty_run = 0; /* what was dropped during the handshake is settled with it */
	e->up = true;
	return LEAT_OK;
}

/* What became of early data, noted as long as the machine lives. */
static void note_early(struct leat_engine *e)
{
	enum leat_early now = (enum leat_early)hs_early(e->w->hs);

	if (now == e->early)
		return;
	/* the first a client (offered) or a server (accepted) hears of it */
	if (e->early == LEAT_EARLY_NONE)
		e->w->early_left = hs_early_max(e->w->hs);
	/* RFC 8446 4.2.10: a server that refuses skips up to what it said it would take; records of a
	 * few bytes each double that */
	if (now == LEAT_EARLY_REJECTED && e->role == LEAT_SERVER)
		e->w->early_skip += 2 * (size_t)e->cfg->max_early;
	e->early = now;
}

enum leat_ret engine_after(struct leat_engine *e, enum leat_ret r)
{
	if (r == LEAT_FAILED)
		return engine_fail(e);
	if (e->w->hs)
		note_early(e);
	if (e->w->hs && hs_is_up(e->w->hs) && come_up(e) != LEAT_OK)
		return engine_fail(e);
	if (out_flush(e) != LEAT_OK)
		return engine_fail(e);
	return r;
}

/* What waits in w; at rest nothing does. */
static unsigned work_wants(const struct leat_engine *e)
{
	const struct engine_work *w = e->w;
	unsigned bits = 0;

	if (!w)
		return 0;
	if (w->out_len > w->out_off || w->ctl)
		bits |= LEAT_WANT_SEND;
	if (w->data.n)
		bits |= w->data_is_early ? LEAT_HAS_EARLY_DATA : LEAT_HAS_DATA;
	return bits;
}

static bool may_write_early(const struct leat_engine *e)
{
	return !e->closed && e->role == LEAT_CLIENT && e->w && e->w->tx_level == LV_EARLY &&
	       e->w->early_left;
}

unsigned leat_engine_wants(const struct leat_engine *e)
{
	unsigned w = work_wants(e);
	const struct hs *m = engine_machine(e);
	bool job = m && hs_job(m) != HS_JOB_NONE;

	if (e->sessions && e->sessions->num)
		w |= LEAT_HAS_SESSION;
	if (e->has_auth)
		w |= LEAT_HAS_AUTH;
	if (e->up)
		w |= LEAT_IS_UP;
	if (e->eof)
		w |= LEAT_IS_EOF;
	if (e->closed)
		w |= LEAT_IS_CLOSED;
	if (e->dead)
		return w | LEAT_IS_DEAD;
	if (job)
		w |= hs_job_is_out(m) ? LEAT_JOB_IS_OUT : LEAT_WANT_JOB;
	if (!job && !(w & (LEAT_HAS_DATA | LEAT_HAS_EARLY_DATA)) && !e->eof &&
		!e->exported[LEAT_RX])
		w |= LEAT_WANT_BYTES;
	if (!e->closed && !e->exported[LEAT_TX] &&
		(e->up || (e->w && e->w->hs && hs_may_send(e->w->hs))))
		w |= LEAT_MAY_WRITE;
	if (may_write_early(e))
		w |= LEAT_MAY_WRITE_EARLY;
	return w;
}

/* Records that arrived behind the message that waited are still in the buffer. */
static enum leat_ret after_job(struct leat_engine *e, enum leat_ret r)
{
	r = engine_after(e, engine_after_job(e, r));
	return r == LEAT_OK ? engine_process(e) : r;
}

enum leat_ret leat_engine_job_run(struct leat_engine *e)
{
	struct hs *m = engine_machine(e);

	if (e->dead)
		return LEAT_FAILED;
	if (!m || hs_job(m) == HS_JOB_NONE)
		return LEAT_OK;
	return after_job(e, hs_job_run(m));
}

enum leat_ret leat_engine_job_take(struct leat_engine *e, struct leat_job **out)
{
	struct hs *m = engine_machine(e);

	*out = NULL;
	return e->dead || !m ? LEAT_UNSUPPORTED : hs_job_take(m, out);
}

enum leat_ret leat_engine_job_done(struct leat_engine *e, struct leat_job *j)
{
	struct hs *m = engine_machine(e);
	enum leat_ret r;

	if (e->dead)
		return LEAT_FAILED;
	r = m ? hs_job_done(m, j) : LEAT_UNSUPPORTED;
	return r == LEAT_UNSUPPORTED ? r : after_job(e, r);
}

enum leat_ret leat_engine_close(struct leat_engine *e)
{
	if (e->dead)
		return LEAT_FAILED;
	if (e->closed)
		return LEAT_OK;
	if (!engine_wake(e))
		return LEAT_FAILED;
	/* RFC 8446 6.1: before the handshake is over, say user_canceled first. */
	if (!e->up && out_alert(e, false, LEAT_ALERT_USER_CANCELED) != LEAT_OK)
		return engine_fail(e);
	if (out_alert(e, false, LEAT_ALERT_CLOSE_NOTIFY) != LEAT_OK)
		return engine_fail(e);
	e->closed = true;
	return LEAT_OK;
}

/* A response that came and was judged was good, or the handshake would not have come to its end: unless a
 * verify_fun accepted it. */
static enum leat_ocsp ocsp_known(const struct leat_engine *e)
{
	if (papers_status(engine_papers(e), 0).n == 0)
		return LEAT_OCSP_NONE;
	if (e->cfg->verify_fun.fn)
		return LEAT_OCSP_UNJUDGED;
	/* a server asks only those whom it verifies, after the handshake whatever holds in it */
	return e->role == LEAT_SERVER || e->cfg->verify == LEAT_VERIFY_PEER ? LEAT_OCSP_GOOD
									    : LEAT_OCSP_UNJUDGED;
}

static void facts_of(const struct leat_engine *e, struct hs_facts *f)
{
	if (e->w && e->w->hs) {
		hs_facts(e->w->hs, f);
		return;
	}
	*f = (struct hs_facts){
		.suite = engine_suite(e),
		.group = e->group ? group_by_id(e->group) : NULL,
		.scheme = e->scheme ? sigscheme_by_id(e->scheme) : NULL,
		.client_scheme = e->client_scheme ? sigscheme_by_id(e->client_scheme) : NULL,
		.resumed = e->resumed,
		.retried = e->retried,
		.extended_master = e->extended_master,
		.external_psk = e->external_psk,
		.sni_known = e->sni_known,
	};
	if (e->alpn_n)
		f->alpn = (struct leat_span){ e->names, e->alpn_n };
	if (e->sni_n)
		f->sni = (struct leat_span){ e->names + e->alpn_n, e->sni_n };
}

/* After the machine is gone; before that nobody can know. */
static const char *packer(uint8_t id)
{
	return id ? zip_by_id(id)->name : NULL;
}

void leat_engine_info(const struct leat_engine *e, struct leat_engine_info *out)
{
	struct hs_facts f = { 0 };

	facts_of(e, &f);
	*out = (struct leat_engine_info){
		.version = e->version,
		.suite = f.suite ? f.suite->id : 0,
		.suite_name = f.suite ? f.suite->name : NULL,
		.group_name = f.group ? f.group->name : NULL,
		.scheme_name = f.scheme ? f.scheme->name : NULL,
		.client_scheme_name = f.client_scheme ? f.client_scheme->name : NULL,
		.alpn = f.alpn,
		.sni = f.sni,
		.sni_known = f.sni.n && f.sni_known,
		.resumed = f.resumed,
		.retried = f.retried,
		.extended_master = f.extended_master,
		.raw_peer_key = engine_chain(e) && chain_is_raw(engine_chain(e)),
		.external_psk = f.external_psk,
		.record_rx = leat_engine_record_max(e, LEAT_RX),
		.record_tx = leat_engine_record_max(e, LEAT_TX),
		.ocsp = ocsp_known(e),
		.cert_packed = packer(e->packed_by),
		.client_cert_packed = packer(e->client_packed_by),
	};
}

struct leat_span leat_engine_peer_ocsp(const struct leat_engine *e, size_t i)
{
	return papers_status(engine_papers(e), i);
}

struct leat_span leat_engine_peer_sct(const struct leat_engine *e, enum leat_sct_from from)
{
	struct leat_span der;

	if (from == LEAT_SCT_TLS)
		return papers_sct(engine_papers(e));
	der = leat_engine_peer_cert(e, 0);
	return der.n ? sct_of_cert(der) : der;
}

struct leat_span leat_engine_peer_cert(const struct leat_engine *e, size_t i)
{
	return engine_chain(e) ? chain_cert(engine_chain(e), i) : (struct leat_span){ NULL, 0 };
}

bool leat_engine_peer_digest(const struct leat_engine *e, uint8_t out[32])
{
	if (!e->up || (!engine_chain(e) && !e->peer_hash_n))
		return false;
	if (engine_chain(e))
		digest_once(HASH_SHA256, chain_cert(engine_chain(e), 0), out);
	else
		memcpy(out, e->names + e->alpn_n + e->sni_n, e->peer_hash_n);
	return true;
}

const char *leat_engine_state(const struct leat_engine *e)
{
	if (e->dead)
		return "DEAD";
	if (e->w && e->w->hs)
		return hs_state_name(e->w->hs);
	return e->eof && e->closed ? "CLOSED" : "UP";
}

const char *leat_engine_last_state(const struct leat_engine *e)
{
	return e->dead && e->w && e->w->died_in ? e->w->died_in : leat_engine_state(e);
}

enum aead_id leat_engine_aead(const struct leat_engine *e)
{
	const struct suite *s = engine_suite(e);

	return s ? s->aead : AEAD_NONE;
}

uint16_t leat_engine_version(const struct leat_engine *e)
{
	return e->version;
}

size_t leat_engine_record_max(const struct leat_engine *e, enum leat_dir dir)
{
	return e->max[dir] ? e->max[dir] : LIM_PLAINTEXT;
}

bool leat_engine_pads(const struct leat_engine *e)
{
	return e->version == LEAT_TLS13 && (e->cfg->pad || e->cfg->pad_to > 1);
}

struct leat_span leat_engine_own_cert(const struct leat_engine *e)
{
	return e->cred ? cred_cert(e->cred, 0) : (struct leat_span){ NULL, 0 };
}

const struct leat_config *leat_engine_config(const struct leat_engine *e)
{
	return e->cfg;
}
