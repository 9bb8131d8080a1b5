/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - see settings.h.
 */
#include "tool/settings.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/wr.h"
#include "tool/certset.h"

enum leat_ret settings_pair(struct leat_config *cfg, const char *text, struct leat_err *err)
{
	const char *eq = strchr(text, '=');
	char name[64];

	if (!eq || eq == text || (size_t)(eq - text) >= sizeof(name))
		return err_option(err, "--set", text, "not OPTION=VALUE");
	snprintf(name, sizeof(name), "%.*s", (int)(eq - text), text);
	return leat_config_set(cfg, name, eq + 1, err);
}

enum leat_ret settings_dev(struct leat_config *cfg, struct leat_err *err)
{
	struct leat_wr cert = { 0 }, key = { 0 };
	enum leat_ret r;

	r = certset_dev(&cert, &key, (int64_t)time(NULL), err);
	if (r == LEAT_OK)
		r = leat_config_add_cred(cfg, leat_wr_done(&cert), leat_wr_done(&key),
			(struct leat_span){ NULL, 0 }, err);
	leat_wr_clear(&cert);
	leat_wr_clear(&key);
	return r;
}
