/* SPDX-License-Identifier: Apache-2.0
 *
 * store_value.h - a session as it lies in a store outside of this process, and what all such stores have
 * in common: the sealing key, and one line to the log when a store goes or comes back.
 *
 *	uint8 form; uint64 expires_s; opaque body[..];
 *
 * form 0: body is the session as put gave it. form 1: nonce[12], the session sealed with AES-256-GCM, tag;
 * additional data: form, expires_s and the id, so that a value cannot be moved to another id or given a
 * longer life. A store with a key takes only form 1, one without only form 0.
 */
#ifndef LEAT_SOCK_STORE_VALUE_H
#define LEAT_SOCK_STORE_VALUE_H

#include <leat/store.h>

#include <stdatomic.h>

#include "crypto/aead.h"
#include "session/store.h"

#define STORE_ID_MAX    64
#define STORE_HEAD      9 /* form and expires_s */
#define STORE_VALUE_MAX (STORE_HEAD + 12 + TICKET_PLAIN_MAX + 16)

/* A wiping type. */
struct store_value {
	size_t n;
	uint8_t b[STORE_VALUE_MAX];
};

struct store_common {
	struct crypto *crypto; /* NULL: no key */
	uint8_t key[LEAT_STORE_KEY_LEN];
	atomic_bool is_down;
	void (*log)(void *arg, const char *line);
	void *log_arg;
};

void store_value_clear(struct store_value *v);

/* opts may be NULL. */
LEAT_MUST_CHECK enum leat_ret store_common_init(
	struct store_common *c, const struct leat_store_opts *opts, struct leat_err *err);
void store_common_clear(struct store_common *c);

/* The value of a session; LEAT_UNSUPPORTED: id or session have a length that none has. */
LEAT_MUST_CHECK enum leat_ret store_value_make(struct store_common *c, struct leat_span id,
	struct leat_span session, int64_t expires_s, struct store_value *out);
/* Back; value is any bytes. false: not one of ours for this id, expired, or longer than cap. */
bool store_value_open(struct store_common *c, struct leat_span id, struct leat_span value,
	int64_t now_s, void *buf, size_t cap, size_t *n);
/* When it ends; false: these bytes are no value. */
bool store_value_expires(struct leat_span value, int64_t *expires_s);

static inline bool store_id_ok(struct leat_span id)
{
	return id.n > 0 && id.n <= STORE_ID_MAX;
}

/* Says so the first time only: "session store: WHAT: REASON; going on without" and "... back". */
void store_went(struct store_common *c, const char *what, const char *reason);
void store_works(struct store_common *c, const char *what);

#endif
