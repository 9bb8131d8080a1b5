/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.h - the certificates a peer sent: their bytes and the leaf's key, which the handshake needs
 * for CertificateVerify. The received bytes are kept: signatures are checked over them, never over a
 * re-encoding. libcrypto's certificate objects (6 KB each, 0.1 ms to make) exist only while verify.c
 * needs them. Immutable but for its verdict, which is set before the chain is shared, and reference
 * counted, so a cache keyed by the bytes hands the same object to many connections.
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
/* The same chain from the cache of the store it once passed under, else a new one. store NULL: new. */
struct store;
LEAT_MUST_CHECK enum leat_ret chain_get(struct chain **out, const struct crypto *c,
	const struct store *store, bool leaf_is_server, const struct leat_span *certs, size_t num,
	struct leat_err *err);
/* A raw public key (RFC 7250) in place of a chain: chain_num is 1, chain_cert its SubjectPublicKeyInfo.
 * Says nothing about trust. */
LEAT_MUST_CHECK enum leat_ret chain_new_raw(
	struct chain **out, struct leat_span spki, struct leat_err *err);
bool chain_is_raw(const struct chain *ch);
struct chain *chain_ref(struct chain *ch);
void chain_unref(struct chain *ch);

size_t chain_num(const struct chain *ch);
/* DER as received; borrowed. {NULL, 0} past the end. */
struct leat_span chain_cert(const struct chain *ch, size_t i);
/* The leaf's public key; borrowed. NULL after chain_rest. */
const struct key *chain_key(const struct chain *ch);
/* The handshake is over: gives back the key (2 KB) where nobody else has the chain. */
void chain_rest(struct chain *ch, const struct crypto *c);

#endif
