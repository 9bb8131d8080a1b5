/* SPDX-License-Identifier: Apache-2.0
 *
 * admit.h - the one door through which a socket gets into a BPF map. All of steer/ goes through it, and the BPF
 * programs put in nothing that it did not name before.
 *
 * Why there is a door: a socket map and kTLS exclude each other, and in the wrong order the kernel sends cleartext
 * (docs/kernel.md, socket maps). So only two kinds of sockets enter, and neither is or will be kTLS:
 *   - listeners. Connections accepted from them are not in the map.
 *   - plain connections to a backend on this machine, which nobody calls TLS on.
 */
#ifndef LEAT_STEER_ADMIT_H
#define LEAT_STEER_ADMIT_H

#include <stdint.h>

#include "steer/steer.h"

enum admit_kind {
	ADMIT_LISTENER, /* key: uint32_t, the slot; the socket itself is put in */
	ADMIT_LEG, /* not connected yet; its cookie is put into the set of those that may enter */
};

/* Puts fd into map. false: refused, with the reason; the map is as it was. slot: of a listener. */
bool admit(int map, enum admit_kind kind, uint32_t slot, int fd, char why[STEER_TEXT]);

#endif
