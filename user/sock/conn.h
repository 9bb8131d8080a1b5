/* SPDX-License-Identifier: Apache-2.0
 *
 * conn.h - struct leat_conn and the few steps every function of sock/ is made of: wait, flush, fill,
 * fail. Private to sock/.
 *
 *   connect.c   TCP connect to one of a host's addresses      listen.c   listen, accept
 *   resolve.c   names to addresses, in a thread
 *   upgrade.c   object and handshake on a descriptor          info.c     questions
 *   send.c recv.c sendfile.c                                  close.c    shutdown, close, free
 *   carrier.c   socket or transport                           downgrade.c  plain TCP again
 *   message.c   messages instead of bytes
 *   sockopt.c   options of sockets                            bytes.c    what waits
 *   mailbox.c mail_serve.c   owners, active delivery          conn_cache.c  a client's session cache
 *
 * Errors. Each direction has its own: a peer that refuses our bytes may still have sent its answer. A
 * dead engine is the end of both. `first` is what the application sees.
 *
 * What the kernel does not remember, this struct does (docs/kernel.md 4): that TX was shut, that an
 * error was reported once. No system call is made on a direction after either.
 */
#ifndef LEAT_SOCK_CONN_H
#define LEAT_SOCK_CONN_H

#include <stdatomic.h>

#include <leat/leat.h>
#include <leat/message.h>

#include "base/err.h"
#include "ktls/handover.h"
#include "sock/app_life.h"
#include "sock/bytes.h"
#include "sock/carrier.h"
#include "sock/sockset.h"

/* A message that is being sent: its length prefix and what is still to come of it. */
struct half_sent {
	uint8_t head[4], head_len, head_sent;
	size_t left;
	bool is_open; /* something of it was taken, and LEAT_OK was not said yet */
};

struct leat_conn {
	struct leat_engine *e;
	struct handover ho;
	const struct leat_sys *sys;
	int fd; /* -1: no socket, but `via` */
	struct stream via;
	struct leat_err err[2];       /* by enum leat_dir; final for that direction */
	const struct leat_err *first; /* the first of them, or NULL */
	bool begun, up;               /* the handshake was begun, is complete */
	atomic_bool reading;          /* a thread receives: RX is not moved under it */
	bool shut[2];                 /* closed by us, by direction */
	bool eof;                     /* the peer's close_notify was seen */
	struct leat_span early;       /* client: early data not yet written; borrowed */
	size_t early_sent;
	struct sockset set;    /* options that are ours and not the kernel's */
	struct bytes pre;      /* what was read from the socket before it was ours */
	struct bytes in;       /* plaintext that was received and not handed out yet */
	size_t lent;           /* of in: the message that was handed out last */
	size_t searched;       /* of in: bytes in which no end of a message was found */
	struct half_sent half; /* the message that is being sent */
	struct mail *mail;     /* its place in a mailbox; NULL: it has no owner */
	bool end_told;         /* the application knows of its end */
	struct cached *cached; /* client: the session cache it uses; NULL: none */
	struct leat_err *note; /* why LEAT_UNSUPPORTED was said last, or NULL */
	int fd_flags;          /* of the socket as it came */
	struct app_socket app; /* for leat_app_stop */
};

/* Tests: the system calls, clock and dice of connections made from now on. NULL: the real ones. */
void conn_use(const struct leat_sys *sys, const struct leat_env *env);

const struct leat_sys *conn_sys_in_use(void);
/* That of the tests, or the system's, for which *system is the place. */
const struct leat_env *conn_env(struct leat_env *system);
/* The parts of a zeroed connection that need no config. */
void conn_init(struct leat_conn *c, const struct leat_config *cfg, int fd);

/* A moment on the clock of sys->now_ms; DEADLINE_NEVER is never reached. */
#define DEADLINE_NEVER INT64_MAX
int64_t conn_deadline(const struct leat_conn *c, int timeout_ms);
int64_t deadline_of(const struct leat_sys *sys, int timeout_ms);
/* Waits on any descriptor: LEAT_OK, LEAT_AGAIN when the time is over, or LEAT_FAILED (err). */
LEAT_MUST_CHECK enum leat_ret sock_wait(
	const struct leat_sys *sys, int fd, short events, int64_t deadline, struct leat_err *err);

/* Takes fd, whatever happens afterwards (conn_free closes it). */
LEAT_MUST_CHECK enum leat_ret conn_open(struct leat_conn **out, struct leat_config *cfg, int fd,
	const char *host, struct leat_err *err);
struct conn_opts {
	struct leat_client_opts client;
	uint16_t port;             /* client: the peer's, part of the key in a session cache */
	const struct sockset *set; /* NULL: the defaults */
	struct stream via;         /* without ops: a socket */
};
LEAT_MUST_CHECK enum leat_ret conn_open_with(struct leat_conn **out, struct leat_config *cfg,
	int fd, const struct conn_opts *opts, struct leat_err *err);

/* The config of a server's connection on which nothing was read yet. On failure the old one stays. */
LEAT_MUST_CHECK enum leat_ret conn_change_config(
	struct leat_conn *c, struct leat_config *cfg, struct leat_err *err);

/* All return LEAT_FAILED. */
enum leat_ret conn_fail_sys(
	struct leat_conn *c, enum leat_dir dir, int sys, const char *where, const char *what);
#define conn_sys(c, dir, sys, what) conn_fail_sys((c), (dir), (sys), LEAT_HERE, (what))
/* The caller asked for what cannot be; or memory ran out (what NULL). */
enum leat_ret conn_refuse(struct leat_conn *c, enum leat_dir dir, const char *what);
/* The engine is dead: its error becomes that of both directions, its alert is sent if there is room. */
enum leat_ret conn_fail_engine(struct leat_conn *c);
/* We cannot go on, for a reason that is not the peer's to know (the policy is `kernel` and the direction
 * cannot be moved; the data is none of the framing): it gets close_notify through whatever still carries TX. */
enum leat_ret conn_fail_closing(struct leat_conn *c, enum leat_dir dir, const struct leat_err *why);
/* Returns LEAT_UNSUPPORTED and remembers why for leat_conn_note: nothing happened to the connection. */
enum leat_ret conn_note(struct leat_conn *c, const struct leat_err *why);
/* The peer closed in order, but where it should not have. */
enum leat_ret conn_fail_end(struct leat_conn *c, const char *what);
/* Whether the direction may be used: up, no error, not shut. */
LEAT_MUST_CHECK enum leat_ret conn_check(struct leat_conn *c, enum leat_dir dir);

/* Sends what the engine has for the peer, without waiting. LEAT_AGAIN: the socket is full. */
LEAT_MUST_CHECK enum leat_ret conn_flush_some(struct leat_conn *c);
LEAT_MUST_CHECK enum leat_ret conn_flush(struct leat_conn *c, int64_t deadline);
/* One read into the engine (RX in user space), without waiting; runs jobs that come up. */
LEAT_MUST_CHECK enum leat_ret conn_fill(struct leat_conn *c);
/* Does the jobs that wait, if any. */
LEAT_MUST_CHECK enum leat_ret conn_run_jobs(struct leat_conn *c);
LEAT_MUST_CHECK enum leat_ret conn_wait(
	struct leat_conn *c, enum leat_dir dir, short events, int64_t deadline);
/* More data of the peer, past what waits in c->in; *got 0: its end. */
LEAT_MUST_CHECK enum leat_ret conn_recv(
	struct leat_conn *c, void *buf, size_t n, int64_t deadline, size_t *got);
/* Gives back what an idle connection can make again. */
void conn_hibernate(struct leat_conn *c);
/* How long it is idle before that, in ms; HIBERNATE_NEVER. */
uint32_t conn_hibernate_after(const struct leat_conn *c);
/* Whether the application may receive now; takes the message back that was lent out last. */
LEAT_MUST_CHECK enum leat_ret conn_check_recv(struct leat_conn *c);
/* leat_recv_message by deadline, without the checks. */
LEAT_MUST_CHECK enum leat_ret conn_message(
	struct leat_conn *c, struct leat_message *out, int64_t deadline);
/* leat_send by deadline. */
LEAT_MUST_CHECK enum leat_ret conn_send(
	struct leat_conn *c, const void *data, size_t n, int64_t deadline, size_t *sent);
/* The same for bytes from the application's memory: as a stream that has grown they may go through the kernel. */
LEAT_MUST_CHECK enum leat_ret conn_send_stream(
	struct leat_conn *c, const void *data, size_t n, int64_t deadline, size_t *sent);
/* Before *n bytes go to kernel TX: fewer, where the keys may protect no more. LEAT_FAILED: none. */
LEAT_MUST_CHECK enum leat_ret conn_room_tx(struct leat_conn *c, size_t *n);

/* As much of the handshake as can be done now. LEAT_AGAIN: wait for *events. */
LEAT_MUST_CHECK enum leat_ret conn_handshake_some(struct leat_conn *c, short *events);
/* Its time is over: fails. */
enum leat_ret conn_handshake_late(struct leat_conn *c);
/* Drives the handshake and, where the policy is `kernel`, moves the records. */
LEAT_MUST_CHECK enum leat_ret conn_handshake(struct leat_conn *c, int64_t deadline);
/* close_notify (and, with fin, the end of the stream). LEAT_AGAIN: it could not be sent in time and waits. */
LEAT_MUST_CHECK enum leat_ret conn_end_tx(struct leat_conn *c, bool fin, int64_t deadline);
/* Reads and drops until the peer's close_notify. LEAT_AGAIN: it did not come in time. */
LEAT_MUST_CHECK enum leat_ret conn_await_end(struct leat_conn *c, int64_t deadline);
/* After a fatal error: lets the alert reach the peer, whose unread bytes would make close(2) reset the
 * connection and take the alert with it. Until the peer's end, the setting alert_timeout or deadline, whichever comes
 * first; bounded in bytes. */
void conn_linger(struct leat_conn *c, int64_t deadline);
/* Most that is read from a peer that got an alert and goes on talking. */
#define LINGER_BYTES (256 * 1024)

/* A connection to one of these addresses, which race for it, with options of plan (or NULL). */
struct addrinfo;
LEAT_MUST_CHECK enum leat_ret dial_any(int *fd, const struct addrinfo *list,
	const struct sockplan *plan, int64_t deadline, struct leat_err *err);
/* leat_tcp_connect by deadline. */
LEAT_MUST_CHECK enum leat_ret sock_dial(int *fd, const char *host, uint16_t port,
	const struct sockplan *plan, int64_t deadline, struct leat_err *err);

#endif
