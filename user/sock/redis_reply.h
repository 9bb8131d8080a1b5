/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_reply.h - commands to Redis and its replies as bytes, by hiredis (loaded when the first store of this
 * kind is opened): its formatter and its reader. What is read goes into our own struct of bounded size; arrays
 * are not asked for and end the reading, so that no reply can make us take memory.
 */
#ifndef LEAT_SOCK_REDIS_REPLY_H
#define LEAT_SOCK_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "base/wr.h"
#include "sock/store_value.h"

enum redis_kind {
	REDIS_NIL,
	REDIS_STATUS, /* +OK, +PONG */
	REDIS_INTEGER,
	REDIS_BYTES,
	REDIS_REFUSED, /* -ERR ... */
};

/* One reply. A wiping type: bytes may be a session. */
struct redis_reply {
	enum redis_kind kind;
	int64_t integer;
	struct store_value value; /* n 0 also for one that is too long to be ours */
};

struct redis_reader {
	redisReader *r;
	struct redis_reply reply;
};

void redis_reply_clear(struct redis_reply *reply);

/* false: hiredis is not on this machine. */
bool redis_has_library(void);

/* Appends a command of num words. false: no memory. */
bool redis_command(struct leat_wr *out, const struct leat_span *words, size_t num);

LEAT_MUST_CHECK enum leat_ret redis_reader_init(struct redis_reader *r, struct leat_err *err);
void redis_reader_clear(struct redis_reader *r); /* legal on zero state */
/* Bytes from the server, any bytes. false: no memory. */
bool redis_reader_feed(struct redis_reader *r, const void *p, size_t n);
/* The next reply is in r->reply: LEAT_OK. LEAT_AGAIN: not all of it is there. LEAT_FAILED: these bytes are no
 * replies, or one that is longer than any we ask for; the reader is of no use any more. */
LEAT_MUST_CHECK enum leat_ret redis_reader_next(struct redis_reader *r);

#endif
