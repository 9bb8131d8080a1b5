/* SPDX-License-Identifier: Apache-2.0
 *
 * vec.h - what every C test here includes first: cmocka with its needs, and test vectors written as
 * hex strings (spaces and newlines ignored).
 */
#ifndef LEAT_TESTS_VEC_H
#define LEAT_TESTS_VEC_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <leat/types.h>

/* The bytes of a hex string in memory that lives until vec_free_all; fails the test on bad hex. */
struct leat_span vec_hex(const char *hex);
/* The bytes of a C string without its NUL. */
struct leat_span vec_str(const char *s);
/* A copy with exactly its own heap block, so that ASan sees a read past the end. */
struct leat_span vec_copy(const void *p, size_t n);
/* n bytes from a fixed generator: the same in every run, different with each call. */
struct leat_span vec_noise(size_t n);
uint32_t vec_rand(void);
/* Frees everything the functions above gave out; a cmocka teardown may call it. */
void vec_free_all(void);
int vec_teardown(void **state);

/* Asserts that p[0..] equals the hex, and prints both when not. */
#define assert_hex(p, n, hex) vec_assert_hex((p), (n), (hex), __FILE__, __LINE__)
void vec_assert_hex(const void *p, size_t n, const char *hex, const char *file, int line);

#endif
