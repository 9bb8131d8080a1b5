/* SPDX-License-Identifier: Apache-2.0
 *
 * hs.h - the handshake machine as its caller (engine/) sees it: record payloads in, messages and keys
 * out through a sink, jobs for everything slow. No I/O, no record protection, no clock of its own.
 *
 * Life: hs_new, hs_start, then hs_record for every handshake or change_cipher_spec payload until
 * hs_is_up. Afterwards hs_finish moves what must live on into a struct hs_post and the machine is
 * freed; post-handshake messages go to post_record (post.h).
 *
 * One failure ends it: the error is in *err given to hs_new, alert included; nothing was half-applied.
 */
#ifndef LEAT_HS_HS_H
#define LEAT_HS_HS_H

#include <leat/job.h>

#include "base/limits.h"
#include "base/wr.h"
#include "config/config.h"
#include "crypto/aead.h"
#include "x509/chain.h"
#include "x509/papers.h"

struct hs;
struct session_ticket;

/* Key levels, RFC 8446 appendix A notation K_{send,recv}. TLS 1.2 uses plain and app. */
enum hs_level { LV_PLAIN = 0, LV_EARLY, LV_HANDSHAKE, LV_APP, LV_COUNT };

/* Record content types that matter here. */
enum rec_type {
	REC_CCS = 20,
	REC_ALERT = 21,
	REC_HANDSHAKE = 22,
	REC_DATA = 23,
};

/* What the machine does to the outside, in the order of the calls. Implemented by engine/. */
struct hs_sink {
	/* Queue one whole handshake message (4-byte header included) under the current write keys. */
	enum leat_ret (*send)(void *arg, struct leat_span msg);
	/* Queue a change_cipher_spec record, in cleartext whatever write keys are in use: middlebox
	 * compatibility (RFC 8446 D.4; the client's comes after its handshake keys were set, so that
	 * an alert between is protected), or the real one of TLS 1.2. */
	enum leat_ret (*send_ccs)(void *arg);
	/* From the next record on, dir uses these keys; NULL with LV_PLAIN: none any more (a client whose
	 * early data ended with a HelloRetryRequest writes in clear again). For RX the call comes while the last record
	 * under the old keys is being processed: the engine checks that no byte follows in it.
	 * secret is the traffic secret (TLS 1.3; kept for KeyUpdate) or empty. */
	enum leat_ret (*keys)(void *arg, enum leat_dir dir, enum hs_level level,
		const struct traffic_keys *keys, const struct leat_secret *secret);
	/* A ticket came after a TLS 1.3 handshake; borrowed. NULL: tickets are not wanted. */
	enum leat_ret (*ticket)(void *arg, const struct session_ticket *t);
	/* Records of dir under handshake or application keys hold at most max bytes of content and padding
	 * from now on; with clear_too those in cleartext too. NULL: it does not matter. */
	void (*limit)(void *arg, enum leat_dir dir, uint16_t max, bool clear_too);
	/* A client has a session of TLS 1.2; the receiver owns it. NULL: sessions are not wanted. */
	void (*session)(void *arg, struct leat_session *s);
	/* The version is decided: record limits and header versions follow it. */
	void (*version)(void *arg, uint16_t version);
	/* Server: the name asked for has a config of its own; borrowed. May be NULL. */
	void (*config)(void *arg, struct leat_config *cfg);
	void *arg;
};

/* Work that may take long or need another place: the machine stops (LEAT_AGAIN) until it is done.
 * hs_job_run does it here and now; hs_job_take hands it out as an object of its own (hs/job.h), and
 * hs_job_done goes on with its answer. A machine freed with a job out just forgets it. */
enum hs_job_kind {
	HS_JOB_NONE = LEAT_JOB_NONE,
	HS_JOB_SIGN = LEAT_JOB_SIGN,
	HS_JOB_VERIFY = LEAT_JOB_VERIFY,
	HS_JOB_SESSION = LEAT_JOB_SESSION,
	HS_JOB_TICKET = LEAT_JOB_TICKET,
	HS_JOB_PSK = LEAT_JOB_PSK,
	HS_JOB_SNI = LEAT_JOB_SNI,
	HS_JOB_REUSE = LEAT_JOB_REUSE,
};

/* host: client: the name for SNI and the host check (DNS name or IP literal), NULL for none. Server:
 * NULL. cfg is referenced, env, sink and err are borrowed for the machine's life. */
LEAT_MUST_CHECK enum leat_ret hs_new(struct hs **out, struct leat_config *cfg, const char *host,
	const struct leat_env *env, const struct hs_sink *sink, struct leat_err *err);
void hs_free(struct hs *h); /* wipes; NULL is fine */

/* Client, before hs_start: offer this session (referenced) where the config and the host allow it, and
 * with early announce early data where the session allows it. */
void hs_offer(struct hs *h, struct leat_session *s, bool early);

/* Client: sends ClientHello. Server: nothing. */
LEAT_MUST_CHECK enum leat_ret hs_start(struct hs *h);

/* One record payload of type REC_HANDSHAKE or REC_CCS that arrived under `level` (a TLS 1.3 REC_CCS is a
 * cleartext record; a protected one is refused by the record layer, RFC 8446 5). Fragments are put
 * together inside. LEAT_AGAIN: a job is waiting; the payload was taken all the same, what follows the
 * current message in it is processed by hs_job_run. */
LEAT_MUST_CHECK enum leat_ret hs_record(
	struct hs *h, enum rec_type type, enum hs_level level, struct leat_span payload);
/* A message is partly received: no other record type may come now (RFC 8446 5.1). */
bool hs_is_mid_message(const struct hs *h);

enum hs_job_kind hs_job(const struct hs *h); /* waiting or out */
bool hs_job_is_out(const struct hs *h);
/* Runs the waiting job inline and goes on, like hs_record. Out: goes on if it was answered. */
LEAT_MUST_CHECK enum leat_ret hs_job_run(struct hs *h);
/* As leat_engine_job_take and leat_engine_job_done. */
LEAT_MUST_CHECK enum leat_ret hs_job_take(struct hs *h, struct leat_job **out);
LEAT_MUST_CHECK enum leat_ret hs_job_done(struct hs *h, struct leat_job *j);

/* What became of early data, both sides. */
enum hs_early {
	HS_EARLY_NONE = 0,
	HS_EARLY_OFFERED, /* client: not answered yet */
	HS_EARLY_ACCEPTED,
	HS_EARLY_REJECTED,
};
enum hs_early hs_early(const struct hs *h);
/* Bytes of early data the session allows. */
uint32_t hs_early_max(const struct hs *h);

/* Server: the ClientHello just answered announced early data, which we do not take. RFC 8446 4.2.10: the
 * engine then skips records of type application_data that it cannot open, up to LIM_EARLY_SKIP bytes
 * in all (after a HelloRetryRequest no read keys are set: every such record). False again as soon as
 * the next handshake message is seen. */
bool hs_early_rejected(const struct hs *h);

bool hs_is_up(const struct hs *h); /* both Finished seen: application data may flow both ways */
bool hs_may_send(
	const struct hs *h); /* application data may be sent (server: after its Finished) */
const char *hs_state_name(const struct hs *h);
const char *hs_last_state_name(const struct hs *h); /* of a dead one that it died in */

/* What was negotiated; spans are borrowed from the machine, zero where not (yet) known. */
struct hs_facts {
	uint16_t version;
	const struct suite *suite;
	const struct group *group;
	const struct sigscheme *scheme;        /* of the server's signature */
	const struct sigscheme *client_scheme; /* of the client's; NULL: it showed no certificate */
	struct leat_span alpn;
	struct leat_span sni;     /* host name the client asked for */
	bool sni_known;           /* server: one of ours: a config or certificate is for it */
	struct chain *peer_chain; /* NULL: the peer sent none; borrowed, chain_ref to keep it */
	const struct cred *cred;  /* ours, if we sent certificates; held by the config */
	/* SHA-256 of the leaf that the session began with: resumed only, empty where it had none */
	struct leat_span peer_hash;
	struct papers *papers; /* what came with it; NULL: nothing; borrowed */
	/* the server's Certificate and the client's went packed; NULL: plain */
	const struct zip *packed_by, *client_packed_by;
	bool resumed, retried, extended_master;
	bool external_psk; /* both sides knew a key from elsewhere */
	int64_t auth_s;    /* when certificates were last looked at: now, unless resumed */
	/* server, TLS 1.2: the id under which the session is in the store; empty: it is not there */
	struct leat_span stored_id;
};
void hs_facts(const struct hs *h, struct hs_facts *out);

/* What a session keeps of what its client showed: the certificate, where somebody will ask for it. */
struct leat_span hs_kept_cert(const struct leat_config *cfg, const struct chain *ch);

/* early_exporter_master_secret (RFC 8446 7.5) and the hash of its session. On the heap: few connections have
 * early data. */
struct hs_early_exporter {
	enum hash_id hash;
	struct leat_secret secret;
};
/* While the handshake lasts; NULL without early data. */
const struct hs_early_exporter *hs_early_exporter(const struct hs *h);

/* Where traffic secrets stand whose record keys are the kernel's, so that new ones can be made of them: memory of
 * the driver's choice (ktls/vault.h). A wiping type: put() wipes. */
struct hs_slot {
	void (*put)(struct hs_slot *s);
	struct leat_secret by_dir[2]; /* by enum leat_dir; empty: that direction's is not here */
};

/* What must live on after the handshake, all that post-handshake messages need. Wiping type. */
struct hs_post {
	uint16_t version;
	uint8_t role; /* enum leat_role */
	const struct suite *suite;
	struct leat_secret rx, tx; /* TLS 1.3: application_traffic_secret_N by direction */
	struct hs_slot *slot; /* TLS 1.3: the same of directions that are the kernel's, or NULL */
	struct leat_secret resumption; /* TLS 1.3: resumption_master_secret */
	struct leat_secret exporter;   /* 1.3: exporter_master_secret; 1.2: master_secret */
	struct hs_early_exporter *early_exporter; /* 1.3: where early data was accepted; owned */
	uint8_t client_random[32], server_random[32]; /* TLS 1.2: keys and exporters need them */
	uint8_t unique[12];      /* TLS 1.2: verify_data of the first Finished (tls-unique) */
	bool ems;                /* TLS 1.2: extended master secret */
	uint32_t updates[2];     /* TLS 1.3: KeyUpdates so far, by enum leat_dir */
	struct leat_wr partial;  /* post-handshake message under reassembly */
	uint32_t key_updates_in; /* messages since the last application data (flood limit): the
				  * engine sets it to 0 when application data arrives */
	struct post_auth *auth;  /* TLS 1.3: NULL where authentication after it was not offered */
	bool wants_tickets;      /* server, TLS 1.3: the client can resume with a ticket of ours */
	uint8_t num_tickets;     /* of them sent; the next one's nonce */
	bool answered; /* a KeyUpdate answer went out: the engine sets it to false when it seals
			* application data, until then further requests need no further answer */
};
void hs_finish(struct hs *h, struct hs_post *out); /* hs_is_up must be true */
void hs_post_clear(struct hs_post *p);

/* post_rest.c. The same at rest, no longer than its secrets are. A wiping type. */
struct hs_kept;
/* Moves all of *p, which is zero then. logged: a key log will name new secrets. NULL: there is no memory, a
 * message is under way, or authentication may come; *p stays. */
struct hs_kept *hs_post_keep(struct hs_post *p, bool logged);
/* Moves it back, and frees k. */
void hs_kept_take(struct hs_kept *k, struct hs_post *out);
/* For reading: wipe *out, do not clear it; what it points to is k's. */
void hs_kept_look(const struct hs_kept *k, struct hs_post *out);
void hs_kept_free(struct hs_kept *k); /* NULL is fine */
/* Application data arrived (key_updates_in). */
void hs_kept_saw_data(struct hs_kept *k);

/* post_keys.c. The record keys of a direction as they are now, derived anew (nothing keeps them). */
LEAT_MUST_CHECK enum leat_ret hs_post_keys(
	const struct hs_post *p, enum leat_dir dir, struct traffic_keys *out);
/* The direction's keys live elsewhere for good: wipes what they were derived from. In TLS 1.2 one
 * master secret gives both directions, so it goes when both are gone, unless exporters are to work
 * afterwards too (keep_master). */
void hs_post_forget_keys(struct hs_post *p, enum leat_dir dir, bool keep_master);

/* The same, but new keys can be made: moves the secret to a slot, got from take if there is none yet. false: TLS
 * 1.2, or none to be had; nothing happened. */
bool hs_post_set_aside(struct hs_post *p, enum leat_dir dir, struct hs_slot *(*take)(void));
/* TLS 1.3: the traffic secret of a direction, wherever it stands; empty: it is gone. */
const struct leat_secret *hs_post_secret(const struct hs_post *p, enum leat_dir dir);
/* Can the direction's keys change although they are the kernel's? */
bool hs_post_is_aside(const struct hs_post *p, enum leat_dir dir);

/* May keying material be exported? TLS 1.2 without extended master secret: never (RFC 7627 5.4). */
bool hs_post_may_export(const struct hs_post *p);
struct leat_exporter;
/* n <= LEAT_EXPORT_MAX bytes; hs_post_may_export, the label's length and the context's were checked. */
void hs_post_exporter(
	const struct hs_post *p, const struct leat_exporter *what, uint8_t *out, size_t n);

/* The same from early_exporter_master_secret. */
void hs_early_export(const struct hs_early_exporter *x, const struct leat_exporter *what,
	uint8_t *out, size_t n);

/* One record payload of type REC_HANDSHAKE after the handshake: NewSessionTicket, KeyUpdate (sends the
 * answer and switches keys through the sink). LEAT_UNSUPPORTED: the peer asked to renegotiate TLS 1.2
 * (HelloRequest, ClientHello); nothing changed, the engine answers with a no_renegotiation warning and
 * goes on. Anything else is unexpected_message. */
LEAT_MUST_CHECK enum leat_ret hs_post_record(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, struct leat_span payload, struct leat_err *err);
/* server_tickets.c. Server: one more NewSessionTicket; d says when and to whom (issued, authenticated, host,
 * protocol, peer, bind), the rest is filled in. LEAT_UNSUPPORTED: not in TLS 1.2, not wanted by either side,
 * too many, or none to be had now; nothing was sent. */
struct session_data;
LEAT_MUST_CHECK enum leat_ret hs_post_ticket(struct hs_post *p, const struct leat_config *cfg,
	const struct leat_env *env, const struct hs_sink *sink, struct session_data *d,
	struct leat_err *err);
/* Sends a KeyUpdate (request: ask the peer to do the same) and switches the write keys. */
LEAT_MUST_CHECK enum leat_ret hs_post_key_update(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, bool request, struct leat_err *err);

/* ---- post-handshake authentication, RFC 8446 4.6.2: post_auth.c ----
 *
 * Its messages come through hs_post_record, which returns LEAT_AGAIN when a job of hs_post_machine waits;
 * when that machine's hs_job_run or hs_job_done returned r, hs_post_after_job goes on. */

/* Server: sends CertificateRequest. LEAT_UNSUPPORTED: the client did not offer it, or the config does not
 * want it. LEAT_AGAIN: the answer to an earlier one is awaited. */
LEAT_MUST_CHECK enum leat_ret hs_post_ask(
	struct hs_post *p, const struct hs_sink *sink, struct leat_err *err);
/* The machine of the exchange under way, for its jobs; NULL. */
struct hs *hs_post_machine(const struct hs_post *p);
/* Results as hs_post_record. */
LEAT_MUST_CHECK enum leat_ret hs_post_after_job(struct hs_post *p, const struct leat_config *cfg,
	const struct hs_sink *sink, enum leat_ret r, struct leat_err *err);
/* Server: the client's answer has begun and is not complete: nothing else may come. */
bool hs_post_is_mid_auth(const struct hs_post *p);
/* What a client showed after the handshake. */
struct hs_shown {
	struct chain *chain;
	struct papers *papers; /* what came with it; NULL: nothing */
	const struct sigscheme *scheme;
	const struct zip *packed_by; /* NULL: plain */
};
void hs_shown_clear(struct hs_shown *s);
/* Server: the answer to the last request, once. SHOWN: what *out then owns was verified; it is zero
 * otherwise. */
enum hs_post_verdict { HS_POST_NO_VERDICT = 0, HS_POST_SHOWN, HS_POST_DECLINED };
enum hs_post_verdict hs_post_take_verdict(struct hs_post *p, struct hs_shown *out);

#endif
