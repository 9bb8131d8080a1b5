/* SPDX-License-Identifier: Apache-2.0
 *
 * t_option.c: config/option.c. The table is consistent with itself and with its two documents, every
 * option takes what it says and refuses the rest with its name and the value, and what is shown can be
 * set again.
 *
 * LEAT_UPDATE_DOCS=1 in the environment writes docs/options.md and the manual page leat-options(7)
 * before comparing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/wr.h"
#include "config/option.h"
#include "sock/app.h"

static struct leat_config *new_config(enum leat_role role)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	return c;
}

static const char *shown(const struct leat_config *c, const char *name)
{
	static char text[1500];
	const struct option *o = option_find(name, 1u << c->role);

	assert_non_null(o);
	text[0] = '\0';
	o->show(c, o, text, sizeof(text));
	return text;
}

static void dump(const struct leat_config *c, char *buf, size_t n)
{
	const struct option *o;
	size_t at = 0;

	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		if (!o->show || !(o->roles & 1u << c->role))
			continue;
		at += (size_t)snprintf(buf + at, n - at, "%s=%s\n", o->name, shown(c, o->name));
		assert_true(at < n);
	}
}

static void takes(enum leat_role role, const char *name, const char *value, const char *after)
{
	struct leat_config *c = new_config(role);
	struct leat_err err = { 0 };
	char text[300];

	if (leat_config_set(c, name, value, &err) != LEAT_OK)
		fail_msg("%s=%s: %s", name, value, leat_strerror(&err, text, sizeof(text)));
	assert_string_equal(shown(c, name), after);
	leat_config_unref(c);
}

/* The error names the option (as the table does) and holds the text; the config is as it was. */
static void refuses(enum leat_role role, const char *name, const char *value, const char *option,
	const char *what)
{
	struct leat_config *c = new_config(role);
	char before[6000], after[6000], text[400];
	struct leat_err err = { 0 };

	dump(c, before, sizeof(before));
	if (leat_config_set(c, name, value, &err) == LEAT_OK)
		fail_msg("%s=%s was taken", name, value);
	leat_strerror(&err, text, sizeof(text));
	if (err.cls != LEAT_E_OPTION || strcmp(err.option, option) != 0 || !strstr(text, what))
		fail_msg("%s=%s: wanted %s: %s, got %s", name, value, option, what, text);
	assert_non_null(strstr(text, "invalid option "));
	dump(c, after, sizeof(after));
	assert_string_equal(before, after);
	leat_config_unref(c);
}

/* ---- the table ------------------------------------------------------------------------------------ */

static void table_is_consistent(void **state)
{
	const struct option *o, *p;

	(void)state;
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		bool outside = o->type == OPTION_FILE || o->type == OPTION_TEXT;

		assert_true(o->name[0] && o->help[0] && o->range[0] && o->otp73);
		assert_true(o->roles != 0 && (o->roles & ~OPTION_BOTH) == 0);
		assert_true(o->type < OPTION_TYPE_COUNT);
		assert_int_equal(o->set == NULL, outside);
		assert_int_equal(o->show == NULL, outside);
		assert_true(o->type != OPTION_NUMBER || o->min < o->max);
		/* a name means one option within a role */
		for (size_t j = 0; (p = option_at(j)) != NULL; j++) {
			if (i == j || !(o->roles & p->roles))
				continue;
			assert_string_not_equal(o->name, p->name);
			assert_true(!p->alias || strcmp(o->name, p->alias) != 0);
			assert_true(!o->alias || !p->alias || strcmp(o->alias, p->alias) != 0);
		}
		for (unsigned role = 0; role < 2; role++) {
			if (!(o->roles & 1u << role))
				continue;
			assert_ptr_equal(option_find(o->name, 1u << role), o);
			if (o->alias)
				assert_ptr_equal(option_find(o->alias, 1u << role), o);
		}
	}
	assert_null(option_at(1000));
}

/* What is shown can be set, and shows the same again: the defaults too. */
static void shown_can_be_set(void **state)
{
	const struct option *o;
	char value[1500];

	(void)state;
	for (unsigned role = 0; role < 2; role++) {
		struct leat_config *c = new_config(role);

		for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
			if (!o->show || !(o->roles & 1u << role))
				continue;
			snprintf(value, sizeof(value), "%s", shown(c, o->name));
			takes(role, o->name, value, value);
		}
		leat_config_unref(c);
	}
}

/* Every printer respects its room. */
static void show_cuts(void **state)
{
	struct leat_config *c = new_config(LEAT_SERVER);
	struct leat_err err = { 0 };
	const struct option *o;
	char buf[32];

	(void)state;
	assert_int_equal(leat_config_set(c, "alpn", "aaaaaaaaaaaa,bbbbbbbbbbbbbbb", &err), LEAT_OK);
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		if (!o->show)
			continue;
		for (size_t n = 1; n < 20; n++) {
			memset(buf, 0x5a, sizeof(buf));
			buf[0] = '\0';
			o->show(c, o, buf, n);
			assert_non_null(memchr(buf, '\0', n));
			for (size_t j = n; j < sizeof(buf); j++)
				assert_int_equal(buf[j], 0x5a);
		}
	}
	leat_config_unref(c);
}

static void names(void **state)
{
	(void)state;
	assert_ptr_equal(
		option_find("suites", OPTION_CLIENT), option_find("ciphers", OPTION_SERVER));
	assert_ptr_equal(option_find("honor-cipher-order", OPTION_SERVER),
		option_find("honor_cipher_order", OPTION_SERVER));
	assert_ptr_not_equal(
		option_find("alpn", OPTION_CLIENT), option_find("alpn", OPTION_SERVER));
	assert_null(option_find("honor_cipher_order", OPTION_CLIENT));
	assert_null(option_find("", OPTION_BOTH));
	assert_null(option_find("cipher", OPTION_BOTH));
	assert_null(option_find("ciphers2", OPTION_BOTH));
	assert_null(option_find("Ciphers", OPTION_BOTH));
}

/* Before any I/O, naming both.  REQ: OPT-unknown ERR-options */
static void unknown_options(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };

	(void)state;
	refuses(LEAT_CLIENT, "chipers", "x", "(unknown)", "chipers=x: there is no option");
	refuses(LEAT_SERVER, "", "", "(unknown)", "there is no option");
	refuses(LEAT_CLIENT, "bad\nname\x1b", "\x7f", "(unknown)", "bad?name?=?");
	refuses(LEAT_CLIENT, "honor_cipher_order", "true", "honor_cipher_order",
		"is an option of servers");
	refuses(LEAT_SERVER, "key_shares", "2", "key_shares", "is an option of clients");
	refuses(LEAT_CLIENT, "depth", "x", "depth", "invalid option depth=x");
	assert_int_equal(leat_config_set(c, NULL, "x", &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	err = (struct leat_err){ 0 };
	assert_int_equal(leat_config_set(c, "depth", NULL, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_MISUSE);
	leat_config_unref(c);
}

static void files_are_not_opened_here(void **state)
{
	(void)state;
	refuses(LEAT_SERVER, "certfile", "/etc/passwd", "certfile", "leat_config_use_files");
	refuses(LEAT_SERVER, "keyfile", "x", "keyfile", "leat_config_use_files");
	refuses(LEAT_CLIENT, "cacertfile", "x", "cacertfile", "leat_config_use_files");
	refuses(LEAT_CLIENT, "password", "x", "password", "leat_config_use_files");
}

/* ---- values ------------------------------------------------------------------------------------------ */

/* true and false and nothing else.  REQ: TYPE-boolean */
static void booleans(void **state)
{
	static const char *const wrong[] = { "", "True", "TRUE", "yes", "no", "1", "0", "on", "t",
		"true ", " true", "truefalse", "false\n" };
	const struct option *o;

	(void)state;
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		enum leat_role role = o->roles & OPTION_CLIENT ? LEAT_CLIENT : LEAT_SERVER;

		if (o->type != OPTION_BOOL)
			continue;
		takes(role, o->name, "true", "true");
		takes(role, o->name, "false", "false");
		for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++)
			refuses(role, o->name, wrong[j], o->name, "neither true nor false");
	}
}

/* The ends of each range, and one beyond.  REQ: LIM-depth */
static void numbers(void **state)
{
	static const char *const wrong[] = { "", "x", "-1", "+1", " 1", "1 ", "1x", "0x10", "1.0",
		"1e2", "99999999999999999999", "18446744073709551617", "\n" };
	const struct option *o;
	char text[32];

	(void)state;
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		enum leat_role role = o->roles & OPTION_CLIENT ? LEAT_CLIENT : LEAT_SERVER;

		if (o->type != OPTION_NUMBER)
			continue;
		snprintf(text, sizeof(text), "%lu", o->min);
		takes(role, o->name, text, text);
		snprintf(text, sizeof(text), "%lu", o->max);
		takes(role, o->name, text, text);
		snprintf(text, sizeof(text), "%lu", o->max + 1);
		refuses(role, o->name, text, o->name, "outside its range");
		if (o->min > 0) {
			snprintf(text, sizeof(text), "%lu", o->min - 1);
			refuses(role, o->name, text, o->name, "outside its range");
		}
		for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++)
			refuses(role, o->name, wrong[j], o->name, o->name);
		if (o->max < 4294967297) /* 1, if it were cut to 32 bits */
			refuses(role, o->name, "4294967297", o->name, "outside its range");
	}
	refuses(LEAT_CLIENT, "record_size_limit", "1", "record_size_limit", "at least 64");
	refuses(LEAT_SERVER, "record_size_limit", "63", "record_size_limit", "at least 64");
	takes(LEAT_SERVER, "record_size_limit", "64", "64");
	takes(LEAT_CLIENT, "depth", "007", "7");
	assert_int_equal(option_find("depth", OPTION_CLIENT)->min, 0);
	assert_int_equal(option_find("depth", OPTION_CLIENT)->max, 255);
}

static void versions(void **state)
{
	static const char *const later[] = { "sslv3", "tlsv1", "tlsv1.1" };

	(void)state;
	takes(LEAT_CLIENT, "versions", "tlsv1.2", "tlsv1.2");
	takes(LEAT_SERVER, "versions", "tlsv1.3", "tlsv1.3");
	/* the order of the list is irrelevant */
	takes(LEAT_CLIENT, "versions", "tlsv1.2,tlsv1.3", "tlsv1.3,tlsv1.2");
	takes(LEAT_CLIENT, "versions", "tlsv1.3:tlsv1.2", "tlsv1.3,tlsv1.2");
	takes(LEAT_CLIENT, "protocol_version", "TLSv1.3, TLSv1.2", "tlsv1.3,tlsv1.2");
	for (size_t i = 0; i < 3; i++)
		refuses(LEAT_CLIENT, "versions", later[i], "versions", "not available in this");
	refuses(LEAT_CLIENT, "versions", "tlsv1.3,sslv2", "versions", "never supported");
	refuses(LEAT_CLIENT, "versions", "", "versions", "no version is left");
	refuses(LEAT_CLIENT, "versions", "tlsv1.3,", "versions", "not a protocol version");
	refuses(LEAT_CLIENT, "versions", ",", "versions", "not a protocol version");
	refuses(LEAT_CLIENT, "versions", "1.3", "versions", "1.3");
	refuses(LEAT_CLIENT, "versions", "tlsv1.4", "versions", "tlsv1.4");
}

static void ciphers(void **state)
{
	char many[2000] = "";

	(void)state;
	takes(LEAT_CLIENT, "ciphers", "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384");
	takes(LEAT_CLIENT, "ciphers", "ecdhe-rsa-aes128-gcm-sha256",
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
	/* exactly these, in this order, either separator */
	takes(LEAT_SERVER, "suites",
		"TLS_AES_128_CCM_8_SHA256:ECDHE-ECDSA-CHACHA20-POLY1305, TLS_AES_128_GCM_SHA256",
		"TLS_AES_128_CCM_8_SHA256,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,"
		"TLS_AES_128_GCM_SHA256");
	refuses(LEAT_CLIENT, "ciphers", "", "ciphers", "empty list");
	refuses(LEAT_CLIENT, "ciphers", "TLS_AES_128_GCM_SHA256,,", "ciphers", "not the name");
	refuses(LEAT_CLIENT, "ciphers", "TLS_AES_128_GCM_SHA256,TLS_AES_128_GCM", "ciphers",
		"=TLS_AES_128_GCM: not the name of a cipher suite");
	refuses(LEAT_CLIENT, "ciphers", "ALL", "ciphers", "not the name of a cipher suite");
	refuses(LEAT_CLIENT, "ciphers", "TLS_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA256", "ciphers",
		"named twice");
	refuses(LEAT_CLIENT, "ciphers", "\x1b[0m", "ciphers", "?[0m");
	memset(many, 'x', sizeof(many) - 1);
	refuses(LEAT_CLIENT, "ciphers", many, "ciphers", "not the name");
}

static void groups_and_schemes(void **state)
{
	(void)state;
	takes(LEAT_CLIENT, "groups", "P-256:X448", "secp256r1,x448");
	takes(LEAT_SERVER, "supported_groups", "x25519", "x25519");
	refuses(LEAT_CLIENT, "groups", "secp192r1", "groups",
		"=secp192r1: not the name of a group");
	refuses(LEAT_CLIENT, "groups", "P-256,prime256v1", "groups", "named twice");
	refuses(LEAT_CLIENT, "groups", "", "groups", "empty list");
	takes(LEAT_CLIENT, "signature_algorithms", "ed25519,rsa_pss_rsae_sha512",
		"ed25519,rsa_pss_rsae_sha512");
	refuses(LEAT_CLIENT, "signature_algs", "rsa_pkcs1_sha1", "signature_algs", "not the name");
	refuses(LEAT_CLIENT, "signature_algs", "sha256", "signature_algs", "=sha256: not the name");
}

/* REQ: OPT-alpn-noempty */
static void alpn(void **state)
{
	char name[300];

	(void)state;
	takes(LEAT_CLIENT, "alpn", "h2,http/1.1", "h2,http/1.1");
	takes(LEAT_SERVER, "alpn_preferred_protocols", "a:b c,x", "a:b c,x");
	takes(LEAT_SERVER, "alpn", "", "");
	refuses(LEAT_CLIENT, "alpn", "h2,,x", "alpn_advertised_protocols", "1 to 255 bytes");
	refuses(LEAT_CLIENT, "alpn", "h2,", "alpn_advertised_protocols", "name 2 has 0");
	refuses(LEAT_SERVER, "alpn", ",", "alpn_preferred_protocols", "name 1 has 0");
	for (size_t n = 254; n <= 256; n++) {
		memset(name, 'n', n);
		name[n] = '\0';
		if (n <= 255)
			takes(LEAT_CLIENT, "alpn", name, name);
		else
			refuses(LEAT_CLIENT, "alpn", name, "alpn_advertised_protocols",
				"name 1 has 256");
	}
}

/* REQ: TYPE-verify_type */
static void words(void **state)
{
	struct leat_config *c = new_config(LEAT_CLIENT);
	struct leat_err err = { 0 };

	(void)state;
	takes(LEAT_CLIENT, "verify", "verify_none", "verify_none");
	takes(LEAT_SERVER, "verify", "verify_none", "verify_none");
	takes(LEAT_SERVER, "verify", "verify_peer", "verify_peer");
	refuses(LEAT_CLIENT, "verify", "none", "verify", "neither verify_peer nor verify_none");
	refuses(LEAT_CLIENT, "verify", "", "verify", "neither");
	takes(LEAT_CLIENT, "records", "kernel", "kernel");
	takes(LEAT_CLIENT, "records", "user", "user");
	refuses(LEAT_CLIENT, "records", "kerne", "records", "neither auto, kernel nor user");
	refuses(LEAT_CLIENT, "records_rx", "both", "records_rx", "neither");
	/* one direction each */
	assert_int_equal(leat_config_set(c, "records_rx", "user", &err), LEAT_OK);
	assert_int_equal(c->records[LEAT_RX], LEAT_RECORDS_USER);
	assert_int_equal(c->records[LEAT_TX], LEAT_RECORDS_AUTO);
	assert_int_equal(leat_config_set(c, "records-tx", "kernel", &err), LEAT_OK);
	assert_int_equal(c->records[LEAT_TX], LEAT_RECORDS_KERNEL);
	assert_string_equal(shown(c, "records"), "(see records_rx and records_tx)");
	leat_config_unref(c);
}

/* ---- the document ------------------------------------------------------------------------------------- */

static void put(struct leat_wr *w, const char *text)
{
	leat_wr_bytes(w, text, strlen(text));
}

static void put_default(struct leat_wr *w, const struct option *o)
{
	char client[1500] = "", server[1500] = "";

	for (unsigned role = 0; role < 2; role++) {
		struct leat_config *c = new_config(role);

		if (o->show && (o->roles & 1u << role))
			o->show(c, o, role == LEAT_CLIENT ? client : server, sizeof(client));
		leat_config_unref(c);
	}
	if (o->roles == OPTION_SERVER)
		snprintf(client, sizeof(client), "%s", server);
	put(w, client[0] ? client : "none");
	if (o->roles == OPTION_BOTH && strcmp(client, server) != 0) {
		put(w, "; servers: ");
		put(w, server);
	}
}

static void write_settings(struct leat_wr *w)
{
	const struct setting *s;

	put(w, "# Settings of the process\n\n"
	       "From the table in `user/sock/app.c`. Set them with `leat_app_set(name, value, &err)`, from the\n"
	       "environment with `leat_app_read_environment(&err)`, for a command with `leat --env NAME=VALUE`.\n\n");
	for (size_t i = 0; (s = app_setting_at(i)) != NULL; i++) {
		put(w, "## ");
		put(w, s->name);
		put(w, "\n");
		put(w, s->help);
		put(w, "\n\n- values: ");
		put(w, s->range);
		put(w, "\n- default: ");
		put(w, s->initial[0] ? s->initial : "none");
		put(w, "\n- variable: `");
		put(w, s->variable);
		put(w, "`\n\n");
	}
}

static void write_document(struct leat_wr *w)
{
	static const char *const roles[] = { "", "clients", "servers", "clients and servers" };
	const struct option *o;

	put(w, "# Options\n\n"
	       "Made from the table in `user/config/option.c` by `tests/unit/t_option.c`; do not edit "
	       "here.\n\n"
	       "Names are those of Erlang's ssl(3) manual where it has the option. Set them with\n"
	       "`leat_config_set(config, name, value, &err)`; those that name files, and `password`, with\n"
	       "`leat_config_use_files`. Lists are separated by `,` or `:` (protocol names by `,` only), the\n"
	       "first is preferred. In names `-` may stand for `_`.\n\n");
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		put(w, "## ");
		put(w, o->name);
		put(w, "\n");
		put(w, o->help);
		put(w, "\n\n- for: ");
		put(w, roles[o->roles]);
		put(w, "\n- values: ");
		put(w, o->range);
		put(w, "\n- default: ");
		put_default(w, o);
		if (o->otp73[0]) {
			put(w, "\n- default in the manual: ");
			put(w, o->otp73);
		}
		if (o->alias) {
			put(w, "\n- also called: ");
			put(w, o->alias);
		}
		put(w, o->insecure ? "\n- some value of it **weakens security**\n\n" : "\n\n");
	}
	write_settings(w);
	w->n--; /* one newline ends the file */
}

/* Help texts are one line each; lines of a manual page are shorter. */
static void put_filled(struct leat_wr *w, const char *text)
{
	size_t column = 0, n;

	for (; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (column > 0 && column + 1 + n > 78) {
			put(w, "\n");
			column = 0;
		}
		if (column > 0)
			put(w, " ");
		leat_wr_bytes(w, text, n);
		column += n + (column > 0);
		/* mandoc: new sentence, new line */
		if (n > 0 && text[n - 1] == '.' && text[n] == ' ') {
			put(w, "\n");
			column = 0;
		}
	}
	put(w, "\n");
}

/* A list of names, broken after each so that it can be filled. */
static void put_value(struct leat_wr *w, const char *text)
{
	char spaced[2000];
	size_t n = 0;

	for (; *text && n + 2 < sizeof(spaced); text++) {
		spaced[n++] = *text;
		if (*text == ',' && text[1] != ' ')
			spaced[n++] = ' ';
	}
	spaced[n] = '\0';
	put_filled(w, spaced);
}

static void put_default_line(struct leat_wr *w, const struct option *o)
{
	struct leat_wr text = { 0 };

	put_default(&text, o);
	leat_wr_u8(&text, 0);
	assert_true(leat_wr_ok(&text));
	put_value(w, (const char *)text.p);
	leat_wr_clear(&text);
}

static void put_settings(struct leat_wr *w)
{
	const struct setting *s;

	put(w, ".Ss Settings of the process\n"
	       "These hold for the whole process.\nA program sets them with\n.Fn leat_app_set ;\nfor a command they are\n"
	       ".Ql leat --env Ar NAME=VALUE\nor come from the environment.\n"
	       "What an option says comes first, then the program or the command line, then the\nenvironment.\n"
	       ".Bl -tag -width Ds\n");
	for (size_t i = 0; (s = app_setting_at(i)) != NULL; i++) {
		put(w, ".It Cm ");
		put(w, s->name);
		put(w, "\n");
		put_filled(w, s->help);
		put(w, ".Pp\nVariable:\n.Ev ");
		put(w, s->variable);
		put(w, "\n.br\nValues:\n");
		put_value(w, s->range);
		put(w, ".br\nDefault:\n");
		put_value(w, s->initial[0] ? s->initial : "none");
	}
	put(w, ".El\n");
}

static void write_manual(struct leat_wr *w)
{
	static const char *const roles[] = { "", "Clients only.", "Servers only.", "" };
	const struct option *o;

	put(w, ".\\\" SPDX-License-Identifier: Apache-2.0\n"
	       ".\\\" Made from user/config/option.c by tests/unit/t_option.c; do not edit here.\n"
	       ".Dd November 23, 2026\n.Dt LEAT-OPTIONS 7\n.Os\n"
	       ".Sh NAME\n.Nm leat-options\n.Nd options of a leat configuration\n"
	       ".Sh DESCRIPTION\n"
	       "These are the options of\n.Fl -set\nof the commands, and of\n"
	       ".Fn leat_config_set\nin C.\n"
	       "Names are those of Erlang's ssl(3) manual where it has the option;\n.Sq -\nmay stand for\n"
	       ".Sq _ .\n"
	       "Lists are separated by\n.Sq \\&,\nor\n.Sq \\&:\n(protocol names by\n.Sq \\&,\n"
	       "only), the first is preferred.\n"
	       "Files and the password are given by options of the commands' own, and in C by\n"
	       ".Fn leat_config_use_files .\n.Bl -tag -width Ds\n");
	for (size_t i = 0; (o = option_at(i)) != NULL; i++) {
		put(w, ".It Cm ");
		put(w, o->name);
		if (o->alias) {
			put(w, " , ");
			put(w, o->alias);
		}
		put(w, "\n");
		put_filled(w, o->help);
		if (o->roles != OPTION_BOTH) {
			put(w, roles[o->roles]);
			put(w, "\n");
		}
		if (o->insecure)
			put(w, "A value of it weakens security.\n");
		put(w, ".Pp\nValues:\n");
		put_value(w, o->range);
		put(w, ".br\nDefault:\n");
		put_default_line(w, o);
	}
	put(w, ".El\n");
	put_settings(w);
	put(w, ".Sh SEE ALSO\n.Xr leat 1 ,\n.Xr leat-connect 1 ,\n.Xr leat-serve 1 ,\n.Xr leat_app 3\n");
}

/* LEAT_UPDATE_DOCS writes the file, else it must hold the same. */
static void compare(const char *path, const struct leat_wr *w)
{
	static char there[64 * 1024];
	FILE *f;
	size_t n;

	assert_true(leat_wr_ok(w));
	if (getenv("LEAT_UPDATE_DOCS")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(w->p, 1, w->n, f), w->n);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: not found; run from the top of the tree", path);
	n = fread(there, 1, sizeof(there), f);
	fclose(f);
	if (n != w->n || memcmp(there, w->p, n) != 0)
		fail_msg("%s differs from the table; LEAT_UPDATE_DOCS=1 writes it anew", path);
}

static void documents_are_up_to_date(void **state)
{
	struct leat_wr w = { 0 };

	(void)state;
	write_document(&w);
	compare("docs/options.md", &w);
	leat_wr_clear(&w);
	write_manual(&w);
	compare("docs/man/leat-options.7", &w);
	leat_wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_consistent),
		cmocka_unit_test(shown_can_be_set),
		cmocka_unit_test(show_cuts),
		cmocka_unit_test(names),
		cmocka_unit_test(unknown_options),
		cmocka_unit_test(files_are_not_opened_here),
		cmocka_unit_test(booleans),
		cmocka_unit_test(numbers),
		cmocka_unit_test(versions),
		cmocka_unit_test(ciphers),
		cmocka_unit_test(groups_and_schemes),
		cmocka_unit_test(alpn),
		cmocka_unit_test(words),
		cmocka_unit_test(documents_are_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
