/* SPDX-License-Identifier: Apache-2.0
 *
 * lean.h - the plain chain, accepted without libcrypto's X.509: 0.1 ms and 1,500 allocations less. It
 * may only say yes; every no means "ask X509_verify_cert", which alone refuses. A yes implies that
 * X509_verify_cert with verify.c's rules would say yes (tests/unit/t_lean.c, tests/fuzz/fz_lean.c).
 * docs/decisions/0010-chains.md has the reasoning.
 */
#ifndef LEAT_X509_LEAN_H
#define LEAT_X509_LEAN_H

#include "x509/verify.h"

struct verdict;

/* true: the chain is good; *out has what to remember, but for generation and purpose. */
LEAT_MUST_CHECK bool lean_accepts(
	const struct crypto *c, const struct verify_in *in, struct verdict *out);
/* Does this plain certificate name the host (see san_has_host)? */
LEAT_MUST_CHECK bool lean_has_host(struct leat_span der, const char *host);

#endif
