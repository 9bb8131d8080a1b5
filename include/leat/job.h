/* SPDX-License-Identifier: Apache-2.0
 *
 * job.h - the slow work of a handshake, taken away from the engine that needs it: a signature, the
 * validation of a chain. leat_engine_job_take (engine.h) hands one out; it is then an object of its own,
 * reference counted, that owns all it needs and knows nothing of the engine any more.
 *
 *	engine's thread                          any thread, any time
 *	LEAT_WANT_JOB
 *	leat_engine_job_take(e, &job)  ------->  leat_job_run(job)            does it there, or
 *	LEAT_JOB_IS_OUT                          leat_job_sign_answer(job, ..) answers it by hand
 *	leat_engine_job_done(e, job)   <-------  (tell the engine's thread: an eventfd, a queue)
 *	the handshake goes on
 *	leat_job_unref(job)                      leat_job_unref(job)
 *
 * What may happen meanwhile: the engine dies or is freed. Then the answer interests nobody: the job lives
 * until its last reference goes, leat_job_is_dropped says so to a worker that has not begun yet, and
 * leat_engine_job_done on another engine refuses. Deadlines are the driver's: it frees the engine.
 *
 * A job is answered once. All functions may be called by any thread at any time; of several that run or
 * answer the same job at once one does it and the others get LEAT_UNSUPPORTED.
 */
#ifndef LEAT_JOB_H
#define LEAT_JOB_H

#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_job;

enum leat_job_kind {
	LEAT_JOB_NONE = 0,
	LEAT_JOB_SIGN,   /* a signature by the private key of one of our certificates */
	LEAT_JOB_VERIFY, /* is the peer's chain to be believed? */
};

/* leat_job_ref adds a reference and returns its argument. */
LEAT_API struct leat_job *leat_job_ref(struct leat_job *j);
/* leat_job_unref drops a reference; the last one wipes and frees. NULL is fine. Never waits for another
 * thread that runs the job: that one holds a reference of its own. */
LEAT_API void leat_job_unref(struct leat_job *j);

/* leat_job_kind returns what the job is about; never LEAT_JOB_NONE. */
LEAT_API enum leat_job_kind leat_job_kind(const struct leat_job *j);
/* leat_job_is_answered tells whether leat_engine_job_done can go on with it. */
LEAT_API bool leat_job_is_answered(const struct leat_job *j);
/* leat_job_is_dropped tells whether the engine that asked is dead or freed: the work can be saved. */
LEAT_API bool leat_job_is_dropped(const struct leat_job *j);

/* leat_job_run does the job here and now, on the calling thread; it may take milliseconds (RSA, a long
 * chain). LEAT_OK: it is answered, well or badly: the engine will know. LEAT_AGAIN: it cannot be done
 * here, it stays open and can be answered by hand (below). LEAT_UNSUPPORTED: it is answered already,
 * another thread is at it, or it was dropped; nothing happened. The job's memory stays valid until the
 * caller's reference is dropped, whatever the result. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_run(struct leat_job *j);
/* leat_job_refuse answers a job with no: the handshake ends with this alert (0: the usual one:
 * internal_error for a signature, certificate_unknown for a chain). LEAT_OK: it is answered.
 * LEAT_UNSUPPORTED as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_refuse(struct leat_job *j, enum leat_alert alert);

/* What is to be signed, and how. */
struct leat_sign_input {
	uint16_t scheme;         /* IANA number of the SignatureScheme: 0x0403, 0x0804, ... */
	const char *scheme_name; /* its RFC name, static: "ecdsa_secp256r1_sha256" */
	struct leat_span tbs;    /* the message; not hashed yet */
	struct leat_span cert;   /* the certificate whose key signs, DER: tells which key */
};
/* leat_job_sign_input fills out for a job of LEAT_JOB_SIGN; everything in it is borrowed from the job,
 * valid as long as the caller's reference. LEAT_UNSUPPORTED: another kind of job; *out is zero. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_sign_input(
	const struct leat_job *j, struct leat_sign_input *out);
/* leat_job_sign_answer gives the signature (copied): as it stands in CertificateVerify, which for ECDSA is
 * the DER form. It is checked against the certificate here (0.1 ms): a wrong one is answered as
 * internal_error and never reaches the peer, because a faulty RSA signature can give the key away. LEAT_OK:
 * answered with it. LEAT_FAILED: answered, but the signature is wrong or there is no memory.
 * LEAT_UNSUPPORTED: another kind of job, or as by leat_job_run. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_job_sign_answer(
	struct leat_job *j, struct leat_span signature);

#ifdef __cplusplus
}
#endif
#endif
