/* SPDX-License-Identifier: Apache-2.0
 *
 * ossl_err.c - the one reader of libcrypto's error queue.
 */
#include "crypto/ossl_err.h"

#include <string.h>
#include <openssl/err.h>

enum leat_ret ossl_fail(struct leat_err *err, const char *where, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	bool memory = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	bool first = err->cls == LEAT_E_NONE;

	if (memory)
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
