/* SPDX-License-Identifier: Apache-2.0
 *
 * t_addr_limit.c: user/tool/addr_limit.c: connections counted by address.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "tool/addr_limit.h"

static struct addr_key key(const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return addr_key_of((struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return addr_key_of((struct sockaddr *)&in6);
}

static bool is_one(const char *a, const char *b)
{
	struct addr_key x = key(a), y = key(b);

	return x.bits == y.bits && x.family == y.family;
}

static void test_what_is_one_address(void **state)
{
	struct sockaddr unix_name = { .sa_family = AF_UNIX };

	(void)state;
	assert_true(is_one("192.0.2.1", "192.0.2.1"));
	assert_true(is_one("192.0.2.1", "::ffff:192.0.2.1"));
	assert_false(is_one("192.0.2.1", "192.0.2.2"));
	assert_false(is_one("0.0.0.0", "::"));
	assert_true(is_one("2001:db8::1", "2001:db8::ffff:1"));
	assert_false(is_one("2001:db8::1", "2001:db8:0:1::1"));
	assert_false(is_one("2001:db8:0:0::1", "2001:db8:0:80::1"));
	assert_false(is_one("2000:db8::1", "2100:db8::1"));
	assert_int_equal(addr_key_of(&unix_name).family, 0);
}

static void test_bound(void **state)
{
	struct addr_limit *l = addr_limit_new(10, 3, 1);
	struct addr_key a = key("192.0.2.1"), b = key("192.0.2.2"), none = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			assert_true(addr_limit_enter(l, a));
		assert_false(addr_limit_enter(l, a));
		assert_true(addr_limit_enter(l, b));
		addr_limit_leave(l, a);
		assert_true(addr_limit_enter(l, a));
		assert_false(addr_limit_enter(l, a));
		for (int i = 0; i < 3; i++)
			addr_limit_leave(l, a);
		addr_limit_leave(l, b);
	}
	/* Nobody who was not counted, and no address that has none. */
	addr_limit_leave(l, a);
	addr_limit_leave(l, none);
	for (int i = 0; i < 20; i++)
		assert_true(addr_limit_enter(l, none));
	addr_limit_free(l);
	addr_limit_free(NULL);
}

/* A million comings and goings against a plain table. */
static void test_against_a_table(void **state)
{
	enum { ADDRS = 300, MAX = 400, EACH = 4 };
	struct addr_limit *l = addr_limit_new(MAX, EACH, 0x1234567890abcdef);
	static unsigned have[ADDRS];
	unsigned total = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 1000000; i++) {
		unsigned n = (unsigned)rand() % ADDRS;
		struct addr_key k = { .bits = (uint64_t)n << (n % 50), .family = n % 2 ? 4 : 6 };

		k.bits = k.bits * 1000 + n; /* all different, many alike */
		if (rand() % 2 && have[n] > 0) {
			addr_limit_leave(l, k);
			have[n]--;
			total--;
		} else if (total < MAX) {
			bool ok = addr_limit_enter(l, k);

			assert_int_equal(ok, have[n] < EACH);
			have[n] += ok;
			total += ok;
		}
	}
	addr_limit_free(l);
}

/* As many addresses as connections, then one more. */
static void test_full(void **state)
{
	struct addr_limit *l = addr_limit_new(100, 1, 5);

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		assert_true(addr_limit_enter(l, (struct addr_key){ i, 4 }));
	assert_false(addr_limit_enter(l, (struct addr_key){ 100, 4 }));
	addr_limit_leave(l, (struct addr_key){ 50, 4 });
	assert_true(addr_limit_enter(l, (struct addr_key){ 100, 4 }));
	addr_limit_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_one_address),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_against_a_table),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
