/* SPDX-License-Identifier: Apache-2.0
 *
 * t_vault.c - ktls/vault.c: slots are wiped, bounded, in no core file, and stand between pages that nobody may touch.
 */
#include "vec.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktls/vault.h"

static struct hs_slot *filled(void)
{
	struct hs_slot *s = vault_take();

	assert_non_null(s);
	for (int dir = 0; dir < 2; dir++) {
		assert_int_equal(s->by_dir[dir].n, 0);
		memset(s->by_dir[dir].b, 0xa5, LEAT_SECRET_MAX);
		s->by_dir[dir].n = 48;
	}
	return s;
}

/* Empty when taken, whatever the one before left; and empty as soon as it is given back. */
static void a_slot_is_wiped(void **state)
{
	const uint8_t zero[LEAT_SECRET_MAX] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct hs_slot *s = filled();
		const struct leat_secret *tx = &s->by_dir[LEAT_TX];

		assert_int_equal(vault_num_taken(), 1);
		s->put(s);
		assert_int_equal(vault_num_taken(), 0);
		assert_memory_equal(tx->b, zero, sizeof(zero));
	}
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (struct hs_slot *const *)a,
		  y = (uintptr_t) * (struct hs_slot *const *)b;

	return x < y ? -1 : x > y;
}

/* One below, at and above the bound; no two are the same or overlap. */
static void as_many_as_there_are(void **state)
{
	struct hs_slot **s = calloc(VAULT_SLOTS, sizeof(*s));

	(void)state;
	for (size_t i = 0; i < VAULT_SLOTS; i++) {
		assert_int_equal(vault_num_taken(), i);
		s[i] = filled();
	}
	assert_null(vault_take());
	assert_null(vault_take());
	qsort(s, VAULT_SLOTS, sizeof(*s), by_address);
	for (size_t i = 1; i < VAULT_SLOTS; i++)
		assert_true(s[i] >= s[i - 1] + 1);
	s[7]->put(s[7]);
	s[7] = filled();
	assert_null(vault_take());
	for (size_t i = 0; i < VAULT_SLOTS; i++)
		s[i]->put(s[i]);
	assert_int_equal(vault_num_taken(), 0);
	free(s);
}

/* The mapping that holds p has this flag in /proc/self/smaps; under: access of what is mapped below it. */
static bool has_flag(const void *p, const char *flag)
{
	unsigned long from = 0, to = 0;
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && sscanf(line, "%lx-%lx ", &from, &to) == 2)
			continue;
		if (strncmp(line, "VmFlags:", 8) == 0 && (uintptr_t)p >= from && (uintptr_t)p < to)
			found = strstr(line, flag) != NULL;
	}
	fclose(f);
	return found;
}

static void no_core_file_has_it(void **state)
{
	struct hs_slot *s = filled();
	int other = 0;

	(void)state;
	assert_true(has_flag(s, " dd"));
	assert_false(has_flag(&other, " dd"));
	s->put(s);
}

static void guards_stand_on_both_sides(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct hs_slot *s = filled();
	uint8_t *base = (uint8_t *)((uintptr_t)s & ~(page - 1));

	(void)state;
	/* below the first page, and above the last that may be used */
	while (has_flag(base - page, " rd"))
		base -= page;
	assert_false(has_flag(base - 1, " rd"));
	while (has_flag(base, " rd"))
		base += page;
	assert_false(has_flag(base, " rd"));
	s->put(s);
}

static void *take_and_put(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		struct hs_slot *s = vault_take();

		if (!s || s->by_dir[0].n)
			return arg;
		s->by_dir[0].n = 1;
		s->put(s);
	}
	return NULL;
}

static void any_thread(void **state)
{
	pthread_t t[4];
	void *bad;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, take_and_put, t), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_int_equal(vault_num_taken(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_wiped),
		cmocka_unit_test(no_core_file_has_it),
		cmocka_unit_test(guards_stand_on_both_sides),
		cmocka_unit_test(any_thread),
		cmocka_unit_test(as_many_as_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
