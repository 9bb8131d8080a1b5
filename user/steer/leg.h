/* SPDX-License-Identifier: Apache-2.0
 *
 * leg.h - connections to a backend on this machine whose bytes skip the TCP stack (kernel-helpers/leg.bpf.c). Off
 * unless asked for, and for backends that are trusted to read: a direction is redirected for its first 64 KiB, which
 * bounds what an end that does not read can take of the kernel's memory; then it goes by TCP.
 *
 * A socket that was wanted is in a socket map once it is connected: it must never be given TLS, and splice(2) from it
 * does not see what was redirected. The other end is in the map as well; the backend's program need not know.
 *
 * Takes CAP_BPF, CAP_NET_ADMIN and a cgroup2 mount (its program is attached to the root of that, for the life of this
 * process).
 */
#ifndef LEAT_STEER_LEG_H
#define LEAT_STEER_LEG_H

#include "steer/steer.h"

struct leg;

/* NULL after writing why not, one line. */
struct leg *leg_open(char why[STEER_TEXT]);
void leg_close(struct leg *l);
/* fd, not connected yet, is to have such a connection. false: it will not, and why. */
bool leg_want(struct leg *l, int fd, char why[STEER_TEXT]);

struct leg_counts {
	uint64_t entered;    /* sockets, two for a leg */
	uint64_t redirected; /* bytes */
	uint64_t by_tcp;     /* messages that went the ordinary way */
};
struct leg_counts leg_count(const struct leg *l); /* NULL: zeros */

#endif
