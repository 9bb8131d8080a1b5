/* SPDX-License-Identifier: Apache-2.0
 *
 * storekit.h - for tests of session stores: a folder of the test's own with files in it, removed at the
 * end; a Redis server in it.
 */
#ifndef STOREKIT_H
#define STOREKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

const char *kit_dir(void); /* made at the first call */
void kit_clear(void);      /* removes it with all that is in it */
/* The whole file, to be freed. */
uint8_t *kit_read(const char *path, size_t *n);
/* Mode 0600. */
void kit_write(const char *path, const uint8_t *p, size_t n);

/* A redis-server that listens on a unix socket in the folder: kit_redis_url tells where. false: there is none on
 * this machine. kit_redis_stop kills it, as a crash does. */
bool kit_redis_start(void);
void kit_redis_stop(void);
pid_t kit_redis_pid(void);
const char *kit_redis_url(void);

#endif
