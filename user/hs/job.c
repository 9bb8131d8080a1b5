/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c - the slow work of a handshake as continuations: a private key operation, a chain to be
 * validated. A handler starts one and returns; the caller of the machine runs it (job_answer) when and
 * where it likes, then the resume function goes on with the answer. Inputs are owned by the machine,
 * never borrowed from the message that caused the job.
 */
#include "hs/hs_int.h"

enum leat_ret job_sign(struct hs *h, hs_resume_fn *resume)
{
	if (!leat_wr_ok(&h->job.tbs))
		return err_memory(h->err);
	/* The certificates were the largest message; signing is where libcrypto takes the most memory. */
	leat_wr_clear(&h->out);
	h->job.kind = HS_JOB_SIGN;
	h->job.resume = resume;
	return LEAT_AGAIN;
}

enum leat_ret job_verify(struct hs *h, hs_resume_fn *resume, enum hs_state *next)
{
	if (h->cfg->verify == LEAT_VERIFY_NONE)
		return resume(h, next);
	h->job.kind = HS_JOB_VERIFY;
	h->job.resume = resume;
	return LEAT_AGAIN;
}

static enum leat_ret run_sign(struct hs *h)
{
	h->job.sig.n = 0;
	if (sign_make(h->cfg->crypto, cred_key(h->cred), h->scheme, leat_wr_done(&h->job.tbs),
		    &h->job.sig, h->err) != LEAT_OK)
		return LEAT_FAILED;
	return leat_wr_ok(&h->job.sig) ? LEAT_OK : err_memory(h->err);
}

static enum leat_ret run_verify(struct hs *h)
{
	bool client = h->role == LEAT_CLIENT;
	struct verify_in in = {
		.chain = h->peer_chain,
		.store = h->cfg->trust,
		.leaf_is_server = client,
		.now_s = h->env->now_s(h->env->arg),
		.depth = h->cfg->depth,
		.only_libcrypto = !h->cfg->lean_verify,
		.keep = h->cfg->chain_cache,
	};

	if (client && h->c.host[0] && !h->cfg->insecure_skip_name)
		in.host = h->c.host;
	return verify_chain(h->cfg->crypto, &in, h->err);
}

enum leat_ret hs_take_chain(struct hs *h, const struct leat_span *certs, size_t num)
{
	bool cached = h->cfg->verify != LEAT_VERIFY_NONE && h->cfg->chain_cache;

	return chain_get(&h->peer_chain, h->cfg->crypto, cached ? h->cfg->trust : NULL,
		h->role == LEAT_CLIENT, certs, num, h->err);
}

enum leat_ret job_answer(struct hs *h)
{
	switch (h->job.kind) {
	case HS_JOB_SIGN: return run_sign(h);
	case HS_JOB_VERIFY: return run_verify(h);
	default: return err_misuse(h->err, "handshake: no job waits");
	}
}

void job_clear(struct hs_job *j)
{
	leat_wr_clear(&j->tbs);
	leat_wr_clear(&j->sig);
	j->kind = HS_JOB_NONE;
	j->resume = NULL;
}
