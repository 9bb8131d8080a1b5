/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.h - the application's say in who is believed: a function that is told every certificate of the
 * peer's path and everything that is wrong with it (the manual's verify_fun), and one that claims an
 * intermediate as trusted (partial_chain). Without them chains are judged as docs/certificates.md says.
 *
 * What is told, in this order, from the root's end of the path down to the peer's own certificate
 * (RFC 5280 6.1 walks the same way); for each certificate
 *
 *	LEAT_CERT_BAD         for each thing wrong with it
 *	LEAT_CERT_EXTENSION   for each extension that is not known here
 *	LEAT_CERT_VALID       it passed, or what was wrong was accepted; LEAT_CERT_VALID_PEER at the end
 *
 * The first answer that is LEAT_VERDICT_FAIL ends it: one alert, nothing is told any more. The whole path
 * is judged before anything is told, so answers change what is believed, not what is checked.
 *
 * Not told: raw public keys (RFC 7250: there is no path; leat_config_add_peer_key decides), resumed
 * sessions and external PSKs (no certificate comes), a message that holds no certificates at all.
 */
#ifndef LEAT_VERIFY_H
#define LEAT_VERIFY_H

#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_config;

/* What can be wrong with a certificate. The names in comments are those of the manual and of
 * public_key:pkix_path_validation/3, which leat_bad_cert_name returns. */
enum leat_bad_cert {
	LEAT_BAD_APPLICATION = 0,         /* a reason of the application's own */
	LEAT_BAD_UNKNOWN_CA,              /* unknown_ca: no trusted issuer was found */
	LEAT_BAD_SELFSIGNED_PEER,         /* selfsigned_peer: one certificate, signed by itself */
	LEAT_BAD_CERT_EXPIRED,            /* cert_expired: or not valid yet */
	LEAT_BAD_INVALID_ISSUER,          /* invalid_issuer: may not issue certificates */
	LEAT_BAD_INVALID_SIGNATURE,       /* invalid_signature */
	LEAT_BAD_NAME_NOT_PERMITTED,      /* name_not_permitted: by a CA's name constraints */
	LEAT_BAD_BASIC_CONSTRAINT,        /* missing_basic_constraint: an issuer that is no CA */
	LEAT_BAD_KEY_USAGE,               /* invalid_key_usage */
	LEAT_BAD_EXT_KEY_USAGE,           /* invalid_ext_key_usage: not meant for this role */
	LEAT_BAD_REVOKED,                 /* revoked: crl_reason says why */
	LEAT_BAD_REVOCATION_UNDETERMINED, /* revocation_status_undetermined */
	LEAT_BAD_PATH_LENGTH,             /* max_path_length_reached: depth, pathLenConstraint */
	LEAT_BAD_HOSTNAME,                /* hostname_check_failed */
	LEAT_BAD_POLICY,                  /* explicit_policy_required: or a policy that is broken */
	LEAT_BAD_WEAK,                    /* insufficient_security: hash or key below 112 bits */
	LEAT_BAD_SIGNATURE_ALGORITHM,     /* unsupported_signature: not of signature_algs_cert */
	LEAT_BAD_CRITICAL_EXTENSION,      /* unknown_critical_extension */
	LEAT_BAD_OTHER,                   /* invalid_certificate: malformed, or else unfit */
	LEAT_BAD_COUNT
};

/* CRLReason, RFC 5280 5.3.1 (also of OCSP responses, RFC 6960 4.2.1). */
enum leat_crl_reason {
	LEAT_CRL_UNSPECIFIED = 0,
	LEAT_CRL_KEY_COMPROMISE = 1,
	LEAT_CRL_CA_COMPROMISE = 2,
	LEAT_CRL_AFFILIATION_CHANGED = 3,
	LEAT_CRL_SUPERSEDED = 4,
	LEAT_CRL_CESSATION_OF_OPERATION = 5,
	LEAT_CRL_CERTIFICATE_HOLD = 6,
	LEAT_CRL_REMOVE_FROM_CRL = 8,
	LEAT_CRL_PRIVILEGE_WITHDRAWN = 9,
	LEAT_CRL_AA_COMPROMISE = 10,
};

/* leat_bad_cert_name returns the manual's name of a reason ("cert_expired"), static; "application" for
 * LEAT_BAD_APPLICATION and for numbers without a name. Any thread. */
LEAT_API const char *leat_bad_cert_name(enum leat_bad_cert reason);
/* leat_crl_reason_name returns the RFC's name ("keyCompromise"), static; "unspecified" for numbers
 * without one. Any thread. */
LEAT_API const char *leat_crl_reason_name(enum leat_crl_reason reason);

enum leat_cert_event_kind {
	LEAT_CERT_BAD = 0,
	LEAT_CERT_EXTENSION,
	LEAT_CERT_VALID,     /* a CA of the path, the trust anchor included */
	LEAT_CERT_VALID_PEER /* the peer's own */
};

/* One thing that is told. Everything in it is borrowed for the call. */
struct leat_cert_event {
	enum leat_cert_event_kind kind;
	unsigned number; /* counts the events of a validation from 0; asked again it stays */
	unsigned depth;  /* 0: the peer's own certificate, 1: its issuer, ... */
	/* A certificate of the store, or the one that partial_chain claimed. RFC 5280 does not count
	 * anchors to the path, nor does Erlang tell them. */
	bool is_anchor;
	struct leat_span der; /* the certificate, byte for byte as it came */
	/* LEAT_CERT_BAD */
	enum leat_bad_cert reason;
	enum leat_crl_reason crl_reason; /* LEAT_BAD_REVOKED */
	enum leat_alert alert;           /* what the peer will be sent */
	const char *what;                /* a sentence, static: "certificate: expired" */
	const char *detail;              /* "depth 1, subject CN=..., since 2026-..." */
	/* LEAT_CERT_EXTENSION */
	bool critical;
	struct leat_span oid;   /* DER content octets of the object identifier */
	struct leat_span value; /* inside the OCTET STRING */
};

enum leat_verdict {
	LEAT_VERDICT_FAIL = 0, /* no: the handshake ends with an alert */
	LEAT_VERDICT_VALID,    /* yes: what was wrong is accepted, the extension was understood */
	/* An extension that the application does not know either: fine unless it is critical. Of
	 * LEAT_CERT_BAD it is no, of the valid ones yes. */
	LEAT_VERDICT_UNKNOWN,
	/* Not now: see leat_verify_fn. */
	LEAT_VERDICT_LATER,
};

/* Answers one event. state is that of this validation (struct leat_verify_fun) and may be changed. *reason
 * holds the event's reason (LEAT_BAD_APPLICATION where it has none); with LEAT_VERDICT_FAIL it chooses
 * the alert: the event's own (ev->alert) where it is left as it is, else by the table of leat_verify_fun(3);
 * LEAT_BAD_APPLICATION is handshake_failure.
 *
 * Called by whoever runs the job (leat/job.h): the thread of the connection, which the function may block,
 * unless the program takes jobs away to threads of its own. One validation calls it on one thread at a
 * time; several validations may be under way at once. It must not free the engine or connection that it
 * is called for; to end the handshake it answers LEAT_VERDICT_FAIL.
 *
 * LEAT_VERDICT_LATER is for programs that take jobs away: the job stays open. leat_job_run asks the same
 * event again, leat_job_verify_answer answers it, on any thread. Where the engine does its jobs itself
 * (every struct leat_conn) nobody could answer later, and the handshake ends with internal_error. */
typedef enum leat_verdict leat_verify_fn(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason);

struct leat_verify_fun {
	leat_verify_fn *fn;
	void *state; /* the initial state; borrowed for the life of the config */
	/* Makes the state of one validation from the initial one; NULL: out of memory. Without a clone
	 * function all validations are given `state` itself, on several threads where handshakes are. */
	void *(*clone)(const void *state);
	/* Ends what clone made, however the validation ended, on the thread that ended it; may be NULL. */
	void (*free)(void *state);
};

/* leat_config_set_verify_fun makes *f (copied) judge what is told; NULL: nobody again. On a client it is
 * asked with verify_none too, and decides alone. Trust anchors are no longer demanded by the freeze.
 * Chains are then neither believed by lean_verify nor by chain_cache. Sessions that began under a config
 * with such a function are resumed under configs with one only; which function it is cannot be told, so
 * configs with different ones should not share ticket keys or a store. LEAT_E_OPTION: f->fn is NULL, or
 * free without clone; LEAT_E_MISUSE: frozen. The config is then unchanged. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_verify_fun(
	struct leat_config *c, const struct leat_verify_fun *f, struct leat_err *err);

/* leat_verify_default_peer is what the manual's verify_peer answers: no to LEAT_CERT_BAD, unknown to an
 * extension, yes to the others; state is not used. For a leat_verify_fn that passes on what does not
 * concern it. A config with this function refuses what it refuses without one, but the alert is that of
 * the fault nearest to the root. Any thread. */
LEAT_API enum leat_verdict leat_verify_default_peer(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason);
/* leat_verify_default_none is what verify_none answers: yes to everything, to critical extensions too;
 * unknown to others. It believes anybody. Any thread. */
LEAT_API enum leat_verdict leat_verify_default_none(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason);

/* Claims a certificate of the peer's chain as trusted. chain: what came, leaf first, num of them, borrowed
 * for the call. LEAT_OK with *trusted an index from 1 to num - 1: the path is judged anew with this one as
 * the only anchor. LEAT_AGAIN: not now, as LEAT_VERDICT_LATER; leat_job_run asks again. Anything else, an
 * index out of range too: unknown_ca. Threads as leat_verify_fn. */
typedef enum leat_ret leat_partial_chain_fn(
	void *arg, const struct leat_span *chain, size_t num, size_t *trusted);
/* leat_config_set_partial_chain asks fn where no path to a valid trusted root is found (unknown_ca, or the
 * root expired), before a verify_fun is told anything; NULL: nobody. arg is borrowed for the life of the
 * config. Not asked with verify_none unless there is a verify_fun. Trust anchors are no longer demanded by
 * the freeze. Sessions: as with leat_config_set_verify_fun. LEAT_E_MISUSE: frozen. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_partial_chain(
	struct leat_config *c, leat_partial_chain_fn *fn, void *arg, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif
