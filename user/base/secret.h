/* SPDX-License-Identifier: Apache-2.0
 *
 * secret.h - key material as a type that wipes itself. No key-like bytes live in plain arrays.
 */
#ifndef LEAT_BASE_SECRET_H
#define LEAT_BASE_SECRET_H

#include <leat/types.h>

/* Runs fn on the variable's address when it leaves scope, on every path. fn must accept zero state. */
#define LEAT_SCOPED(fn) __attribute__((cleanup(fn)))

#define LEAT_SECRET_MAX 64

/* A secret of up to 64 bytes (a SHA-512 output; TLS needs 48). Zero state is the empty secret. */
struct leat_secret {
	uint8_t n;
	uint8_t b[LEAT_SECRET_MAX];
};

/* Overwrites n bytes in a way the compiler keeps. p may be NULL when n is 0. */
void leat_wipe(void *p, size_t n);

void leat_secret_clear(struct leat_secret *s);
/* Copies; n above LEAT_SECRET_MAX is a programming error and leaves the secret empty. */
void leat_secret_set(struct leat_secret *s, const void *p, size_t n);
static inline struct leat_span leat_secret_span(const struct leat_secret *s)
{
	return (struct leat_span){ s->b, s->n };
}

/* Equal in time that depends only on n. */
bool leat_ct_equal(const void *a, const void *b, size_t n);

#endif
