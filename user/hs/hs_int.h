/* SPDX-License-Identifier: Apache-2.0
 *
 * hs_int.h - the inside of the handshake machine, for the files of hs/ only.
 *
 * How a message travels: hs_record -> reasm_next (whole message) -> row of (state, message, level) ->
 * handler: decode (wire/), check (const struct hs), commit (void, or steps that fail only without
 * memory or in libcrypto). A handler that refuses has written nothing but *h->err; the machine is dead
 * then. A handler that starts a job returns LEAT_AGAIN, its resume function gives the successor.
 *
 * Which file has what: client_hello_out (ClientHello 1 and 2), client_params (ServerHello,
 * HelloRetryRequest, EncryptedExtensions), client_auth (CertificateRequest, Certificate,
 * CertificateVerify), client_finish; client_hello_in (decode and version), server_choose, server_flight,
 * server_auth (client certificates), server_finish; cert_out and cert_in (certificates of both roles);
 * v12_client, v12_server (TLS 1.2, entered through v12_client_begin and v12_server_begin),
 * v12_resume_client, v12_resume_server, v12_tickets; lookup (where a server finds sessions).
 */
#ifndef LEAT_HS_HS_INT_H
#define LEAT_HS_HS_INT_H

#include "base/err.h"
#include "base/secret.h"
#include "crypto/kex.h"
#include "crypto/sign.h"
#include "hs/hs.h"
#include "hs/reassemble.h"
#include "hs/state.h"
#include "session/session.h"
#include "sched/sched12.h"
#include "sched/sched13.h"
#include "sched/transcript.h"
#include "wire/client_hello.h"
#include "wire/server_hello.h"
#include "x509/verify.h"

#define HS_SHARES 4 /* key shares in one ClientHello, most */

/* Goes on after a job; sets *next like a handler. */
typedef enum leat_ret hs_resume_fn(struct hs *h, enum hs_state *next);

/* One job at a time. Its inputs are owned here, not borrowed from a message: the record buffer is gone
 * when the answer comes. */
struct hs_job {
	enum hs_job_kind kind;
	hs_resume_fn *resume;
	struct leat_job *out; /* taken away, a reference (hs/job.h) */
	/* SIGN: tbs under h->cred's key with hs_own_scheme; the answer is appended to sig. */
	struct leat_wr tbs, sig;
	/* Lookups (lookup.c): the question, and the answers so far to those of the message that is then
	 * handled again from its start; the message. */
	struct leat_job *ask, *known;
	struct leat_wr held;
	/* VERIFY: h->peer_chain and h->papers against the config; the answer is yes, or an alert in
	 * *h->err. */
	bool staple_only; /* the chain passed before: only what came along */
};

/* What only a client needs, from ClientHello to ServerHello and after. */
struct hs_client {
	char host[LIM_HOST_NAME + 1]; /* "" where none was given */
	bool host_is_name; /* a DNS name: goes into server_name; an IP literal does not (RFC 6066 3) */
	uint64_t asked;    /* extensions of our ClientHello, for ext_is_asked */
	bool cert_requested;
	struct leat_session *session; /* to be offered; referenced */
	bool want_early;
	bool offers12;        /* the session is one of TLS 1.2, and is in our hello */
	uint8_t max_fragment; /* max_fragment_length in force; 0: none */
	uint8_t num_offers;
	uint8_t offer[1 + CONFIG_MAX_PSKS]; /* what pre_shared_key holds: psk_client.c */
	uint8_t num_kex;
	struct kex kex[HS_SHARES]; /* live from ClientHello to ServerHello only */
	struct leat_wr shares;     /* their KeyShareEntry list, as long */
};

/* What only a server needs. */
struct hs_server {
	char sni[LIM_HOST_NAME + 1];     /* host name asked for, "" where none */
	const struct group *retry_group; /* asked for in HelloRetryRequest; NULL: none */
	uint8_t hello_digest[32];        /* of what must not change in the second ClientHello */
	bool cookie_sent;                /* the second one must bring it back */
	uint8_t first_hash[HASH_MAX];    /* cookie_sent: of the first ClientHello */
	bool early_rejected;             /* records that do not open are early data */
	bool wants_tickets;              /* the client can resume with what we could give it */
	uint8_t num_tickets;             /* sent; the next one's nonce */
	bool asked_cert;                 /* a CertificateRequest was sent */
	uint64_t asked_ext;              /* its extensions, for ext_is_asked */
	bool sni_asked;                  /* which config serves the name: once */
	bool sni_chose;                  /* another one than the listener's does */
	uint16_t psk_index;
	uint16_t record_size; /* the client's record_size_limit, where we answer it; else 0 */
	uint8_t max_fragment; /* the client's max_fragment_length, where we answer it; else 0 */
	uint32_t max_early;   /* bytes the session allows, when early data was accepted */
};

/* TLS 1.2 only (v12_*.c). */
struct hs_v12 {
	/* From ServerKeyExchange to ClientKeyExchange. Server: our key; client: the server's value in DHE */
	struct kex kex;
	struct leat_secret psk; /* PSK suites, until the master secret is made */
	struct leat_span
		identity;   /* client: to be sent with it; the config's or the application's */
	uint8_t point[133]; /* client: the server's share (133: of P-521, the longest) */
	uint8_t point_len;
	struct leat_secret master; /* 48 bytes */
	struct traffic_keys
		keys[2];   /* client's, server's (enum leat_role): until both ChangeCipherSpec */
	bool secure_reneg; /* RFC 5746: both sides said so */
	bool cert_requested;
	bool status_promised;  /* status_request in ServerHello: CertificateStatus may come */
	bool id_reserved;      /* server: in the session store, nothing was put there yet */
	bool ticket_promised;  /* ServerHello has a session_ticket extension (RFC 5077) */
	struct leat_wr ticket; /* client: the ticket that came */
	uint32_t ticket_life_s;
	uint8_t verify[2][SCHED12_VERIFY_LEN]; /* both verify_data (RFC 5746, tls-unique) */
};

struct hs {
	struct leat_config *cfg; /* referenced */
	const struct leat_env *env;
	const struct hs_sink *sink;
	struct leat_err *err;

	uint8_t role;       /* enum leat_role */
	uint8_t state;      /* enum hs_state */
	uint8_t died_in;    /* the same, of a dead one */
	uint8_t rx_level;   /* enum hs_level peer messages must have now */
	uint8_t dropped_in; /* messages that were ignored: compatibility CCS, HelloRequest */
	bool sent_ccs;      /* ours, once per handshake */
	bool key_logged;    /* TLS 1.2: the master secret was told (hs/keylog.h) */
	bool may_send;      /* application write keys are set */
	bool retried;       /* one HelloRetryRequest was sent or received */
	bool ems;           /* extended master secret (always true in effect for 1.3) */
	bool resumed;
	bool psk;       /* a PSK authenticates, no certificates; resumed: it was a ticket's */
	uint8_t early;  /* enum hs_early */
	int64_t auth_s; /* resumed: when certificates were looked at; else 0 */
	uint8_t peer_hash[SESSION_PEER_LEN]; /* resumed: of the certificate of that time */
	uint8_t peer_hash_len;
	struct leat_span
		peer_cert; /* resumed, server: the certificate, where the session has it; owned */
	const struct hs_row *row; /* of the message being handled or whose job is under way */
	struct reasm in;
	struct leat_span msg;  /* the message being handled, header included */
	struct leat_span rest; /* what follows it in its record */
	struct leat_wr out;    /* the message being built; its memory is used again */
	struct transcript tr;
	struct hs_job job;

	/* negotiated; 0 or NULL until then */
	uint16_t version;
	const struct suite *suite;
	const struct group *group;
	const struct sigscheme *scheme;        /* of the server's signature */
	const struct sigscheme *client_scheme; /* of the client's; NULL: it made none */
	struct leat_span alpn;                 /* inside cfg->alpn */
	uint8_t server_type, client_type;      /* CERT_X509, CERT_RAW_KEY: as what they are shown */
	const struct cred *cred;               /* ours, held by cfg; client: NULL until asked */
	struct chain *peer_chain;              /* theirs, owned */
	bool post_offered;           /* post-handshake authentication: both sides want it */
	struct post_auth *post;      /* owned, until hs_finish: what it needs */
	const struct hs_post *owner; /* set: this is an exchange after the handshake */
	/* certificate_request_context; empty in the main handshake */
	struct leat_span auth_context;
	struct papers *papers; /* what came with it; NULL: nothing */
	/* Certificates that went packed (RFC 8879), NULL: plain. */
	const struct zip *sent_zip, *peer_zip;
	/* What the peer wants along with our certificates. */
	struct {
		bool status, sct;
		const struct zip *zip; /* chosen; NULL: plain */
	} wants;

	uint8_t client_random[RANDOM_LEN], server_random[RANDOM_LEN];
	uint8_t session_id[LIM_SESSION_ID]; /* client's legacy_session_id; 1.2: the session's */
	uint8_t session_id_len;

	union {
		struct hs_client c;
		struct hs_server s;
	};
	struct hs_v12 v12;

	/* TLS 1.3. The traffic secrets are by sender (enum leat_role) and those of the handshake are
	 * wiped when the application ones take over. */
	struct sched13 sched;
	struct leat_secret hs_secret[2], app_secret[2];
	struct leat_secret exporter;              /* 1.3 only; TLS 1.2 exports from v12.master */
	struct hs_early_exporter *early_exporter; /* early data was offered; owned */
	struct leat_secret resumption;            /* 1.3 only */
};

/* ---- hs.c: what every handler uses ---- */

/* What we sign with. */
static inline const struct sigscheme *hs_own_scheme(const struct hs *h)
{
	return h->role == LEAT_SERVER ? h->scheme : h->client_scheme;
}

/* As what we show what we are, and the peer. */
static inline uint8_t hs_own_type(const struct hs *h)
{
	return h->role == LEAT_SERVER ? h->server_type : h->client_type;
}
static inline uint8_t hs_peer_type(const struct hs *h)
{
	return h->role == LEAT_SERVER ? h->client_type : h->server_type;
}

#define hs_refuse(h, alert, what) err_alert((h)->err, (alert), (what))

/* An empty builder for one message. Its bytes go out by hs_send. */
struct leat_wr *hs_out(struct hs *h);
/* Adds the built message to the transcript and hands it to the sink. */
LEAT_MUST_CHECK enum leat_ret hs_send(struct hs *h);
/* Sends a change_cipher_spec, the first time it is called. */
LEAT_MUST_CHECK enum leat_ret hs_send_ccs(struct hs *h);
/* Adds the message being handled to the transcript. */
void hs_take_msg(struct hs *h);
/* Nothing follows the message being handled in its record. RFC 8446 5.1: what precedes a key change
 * MUST align with a record border; the handler of such a message refuses otherwise (unexpected_message). */
bool hs_is_last(const struct hs *h);
void hs_set_version(struct hs *h, uint16_t version);
/* Chooses suite and transcript hash. Fails without memory only. */
LEAT_MUST_CHECK enum leat_ret hs_set_suite(struct hs *h, const struct suite *s);
/* The session that is resumed says when and of whom certificates were looked at. */
void hs_take_peer(struct hs *h, const struct session_data *d);
/* Hash of the transcript so far into out (HASH_MAX bytes), as a span. */
struct leat_span hs_transcript(const struct hs *h, uint8_t *out);
/* Hands keys to the sink; secret NULL in TLS 1.2. RX also moves rx_level. */
LEAT_MUST_CHECK enum leat_ret hs_keys(struct hs *h, enum leat_dir dir, enum hs_level level,
	const struct traffic_keys *keys, const struct leat_secret *secret);
/* TLS 1.3: the keys of client_early_traffic_secret from the transcript, which ends with the ClientHello;
 * h->sched is in its early stage. suite: of the session. */
LEAT_MUST_CHECK enum leat_ret hs_keys_early(
	struct hs *h, enum leat_dir dir, const struct suite *suite);
/* TLS 1.3: derives the keys of a traffic secret and hands them over. */
LEAT_MUST_CHECK enum leat_ret hs_keys13(
	struct hs *h, enum leat_dir dir, enum hs_level level, const struct leat_secret *secret);
/* TLS 1.3: Finished of `who` from the transcript so far, checked in constant time or sent. */
LEAT_MUST_CHECK enum leat_ret hs_check_finished13(
	struct hs *h, enum leat_role who, struct leat_span body);
LEAT_MUST_CHECK enum leat_ret hs_send_finished13(struct hs *h, enum leat_role who);
/* TLS 1.3, both Finished are in the transcript: resumption_master_secret; what made it is wiped. */
void hs_resumption13(struct hs *h);
/* TLS 1.3: the input of a CertificateVerify signature (RFC 8446 4.4.3) from the transcript so far. */
void hs_verify_tbs13(const struct hs *h, enum leat_role signer, struct leat_wr *out);

/* ---- job.c ---- */

/* Both return LEAT_AGAIN (a job waits) or LEAT_FAILED. SIGN: h->job.tbs is filled, h->cred and
 * hs_own_scheme are chosen; resume finds the signature in h->job.sig. VERIFY: h->peer_chain is set; with
 * verification off resume is called at once and its result returned. */
LEAT_MUST_CHECK enum leat_ret job_sign(struct hs *h, hs_resume_fn *resume);
LEAT_MUST_CHECK enum leat_ret job_verify(struct hs *h, hs_resume_fn *resume, enum hs_state *next);
/* The same for what came after the chain, which passed (CertificateStatus of TLS 1.2). */
LEAT_MUST_CHECK enum leat_ret job_verify_staple(
	struct hs *h, hs_resume_fn *resume, enum hs_state *next);
/* The same here and now, for what did not come: needs no signature checked. */
LEAT_MUST_CHECK enum leat_ret job_no_staple(struct hs *h);
/* The peer's certificates become h->peer_chain, parsed or out of the cache. */
LEAT_MUST_CHECK enum leat_ret hs_take_chain(
	struct hs *h, const struct leat_span *certs, size_t num);
/* Does the waiting job here and now. LEAT_AGAIN: it cannot be done here, it still waits. */
LEAT_MUST_CHECK enum leat_ret job_answer(struct hs *h);
/* The job that is out was answered: takes the answer over, and drops it. */
LEAT_MUST_CHECK enum leat_ret job_take_answer(struct hs *h);
/* The resume function of lookups: handles the held message again, now that one more answer is known. */
hs_resume_fn hs_again;
/* Wipes what the job holds; one that is out learns that nobody waits for it. */
void job_clear(struct hs_job *j);

/* ---- client ---- */

LEAT_MUST_CHECK enum leat_ret client_start(struct hs *h);
/* ClientHello from the config and what the machine holds; cookie may be empty. */
LEAT_MUST_CHECK enum leat_ret client_send_hello(struct hs *h, struct leat_span cookie);
/* The answer to a HelloRetryRequest; retry_group NULL: the shares stay. */
LEAT_MUST_CHECK enum leat_ret client_send_hello2(
	struct hs *h, struct leat_span cookie, const struct group *retry_group);
/* Forgets the ephemeral keys and their shares. */
void client_clear_shares(struct hs *h);

/* The types of certificate in EncryptedExtensions or ServerHello, 0 (X.509) where there is none; has: its
 * extensions. */
LEAT_MUST_CHECK enum leat_ret client_check_types(
	const struct hs *h, uint64_t has, uint8_t server, uint8_t client);

hs_fn on_server_hello, on_encrypted_ext, on_cert_request, on_server_cert, on_packed_cert,
	on_server_cert_verify, on_server_finished;

/* ---- server ---- */

hs_fn on_client_hello;
/* TLS 1.3 was chosen for this ClientHello: the rest of the negotiation, and HelloRetryRequest. */
enum leat_ret server_choose13(struct hs *h, const struct client_hello *ch, enum hs_state *next);
/* Everything is chosen: ServerHello .. Finished. shared and share: of the key exchange. */
enum leat_ret server_send_flight(struct hs *h, const struct client_hello *ch,
	struct leat_span share, const struct kex_out *shared, enum hs_state *next);
/* TLS 1.3, the client's Finished is in: NewSessionTickets. */
LEAT_MUST_CHECK enum leat_ret server_send_tickets(struct hs *h);
/* What a session of this connection is bound to, all but its secret; peer: memory for d->peer. */
void server_describe_session(struct hs *h, uint8_t peer[SESSION_PEER_LEN], struct session_data *d);
/* Digest of what must not change between the two hellos (RFC 8446 4.1.2); the shares are among it where
 * no other was asked for. */
void server_hello_digest(const struct client_hello *ch, bool shares_too, uint8_t out[32]);
/* retry_cookie.c. The cookie of a HelloRetryRequest of this suite and group (NULL: none asked); stage: the
 * first ClientHello is in the transcript. LEAT_UNSUPPORTED: no key is in force. */
LEAT_MUST_CHECK enum leat_ret retry_cookie_make(
	struct hs *h, const struct group *asked, struct leat_wr *out);
/* What the second hello brings must be just that. */
LEAT_MUST_CHECK enum leat_ret retry_cookie_check(const struct hs *h, const struct client_hello *ch);
/* RFC 8446 4.1.3: 32 random bytes, the last eight telling of a downgrade where h->version says so. */
void server_make_random(struct hs *h);
/* What client and server are to show each other, RFC 7250: refuses where nothing is in common. */
LEAT_MUST_CHECK enum leat_ret server_check_types(
	const struct hs *h, const struct client_hello *ch, uint8_t *client_type);
/* The client has no certificate to show: does that end the handshake? Both versions. */
LEAT_MUST_CHECK enum leat_ret server_without_cert(const struct hs *h);
/* Post-handshake authentication, post_auth.c. */
hs_fn on_post_request, on_post_finished;
hs_fn on_end_of_early_data, on_client_cert, on_packed_client_cert, on_client_cert_verify,
	on_client_finished;

/* ---- TLS 1.2: v12_client.c, v12_server.c ----
 *
 * v12_client_begin: a ServerHello that chose TLS 1.2 passed the version-independent checks (version,
 * session id and compression decoded; sentinel). It makes its own (suite, extensions, EMS,
 * renegotiation_info), commits, and sets *next = C12_WAIT_CERT. The 1.3 shares are forgotten by it
 * (client_clear_shares). A dropped compatibility CCS before it (h->dropped_in) is unexpected_message.
 *
 * v12_server_begin: a ClientHello for which TLS 1.2 was chosen; client_random, session_id and sni are
 * committed. It chooses (choose.h), sends ServerHello, Certificate, then ServerKeyExchange through
 * job_sign, ServerHelloDone, and sets *next = S12_WAIT_CKX (S12_WAIT_CERT where it asks for a
 * certificate). Server randoms: server_make_random.
 *
 * The handlers below are in the rows. Both sides end in HS_UP, with h->v12.master for the exporter. */
/* In client_start and when the hello is built: the session of TLS 1.2 to be offered, if it is one. */
void v12_client_offer(struct hs *h);
void v12_client_ticket_ext(const struct hs *h, struct client_hello *ch);
enum leat_ret v12_client_begin(struct hs *h, const struct server_hello *sh, enum hs_state *next);
enum leat_ret v12_server_begin(struct hs *h, const struct client_hello *ch, enum hs_state *next);
hs_fn v12_on_server_cert, v12_on_cert_status, v12_on_server_kx, v12_on_cert_request,
	v12_on_hello_done, v12_on_hello_request, v12_on_ticket, v12_on_server_ccs,
	v12_on_server_finished;
hs_fn v12_on_client_cert, v12_on_client_kx, v12_on_client_cert_verify, v12_on_client_ccs,
	v12_on_client_finished;

/* Client: the server is told the name of the host. */
static inline bool hs_tells_name(const struct hs *h)
{
	return h->c.host_is_name && !h->cfg->no_sni;
}

#endif
