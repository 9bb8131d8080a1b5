/* SPDX-License-Identifier: Apache-2.0
 *
 * vec.c - test vectors and deterministic noise.
 */
#include "vec.h"

static void **given;
static size_t num_given, cap_given;

static void *give(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (num_given == cap_given) {
		cap_given = cap_given ? 2 * cap_given : 64;
		given = realloc(given, cap_given * sizeof(*given));
	}
	if (!p || !given)
		abort();
	given[num_given++] = p;
	return p;
}

void vec_free_all(void)
{
	while (num_given)
		free(given[--num_given]);
	free(given);
	given = NULL;
	cap_given = 0;
}

int vec_teardown(void **state)
{
	(void)state;
	vec_free_all();
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct leat_span vec_hex(const char *hex)
{
	uint8_t *p = give(strlen(hex) / 2 + 1);
	size_t n = 0;
	int half = -1;

	for (; *hex; hex++) {
		int d = digit(*hex);

		if (*hex == ' ' || *hex == '\n' || *hex == '\t')
			continue;
		if (d < 0)
			fail_msg("not hex: %s", hex);
		if (half < 0) {
			half = d;
			continue;
		}
		p[n++] = (uint8_t)(half << 4 | d);
		half = -1;
	}
	if (half >= 0)
		fail_msg("odd number of hex digits");
	return vec_copy(p, n);
}

struct leat_span vec_str(const char *s)
{
	return (struct leat_span){ (const uint8_t *)s, strlen(s) };
}

struct leat_span vec_copy(const void *p, size_t n)
{
	uint8_t *q = give(n);

	if (n)
		memcpy(q, p, n);
	return (struct leat_span){ q, n };
}

/* xorshift32 (Marsaglia 2003): any fixed generator does. */
uint32_t vec_rand(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

struct leat_span vec_noise(size_t n)
{
	uint8_t *q = give(n);

	for (size_t i = 0; i < n; i++)
		q[i] = (uint8_t)(vec_rand() >> 11);
	return (struct leat_span){ q, n };
}

void vec_assert_hex(const void *p, size_t n, const char *hex, const char *file, int line)
{
	struct leat_span want = vec_hex(hex);
	const uint8_t *b = p;

	if (n == want.n && (n == 0 || memcmp(b, want.p, n) == 0))
		return;
	print_error("have %zu bytes: ", n);
	for (size_t i = 0; i < n; i++)
		print_error("%02x", b[i]);
	print_error("\nwant %zu bytes: %s\n", want.n, hex);
	_fail(file, line);
}
