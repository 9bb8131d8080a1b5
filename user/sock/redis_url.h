/* SPDX-License-Identifier: Apache-2.0
 *
 * redis_url.h - where a Redis server is, as an operator writes it. Pure.
 *
 *	redis://[[USER]:PASSWORD@]HOST[:PORT][/DB][?timeout_ms=N]
 *	rediss://... the same over TLS, with ?cacertfile=PATH, &certfile=PATH&keyfile=PATH
 *	redis+unix://[[USER]:PASSWORD@]/PATH[?db=N]
 *
 * User, password, path and values may have percent signs as RFC 3986 2.1 has them. HOST may be an IPv6
 * address in brackets.
 */
#ifndef LEAT_SOCK_REDIS_URL_H
#define LEAT_SOCK_REDIS_URL_H

#include <leat/types.h>

#define REDIS_WORD_MAX 256  /* host, user and password, with a NUL */
#define REDIS_PATH_MAX 1024 /* files */
#define REDIS_DB_MAX   65535
#define REDIS_PORT     6379
#define REDIS_WAIT_MS  100 /* default of timeout_ms: what a lookup waits at most */
#define REDIS_WAIT_MAX 10000

/* A wiping type. What is not there is empty. */
struct redis_url {
	bool is_tls;
	uint16_t port;
	unsigned db, timeout_ms;
	char host[REDIS_WORD_MAX], user[REDIS_WORD_MAX], password[REDIS_WORD_MAX];
	char socket[108]; /* path of a unix socket (sun_path) */
	char cacertfile[REDIS_PATH_MAX], certfile[REDIS_PATH_MAX], keyfile[REDIS_PATH_MAX];
};

void redis_url_clear(struct redis_url *u);
/* Does text begin as one? */
bool redis_url_is(const char *text);
/* LEAT_FAILED, LEAT_E_OPTION: *out is clear, and the error has nothing of text, which may hold a password. */
LEAT_MUST_CHECK enum leat_ret redis_url_parse(
	struct redis_url *out, const char *text, struct leat_err *err);

#endif
