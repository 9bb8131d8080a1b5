/* SPDX-License-Identifier: Apache-2.0
 *
 * ossl_err.h - drains libcrypto's thread error queue into a leat_err; nobody else touches the queue.
 */
#ifndef LEAT_CRYPTO_OSSL_ERR_H
#define LEAT_CRYPTO_OSSL_ERR_H

#include "base/err.h"

/* Raises LEAT_E_CRYPTO with the newest reason of the queue as detail, empties the queue. */
enum leat_ret ossl_fail(struct leat_err *err, const char *where, const char *what);
#define OSSL_FAIL(err, what) ossl_fail((err), LEAT_HERE, (what))
/* Empties the queue after a failure that is an answer (a bad signature), not an error. */
void ossl_forget(void);
/* Does the queue tell of lack of memory? Asked before blaming a peer. */
bool ossl_out_of_memory(void);

#endif
