/* SPDX-License-Identifier: Apache-2.0
 *
 * about.h - questions by the names of Erlang's ssl(3): what leat can do (versions, cipher suites), what a
 * connection is (connection_information), what an error is called there.
 */
#ifndef LEAT_ABOUT_H
#define LEAT_ABOUT_H

#include <leat/leat.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- leat ------------------------------------------------------------------------------------ */

/* Protocol versions, highest first; texts are static. */
struct leat_versions {
	const char *
		leat; /* "0.1.0": of the library that runs, LEAT_VERSION_STRING is of its headers */
	uint16_t supported[4],
		available[4]; /* by default; at all, if the option versions says so; 0 ends */
};
/* leat_versions fills out, by what libcrypto has here; without memory or libcrypto there are no versions. */
LEAT_API void leat_versions(struct leat_versions *out);

/* A cipher suite, with the parts of its name in the words of the manual; texts are static. */
struct leat_suite {
	uint16_t id;              /* IANA number */
	uint16_t version;         /* the one version it belongs to */
	const char *name;         /* IANA's: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" */
	const char *openssl_name; /* "ECDHE-RSA-AES128-GCM-SHA256" */
	const char *kex;          /* "ecdhe_rsa", "psk", ...; TLS 1.3: "any" */
	const char *cipher;       /* "aes_128_gcm", "chacha20_poly1305", ... */
	const char *mac;          /* "aead" */
	const char *prf;          /* "sha256", "sha384" */
	bool is_default;          /* used without being named in the option ciphers */
};

/* Which suites: those used by default, or all that work here. Anonymous, RC4 and SRP suites are not there at
 * all; plain PSK and short tags (CCM_8) are in the second set alone. */
enum leat_suite_set { LEAT_SUITES_DEFAULT = 0, LEAT_SUITES_ALL };

/* leat_suites writes the first max of the set, in order of preference, to out and how many there are in all
 * to *num. LEAT_FAILED: LEAT_E_MEMORY, or LEAT_E_CRYPTO where libcrypto lacks what leat needs; LEAT_E_MISUSE. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_suites(enum leat_suite_set which,
	struct leat_suite *out, size_t max, size_t *num, struct leat_err *err);
/* leat_suite_find finds a suite by number, by IANA's name or by OpenSSL's (letters of any case); the other
 * argument is 0 or NULL. false: leat has no such suite. */
LEAT_API bool leat_suite_find(unsigned id, const char *name, struct leat_suite *out);

/* leat_suite_by_parts finds a suite by the words of its kex, cipher, mac and prf; prf NULL: sha256, the default of
 * TLS 1.2. false: there is none. */
LEAT_API bool leat_suite_by_parts(const char *kex, const char *cipher, const char *mac,
	const char *prf, struct leat_suite *out);

/* ---- a connection ------------------------------------------------------------------------------ */

/* leat_conn_item writes an item of the manual's connection_information to buf, as text cut to n bytes with
 * the final NUL: protocol, cipher_suite, openssl_cipher_suite, group, signature, sni_hostname, alpn, resumed,
 * records_rx_in, records_tx_in, and every option of the config by its name. LEAT_UNSUPPORTED: not defined on
 * this connection (no name was asked for, say), or no such item; buf is "". */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_item(
	const struct leat_conn *c, const char *name, char *buf, size_t n);
/* leat_conn_item_name returns the name of item number i of a connection, NULL past the last. */
LEAT_API const char *leat_conn_item_name(const struct leat_conn *c, size_t i);

/* leat_negotiated_protocol sets *out to what ALPN has chosen; valid as long as c. LEAT_FAILED with
 * LEAT_E_ABSENT (protocol_not_negotiated) when nothing was. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_negotiated_protocol(
	const struct leat_conn *c, struct leat_span *out, struct leat_err *err);
/* leat_peercert sets *out to the peer's own certificate (DER); valid as long as c. LEAT_FAILED with
 * LEAT_E_ABSENT (no_peercert) when it showed none in this handshake. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_peercert(
	const struct leat_conn *c, struct leat_span *out, struct leat_err *err);

/* ---- errors ------------------------------------------------------------------------------------- */

/* leat_err_name writes the manual's name of an error to buf (cut to n bytes) and returns buf: "closed",
 * "timeout", "tls_alert handshake_failure", "options", "conflict_options", "nooptions", "invalid_packet", "packet_to_large", "no_peercert",
 * "protocol_not_negotiated", the POSIX name in small letters ("econnrefused"), "ok" for none, "error" for
 * what has no name. leat_strerror has the sentence. */
LEAT_API const char *leat_err_name(const struct leat_err *err, char *buf, size_t n);

#ifdef __cplusplus
}
#endif
#endif
