/* SPDX-License-Identifier: Apache-2.0
 *
 * secret.c - wiping and constant-time comparison.
 */
#include "base/secret.h"

#include <string.h>

void leat_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void leat_secret_clear(struct leat_secret *s)
{
	leat_wipe(s, sizeof(*s));
}

void leat_secret_set(struct leat_secret *s, const void *p, size_t n)
{
	leat_secret_clear(s);
	if (n > LEAT_SECRET_MAX)
		return;
	if (n) /* an empty span may be {NULL, 0}, which memcpy must not see */
		memcpy(s->b, p, n);
	s->n = (uint8_t)n;
}

bool leat_ct_equal(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	volatile uint8_t diff = 0;
	size_t i;

	for (i = 0; i < n; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}
