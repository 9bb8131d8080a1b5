/* SPDX-License-Identifier: Apache-2.0
 *
 * policy.h - the preset `modern`: what a config holds before anybody sets anything. Presets by name, and the
 * manual's own defaults, are preset.c's.
 */
#ifndef LEAT_CONFIG_POLICY_H
#define LEAT_CONFIG_POLICY_H

#include "config/config.h"

/* The default of key_update_at. RFC 8446 5.5: 2^24.5 full-size records for AES-GCM. What is counted in records is
 * in rec/rec_user.c. */
#define KEY_UPDATE_AT UINT64_C(388736063997)

/* Fills everything but refs, role, crypto, credentials and trust. Cannot fail. */
void policy_modern(struct leat_config *c);

/* The default lists alone, TLS 1.3 suites before those of 1.2. */
void policy_default_suites(struct leat_config *c);
void policy_default_groups(struct leat_config *c);
void policy_default_schemes(struct leat_config *c);

#endif
