/* SPDX-License-Identifier: Apache-2.0
 *
 * config/config.h - the inside of struct leat_config, read by hs/ and engine/. Written only by
 * config.c and option.c before the freeze.
 */
#ifndef LEAT_CONFIG_CONFIG_H
#define LEAT_CONFIG_CONFIG_H

#include <stdatomic.h>

#include <leat/config.h>

#include "crypto/crypto.h"
#include "crypto/suite.h"
#include "x509/cred.h"
#include "x509/store.h"

#define CONFIG_MAX_SUITES  32
#define CONFIG_MAX_GROUPS  16
#define CONFIG_MAX_SCHEMES 24
#define CONFIG_MAX_CREDS   16

/* An ordered list over one of the tables of crypto/suite.h. */
#define CONFIG_LIST(type, max)             \
	struct {                           \
		const struct type *v[max]; \
		unsigned n;                \
	}

struct leat_config {
	atomic_uint refs;
	bool frozen;
	enum leat_role role;
	struct crypto *crypto;

	uint16_t min_version, max_version;
	CONFIG_LIST(suite, CONFIG_MAX_SUITES) suites; /* both versions, in order of preference */
	CONFIG_LIST(group, CONFIG_MAX_GROUPS) groups;
	CONFIG_LIST(sigscheme, CONFIG_MAX_SCHEMES) schemes;
	unsigned
		num_shares; /* client: key shares in the first hello (default 2, of different kinds) */
	bool server_order; /* server's preference of suites and groups decides */
	bool middlebox;    /* RFC 8446 D.4; default true */

	struct leat_span alpn; /* encoded as ProtocolNameList body: 1-byte lengths; owned */
	struct cred *creds[CONFIG_MAX_CREDS];
	unsigned num_creds;
	struct store *trust;  /* NULL: none loaded */
	bool trust_of_system; /* trust is the shared store of the system's anchors: never added to */
	enum leat_verify verify;
	bool insecure_skip_name; /* client: chain is checked, the name is not */
	unsigned depth;
	enum leat_records records[2]; /* by enum leat_dir */
	uint32_t max_handshake_size;
};

/* LEAT_OK unless frozen. Every setter asks first. */
LEAT_MUST_CHECK enum leat_ret config_may_set(const struct leat_config *c, struct leat_err *err);
/* For sock/anchors: the object is owned by the config afterwards, or released on failure. */
LEAT_MUST_CHECK enum leat_ret config_add_cred_take(
	struct leat_config *c, struct cred *cred, struct leat_err *err);
/* Adds the anchors of s to the config's own, s is released; or makes s the config's when it had none. */
LEAT_MUST_CHECK enum leat_ret config_add_trust_take(
	struct leat_config *c, struct store *s, struct leat_err *err);
void config_set_trust_take(struct leat_config *c, struct store *s, bool of_system);

#endif
