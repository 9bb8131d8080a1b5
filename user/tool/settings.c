/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - see settings.h.
 */
#include "tool/settings.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/wr.h"
#include "sock/anchors.h"
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

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Appends the bytes that n hex digits stand for; false: they are none. */
static bool from_hex(const char *p, size_t n, struct leat_wr *out)
{
	if (n % 2 || n == 0)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(p[i]), low = hex_digit(p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		leat_wr_u8(out, (uint8_t)(high << 4 | low));
	}
	return true;
}

/* The last colon before end; NULL: none. */
static const char *colon_before(const char *text, const char *end)
{
	while (end > text && end[-1] != ':')
		end--;
	return end > text ? end - 1 : NULL;
}

/* "IDENTITY:HEX" or "IDENTITY:HEX:sha384". The identity may hold colons, the secret cannot. */
static enum leat_ret add_psk(
	struct leat_config *cfg, const char *text, bool imported, struct leat_err *err)
{
	const char *end = text + strlen(text), *colon = colon_before(text, end);
	LEAT_SCOPED(leat_wr_clear) struct leat_wr secret = { 0 };
	struct leat_psk psk = { .imported = imported };

	if (colon && (strcmp(colon, ":sha384") == 0 || strcmp(colon, ":sha256") == 0)) {
		psk.sha384 = strcmp(colon, ":sha384") == 0;
		end = colon;
		colon = colon_before(text, end);
	}
	/* The text holds the secret: it is not repeated. */
	if (!colon || !from_hex(colon + 1, (size_t)(end - colon - 1), &secret))
		return err_option(err, "psk", NULL, "not IDENTITY:HEX or IDENTITY:HEX:sha384");
	psk.secret = leat_wr_done(&secret);
	if (psk.secret.n == 0)
		return err_memory(err);
	psk.identity = (struct leat_span){ (const uint8_t *)text, (size_t)(colon - text) };
	return leat_config_add_psk(cfg, &psk, err);
}

static enum leat_ret add_peer_key(struct leat_config *cfg, const char *path, struct leat_err *err)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr text = { 0 };
	enum leat_ret r = anchors_read("peer-key", path, &text, err);

	return r == LEAT_OK ? leat_config_add_peer_key(cfg, leat_wr_done(&text), err) : r;
}

static int say(const struct args *args, enum leat_ret r, const struct leat_err *err)
{
	return r == LEAT_OK ? 0 : tool_fail_err(args, TOOL_USAGE, err);
}

int settings_take(const struct args *args, struct leat_config *cfg, enum settings_flag flag,
	const char *value)
{
	struct leat_err err = { 0 };

	switch (flag) {
	case SETTINGS_PAIR: return say(args, settings_pair(cfg, value, &err), &err);
	case SETTINGS_PEER_KEY: return say(args, add_peer_key(cfg, value, &err), &err);
	default: return say(args, add_psk(cfg, value, flag == SETTINGS_PSK_IMPORTED, &err), &err);
	}
}

int settings_set(
	const struct args *args, struct leat_config *cfg, const char *name, const char *value)
{
	struct leat_err err = { 0 };

	return say(args, leat_config_set(cfg, name, value, &err), &err);
}
