/* SPDX-License-Identifier: Apache-2.0
 *
 * fault.h - everything that is wrong with a path, collected instead of refused at the first: for the walk
 * with the application (walk.h). Whoever finds a fault (libcrypto through verify.c, name, depth, status.c)
 * raises its error as ever and then calls verify_found, which decides whether that was the end.
 */
#ifndef LEAT_X509_FAULT_H
#define LEAT_X509_FAULT_H

#include <openssl/x509.h>

#include <leat/verify.h>

#include "x509/verify.h"

#define FAULT_PATH \
	(2 * LIM_CHAIN + 2) /* certificates in a path: verify.c's depth, leaf and anchor */

struct fault {
	unsigned depth; /* in the path, 0: the peer's own */
	bool sent;      /* depth counts what the peer sent instead, which may be in another order */
	enum leat_bad_cert reason;
	enum leat_crl_reason crl_reason;
	struct leat_err err; /* alert and words */
};

struct faults {
	struct fault *v; /* owned */
	size_t num, cap;
	STACK_OF(X509) * path; /* leaf first, as far as it could be built; owned */
	/* By depth: where among what was sent, counted from 1; 0: an anchor of the store. */
	uint8_t sent_at[FAULT_PATH];
};

/* A CRLReason as it came; what is none counts as unspecified. */
enum leat_crl_reason crl_reason_of(long n);

void faults_clear(struct faults *f);
/* Was this found, in the path? */
bool faults_at(const struct faults *f, unsigned depth, enum leat_bad_cert reason);

/* err holds what was just found; the rest of *found says where. LEAT_OK: it was taken into in->faults (unless
 * that reason is there already at that depth), err is clear, go on. LEAT_FAILED: nobody collects, or it is
 * no fault of a certificate (memory, libcrypto), or there is no memory to take it. */
LEAT_MUST_CHECK enum leat_ret verify_found(
	const struct verify_in *in, struct fault found, struct leat_err *err);

#endif
