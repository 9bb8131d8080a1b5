/* SPDX-License-Identifier: Apache-2.0
 *
 * ids.h - configs for C tests, made of the certificates of pki.h (names localhost, *.wild.test,
 * 127.0.0.1, ::1; the clock must say PKI_NOW, as duo_env does). Call pki_done at the end.
 */
#ifndef LEAT_TESTS_IDS_H
#define LEAT_TESTS_IDS_H

#include "vec.h"

#include <leat/config.h>

#include "crypto/suite.h"

/* An unfrozen config with the trust anchor (client) or a credential of that kind (server). */
struct leat_config *ids_draft(enum leat_role role, enum key_kind kind);
/* The same, changed by "name=value" settings (NULL-terminated) and frozen. Fails the test on refusal. */
struct leat_config *ids_config(enum leat_role role, enum key_kind kind, ...)
	__attribute__((sentinel));
#endif
