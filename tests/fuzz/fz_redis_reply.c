/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_redis_reply.c: any bytes as what a Redis server says, whole and byte by byte: both must be read as the
 * same replies, none larger than a session can be.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sock/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define REPLIES 64

struct seen {
	unsigned num;
	enum leat_ret end;
	struct {
		enum redis_kind kind;
		int64_t integer;
		size_t n;
	} reply[REPLIES];
};

/* How much is held of a reply without an end depends on the cuts: such inputs are told apart by the caller. */
static void read_all(const uint8_t *data, size_t n, size_t step, struct seen *seen)
{
	struct leat_err err = { 0 };
	struct redis_reader r;

	*seen = (struct seen){ .end = LEAT_AGAIN };
	if (redis_reader_init(&r, &err) != LEAT_OK)
		return;
	for (size_t at = 0; at < n && seen->end != LEAT_FAILED; at += step) {
		if (!redis_reader_feed(&r, data + at, step < n - at ? step : n - at))
			break;
		while ((seen->end = redis_reader_next(&r)) == LEAT_OK && seen->num < REPLIES) {
			assert(r.reply.value.n <= STORE_VALUE_MAX);
			assert(r.reply.kind == REDIS_BYTES || r.reply.value.n == 0);
			seen->reply[seen->num].kind = r.reply.kind;
			seen->reply[seen->num].integer = r.reply.integer;
			seen->reply[seen->num++].n = r.reply.value.n;
		}
	}
	redis_reader_clear(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct seen whole, bytes;

	if (n > 2048 || !redis_has_library())
		return 0;
	read_all(data, n, n ? n : 1, &whole);
	read_all(data, n, 1, &bytes);
	assert(whole.num == bytes.num);
	assert(memcmp(whole.reply, bytes.reply, sizeof(whole.reply)) == 0);
	return 0;
}
