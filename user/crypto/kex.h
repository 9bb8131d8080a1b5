/* SPDX-License-Identifier: Apache-2.0
 *
 * kex.h - ephemeral key agreement by group. Client: start, send the share, finish with the peer's.
 * Server: respond does both at once (which also fits encapsulation groups).
 */
#ifndef LEAT_CRYPTO_KEX_H
#define LEAT_CRYPTO_KEX_H

#include "base/wr.h"
#include "crypto/crypto.h"
#include "crypto/suite.h"

/* A shared secret: P-521 gives 66 bytes, ffdhe8192 1024. Wiping type. */
struct kex_out {
	size_t n;
	uint8_t b[1024];
};

void kex_out_clear(struct kex_out *k);
static inline struct leat_span kex_out_span(const struct kex_out *k)
{
	return (struct leat_span){ k->b, k->n };
}

/* Our ephemeral key. Zero state is legal to clear. */
struct kex {
	const struct group *group; /* NULL: a prime of somebody's own (dh.h) */
	void *pkey;                /* EVP_PKEY */
	void *kem;                 /* EVP_PKEY of ML-KEM, hybrid groups only */
};

/* Is this group offered by the libcrypto at hand? */
bool crypto_has_group(const struct crypto *c, const struct group *g);

/* Makes an ephemeral key and appends its public value (group->share_len bytes) to share. */
LEAT_MUST_CHECK enum leat_ret kex_start(struct kex *k, const struct crypto *c,
	const struct group *g, struct leat_wr *share, struct leat_err *err);
/* Combines with the peer's value. A value of the wrong length, not on the curve, or giving an
 * all-zero secret (RFC 8446 7.4.2, RFC 7748 6) raises illegal_parameter. */
LEAT_MUST_CHECK enum leat_ret kex_finish(struct kex *k, const struct crypto *c,
	struct leat_span peer, struct kex_out *out, struct leat_err *err);
void kex_clear(struct kex *k);

/* Server: from the client's value make our own share (group->reply_len bytes) and the secret. Errors as
 * kex_finish. */
LEAT_MUST_CHECK enum leat_ret kex_respond(const struct crypto *c, const struct group *g,
	struct leat_span peer, struct leat_wr *share, struct kex_out *out, struct leat_err *err);

#endif
