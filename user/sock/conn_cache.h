/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_cache.h - a client's connection and the session cache it uses. All are fine without one.
 */
#ifndef LEAT_SOCK_CONN_CACHE_H
#define LEAT_SOCK_CONN_CACHE_H

#include "sock/conn.h"

/* Before the engine is made. The cache is what opts says, else the process's, if the config keeps sessions; a
 * session out of it goes into *opts, for conn_cache_begun to let go of. */
void conn_cache_begin(struct leat_conn *c, const struct leat_config *cfg,
	struct leat_client_opts *opts, uint16_t port);
/* Sessions that have come go into the cache. */
void conn_cache_keep(struct leat_conn *c);
/* The connection failed with err: after an alert nobody is to use its session again. */
void conn_cache_failed(struct leat_conn *c, const struct leat_err *err);
void conn_cache_free(struct leat_conn *c);

#endif
