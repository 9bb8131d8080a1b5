/* SPDX-License-Identifier: Apache-2.0
 *
 * job_lookup.c - lookups away from the machine: the callbacks of the config are asked on the thread that
 * runs the job, or somebody answers by hand. Which question is asked when, and what an answer means, is
 * lookup.c. Nothing here judges an answer: bytes are decoded when the ClientHello is handled again.
 */
#include "hs/job.h"
#include "hs/lookup.h"

#include "session/store.h"

/* ---- by the config's callbacks ---- */

static enum leat_ret keep(struct leat_job *j, struct leat_span bytes)
{
	leat_wr_span(&j->got, bytes);
	return leat_wr_ok(&j->got) ? LEAT_OK : err_memory(&j->err);
}

static enum leat_ret do_session(struct leat_job *j)
{
	LEAT_SCOPED(ticket_plain_clear) struct ticket_plain plain = { 0 };
	enum leat_ret r = store_find_bytes(
		j->cfg->sessions_store, j->id, j->take, j->now_s, &plain);

	return r == LEAT_OK ? keep(j, (struct leat_span){ plain.b, plain.n }) : r;
}

/* The time of the question is the only thing of the environment that opening a ticket needs. */
static int64_t now_of_job(void *arg)
{
	const struct leat_job *j = arg;

	return j->now_s;
}

static enum leat_ret do_ticket(struct leat_job *j)
{
	LEAT_SCOPED(ticket_plain_clear) struct ticket_plain plain = { 0 };
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };
	const struct leat_env env = { .now_s = now_of_job, .arg = j };

	if (!ticket_open(j->cfg->ticket_keys, j->cfg->crypto, &env, j->id, &plain, &d, &j->renew))
		return LEAT_UNSUPPORTED;
	return keep(j, (struct leat_span){ plain.b, plain.n });
}

static enum leat_ret do_psk(struct leat_job *j)
{
	const struct leat_psk_query q = { j->id, j->context, j->imported };
	struct leat_psk found = { 0 };
	enum leat_ret r = j->cfg->psk_lookup(j->cfg->psk_lookup_arg, &q, &found);

	j->sha384 = found.sha384;
	return r == LEAT_OK ? keep(j, found.secret) : r;
}

static enum leat_ret do_sni(struct leat_job *j)
{
	return lookup_ask_sni(j->cfg, j->id, &j->config, &j->err);
}

static enum leat_ret do_reuse(struct leat_job *j)
{
	LEAT_SCOPED(session_data_clear) struct session_data d;

	if (!session_decode(j->context, &d)) /* cannot be: lookup.c encoded it */
		return LEAT_UNSUPPORTED;
	return lookup_ask_reuse(j->cfg, j->id, &d);
}

enum leat_ret job_do_lookup(struct leat_job *j)
{
	switch (j->kind) {
	case LEAT_JOB_SESSION: return do_session(j);
	case LEAT_JOB_TICKET: return do_ticket(j);
	case LEAT_JOB_PSK: return do_psk(j);
	case LEAT_JOB_SNI: return do_sni(j);
	case LEAT_JOB_REUSE: return do_reuse(j);
	default: return err_misuse(&j->err, "job: of an unknown kind");
	}
}

/* ---- by hand ---- */

enum leat_ret leat_job_lookup_input(const struct leat_job *j, struct leat_lookup_input *out)
{
	*out = (struct leat_lookup_input){ 0 };
	if (j->kind < LEAT_JOB_SESSION || j->kind == LEAT_JOB_REUSE)
		return LEAT_UNSUPPORTED;
	*out = (struct leat_lookup_input){
		.id = j->id,
		.context = j->context,
		.imported = j->imported,
		.take = j->take,
		.now_s = j->now_s,
	};
	return LEAT_OK;
}

static enum leat_ret answer(struct leat_job *j, struct leat_span bytes)
{
	enum leat_ret r = keep(j, bytes);

	(void)job_settle(j, r);
	return r;
}

enum leat_ret leat_job_session_answer(struct leat_job *j, struct leat_span bytes)
{
	if ((j->kind != LEAT_JOB_SESSION && j->kind != LEAT_JOB_TICKET) || !job_claim(j))
		return LEAT_UNSUPPORTED;
	return answer(j, bytes);
}

enum leat_ret leat_job_psk_answer(struct leat_job *j, const struct leat_psk *psk)
{
	if (j->kind != LEAT_JOB_PSK || !job_claim(j))
		return LEAT_UNSUPPORTED;
	j->sha384 = psk->sha384;
	return answer(j, psk->secret);
}

enum leat_ret leat_job_sni_answer(struct leat_job *j, struct leat_config *cfg)
{
	enum leat_ret r;

	if (j->kind != LEAT_JOB_SNI || !job_claim(j))
		return LEAT_UNSUPPORTED;
	r = lookup_check_config(cfg, &j->err);
	if (r == LEAT_OK && cfg)
		j->config = leat_config_ref(cfg);
	(void)job_settle(j, r);
	return r;
}

enum leat_ret leat_job_reuse_offer(const struct leat_job *j, struct leat_session_offer *out)
{
	LEAT_SCOPED(session_data_clear) struct session_data d = { 0 };

	*out = (struct leat_session_offer){ 0 };
	if (j->kind != LEAT_JOB_REUSE || !session_decode(j->context, &d))
		return LEAT_UNSUPPORTED;
	lookup_offer(j->id, &d, out);
	return LEAT_OK;
}

enum leat_ret leat_job_reuse_answer(struct leat_job *j, bool reuse)
{
	if (j->kind != LEAT_JOB_REUSE || !job_claim(j))
		return LEAT_UNSUPPORTED;
	return job_settle(j, reuse ? LEAT_OK : LEAT_UNSUPPORTED);
}
