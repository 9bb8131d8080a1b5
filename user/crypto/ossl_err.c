/* SPDX-License-Identifier: Apache-2.0
 *
 * ossl_err.c - the one reader of libcrypto's error queue.
 */
#include "crypto/ossl_err.h"

#include <string.h>
#include <openssl/err.h>

/* libcrypto 3.0 goes on after a failed allocation and may put a later, misleading reason on top, so
 * the oldest one is looked at as well. */
bool ossl_out_of_memory(void)
{
	return ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE ||
	       ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

enum leat_ret ossl_fail(struct leat_err *err, const char *where, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	bool first = err->cls == LEAT_E_NONE;

	if (ossl_out_of_memory())
		err_raise(err, LEAT_E_MEMORY, LEAT_ALERT_INTERNAL_ERROR, 0, where, what);
	else
		err_raise(err, LEAT_E_CRYPTO, LEAT_ALERT_INTERNAL_ERROR, 0, where, what);
	if (first && reason)
		err_detail(err, reason, strlen(reason));
	ERR_clear_error();
	return LEAT_FAILED;
}

void ossl_forget(void)
{
	ERR_clear_error();
}
