/* SPDX-License-Identifier: Apache-2.0
 *
 * fakekem.h - a provider inside the test that offers "ML-KEM-768" and "ML-KEM-1024" to libcrypto: the
 * names, lengths and calls of the real ones, and an algorithm that protects nothing (the secret is a hash
 * of what was on the wire). So the whole handshake with hybrid groups runs on a libcrypto without ML-KEM.
 */
#ifndef TESTS_FAKEKEM_H
#define TESTS_FAKEKEM_H

#include <stdbool.h>
#include <stddef.h>

/* Loads it into the default library context; configs made before know nothing of it. Where libcrypto has
 * ML-KEM itself that one is used and false is returned. */
bool fakekem_load(void);
void fakekem_unload(void);
/* A key that starts with these bytes is refused when read, as one that fails the check of FIPS 203 7.2. */
#define FAKEKEM_BAD_KEY 0xff

#endif
