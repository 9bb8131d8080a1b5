/* SPDX-License-Identifier: Apache-2.0
 *
 * t_wipe_keys.c - after the hand-over the process holds no key: every writable byte of it, heap, stack
 * (also the part below the present frame) and data, is searched for the keys that the kernel was given.
 * The kernel is tests/lib/fakesys.c, which tells the keys masked and forgets them.
 */
#include "fakesys.h"
#include "rig.h"

#include <unistd.h>

#include "base/secret.h"
#include "pki.h"
#include "vec.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

struct sought {
	uint8_t masked[32];
	size_t n;
};

/* Is what stands at p the key? Read through the mask, so the key itself is nowhere in here. */
static bool is_key(const volatile uint8_t *p, const struct sought *s)
{
	for (size_t i = 0; i < s->n; i++)
		if ((p[i] ^ FAKESYS_MASK) != s->masked[i])
			return false;
	return true;
}

static unsigned search_range(const char *line, uintptr_t from, uintptr_t to, const struct sought *s)
{
	unsigned found = 0;

	for (uintptr_t p = from; p + s->n <= to; p++)
		if (is_key((const volatile uint8_t *)p, s)) {
			print_message("key at +0x%lx of %s", (unsigned long)(p - from), line);
			found++;
		}
	return found;
}

static unsigned search(const struct sought *s)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned found = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[8];

		assert_int_equal(sscanf(line, "%lx-%lx %7s", &from, &to, mode), 3);
		if (strncmp(mode, "rw", 2) == 0 && !strstr(line, "[v"))
			found += search_range(line, from, to, s);
	}
	fclose(maps);
	return found;
}

static int teardown(void **state)
{
	(void)state;
	pki_done();
	vec_free_all();
	return 0;
}

static void the_search_finds_a_key(void **state)
{
	struct sought s = { .n = 16 };
	uint8_t *planted = malloc(64);

	(void)state;
	assert_non_null(planted);
	for (size_t i = 0; i < 16; i++) {
		planted[20 + i] = (uint8_t)(0xc1 + 7 * i);
		s.masked[i] = planted[20 + i] ^ FAKESYS_MASK;
	}
	assert_int_equal(search(&s), 1);
	leat_wipe(planted, 64);
	free(planted);
	assert_int_equal(search(&s), 0);
}

/* Everything but the connection under test goes; it stays, established, its keys in the "kernel". */
static void keys_are_gone(const char *version, const char *suite, enum leat_role role)
{
	struct rig_opts o = { role, version, suite, "kernel", "kernel", &fakesys };
	struct sought s[2];
	bool peer_up = false;
	enum leat_ret up = LEAT_AGAIN;
	struct rig r;

	fakesys_reset();
	rig_open(&r, &o);
	for (int turns = 0; turns < 20 && !(up == LEAT_OK && peer_up); turns++) {
		if (up == LEAT_AGAIN)
			up = rig_conn_step(&r);
		peer_up = rig_peer_step(&r);
	}
	assert_int_equal(up, LEAT_OK);
	assert_true(fakesys_has_keys(LEAT_RX) && fakesys_has_keys(LEAT_TX));
	leat_engine_free(r.e); /* the peer has the same keys, the other way round */
	r.e = NULL;
	for (int dir = 0; dir < 2; dir++)
		s[dir].n = fakesys_take_key((enum leat_dir)dir, s[dir].masked);
	assert_true(s[0].n >= 16);
	for (int dir = 0; dir < 2; dir++)
		assert_int_equal(search(&s[dir]), 0);
	rig_close(&r);
}

/* The other way round: while the engine carries TX the key is found, so the search above looks in the
 * right places. */
static void the_engines_keys_are_found(void **state)
{
	struct rig_opts o = { LEAT_CLIENT, "tlsv1.3", "TLS_AES_128_GCM_SHA256", "auto", "auto",
		&fakesys };
	struct traffic_keys keys;
	struct sought s = { .n = 16 };
	struct rig r;
	uint64_t seq;

	(void)state;
	fakesys_reset();
	rig_connect(&r, &o);
	leat_engine_free(r.e);
	r.e = NULL;
	traffic_keys_clear(&r.in.keys);
	traffic_keys_clear(&r.out.keys);
	assert_int_equal(leat_engine_export(r.c->e, LEAT_TX, &keys, &seq), LEAT_OK);
	for (size_t i = 0; i < s.n; i++)
		s.masked[i] = keys.key[i] ^ FAKESYS_MASK;
	traffic_keys_clear(&keys);
	assert_true(search(&s) > 0);
	rig_close(&r);
}

static void handed_over_keys_are_gone(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		keys_are_gone("tlsv1.3", "TLS_AES_128_GCM_SHA256", (enum leat_role)role);
		keys_are_gone("tlsv1.3", "TLS_CHACHA20_POLY1305_SHA256", (enum leat_role)role);
		keys_are_gone("tlsv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", (enum leat_role)role);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds_a_key),
		cmocka_unit_test(the_engines_keys_are_found),
		cmocka_unit_test(handed_over_keys_are_gone),
	};

	if (UNDER_ASAN) {
		printf("ASan's shadow and quarantine are not this program's memory\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, teardown);
}
