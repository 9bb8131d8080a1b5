/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h - what command lines put into a TLS config: options as text, a made-up certificate,
 * external PSKs. Files with keys and certificates: leat_config_use_files.
 */
#ifndef LEAT_TOOL_SETTINGS_H
#define LEAT_TOOL_SETTINGS_H

#include <leat/config.h>

/* "NAME=VALUE" for leat_config_set; anything without a name before "=" is refused. */
LEAT_MUST_CHECK enum leat_ret settings_pair(
	struct leat_config *cfg, const char *text, struct leat_err *err);
/* A certificate for localhost, made a moment ago and vouched for by nobody. */
LEAT_MUST_CHECK enum leat_ret settings_dev(struct leat_config *cfg, struct leat_err *err);
/* "IDENTITY:HEX" or "IDENTITY:HEX:sha384": an external PSK; imported: by RFC 9258. The identity may hold
 * colons, the secret cannot. */
LEAT_MUST_CHECK enum leat_ret settings_psk(
	struct leat_config *cfg, const char *text, bool imported, struct leat_err *err);

/* --peer-key FILE: a raw public key that is accepted. */
LEAT_MUST_CHECK enum leat_ret settings_peer_key(
	struct leat_config *cfg, const char *path, struct leat_err *err);

#endif
