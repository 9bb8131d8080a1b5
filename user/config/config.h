/* SPDX-License-Identifier: Apache-2.0
 *
 * config/config.h - the inside of struct leat_config, read by hs/ and engine/. Written only by
 * config.c and option.c before the freeze.
 */
#ifndef LEAT_CONFIG_CONFIG_H
#define LEAT_CONFIG_CONFIG_H

#include <stdatomic.h>

#include <leat/config.h>
#include <leat/export.h>
#include <leat/verify.h>

#include "crypto/crypto.h"
#include "crypto/suite.h"
#include "crypto/zip.h"
#include <leat/session.h>

#include "session/psk.h"
#include "x509/cred.h"
#include "x509/store.h"
#include "x509/verify.h"

#define CONFIG_MAX_SUITES  64
#define CONFIG_MAX_GROUPS  16
#define CONFIG_MAX_SCHEMES 24
#define CONFIG_MAX_CREDS   16
#define CONFIG_MAX_PSKS    16
#define CONFIG_MAX_KEYS    16
#define CONFIG_MAX_HOSTS   256

/* Whether connections leave sessions behind, and where (option session_tickets). */
enum config_sessions {
	SESSIONS_OFF = 0,
	SESSIONS_KEPT,      /* client: tickets are kept for leat_engine_take_session */
	SESSIONS_STATELESS, /* server: sealed into the ticket */
	SESSIONS_STATEFUL,  /* server: in config's store, the ticket is a handle for one use */
};

/* An ordered list over one of the tables of crypto/suite.h. */
#define CONFIG_LIST(type, max)             \
	struct {                           \
		const struct type *v[max]; \
		unsigned n;                \
	}

/* CertificateTypes (wire/ext.h) in order of preference, RFC 7250. */
struct cert_types {
	uint8_t v[2];
	uint8_t n;
};
static inline bool cert_types_has(const struct cert_types *t, uint8_t type)
{
	return t->v[0] == type || (t->n > 1 && t->v[1] == type);
}

/* DH parameters that were read: p and g (trimmed) are spans of der, which is owned. */
struct dh_params {
	struct leat_span der, p, g;
	bool of_file; /* a dhfile: the option dh may still come */
};

/* A name with a config of its own. */
struct sni_host {
	char *name;
	struct leat_config *cfg;
};

#define HIBERNATE_NEVER UINT32_MAX

/* Of kernel_file_from and kernel_stream_from: what was measured on this machine (ktls/calib.h); not at all. */
#define AUTO_CALIBRATED UINT64_MAX
#define AUTO_NEVER      (UINT64_MAX - 1)

struct leat_config {
	atomic_uint refs;
	bool frozen, touched; /* touched: a setter was called */
	enum leat_role role;
	struct crypto *crypto;

	uint16_t min_version, max_version;
	CONFIG_LIST(suite, CONFIG_MAX_SUITES) suites; /* both versions, in order of preference */
	CONFIG_LIST(group, CONFIG_MAX_GROUPS) groups;
	CONFIG_LIST(sigscheme, CONFIG_MAX_SCHEMES) schemes;
	CONFIG_LIST(sigscheme, CONFIG_MAX_SCHEMES) cert_schemes; /* of chains; empty: as schemes */
	unsigned
		num_shares; /* client: key shares in the first hello (default 2, of different kinds) */
	bool secure_renegotiate;   /* client of TLS 1.2: servers must know RFC 5746 */
	bool client_renegotiation; /* server: as said; no connection is renegotiated either way */
	bool server_order;         /* server's preference of suites and groups decides */
	bool middlebox;            /* RFC 8446 D.4; default true */

	struct leat_span alpn; /* encoded as ProtocolNameList body: 1-byte lengths; owned */
	struct cred *creds[CONFIG_MAX_CREDS];
	unsigned num_creds;
	struct cert_types server_types, client_types; /* what each side may show */
	struct leat_span peer_keys[CONFIG_MAX_KEYS];  /* raw public keys that are accepted; owned */
	unsigned num_peer_keys;
	struct store *trust;  /* NULL: none loaded */
	bool trust_of_system; /* trust is that of the system, which own anchors take the place of */
	bool trust_shared;    /* other configs have the same store: it is never added to */
	enum leat_verify verify;
	bool verify_set;                   /* somebody said so: a preset is not somebody */
	struct leat_verify_fun verify_fun; /* fn NULL: none */
	leat_partial_chain_fn *partial_chain;
	void *partial_chain_arg;
	bool fail_if_no_peer_cert; /* server: with verify, a client must show a certificate */
	bool post_auth;   /* TLS 1.3: certificates of clients after the handshake, on request */
	bool authorities; /* the peer is told which CAs are trusted */
	bool insecure_skip_name; /* client: chain is checked, the name is not */
	unsigned depth;
	bool lean_verify; /* plain chains may pass without libcrypto's path building (x509/lean) */
	enum staple_rule staple; /* OCSP responses of the peer (x509/status) */
	enum crl_check crl_check;
	struct leat_crl_cache *crls; /* NULL: none; set where crl_check is on */
	bool ask_sct;                /* ask for SCTs, for the application */
	/* packed certificates (RFC 8879), in order of preference */
	CONFIG_LIST(zip, ZIP_COUNT) zips;
	bool chain_cache; /* chains that passed are kept with the trust store (x509/cache) */
	enum leat_records records[2]; /* by enum leat_dir */
	/* Policy auto: from how many bytes on TX goes to the kernel, of a file and of what comes from memory */
	uint64_t kernel_file_from, kernel_stream_from;
	uint32_t max_handshake_size;
	uint16_t
		record_size; /* record_size_limit we say (client) or answer with (server); 0: none */
	uint8_t max_fragment;    /* client: max_fragment_length asked for, 1 to 4; 0: none */
	uint64_t key_update_at;  /* TLS 1.3: bytes sent under one key before a new one */
	bool dynamic_records;    /* short records at the start of a stream and after idle */
	uint16_t pad_to;         /* TLS 1.3: content is padded to a multiple of this; 0: not */
	leat_record_pad_fn *pad; /* asked instead where set */
	void *pad_arg;
	bool cookie;       /* server: HelloRetryRequests carry one (session/cookie.h) */
	bool always_retry; /* server: every first ClientHello of TLS 1.3 is asked for again */
	uint8_t no_sni;    /* client: 1: the host's name is checked, but not told */
	bool fallback;     /* client: TLS_FALLBACK_SCSV (RFC 7507) */
	leat_key_log_fn *key_log; /* NULL: secrets are told to nobody */
	void *key_log_arg;
	bool keep_secrets; /* exporters work also after a hand-over of both directions */

	/* Resumption and PSKs. Mutable inside (and thread-safe) are the shared objects only. */
	enum config_sessions sessions;
	uint8_t num_tickets;                  /* server: after a full handshake */
	uint32_t session_life_s;              /* server: of what it hands out */
	struct leat_ticket_keys *ticket_keys; /* server: made at the freeze if none was given */
	struct leat_store *sessions_store;    /* server: NULL without one */
	uint32_t max_early;                   /* server: early data bytes taken; 0: none */
	struct leat_antireplay *antireplay;   /* server: set where max_early is not 0 */
	unsigned psk_modes;                   /* bits 1 << enum psk_mode */
	struct psk psks[CONFIG_MAX_PSKS];
	unsigned num_psks;
	leat_psk_lookup_fn *psk_lookup; /* identities (client: hints) that are not in psks */
	void *psk_lookup_arg;
	leat_reuse_session_fn *reuse; /* server: whether a session that could be resumed is */
	void *reuse_arg;
	uint8_t psk_unknown; /* server, TLS 1.2: 1: an alert for identities that nobody knows */
	leat_sni_fn *sni;    /* server: another config by the name asked for */
	void *sni_arg;
	struct sni_host
		*sni_hosts; /* server: the same as a list; the freeze makes it the callback */
	size_t num_sni_hosts;
	const struct leat_transport *transport; /* NULL: TCP */
	void *transport_ctx;
	uint32_t hibernate_after_ms; /* HIBERNATE_NEVER */
	bool log_alert;              /* alerts go to the log (sock/log) */
	atomic_bool warned;          /* the log knows that nobody is verified */
	bool manual_sockets; /* options of sockets default to what the manual says (preset otp73) */
	bool lookup_jobs;    /* server: every lookup is a job, its callback may block */
	struct leat_span psk_identity; /* TLS 1.2: client's identity, server's hint; owned */
	struct dh_params dh;           /* server: a prime of its own for DHE of TLS 1.2 */
	/* What a session made under this config is bound to: a digest of everything that says whom we
	 * trust and who we are. Set by the freeze. */
	uint8_t bind[32];
};

/* Can this suite be used with what the config holds? PSK suites of TLS 1.2 need a key. */
bool config_may_use(const struct leat_config *c, const struct suite *s);
/* LEAT_OK unless frozen. Every setter asks first. */
LEAT_MUST_CHECK enum leat_ret config_may_set(struct leat_config *c, struct leat_err *err);
/* What the freeze says of a server to which nothing was ever set; leat_err_name knows it. */
#define CONFIG_NO_OPTIONS "nooptions: a server needs a certificate and its key at least"
/* Is there a key, or somebody to ask, for a client's psk_identity? True where that is not set. */
bool config_has_identity(const struct leat_config *c);
/* kx_set.c, for sock/anchors: reads PEM or DER and judges it; dh_clear or config_take_dhfile afterwards. */
LEAT_MUST_CHECK enum leat_ret dh_read(
	struct dh_params *out, struct leat_span text, struct leat_err *err);
void dh_clear(struct dh_params *dh);
/* Makes them the config's, unless leat_config_set_dh was called: it overrides them. */
void config_take_dhfile(struct leat_config *c, struct dh_params *dh);

/* For sock/anchors: the object is owned by the config afterwards, or released on failure. */
LEAT_MUST_CHECK enum leat_ret config_add_cred_take(
	struct leat_config *c, struct cred *cred, struct leat_err *err);
/* Adds the anchors of s to the config's own, s is released; or makes s, which others may have too, the config's when
 * it had none. */
LEAT_MUST_CHECK enum leat_ret config_add_trust_take(
	struct leat_config *c, struct store *s, struct leat_err *err);
/* sni_hosts.c: the list as a leat_sni_fn (arg: the config), and its end. */
enum leat_ret config_find_host(void *arg, struct leat_span name, struct leat_config **out);
void config_clear_hosts(struct leat_config *c);
/* transport.c: has the transport all its functions? */
LEAT_MUST_CHECK enum leat_ret config_check_transport(
	const struct leat_config *c, struct leat_err *err);
/* bind.c: fills c->bind. */
void config_bind(struct leat_config *c);
void config_set_crls_take(struct leat_config *c, struct leat_crl_cache *crls);
/* True for the first who asks. */
bool config_warn_once(const struct leat_config *c);
void config_set_trust_take(struct leat_config *c, struct store *s, bool of_system);

#endif
