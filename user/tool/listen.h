/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.h - listening sockets of the server commands, and addresses as text.
 */
#ifndef LEAT_TOOL_LISTEN_H
#define LEAT_TOOL_LISTEN_H

#include <stdint.h>

#include "tool/args.h"

#define LISTEN_TEXT 64 /* an address, or an address with its port, as text */

/* A non-blocking listener on host ("": every address) and port (0: one that is free). Several may share
 * them (SO_REUSEPORT). Returns the descriptor, or -1 after saying why; addr and *got are what was got. */
int listen_open(const struct args *args, const char *host, uint16_t port, char addr[LISTEN_TEXT],
	uint16_t *got);
/* Where a listener listens. */
void listen_name(int fd, char addr[LISTEN_TEXT], uint16_t *port);
/* "192.0.2.1:443" of the other end of a connected socket; false: it is gone already. */
bool listen_peer(int fd, char text[LISTEN_TEXT]);

#endif
