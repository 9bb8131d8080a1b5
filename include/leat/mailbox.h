/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox.h - connections that deliver by themselves: a mailbox owns connections and listeners and hands out,
 * one at a time, what happens to them. It is what a process is to Erlang's sockets (controlling_process,
 * active mode), for a thread that waits in it and for an event loop that has better things to wait for.
 *
 *	leat_mailbox_new(&m, &err);
 *	leat_listener_set_owner(l, m, NULL, &err);
 *	while (leat_mailbox_next(m, &ev, LEAT_INFINITY, &err) == LEAT_OK)
 *		switch (ev.kind) {
 *		case LEAT_EVENT_ACCEPTED: leat_conn_set_owner(ev.conn, m, my_state_of(ev.conn), &err); break;
 *		case LEAT_EVENT_UP:       leat_conn_setopt(ev.conn, "active", "true", &err); break;
 *		case LEAT_EVENT_MESSAGE:  use ev.message, ev.tag; break;
 *		case LEAT_EVENT_CLOSED:
 *		case LEAT_EVENT_ERROR:    leat_close_timeout(ev.conn, 0, NULL); break;
 *		}
 *
 * In a loop of your own: poll leat_mailbox_fd for reading, and when it is ready call leat_mailbox_next with
 * timeout 0 until it says LEAT_AGAIN (or a few times: it stays ready while there is more).
 *
 * Back-pressure. Nothing is read ahead: a message is taken from a connection when it is asked for, so a
 * thread that does not ask fills no memory but the peer's. Connections with something to say take turns.
 *
 * active says how many messages a connection delivers (leat_conn_setopt): true all of them; once one; a number so
 * many, and then LEAT_EVENT_PASSIVE (numbers add up; at 0 or less that event comes at once); false none, also
 * no end: leat_recv and leat_recv_message are the way then, which an active connection refuses. Without an owner
 * active has no effect. Messages are those of the option packet, leat/message.h.
 *
 * The end comes once: LEAT_EVENT_CLOSED or LEAT_EVENT_ERROR, after all messages, is the last event of a
 * connection, unless a receiving function has told it already. The connection must then be closed or freed.
 *
 * Threads. A mailbox is used by one thread, its connections and listeners by that thread alone, and only that
 * thread gives them to another owner. Any thread may call leat_mailbox_post, and give what it owns to any mailbox. What
 * was handed out before stays with the old owner; everything after goes to the new one.
 */
#ifndef LEAT_MAILBOX_H
#define LEAT_MAILBOX_H

#include <leat/message.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_mailbox;

/* How long a handshake may take that a mailbox does. */
#define LEAT_HANDSHAKE_WAIT_MS 30000

enum leat_event_kind {
	LEAT_EVENT_NONE = 0,
	LEAT_EVENT_MESSAGE, /* conn, message */
	LEAT_EVENT_CLOSED, /* conn: the peer closed in order (err.cls LEAT_E_NONE), or the transport ended (err) */
	LEAT_EVENT_ERROR, /* conn: anything else that ends it (err). listener: accept(2) failed; it rests until
			      * it is given to the mailbox again */
	LEAT_EVENT_PASSIVE,  /* conn: so many messages were delivered, it is passive now */
	LEAT_EVENT_UP,       /* conn: the handshake is complete */
	LEAT_EVENT_ROOM,     /* conn: leat_send can send again, see leat_conn_want_room */
	LEAT_EVENT_ACCEPTED, /* listener, conn: a new connection, without owner; the caller's */
	LEAT_EVENT_POSTED,   /* tag is what was given to leat_mailbox_post */
	LEAT_EVENT_KIND_COUNT
};

struct leat_event {
	enum leat_event_kind kind;
	struct leat_conn *conn;
	struct leat_listener *listener;
	void *tag; /* of the connection or listener */
	/* Lent until the next call on the mailbox or on conn; with mode=list the caller's to clear. */
	struct leat_message message;
	struct leat_err err;
	/* The transport's word for what was behind it: its data, closed or error tag (leat/transport.h; of TCP "tcp",
	 * "tcp_closed", "tcp_error"). NULL where the transport had no part in it. */
	const char *transport_tag;
};

/* leat_mailbox_new makes an empty mailbox, *out being the caller's. LEAT_FAILED: LEAT_E_MEMORY, LEAT_E_SYSTEM. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_mailbox_new(
	struct leat_mailbox **out, struct leat_err *err);
/* leat_mailbox_free is the death of an owner: its connections are closed (close_notify is sent, the answer is not
 * waited for) and freed, its listeners closed. Give to another owner, or to none, what is to live on. What
 * was posted and not taken is forgotten. NULL is fine. */
LEAT_API void leat_mailbox_free(struct leat_mailbox *m);

/* leat_mailbox_next waits for the next event. LEAT_OK: *ev is it. LEAT_AGAIN: none came in time.
 * LEAT_FAILED: LEAT_E_SYSTEM, waiting itself failed. May run the slow work of handshakes, see leat/job.h. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_mailbox_next(
	struct leat_mailbox *m, struct leat_event *ev, int timeout_ms, struct leat_err *err);
/* leat_mailbox_fd returns a descriptor that poll(2), epoll(7) and io_uring find readable while there may be
 * an event. It stays the mailbox's; do nothing else with it. */
LEAT_API int leat_mailbox_fd(const struct leat_mailbox *m);
/* leat_mailbox_post puts an event of kind LEAT_EVENT_POSTED behind those that were posted before. Any thread. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_mailbox_post(
	struct leat_mailbox *m, void *tag, struct leat_err *err);

/* leat_conn_set_owner gives c to m, from none or another owner; NULL: to nobody, it is the caller's again. One
 * whose handshake is not complete (a server's, just accepted) does it in the mailbox, within
 * LEAT_HANDSHAKE_WAIT_MS: LEAT_EVENT_UP, or LEAT_EVENT_ERROR. tag comes with its events. LEAT_FAILED:
 * LEAT_E_MEMORY, LEAT_E_SYSTEM; it has no owner then. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_set_owner(
	struct leat_conn *c, struct leat_mailbox *m, void *tag, struct leat_err *err);
/* leat_listener_set_owner is the same for a listener. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listener_set_owner(
	struct leat_listener *l, struct leat_mailbox *m, void *tag, struct leat_err *err);
/* leat_conn_want_room asks for LEAT_EVENT_ROOM, once, when the socket of an owned connection takes bytes again;
 * for after a leat_send that said LEAT_AGAIN. What waits inside is sent before. */
LEAT_API void leat_conn_want_room(struct leat_conn *c);

#ifdef __cplusplus
}
#endif
#endif
