/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.h - connections to the addresses and ports of rules go to listeners of ours, by an sk_lookup program of
 * this network namespace. They are addresses of this machine, with or without a listener; ours goes first. Ends
 * with this process, or with lookup_close.
 *
 * Optional like all of steer/: see steer.h. Takes CAP_BPF and CAP_NET_ADMIN.
 */
#ifndef LEAT_STEER_LOOKUP_H
#define LEAT_STEER_LOOKUP_H

#include "steer/rule.h"
#include "steer/steer.h"

struct lookup;

/* Listeners that share an address: all of them, so that one may go. NULL after writing why not, one line. */
struct lookup *lookup_open(
	const struct steer_rules *rules, const int *fds, unsigned num_fds, char why[STEER_TEXT]);
void lookup_close(struct lookup *l);
/* Connections that came by rule i; each try of a client counts. NULL: 0. */
uint64_t lookup_hits(const struct lookup *l, unsigned i);

#endif
