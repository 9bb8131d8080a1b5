/* SPDX-License-Identifier: Apache-2.0
 *
 * t_err.c: user/base/err.c - the first error counts, details stay printable, every sentence is whole.
 */
#include "vec.h"

#include <errno.h>

#include "base/err.h"

static void first_error_counts(void **state)
{
	struct leat_err e = { 0 };

	(void)state;
	assert_int_equal(err_alert(&e, LEAT_ALERT_DECODE_ERROR, "first"), LEAT_FAILED);
	assert_int_equal(err_sys(&e, ENOENT, "second"), LEAT_FAILED);
	assert_int_equal(err_memory(&e), LEAT_FAILED);
	assert_int_equal(err_misuse(&e, "fourth"), LEAT_FAILED);
	assert_int_equal(err_crypto(&e, "fifth"), LEAT_FAILED);
	assert_int_equal(err_option(&e, "opt", "value", "sixth"), LEAT_FAILED);
	assert_int_equal(e.cls, LEAT_E_OUR_ALERT);
	assert_int_equal(e.alert, LEAT_ALERT_DECODE_ERROR);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.what, "first");
	assert_null(e.option);
	assert_string_equal(e.detail, "");
	assert_non_null(strstr(e.where, "t_err.c:"));
	err_clear(&e);
	assert_int_equal(e.cls, LEAT_E_NONE);
	err_sys(&e, ENOENT, "again");
	assert_int_equal(e.cls, LEAT_E_SYSTEM);
	assert_int_equal(e.sys, ENOENT);
}

static void classes(void **state)
{
	struct leat_err e = { 0 };

	(void)state;
	err_memory(&e);
	assert_int_equal(e.cls, LEAT_E_MEMORY);
	assert_int_equal(e.alert, LEAT_ALERT_INTERNAL_ERROR);
	err_clear(&e);
	err_misuse(&e, "x");
	assert_int_equal(e.cls, LEAT_E_MISUSE);
	err_clear(&e);
	err_crypto(&e, "x");
	assert_int_equal(e.cls, LEAT_E_CRYPTO);
	err_clear(&e);
	err_option(&e, "verify", NULL, "x");
	assert_int_equal(e.cls, LEAT_E_OPTION);
	assert_string_equal(e.option, "verify");
	assert_string_equal(e.detail, "");
}

/* Whatever a peer or a file put there, the terminal gets printable ASCII, cut to fit. */
static void detail_is_printable_and_bounded(void **state)
{
	struct leat_err e = { 0 };
	char big[1000];

	(void)state;
	err_detail(&e, "a\0b\x1b[31m\x7f\xc3\xa9\n~ ", 13);
	assert_string_equal(e.detail, "a?b?[31m???\?~");
	for (size_t n = 0; n < sizeof(big); n++) {
		memset(big, 'x', n);
		memset(e.detail, 0xff, sizeof(e.detail));
		err_detail(&e, big, n);
		assert_int_equal(strlen(e.detail), n < sizeof(e.detail) ? n : sizeof(e.detail) - 1);
	}
	err_detail(&e, NULL, 0);
	assert_string_equal(e.detail, "");
	err_detailf(&e, "%d of %s", 3, "four\tfive");
	assert_string_equal(e.detail, "3 of four?five");
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_detailf(&e, "%s", big);
	assert_int_equal(strlen(e.detail), sizeof(e.detail) - 1);
	err_option(&e, "opt", big, "what");
	assert_int_equal(strlen(e.detail), sizeof(e.detail) - 1);
}

/* All 256 alert numbers: the RFC's have their name, the others one that says so; no name twice. */
static void alert_names(void **state)
{
	unsigned named = 0;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		const char *n = leat_alert_name(i);

		assert_non_null(n);
		named += strcmp(n, "unknown_alert") != 0;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(n, "unknown_alert") != 0)
				assert_string_not_equal(n, leat_alert_name(j));
	}
	assert_int_equal(named, 34);
	assert_string_equal(leat_alert_name(0), "close_notify");
	assert_string_equal(leat_alert_name(40), "handshake_failure");
	assert_string_equal(leat_alert_name(116), "certificate_required");
	assert_string_equal(leat_alert_name(120), "no_application_protocol");
	assert_string_equal(leat_alert_name(255), "unknown_alert");
	assert_string_equal(leat_alert_name(256), "unknown_alert");
	assert_string_equal(leat_alert_name(256 + 40), "unknown_alert");
	assert_string_equal(leat_alert_name((unsigned)-1), "unknown_alert");
}

static void version_names(void **state)
{
	(void)state;
	assert_string_equal(leat_version_name(LEAT_TLS12), "tlsv1.2");
	assert_string_equal(leat_version_name(LEAT_TLS13), "tlsv1.3");
	assert_string_equal(leat_version_name(0), "unknown");
	assert_string_equal(leat_version_name(0x7f1c), "unknown");
	assert_string_equal(leat_version_name(0x10303), "unknown");
}

static void sentences(void **state)
{
	struct leat_err e = { 0 };
	char b[400];

	(void)state;
	assert_ptr_equal(leat_strerror(&e, b, sizeof(b)), b);
	assert_string_equal(b, "no error");
	err_alert(&e, LEAT_ALERT_UNKNOWN_CA, "certificate: issuer unknown");
	err_detail(&e, "CN=x", 4);
	leat_strerror(&e, b, sizeof(b));
	assert_string_equal(b, "certificate: issuer unknown: CN=x (alert unknown_ca sent)");
	err_clear(&e);
	err_raise(&e, LEAT_E_PEER_ALERT, 40, 0, "here", "in the handshake");
	leat_strerror(&e, b, sizeof(b));
	assert_non_null(strstr(b, "handshake_failure (40)"));
	err_clear(&e);
	err_sys(&e, ECONNREFUSED, "connect");
	leat_strerror(&e, b, sizeof(b));
	assert_string_equal(b, "connect: Connection refused");
	err_clear(&e);
	err_option(&e, "depth", "999", "must be 0 to 100");
	leat_strerror(&e, b, sizeof(b));
	assert_string_equal(b, "invalid option depth=999: must be 0 to 100");
	err_clear(&e);
	err_raise(&e, LEAT_E_FILE, 0, ENOENT, "here", "cannot be opened");
	e.option = "certfile";
	err_detail(&e, "/no/such", 8);
	leat_strerror(&e, b, sizeof(b));
	assert_string_equal(
		b, "invalid certfile file /no/such: cannot be opened: No such file or directory");
}

/* Every class, with all members absent, into every size of buffer: whole, cut, never past the end. */
static void any_error_into_any_buffer(void **state)
{
	(void)state;
	for (int cls = LEAT_E_NONE; cls <= LEAT_E_CLASS_COUNT; cls++)
		for (size_t n = 0; n <= 80; n++) {
			struct leat_err e = { .cls = (enum leat_err_class)cls };
			char *b = malloc(n + 1), whole[400];

			b[n] = 0x55;
			assert_ptr_equal(leat_strerror(&e, b, n), b);
			assert_int_equal(b[n], 0x55);
			leat_strerror(&e, whole, sizeof(whole));
			assert_true(strlen(whole) > 0);
			if (n > 0) {
				assert_true(strlen(b) < n);
				assert_memory_equal(b, whole, strlen(b));
			}
			free(b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_counts),
		cmocka_unit_test(classes),
		cmocka_unit_test(detail_is_printable_and_bounded),
		cmocka_unit_test(alert_names),
		cmocka_unit_test(version_names),
		cmocka_unit_test(sentences),
		cmocka_unit_test(any_error_into_any_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
