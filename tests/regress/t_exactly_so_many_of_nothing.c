/* SPDX-License-Identifier: Apache-2.0
 *
 * t_exactly_so_many_of_nothing.c - leat_recv_exact on a connection on which nothing has come yet said "out of memory"
 * when the time was over, and the connection was dead: no bytes were kept in no memory.
 *
 * REQ: T-rn-12
 */
#include "link.h"

static void nothing_came_in_time(void **state)
{
	static const struct link_opts o;
	struct link l;
	uint8_t b[4];
	size_t got;

	(void)state;
	link_open(&l, &o);
	assert_int_equal(leat_recv_exact(l.c[0], b, 4, 0, &got), LEAT_AGAIN);
	assert_int_equal(leat_send(l.c[1], "four", 4, LINK_MS, NULL), LEAT_OK);
	assert_int_equal(leat_recv_exact(l.c[0], b, 4, LINK_MS, &got), LEAT_OK);
	assert_memory_equal(b, "four", 4);
	link_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_came_in_time) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
