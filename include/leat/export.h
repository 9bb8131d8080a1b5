/* SPDX-License-Identifier: Apache-2.0
 *
 * export.h - what leaves a connection besides its data: keys for another protocol (exporters), names for
 * the connection itself (channel bindings), and, for whoever debugs, the secrets of the connection (key
 * log). All of it exists once the handshake is complete, but for the early exporter, and the key log, which
 * is written as secrets come into being.
 */
#ifndef LEAT_EXPORT_H
#define LEAT_EXPORT_H

#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_config;
struct leat_engine;
struct leat_conn;

/* ---- exporters: RFC 5705 (TLS 1.2), RFC 8446 7.5 (TLS 1.3) ---- */

/* Most bytes one call exports (255 blocks of the shortest hash). */
#define LEAT_EXPORT_MAX 8160

/* Which keys. Both sides that ask for the same get the same. */
struct leat_exporter {
	const char *label;        /* 1 to 249 bytes; "EXPERIMENTAL..." or one of IANA's registry */
	struct leat_span context; /* at most 65535 bytes */
	bool has_context;         /* TLS 1.2 tells an empty context from none; TLS 1.3 does not */
};

/* leat_engine_exporter writes n bytes of keying material to out, which is cleared on failure. The keys are
 * as secret as the connection is and of no use to compute any other.
 * LEAT_UNSUPPORTED: this connection has none that would be safe to use: TLS 1.2 without extended master
 * secret (RFC 7627 5.4), or both directions of a TLS 1.2 connection went to the kernel and the option
 * keep_secrets was not set. LEAT_FAILED, LEAT_E_MISUSE: the handshake is not complete, the connection is
 * dead, or the request is out of range. The engine is unchanged in each case; err (zeroed by the caller)
 * says which. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_exporter(const struct leat_engine *e,
	const struct leat_exporter *what, void *out, size_t n, struct leat_err *err);
/* leat_conn_exporter is leat_engine_exporter. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_exporter(const struct leat_conn *c,
	const struct leat_exporter *what, void *out, size_t n, struct leat_err *err);

/* leat_engine_early_exporter does the same from the keys of early data (RFC 8446 7.5, the early exporter), for
 * what has to be bound to early data itself: a client has it as soon as it offered early data, a server as
 * soon as it accepted it (LEAT_HAS_EARLY_DATA), both to the end of the connection. Everything else belongs to
 * leat_engine_exporter: this material is only as fresh as early data is, so a ClientHello that is repeated
 * gives the same again, and who learns the session's secret learns it too.
 * LEAT_UNSUPPORTED: no early data was offered, or it was refused: there is nothing that both sides have.
 * LEAT_FAILED, LEAT_E_MISUSE: no ClientHello has come yet, the connection is dead, or the request is out of
 * range. out, the engine and err as above. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_early_exporter(const struct leat_engine *e,
	const struct leat_exporter *what, void *out, size_t n, struct leat_err *err);
/* leat_conn_early_exporter is leat_engine_early_exporter. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_early_exporter(const struct leat_conn *c,
	const struct leat_exporter *what, void *out, size_t n, struct leat_err *err);

/* ---- the PRF of TLS 1.2 (RFC 5246 5), as the manual's prf ---- */

/* A piece of the seed. */
enum leat_seed_kind { LEAT_SEED_BYTES = 0, LEAT_SEED_CLIENT_RANDOM, LEAT_SEED_SERVER_RANDOM };
struct leat_seed {
	enum leat_seed_kind kind;
	struct leat_span bytes; /* LEAT_SEED_BYTES */
};
struct leat_prf {
	struct leat_span secret; /* empty: the master secret */
	const char *label;       /* 1 to 249 bytes, none that TLS itself uses */
	const struct leat_seed *seed;
	size_t num_seeds; /* at most 4 */
};

/* leat_engine_prf writes n bytes of PRF(secret, label, seed) with the hash of the negotiated suite to out, which is
 * cleared on failure. Exporters are this with rules around it; use them where you can. LEAT_UNSUPPORTED: TLS
 * 1.3 has no PRF (leat_engine_exporter), or there is no master secret that would be safe to use, as there.
 * LEAT_FAILED, LEAT_E_MISUSE: the handshake is not complete, or the request is out of range. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_prf(const struct leat_engine *e,
	const struct leat_prf *what, void *out, size_t n, struct leat_err *err);
/* leat_conn_prf is leat_engine_prf. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_prf(const struct leat_conn *c,
	const struct leat_prf *what, void *out, size_t n, struct leat_err *err);

/* ---- channel bindings: RFC 5056 ---- */

enum leat_binding_kind {
	/* RFC 9266: names this connection; not secret. TLS 1.3, and TLS 1.2 with extended master secret. */
	LEAT_BINDING_EXPORTER = 0,
	/* RFC 5929 4: names the server's certificate, by the hash that signed it. Not there when the
	 * handshake had no certificate (resumption, PSK), nor for certificates whose signature names no
	 * single hash (Ed25519). */
	LEAT_BINDING_SERVER_END_POINT,
	/* RFC 5929 3: the first Finished. TLS 1.2 with extended master secret only: in TLS 1.3 it is not
	 * defined (RFC 8446 C.5), without the extension two connections can share it (RFC 7627 1). */
	LEAT_BINDING_UNIQUE,
};
#define LEAT_BINDING_MAX 64
struct leat_binding {
	size_t n;
	uint8_t b[LEAT_BINDING_MAX];
};

/* leat_engine_binding puts the binding of this kind into *out (n = 0 on failure). LEAT_UNSUPPORTED: this
 * connection has none of the kind; LEAT_FAILED, LEAT_E_MISUSE: not yet, no longer, or no such kind. The
 * engine is unchanged; err says why. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_engine_binding(const struct leat_engine *e,
	enum leat_binding_kind kind, struct leat_binding *out, struct leat_err *err);
/* leat_conn_binding is leat_engine_binding. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_binding(const struct leat_conn *c,
	enum leat_binding_kind kind, struct leat_binding *out, struct leat_err *err);
/* leat_binding_name returns the registered name of a kind ("tls-exporter"), NULL for no kind. */
LEAT_API const char *leat_binding_name(enum leat_binding_kind kind);

/* ---- key log ---- */

/* Gets one line of the NSS key log format (RFC 9850) for each secret, without a newline, in the order in
 * which they come into being; with each KeyUpdate the next ..._TRAFFIC_SECRET_N. The line is wiped when
 * the callback returns. Whoever has the lines reads the connection and can write into it. Called by the
 * thread that runs the handshake or the KeyUpdate, for every connection of the config: may be by several
 * at once. */
typedef void leat_key_log_fn(void *arg, const char *line);

/* leat_config_set_key_log makes every connection of c tell its secrets to fn; NULL: none (the default).
 * arg is borrowed. Nothing else turns it on: no environment variable, no option. For debugging only. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_key_log(
	struct leat_config *c, leat_key_log_fn *fn, void *arg, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif
