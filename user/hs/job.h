/* SPDX-License-Identifier: Apache-2.0
 *
 * hs/job.h - struct leat_job, the job that was taken away from its machine, for the files of hs/ only.
 * What it does is public: leat/job.h. job.c starts jobs and runs signatures and chains inline without ever
 * making one of these; job_out.c makes, runs and answers them; job_lookup.c is the lookups' part of that.
 *
 * Ownership: everything a job needs is copied into its one block (bytes) or referenced (config, chain).
 * It never points into a machine, a message or an engine. A new input of a job goes here as well as into
 * struct hs_job, or a worker reads freed memory: t_jobs frees the engine first.
 *
 * Threads: phase is the only word that threads share. Who moves it from OPEN to BUSY owns the answer
 * (result and what follows it) until it stores DONE; the machine reads them after it has seen DONE.
 */
#ifndef LEAT_HS_JOB_H
#define LEAT_HS_JOB_H

#include <stdatomic.h>

#include "hs/hs_int.h"
#include "x509/walk.h"

enum job_phase { JOB_OPEN = 0, JOB_BUSY, JOB_DONE };

struct leat_job {
	atomic_uint refs;
	atomic_int phase;    /* enum job_phase */
	atomic_bool dropped; /* the machine is gone */
	enum leat_job_kind kind;
	struct leat_config
		*cfg; /* referenced: it holds cred, the trust store and libcrypto's objects */

	/* SIGN */
	const struct cred *cred;
	const struct sigscheme *scheme;
	struct leat_span tbs; /* in b */
	/* VERIFY */
	struct chain *chain; /* referenced */
	const char *host;    /* in b; NULL: not checked */
	struct walk *walk;   /* between two events of the application's verify_fun; owned */
	int64_t now_s;
	/* SESSION, TICKET, PSK, SNI */
	struct leat_span id, context; /* in b */
	bool imported, take;
	enum staple_rule staple;
	struct papers *papers; /* referenced; NULL: none came */
	bool staple_only;

	/* the answer */
	enum leat_ret result; /* LEAT_OK, LEAT_UNSUPPORTED of a lookup: nothing; LEAT_FAILED: err */
	struct leat_err err;
	struct leat_wr got;         /* signature, serialised session, PSK */
	bool sha384;                /* PSK */
	bool renew;                 /* TICKET */
	struct leat_config *config; /* SNI: referenced, or NULL */
	struct leat_job *next;      /* answered lookups of one message: the machine's list */

	size_t n;
	uint8_t b[];
};

struct leat_sign_input job_sign_input(
	const struct cred *cred, const struct sigscheme *s, struct leat_span tbs);
/* A signature made elsewhere becomes *sig if it is right. LEAT_FAILED with the error. */
LEAT_MUST_CHECK enum leat_ret job_take_signature(const struct leat_config *cfg,
	const struct leat_sign_input *in, const struct cred *cred, struct leat_span given,
	struct leat_wr *sig, struct leat_err *err);

/* The work itself, the same here and there. LEAT_AGAIN: the key is elsewhere, and not to be had now. */
LEAT_MUST_CHECK enum leat_ret job_make_signature(const struct leat_config *cfg,
	const struct cred *cred, const struct sigscheme *s, struct leat_span tbs,
	struct leat_wr *sig, struct leat_err *err);
/* host, now_s and what is about OCSP responses are the caller's to set; the rest comes from the config. */
struct verify_in job_verify_in(const struct leat_config *cfg, struct chain *chain);

/* One reference, with a copy of these bytes in b; NULL without memory. */
struct leat_job *job_new(enum hs_job_kind kind, struct leat_config *cfg, struct leat_span copy);
/* Answering: claim, fill in, settle. false: somebody else has it, or nobody wants it. */
bool job_claim(struct leat_job *j);
enum leat_ret job_settle(struct leat_job *j, enum leat_ret result); /* always LEAT_OK */
/* It cannot be answered now after all. */
enum leat_ret job_reopen(struct leat_job *j); /* always LEAT_AGAIN */
/* job_verify.c: the claimed job of LEAT_JOB_VERIFY, as far as its functions have answers. */
enum leat_ret job_do_verify(struct leat_job *j);
/* job_lookup.c: the claimed lookup's answer by the config's callback. */
enum leat_ret job_do_lookup(struct leat_job *j);

/* The machine has no use for the answer any more: drops its reference. NULL is fine. */
void job_drop(struct leat_job *j);

#endif
