/* SPDX-License-Identifier: Apache-2.0
 *
 * t_steer_rule.c: user/steer/rule.c, what --lookup takes and what it refuses.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "steer/rule.h"

static void check(
	const char *text, bool v6, const char addr[16], unsigned prefix, const unsigned ports[2])
{
	struct steer_rules r = { 0 };
	const char *why = steer_rules_add(&r, text);

	if (why != NULL)
		fail_msg("%s: %s", text, why);
	assert_int_equal(r.num, 1);
	assert_int_equal(r.v[0].v6, v6);
	assert_memory_equal(r.v[0].addr, addr, 16);
	assert_int_equal(r.v[0].prefix, prefix);
	assert_int_equal(r.v[0].port_min, ports[0]);
	assert_int_equal(r.v[0].port_max, ports[1]);
}

static void what_is_taken(void **state)
{
	static const char net[16] = { (char)192, 0, 2, 0 }, one[16] = { (char)192, 0, 2, 7 },
			  any[16] = { 0 }, doc[16] = { 0x20, 0x01, 0x0d, (char)0xb8 },
			  loop[16] = { [15] = 1 };
	const unsigned https[] = { 443, 443 }, range[] = { 8000, 8099 }, all[] = { 1, 65535 };

	(void)state;
	check("192.0.2.0/24:443", false, net, 24, https);
	check("192.0.2.7:443", false, one, 32, https);
	check("192.0.2.7/32:8000-8099", false, one, 32, range);
	check("0.0.0.0/0:1-65535", false, any, 0, all);
	check("[2001:db8::]/32:443", true, doc, 32, https);
	check("[::1]:8000-8099", true, loop, 128, range);
	check("[::]/0:443-443", true, any, 0, https);
}

static void what_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		":",
		":443",
		"443",
		"192.0.2.7",
		"192.0.2.7:",
		"192.0.2.7:0",
		"192.0.2.7:65536",
		"192.0.2.7:443x",
		"192.0.2.7: 443",
		"192.0.2.7:443-",
		"192.0.2.7:443-442",
		"192.0.2.7:443-65536",
		"192.0.2.7:443-444-445",
		"192.0.2.7:-443",
		"192.0.2.7:123456",
		"192.0.2:443",
		"192.0.2.256:443",
		"localhost:443",
		"192.0.2.7/33:443",
		"192.0.2.7/:443",
		"192.0.2.7/-1:443",
		"192.0.2.7/24:443",
		"192.0.2.0/24/24:443",
		"::1:443",
		"[::1:443",
		"[::1]443",
		"[::1]/129:443",
		"[::1]/64:443",
		"[]:443",
		"[:443",
		"[192.0.2.7]:443",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:443",
		"111111111111111111111111111111111111111111111111111111111111111111:443",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct steer_rules r = { 0 };
		const char *why = steer_rules_add(&r, wrong[i]);

		if (why == NULL)
			fail_msg("taken: %s", wrong[i]);
		assert_int_equal(r.num, 0);
		assert_null(strchr(why, '\n'));
	}
}

static void one_too_many_is_refused(void **state)
{
	struct steer_rules r = { 0 };

	(void)state;
	for (int i = 0; i < STEER_RULES; i++)
		assert_null(steer_rules_add(&r, "192.0.2.7:443"));
	assert_non_null(steer_rules_add(&r, "192.0.2.7:443"));
	assert_int_equal(r.num, STEER_RULES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(one_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
