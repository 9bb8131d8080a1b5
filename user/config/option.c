/* SPDX-License-Identifier: Apache-2.0
 *
 * option.c - options from text, by the one table. Names, ranges and meaning are those of the manual
 * of Erlang's ssl(3) where it has the option; what the manual calls otherwise here is an alias.
 * Values are parsed completely before anything is applied. No file is opened: rows of type
 * OPTION_FILE are for leat_config_use_files (sock/anchors).
 */
#include "config/option.h"
#include "config/option_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "wire/client_hello.h"
#include "wire/ext.h"
#include "crypto/sign.h"

/* The manual's bound (OTP since 8.1.1): 8 MiB less one. */
#define MAX_HANDSHAKE_TOP 8388607

/* ---- words of a list ------------------------------------------------------------------------ */

struct words {
	const char *p;
};

static bool is_separator(char c)
{
	return c == ',' || c == ':';
}

/* The next word without the spaces around it, or false at the end. "a,,b" has an empty word in the
 * middle, "" has none at all. */
static bool next_word(struct words *w, const char **word, size_t *n)
{
	const char *p = w->p, *end;

	if (!p)
		return false;
	for (end = p; *end && !is_separator(*end); end++)
		;
	w->p = *end ? end + 1 : NULL;
	while (p < end && *p == ' ')
		p++;
	while (end > p && end[-1] == ' ')
		end--;
	*word = p;
	*n = (size_t)(end - p);
	return true;
}

static struct words words_of(const char *value)
{
	return (struct words){ value[0] ? value : NULL };
}

static enum leat_ret refuse_word(
	struct leat_err *err, const struct option *o, const char *word, size_t n, const char *what)
{
	err_option(err, o->name, NULL, what);
	err_detail(err, word, n);
	return LEAT_FAILED;
}

static bool is_word(const char *word, size_t n, const char *want)
{
	return strlen(want) == n && strncasecmp(word, want, n) == 0;
}

/* Text of a value under construction, cut to fit. */
static void append(char *buf, size_t n, const char *text)
{
	size_t at = strlen(buf);

	if (at + 1 < n)
		snprintf(buf + at, n - at, "%s%s", at ? "," : "", text);
}

/* ---- single values -------------------------------------------------------------------------- */

static enum leat_ret parse_bool(
	const struct option *o, const char *value, bool *out, struct leat_err *err)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_option(err, o->name, value, "neither true nor false");
	*out = value[0] == 't';
	return LEAT_OK;
}

static void show_bool(bool v, char *buf, size_t n)
{
	snprintf(buf, n, "%s", v ? "true" : "false");
}

/* Digits only: strtoul would let signs and spaces through. */
static enum leat_ret parse_number(
	const struct option *o, const char *value, unsigned long *out, struct leat_err *err)
{
	unsigned long v = 0;
	size_t i;

	for (i = 0; value[i] >= '0' && value[i] <= '9' && i < 15; i++)
		v = v * 10 + (unsigned long)(value[i] - '0');
	if (i == 0 || value[i] != '\0')
		return err_option(err, o->name, value, "not a number");
	if (v < o->min || v > o->max) {
		err_option(err, o->name, NULL, "outside its range");
		err_detailf(err, "%.60s (allowed: %lu to %lu)", value, o->min, o->max);
		return LEAT_FAILED;
	}
	*out = v;
	return LEAT_OK;
}

/* Index of value in words, or -1. */
static int find_word(const char *const *words, int num, const char *value)
{
	for (int i = 0; i < num; i++)
		if (strcasecmp(words[i], value) == 0)
			return i;
	return -1;
}

/* For the other files of options (option_int.h). */
enum leat_ret option_parse_bool(
	const struct option *o, const char *value, bool *out, struct leat_err *err)
{
	return parse_bool(o, value, out, err);
}

enum leat_ret option_parse_number(
	const struct option *o, const char *value, unsigned long *out, struct leat_err *err)
{
	return parse_number(o, value, out, err);
}

void option_show_bool(bool v, char *buf, size_t n)
{
	show_bool(v, buf, n);
}

int option_find_word(const char *const *words, int num, const char *value)
{
	return find_word(words, num, value);
}

/* ---- versions ------------------------------------------------------------------------------- */

static enum leat_ret version_of(
	const struct option *o, const char *word, size_t n, unsigned *version, struct leat_err *err)
{
	if (is_word(word, n, "tlsv1.2")) {
		*version = LEAT_TLS12;
		return LEAT_OK;
	}
	if (is_word(word, n, "tlsv1.3")) {
		*version = LEAT_TLS13;
		return LEAT_OK;
	}
	/* VER-ssl2: asking for it is an error of its own kind, it will never be had. */
	if (is_word(word, n, "sslv2"))
		return refuse_word(err, o, word, n, "SSL 2.0 is insecure and never supported");
	if (is_word(word, n, "sslv3") || is_word(word, n, "tlsv1") || is_word(word, n, "tlsv1.1"))
		return refuse_word(err, o, word, n, "not available in this version of leat");
	return refuse_word(err, o, word, n, "not a protocol version");
}

/* The order does not matter: the highest common version wins. */
static enum leat_ret set_versions(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	struct words w = words_of(value);
	unsigned min = UINT16_MAX, max = 0, v;
	const char *word;
	size_t n;

	while (next_word(&w, &word, &n)) {
		if (version_of(o, word, n, &v, err) != LEAT_OK)
			return LEAT_FAILED;
		min = v < min ? v : min;
		max = v > max ? v : max;
	}
	if (max == 0)
		return err_option(err, o->name, value, "no version is left");
	return leat_config_set_versions(c, (enum leat_version)min, (enum leat_version)max, err);
}

static void show_versions(const struct leat_config *c, char *buf, size_t n)
{
	for (unsigned v = c->max_version; v >= c->min_version; v--)
		append(buf, n, leat_version_name(v));
}

/* ---- lists over the tables of crypto/suite.h ---------------------------------------------------- */

#define REPEATED(list, x)                                       \
	({                                                      \
		bool again_ = false;                            \
		for (unsigned i_ = 0; i_ < (list).n; i_++)      \
			again_ = again_ || (list).v[i_] == (x); \
		again_;                                         \
	})

/* set_NAME(): the value as a list of rows found by FIND that AVAILABLE allows, put into c->LIST. */
#define LIST_SETTER(fn, type, list_, max_, find, available, noun)                                 \
	static enum leat_ret fn(struct leat_config *c, const struct option *o, const char *value, \
		struct leat_err *err)                                                             \
	{                                                                                         \
		CONFIG_LIST(type, max_) list = { .n = 0 };                                        \
		struct words w = words_of(value);                                                 \
		const struct type *row;                                                           \
		const char *word;                                                                 \
		size_t n;                                                                         \
                                                                                                  \
		while (next_word(&w, &word, &n)) {                                                \
			row = find(word, n);                                                      \
			if (!row)                                                                 \
				return refuse_word(err, o, word, n, "not the name of a " noun);   \
			if (!(available))                                                         \
				return refuse_word(                                               \
					err, o, word, n, "libcrypto here lacks this " noun);      \
			if (REPEATED(list, row))                                                  \
				return refuse_word(err, o, word, n, "named twice");               \
			if (list.n == max_)                                                       \
				return refuse_word(err, o, word, n, "too many names");            \
			list.v[list.n++] = row;                                                   \
		}                                                                                 \
		if (list.n == 0)                                                                  \
			return err_option(err, o->name, value, "an empty list");                  \
		memcpy(c->list_.v, list.v, sizeof(list.v));                                       \
		c->list_.n = list.n;                                                              \
		return LEAT_OK;                                                                   \
	}

LIST_SETTER(set_ciphers, suite, suites, CONFIG_MAX_SUITES, suite_by_name,
	crypto_has_aead(c->crypto, row->aead), "cipher suite")
LIST_SETTER(set_groups, group, groups, CONFIG_MAX_GROUPS, group_by_name,
	crypto_has_group(c->crypto, row), "group")
LIST_SETTER(set_schemes, sigscheme, schemes, CONFIG_MAX_SCHEMES, sigscheme_by_name,
	crypto_has_scheme(c->crypto, row), "signature algorithm")
LIST_SETTER(set_some_cert_schemes, sigscheme, cert_schemes, CONFIG_MAX_SCHEMES, sigscheme_by_name,
	crypto_has_scheme(c->crypto, row), "signature algorithm")

/* An empty list: those of signature_algs. */
static enum leat_ret set_cert_schemes(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	if (value[0])
		return set_some_cert_schemes(c, o, value, err);
	c->cert_schemes.n = 0;
	return LEAT_OK;
}

#define LIST_SHOWER(fn, list_)                                           \
	static void fn(const struct leat_config *c, char *buf, size_t n) \
	{                                                                \
		for (unsigned i = 0; i < c->list_.n; i++)                \
			append(buf, n, c->list_.v[i]->name);             \
	}

LIST_SHOWER(show_ciphers, suites)
LIST_SHOWER(show_groups, groups)
LIST_SHOWER(show_schemes, schemes)
LIST_SHOWER(show_cert_schemes, cert_schemes)

static enum leat_ret set_shares(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->num_shares = (unsigned)v;
	return LEAT_OK;
}

static void show_shares(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->num_shares);
}

/* ---- ALPN ------------------------------------------------------------------------------------- */

/* Text names are separated by commas only: ':' and ' ' may be part of one. */
static enum leat_ret set_alpn(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	size_t num = value[0] ? 1 : 0, i = 0;
	struct leat_span *names;
	enum leat_ret ret;
	const char *p;

	for (p = value; *p; p++)
		num += *p == ',';
	names = leat_array(num, sizeof(*names));
	if (!names)
		return err_memory(err);
	for (p = value; i < num; p += names[i++].n + 1)
		names[i] = (struct leat_span){ (const uint8_t *)p, strcspn(p, ",") };
	(void)o;
	ret = leat_config_set_alpn(c, names, num, err);
	leat_free(names);
	return ret;
}

static void show_alpn(const struct leat_config *c, char *buf, size_t n)
{
	char name[LIM_ALPN_NAME + 1];
	size_t at = 0, len;

	while (at < c->alpn.n) {
		len = c->alpn.p[at];
		memcpy(name, c->alpn.p + at + 1, len);
		name[len] = '\0';
		append(buf, n, name);
		at += 1 + len;
	}
}

/* ---- checks of the peer --------------------------------------------------------------------------- */

static const char *const verify_words[] = { "verify_peer", "verify_none" };

static enum leat_ret set_verify(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	int i = find_word(verify_words, 2, value);

	if (i < 0)
		return err_option(err, o->name, value, "neither verify_peer nor verify_none");
	return leat_config_set_verify(c, (enum leat_verify)i, err);
}

static void show_verify(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s", verify_words[c->verify]);
}

static enum leat_ret set_fail_if_none(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->fail_if_no_peer_cert, err);
}

static void show_fail_if_none(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->fail_if_no_peer_cert, buf, n);
}

static const char *const type_words[] = { [CERT_X509] = "x509", [CERT_RAW_KEY] = "raw" };

static enum leat_ret parse_types(
	const struct option *o, const char *value, struct cert_types *out, struct leat_err *err)
{
	struct words w = words_of(value);
	struct cert_types t = { 0 };
	const char *word;
	uint8_t type;
	size_t n;

	while (next_word(&w, &word, &n)) {
		if (is_word(word, n, type_words[CERT_X509]))
			type = CERT_X509;
		else if (is_word(word, n, type_words[CERT_RAW_KEY]))
			type = CERT_RAW_KEY;
		else
			return refuse_word(err, o, word, n, "neither x509 nor raw");
		if (t.n == 2 || (t.n && t.v[0] == type))
			return refuse_word(err, o, word, n, "named twice");
		t.v[t.n++] = type;
	}
	if (!t.n)
		return err_option(err, o->name, value, "an empty list");
	*out = t;
	return LEAT_OK;
}

static void show_types(const struct cert_types *t, char *buf, size_t n)
{
	buf[0] = '\0';
	for (unsigned i = 0; i < t->n; i++)
		append(buf, n, type_words[t->v[i]]);
}

static enum leat_ret set_server_types(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_types(o, value, &c->server_types, err);
}

static void show_server_types(const struct leat_config *c, char *buf, size_t n)
{
	show_types(&c->server_types, buf, n);
}

static enum leat_ret set_client_types(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_types(o, value, &c->client_types, err);
}

static void show_client_types(const struct leat_config *c, char *buf, size_t n)
{
	show_types(&c->client_types, buf, n);
}

static enum leat_ret set_post_auth(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->post_auth, err);
}

static void show_post_auth(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->post_auth, buf, n);
}

static enum leat_ret set_authorities(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->authorities, err);
}

static void show_authorities(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->authorities, buf, n);
}

static enum leat_ret set_skip_name(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->insecure_skip_name, err);
}

static void show_skip_name(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->insecure_skip_name, buf, n);
}

static enum leat_ret set_depth(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->depth = (unsigned)v;
	return LEAT_OK;
}

static void show_depth(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->depth);
}

/* ---- behaviour -------------------------------------------------------------------------------------- */

static enum leat_ret set_lean(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->lean_verify, err);
}

static void show_lean(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->lean_verify, buf, n);
}

static enum leat_ret set_chain_cache(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->chain_cache, err);
}

static void show_chain_cache(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->chain_cache, buf, n);
}

static const char *const staple_words[] = {
	[STAPLE_OFF] = "false", [STAPLE_ASK] = "true", [STAPLE_REQUIRE] = "required"
};

static enum leat_ret set_staple(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	int i = find_word(staple_words, 3, value);

	if (i < 0)
		return err_option(err, o->name, value, "neither false, true nor required");
	c->staple = (enum staple_rule)i;
	return LEAT_OK;
}

static void show_staple(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s", staple_words[c->staple]);
}

static enum leat_ret set_sct(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->ask_sct, err);
}

static void show_sct(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->ask_sct, buf, n);
}

LIST_SETTER(set_zip_list, zip, zips, ZIP_COUNT, zip_by_name, row != NULL, "compression algorithm")
LIST_SHOWER(show_zip_list, zips)

static enum leat_ret set_zips(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	if (strcasecmp(value, "none") != 0)
		return set_zip_list(c, o, value, err);
	c->zips.n = 0;
	return LEAT_OK;
}

static void show_zips(const struct leat_config *c, char *buf, size_t n)
{
	if (c->zips.n)
		show_zip_list(c, buf, n);
	else
		snprintf(buf, n, "none");
}

static enum leat_ret set_order(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->server_order, err);
}

static void show_order(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->server_order, buf, n);
}

static enum leat_ret set_middlebox(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->middlebox, err);
}

static void show_middlebox(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->middlebox, buf, n);
}

static enum leat_ret set_max_handshake(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->max_handshake_size = (uint32_t)v;
	return LEAT_OK;
}

static void show_max_handshake(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->max_handshake_size);
}

static enum leat_ret set_keep_secrets(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	return parse_bool(o, value, &c->keep_secrets, err);
}

static void show_keep_secrets(const struct leat_config *c, char *buf, size_t n)
{
	show_bool(c->keep_secrets, buf, n);
}

/* ---- resumption ------------------------------------------------------------------------------------- */

static enum leat_ret set_sessions(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	static const char *const client[] = { "disabled", "manual" };
	static const char *const server[] = { "disabled", "stateless", "stateful" };
	static const enum config_sessions meaning[] = { SESSIONS_OFF, SESSIONS_STATELESS,
		SESSIONS_STATEFUL };
	bool is_client = c->role == LEAT_CLIENT;
	int i = is_client ? find_word(client, 2, value) : find_word(server, 3, value);

	if (i < 0)
		return err_option(err, o->name, value,
			is_client ? "neither disabled nor manual"
				  : "neither disabled, stateless nor stateful");
	c->sessions = is_client && i == 1 ? SESSIONS_KEPT : meaning[i];
	return LEAT_OK;
}

static void show_sessions(const struct leat_config *c, char *buf, size_t n)
{
	static const char *const words[] = { [SESSIONS_OFF] = "disabled",
		[SESSIONS_KEPT] = "manual",
		[SESSIONS_STATELESS] = "stateless",
		[SESSIONS_STATEFUL] = "stateful" };

	snprintf(buf, n, "%s", words[c->sessions]);
}

static enum leat_ret set_num_tickets(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->num_tickets = (uint8_t)v;
	return LEAT_OK;
}

static void show_num_tickets(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->num_tickets);
}

static enum leat_ret set_session_life(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	unsigned long v = 0;

	if (parse_number(o, value, &v, err) != LEAT_OK)
		return LEAT_FAILED;
	c->session_life_s = (uint32_t)v;
	return LEAT_OK;
}

static void show_session_life(const struct leat_config *c, char *buf, size_t n)
{
	snprintf(buf, n, "%u", c->session_life_s);
}

static const char *const mode_words[] = { [PSK_KE] = "psk_ke", [PSK_DHE_KE] = "psk_dhe_ke" };

static enum leat_ret set_psk_modes(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	struct words w = words_of(value);
	unsigned modes = 0;
	const char *word;
	size_t n;

	while (next_word(&w, &word, &n)) {
		if (is_word(word, n, mode_words[PSK_KE]))
			modes |= 1u << PSK_KE;
		else if (is_word(word, n, mode_words[PSK_DHE_KE]))
			modes |= 1u << PSK_DHE_KE;
		else
			return refuse_word(err, o, word, n, "neither psk_dhe_ke nor psk_ke");
	}
	if (!modes)
		return err_option(err, o->name, value, "names no mode");
	c->psk_modes = modes;
	return LEAT_OK;
}

static void show_psk_modes(const struct leat_config *c, char *buf, size_t n)
{
	buf[0] = '\0';
	if (c->psk_modes & 1u << PSK_DHE_KE)
		append(buf, n, mode_words[PSK_DHE_KE]);
	if (c->psk_modes & 1u << PSK_KE)
		append(buf, n, mode_words[PSK_KE]);
}

/* ---- the table ---------------------------------------------------------------------------------------- */

static const struct option options[] = {
	{ "versions", "protocol_version", OPTION_LIST, OPTION_BOTH, false, 0, 0, "tlsv1.3, tlsv1.2",
		"tlsv1.2,tlsv1.1,tlsv1",
		"Protocol versions that may be negotiated; the highest both sides know wins.",
		set_versions, show_versions },
	{ "ciphers", "suites", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"cipher suites by IANA or OpenSSL name", "all of the highest version",
		"Exactly these cipher suites, in order of preference.", set_ciphers, show_ciphers },
	{ "groups", "supported_groups", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024, "
		"x25519, secp256r1, secp384r1, secp521r1, x448, ffdhe2048, ffdhe3072, ffdhe4096, ffdhe6144, ffdhe8192",
		"",
		"Groups for the key exchange, in order of preference. Hybrids with ML-KEM exist where libcrypto "
		"has it, and X25519MLKEM768 is then the first of the default.",
		set_groups, show_groups },
	{ "signature_algs", "signature_algorithms", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"RFC 8446 names, such as ed25519 or rsa_pss_rsae_sha256", "",
		"Signature algorithms accepted from the peer and used by us, in order of preference.",
		set_schemes, show_schemes },
	{ "signature_algs_cert", "signature_algorithms_cert", OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"RFC 8446 names, such as rsa_pkcs1_sha256", "",
		"Signature algorithms accepted inside the peer's chain, where they are not those of "
		"signature_algs.",
		set_cert_schemes, show_cert_schemes },
	{ "key_shares", NULL, OPTION_NUMBER, OPTION_CLIENT, false, 1, 4, "1 to 4", "",
		"Key shares in the first hello, of the first groups of different kinds; more cost time, "
		"fewer may cost a round trip.",
		set_shares, show_shares },
	{ "alpn_advertised_protocols", "alpn", OPTION_LIST, OPTION_CLIENT, false, 0, 0,
		"names of 1 to 255 bytes, separated by commas", "none",
		"Application protocols offered to the server.", set_alpn, show_alpn },
	{ "alpn_preferred_protocols", "alpn", OPTION_LIST, OPTION_SERVER, false, 0, 0,
		"names of 1 to 255 bytes, separated by commas", "none",
		"Application protocols the server takes, in order of preference; a client that offers "
		"none of them is refused.",
		set_alpn, show_alpn },
	{ "verify", NULL, OPTION_WORD, OPTION_BOTH, true, 0, 0, "verify_peer, verify_none",
		"verify_none",
		"Whether the peer's certificates must check out. Without, a client talks to anybody; a "
		"server does not ask for a certificate.",
		set_verify, show_verify },
	{ "fail_if_no_peer_cert", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"false",
		"With verify_peer: a client without a certificate is refused; otherwise only one with a "
		"bad certificate.",
		set_fail_if_none, show_fail_if_none },
	{ "server_certificate_type", NULL, OPTION_LIST, OPTION_BOTH, false, 0, 0, "x509, raw", "",
		"What the server may show, best first: a certificate, or its bare public key (RFC 7250), "
		"which the client must know already (leat_config_add_peer_key).",
		set_server_types, show_server_types },
	{ "client_certificate_type", NULL, OPTION_LIST, OPTION_BOTH, false, 0, 0, "x509, raw", "",
		"The same for clients that are asked who they are; the server must know their keys.",
		set_client_types, show_client_types },
	{ "post_handshake_auth", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false", "",
		"TLS 1.3: let the server ask for our certificate at any time after the handshake.",
		set_post_auth, show_post_auth },
	{ "post_handshake_auth", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false", "",
		"TLS 1.3: keep what is needed to ask clients for a certificate after the handshake, by "
		"leat_engine_request_auth. It is verified even with verify_none.",
		set_post_auth, show_post_auth },
	{ "certificate_authorities", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false",
		"false",
		"Tell the server which CAs are trusted, so that it can choose its certificate "
		"by it.",
		set_authorities, show_authorities },
	{ "certificate_authorities", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"true", "Tell clients that are asked for a certificate which CAs are trusted.",
		set_authorities, show_authorities },
	{ "insecure_skip_name", NULL, OPTION_BOOL, OPTION_CLIENT, true, 0, 0, "true, false", "",
		"Check the server's chain but not that its certificate is for the host asked for: any "
		"holder of any trusted certificate may answer.",
		set_skip_name, show_skip_name },
	{ "depth", NULL, OPTION_NUMBER, OPTION_BOTH, false, 0, 255, "0 to 255", "1",
		"Most intermediates between the peer's certificate and the root that are not "
		"self-issued; 0: signed by the root itself.",
		set_depth, show_depth },
	{ "lean_verify", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Let chains of the plain shape pass by leat's own check; all others, and every refusal, "
		"are libcrypto's. false: libcrypto judges every chain.",
		set_lean, show_lean },
	{ "chain_cache", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Remember chains that passed, with the trusted CAs; dates, depth and host name are checked "
		"each time all the same.",
		set_chain_cache, show_chain_cache },
	{ "ocsp_stapling", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0, "false, true, required",
		"false",
		"Ask the server for OCSP responses and believe no certificate that one calls revoked; "
		"without a response only where the certificate does not demand one (true), or never "
		"(required).",
		set_staple, show_staple },
	{ "sct", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false", "",
		"Ask the server for signed certificate timestamps, for the application: leat does not "
		"verify them.",
		set_sct, show_sct },
	{ "cert_compression", NULL, OPTION_LIST, OPTION_BOTH, false, 0, 0,
		"zlib, brotli, zstd, or none", "",
		"TLS 1.3: algorithms that certificates may be packed with, in order of preference.",
		set_zips, show_zips },
	{ "cacertfile", NULL, OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a PEM file", "none",
		"Trusted CAs. Without it a client uses the system's.", NULL, NULL },
	{ "certfile", "cert", OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a PEM file", "none",
		"Our certificate, its intermediates after it.", NULL, NULL },
	{ "keyfile", "key", OPTION_FILE, OPTION_BOTH, false, 0, 0, "path of a PEM file",
		"the path of certfile", "The private key of the certificate.", NULL, NULL },
	{ "ocsp_file", NULL, OPTION_FILE, OPTION_SERVER, false, 0, 0, "path of a DER file", "none",
		"An OCSP response for the certificate, sent to clients that ask.", NULL, NULL },
	{ "sct_file", NULL, OPTION_FILE, OPTION_SERVER, false, 0, 0, "path of a binary file",
		"none",
		"A SignedCertificateTimestampList for the certificate, sent to clients that ask.",
		NULL, NULL },
	{ "password", NULL, OPTION_TEXT, OPTION_BOTH, false, 0, 0, "text", "(empty)",
		"Opens an encrypted keyfile.", NULL, NULL },
	{ "honor_cipher_order", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false",
		"false", "The server's order of suites and groups decides, not the client's.",
		set_order, show_order },
	{ "middlebox_comp_mode", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "",
		"Look like TLS 1.2 to boxes on the way (RFC 8446 D.4).", set_middlebox,
		show_middlebox },
	{ "max_handshake_size", NULL, OPTION_NUMBER, OPTION_BOTH, false, 1, MAX_HANDSHAKE_TOP,
		"bytes, 1 to 8388607", "", "Longest handshake message that is taken.",
		set_max_handshake, show_max_handshake },
	{ "record_size_limit", NULL, OPTION_NUMBER, OPTION_BOTH, false, 0, 16385,
		"0, or bytes, 64 to 16385", "",
		"Longest record we take (RFC 8449), the content type of TLS 1.3 included. 0: a client "
		"says nothing of it, a server does not answer. What the peer says is kept to. Shorter "
		"records than the longest stay out of the kernel.",
		option_set_record_size, option_show_record_size },
	{ "max_fragment_length", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0,
		"undefined, 512, 1024, 2048, 4096", "",
		"Ask the server for records that hold no more than this, both ways (RFC 6066); for servers "
		"that do not know record_size_limit.",
		option_set_max_fragment, option_show_max_fragment },
	{ "record_padding", NULL, OPTION_NUMBER, OPTION_BOTH, false, 0, 16384,
		"0, or bytes, up to 16384", "",
		"TLS 1.3: pad what records hold to a multiple of this, so that lengths tell less. 0: no "
		"padding. With padding nothing is sent through the kernel.",
		option_set_record_padding, option_show_record_padding },
	{ "key_update_at", NULL, OPTION_NUMBER, OPTION_BOTH, false, 1, 388736063997,
		"bytes, 1 to 388736063997", "",
		"TLS 1.3: data sent under one key before KeyUpdate brings a new one; sooner where the "
		"cipher needs it.",
		option_set_key_update_at, option_show_key_update_at },
	{ "cookie", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false", "",
		"A HelloRetryRequest carries a cookie, which the client must bring back within a minute "
		"(RFC 8446 4.2.2).",
		option_set_cookie, option_show_cookie },
	{ "always_retry", NULL, OPTION_BOOL, OPTION_SERVER, false, 0, 0, "true, false", "",
		"TLS 1.3: answer every first hello with a HelloRetryRequest and a cookie: whoever gets "
		"further can receive what is sent to its address. Costs a round trip; no early data.",
		option_set_always_retry, option_show_always_retry },
	{ "fallback", NULL, OPTION_BOOL, OPTION_CLIENT, false, 0, 0, "true, false", "false",
		"Say that this is a second try with lower versions (TLS_FALLBACK_SCSV, RFC 7507): a "
		"server that speaks a higher one refuses, because somebody must have made the first fail. "
		"Not for first tries.",
		option_set_fallback, option_show_fallback },
	{ "keep_secrets", NULL, OPTION_BOOL, OPTION_BOTH, false, 0, 0, "true, false", "false",
		"Keep the master secret of TLS 1.2 when the kernel has both directions, so that exporters "
		"and channel bindings work afterwards too; TLS 1.3 needs nothing for that.",
		set_keep_secrets, show_keep_secrets },
	{ "session_tickets", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0, "disabled, manual", "",
		"Whether sessions are kept for leat_engine_take_session, to be offered again.",
		set_sessions, show_sessions },
	{ "session_tickets", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0,
		"disabled, stateless, stateful", "",
		"Whether clients get something to resume with: tickets that are the sealed session, or "
		"sessions in a store (handles to them in TLS 1.3, session ids in TLS 1.2).",
		set_sessions, show_sessions },
	{ "session_tickets_amount", "tickets", OPTION_NUMBER, OPTION_SERVER, false, 0, LIM_TICKETS,
		"0 to 16", "",
		"TLS 1.3: tickets after a full handshake; a resumed one gives one in its place.",
		set_num_tickets, show_num_tickets },
	{ "session_lifetime", NULL, OPTION_NUMBER, OPTION_SERVER, false, 1, 604800,
		"seconds, 1 to 604800", "86400", "How long sessions can be resumed.",
		set_session_life, show_session_life },
	{ "psk_modes", NULL, OPTION_LIST, OPTION_BOTH, true, 0, 0, "psk_dhe_ke, psk_ke", "",
		"TLS 1.3: key exchange beside a ticket or PSK; psk_ke does without, so whoever learns "
		"the key later reads everything.",
		set_psk_modes, show_psk_modes },
	{ "psk_identity", NULL, OPTION_WORD, OPTION_CLIENT, false, 0, 0, "text, 1 to 65535 bytes",
		"none",
		"TLS 1.2: the identity sent with PSK suites; among the keys that were added the one to be "
		"used.",
		option_set_psk_identity, option_show_psk_identity },
	{ "psk_identity", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0, "text, 1 to 65535 bytes",
		"none", "TLS 1.2: the hint that clients are given with PSK suites.",
		option_set_psk_identity, option_show_psk_identity },
	{ "dh", NULL, OPTION_WORD, OPTION_SERVER, false, 0, 0,
		"DER in hexadecimal digits, or PEM text", "none",
		"TLS 1.2: DH parameters of 2048 to 8192 bits for DHE suites, used with clients that name "
		"no group of RFC 7919; in place of those of dhfile. Without either: ffdhe2048.",
		option_set_dh, option_show_dh },
	{ "dhfile", NULL, OPTION_FILE, OPTION_SERVER, false, 0, 0, "path of a PEM or DER file",
		"none", "The same from a file.", NULL, NULL },
	{ "records", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "auto, kernel, user", "",
		"Who protects records: the kernel where it pays, the kernel or nobody, never the "
		"kernel.",
		option_set_records, option_show_records },
	{ "records_rx", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "auto, kernel, user", "",
		"records, for received data only.", option_set_records_rx, option_show_records_rx },
	{ "records_tx", NULL, OPTION_WORD, OPTION_BOTH, false, 0, 0, "auto, kernel, user", "",
		"records, for sent data only.", option_set_records_tx, option_show_records_tx },
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
	return o->set(c, o, value, err);
}
