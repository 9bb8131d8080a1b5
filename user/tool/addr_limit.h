/* SPDX-License-Identifier: Apache-2.0
 *
 * addr_limit.h - how many connections each address has. IPv4 addresses count one by one, IPv6 by /64: that is what
 * one subscriber has. Knows no socket. Not thread-safe; whoever shares it brings a lock.
 */
#ifndef LEAT_TOOL_ADDR_LIMIT_H
#define LEAT_TOOL_ADDR_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What is counted together; zero: an address that is not limited (no IP). */
struct addr_key {
	uint64_t bits;
	uint8_t family; /* 4, 6 */
};
struct addr_key addr_key_of(const struct sockaddr *a);

struct addr_limit;

/* For at most max connections in all, each of them of an address with at most each. seed: random, so that nobody
 * can choose addresses that meet in one place. NULL: no memory. */
struct addr_limit *addr_limit_new(unsigned max, unsigned each, uint64_t seed);
void addr_limit_free(struct addr_limit *l);
/* One more of this address. false: it has all it may, nothing was counted. */
bool addr_limit_enter(struct addr_limit *l, struct addr_key k);
void addr_limit_leave(struct addr_limit *l, struct addr_key k);

#endif
