/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_int.h - the inside of struct chain, for x509/ only.
 */
#ifndef LEAT_X509_CHAIN_INT_H
#define LEAT_X509_CHAIN_INT_H

#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>

#include "x509/chain.h"

struct chain {
	atomic_uint refs;
	size_t num;
	uint8_t *bytes; /* all certificates, one after the other */
	struct leat_span der[LIM_CHAIN];
	X509 *x509[LIM_CHAIN];
	struct key *key;
};

#endif
