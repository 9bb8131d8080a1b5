/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_int.h - the inside of struct chain, for x509/ only.
 */
#ifndef LEAT_X509_CHAIN_INT_H
#define LEAT_X509_CHAIN_INT_H

#include <stdatomic.h>

#include "x509/chain.h"

/* What was found out about a chain that passed, enough to let it pass again. */
struct verdict {
	uint64_t generation; /* of the store it passed under; 0: none */
	int64_t from_s,
		to_s; /* the path's certificates, anchor included, are valid in [from_s, to_s) */
	unsigned intermediates; /* not self-issued ones, for the option depth */
	bool leaf_is_server;
};

/* One block: this, the spans, the bytes. */
struct chain {
	atomic_uint refs;
	bool plain;  /* der.c understands all of them */
	bool raw;    /* der[0] is a SubjectPublicKeyInfo */
	bool shared; /* a cache has it: nothing may change */
	size_t num;
	struct key *key;
	struct verdict verdict;
	struct leat_span der[];
};

#endif
