/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.h - the certificates a peer sent, parsed once: the handshake needs the leaf's key for
 * CertificateVerify and verify.h needs all of them, and parsing is the dearest part of both
 * (libcrypto spends about 0.1 ms on each certificate). Immutable and reference counted, so a cache
 * keyed by the bytes can hand the same object to many connections. The received bytes are kept:
 * signatures are checked over them, never over a re-encoding.
 */
#ifndef LEAT_X509_CHAIN_H
#define LEAT_X509_CHAIN_H

#include "base/limits.h"
#include "crypto/sign.h"

struct chain;

/* Parses certs[0..num-1], leaf first. Raises bad_certificate for bytes that are no certificate
 * (nothing may follow it inside its span), for num 0 and for num above LIM_CHAIN, and
 * unsupported_certificate for a leaf whose key is of a kind TLS cannot use. Says nothing about trust. */
LEAT_MUST_CHECK enum leat_ret chain_new(struct chain **out, const struct crypto *c,
	const struct leat_span *certs, size_t num, struct leat_err *err);
struct chain *chain_ref(struct chain *ch);
void chain_unref(struct chain *ch);

size_t chain_num(const struct chain *ch);
/* DER as received; borrowed. {NULL, 0} past the end. */
struct leat_span chain_cert(const struct chain *ch, size_t i);
/* The leaf's public key; borrowed. */
const struct key *chain_key(const struct chain *ch);

#endif
