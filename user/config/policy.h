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

/* What sock/app sets for the process: configs made from now on have it in place of their preset's. 0: the preset's.
 * Any thread. */
struct policy_defaults {
	uint16_t min_version, max_version; /* both or none */
	uint32_t session_life_s;
};
void policy_set_defaults(const struct policy_defaults *d);
void policy_use_defaults(struct leat_config *c);

/* Fills everything but refs, role, crypto, credentials and trust. Cannot fail. */
void policy_modern(struct leat_config *c);

/* preset.c, for the freeze. Under otp73 suites that no allowed version knows are no mistake: a version that is left
 * without any has its default ones. */
void preset_fill_suites(struct leat_config *c);

/* The default lists alone, TLS 1.3 suites before those of 1.2. */
void policy_default_suites(struct leat_config *c);
void policy_default_groups(struct leat_config *c);
void policy_default_schemes(struct leat_config *c);

#endif
