/* SPDX-License-Identifier: Apache-2.0
 *
 * mail.h - what a mailbox knows of each thing it owns. Private to sock/.
 *
 *   mailbox.c       who is owned, who has something to say, waiting
 *   mail_serve.c    what one connection or listener has to say now
 */
#ifndef LEAT_SOCK_MAIL_H
#define LEAT_SOCK_MAIL_H

#include <leat/mailbox.h>

#include "sock/carrier.h"
#include "sock/ring.h"

/* One owned connection or listener. */
struct mail {
	struct leat_mailbox *owner;
	struct leat_conn *conn; /* or NULL: a listener */
	struct leat_listener *listener;
	void *tag;
	int fd;            /* what epoll watches */
	struct stream via; /* a transport watches with it */
	uint32_t polled;   /* events that epoll watches for; 0: not in its set */
	uint32_t wants;    /* of a handshake: what it waits for */
	int64_t deadline;  /* of a handshake, of last words; 0: none */
	/* Its connection is gone, after an alert that the peer gets time to read: the socket is ours. */
	bool words;
	size_t words_left;  /* bytes of the peer that are still read, and dropped */
	bool ready, ended;  /* in the queue of those to be served; its last event was handed out */
	bool room, stalled; /* LEAT_EVENT_ROOM was asked for; the listener rests */
	struct ring all, queue, shaking;
	/* hibernate_after: when it is to hibernate, as far as known when it was entered; 0: not in the list. Its last
	 * event may have been later. */
	int64_t rest_at, active_at;
	struct ring resting;
};

/* Something changed on it that the mailbox must know of: an option, a handshake that is complete. */
void mail_changed(struct mail *m);
/* Takes it out of its mailbox and frees it; NULL is fine. */
void mail_free(struct mail *m);
/* The connection ends with an alert of ours: its mailbox keeps the socket until the peer has read it, for as long as the
 * setting alert_timeout says. false: there is no reason to, or no mailbox. */
bool mail_last_words(struct leat_conn *c);
/* mail_serve.c. Reads what the peer still sends; false: it is over. */
bool mail_serve_words(struct mail *m);
/* mail_serve.c. One event of m, without waiting; false: there is none now. */
bool mail_serve(struct mail *m, struct leat_event *ev);
/* What epoll should watch for, and whether there is something to be had without it. */
uint32_t mail_interest(const struct mail *m);
bool mail_has_more(const struct mail *m);

/* listen.c */
struct mail **listener_mail(struct leat_listener *l);
struct stream listener_via(const struct leat_listener *l);

#endif
