/* SPDX-License-Identifier: Apache-2.0
 *
 * ids.c - see ids.h.
 */
#include "ids.h"

#include "pki.h"

struct leat_config *ids_draft(enum leat_role role, enum key_kind kind)
{
	struct leat_err err = { 0 };
	struct leat_config *c;

	assert_int_equal(leat_config_new(&c, role, &err), LEAT_OK);
	if (role == LEAT_CLIENT)
		assert_int_equal(leat_config_add_trust(c, pki_root_pem(), NULL, &err), LEAT_OK);
	else
		assert_int_equal(
			leat_config_add_cred(c, pki_server(kind)->chain_pem,
				pki_server(kind)->key_pem, (struct leat_span){ NULL, 0 }, &err),
			LEAT_OK);
	return c;
}

static void set(struct leat_config *c, const char *setting)
{
	const char *eq = strchr(setting, '=');
	struct leat_err err = { 0 };
	char name[64], text[256];

	assert_non_null(eq);
	snprintf(name, sizeof(name), "%.*s", (int)(eq - setting), setting);
	if (leat_config_set(c, name, eq + 1, &err) != LEAT_OK)
		fail_msg("%s: %s", setting, leat_strerror(&err, text, sizeof(text)));
}

struct leat_config *ids_config(enum leat_role role, enum key_kind kind, ...)
{
	struct leat_config *c = ids_draft(role, kind);
	struct leat_err err = { 0 };
	const char *setting;
	va_list ap;
	char text[256];

	va_start(ap, kind);
	while ((setting = va_arg(ap, const char *)) != NULL)
		set(c, setting);
	va_end(ap);
	if (leat_config_freeze(c, &err) != LEAT_OK)
		fail_msg("freeze: %s", leat_strerror(&err, text, sizeof(text)));
	return c;
}
