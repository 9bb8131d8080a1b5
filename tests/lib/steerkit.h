/* SPDX-License-Identifier: Apache-2.0
 *
 * steerkit.h - listeners that share an address, and connections to them, for the tests of steering.
 */
#ifndef LEAT_TESTS_STEERKIT_H
#define LEAT_TESTS_STEERKIT_H

#include <stdbool.h>
#include <stdint.h>

/* A non-blocking TCP socket with SO_REUSEPORT on 127.0.0.1; *port 0: a free one, which is told. */
int steer_bound(uint16_t *port);
/* The same, listening. */
int steer_listening(uint16_t *port);
/* Connected to addr ("127.0.0.1", "::1"), or -1 with errno. */
int steer_dial(const char *addr, uint16_t port);
/* Connections that wait at a listener. */
unsigned steer_queued(int lfd);
/* Fails the test when there are not as many within five seconds: the last step of a handshake may still be on its
 * way when connect has returned. fd < 0 is no listener. */
void steer_await(const int *fd, unsigned num, unsigned want);
/* Takes everything that waits at a listener; how many. */
unsigned steer_accept_all(int lfd);
/* BPF was refused: skips with the reason; fails when it was the verifier's, which has no right to. */
void steer_skip(const char *why);
/* From here on in a network namespace of this process alone, its loopback up. Skips where that cannot be had. */
void steer_own_network(void);

#endif
