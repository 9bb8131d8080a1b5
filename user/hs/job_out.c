/* SPDX-License-Identifier: Apache-2.0
 *
 * job_out.c - a job away from its machine: made, run and answered, on any thread. The machine's side
 * (taking it, going on) is job.c; struct and rules of ownership are in hs/job.h; the contract is public,
 * leat/job.h.
 */
#include "hs/job.h"

#include <string.h>

#include "base/mem.h"

struct leat_job *job_new(enum hs_job_kind kind, struct leat_config *cfg, struct leat_span copy)
{
	struct leat_job *j = leat_zalloc(sizeof(*j) + copy.n);

	if (!j)
		return NULL;
	atomic_init(&j->refs, 1);
	atomic_init(&j->phase, JOB_OPEN);
	atomic_init(&j->dropped, false);
	j->kind = (enum leat_job_kind)kind;
	j->cfg = leat_config_ref(cfg);
	j->n = copy.n;
	if (copy.n)
		memcpy(j->b, copy.p, copy.n);
	return j;
}

struct leat_job *leat_job_ref(struct leat_job *j)
{
	atomic_fetch_add_explicit(&j->refs, 1, memory_order_relaxed);
	return j;
}

void leat_job_unref(struct leat_job *j)
{
	if (!j || atomic_fetch_sub_explicit(&j->refs, 1, memory_order_acq_rel) != 1)
		return;
	walk_free(j->walk);
	chain_unref(j->chain);
	leat_wr_clear(&j->got);
	leat_config_unref(j->config);
	papers_unref(j->papers);
	leat_config_unref(j->cfg);
	leat_free_wipe(j, sizeof(*j) + j->n);
}

void job_drop(struct leat_job *j)
{
	if (!j)
		return;
	atomic_store_explicit(&j->dropped, true, memory_order_relaxed);
	leat_job_unref(j);
}

enum leat_job_kind leat_job_kind(const struct leat_job *j)
{
	return j->kind;
}

bool leat_job_is_answered(const struct leat_job *j)
{
	return atomic_load_explicit(&j->phase, memory_order_acquire) == JOB_DONE;
}

bool leat_job_is_dropped(const struct leat_job *j)
{
	return atomic_load_explicit(&j->dropped, memory_order_relaxed);
}

/* ---- answering: one at a time, once ---- */

bool job_claim(struct leat_job *j)
{
	int open = JOB_OPEN;

	return !leat_job_is_dropped(j) &&
	       atomic_compare_exchange_strong_explicit(
		       &j->phase, &open, JOB_BUSY, memory_order_acquire, memory_order_relaxed);
}

enum leat_ret job_settle(struct leat_job *j, enum leat_ret result)
{
	j->result = result;
	atomic_store_explicit(&j->phase, JOB_DONE, memory_order_release);
	return LEAT_OK;
}

enum leat_ret job_reopen(struct leat_job *j)
{
	atomic_store_explicit(&j->phase, JOB_OPEN, memory_order_release);
	return LEAT_AGAIN;
}

enum leat_ret leat_job_run(struct leat_job *j)
{
	enum leat_ret r;

	if (!job_claim(j))
		return LEAT_UNSUPPORTED;
	switch (j->kind) {
	case LEAT_JOB_SIGN:
		r = job_make_signature(j->cfg, j->cred, j->scheme, j->tbs, &j->got, &j->err);
		break;
	case LEAT_JOB_VERIFY: r = job_do_verify(j); break;
	default: r = job_do_lookup(j); break;
	}
	return r == LEAT_AGAIN ? job_reopen(j) : job_settle(j, r);
}

enum leat_ret leat_job_refuse(struct leat_job *j, enum leat_alert alert)
{
	static const struct {
		const char *what; /* NULL: there is nothing, go on without */
		enum leat_alert usual;
	} by[] = {
		[LEAT_JOB_SIGN] = { "handshake: whoever has the private key refused to sign",
			LEAT_ALERT_INTERNAL_ERROR },
		[LEAT_JOB_VERIFY] = { "certificate: refused by the application",
			LEAT_ALERT_CERTIFICATE_UNKNOWN },
		[LEAT_JOB_SNI] = { "client_hello: nobody of the name asked for is here",
			LEAT_ALERT_UNRECOGNIZED_NAME },
		[LEAT_JOB_REUSE] = { NULL, LEAT_ALERT_CLOSE_NOTIFY },
	};

	if (!job_claim(j))
		return LEAT_UNSUPPORTED;
	if (!by[j->kind].what)
		return job_settle(j, LEAT_UNSUPPORTED);
	return job_settle(
		j, err_alert(&j->err, alert ? alert : by[j->kind].usual, by[j->kind].what));
}

/* ---- signatures by hand ---- */

enum leat_ret leat_job_sign_input(const struct leat_job *j, struct leat_sign_input *out)
{
	*out = (struct leat_sign_input){ 0 };
	if (j->kind != LEAT_JOB_SIGN)
		return LEAT_UNSUPPORTED;
	*out = job_sign_input(j->cred, j->scheme, j->tbs);
	return LEAT_OK;
}

enum leat_ret leat_job_sign_answer(struct leat_job *j, struct leat_span signature)
{
	struct leat_sign_input in;
	enum leat_ret r;

	if (leat_job_sign_input(j, &in) != LEAT_OK || !job_claim(j))
		return LEAT_UNSUPPORTED;
	r = job_take_signature(j->cfg, &in, j->cred, signature, &j->got, &j->err);
	(void)job_settle(j, r);
	return r;
}
