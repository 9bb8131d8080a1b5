/* SPDX-License-Identifier: Apache-2.0
 *
 * storekit.h - for tests of session stores: a folder of the test's own with files in it, removed at the
 * end.
 */
#ifndef STOREKIT_H
#define STOREKIT_H

#include <stddef.h>
#include <stdint.h>

const char *kit_dir(void); /* made at the first call */
void kit_clear(void);      /* removes it with all that is in it */
/* The whole file, to be freed. */
uint8_t *kit_read(const char *path, size_t *n);
/* Mode 0600. */
void kit_write(const char *path, const uint8_t *p, size_t n);

#endif
