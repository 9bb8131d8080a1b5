/* SPDX-License-Identifier: Apache-2.0
 *
 * dh.h - finite field Diffie-Hellman over a prime that is no group of our table: what DHE suites of
 * TLS 1.2 bring. Numbers are spans of bytes, most significant first; those called trimmed have no zero
 * in front. Which primes are good enough is the handshake's.
 */
#ifndef LEAT_CRYPTO_DH_H
#define LEAT_CRYPTO_DH_H

#include "crypto/kex.h"

#define DH_BYTES_MAX 1024 /* LIM_DH_BITS_MAX */

/* Without the zeros in front. */
struct leat_span dh_trim(struct leat_span number);
size_t dh_bits(struct leat_span trimmed);
/* RFC 7919 5.1, RFC 8446 4.2.8.1: 1 < y < p-1. p is trimmed and odd. */
bool dh_is_value(struct leat_span p, struct leat_span y);

/* The prime of an RFC 7919 group, group->share_len bytes. false: no memory. */
LEAT_MUST_CHECK bool dh_prime_of(const struct crypto *c, const struct group *g, uint8_t *p);
/* The RFC 7919 group that p (trimmed) and g are; NULL: none. */
const struct group *dh_known_group(const struct crypto *c, struct leat_span p, struct leat_span g);

/* Our key over p and g; its value of p.n bytes is appended to share. */
LEAT_MUST_CHECK enum leat_ret dh_start(struct kex *mine, struct leat_span p, struct leat_span g,
	struct leat_wr *share, struct leat_err *err);
/* Combines it with the peer's value: illegal_parameter when that is out of range. */
LEAT_MUST_CHECK enum leat_ret dh_finish(
	struct kex *mine, struct leat_span peer, struct kex_out *out, struct leat_err *err);

/* The peer's value over p and g, kept until we answer; the caller has checked all three. */
LEAT_MUST_CHECK enum leat_ret dh_import(struct kex *theirs, struct leat_span p, struct leat_span g,
	struct leat_span y, struct leat_err *err);
/* Makes a key over the peer's prime, used once: its value to share, the secret to out. */
LEAT_MUST_CHECK enum leat_ret dh_answer(
	struct kex *theirs, struct leat_wr *share, struct kex_out *out, struct leat_err *err);

/* RFC 5246 8.1.2: "Leading bytes of Z that contain all zero bits are stripped before it is used as the
 * pre_master_secret." How many there are is found without a branch, but the length shows in the time the
 * PRF takes (the Raccoon attack): keys are made for one handshake and never used again, so what one such
 * measurement tells is of no use for another. */
struct leat_span dh_premaster(const struct kex_out *secret);

#endif
