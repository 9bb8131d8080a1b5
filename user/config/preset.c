/* SPDX-License-Identifier: Apache-2.0
 *
 * preset.c - presets by name. `modern` is policy.c's. `otp73` is what the manual of ssl(3) 7.3 says its options
 * default to, read off the column of the table of options, so that what is documented is what is done.
 */
#include <string.h>

#include "config/option.h"
#include "config/policy.h"
#include "crypto/suite.h"

/* Options whose default the manual gives as a value; the rest is words for people ("none"). */
static bool has_value(const struct option *o, const struct leat_config *c)
{
	return (o->roles & 1u << c->role) && o->set && o->otp73[0] &&
	       strcmp(o->otp73, "none") != 0 &&
	       (o->type == OPTION_BOOL || o->type == OPTION_NUMBER || o->type == OPTION_WORD);
}

static bool is_stronger(const struct suite *a, const struct suite *b)
{
	return a->version == b->version && aead_key_len(a->aead) > aead_key_len(b->aead);
}

/* The manual's default: the strongest first, and none that must be named (PSK). */
static void manual_suites(struct leat_config *c, unsigned min, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->suites.n; i++) {
		const struct suite *s = c->suites.v[i];
		unsigned at = n;

		if (s->version < min || s->version > max || s->auth == AUTH_NULL)
			continue;
		for (; at > 0 && is_stronger(s, c->suites.v[at - 1]); at--)
			c->suites.v[at] = c->suites.v[at - 1];
		c->suites.v[at] = s;
		n++;
	}
	c->suites.n = n;
}

static bool has_suite(const struct leat_config *c, unsigned version)
{
	for (unsigned i = 0; i < c->suites.n; i++)
		if (c->suites.v[i]->version == version)
			return true;
	return false;
}

void preset_fill_suites(struct leat_config *c)
{
	for (unsigned v = c->min_version; c->manual_sockets && v <= c->max_version; v++) {
		const struct suite *given[CONFIG_MAX_SUITES];
		unsigned n = c->suites.n;

		if (has_suite(c, v))
			continue;
		memcpy(given, c->suites.v, sizeof(given));
		policy_default_suites(c);
		manual_suites(c, v, v);
		for (unsigned i = 0; i < n && c->suites.n < CONFIG_MAX_SUITES; i++)
			c->suites.v[c->suites.n++] = given[i];
	}
}

/* What has no option in the manual, or says more than one row. */
static void otp73_rest(struct leat_config *c)
{
	/* Of its versions (1.2, 1.1, 1.0) the one that is here, with the suites of that one. */
	c->min_version = c->max_version = LEAT_TLS12;
	policy_use_defaults(c);
	manual_suites(c, c->min_version, c->max_version);
	/* It checks no host names, and clients try to resume. */
	c->insecure_skip_name = c->role == LEAT_CLIENT;
	c->sessions = c->role == LEAT_CLIENT ? SESSIONS_KEPT : SESSIONS_STATELESS;
	/* A connection can go back to TCP, which a kernel that has the keys cannot. */
	c->records[LEAT_RX] = c->records[LEAT_TX] = LEAT_RECORDS_USER;
	c->manual_sockets = true;
}

static enum leat_ret use_otp73(struct leat_config *c, struct leat_err *err)
{
	const struct option *o;

	policy_modern(c);
	for (size_t i = 0; (o = option_at(i)) != NULL; i++)
		if (has_value(o, c) && o->set(c, o, o->otp73, err) != LEAT_OK)
			return LEAT_FAILED;
	otp73_rest(c);
	return LEAT_OK;
}

enum leat_ret leat_config_use_preset(struct leat_config *c, const char *name, struct leat_err *err)
{
	if (config_may_set(c, err) != LEAT_OK)
		return LEAT_FAILED;
	if (!name || (strcmp(name, "modern") != 0 && strcmp(name, "otp73") != 0 &&
			     strcmp(name, "legacy") != 0))
		return err_option(err, "preset", name, "neither modern, otp73 nor legacy");
	if (strcmp(name, "legacy") == 0)
		return err_option(err, "preset", name,
			"SSL 3.0 to TLS 1.1 are not available in this version of leat");
	c->manual_sockets = false;
	if (strcmp(name, "otp73") == 0)
		return use_otp73(c, err);
	policy_modern(c);
	return LEAT_OK;
}
