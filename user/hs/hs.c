/* SPDX-License-Identifier: Apache-2.0
 *
 * hs.c - life of a handshake machine, the step function, and what every handler uses. Which message
 * may come when is in client_rows.c and server_rows.c; what a message means is in the handlers.
 *
 * RFC 8446 5.1 (records around handshake messages), 5 (change_cipher_spec), D.4 (middleboxes).
 */
#include "hs/post_auth.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "hs/keylog.h"
#include "hs/lookup.h"
#include "hs/v12_int.h"
#include "wire/finished.h"
#include "wire/v12.h"
#include "x509/name.h"

/* ---- invariants, STYLE C16: true between any two calls ---- */

static bool is_client_hello_state(const struct hs *h)
{
	return h->state == C_WAIT_SH || h->state == C_WAIT_SH2;
}

static void invariants(const struct hs *h)
{
	(void)h;
	assert(h->state < HS_STATE_COUNT);
	assert(h->state == HS_DEAD || (h->err->cls == LEAT_E_NONE));
	if (h->state == HS_DEAD)
		return;
	/* ephemeral keys live from ClientHello to ServerHello only */
	assert(h->role == LEAT_SERVER || h->c.num_kex == 0 || is_client_hello_state(h));
	/* no cleartext after ServerHello in TLS 1.3 */
	assert(h->version != LEAT_TLS13 || h->state == S_WAIT_CH2 || is_client_hello_state(h) ||
		h->job.kind || h->rx_level >= LV_HANDSHAKE || h->state == S_WAIT_EOED);
	/* nothing of the handshake's traffic secrets is left once it is over */
	assert(h->state != HS_UP || (h->hs_secret[0].n == 0 && h->hs_secret[1].n == 0));
	assert(h->state != HS_UP || (h->suite && h->version && !reasm_is_partial(&h->in)));
	assert((h->job.kind != HS_JOB_NONE) == (h->job.resume != NULL));
}

/* ---- life ---- */

static enum leat_ret set_host(struct hs *h, const char *host)
{
	size_t n = strlen(host);

	/* The final dot of a fully qualified name is not part of it on the wire (RFC 6066 3). */
	if (n > 1 && host[n - 1] == '.')
		n--;
	if (n == 0 || n > LIM_HOST_NAME)
		return err_misuse(h->err, "host: empty or longer than 255 bytes");
	memcpy(h->c.host, host, n);
	h->c.host[n] = '\0';
	if (name_parse_ip(h->c.host, NULL) > 0)
		return LEAT_OK;
	if (!name_is_host(h->c.host))
		return err_misuse(h->err, "host: neither a DNS name nor an IP address");
	h->c.host_is_name = true;
	return LEAT_OK;
}

enum leat_ret hs_new(struct hs **out, struct leat_config *cfg, const char *host,
	const struct leat_env *env, const struct hs_sink *sink, struct leat_err *err)
{
	struct hs *h;

	*out = NULL;
	if (!cfg->frozen)
		return err_misuse(err, "config: not frozen");
	h = leat_zalloc(sizeof(*h));
	if (!h)
		return err_memory(err);
	h->cfg = leat_config_ref(cfg);
	h->env = env;
	h->sink = sink;
	h->err = err;
	h->role = cfg->role;
	if (host && cfg->role == LEAT_CLIENT && set_host(h, host) != LEAT_OK) {
		hs_free(h);
		return LEAT_FAILED;
	}
	if (cfg->role == LEAT_CLIENT && cfg->verify == LEAT_VERIFY_PEER &&
		!cfg->insecure_skip_name && !h->c.host[0]) {
		hs_free(h);
		return err_misuse(err, "host: needed, the server's name is to be verified");
	}
	*out = h;
	return LEAT_OK;
}

void hs_free(struct hs *h)
{
	if (!h)
		return;
	if (h->role == LEAT_CLIENT) {
		client_clear_shares(h);
		leat_session_unref(h->c.session);
	}
	v12_forget_id(h);
	kex_clear(&h->v12.kex);
	leat_wr_clear(&h->v12.ticket);
	job_clear(&h->job);
	reasm_clear(&h->in);
	leat_wr_clear(&h->out);
	transcript_clear(&h->tr);
	chain_unref(h->peer_chain);
	post_auth_free(h->post);
	papers_unref(h->papers);
	leat_free((void *)(uintptr_t)h->peer_cert.p);
	leat_config_unref(h->cfg);
	leat_free_wipe(h->early_exporter, sizeof(*h->early_exporter));
	leat_free_wipe(h, sizeof(*h)); /* every other secret of the machine lies inside it */
}

static enum leat_ret die(struct hs *h)
{
	if (h->state != HS_DEAD)
		h->died_in = h->state;
	h->state = HS_DEAD;
	job_clear(&h->job);
	/* A refusal without a reason would be an alert nobody chose. */
	return err_raise(h->err, LEAT_E_OUR_ALERT, LEAT_ALERT_INTERNAL_ERROR, 0, LEAT_HERE,
		"handshake: failed without a reason");
}

void hs_offer(struct hs *h, struct leat_session *s, bool early)
{
	h->c.session = leat_session_ref(s);
	h->c.want_early = early;
}

enum leat_ret hs_start(struct hs *h)
{
	if (h->state != HS_START)
		return err_misuse(h->err, "handshake: started twice");
	if (h->role == LEAT_SERVER) {
		h->state = S_WAIT_CH;
		return LEAT_OK;
	}
	if (client_start(h) != LEAT_OK)
		return die(h);
	h->state = C_WAIT_SH;
	invariants(h);
	return LEAT_OK;
}

/* ---- messages in ---- */

/* Identities and hints may be long (RFC 4279 2), and only PSK suites have them. */
static size_t limit_of(const struct hs *h, unsigned type)
{
	size_t limit = msg_limit((uint8_t)type, h->cfg->max_handshake_size);

	if ((type == MSG_CLIENT_KX || type == MSG_SERVER_KX) && suite_is_psk(h->suite))
		limit = LIM_KX_PSK < h->cfg->max_handshake_size ? LIM_KX_PSK
								: h->cfg->max_handshake_size;
	return limit;
}

/* Is this message legal now, before a byte of its body is kept? */
static enum leat_ret check_header(void *arg, unsigned type, size_t len, struct leat_err *err)
{
	const struct hs *h = arg;

	if (!state_row(h->role, h->state, type)) {
		(void)err_alert(
			err, LEAT_ALERT_UNEXPECTED_MESSAGE, "handshake: message out of order");
		err_detailf(err, "%s in state %s", state_msg_name(type), state_name(h->state));
		return LEAT_FAILED;
	}
	if (len > limit_of(h, type)) {
		(void)err_alert(err, LEAT_ALERT_ILLEGAL_PARAMETER,
			"handshake: message longer than its limit");
		err_detailf(err, "%s of %zu bytes", state_msg_name(type), len);
		return LEAT_FAILED;
	}
	return LEAT_OK;
}

/* A handler came back: moves to the successor it named, which must be one of the row's. */
static enum leat_ret arrive(struct hs *h, enum leat_ret r, enum hs_state next)
{
	if (r == LEAT_AGAIN && h->job.kind != HS_JOB_NONE)
		return LEAT_AGAIN;
	if (r != LEAT_OK)
		return die(h);
	assert(h->row->may & HS_BIT(next));
	h->state = (uint8_t)next;
	h->row = NULL;
	return LEAT_OK;
}

static enum leat_ret step(struct hs *h, unsigned msg, struct leat_span body, enum hs_level level)
{
	const struct hs_row *row = state_row(h->role, h->state, msg);
	enum hs_state next = HS_DEAD;
	enum leat_ret r;

	if (!row || row->level != level || level != h->rx_level) {
		(void)hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			row ? "handshake: message under the wrong keys"
			    : "handshake: message out of order");
		err_detailf(h->err, "%s in state %s", state_msg_name(msg), state_name(h->state));
		return die(h);
	}
	if (h->role == LEAT_SERVER)
		h->s.early_rejected = false;
	h->row = row;
	r = row->on(h, body, &next);
	return arrive(h, r, next);
}

/* The message waits for a lookup and will be handled again. */
static enum leat_ret hold(struct hs *h)
{
	leat_wr_span(&h->job.held, h->msg);
	return leat_wr_ok(&h->job.held) ? LEAT_OK : err_memory(h->err);
}

enum leat_ret hs_again(struct hs *h, enum hs_state *next)
{
	enum leat_ret r;

	h->msg = leat_wr_done(&h->job.held);
	r = h->row->on(h, (struct leat_span){ h->msg.p + HS_HDR_LEN, h->msg.n - HS_HDR_LEN }, next);
	h->msg = (struct leat_span){ NULL, 0 };
	if (r != LEAT_AGAIN || h->job.resume != hs_again)
		lookup_forget(&h->job);
	return r;
}

/* Every whole message of a payload. A job stops it; what is left is then kept by the caller. */
static enum leat_ret step_all(struct hs *h, struct leat_span in, enum hs_level level)
{
	enum leat_ret r = LEAT_OK;

	while (in.n > 0 && r == LEAT_OK) {
		r = reasm_next(&h->in, &in, &h->msg, check_header, h, h->err);
		if (r == LEAT_AGAIN) /* part of a message: the next record has more of it */
			return LEAT_OK;
		if (r != LEAT_OK)
			return die(h);
		h->rest = in;
		r = step(h, h->msg.p[0],
			(struct leat_span){ h->msg.p + HS_HDR_LEN, h->msg.n - HS_HDR_LEN }, level);
		if (r == LEAT_AGAIN && h->job.resume == hs_again && hold(h) != LEAT_OK)
			r = die(h);
		reasm_done(&h->in);
		h->msg = (struct leat_span){ NULL, 0 };
	}
	if (r == LEAT_AGAIN && in.n > 0) {
		leat_wr_span(&h->in.buf, in);
		if (!leat_wr_ok(&h->in.buf)) {
			(void)err_memory(h->err);
			return die(h);
		}
	}
	h->rest = (struct leat_span){ NULL, 0 };
	return r;
}

/* RFC 8446 5: between the first ClientHello and the peer's Finished a cleartext change_cipher_spec of one
 * byte 1 is dropped; anywhere else it is an unexpected record. In TLS 1.2 it is a row of the table. */
static enum leat_ret on_ccs(struct hs *h, enum hs_level level, struct leat_span payload)
{
	const struct hs_row *row = state_row(h->role, h->state, HS_MSG_CCS);
	bool may_be_13 = h->version ? h->version == LEAT_TLS13
				    : h->role == LEAT_CLIENT && h->cfg->max_version >= LEAT_TLS13;
	uint8_t alert = LEAT_ALERT_UNEXPECTED_MESSAGE;

	if (!dec_ccs(payload, &alert)) {
		(void)hs_refuse(h, alert, "change_cipher_spec: not the single byte 1");
		return die(h);
	}
	if (reasm_is_partial(&h->in)) {
		(void)hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE,
			"change_cipher_spec: inside a handshake message");
		return die(h);
	}
	if (row)
		return step(h, HS_MSG_CCS, payload, level);
	if (!may_be_13 || h->state == HS_UP || ++h->dropped_in > LIM_DROPPED) {
		(void)hs_refuse(
			h, LEAT_ALERT_UNEXPECTED_MESSAGE, "change_cipher_spec: out of order");
		return die(h);
	}
	return LEAT_OK;
}

enum leat_ret hs_record(
	struct hs *h, enum rec_type type, enum hs_level level, struct leat_span payload)
{
	enum leat_ret r;

	if (h->state == HS_DEAD)
		return LEAT_FAILED;
	if (h->state == HS_START || h->job.kind != HS_JOB_NONE)
		return err_misuse(h->err, "handshake: not started, or a job waits");
	invariants(h);
	if (type == REC_CCS) {
		r = on_ccs(h, level, payload);
	} else if (payload.n == 0) {
		/* RFC 8446 5.1: MUST NOT send zero-length fragments of Handshake types */
		(void)hs_refuse(h, LEAT_ALERT_UNEXPECTED_MESSAGE, "handshake: empty record");
		r = die(h);
	} else {
		r = step_all(h, payload, level);
	}
	invariants(h);
	return r;
}

bool hs_is_mid_message(const struct hs *h)
{
	return reasm_is_partial(&h->in);
}

/* ---- jobs: the machine goes on where the handler stopped ---- */

enum hs_job_kind hs_job(const struct hs *h)
{
	return h->job.kind;
}

/* The answer is there: what waited for it, then what had come behind the message that started the job. */
static enum leat_ret go_on(struct hs *h, enum leat_ret answer)
{
	hs_resume_fn *resume = h->job.resume;
	enum leat_ret r = answer;
	enum hs_state next = HS_DEAD;
	struct leat_wr left;

	h->job.kind = HS_JOB_NONE;
	h->job.resume = NULL;
	if (r == LEAT_OK)
		r = resume(h, &next);
	r = arrive(h, r, next);
	if (r == LEAT_OK && h->in.buf.n > 0) {
		left = h->in.buf;
		h->in.buf = (struct leat_wr){ 0 };
		r = step_all(h, leat_wr_done(&left), h->rx_level);
		leat_wr_clear(&left);
	}
	invariants(h);
	return r;
}

enum leat_ret hs_job_run(struct hs *h)
{
	enum leat_ret r;

	if (h->state == HS_DEAD)
		return LEAT_FAILED;
	if (h->job.kind == HS_JOB_NONE)
		return err_misuse(h->err, "handshake: no job waits");
	if (h->job.out)
		return hs_job_done(h, h->job.out);
	invariants(h);
	r = job_answer(h);
	/* A driver that knows nothing else would try for ever. */
	if (r == LEAT_AGAIN)
		r = hs_refuse(h, LEAT_ALERT_INTERNAL_ERROR,
			"job: the answer is elsewhere, and this driver only does jobs itself");
	return go_on(h, r);
}

enum leat_ret hs_job_done(struct hs *h, struct leat_job *j)
{
	if (h->state == HS_DEAD)
		return LEAT_FAILED;
	if (!j || h->job.out != j)
		return LEAT_UNSUPPORTED;
	if (!leat_job_is_answered(j))
		return LEAT_AGAIN;
	invariants(h);
	return go_on(h, job_take_answer(h));
}

/* ---- what is known ---- */

bool hs_is_up(const struct hs *h)
{
	return h->state == HS_UP;
}

bool hs_may_send(const struct hs *h)
{
	return h->may_send && h->state != HS_DEAD;
}

enum hs_early hs_early(const struct hs *h)
{
	return h->early;
}

uint32_t hs_early_max(const struct hs *h)
{
	if (h->role == LEAT_SERVER)
		return h->s.max_early;
	return h->c.session ? session_data(h->c.session)->max_early : 0;
}

bool hs_early_rejected(const struct hs *h)
{
	return h->role == LEAT_SERVER && h->s.early_rejected;
}

const char *hs_state_name(const struct hs *h)
{
	return state_name(h->state);
}

const char *hs_last_state_name(const struct hs *h)
{
	return state_name(h->state == HS_DEAD ? h->died_in : h->state);
}

static struct leat_span stored_id(const struct hs *h)
{
	bool stored = h->role == LEAT_SERVER && h->version == LEAT_TLS12 &&
		      h->cfg->sessions == SESSIONS_STATEFUL;

	return (struct leat_span){ h->session_id, stored ? h->session_id_len : 0 };
}

/* Is the name that was asked for one of ours? */
static bool knows_name(const struct hs *h)
{
	if (h->role == LEAT_CLIENT || !h->s.sni[0] || h->s.sni_chose)
		return h->role == LEAT_CLIENT || h->s.sni[0];
	for (unsigned i = 0; i < h->cfg->num_creds; i++)
		if (cred_has_name(h->cfg->creds[i], h->s.sni))
			return true;
	return false;
}

void hs_facts(const struct hs *h, struct hs_facts *out)
{
	const char *sni = h->role == LEAT_SERVER ? h->s.sni : hs_tells_name(h) ? h->c.host : "";

	*out = (struct hs_facts){
		.version = h->version,
		.suite = h->suite,
		.group = h->group,
		.scheme = h->scheme,
		.client_scheme = h->peer_chain || h->role == LEAT_CLIENT ? h->client_scheme : NULL,
		.alpn = h->alpn,
		.sni = { (const uint8_t *)sni, strlen(sni) },
		.sni_known = knows_name(h),
		.peer_chain = h->peer_chain,
		.peer_hash = { h->peer_hash, h->peer_hash_len },
		.papers = h->papers,
		.packed_by = h->role == LEAT_CLIENT ? h->peer_zip : h->sent_zip,
		.client_packed_by = h->role == LEAT_CLIENT ? h->sent_zip : h->peer_zip,
		.resumed = h->resumed,
		.retried = h->retried,
		.extended_master = h->ems,
		.external_psk = h->psk && !h->resumed,
		.cred = hs_own_type(h) == CERT_RAW_KEY ? NULL : h->cred,
		.auth_s = h->auth_s ? h->auth_s : h->env->now_s(h->env->arg),
		.stored_id = stored_id(h),
	};
}

const struct hs_early_exporter *hs_early_exporter(const struct hs *h)
{
	return h->early_exporter;
}

void hs_finish(struct hs *h, struct hs_post *out)
{
	assert(h->state == HS_UP);
	*out = (struct hs_post){
		.version = h->version,
		.role = h->role,
		.suite = h->suite,
		.rx = h->app_secret[!h->role],
		.tx = h->app_secret[h->role],
		.resumption = h->resumption,
		.exporter = h->version == LEAT_TLS13 ? h->exporter : h->v12.master,
		.ems = h->ems,
	};
	if (h->role == LEAT_SERVER && h->version == LEAT_TLS13) {
		out->wants_tickets = h->s.wants_tickets;
		out->num_tickets = h->s.num_tickets;
	}
	out->auth = h->post;
	h->post = NULL;
	if (h->early == HS_EARLY_ACCEPTED) {
		out->early_exporter = h->early_exporter;
		h->early_exporter = NULL;
	}
	memcpy(out->client_random, h->client_random, RANDOM_LEN);
	memcpy(out->server_random, h->server_random, RANDOM_LEN);
	/* RFC 5929 3.1: "the first TLS Finished message sent": the client's, or the server's where a
	 * session was resumed (RFC 5246 7.3) */
	memcpy(out->unique, h->v12.verify[h->resumed ? LEAT_SERVER : LEAT_CLIENT],
		sizeof(out->unique));
}

/* ---- what handlers use ---- */

struct leat_wr *hs_out(struct hs *h)
{
	leat_wipe(h->out.p, h->out.n);
	h->out.n = 0;
	return &h->out;
}

enum leat_ret hs_send(struct hs *h)
{
	struct leat_span msg = leat_wr_done(&h->out);

	if (!leat_wr_ok(&h->out))
		return err_memory(h->err);
	transcript_add(&h->tr, msg);
	return h->sink->send(h->sink->arg, msg);
}

enum leat_ret hs_send_ccs(struct hs *h)
{
	if (h->sent_ccs)
		return LEAT_OK;
	h->sent_ccs = true;
	return h->sink->send_ccs(h->sink->arg);
}

void hs_take_msg(struct hs *h)
{
	transcript_add(&h->tr, h->msg);
}

bool hs_is_last(const struct hs *h)
{
	return h->rest.n == 0;
}

void hs_set_version(struct hs *h, uint16_t version)
{
	h->version = version;
	h->sink->version(h->sink->arg, version);
}

enum leat_ret hs_set_suite(struct hs *h, const struct suite *s)
{
	h->suite = s;
	/* Another hash than before cannot happen (the suite does not change after a retry). */
	return transcript_choose(&h->tr, s->hash) ? LEAT_OK : err_memory(h->err);
}

void hs_take_peer(struct hs *h, const struct session_data *d)
{
	void *copy = d->peer_cert.n ? leat_dup(d->peer_cert.p, d->peer_cert.n) : NULL;

	h->auth_s = d->auth_s;
	h->peer_hash_len = (uint8_t)d->peer.n;
	if (d->peer.n)
		memcpy(h->peer_hash, d->peer.p, d->peer.n);
	/* without memory it is not known any more */
	if (copy)
		h->peer_cert = (struct leat_span){ copy, d->peer_cert.n };
}

struct leat_span hs_transcript(const struct hs *h, uint8_t *out)
{
	transcript_hash(&h->tr, out);
	return (struct leat_span){ out, hash_len(h->suite->hash) };
}

enum leat_ret hs_keys(struct hs *h, enum leat_dir dir, enum hs_level level,
	const struct traffic_keys *keys, const struct leat_secret *secret)
{
	static const struct leat_secret none;
	enum leat_ret r;

	if (h->version == LEAT_TLS12 && !h->key_logged) {
		h->key_logged = true; /* one secret for both directions, whichever comes first */
		keylog_line(h->cfg, "CLIENT_RANDOM", h->client_random, &h->v12.master);
	}
	r = h->sink->keys(h->sink->arg, dir, level, keys, secret ? secret : &none);
	if (r == LEAT_OK && dir == LEAT_RX)
		h->rx_level = (uint8_t)level;
	if (r == LEAT_OK && dir == LEAT_TX && level == LV_APP && h->version == LEAT_TLS13)
		h->may_send = true;
	return r;
}

enum leat_ret hs_keys_early(struct hs *h, enum leat_dir dir, const struct suite *suite)
{
	LEAT_SCOPED(traffic_keys_clear) struct traffic_keys keys = { 0 };
	LEAT_SCOPED(leat_secret_clear) struct leat_secret secret = { 0 };
	uint8_t th[HASH_MAX];

	transcript_hash_with(&h->tr, suite->hash, (struct leat_span){ NULL, 0 }, th);
	sched13_early_traffic(&h->sched, (struct leat_span){ th, hash_len(suite->hash) }, &secret);
	h->early_exporter = leat_zalloc(sizeof(*h->early_exporter));
	if (!h->early_exporter)
		return err_memory(h->err);
	h->early_exporter->hash = suite->hash;
	sched13_early_exporter(&h->sched, (struct leat_span){ th, hash_len(suite->hash) },
		&h->early_exporter->secret);
	keylog_early13(h, &secret);
	sched13_keys(suite->hash, suite->aead, &secret, &keys);
	return hs_keys(h, dir, LV_EARLY, &keys, &secret);
}

enum leat_ret hs_keys13(
	struct hs *h, enum leat_dir dir, enum hs_level level, const struct leat_secret *secret)
{
	LEAT_SCOPED(traffic_keys_clear) struct traffic_keys keys = { 0 };

	sched13_keys(h->suite->hash, h->suite->aead, secret, &keys);
	return hs_keys(h, dir, level, &keys, secret);
}

/* RFC 8446 4.4.4: verify_data = HMAC(finished_key, Transcript-Hash(Handshake Context ..)) */
enum leat_ret hs_check_finished13(struct hs *h, enum leat_role who, struct leat_span body)
{
	uint8_t th[HASH_MAX], want[HASH_MAX], alert = LEAT_ALERT_DECODE_ERROR;
	struct leat_span got;

	if (!dec_finished(body, hash_len(h->suite->hash), &got, &alert))
		return hs_refuse(h, alert, "finished: malformed");
	sched13_finished(h->suite->hash, &h->hs_secret[who], hs_transcript(h, th), want);
	/* "Recipients of Finished messages MUST verify that the contents are correct and if incorrect
	 * MUST terminate the connection with a "decrypt_error" alert." */
	if (!leat_ct_equal(want, got.p, got.n))
		return hs_refuse(h, LEAT_ALERT_DECRYPT_ERROR, "finished: wrong verify_data");
	return LEAT_OK;
}

enum leat_ret hs_send_finished13(struct hs *h, enum leat_role who)
{
	uint8_t th[HASH_MAX], verify[HASH_MAX];

	sched13_finished(h->suite->hash, &h->hs_secret[who], hs_transcript(h, th), verify);
	enc_finished(hs_out(h), (struct leat_span){ verify, hash_len(h->suite->hash) });
	return hs_send(h);
}

void hs_resumption13(struct hs *h)
{
	uint8_t th[HASH_MAX];

	sched13_resumption(&h->sched, hs_transcript(h, th), &h->resumption);
	sched13_clear(&h->sched);
	leat_secret_clear(&h->hs_secret[LEAT_CLIENT]);
	leat_secret_clear(&h->hs_secret[LEAT_SERVER]);
}

/* RFC 8446 4.4.3: 64 spaces, the context string, a zero byte, the transcript hash. */
void hs_verify_tbs13(const struct hs *h, enum leat_role signer, struct leat_wr *out)
{
	static const char text[2][34] = {
		[LEAT_CLIENT] = "TLS 1.3, client CertificateVerify",
		[LEAT_SERVER] = "TLS 1.3, server CertificateVerify",
	};
	uint8_t th[HASH_MAX], *pad;
	struct leat_span hash = hs_transcript(h, th);

	leat_wr_expect(out, 64 + sizeof(text[signer]) + hash.n);
	pad = leat_wr_room(out, 64);
	if (pad)
		memset(pad, ' ', 64);
	leat_wr_bytes(out, text[signer], sizeof(text[signer])); /* its final NUL is the zero byte */
	leat_wr_span(out, hash);
}
