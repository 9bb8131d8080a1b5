/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.h - host names to addresses under a deadline. Private to sock/.
 */
#ifndef LEAT_SOCK_RESOLVE_H
#define LEAT_SOCK_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include <leat/types.h>

/* Addresses of host and port for a TCP connection, in the resolver's order; family as ai_family. A literal
 * is turned into one at once, a name by a thread of its own, on whose end nobody waits beyond the deadline.
 * *out is freed by freeaddrinfo. LEAT_FAILED: LEAT_E_TIMEOUT, or LEAT_E_SYSTEM with the resolver's words. */
LEAT_MUST_CHECK enum leat_ret resolve_host(struct addrinfo **out, const char *host, uint16_t port,
	int family, int64_t deadline, struct leat_err *err);

/* Threads that are at work now, those included whose callers have gone. */
unsigned resolve_num_running(void);

/* Tests: what stands in for getaddrinfo(3) in the threads; NULL: the real one. */
typedef int resolve_fn(
	const char *host, const char *service, const struct addrinfo *want, struct addrinfo **out);
void resolve_use(resolve_fn *fn);

#endif
