/* SPDX-License-Identifier: Apache-2.0
 *
 * t_ossl_err.c: user/crypto/ossl_err.c - libcrypto's queue becomes one error, and is empty afterwards.
 */
#include "vec.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/ossl_err.h"

static void newest_reason_is_the_detail(void **state)
{
	struct leat_err e = { 0 };

	(void)state;
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
	assert_int_equal(OSSL_FAIL(&e, "thing: broken"), LEAT_FAILED);
	assert_int_equal(e.cls, LEAT_E_CRYPTO);
	assert_int_equal(e.alert, LEAT_ALERT_INTERNAL_ERROR);
	assert_string_equal(e.what, "thing: broken");
	assert_string_equal(e.detail, "no start line");
	assert_non_null(strstr(e.where, "t_ossl_err.c:"));
	assert_int_equal(ERR_peek_error(), 0);
}

static void an_empty_queue_gives_no_detail(void **state)
{
	struct leat_err e = { 0 };

	(void)state;
	ossl_forget();
	OSSL_FAIL(&e, "thing: broken");
	assert_int_equal(e.cls, LEAT_E_CRYPTO);
	assert_string_equal(e.detail, "");
}

static void lack_of_memory_is_told_apart(void **state)
{
	struct leat_err e = { 0 };

	(void)state;
	assert_false(ossl_out_of_memory());
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	assert_false(ossl_out_of_memory());
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	assert_true(ossl_out_of_memory());
	OSSL_FAIL(&e, "thing: no memory");
	assert_int_equal(e.cls, LEAT_E_MEMORY);
	assert_false(ossl_out_of_memory());
	/* hidden under a later, misleading reason */
	err_clear(&e);
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	ERR_raise(ERR_LIB_EVP, EVP_R_KEYMGMT_EXPORT_FAILURE);
	assert_true(ossl_out_of_memory());
	OSSL_FAIL(&e, "thing: no memory");
	assert_int_equal(e.cls, LEAT_E_MEMORY);
}

/* Raising over an error keeps the old one whole, its detail too; the queue is emptied all the same. */
static void the_first_error_stays(void **state)
{
	struct leat_err e = { 0 };

	(void)state;
	err_alert(&e, LEAT_ALERT_DECODE_ERROR, "first");
	err_detail(&e, "its detail", 10);
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	assert_int_equal(OSSL_FAIL(&e, "second"), LEAT_FAILED);
	assert_int_equal(e.cls, LEAT_E_OUR_ALERT);
	assert_string_equal(e.what, "first");
	assert_string_equal(e.detail, "its detail");
	assert_int_equal(ERR_peek_error(), 0);
}

static void forget_empties(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) /* more than the queue holds */
		ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	ossl_forget();
	assert_int_equal(ERR_peek_error(), 0);
	ossl_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_reason_is_the_detail),
		cmocka_unit_test(an_empty_queue_gives_no_detail),
		cmocka_unit_test(lack_of_memory_is_told_apart),
		cmocka_unit_test(the_first_error_stays),
		cmocka_unit_test(forget_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
