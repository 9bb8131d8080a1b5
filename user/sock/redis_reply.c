/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_reply.c - see redis_reply.h.
 *
 * hiredis announces what it read through callbacks that make objects. Ours make none: they write to the
 * reader's one struct redis_reply, whose address they return. So nothing is allocated by the length that a
 * server announces; hiredis itself keeps just the bytes that have come, and those are counted here.
 */
#include "sock/redis_reply.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"

#define LIBRARY "libhiredis.so." LEAT_STR(HIREDIS_SONAME)
/* Of one reply that has not come to its end: the longest value with its head, or an error text. */
#define REPLY_MAX (STORE_VALUE_MAX + 1024)

/* clang-format off */
#define CALLS(X) \
	X(redisFormatCommandArgv) X(redisFreeCommand) X(redisReaderCreateWithFunctions) \
	X(redisReaderFree) X(redisReaderFeed) X(redisReaderGetReply)
/* clang-format on */

static struct {
#define X(name) __typeof__(name) *name;
	CALLS(X)
#undef X
} api;
static bool api_is_there;
static pthread_once_t api_once = PTHREAD_ONCE_INIT;

static void load(void)
{
	void *so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	bool all = so != NULL;

#define X(name) all = all && (*(void **)&api.name = dlsym(so, #name)) != NULL;
	CALLS(X)
#undef X
	api_is_there = all;
}

bool redis_has_library(void)
{
	pthread_once(&api_once, load);
	return api_is_there;
}

void redis_reply_clear(struct redis_reply *reply)
{
	leat_wipe(reply, sizeof(*reply));
}

/* ---- commands ---- */

#define WORDS_MAX 6

bool redis_command(struct leat_wr *out, const struct leat_span *words, size_t num)
{
	const char *p[WORDS_MAX];
	size_t lengths[WORDS_MAX];
	char *text;
	int n;

	if (num > WORDS_MAX)
		return false;
	for (size_t i = 0; i < num; i++) {
		p[i] = (const char *)words[i].p;
		lengths[i] = words[i].n;
	}
	n = api.redisFormatCommandArgv(&text, (int)num, p, lengths);
	if (n < 0)
		return false;
	leat_wr_bytes(out, text, (size_t)n);
	leat_wipe(text, (size_t)n); /* a session, or the password */
	api.redisFreeCommand(text);
	return leat_wr_ok(out);
}

/* ---- replies ---- */

static void *on_string(const redisReadTask *task, char *p, size_t n)
{
	struct redis_reply *reply = task->privdata;

	reply->value.n = 0;
	if (task->type == REDIS_REPLY_STATUS) {
		reply->kind = REDIS_STATUS;
	} else if (task->type == REDIS_REPLY_ERROR) {
		reply->kind = REDIS_REFUSED;
	} else {
		reply->kind = REDIS_BYTES;
		if (n <= sizeof(reply->value.b)) {
			memcpy(reply->value.b, p, n);
			reply->value.n = n;
		}
	}
	return reply;
}

static void *on_array(const redisReadTask *task, int num)
{
	(void)task;
	(void)num;
	return NULL;
}

static void *on_integer(const redisReadTask *task, long long v)
{
	struct redis_reply *reply = task->privdata;

	reply->kind = REDIS_INTEGER;
	reply->integer = v;
	return reply;
}

static void *on_nil(const redisReadTask *task)
{
	struct redis_reply *reply = task->privdata;

	reply->kind = REDIS_NIL;
	return reply;
}

static void on_free(void *reply)
{
	(void)reply;
}

enum leat_ret redis_reader_init(struct redis_reader *r, struct leat_err *err)
{
	static redisReplyObjectFunctions ours = { on_string, on_array, on_integer, on_nil,
		on_free };

	*r = (struct redis_reader){ 0 };
	r->r = api.redisReaderCreateWithFunctions(&ours);
	if (!r->r)
		return err_memory(err);
	r->r->privdata = &r->reply;
	return LEAT_OK;
}

static void wipe_read(redisReader *r)
{
	if (r->buf)
		leat_wipe(r->buf, r->len);
}

void redis_reader_clear(struct redis_reader *r)
{
	if (r->r) {
		wipe_read(r->r);
		api.redisReaderFree(r->r);
	}
	redis_reply_clear(&r->reply);
	r->r = NULL;
}

bool redis_reader_feed(struct redis_reader *r, const void *p, size_t n)
{
	return api.redisReaderFeed(r->r, p, n) == REDIS_OK;
}

enum leat_ret redis_reader_next(struct redis_reader *r)
{
	void *got = NULL;

	redis_reply_clear(&r->reply);
	if (api.redisReaderGetReply(r->r, &got) != REDIS_OK)
		return LEAT_FAILED;
	if (!got)
		return r->r->len - r->r->pos <= REPLY_MAX ? LEAT_AGAIN : LEAT_FAILED;
	if (r->r->pos == r->r->len)
		wipe_read(r->r);
	return LEAT_OK;
}
