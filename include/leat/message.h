/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h - messages instead of bytes on a connection: the framings of <leat/packet.h>, chosen by the
 * socket option packet (leat/sockopt.h), which may be changed between any two messages.
 *
 *	leat_conn_setopt(c, "packet", "4", &err);
 *	leat_send_message(c, "hello", 5, LEAT_INFINITY, NULL);
 *	while (leat_recv_message(c, &m, LEAT_INFINITY) == LEAT_OK && m.unit.used > 0) {
 *		use m.body;
 *		leat_message_clear(&m);
 *	}
 *
 * leat_send and leat_recv stay what they are, whatever the framing: they move the bytes of the stream. So the
 * body behind a header of HTTP, say, is read by leat_recv or leat_recv_exact.
 */
#ifndef LEAT_MESSAGE_H
#define LEAT_MESSAGE_H

#include <leat/leat.h>
#include <leat/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One message. Zero is none. With the socket option mode=binary (the default) all spans are borrowed from the
 * connection until the next call that receives from it. With mode=list they point into a copy that is the
 * caller's to keep and to change, until leat_message_clear; a NUL follows its last byte. */
struct leat_message {
	struct leat_unit unit; /* what came; used == 0: nothing, the peer closed in order */
	/* unit.body again, cut by the socket option header=N (mode=binary, framings of data only): the first
	 * N bytes, fewer when there are no more, and the rest. Without it head is empty. */
	struct leat_span head, body;
	bool has_body; /* false: the message is shorter than N bytes; empty body: it has just N */
	void *own;     /* the copy of mode=list */
};

/* leat_recv_message waits for the next message; *out is overwritten. LEAT_OK: it is in *out; or the peer
 * closed in order between two messages (out->unit.used == 0). LEAT_AGAIN: not complete in time; what came of
 * it is kept. LEAT_UNSUPPORTED: the connection is active, its mailbox gets the messages (leat_conn_note).
 * LEAT_FAILED: LEAT_E_PACKET when the bytes are no such message or longer than packet_size (the peer got
 * close_notify), LEAT_E_CLOSED when the peer closed inside of one, or as leat_recv. In framing raw a message
 * is whatever is there, at least one byte. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_recv_message(
	struct leat_conn *c, struct leat_message *out, int timeout_ms);
/* leat_message_clear frees the copy of mode=list and makes m zero; also good for a zero m. */
LEAT_API void leat_message_clear(struct leat_message *m);

/* leat_send_message sends n bytes as one message: behind their length with packet 1, 2 and 4, as they are with
 * all other framings. LEAT_OK: the transport has all of it. LEAT_AGAIN: *sent (may be NULL) bytes were taken;
 * call again with the rest, an empty one too, until LEAT_OK; only when none was ever taken may the message
 * be given up. LEAT_UNSUPPORTED: longer than its length field can say (leat_conn_note has both numbers), or
 * not the rest of the message that was begun; nothing was sent, the connection is as good as before. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_send_message(
	struct leat_conn *c, const void *data, size_t n, int timeout_ms, size_t *sent);

#ifdef __cplusplus
}
#endif
#endif
