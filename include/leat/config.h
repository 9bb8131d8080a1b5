/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - what a connection may do and must check. A config is built by setters, frozen once, and
 * then immutable: shared by any number of connections and threads, replaced by swapping the pointer.
 *
 * Defaults (preset `modern`): TLS 1.3 and 1.2, AEAD suites with ECDHE, X25519 first, the client
 * verifies chain and host name against the system's trust anchors, depth 10, server order of suites.
 */
#ifndef LEAT_CONFIG_H
#define LEAT_CONFIG_H

#include <leat/session.h>
#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_config;

/* Where a direction's records are to be protected. */
enum leat_records {
	LEAT_RECORDS_AUTO = 0, /* kernel where it is known to pay, else user space */
	LEAT_RECORDS_KERNEL,   /* kernel, or a clear error where it cannot be had */
	LEAT_RECORDS_USER,     /* never the kernel */
};

enum leat_verify {
	/* Chain (and, on a client, host name) must check out. Servers: clients are asked for a
	 * certificate; only with the option fail_if_no_peer_cert must they have one. */
	LEAT_VERIFY_PEER = 0,
	LEAT_VERIFY_NONE, /* insecure on a client: anybody may answer. Servers: no client certificate */
};

/* leat_config_new makes a config for one role with the `modern` defaults. *out is owned by the caller
 * (leat_config_unref). Fails only without memory or without the mandatory algorithms in libcrypto. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_new(
	struct leat_config **out, enum leat_role role, struct leat_err *err);
/* leat_config_use_preset sets every option to the default of a preset; call it right after leat_config_new.
 * "modern": what leat_config_new has done already. "otp73": the defaults of the manual of Erlang's ssl(3) 7.3,
 * as far as their versions are here (TLS 1.2), for programs that come from there: nobody is verified, no
 * host name checked, clients keep sessions, records stay in user space, and sockets have mode=list, active=true,
 * packet_size=0 and exit_on_close=true (leat/sockopt.h). It is not secure without further options. "legacy" is
 * the name of what will have SSL 3.0 to TLS 1.1. LEAT_FAILED: LEAT_E_OPTION (no such preset, legacy),
 * LEAT_E_MISUSE (frozen); nothing changed. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_use_preset(
	struct leat_config *c, const char *name, struct leat_err *err);
/* leat_config_ref adds a reference and returns its argument; any thread may call it once frozen. */
LEAT_API struct leat_config *leat_config_ref(struct leat_config *c);
/* leat_config_unref drops a reference; the last one frees and wipes. NULL is fine. */
LEAT_API void leat_config_unref(struct leat_config *c);

/* leat_config_set sets an option by its name in docs/options.md ("versions", "suites", "groups",
 * "signature_algorithms", "alpn", "verify", "depth", "records", ...) from text. Refuses unknown names
 * and bad values with LEAT_E_OPTION naming both; the config is then unchanged. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set(
	struct leat_config *c, const char *option, const char *value, struct leat_err *err);

/* leat_config_set_versions allows versions min..max (LEAT_TLS12, LEAT_TLS13). */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_versions(
	struct leat_config *c, enum leat_version min, enum leat_version max, struct leat_err *err);

/* leat_config_add_cred adds a certificate chain (PEM, leaf first) and its private key (PEM; password
 * may be empty). Several may be added: a server picks the one that fits the peer and the requested
 * name best, a client that is asked the first that fits the request. PEM texts are not kept. Refusals name what is wrong with which text. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_cred(struct leat_config *c,
	struct leat_span cert_pem, struct leat_span key_pem, struct leat_span password,
	struct leat_err *err);

/* leat_config_add_cred_der is leat_config_add_cred for DER: num certificates, leaf first, and a key in
 * PKCS#8, PKCS#1 (RSA) or SEC1 (EC) form. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_cred_der(struct leat_config *c,
	const struct leat_span *certs, size_t num, struct leat_span key, struct leat_err *err);

/* What is to be signed, and how. */
struct leat_sign_input {
	uint16_t scheme;         /* IANA number of the SignatureScheme: 0x0403, 0x0804, ... */
	const char *scheme_name; /* its RFC name, static: "ecdsa_secp256r1_sha256" */
	struct leat_span tbs;    /* the message; not hashed yet */
	struct leat_span cert;   /* the certificate whose key signs, DER: tells which key */
};
/* Makes a signature for a certificate whose private key is elsewhere: as it stands in CertificateVerify (ECDSA:
 * DER), at most cap bytes (never less than 2048) into sig, *n of them. in is borrowed for the call. LEAT_OK: it is
 * checked with the certificate and used. LEAT_AGAIN: not here and now; the job stays open for
 * leat_job_sign_answer or another run (job.h). Anything else: no; the handshake ends with internal_error.
 * Called by whoever runs the job, and may block; several threads may call it at once. */
typedef enum leat_ret leat_sign_fn(
	void *arg, const struct leat_sign_input *in, uint8_t *sig, size_t cap, size_t *n);
/* leat_config_add_cred_external is leat_config_add_cred for a key that this process does not have: in another
 * process, a token, a TPM, a key service, or behind an EVP_PKEY of a provider or engine of libcrypto, which the
 * caller's fn uses as it sees fit. What can be signed follows from the first certificate's public key. fn
 * NULL: signatures come through jobs only, answered by hand. arg is borrowed for the life of the config. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_cred_external(struct leat_config *c,
	struct leat_span cert_pem, leat_sign_fn *fn, void *arg, struct leat_err *err);
/* leat_config_add_cred_external_der is the same for num certificates in DER, leaf first. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_cred_external_der(struct leat_config *c,
	const struct leat_span *certs, size_t num, leat_sign_fn *fn, void *arg,
	struct leat_err *err);

/* leat_config_add_raw_key adds a private key (PEM; password may be empty) without a certificate: for peers
 * that know its public half already (RFC 7250; options server_certificate_type and
 * client_certificate_type). The key of a certificate serves as a raw key too, where these allow it. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_raw_key(struct leat_config *c,
	struct leat_span key_pem, struct leat_span password, struct leat_err *err);

/* leat_config_add_peer_key accepts a peer that shows this raw public key: a SubjectPublicKeyInfo, DER or PEM
 * ("PUBLIC KEY"), copied. Up to 16. It stands for the peer itself: neither name nor date nor purpose is
 * looked at, so a client should have it for one server only. The freeze fails where raw keys may come and
 * none was added, and where some were added and none may come. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_peer_key(
	struct leat_config *c, struct leat_span key, struct leat_err *err);

/* leat_config_set_ocsp gives certificate number cert (0: the leaf) of credential number cred (0: the one
 * added first) an OCSP response, DER, copied, to be sent to peers that ask for one; it takes the place of an
 * earlier one, and the empty span takes that one away. Also on a frozen config, by any thread, while
 * connections begin: that is how responses are renewed. One that is out of date is not sent. LEAT_E_OPTION
 * for bytes that are no successful response about that certificate (its signature is not checked);
 * LEAT_AGAIN when another thread is doing the same at this moment: nothing changed, try again. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_ocsp(struct leat_config *c, size_t cred,
	size_t cert, struct leat_span response, struct leat_err *err);

/* leat_config_set_sct does the same for the SCTs of credential number cred: a
 * SignedCertificateTimestampList of RFC 6962 3.3, its two bytes of length in front. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_sct(
	struct leat_config *c, size_t cred, struct leat_span list, struct leat_err *err);

/* leat_config_add_trust adds trust anchors from PEM text; *added (may be NULL) counts them. The first
 * call replaces the system's anchors, which the driver adds by leat_config_use_system_trust. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_trust(
	struct leat_config *c, struct leat_span pem, size_t *added, struct leat_err *err);

/* leat_config_add_trust_der is leat_config_add_trust for one DER certificate. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_trust_der(
	struct leat_config *c, struct leat_span der, struct leat_err *err);

/* leat_config_set_verify: see enum leat_verify. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_verify(
	struct leat_config *c, enum leat_verify v, struct leat_err *err);

/* leat_config_set_alpn: protocol names in order of preference, each 1..255 bytes; copied. A client
 * offers them, a server chooses its first that the client offers and refuses (no_application_protocol)
 * when there is none (RFC 7301 3.2). */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_alpn(
	struct leat_config *c, const struct leat_span *names, size_t num, struct leat_err *err);

/* leat_config_set_records sets the policy of one direction. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_records(
	struct leat_config *c, enum leat_dir dir, enum leat_records policy, struct leat_err *err);

/* How much padding a record of TLS 1.3 gets (RFC 8446 5.4): n bytes of content of this type (21 alert,
 * 22 handshake, 23 data) may be followed by up to room bytes; more than that is cut to it. */
typedef size_t leat_record_pad_fn(void *arg, uint8_t type, size_t n, size_t room);
/* leat_config_set_record_padding makes fn decide for each record that user space protects, in place of the
 * option record_padding; NULL: the option again. Sending stays out of the kernel then, which cannot pad.
 * arg is borrowed; fn may be called by several threads at once. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_record_padding(
	struct leat_config *c, leat_record_pad_fn *fn, void *arg, struct leat_err *err);

/* Files of an option list; NULL where there is none. Strings are borrowed for the call. */
struct leat_files {
	const char *certfile; /* PEM: our certificate, its intermediates after it */
	const char *keyfile;  /* PEM: its private key; NULL: in certfile */
	const char *password; /* opens an encrypted keyfile */
	const char *
		cacertfile; /* PEM: trusted CAs, in place of the system's; the freeze completes our chain by them */
	const char *ocsp_file; /* DER: OCSP response for certfile */
	const char *sct_file;  /* SignedCertificateTimestampList for certfile */
	const char *dhfile; /* server: PEM or DER DH parameters; leat_config_set_dh overrides it */
	const char *crl_cache; /* as for leat_crl_cache_open: crl.h */
	/* The same as DER, borrowed for the call; each overrides its file. key: PrivateKeyInfo, RSAPrivateKey or
	 * ECPrivateKey. */
	struct leat_span cert, key;
	const struct leat_span *cacerts;
	size_t num_cacerts;
};

/* leat_config_use_files reads the files and adds what they hold as leat_config_add_cred and
 * leat_config_add_trust do: all of it, or nothing. May block on the disk. Errors: LEAT_E_FILE with the
 * path, LEAT_E_OPTION for a keyfile, password, ocsp_file or sct_file without certfile. In libleat, not in libleat-core. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_use_files(
	struct leat_config *c, const struct leat_files *files, struct leat_err *err);

/* leat_config_use_system_trust makes the system's trust anchors those of the config, in place of any
 * loaded before: the bundle of the distribution, or what SSL_CERT_FILE and SSL_CERT_DIR name. Clients
 * that verify and were given no anchors need this before the freeze. LEAT_E_FILE when there are none.
 * In libleat, not in libleat-core. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_use_system_trust(
	struct leat_config *c, struct leat_err *err);

/* leat_config_set_ticket_keys: server: tickets are sealed with these keys (referenced), which other
 * configs, processes and hosts may share; sets the option session_tickets to stateless. Without this
 * call the freeze makes keys for this config alone. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_ticket_keys(
	struct leat_config *c, struct leat_ticket_keys *k, struct leat_err *err);

/* leat_config_set_session_store: server: sessions are kept in s (referenced). TLS 1.3: tickets are handles
 * to them, each good for one use; TLS 1.2: clients bring the session id, until the session expires. Sets
 * the option session_tickets to stateful. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_session_store(
	struct leat_config *c, struct leat_store *s, struct leat_err *err);

/* leat_config_set_early_data: server: clients that resume may send up to max bytes before the handshake
 * is complete; a (referenced) remembers what was taken. max 0: none, a may then be NULL. Early data may
 * reach another server behind the same name again, and tells nothing about who waits for the answer: it
 * is handed out by leat_engine_early_data only. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_early_data(
	struct leat_config *c, uint32_t max, struct leat_antireplay *a, struct leat_err *err);

/* A key both sides know from elsewhere. TLS 1.3; unless imported also the PSK suites of TLS 1.2, which are
 * then offered and taken behind those with certificates (plain PSK suites only when named in "ciphers"). */
struct leat_psk {
	struct leat_span identity; /* sent in clear; 1..4096 bytes */
	struct leat_span secret;   /* at least 16 random bytes; a password is not one */
	bool sha384;               /* its hash: false SHA-256, true SHA-384 */
	/* RFC 9258: a key of its own is derived for each hash. Both sides must say so; the only safe
	 * way for a secret that is used elsewhere too. */
	bool imported;
	struct leat_span context; /* imported: tells uses apart; may be empty */
};
/* leat_config_add_psk adds an external PSK; everything is copied. Client: all are offered, in order.
 * Server: any of them is taken. LEAT_E_OPTION for lengths out of range and when there are too many. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_psk(
	struct leat_config *c, const struct leat_psk *psk, struct leat_err *err);

/* Server: looks up the identity a client sent. Client, TLS 1.2 only: identity is the server's hint, {NULL, 0}
 * where it gave none; an identity in *out is sent unless the option psk_identity names one.
 * LEAT_OK with *out filled (a server's identity is not read; what its spans point to must stay until the
 * next call or the end of the handshake), LEAT_UNSUPPORTED when unknown, LEAT_AGAIN (servers): not yet, see
 * leat_config_set_lookup_jobs. Called by the thread that runs the handshake, and must not block then (a
 * client's never), or by whoever runs the job. With imported set, identity is the
 * external identity inside the ImportedIdentity (RFC 9258) and context is what the client sent. */
struct leat_psk_query {
	struct leat_span identity, context;
	bool imported;
};
typedef enum leat_ret leat_psk_lookup_fn(
	void *arg, const struct leat_psk_query *q, struct leat_psk *out);
/* leat_config_set_psk_lookup asks fn for identities (client: for the key, in TLS 1.2) that were not added.
 * arg is borrowed, given to each call and not looked at. A client without a key refuses with
 * illegal_parameter. In TLS 1.2 a server that does not know the identity goes on with a random key, so that
 * nobody can ask it for names: the handshake then fails as with a wrong key (RFC 4279 2); with the option
 * psk_unknown=alert it says unknown_psk_identity instead. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_psk_lookup(
	struct leat_config *c, leat_psk_lookup_fn *fn, void *arg, struct leat_err *err);

/* Chooses by the name that a client asks for (RFC 6066 3; called where it sent one, once per handshake):
 * LEAT_OK with *out left NULL: this config; with *out a frozen config of a server, a reference of which the
 * callee takes over: that one, for everything from versions to certificates (but not the policy of records,
 * and its own SNI callback is not called). LEAT_UNSUPPORTED: nobody of that name is here, the handshake ends
 * with unrecognized_name. LEAT_AGAIN: not yet, see leat_config_set_lookup_jobs. name is borrowed for the call,
 * letters as they came, without a final dot. A server whose names all have a certificate in one config needs
 * none of this: the one that carries the name is chosen by itself. */
typedef enum leat_ret leat_sni_fn(void *arg, struct leat_span name, struct leat_config **out);
/* leat_config_set_sni: server: asks fn. arg is borrowed. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_sni(
	struct leat_config *c, leat_sni_fn *fn, void *arg, struct leat_err *err);

/* leat_config_add_sni_host: server: clients that ask for name (letters of any case, no final dot) get cfg instead, a
 * frozen config of a server that does not choose by name itself (referenced). Up to 256. Names that are not in
 * the list get this config. The freeze refuses a config that has a function for names, too. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_add_sni_host(
	struct leat_config *c, const char *name, struct leat_config *cfg, struct leat_err *err);

/* A session that a client brings and that could be resumed. Spans are borrowed for the call. */
struct leat_session_offer {
	struct leat_span id; /* as the client sent it: session id or ticket */
	/* What the client had shown when the session began, DER; empty: nothing, a raw key, or more than
	 * 2048 bytes. Its SHA-256 is there in any case. Sessions keep it only where a function is set. */
	struct leat_span peer_cert, peer_digest;
	uint8_t compression; /* 0: there is none */
	uint16_t version, suite;
	struct leat_span host, alpn;
	int64_t issued_s, auth_s; /* when it was made, and when certificates were looked at */
};
/* Is it resumed? LEAT_OK: yes. LEAT_AGAIN: not yet, see leat_config_set_lookup_jobs. Anything else: no, a
 * full handshake follows. Threads as leat_psk_lookup_fn of a server. */
typedef enum leat_ret leat_reuse_session_fn(void *arg, const struct leat_session_offer *offer);
/* leat_config_set_reuse_session: server: asks fn before it resumes a session, when everything else speaks
 * for it (the manual's reuse_session); NULL: nobody. arg is borrowed. A ClientHello that comes a second time
 * after a HelloRetryRequest is asked about again. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_reuse_session(
	struct leat_config *c, leat_reuse_session_fn *fn, void *arg, struct leat_err *err);

/* leat_config_set_lookup_jobs: server: says where lookups are done: the session store's find, the opening
 * of tickets (and leat_ticket_keys_on_missing), the PSK lookup, the SNI callback, the reuse_session function.
 *
 * false, the default: on the engine's thread, while the ClientHello (PSK in TLS 1.2: ClientKeyExchange) is handled. They must not block. A
 * callback that has no answer yet says LEAT_AGAIN; the same question then becomes a job (job.h).
 * true: always as jobs, so whoever runs the job may block: a thread of its own, or the connection's
 * (leat_engine_job_run).
 *
 * A job is run (the callback is asked again, there) or answered by hand. When all answers are there the
 * ClientHello is handled as if they had been there from the start. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_lookup_jobs(
	struct leat_config *c, bool always, struct leat_err *err);

/* leat_config_set_psk_identity: TLS 1.2: the identity a client sends, among the added keys the one to be
 * used; on a server the hint it gives. 1 to 65535 bytes, copied. A client's identity of more than 4096 bytes is
 * for keys that are looked up. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_psk_identity(
	struct leat_config *c, struct leat_span identity, struct leat_err *err);

/* leat_config_set_dh: server: PEM or DER DH parameters (2048 to 8192 bits) for DHE suites of TLS 1.2, used
 * with clients that name no group of RFC 7919; copied. Without it: ffdhe2048. The prime is trusted to be
 * one. LEAT_E_OPTION for anything else. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_dh(
	struct leat_config *c, struct leat_span params, struct leat_err *err);

/* leat_config_freeze validates the whole (a server needs a credential, a verifying client trust
 * anchors, every version a suite, ...) and makes the config immutable. Setters fail afterwards. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_freeze(
	struct leat_config *c, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif
