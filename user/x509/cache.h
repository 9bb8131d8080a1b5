/* SPDX-License-Identifier: Apache-2.0
 *
 * cache.h - chains that passed, by their bytes. A client that meets a server again finds the chain
 * parsed, its key ready and the verdict known; what a verdict depends on beyond the bytes (time, host,
 * depth) verify.c looks at again on each use. Belongs to a trust store; any thread may use it.
 */
#ifndef LEAT_X509_CACHE_H
#define LEAT_X509_CACHE_H

#include "x509/chain.h"

struct cache;

struct cache *cache_new(void); /* NULL: no memory */
void cache_free(struct cache *c);
/* A chain of exactly these certificates that passed under this generation of the store for this
 * purpose; one reference for the caller. NULL: there is none, or it was not to be had right now. */
struct chain *cache_find(struct cache *c, uint64_t generation, bool leaf_is_server,
	const struct leat_span *certs, size_t num);
/* Keeps a reference of a chain whose verdict is set; from now on nobody may change it. */
void cache_put(struct cache *c, struct chain *ch);

#endif
