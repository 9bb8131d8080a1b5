/* SPDX-License-Identifier: Apache-2.0
 *
 * sock/packet.h - between the two files of the packet decoder; the interface is leat/packet.h.
 */
#ifndef LEAT_SOCK_PACKET_H
#define LEAT_SOCK_PACKET_H

#include <leat/packet.h>

/* The next unit of LEAT_PACKET_HTTP and its kin; in is not empty. */
LEAT_MUST_CHECK enum leat_ret packet_decode_http(
	struct leat_framing *f, struct leat_span in, struct leat_unit *out);

#endif
