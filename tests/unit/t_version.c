/* SPDX-License-Identifier: Apache-2.0
 *
 * t_version.c: include/leat/version.h is consistent with itself.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <leat/version.h>

static void version_is_three_numbers(void **state)
{
	unsigned int major, minor, patch;
	char tail;

	(void)state;
	/* %c must see the newline: nothing may follow the third number but the newline we put there */
	assert_int_equal(
		sscanf(LEAT_VERSION_STRING "\n", "%u.%u.%u%c", &major, &minor, &patch, &tail), 4);
	assert_int_equal(tail, '\n');
}

static void api_level_is_positive(void **state)
{
	(void)state;
	assert_true(LEAT_API_LEVEL >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_three_numbers),
		cmocka_unit_test(api_level_is_positive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
