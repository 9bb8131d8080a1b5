/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c - the slow work of a handshake as continuations: a private key operation, a chain to be
 * validated. A handler starts one and returns; the caller of the machine runs it when and where it
 * likes: inline (job_answer), or taken away (hs_job_take, job_out.c). Then the resume function goes on
 * with the answer. Inputs are owned by the machine, never borrowed from the message that caused the job.
 */
#include "hs/job.h"
#include "hs/lookup.h"

#include <string.h>

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

/* Asked for after the handshake it is to be verified whatever holds for the handshake. */
static bool must_verify(const struct hs *h)
{
	return h->cfg->verify != LEAT_VERIFY_NONE || h->owner || h->cfg->verify_fun.fn;
}

enum leat_ret job_verify(struct hs *h, hs_resume_fn *resume, enum hs_state *next)
{
	if (chain_is_raw(h->peer_chain)) /* take_raw has judged */
		return resume(h, next);
	if (!must_verify(h))
		return resume(h, next);
	h->job.kind = HS_JOB_VERIFY;
	h->job.resume = resume;
	return LEAT_AGAIN;
}

enum leat_ret job_verify_staple(struct hs *h, hs_resume_fn *resume, enum hs_state *next)
{
	h->job.staple_only = true;
	return job_verify(h, resume, next);
}

/* The largest is RSA's, of 16384 bits. */
#define SIGNATURE_MAX 2048

struct leat_sign_input job_sign_input(
	const struct cred *cred, const struct sigscheme *s, struct leat_span tbs)
{
	return (struct leat_sign_input){
		.scheme = s->id,
		.scheme_name = s->name,
		.tbs = tbs,
		.cert = cred_cert(cred, 0),
	};
}

enum leat_ret job_take_signature(const struct leat_config *cfg, const struct leat_sign_input *in,
	const struct cred *cred, struct leat_span given, struct leat_wr *sig, struct leat_err *err)
{
	/* A signature with a fault in it can give the key away, so none leaves unchecked. */
	if (!sign_check(cfg->crypto, cred_key(cred), sigscheme_by_id(in->scheme), in->tbs, given))
		return err_alert(err, LEAT_ALERT_INTERNAL_ERROR,
			"handshake: the signature given does not fit the certificate");
	sig->n = 0;
	leat_wr_span(sig, given);
	return leat_wr_ok(sig) ? LEAT_OK : err_memory(err);
}

/* The key is elsewhere, and somebody knows where. */
static enum leat_ret ask_signer(const struct leat_config *cfg, const struct cred *cred,
	const struct leat_sign_input *in, struct leat_wr *sig, struct leat_err *err)
{
	const struct cred_signer *by = cred_signer(cred);
	enum leat_ret r = LEAT_AGAIN;
	uint8_t b[SIGNATURE_MAX];
	size_t n = 0;

	if (by->fn)
		r = by->fn(by->arg, in, b, sizeof(b), &n);
	if (r == LEAT_AGAIN)
		return r;
	if (r != LEAT_OK || n > sizeof(b))
		return err_alert(err, LEAT_ALERT_INTERNAL_ERROR,
			"handshake: whoever has the private key did not sign");
	return job_take_signature(cfg, in, cred, (struct leat_span){ b, n }, sig, err);
}

enum leat_ret job_make_signature(const struct leat_config *cfg, const struct cred *cred,
	const struct sigscheme *s, struct leat_span tbs, struct leat_wr *sig, struct leat_err *err)
{
	struct leat_sign_input in;

	if (cred_signer(cred)) {
		in = job_sign_input(cred, s, tbs);
		return ask_signer(cfg, cred, &in, sig, err);
	}
	sig->n = 0;
	if (sign_make(cfg->crypto, cred_key(cred), s, tbs, sig, err) != LEAT_OK)
		return LEAT_FAILED;
	return leat_wr_ok(sig) ? LEAT_OK : err_memory(err);
}

struct verify_in job_verify_in(const struct leat_config *cfg, struct chain *chain)
{
	return (struct verify_in){
		.chain = chain,
		.store = cfg->trust,
		.leaf_is_server = cfg->role == LEAT_CLIENT,
		.depth = cfg->depth,
		.schemes = cfg->cert_schemes.v,
		.num_schemes = cfg->cert_schemes.n,
		.only_libcrypto = !cfg->lean_verify,
		.keep = cfg->chain_cache,
		.fun = cfg->verify_fun.fn ? &cfg->verify_fun : NULL,
		.partial = cfg->partial_chain,
		.partial_arg = cfg->partial_chain_arg,
		.crl_check = cfg->crl_check,
		.crls = cfg->crls,
	};
}

/* The name that the chain is checked for, NULL where none is. */
static const char *host_of(const struct hs *h)
{
	return h->role == LEAT_CLIENT && h->c.host[0] && !h->cfg->insecure_skip_name ? h->c.host
										     : NULL;
}

/* Responses of TLS 1.2 come in a message of their own, which has its own job. A server cannot ask for one
 * there. */
static enum staple_rule staple_rule(const struct hs *h)
{
	if (h->role == LEAT_SERVER && h->version != LEAT_TLS13)
		return h->cfg->staple == STAPLE_REQUIRE ? STAPLE_REQUIRE : STAPLE_OFF;
	return h->v12.status_promised && !h->job.staple_only ? STAPLE_OFF : h->cfg->staple;
}

static enum leat_ret run_verify(struct hs *h)
{
	struct verify_in in = job_verify_in(h->cfg, h->peer_chain);
	struct walk *walk = NULL;
	enum leat_ret r;

	in.now_s = h->env->now_s(h->env->arg);
	in.host = host_of(h);
	in.staple = staple_rule(h);
	in.papers = h->papers;
	in.staple_only = h->job.staple_only;
	r = walk_verify(h->cfg->crypto, &in, &walk, h->err);
	walk_free(walk); /* LEAT_AGAIN: nobody will come with the answer, see hs_job_run */
	return r;
}

/* The peer's raw key: it is one of those that were said to be good, or it is not. */
static enum leat_ret take_raw(struct hs *h, const struct leat_span *certs, size_t num)
{
	/* RFC 8446 4.4.2: "no more than one CertificateEntry" */
	if (num != 1)
		return hs_refuse(h, LEAT_ALERT_ILLEGAL_PARAMETER,
			"certificate: more than one raw public key");
	for (unsigned i = 0; i < h->cfg->num_peer_keys; i++)
		if (leat_span_same(h->cfg->peer_keys[i], certs[0]))
			return chain_new_raw(&h->peer_chain, certs[0], h->err);
	if (h->cfg->verify == LEAT_VERIFY_NONE && !h->owner)
		return chain_new_raw(&h->peer_chain, certs[0], h->err);
	return hs_refuse(h, LEAT_ALERT_CERTIFICATE_UNKNOWN,
		"certificate: a raw public key that is not among the accepted ones");
}

enum leat_ret job_no_staple(struct hs *h)
{
	enum leat_ret r;

	if (!must_verify(h) || hs_peer_type(h) == CERT_RAW_KEY)
		return LEAT_OK;
	h->job.staple_only = true;
	r = run_verify(h);
	h->job.staple_only = false;
	return r == LEAT_AGAIN ? hs_refuse(h, LEAT_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE,
					 "ocsp: no response came, and verify_fun did not decide")
			       : r;
}

enum leat_ret hs_take_chain(struct hs *h, const struct leat_span *certs, size_t num)
{
	bool cached = must_verify(h) && h->cfg->chain_cache && !h->cfg->verify_fun.fn;

	if (hs_peer_type(h) == CERT_RAW_KEY)
		return take_raw(h, certs, num);
	return chain_get(&h->peer_chain, h->cfg->crypto, cached ? h->cfg->trust : NULL,
		h->role == LEAT_CLIENT, certs, num, h->err);
}

/* ---- lookups: the question is an object from the start ---- */

static enum leat_ret know(struct hs *h, struct leat_job *j)
{
	j->next = h->job.known;
	h->job.known = j;
	return LEAT_OK; /* what the answer means is the handler's to say */
}

static enum leat_ret run_lookup(struct hs *h)
{
	struct leat_job *j = h->job.ask;
	enum leat_ret r = leat_job_run(j);

	if (r != LEAT_OK)
		return LEAT_AGAIN;
	h->job.ask = NULL;
	return know(h, j);
}

enum leat_ret job_answer(struct hs *h)
{
	switch (h->job.kind) {
	case HS_JOB_SIGN:
		return job_make_signature(h->cfg, h->cred, hs_own_scheme(h),
			leat_wr_done(&h->job.tbs), &h->job.sig, h->err);
	case HS_JOB_VERIFY: return run_verify(h);
	default: return run_lookup(h);
	}
}

/* ---- taken away ---- */

static struct leat_job *detach_sign(const struct hs *h)
{
	struct leat_job *j = job_new(HS_JOB_SIGN, h->cfg, leat_wr_done(&h->job.tbs));

	if (!j)
		return NULL;
	j->cred = h->cred;
	j->scheme = hs_own_scheme(h);
	j->tbs = (struct leat_span){ j->b, j->n };
	return j;
}

static struct leat_job *detach_verify(const struct hs *h)
{
	const char *host = host_of(h);
	struct leat_span copy = { (const uint8_t *)host, host ? strlen(host) + 1 : 0 };
	struct leat_job *j = job_new(HS_JOB_VERIFY, h->cfg, copy);

	if (!j)
		return NULL;
	j->chain = chain_ref(h->peer_chain);
	j->host = host ? (const char *)j->b : NULL;
	j->staple = staple_rule(h);
	j->papers = papers_ref(h->papers);
	j->staple_only = h->job.staple_only;
	j->now_s = h->env->now_s(h->env->arg);
	return j;
}

static struct leat_job *detach(struct hs *h)
{
	struct leat_job *ask = h->job.ask;

	switch (h->job.kind) {
	case HS_JOB_SIGN: return detach_sign(h);
	case HS_JOB_VERIFY: return detach_verify(h);
	default: h->job.ask = NULL; return ask;
	}
}

enum leat_ret hs_job_take(struct hs *h, struct leat_job **out)
{
	*out = NULL;
	if (h->state == HS_DEAD || h->job.kind == HS_JOB_NONE || h->job.out)
		return LEAT_UNSUPPORTED;
	h->job.out = detach(h);
	if (!h->job.out)
		return LEAT_AGAIN;
	*out = leat_job_ref(h->job.out);
	return LEAT_OK;
}

bool hs_job_is_out(const struct hs *h)
{
	return h->job.out != NULL;
}

enum leat_ret job_take_answer(struct hs *h)
{
	struct leat_job *j = h->job.out;
	enum leat_ret r = j->result;

	h->job.out = NULL;
	if (j->kind > LEAT_JOB_VERIFY)
		return know(h, j);
	if (r != LEAT_OK)
		*h->err = j->err;
	leat_wr_clear(&h->job.sig);
	h->job.sig = j->got;
	j->got = (struct leat_wr){ 0 };
	leat_job_unref(j);
	return r;
}

void job_clear(struct hs_job *j)
{
	lookup_forget(j);
	leat_job_unref(j->ask);
	j->ask = NULL;
	leat_wr_clear(&j->tbs);
	leat_wr_clear(&j->sig);
	job_drop(j->out);
	j->out = NULL;
	j->staple_only = false;
	j->kind = HS_JOB_NONE;
	j->resume = NULL;
}
