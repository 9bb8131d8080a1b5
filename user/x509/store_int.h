/* SPDX-License-Identifier: Apache-2.0
 *
 * store_int.h - what only x509/ may ask a trust store.
 */
#ifndef LEAT_X509_STORE_INT_H
#define LEAT_X509_STORE_INT_H

#include <openssl/x509.h>

#include "crypto/sign.h"
#include "x509/store.h"

struct cache;

/* Another number for each content a store ever had, in this process. */
uint64_t store_generation(const struct store *s);
struct cache *store_cache(const struct store *s);
/* Anchors that der.c does not understand. They are found by no name. */
size_t store_num_odd(const struct store *s);
/* How many plain anchors may have a subject with this number (der_name_hash); *at is one of them. */
size_t store_named(const struct store *s, uint64_t hash, size_t *at);
struct leat_span store_der(const struct store *s, size_t i);
/* The bytes of an anchor that store_select gave out; {NULL, 0}: it is none. */
struct leat_span store_der_of(const struct store *s, const X509 *x);
/* The key of a plain anchor, borrowed; NULL: unusual, or no memory. */
const struct key *store_key(const struct store *s, const struct crypto *c, size_t i);
/* An X509_STORE with every anchor that X509_verify_cert may come to ask for by name when it judges
 * these certificates, and perhaps others. NULL: no memory. Free with X509_STORE_free. */
void *store_select(const struct store *s, const STACK_OF(X509) * chain);
/* The same, of a store that may be NULL; claimed > 0: that one of the certificates instead, the only anchor. */
void *store_anchors(const struct store *s, const STACK_OF(X509) * chain, size_t claimed);
/* The anchors with this subject, referenced: free with sk_X509_pop_free. NULL: no memory. */
STACK_OF(X509) * store_subjects(const struct store *s, const X509_NAME *name);

#endif
