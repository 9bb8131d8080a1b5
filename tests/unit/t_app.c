/* SPDX-License-Identifier: Apache-2.0
 *
 * t_app.c: sock/app.c. The table of settings, what is refused, and who comes before whom: a call before the environment,
 * the environment before the default, an option before all of them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "sock/app.h"

/* Everything as in a new process. */
static int setup(void **state)
{
	struct leat_err err = { 0 };
	const struct setting *s;

	(void)state;
	for (size_t i = 0; (s = app_setting_at(i)) != NULL; i++) {
		assert_int_equal(unsetenv(s->variable), 0);
		assert_int_equal(leat_app_set(s->name, "", &err), LEAT_OK);
	}
	assert_int_equal(leat_app_read_environment(&err), LEAT_OK);
	return 0;
}

static void set(const char *name, const char *value)
{
	struct leat_err err = { 0 };
	char text[400];

	if (leat_app_set(name, value, &err) != LEAT_OK)
		fail_msg("%s", leat_strerror(&err, text, sizeof(text)));
}

static void is(const char *name, const char *value)
{
	struct leat_err err = { 0 };
	char buf[100];

	assert_int_equal(leat_app_get(name, buf, sizeof(buf), &err), LEAT_OK);
	assert_string_equal(buf, value);
}

static void refused(const char *name, const char *value, const char *option, const char *words)
{
	struct leat_err err = { 0 };
	char text[400];

	assert_int_equal(leat_app_set(name, value, &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, option);
	leat_strerror(&err, text, sizeof(text));
	if (!strstr(text, words) || (value && !strstr(text, value)))
		fail_msg("%s=%s: %s", name, value, text);
}

static void table_is_consistent(void **state)
{
	const struct setting *s;
	char buf[100], again[100];
	uint64_t v = 0;

	(void)state;
	for (size_t i = 0; (s = app_setting_at(i)) != NULL; i++) {
		assert_string_equal(leat_app_setting_name(i), s->name);
		assert_memory_equal(s->variable, "LEAT_", 5);
		for (size_t j = 0; j <= strlen(s->name); j++)
			assert_int_equal(s->variable[5 + j], s->name[j] >= 'a' && s->name[j] <= 'z'
								     ? s->name[j] - 32
								     : s->name[j]);
		assert_int_equal(s->help[strlen(s->help) - 1], '.');
		/* what is shown can be set */
		assert_null(s->parse(s, s->initial, &v));
		s->show(s, v, buf, sizeof(buf));
		assert_string_equal(buf, s->initial);
		set(s->name, buf);
		is(s->name, buf);
		s->show(s, v, again, 3);
		assert_true(strlen(again) < 3);
	}
	assert_null(leat_app_setting_name(APP_SETTING_COUNT));
	assert_null(leat_app_setting_name(SIZE_MAX));
}

/* One below, at, and above each bound; text that is nearly a value. */
static void bad_values(void **state)
{
	static const struct {
		const char *name, *value, *words;
	} rows[] = {
		{ "session_lifetime", "0", "outside its range" },
		{ "session_lifetime", "604801", "1 to 604800" },
		{ "session_lifetime", "-1", "not a number" },
		{ "session_lifetime", "+1", "not a number" },
		{ "session_lifetime", " 1", "not a number" },
		{ "session_lifetime", "1 ", "not a number" },
		{ "session_lifetime", "1s", "not a number" },
		{ "session_lifetime", "0x10", "not a number" },
		{ "session_lifetime", "infinity", "not a number" },
		{ "session_lifetime", "18446744073709551617", "not a number" },
		{ "ssl_pem_cache_clean", "86400001", "outside its range" },
		{ "ssl_pem_cache_clean", "1.5", "not a number" },
		{ "bypass_pem_cache", "1", "neither true nor false" },
		{ "bypass_pem_cache", "True", "neither true nor false" },
		{ "protocol_version", "tlsv1.4", "not a protocol version" },
		{ "protocol_version", "tlsv1.2,dtlsv1.2", "not a protocol version" },
		{ "protocol_version", "TLSv1.2", "not a protocol version" },
		{ "protocol_version", "tlsv1.2;tlsv1.3", "not a protocol version" },
		{ "protocol_version", "sslv2", "no version is left" },
		{ "protocol_version", "['tlsv1.1', tlsv1, sslv3]", "no version is left" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i].name, rows[i].value, rows[i].name, rows[i].words);
	set("session_lifetime", "1");
	set("session_lifetime", "604800");
	set("ssl_pem_cache_clean", "0");
	set("ssl_pem_cache_clean", "86400000");
	refused("session_lifetime", NULL, "session_lifetime", "needs a value");
	is("session_lifetime", "604800");
}

static void unknown_names(void **state)
{
	static const char *const names[] = { "", "protocol-version", "versions",
		"LEAT_PROTOCOL_VERSION" };
	struct leat_err err = { 0 };
	char buf[4] = "xyz";

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		refused(names[i], "tlsv1.2", "(unknown)", "no setting of this name");
	refused(NULL, "x", "(unknown)", "no setting");
	assert_int_equal(leat_app_get("versions", buf, sizeof(buf), &err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(buf, "");
}

static void versions_of_new_configs(const char *preset, unsigned min, unsigned max)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	for (int role = 0; role < 2; role++) {
		assert_int_equal(leat_config_new(&c, (enum leat_role)role, &err), LEAT_OK);
		if (preset)
			assert_int_equal(leat_config_use_preset(c, preset, &err), LEAT_OK);
		assert_int_equal(c->min_version, min);
		assert_int_equal(c->max_version, max);
		/* none that no version of these can use */
		for (unsigned i = 0; preset && strcmp(preset, "otp73") == 0 && i < c->suites.n; i++)
			assert_in_range(c->suites.v[i]->version, min, max);
		/* the option comes before it */
		assert_int_equal(leat_config_set(c, "versions", "tlsv1.3", &err), LEAT_OK);
		assert_int_equal(c->min_version, LEAT_TLS13);
		leat_config_unref(c);
	}
}

/* Versions leat does not have are passed over, SSL 2.0 without a word; an empty list is the default.
 * REQ: T-basic-protocol_versions ENV-protocol_version */
static void protocol_version(void **state)
{
	(void)state;
	versions_of_new_configs(NULL, LEAT_TLS12, LEAT_TLS13);
	versions_of_new_configs("otp73", LEAT_TLS12, LEAT_TLS12);
	set("protocol_version", "sslv2,tlsv1.2");
	versions_of_new_configs(NULL, LEAT_TLS12, LEAT_TLS12);
	is("protocol_version", "tlsv1.2");
	set("protocol_version", "['tlsv1.3','tlsv1.2']");
	versions_of_new_configs("otp73", LEAT_TLS12, LEAT_TLS13);
	is("protocol_version", "tlsv1.3,tlsv1.2");
	set("protocol_version", "tlsv1.2:tlsv1.3"); /* in any order */
	is("protocol_version", "tlsv1.3,tlsv1.2");
	set("protocol_version", "tlsv1.3");
	versions_of_new_configs("modern", LEAT_TLS13, LEAT_TLS13);
	versions_of_new_configs("otp73", LEAT_TLS13, LEAT_TLS13);
	set("protocol_version", "[]");
	versions_of_new_configs(NULL, LEAT_TLS12, LEAT_TLS13);
	set("protocol_version", "");
	versions_of_new_configs("otp73", LEAT_TLS12, LEAT_TLS12);
}

static void has_life(const char *preset, uint32_t want)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, LEAT_SERVER, &err), LEAT_OK);
	if (preset)
		assert_int_equal(leat_config_use_preset(c, preset, &err), LEAT_OK);
	assert_int_equal(c->session_life_s, want);
	assert_int_equal(leat_config_set(c, "session_lifetime", "77", &err), LEAT_OK);
	assert_int_equal(c->session_life_s, 77);
	leat_config_unref(c);
}

/* REQ: ENV-session_lifetime TIM-session-24h */
static void session_lifetime(void **state)
{
	(void)state;
	has_life(NULL, 86400);
	has_life("otp73", 86400);
	set("session_lifetime", "60");
	has_life(NULL, 60);
	has_life("otp73", 60);
	set("session_lifetime", "");
	has_life(NULL, 86400);
}

/* REQ: EX-env-cmd */
static void environment(void **state)
{
	struct leat_err err = { 0 };

	(void)state;
	setenv("LEAT_PROTOCOL_VERSION", "tlsv1.2,tlsv1.1", 1);
	setenv("LEAT_SESSION_LIFETIME", "100", 1);
	is("session_lifetime", "86400"); /* not by itself */
	assert_int_equal(leat_app_read_environment(&err), LEAT_OK);
	is("protocol_version", "tlsv1.2");
	is("session_lifetime", "100");
	versions_of_new_configs(NULL, LEAT_TLS12, LEAT_TLS12);
	has_life(NULL, 100);
	/* a call comes before it, whenever it was */
	set("session_lifetime", "200");
	assert_int_equal(leat_app_read_environment(&err), LEAT_OK);
	is("session_lifetime", "200");
	set("session_lifetime", "");
	is("session_lifetime", "86400");
	assert_int_equal(leat_app_read_environment(&err), LEAT_OK);
	is("session_lifetime", "100");
	/* gone, or empty, is not set */
	unsetenv("LEAT_SESSION_LIFETIME");
	setenv("LEAT_PROTOCOL_VERSION", "", 1);
	assert_int_equal(leat_app_read_environment(&err), LEAT_OK);
	is("protocol_version", "");
	is("session_lifetime", "86400");
}

/* All or nothing; the error names the variable. */
static void bad_environment(void **state)
{
	struct leat_err err = { 0 };
	char text[400];

	(void)state;
	setenv("LEAT_PROTOCOL_VERSION", "tlsv1.2", 1);
	setenv("LEAT_BYPASS_PEM_CACHE", "yes", 1);
	assert_int_equal(leat_app_read_environment(&err), LEAT_FAILED);
	assert_int_equal(err.cls, LEAT_E_OPTION);
	assert_string_equal(err.option, "LEAT_BYPASS_PEM_CACHE");
	leat_strerror(&err, text, sizeof(text));
	assert_non_null(strstr(text, "LEAT_BYPASS_PEM_CACHE=yes"));
	is("protocol_version", "");
	is("bypass_pem_cache", "false");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(table_is_consistent, setup),
		cmocka_unit_test_setup(bad_values, setup),
		cmocka_unit_test_setup(unknown_names, setup),
		cmocka_unit_test_setup(protocol_version, setup),
		cmocka_unit_test_setup(session_lifetime, setup),
		cmocka_unit_test_setup(environment, setup),
		cmocka_unit_test_setup(bad_environment, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
