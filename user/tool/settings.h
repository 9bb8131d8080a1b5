/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h - what command lines put into a TLS config: options as text, a made-up certificate,
 * external PSKs. Files with keys and certificates: leat_config_use_files.
 */
#ifndef LEAT_TOOL_SETTINGS_H
#define LEAT_TOOL_SETTINGS_H

#include <leat/config.h>

#include "tool/tool.h"

/* "NAME=VALUE" for leat_config_set; anything without a name before "=" is refused. */
LEAT_MUST_CHECK enum leat_ret settings_pair(
	struct leat_config *cfg, const char *text, struct leat_err *err);
/* A certificate for localhost, made a moment ago and vouched for by nobody. */
LEAT_MUST_CHECK enum leat_ret settings_dev(struct leat_config *cfg, struct leat_err *err);

/* Flags that mean the same with every command. */
enum settings_flag {
	SETTINGS_PAIR,         /* --set NAME=VALUE */
	SETTINGS_PSK,          /* --psk IDENTITY:HEX[:HASH] */
	SETTINGS_PSK_IMPORTED, /* the same, imported (RFC 9258) */
	SETTINGS_PEER_KEY,     /* --peer-key FILE: a raw public key that is accepted */
};
/* Puts it into cfg. 0, or TOOL_USAGE after saying why. */
int settings_take(const struct args *args, struct leat_config *cfg, enum settings_flag flag,
	const char *value);
/* The same for an option of leat-options(7). */
int settings_set(
	const struct args *args, struct leat_config *cfg, const char *name, const char *value);

#endif
