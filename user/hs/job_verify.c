/* SPDX-License-Identifier: Apache-2.0
 *
 * job_verify.c - the validation of a chain away from the machine: run, and where the application's
 * verify_fun has no answer yet, looked at and answered by hand. The walk itself is x509/walk.c.
 */
#include "hs/job.h"

static enum leat_ret settle_or_reopen(struct leat_job *j, enum leat_ret r)
{
	return r == LEAT_AGAIN ? job_reopen(j) : job_settle(j, r);
}

enum leat_ret job_do_verify(struct leat_job *j)
{
	struct verify_in in = job_verify_in(j->cfg, j->chain);

	in.now_s = j->now_s;
	in.host = j->host;
	in.staple = j->staple;
	in.papers = j->papers;
	in.staple_only = j->staple_only;
	return walk_verify(j->cfg->crypto, &in, &j->walk, &j->err);
}

enum leat_ret leat_job_verify_event(struct leat_job *j, struct leat_cert_event *out)
{
	const struct leat_cert_event *ev;

	*out = (struct leat_cert_event){ 0 };
	if (j->kind != LEAT_JOB_VERIFY || !job_claim(j))
		return LEAT_UNSUPPORTED;
	ev = walk_event(j->walk);
	if (ev)
		*out = *ev;
	(void)job_reopen(j);
	return ev ? LEAT_OK : LEAT_UNSUPPORTED;
}

enum leat_ret leat_job_verify_answer(
	struct leat_job *j, unsigned number, enum leat_verdict verdict, enum leat_bad_cert reason)
{
	const struct leat_cert_event *ev;

	if (j->kind != LEAT_JOB_VERIFY || verdict == LEAT_VERDICT_LATER || !job_claim(j))
		return LEAT_UNSUPPORTED;
	ev = walk_event(j->walk);
	if (!ev || ev->number != number) {
		(void)job_reopen(j);
		return LEAT_UNSUPPORTED;
	}
	return settle_or_reopen(j, walk_answer(&j->walk, verdict, reason, &j->err));
}
