/* SPDX-License-Identifier: Apache-2.0
 *
 * job.h - the slow work of a handshake, taken away from the engine that needs it: a signature, the
 * validation of a chain, a lookup. leat_engine_job_take (engine.h) hands one out; it is then an
 * object of its own, reference counted, that owns all it needs and knows nothing of the engine any
 * more.
 *
 *	engine's thread                          any thread, any time
 *	LEAT_WANT_JOB
 *	leat_engine_job_take(e, &job)  ------->  leat_job_run(job)            does it there, or
 *	LEAT_JOB_IS_OUT                          leat_job_sign_answer(job, ..) answers it by hand
 *	leat_engine_job_done(e, job)   <-------  (tell the engine's thread: an eventfd, a queue)
 *	the handshake goes on
 *	leat_job_unref(job)                      leat_job_unref(job)
 *
 * What may happen meanwhile: the engine dies or is freed. Then the answer interests nobody: the
 * job lives until its last reference goes, leat_job_is_dropped says so to a worker that has not
 * begun yet, and leat_engine_job_done on another engine refuses. Deadlines are the driver's: it
 * frees the engine.
 *
 * A job is answered once. All functions may be called by any thread at any time; of several that
 * run or answer the same job at once one does it and the others get LEAT_UNSUPPORTED.
 */
#ifndef LEAT_JOB_H
#define LEAT_JOB_H

#include <leat/config.h>
#include <leat/types.h>
#include <leat/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_job;

enum leat_job_kind {
	LEAT_JOB_NONE = 0,
	LEAT_JOB_SIGN,   /* a signature by the private key of one of our certificates */
	LEAT_JOB_VERIFY, /* is the peer's chain to be believed? */
	/* Lookups of a server, while a ClientHello is handled: see leat_config_set_lookup_jobs. */
	LEAT_JOB_SESSION, /* what a session store keeps under an id */
	LEAT_JOB_TICKET,  /* a ticket is to be opened */
	LEAT_JOB_PSK,     /* which key belongs to an identity */
	LEAT_JOB_SNI,     /* which config serves a name */
	LEAT_JOB_REUSE,   /* is a session to be resumed? leat_config_set_reuse_session */
};

/* leat_job_ref adds a reference and returns its argument. */
LEAT_API struct leat_job *leat_job_ref(struct leat_job *j);
/* leat_job_unref drops a reference; the last one wipes and frees. NULL is fine. Never waits for
 * another thread that runs the job: that one holds a reference of its own. */
LEAT_API void leat_job_unref(struct leat_job *j);

/* leat_job_kind returns what the job is about; never LEAT_JOB_NONE. */
LEAT_API enum leat_job_kind leat_job_kind(const struct leat_job *j);
/* leat_job_is_answered tells whether leat_engine_job_done can go on with it. */
LEAT_API bool leat_job_is_answered(const struct leat_job *j);
/* leat_job_is_dropped tells whether the engine that asked is dead or freed: the work can be saved. */
LEAT_API bool leat_job_is_dropped(const struct leat_job *j);

/* leat_job_run does the job here and now, on the calling thread; it may take milliseconds (RSA, a
 * long chain), or as long as the callback of the config that it asks: the store's find, the PSK
 * lookup, the SNI callback, the signer of an external key. LEAT_OK: it is answered, well or badly:
 * the engine will know. LEAT_AGAIN: it cannot be done here and now (there is no callback, or it
 * said so), it stays open and can be run again or answered by hand (below). LEAT_UNSUPPORTED: it
 * is answered already, another thread is at it, or it was dropped; nothing happened. The job's
 * memory stays valid until the caller's reference is dropped, whatever the result. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_run(struct leat_job *j);
/* leat_job_refuse answers a job with no. A signature, a chain, a name (LEAT_JOB_SNI): the
 * handshake ends with this alert (0: the usual one: internal_error, certificate_unknown,
 * unrecognized_name). Another lookup: there is nothing, and the handshake goes on without; alert
 * is not used. LEAT_OK: it is answered. LEAT_UNSUPPORTED as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_refuse(struct leat_job *j, enum leat_alert alert);

/* ---- signatures by hand ---- */

/* leat_job_sign_input fills out for a job of LEAT_JOB_SIGN; everything in it is borrowed from the
 * job, valid as long as the caller's reference. LEAT_UNSUPPORTED: another kind of job; *out is
 * zero. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_sign_input(
	const struct leat_job *j, struct leat_sign_input *out);
/* leat_job_sign_answer gives the signature (copied): as it stands in CertificateVerify, which for
 * ECDSA is the DER form. It is checked against the certificate here (0.1 ms): a wrong one is
 * answered as internal_error and never reaches the peer, because a faulty RSA signature can give
 * the key away. LEAT_OK: answered with it. LEAT_FAILED: answered, but the signature is wrong or
 * there is no memory. LEAT_UNSUPPORTED: another kind of job, or as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_sign_answer(
	struct leat_job *j, struct leat_span signature);

/* ---- a verify_fun's answers by hand (leat/verify.h) ---- */

/* leat_job_verify_event fills out with the event that the config's verify_fun answered with
 * LEAT_VERDICT_LATER; what it borrows is valid as long as the job is not answered and the caller has a
 * reference. LEAT_UNSUPPORTED: no event waits (the job was not run yet, or is not of LEAT_JOB_VERIFY), or
 * as by leat_job_run; *out is zero. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_verify_event(
	struct leat_job *j, struct leat_cert_event *out);
/* leat_job_verify_answer answers the event of this number, and goes on: the verify_fun is asked for the
 * following ones, on the calling thread. reason: for LEAT_VERDICT_FAIL, as of leat_verify_fn. LEAT_OK: the
 * job is answered, well or badly. LEAT_AGAIN: a later event waits now. LEAT_UNSUPPORTED: another event
 * waits, or none (somebody answered before), the verdict is LEAT_VERDICT_LATER, or as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_verify_answer(
	struct leat_job *j, unsigned number, enum leat_verdict verdict, enum leat_bad_cert reason);

/* ---- lookups by hand ---- */

/* What is looked up. */
struct leat_lookup_input {
	struct leat_span id;      /* id in the store, ticket, PSK identity, host name */
	struct leat_span context; /* LEAT_JOB_PSK: as in struct leat_psk_query */
	bool imported;            /* LEAT_JOB_PSK: as in struct leat_psk_query */
	bool take; /* LEAT_JOB_SESSION: as in struct leat_store_ops: also remove it, one gets it */
	int64_t now_s;
};
/* leat_job_lookup_input fills out for the four kinds of lookups; spans are borrowed from the job,
 * valid as long as the caller's reference. LEAT_UNSUPPORTED: another kind of job; *out is zero. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_lookup_input(
	const struct leat_job *j, struct leat_lookup_input *out);
/* leat_job_session_answer: the bytes that put was given (LEAT_JOB_SESSION), or that were sealed in
 * the ticket (LEAT_JOB_TICKET); copied. Bytes that are no session, or an expired one, count as
 * nothing. LEAT_OK: answered. LEAT_FAILED: answered with nothing, for want of memory.
 * LEAT_UNSUPPORTED: another kind of job, or as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_session_answer(
	struct leat_job *j, struct leat_span bytes);
/* leat_job_psk_answer: the key of that identity; secret is copied, identity and context are not
 * read. Results as leat_job_session_answer. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_psk_answer(
	struct leat_job *j, const struct leat_psk *psk);
/* leat_job_reuse_offer fills out for a job of LEAT_JOB_REUSE; spans are borrowed from the job, valid as
 * long as the caller's reference. LEAT_UNSUPPORTED: another kind of job; *out is zero. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_reuse_offer(
	const struct leat_job *j, struct leat_session_offer *out);
/* leat_job_reuse_answer says whether that session is resumed. LEAT_OK: answered. LEAT_UNSUPPORTED:
 * another kind of job, or as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_reuse_answer(struct leat_job *j, bool reuse);
/* leat_job_sni_answer: the config to go on with (frozen, of a server; referenced), or NULL: the
 * one there is. LEAT_OK: answered. LEAT_FAILED: answered with internal_error, cfg is not a frozen
 * server's. LEAT_UNSUPPORTED: another kind of job, or as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_sni_answer(
	struct leat_job *j, struct leat_config *cfg);

#ifdef __cplusplus
}
#endif
#endif
