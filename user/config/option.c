/* SPDX-License-Identifier: Apache-2.0
 *
 * option.c - options from text: the one table, and leat_config_set over it. Names, ranges and meaning are
 * those of the manual of Erlang's ssl(3) where it has the option; what the manual calls otherwise here
 * is an alias. How a value is read and shown: option_value.c (one value), option_list.c (several),
 * kx_set.c (PSK identity, DH parameters). No file is opened: rows of type OPTION_FILE are for
 * leat_config_use_files (sock/anchors).
 */
#include "config/option.h"

#include <stddef.h>

#include "base/limits.h"
#include "config/option_int.h"

/* The manual's bound (OTP since 8.1.1): 8 MiB less one. */
#define MAX_HANDSHAKE_TOP 8388607
/* More than a connection ever sends: as many digits as numbers may have. */
#define THRESHOLD_TOP 999999999999999

static const struct option_words verify_words = {
	{ { "verify_peer", LEAT_VERIFY_PEER }, { "verify_none", LEAT_VERIFY_NONE } },
	"neither verify_peer nor verify_none",
};
static const struct option_words staple_words = {
	{ { "false", STAPLE_OFF }, { "true", STAPLE_ASK }, { "required", STAPLE_REQUIRE } },
	"neither false, true nor required",
};
static const struct option_words crl_words = {
	{ { "false", CRL_CHECK_OFF }, { "true", CRL_CHECK_ALL }, { "peer", CRL_CHECK_PEER },
		{ "best_effort", CRL_CHECK_BEST_EFFORT } },
	"neither false, true, peer nor best_effort",
};
static const struct option_words fragment_words = {
	/* the codes of RFC 6066 4 */
	{ { "undefined", 0 }, { "512", 1 }, { "1024", 2 }, { "2048", 3 }, { "4096", 4 } },
	"neither undefined, 512, 1024, 2048 nor 4096",
};
static const struct option_words sni_words = {
	{ { "default", 0 }, { "disable", 1 } },
	"neither default nor disable",
};
static const struct option_words psk_unknown_words = {
	{ { "hide", 0 }, { "alert", 1 } },
	"neither hide nor alert",
};
static const struct option_words client_sessions = {
	{ { "disabled", SESSIONS_OFF }, { "manual", SESSIONS_KEPT } },
	"neither disabled nor manual",
};
static const struct option_words server_sessions = {
	{ { "disabled", SESSIONS_OFF }, { "stateless", SESSIONS_STATELESS },
		{ "stateful", SESSIONS_STATEFUL } },
	"neither disabled, stateless nor stateful",
};

/* The last members of a row, by kind of value. A member of struct leat_config of another type than the
 * kind stores does not compile. */
#define MEMBER(m) ((struct leat_config *)0)->m
#define AT(m)     .at = offsetof(struct leat_config, m)
#define SIZE(m)   .size = _Generic(MEMBER(m), uint8_t : 1, uint16_t : 2, uint32_t : 4, uint64_t : 8)
#define BOOL(m)                                                  \
	.set = option_set_bool, .show = option_show_bool, AT(m), \
	.size = _Generic(MEMBER(m), bool                         \
			 : sizeof(bool))
#define NUMBER(m)  .set = option_set_number, .show = option_show_number, AT(m), SIZE(m)
#define WORD(m, w) .set = option_set_word, .show = option_show_word, AT(m), SIZE(m), .words = &(w)
#define LIST(l)    .set = option_set_list, .show = option_show_list, .list = &(l)
#define CERT_TYPES(m)                                                        \
	.set = option_set_cert_types, .show = option_show_cert_types, AT(m), \
	.size = _Generic(MEMBER(m), struct cert_types                        \
			 : sizeof(struct cert_types))
#define THRESHOLD(m) .set = option_set_threshold, .show = option_show_threshold, AT(m), SIZE(m)
#define OWN(name)    .set = option_set_##name, .show = option_show_##name
#define BY_FILES     .set = NULL, .show = NULL

static const struct option options[] = {
	{ "versions", "protocol_version", OPTION_LIST, OPTION_BOTH, false, 0, 0, "tlsv1.3, tlsv1.2",
		"tlsv1.2,tlsv1.1,tlsv1",
		"Protocol versions that may be negotiated; the highest both sides know wins.",
		OWN(versions) },
	{ "ciphers", "suites", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"cipher suites by IANA or OpenSSL name", "all of the highest version",
		"Exactly these cipher suites, in order of preference.", LIST(option_suites) },
	{ "groups", "supported_groups", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024, "
		"x25519, secp256r1, secp384r1, secp521r1, x448, ffdhe2048, ffdhe3072, ffdhe4096, ffdhe6144, ffdhe8192",
		"",
		"Groups for the key exchange, in order of preference. Hybrids with ML-KEM exist where libcrypto "
		"has it, and X25519MLKEM768 is then the first of the default.",
		LIST(option_groups) },
	{ "signature_algs", "signature_algorithms", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"RFC 8446 names, such as ed25519 or rsa_pss_rsae_sha256", "",
		"Signature algorithms accepted from the peer and used by us, in order of preference.",
		LIST(option_schemes) },
	{ "signature_algs_cert", "signature_algorithms_cert", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"RFC 8446 names, such as rsa_pkcs1_sha256", "",
		"Signature algorithms accepted inside the peer's chain, where they are not those of "
		"signature_algs.",
		LIST(option_cert_schemes) },
	{ "key_shares", NULL, OPTION_NUMBER, OPTION_CLIENT, false, 1, 4, "1 to 4", "",
		"Key shares in the first hello, of the first groups of different kinds; more cost time, "
		"fewer may cost a round trip.",
		NUMBER(num_shares) },
	{ "alpn_advertised_protocols", "alpn", OPTION_LIST, OPTION_CLIENT, false, 0, 0,
		"names of 1 to 255 bytes, separated by commas", "none",
		"Application protocols offered to the server.", OWN(alpn) },
	{ "alpn_preferred_protocols", "alpn", OPTION_LIST, OPTION_SERVER, false, 0, 0,
		"names of 1 to 255 bytes, separated by commas", "none",
		"Application protocols the server takes, in order of preference; a client that offers "
		"none of them is refused.",
		OWN(alpn) },
	{ "verify", NULL, OPTION_WORD, OPTION_BOTH, true, 0, 0, "verify_peer, verify_none",
		"verify_none",
		"Whether the peer's certificates must check out. Without, a client talks to anybody; a "
		"server does not ask for a certificate.",
		WORD(verify, verify_words) },
	{ "fail_if_no_peer_cert", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"false",
		"With verify_peer: a client without a certificate is refused; otherwise only one with a "
		"bad certificate.",
		BOOL(fail_if_no_peer_cert) },
	{ "server_certificate_type", NULL, OPTION_LIST, OPTION_BOTH, false, 0, 0, "x509, raw", "",
		"What the server may show, best first: a certificate, or its bare public key (RFC 7250), "
		"which the client must know already (leat_config_add_peer_key).",
		CERT_TYPES(server_types) },
	{ "client_certificate_type", NULL, OPTION_LIST, OPTION_BOTH, false, 0, 0, "x509, raw", "",
		"The same for clients that are asked who they are; the server must know their keys.",
		CERT_TYPES(client_types) },
	{ "post_handshake_auth", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false", "",
		"TLS 1.3: let the server ask for our certificate at any time after the handshake.",
		BOOL(post_auth) },
	{ "post_handshake_auth", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false", "",
		"TLS 1.3: keep what is needed to ask clients for a certificate after the handshake, by "
		"leat_engine_request_auth. It is verified even with verify_none.",
		BOOL(post_auth) },
	{ "certificate_authorities", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false",
		"false",
		"Tell the server which CAs are trusted, so that it can choose its certificate "
		"by it.",
		BOOL(authorities) },
	{ "certificate_authorities", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"true", "Tell clients that are asked for a certificate which CAs are trusted.",
		BOOL(authorities) },
	{ "insecure_skip_name", NULL, OPTION_BOOL, OPTION_CLIENT, true, 0, 0, "true, false", "",
		"Check the server's chain but not that its certificate is for the host asked for: any "
		"holder of any trusted certificate may answer.",
		BOOL(insecure_skip_name) },
	{ "depth", NULL, OPTION_NUMBER, OPTION_BOTH, false, 0, 255, "0 to 255", "1",
		"Most intermediates between the peer's certificate and the root that are not "
		"self-issued; 0: signed by the root itself.",
		NUMBER(depth) },
	{ "lean_verify", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Let chains of the plain shape pass by leat's own check; all others, and every refusal, "
		"are libcrypto's. false: libcrypto judges every chain.",
		BOOL(lean_verify) },
	{ "chain_cache", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Remember chains that passed, with the trusted CAs; dates, depth and host name are checked "
		"each time all the same.",
		BOOL(chain_cache) },
	{ "ocsp_stapling", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "false, true, required",
		"false",
		"Ask the peer for OCSP responses and believe no certificate that one calls revoked; "
		"without a response only where the certificate does not demand one (true), or never "
		"(required). A server asks where it asks for a certificate; clients of TLS 1.2 cannot "
		"have one.",
		WORD(staple, staple_words) },
	{ "crl_check", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0,
		"false, true, peer, best_effort", "false",
		"Refuse certificates that a CRL calls revoked, and those of which no CRL that is in time "
		"tells: all below the trusted CA (true), or the peer's own alone (peer). best_effort: one "
		"whose status cannot be told passes. The CRLs are those of crl_cache.",
		WORD(crl_check, crl_words) },
	{ "sct", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Ask the peer for signed certificate timestamps, for the application: leat does not "
		"verify them.",
		BOOL(ask_sct) },
	{ "cert_compression", NULL, OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"zlib, brotli, zstd, or none", "",
		"TLS 1.3: algorithms that certificates may be packed with, in order of preference.",
		LIST(option_zips) },
	{ "cacertfile", NULL, OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a PEM file", "none",
		"Trusted CAs. Without it a client uses the system's. Our own chain is completed by its "
		"intermediates.",
		BY_FILES },
	{ "crl_cache", NULL, OPTION_TEXT, OPTION_BOTH, false, 0, 0,
		"internal, file:PATH or dir:PATH; the first two also with ,http=MS", "internal",
		"Where CRLs are: what the program put into the process's cache, a PEM file, or a folder as "
		"openssl rehash names it. With http those that are not there are fetched from the http URIs "
		"in certificates, each within so many milliseconds, while the handshake waits.",
		BY_FILES },
	{ "certfile", "cert", OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a PEM file", "none",
		"Our certificate, its intermediates after it.", BY_FILES },
	{ "keyfile", "key", OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a PEM file",
		"the path of certfile", "The private key of the certificate.", BY_FILES },
	{ "ocsp_file", NULL, OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a DER file", "none",
		"An OCSP response for the certificate, sent to peers that ask.", BY_FILES },
	{ "sct_file", NULL, OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a binary file", "none",
		"A SignedCertificateTimestampList for the certificate, sent to peers that ask.",
		BY_FILES },
	{ "password", NULL, OPTION_TEXT, OPTION_BOTH, false, 0, 0, "text", "(empty)",
		"Opens an encrypted keyfile.", BY_FILES },
	{ "honor_cipher_order", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"false", "The server's order of suites and groups decides, not the client's.",
		BOOL(server_order) },
	{ "secure_renegotiate", NULL, OPTION_BOOL, OPTION_BOTH, true, 0, 0, "true, false", "false",
		"TLS 1.2: a client refuses servers that do not know RFC 5746: somebody on the way may have put "
		"its own words before ours. leat itself never renegotiates, so that a server need not ask.",
		BOOL(secure_renegotiate) },
	{ "client_renegotiation", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"true",
		"TLS 1.2: whether clients may renegotiate. leat answers them with the warning no_renegotiation in "
		"either case, and goes on: true is taken for the sake of configurations from elsewhere.",
		BOOL(client_renegotiation) },
	{ "hibernate_after", NULL, OPTION_WORD, OPTION_BOTH, false, 0, INT32_MAX,
		"undefined, or milliseconds, 0 to 2147483647", "undefined",
		"When a connection gives back what it needs only to work (buffers, cipher contexts): after this time "
		"without data, while it waits for some in leat_recv or in its mailbox. It goes on by itself. 0: whenever "
		"it waits.",
		OWN(hibernate) },
	{ "log_alert", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "true",
		"Whether fatal alerts, ours and the peer's, go to the log of the process (leat_log(3)).",
		BOOL(log_alert) },
	{ "middlebox_comp_mode", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Look like TLS 1.2 to boxes on the way (RFC 8446 D.4).", BOOL(middlebox) },
	{ "max_handshake_size", NULL, OPTION_NUMBER, OPTION_BOTH, false, 1, MAX_HANDSHAKE_TOP,
		"bytes, 1 to 8388607", "", "Longest handshake message that is taken.",
		NUMBER(max_handshake_size) },
	{ "record_size_limit", NULL, OPTION_NUMBER, OPTION_BOTH, false, 0, 16385,
		"0, or bytes, 64 to 16385", "",
		"Longest record we take (RFC 8449), the content type of TLS 1.3 included. 0: a client "
		"says nothing of it, a server does not answer. What the peer says is kept to. Shorter "
		"records than the longest stay out of the kernel.",
		OWN(record_size) },
	{ "max_fragment_length", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0,
		"undefined, 512, 1024, 2048, 4096", "",
		"Ask the server for records that hold no more than this, both ways (RFC 6066); for servers "
		"that do not know record_size_limit.",
		WORD(max_fragment, fragment_words) },
	{ "dynamic_record_size", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Begin with records that fill one TCP segment, at the start and after a second without "
		"data, so that the peer can use what arrives at once; after 64 KiB records are as long as "
		"they may be. For records made in user space: the kernel's are not touched.",
		BOOL(dynamic_records) },
	{ "record_padding", NULL, OPTION_NUMBER, OPTION_BOTH, false, 0, 16384,
		"0, or bytes, up to 16384", "",
		"TLS 1.3: pad what records hold to a multiple of this, so that lengths tell less. 0: no "
		"padding. With padding nothing is sent through the kernel.",
		NUMBER(pad_to) },
	{ "key_update_at", NULL, OPTION_NUMBER, OPTION_BOTH, false, 1, 388736063997,
		"bytes, 1 to 388736063997", "",
		"TLS 1.3: data sent under one key before KeyUpdate brings a new one; sooner where the "
		"cipher needs it. Set lower than its default, sending stays in user space.",
		NUMBER(key_update_at) },
	{ "cookie", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false", "",
		"A HelloRetryRequest carries a cookie, which the client must bring back within a minute "
		"(RFC 8446 4.2.2).",
		BOOL(cookie) },
	{ "always_retry", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false", "",
		"TLS 1.3: answer every first hello with a HelloRetryRequest and a cookie: whoever gets "
		"further can receive what is sent to its address. Costs a round trip; no early data.",
		BOOL(always_retry) },
	{ "server_name_indication", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0,
		"default, disable", "default",
		"Whether the server is told the name of the host that is asked for (RFC 6066 3); it is checked "
		"either way.",
		WORD(no_sni, sni_words) },
	{ "fallback", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false", "false",
		"Say that this is a second try with lower versions (TLS_FALLBACK_SCSV, RFC 7507): a "
		"server that speaks a higher one refuses, because somebody must have made the first fail. "
		"It protects only where the server knows it, and is not for first tries.",
		BOOL(fallback) },
	{ "keep_secrets", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "false",
		"Keep the master secret of TLS 1.2 when the kernel has both directions, so that exporters "
		"and channel bindings work afterwards too; TLS 1.3 needs nothing for that.",
		BOOL(keep_secrets) },
	{ "session_tickets", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0, "disabled, manual", "",
		"Whether sessions are kept for leat_engine_take_session, to be offered again.",
		WORD(sessions, client_sessions) },
	{ "session_tickets", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0,
		"disabled, stateless, stateful", "",
		"Whether clients get something to resume with: tickets that are the sealed session, or "
		"sessions in a store (handles to them in TLS 1.3, session ids in TLS 1.2).",
		WORD(sessions, server_sessions) },
	{ "session_tickets_amount", "tickets", OPTION_NUMBER, OPTION_SERVER, false, 0, LIM_TICKETS,
		"0 to 16", "",
		"TLS 1.3: tickets after a full handshake; a resumed one gives one in its place.",
		NUMBER(num_tickets) },
	{ "session_lifetime", NULL, OPTION_NUMBER, OPTION_SERVER, false, 1, 604800,
		"seconds, 1 to 604800", "86400", "How long sessions can be resumed.",
		NUMBER(session_life_s) },
	{ "psk_modes", NULL, OPTION_LIST, OPTION_BOTH, true, 0, 0, "psk_dhe_ke, psk_ke", "",
		"TLS 1.3: key exchange beside a ticket or PSK; psk_ke does without, so whoever learns "
		"the key later reads everything.",
		OWN(psk_modes) },
	{ "psk_identity", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0, "text, 1 to 65535 bytes",
		"none",
		"TLS 1.2: the identity sent with PSK suites; among the keys that were added the one to be "
		"used.",
		OWN(psk_identity) },
	{ "psk_identity", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0, "text, 1 to 65535 bytes",
		"none", "TLS 1.2: the hint that clients are given with PSK suites.",
		OWN(psk_identity) },
	{ "psk_unknown", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0, "hide, alert", "",
		"TLS 1.2: what a client gets whose PSK identity nobody knows: a handshake that fails as with "
		"a wrong key, so that names cannot be tried out, or unknown_psk_identity (RFC 4279 2).",
		WORD(psk_unknown, psk_unknown_words) },
	{ "dh", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0,
		"DER in hexadecimal digits, or PEM text", "none",
		"TLS 1.2: DH parameters of 2048 to 8192 bits for DHE suites, used with clients that name "
		"no group of RFC 7919; in place of those of dhfile. Without either: ffdhe2048.",
		OWN(dh) },
	{ "dhfile", NULL, OPTION_FILE, OPTION_SERVER, false, 0, 0, "path of a PEM or DER file",
		"none", "The same from a file.", BY_FILES },
	{ "records", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "auto, kernel, user", "",
		"Who protects records: the kernel where it pays, the kernel or nobody, never the "
		"kernel.",
		OWN(records) },
	{ "records_rx", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "auto, kernel, user", "",
		"records, for received data only.", WORD(records[LEAT_RX], option_records_words) },
	{ "records_tx", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "auto, kernel, user", "",
		"records, for sent data only.", WORD(records[LEAT_TX], option_records_words) },
	{ "padding_check", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "true", "true",
		"Whether the padding of CBC suites of TLS 1.0 is checked. There is no such suite here: false, which "
		"opens TLS 1.0 to POODLE, is refused.",
		OWN(padding_check) },
	{ "cb_info", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "gen_tcp", "gen_tcp",
		"What carries the bytes: TCP sockets. Other transports are tables of functions, "
		"leat_config_set_transport.",
		OWN(cb_info) },
	{ "kernel_file_from", NULL, OPTION_WORD, OPTION_BOTH, false, 0, THRESHOLD_TOP,
		"calibrated, never, or bytes", "",
		"records=auto: a file of this many bytes or more is sent by the kernel. calibrated: what leat "
		"calibrate measured on this machine, else 262144, and never with ChaCha20-Poly1305.",
		THRESHOLD(kernel_file_from) },
	{ "kernel_stream_from", NULL, OPTION_WORD, OPTION_BOTH, false, 0, THRESHOLD_TOP,
		"calibrated, never, or bytes", "",
		"records=auto: once a connection has sent this many bytes from memory, the kernel sends the "
		"rest. calibrated: what leat calibrate measured on this machine, else never.",
		THRESHOLD(kernel_stream_from) },
};

#define NUM_OPTIONS (sizeof(options) / sizeof(options[0]))

const struct option *option_at(size_t i)
{
	return i < NUM_OPTIONS ? &options[i] : NULL;
}

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(*a == '_' && *b == '-'))
			return false;
	return *a == *b;
}

const struct option *option_find(const char *name, unsigned roles)
{
	for (size_t i = 0; i < NUM_OPTIONS; i++) {
		const struct option *o = &options[i];

		if ((o->roles & roles) &&
			(same_name(o->name, name) || (o->alias && same_name(o->alias, name))))
			return o;
	}
	return NULL;
}

enum leat_ret leat_config_set(
	struct leat_config *c, const char *name, const char *value, struct leat_err *err)
{
	const struct option *o;

	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (!name || !value)
		return err_misuse(err, "config: an option needs a name and a value");
	o = option_find(name, 1u << c->role);
	if (!o && option_find(name, OPTION_BOTH)) {
		err_option(err, option_find(name, OPTION_BOTH)->name, value,
			c->role == LEAT_CLIENT ? "is an option of servers"
					       : "is an option of clients");
		return LEAT_FAILED;
	}
	if (!o) {
		/* The name is the caller's and may not live as long as err: it goes to the detail. */
		err_option(err, "(unknown)", NULL, "there is no option of this name");
		err_detailf(err, "%s=%s", name, value);
		return LEAT_FAILED;
	}
	if (!o->set)
		return err_option(err, o->name, value,
			"names a file or goes with one; use leat_config_use_files");
	if (o->set(c, o, value, err) != LEAT_OK)
		return LEAT_FAILED;
	c->verify_set |= o->at == offsetof(struct leat_config, verify) && o->size != 0;
	return LEAT_OK;
}
