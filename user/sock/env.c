/* SPDX-License-Identifier: Apache-2.0
 *
 * env.c - this system's clock and dice for the engine, which has none of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include <leat/leat.h>

static int64_t system_now_s(void *arg)
{
	(void)arg;
	return (int64_t)time(NULL);
}

static void system_random(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	while (n > 0) {
		ssize_t r = getrandom(p, n, 0);

		if (r > 0) {
			p += r;
			n -= (size_t)r;
		} else if (r < 0 && errno != EINTR) {
			/* Only a sandbox without the call comes here. Keys from anything weaker
			 * would look like keys: stop. */
			abort();
		}
	}
}

void leat_env_system(struct leat_env *out)
{
	*out = (struct leat_env){ .now_s = system_now_s, .random = system_random };
}
