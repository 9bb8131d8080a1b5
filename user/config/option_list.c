/* SPDX-License-Identifier: Apache-2.0
 *
 * option_list.c - options with several values, separated by commas or colons, in order of preference:
 * names out of the tables of crypto/, versions, kinds of certificates and PSK modes, and the protocol
 * names of ALPN. A list is read completely before anything is applied.
 */
#include "config/option_int.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/aead.h"
#include "crypto/kex.h"
#include "crypto/sign.h"
#include "wire/client_hello.h"
#include "wire/ext.h"

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

/* ---- rows of the tables of crypto/ ------------------------------------------------------------ */

/* The members of struct leat_config that hold the list (CONFIG_LIST), and the table it is over. */
struct option_list {
	size_t rows, num, max;
	const void *(*find)(const char *word, size_t n);
	bool (*is_available)(const struct leat_config *c, const void *row);
	const char *(*name)(const void *row);
	const char *unknown, *lacking; /* what is said of a word */
	const char *none;              /* the value that stands for an empty list; NULL: refused */
};

/* The typed half of an option_list: a row of a table found by name, asked for, and named. */
#define TABLE(type, available)                                             \
	static const void *find_##type(const char *word, size_t n)         \
	{                                                                  \
		return type##_by_name(word, n);                            \
	}                                                                  \
	static bool has_##type(const struct leat_config *c, const void *p) \
	{                                                                  \
		const struct type *row = p;                                \
                                                                           \
		(void)c;                                                   \
		return available;                                          \
	}                                                                  \
	static const char *name_of_##type(const void *row)                 \
	{                                                                  \
		return ((const struct type *)row)->name;                   \
	}

TABLE(suite, crypto_has_aead(c->crypto, row->aead))
TABLE(group, crypto_has_group(c->crypto, row))
TABLE(sigscheme, crypto_has_scheme(c->crypto, row))
TABLE(zip, row != NULL)

#define MEMBER(m) ((struct leat_config *)0)->m
#define LIST(member, type, noun, none_)                                                  \
	{                                                                                \
		.rows = offsetof(struct leat_config, member.v),                          \
		.num = offsetof(struct leat_config, member.n),                           \
		.max = sizeof(MEMBER(member.v)) / sizeof(const struct type *),           \
		.find = find_##type, .is_available = has_##type, .name = name_of_##type, \
		.unknown = "not the name of a " noun,                                    \
		.lacking = "libcrypto here lacks this " noun, .none = none_,             \
	}

const struct option_list option_suites = LIST(suites, suite, "cipher suite", NULL);
const struct option_list option_groups = LIST(groups, group, "group", NULL);
const struct option_list option_schemes = LIST(schemes, sigscheme, "signature algorithm", NULL);
/* Empty: those of signature_algs. */
const struct option_list option_cert_schemes = LIST(
	cert_schemes, sigscheme, "signature algorithm", "");
const struct option_list option_zips = LIST(zips, zip, "compression algorithm", "none");

#define LIST_MAX CONFIG_MAX_SUITES /* the longest of them */

struct rows {
	const void *v[LIST_MAX];
	unsigned n;
};

static bool has_row(const struct rows *rows, const void *row)
{
	for (unsigned i = 0; i < rows->n; i++)
		if (rows->v[i] == row)
			return true;
	return false;
}

/* Why this word may not come next in the list; NULL: it may, *row is what it means. */
static const char *check_row(const struct leat_config *c, const struct option_list *l,
	const struct rows *before, struct leat_span word, const void **row)
{
	*row = l->find((const char *)word.p, word.n);
	if (!*row)
		return l->unknown;
	if (!l->is_available(c, *row))
		return l->lacking;
	if (has_row(before, *row))
		return "named twice";
	return before->n == l->max ? "too many names" : NULL;
}

enum leat_ret option_set_list(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	const struct option_list *l = o->list;
	bool none = l->none && strcasecmp(value, l->none) == 0;
	struct words w = words_of(none ? "" : value);
	struct rows rows = { .n = 0 };
	const char *word, *why;
	const void *row;
	size_t n;

	while (next_word(&w, &word, &n)) {
		why = check_row(c, l, &rows, (struct leat_span){ (const uint8_t *)word, n }, &row);
		if (why)
			return refuse_word(err, o, word, n, why);
		rows.v[rows.n++] = row;
	}
	if (rows.n == 0 && !none)
		return err_option(err, o->name, value, "an empty list");
	memcpy((char *)c + l->rows, rows.v, rows.n * sizeof(rows.v[0]));
	memcpy((char *)c + l->num, &rows.n, sizeof(rows.n));
	return LEAT_OK;
}

void option_show_list(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	const struct option_list *l = o->list;
	struct rows rows = { .n = 0 };

	memcpy(&rows.n, (const char *)c + l->num, sizeof(rows.n));
	memcpy(rows.v, (const char *)c + l->rows, rows.n * sizeof(rows.v[0]));
	snprintf(buf, n, "%s", rows.n == 0 && l->none ? l->none : "");
	for (unsigned i = 0; i < rows.n; i++)
		append(buf, n, l->name(rows.v[i]));
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
enum leat_ret option_set_versions(
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

void option_show_versions(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	buf[0] = '\0';
	for (unsigned v = c->max_version; v >= c->min_version; v--)
		append(buf, n, leat_version_name(v));
}

/* ---- kinds of certificates ------------------------------------------------------------------- */

static const char *const type_words[] = { [CERT_X509] = "x509", [CERT_RAW_KEY] = "raw" };

enum leat_ret option_set_cert_types(
	struct leat_config *c, const struct option *o, const char *value, struct leat_err *err)
{
	struct cert_types *member = (void *)((char *)c + o->at);
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
	*member = t;
	return LEAT_OK;
}

void option_show_cert_types(
	const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	const struct cert_types *t = (const void *)((const char *)c + o->at);

	buf[0] = '\0';
	for (unsigned i = 0; i < t->n; i++)
		append(buf, n, type_words[t->v[i]]);
}

/* ---- PSK modes -------------------------------------------------------------------------------- */

static const char *const mode_words[] = { [PSK_KE] = "psk_ke", [PSK_DHE_KE] = "psk_dhe_ke" };

enum leat_ret option_set_psk_modes(
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

void option_show_psk_modes(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	(void)o;
	buf[0] = '\0';
	if (c->psk_modes & 1u << PSK_DHE_KE)
		append(buf, n, mode_words[PSK_DHE_KE]);
	if (c->psk_modes & 1u << PSK_KE)
		append(buf, n, mode_words[PSK_KE]);
}

/* ---- ALPN ------------------------------------------------------------------------------------- */

/* Text names are separated by commas only: ':' and ' ' may be part of one. */
enum leat_ret option_set_alpn(
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

void option_show_alpn(const struct leat_config *c, const struct option *o, char *buf, size_t n)
{
	char name[LIM_ALPN_NAME + 1];
	size_t at = 0, len;

	(void)o;
	buf[0] = '\0';
	while (at < c->alpn.n) {
		len = c->alpn.p[at];
		memcpy(name, c->alpn.p + at + 1, len);
		name[len] = '\0';
		append(buf, n, name);
		at += 1 + len;
	}
}
