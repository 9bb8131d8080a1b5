/* SPDX-License-Identifier: Apache-2.0
 *
 * t_zip.c - the compressions of RFC 8879: there and back at every size, and everything that a stranger
 * may send instead: cut, longer, of another length, flipped, made to eat memory.
 */
#include "vec.h"

#include <malloc.h>

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/zip.h"

/* Half noise, half repetition, as certificates are. */
static uint8_t *text(size_t n)
{
	uint8_t *b = malloc(n);

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		b[i] = i % 97 < 40 ? (uint8_t)(vec_rand() >> 9) : (uint8_t)(i % 97);
	return b;
}

static struct leat_span packed(const struct zip *z, const uint8_t *b, size_t n)
{
	struct leat_wr w = { 0 };
	struct leat_span copy;

	assert_true(zip_pack(z, (struct leat_span){ b, n }, &w));
	copy = vec_copy(w.p, w.n);
	leat_wr_clear(&w);
	return copy;
}

static void there_and_back(void **state)
{
	static const size_t sizes[] = { 1, 2, 100, 1000, 5000, 65535, 262144 };
	uint8_t *out = malloc(262144);

	(void)state;
	for (size_t k = 0; k < ZIP_COUNT; k++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint8_t *b = text(sizes[i]);
			struct leat_span p = packed(zip_at(k), b, sizes[i]);

			memset(out, 0xee, sizes[i]);
			assert_int_equal(zip_unpack(zip_at(k), p, out, sizes[i]), ZIP_OK);
			assert_memory_equal(out, b, sizes[i]);
			if (sizes[i] >= 1000)
				assert_true(p.n < sizes[i]);
			free(b);
		}
	free(out);
}

/* The length is exact: one less or one more is as wrong as nothing. */
static void length_is_exact(void **state)
{
	size_t n = 3000;
	uint8_t *b = text(n), *out = malloc(n + 1);

	(void)state;
	for (size_t k = 0; k < ZIP_COUNT; k++) {
		struct leat_span p = packed(zip_at(k), b, n);

		assert_int_equal(zip_unpack(zip_at(k), p, out, n - 1), ZIP_BROKEN);
		assert_int_equal(zip_unpack(zip_at(k), p, out, n + 1), ZIP_BROKEN);
		assert_int_equal(zip_unpack(zip_at(k), p, out, 1), ZIP_BROKEN);
		assert_int_equal(zip_unpack(zip_at(k), p, out, n), ZIP_OK);
	}
	free(b);
	free(out);
}

static void cut_and_longer(void **state)
{
	size_t n = 1500;
	uint8_t *b = text(n), *out = malloc(n);

	(void)state;
	for (size_t k = 0; k < ZIP_COUNT; k++) {
		struct leat_span p = packed(zip_at(k), b, n);
		uint8_t *longer = calloc(1, p.n + 1);

		for (size_t cut = 0; cut < p.n; cut++) {
			uint8_t *piece = malloc(
				cut ? cut : 1); /* its own block, for the sanitizer */

			memcpy(piece, p.p, cut);
			assert_int_equal(
				zip_unpack(zip_at(k), (struct leat_span){ piece, cut }, out, n),
				ZIP_BROKEN);
			free(piece);
		}
		memcpy(longer, p.p, p.n);
		assert_int_equal(
			zip_unpack(zip_at(k), (struct leat_span){ longer, p.n + 1 }, out, n),
			ZIP_BROKEN);
		free(longer);
	}
	free(b);
	free(out);
}

/* Whatever comes, nothing is written beyond the length (the sanitizer looks), and memory comes back. */
static void flipped_bits(void **state)
{
	size_t n = 700;
	uint8_t *b = text(n), *out = malloc(n);
	unsigned refused = 0;

	(void)state;
	for (size_t k = 0; k < ZIP_COUNT; k++) {
		struct leat_span p = packed(zip_at(k), b, n);
		uint8_t *bent = malloc(p.n);

		for (size_t at = 0; at < p.n; at++)
			for (unsigned bit = 0; bit < 8; bit += 3) {
				memcpy(bent, p.p, p.n);
				bent[at] ^= (uint8_t)(1 << bit);
				refused += zip_unpack(zip_at(k), (struct leat_span){ bent, p.n },
						   out, n) != ZIP_OK;
			}
		free(bent);
	}
	assert_true(refused > 100);
	free(b);
	free(out);
}

/* One algorithm's bytes are not another's. */
static void taken_for_another(void **state)
{
	size_t n = 900;
	uint8_t *b = text(n), *out = malloc(n);

	(void)state;
	for (size_t k = 0; k < ZIP_COUNT; k++)
		for (size_t as = 0; as < ZIP_COUNT; as++)
			if (as != k)
				assert_int_equal(
					zip_unpack(zip_at(as), packed(zip_at(k), b, n), out, n),
					ZIP_BROKEN);
	free(b);
	free(out);
}

/* 16 MiB of zeros in some hundred bytes, said to be 200 KiB: refused, in the memory of 200 KiB and what
 * LIM_UNPACK_MEMORY lets a decoder have. */
static void bombs(void **state)
{
	size_t n = 16 << 20, said = 200000;
	uint8_t *b = calloc(1, n), *out = malloc(said);
	struct mallinfo2 before, after;

	(void)state;
	for (size_t k = 0; k < ZIP_COUNT; k++) {
		struct leat_span p = packed(zip_at(k), b, n);

		assert_true(p.n < 20000);
		before = mallinfo2();
		assert_int_equal(zip_unpack(zip_at(k), p, out, said), ZIP_BROKEN);
		after = mallinfo2();
		assert_true(
			after.arena + after.hblkhd <= before.arena + before.hblkhd + (4u << 20));
	}
	free(b);
	free(out);
}

/* A Brotli stream may say that it needs a window of 16 MiB and 16 MiB of output: WBITS 24, MLEN 2^24. It
 * is not given either. */
static void brotli_window(void **state)
{
	/* WBITS 24 (bits 1111), ISLAST 0, MNIBBLES 6 (10), MLEN - 1 = 0xffffff, ISUNCOMPRESSED 1 */
	static const uint8_t wide[] = { 0xcf, 0xff, 0xff, 0xff, 0x01, 'x', 'y', 'z' };
	uint8_t out[64];
	unsigned long before;

	(void)state;
	before = leat_mem_fail_at(0);
	assert_int_equal(zip_unpack(zip_by_id(ZIP_BROTLI), (struct leat_span){ wide, sizeof(wide) },
				 out, sizeof(out)),
		ZIP_BROKEN);
	(void)before;
}

/* Out of memory is not the peer's fault, and is told apart. */
static void memory(void **state)
{
	size_t n = 4000;
	uint8_t *b = text(n), *out = malloc(n);

	(void)state;
	for (size_t k = 0; k < 2; k++) { /* zstd takes its memory from libc itself */
		struct leat_span p = packed(zip_at(k), b, n);
		unsigned long total;

		(void)leat_mem_fail_at(0);
		assert_int_equal(zip_unpack(zip_at(k), p, out, n), ZIP_OK);
		total = leat_mem_fail_at(0);
		assert_true(total >= 1);
		for (unsigned long nth = 1; nth <= total; nth++) {
			(void)leat_mem_fail_at(nth);
			assert_int_equal(zip_unpack(zip_at(k), p, out, n), ZIP_MEMORY);
		}
		(void)leat_mem_fail_at(0);
	}
	for (size_t k = 0; k < ZIP_COUNT; k++) {
		struct leat_wr w = { 0 };

		(void)leat_mem_fail_at(1);
		assert_false(zip_pack(zip_at(k), (struct leat_span){ b, n }, &w));
		(void)leat_mem_fail_at(0);
		leat_wr_clear(&w);
	}
	free(b);
	free(out);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(zip_by_id(1)->name, "zlib");
	assert_string_equal(zip_by_id(2)->name, "brotli");
	assert_string_equal(zip_by_id(3)->name, "zstd");
	assert_null(zip_by_id(0));
	assert_null(zip_by_id(4));
	assert_null(zip_by_id(0x0a0a));
	assert_ptr_equal(zip_by_name("ZSTD", 4), zip_at(2));
	assert_null(zip_by_name("zst", 3));
	assert_null(zip_at(ZIP_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(length_is_exact),
		cmocka_unit_test(cut_and_longer),
		cmocka_unit_test(flipped_bits),
		cmocka_unit_test(taken_for_another),
		cmocka_unit_test(bombs),
		cmocka_unit_test(brotli_window),
		cmocka_unit_test(memory),
	};
	int r = cmocka_run_group_tests(tests, NULL, vec_teardown);

	return r;
}
