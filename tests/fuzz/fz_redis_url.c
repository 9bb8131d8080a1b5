/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_redis_url.c: any text as the URL of a Redis server. What is taken has a place to connect to and ends
 * every text; what is refused leaves nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sock/redis_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_err err = { 0 };
	struct redis_url u;
	char *text = malloc(n + 1);

	if (!text)
		return 0;
	if (n)
		memcpy(text, data, n);
	text[n] = '\0';
	if (redis_url_parse(&u, text, &err) == LEAT_OK) {
		assert((u.host[0] != '\0') != (u.socket[0] != '\0'));
		assert(u.host[0] == '\0' || u.port > 0);
		assert(u.socket[0] == '\0' || u.socket[0] == '/');
		assert(u.timeout_ms > 0 && u.timeout_ms <= REDIS_WAIT_MAX && u.db <= REDIS_DB_MAX);
		assert(u.is_tls || (!u.cacertfile[0] && !u.certfile[0]));
	} else {
		assert(err.cls == LEAT_E_OPTION && u.host[0] == '\0' && u.password[0] == '\0');
	}
	free(text);
	return 0;
}
