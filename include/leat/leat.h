/* SPDX-License-Identifier: Apache-2.0
 *
 * leat.h - TLS connections over TCP sockets, with the record keys in the kernel where that is wanted
 * and possible. For callers who want a blocking interface; with an own event loop use <leat/engine.h>.
 *
 *	struct leat_config *cfg;                 leat_config_new, setters, leat_config_freeze
 *	struct leat_conn *c;
 *	if (leat_connect(&c, cfg, "example.org", 443, 10000, &err) != LEAT_OK) ...
 *	leat_send(c, request, n, LEAT_INFINITY, NULL);
 *	while (leat_recv(c, buf, sizeof(buf), LEAT_INFINITY, &got) == LEAT_OK && got > 0) ...
 *	leat_close(c, NULL);
 *
 * Conventions of this header, besides those of <leat/types.h>:
 *  - timeout_ms: LEAT_INFINITY waits for ever, 0 does not wait at all. LEAT_AGAIN means that the time
 *    was over (or nothing could be done at once): the connection is as good as before and no byte is
 *    lost. Only a handshake that runs out of time ends its connection.
 *  - A function that returns LEAT_FAILED on a connection leaves the reason in leat_conn_error, where it
 *    stays: the first error counts. The connection must still be closed or freed. Functions that make
 *    or end an object report in their err argument instead; it must point to a zeroed struct.
 *  - SIGPIPE is never raised.
 *  - One thread at a time per connection. (Receiving and leat_offload notice when another
 *    thread is receiving.) The socket is non-blocking whatever the caller set.
 */
#ifndef LEAT_LEAT_H
#define LEAT_LEAT_H

#include <sys/types.h>

#include <leat/config.h>
#include <leat/engine.h>
#include <leat/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leat_conn;
struct leat_listener;
struct leat_session_cache;
struct sockaddr_storage;

#define LEAT_INFINITY (-1)
/* How long leat_close waits for the peer's close_notify. */
#define LEAT_CLOSE_WAIT_MS 5000

/* leat_env_system fills in the clock and the randomness of this system, for leat_engine_new. */
LEAT_API void leat_env_system(struct leat_env *out);

/* ---- making connections ---------------------------------------------------------------------- */

/* leat_tcp_connect opens a TCP connection to host (a name or an IP literal, without brackets) and port. Its
 * addresses, at most 16, race for it in the manner of RFC 8305: in the resolver's order with the families
 * by turns, each 250 ms after the one before or as soon as that failed. *fd is the caller's, non-blocking
 * and close-on-exec. The time limit covers the resolver and all attempts. LEAT_FAILED: LEAT_E_OPTION (no
 * host, no port), LEAT_E_TIMEOUT, LEAT_E_SYSTEM with the first attempt's errno. A resolver that has not
 * answered in time goes on in a thread of its own until the C library gives up. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_tcp_connect(
	int *fd, const char *host, uint16_t port, int timeout_ms, struct leat_err *err);

/* leat_connect is leat_tcp_connect and leat_upgrade_client in one, with one time limit for all of it; host
 * is also the name that is asked for and checked. cfg must be frozen and a client's. On failure
 * nothing is left open. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_connect(struct leat_conn **out, struct leat_config *cfg,
	const char *host, uint16_t port, int timeout_ms, struct leat_err *err);

/* leat_upgrade_client and leat_upgrade_server make a TLS connection of a connected TCP socket and do the
 * handshake. host: the name to ask for (SNI) and to check the certificate against; NULL only with a
 * config that does not check names. fd belongs to the connection on success and is closed on failure,
 * except with LEAT_KEEP_FD: then a failure leaves it open, though bytes were exchanged and the write side may
 * be shut. Nobody else may read from the socket meanwhile; bytes that were read before are missing unless they are
 * given back (the already of leat_client_opts and leat_server_opts).
 * With LEAT_EXACT_READS never a byte is read that follows the handshake: leat_offload of both directions
 * cannot find anything waiting afterwards. Costs a second read for each record. */
enum { LEAT_KEEP_FD = 1, LEAT_EXACT_READS = 2 };
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_upgrade_client(struct leat_conn **out,
	struct leat_config *cfg, int fd, const char *host, unsigned flags, int timeout_ms,
	struct leat_err *err);
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_upgrade_server(struct leat_conn **out,
	struct leat_config *cfg, int fd, unsigned flags, int timeout_ms, struct leat_err *err);

/* An option of a socket, see leat/sockopt.h. */
struct leat_sockopt {
	const char *name, *value;
};

/* What a client may bring to a connection besides its config. Zero is "nothing". */
struct leat_client_opts {
	const char *host;             /* as leat_upgrade_client */
	struct leat_session *session; /* offered if it fits; referenced */
	/* Where a session is picked unless one is given, and where those go that the server sends, in place of
	 * leat_conn_take_session; the key is host and port. Referenced; NULL: the process's, if it was started and no
	 * session is given (leat/cache.h). */
	struct leat_session_cache *cache;
	/* Sent before the handshake is complete, as far as session and server allow: read about early data
	 * in leat/engine.h first. Borrowed until leat_upgrade_client_with returns. */
	struct leat_span early;
	/* Upgrades: bytes of the peer that were read from fd already: they come before what fd still has. Copied. */
	struct leat_span already;
	const struct leat_sockopt
		*sockopts; /* checked before anything else; borrowed for the call */
	size_t num_sockopts;
	/* Upgrades, with a config that has a transport (leat/transport.h): the connected stream, in place of fd, which is
	 * -1 then. What is said of fd goes for it. */
	void *stream;
};
/* The same for a server. */
struct leat_server_opts {
	struct leat_span already;
	const struct leat_sockopt *sockopts;
	size_t num_sockopts;
	void *stream;
};
/* leat_connect_with is leat_connect with more to bring; opts->host is where to connect to. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_connect_with(struct leat_conn **out,
	struct leat_config *cfg, uint16_t port, const struct leat_client_opts *opts, int timeout_ms,
	struct leat_err *err);
/* leat_upgrade_client_with is leat_upgrade_client with more to bring. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_upgrade_client_with(struct leat_conn **out,
	struct leat_config *cfg, int fd, const struct leat_client_opts *opts, unsigned flags,
	int timeout_ms, struct leat_err *err);
/* leat_upgrade_server_with is leat_upgrade_server with more to bring. With the bytes that came too early (a
 * ClientHello behind the client's last plain line) it does not matter who upgrades first. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_upgrade_server_with(struct leat_conn **out,
	struct leat_config *cfg, int fd, const struct leat_server_opts *opts, unsigned flags,
	int timeout_ms, struct leat_err *err);
/* leat_conn_early tells what became of early data, and in *taken how much was sent: all of that counts as
 * received by the server when accepted, none of it when rejected. */
LEAT_API enum leat_early leat_conn_early(const struct leat_conn *c, size_t *taken);
/* leat_conn_take_session is leat_engine_take_session. Servers send sessions after the handshake, mostly
 * with their first data. */
LEAT_API struct leat_session *leat_conn_take_session(struct leat_conn *c);
/* leat_conn_send_ticket is leat_engine_send_ticket; what the transport does not take at once goes out with
 * the next call that sends. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_send_ticket(struct leat_conn *c);

/* leat_conn_request_auth is leat_engine_request_auth: the server asks an established client for its
 * certificate. The request goes out at once as far as the transport takes it. The answer is taken in by
 * leat_recv, which returns data and not answers: leat_conn_auth tells where it stands. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_request_auth(struct leat_conn *c);
LEAT_API enum leat_auth leat_conn_auth(struct leat_conn *c);

/* leat_listen opens a listening socket on host (NULL: every address, both families) and port (0: one
 * that is free, see leat_listener_port). cfg must be frozen and a server's. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listen(struct leat_listener **out,
	struct leat_config *cfg, const char *host, uint16_t port, struct leat_err *err);
/* leat_listen_with is leat_listen with options, which connections inherit. */
struct leat_listen_opts {
	const char *host; /* NULL: the option ip, or every address */
	uint16_t port;
	const struct leat_sockopt
		*sockopts; /* checked before anything else; borrowed for the call */
	size_t num_sockopts;
};
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listen_with(struct leat_listener **out,
	struct leat_config *cfg, const struct leat_listen_opts *opts, struct leat_err *err);
/* leat_listener_set_config makes connections that are accepted from now on use cfg (frozen, a server's,
 * referenced): that is how certificates and settings are renewed. Those accepted before keep what they have. Not
 * while another thread is in leat_accept on l, which reads what is replaced here. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listener_set_config(
	struct leat_listener *l, struct leat_config *cfg, struct leat_err *err);
/* leat_listener_sockname is leat_sockname of a listener. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_listener_sockname(
	const struct leat_listener *l, struct sockaddr_storage *out, struct leat_err *err);
/* leat_listener_port returns the port listened on. */
LEAT_API uint16_t leat_listener_port(const struct leat_listener *l);
/* leat_listener_fd returns the listening descriptor, to be polled; it stays the listener's. */
LEAT_API int leat_listener_fd(const struct leat_listener *l);
/* leat_listener_stop ends listening, for good: every leat_accept, of those too that wait now, says LEAT_FAILED with
 * LEAT_E_CLOSED. Any thread may call it; leat_listener_close when no other thread uses l any more. */
LEAT_API void leat_listener_stop(struct leat_listener *l);
/* leat_listener_close closes and frees; NULL is fine. Connections accepted before live on. */
LEAT_API void leat_listener_close(struct leat_listener *l);

/* leat_accept takes the next TCP connection; *out is good for leat_handshake and for closing only.
 * LEAT_AGAIN: none came in time. A peer that is gone before it was accepted is no failure. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_accept(
	struct leat_listener *l, struct leat_conn **out, int timeout_ms, struct leat_err *err);
/* leat_handshake does the server's handshake on an accepted connection. LEAT_FAILED, running out of time
 * included: the peer was told, c must be freed. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_handshake(struct leat_conn *c, int timeout_ms);

/* leat_handshake_with is leat_handshake with another config than the listener's (frozen, a server's), chosen
 * after the accept: by the peer's address, say. Nothing may have been done with c before. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_handshake_with(
	struct leat_conn *c, struct leat_config *cfg, int timeout_ms);

/* ---- data ------------------------------------------------------------------------------------ */

/* leat_send sends n bytes; LEAT_OK: the transport has all of them. *sent (may be NULL) tells how many
 * were taken, also with LEAT_AGAIN: go on behind them. Of those the last may still wait inside; calling
 * with n == 0 sends what waits. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_send(
	struct leat_conn *c, const void *data, size_t n, int timeout_ms, size_t *sent);

/* leat_conn_key_update is leat_engine_key_update; what it queues goes out with the next leat_send. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_conn_key_update(struct leat_conn *c, bool ask);

/* leat_renegotiate is the manual's renegotiate, and always says no: TLS 1.3 has no such thing, and in TLS 1.2 leat neither
 * asks a peer nor answers one but with the warning no_renegotiation. LEAT_UNSUPPORTED, for which leat_conn_note has
 * LEAT_E_ABSENT (renegotiation_rejected): nothing was sent, the connection goes on. LEAT_FAILED: it has an error, or is not
 * up. What it was good for: leat_conn_key_update, leat_conn_request_auth. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_renegotiate(struct leat_conn *c);

/* leat_sendfile sends n bytes of the file in_fd from *offset on, which is moved by what was sent: by
 * sendfile(2) where the kernel carries TX (policy auto moves it for files of some size), else by reading
 * and sealing. LEAT_OK with *sent < n: the file ends there. in_fd must be a regular file. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_sendfile(
	struct leat_conn *c, int in_fd, off_t *offset, size_t n, int timeout_ms, size_t *sent);

/* leat_recv waits for data and puts at most n > 0 bytes of it at buf; LEAT_OK with *got == 0: the peer
 * closed in order (close_notify). A transport that ends without that is LEAT_FAILED with class
 * LEAT_E_CLOSED, after all data that came before. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_recv(
	struct leat_conn *c, void *buf, size_t n, int timeout_ms, size_t *got);

/* leat_recv_exact waits for exactly n bytes. LEAT_AGAIN: they did not come in time; *got is 0, what came is kept
 * and the next call that receives has it first. LEAT_FAILED: *got bytes came before the end (LEAT_E_CLOSED, also
 * after a close_notify) or the error, and are in buf. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_recv_exact(
	struct leat_conn *c, void *buf, size_t n, int timeout_ms, size_t *got);

/* leat_conn_events returns the poll(2) events to wait for before another leat_recv (and, with want_send,
 * leat_send) with timeout 0 can do more; 0 when leat_recv has something now. */
LEAT_API short leat_conn_events(const struct leat_conn *c, bool want_send);

/* ---- the end --------------------------------------------------------------------------------- */

/* leat_shutdown closes directions at once: SHUT_WR sends close_notify and ends the stream, reading goes
 * on; SHUT_RD refuses further reads; SHUT_RDWR does both. LEAT_AGAIN: the close_notify waits for room;
 * call again. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_shutdown(struct leat_conn *c, int how, int timeout_ms);

/* leat_close sends close_notify, throws away what the peer still sends until its close_notify arrives
 * (at most LEAT_CLOSE_WAIT_MS), closes the socket and frees c, whatever it returns. err may be NULL.
 * LEAT_FAILED: LEAT_E_TIMEOUT when the peer did not answer in time, LEAT_E_CLOSED when it closed the
 * transport without close_notify, or the error the connection had already. NULL is fine. */
LEAT_API enum leat_ret leat_close(struct leat_conn *c, struct leat_err *err);
/* leat_close_timeout is leat_close with another time limit. With 0 it does not wait for the peer, and
 * LEAT_OK means that the close_notify was handed to the transport. */
LEAT_API enum leat_ret leat_close_timeout(
	struct leat_conn *c, int timeout_ms, struct leat_err *err);
/* What leat_downgrade leaves: a TCP connection without TLS. Zero is none. */
struct leat_plain {
	int fd;        /* the caller's, in the mode (blocking or not) in which it came */
	void *stream;  /* with a transport: this instead, and fd is -1 */
	uint8_t *left; /* what the peer sent behind its close_notify and was read already */
	size_t left_len;
};
/* leat_downgrade ends TLS and goes on with the TCP connection below: sends close_notify, throws away the data
 * that still comes, waits for the peer's close_notify (one that came before counts) and hands the socket out. c is
 * gone, unless it says LEAT_UNSUPPORTED: then nothing was sent, because the kernel carries a direction and
 * cannot give it back (err->what begins with the code "in_kernel"), or the handshake is not complete.
 * LEAT_FAILED, with everything closed: LEAT_E_TIMEOUT when the peer did not answer in time, LEAT_E_CLOSED when it
 * closed the transport, LEAT_E_MEMORY, or the error the connection had. Both sides must want it: the peer
 * may send plain bytes at once behind its close_notify. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_downgrade(
	struct leat_conn *c, int timeout_ms, struct leat_plain *out, struct leat_err *err);
/* leat_plain_free_left frees left; the descriptor stays open. */
LEAT_API void leat_plain_free_left(struct leat_plain *p);
/* leat_conn_free closes the socket without a word to the peer and frees c. Data sent last may be lost; but of a
 * connection that ended with an alert of ours and has an owner the socket stays with the mailbox, without anybody waiting for
 * it, until the peer has closed or the setting alert_timeout has passed. NULL is fine. */
LEAT_API void leat_conn_free(struct leat_conn *c);

/* ---- questions ------------------------------------------------------------------------------- */

/* leat_conn_error returns the first error of c (class LEAT_E_NONE: none); borrowed. */
LEAT_API const struct leat_err *leat_conn_error(const struct leat_conn *c);

/* leat_conn_note returns why a call on c said LEAT_UNSUPPORTED last (class LEAT_E_NONE: none did): LEAT_E_MISUSE with
 * sys EINVAL for receiving on an active connection, LEAT_E_PACKET for a message that is too long. Borrowed
 * until the next call on c. */
LEAT_API const struct leat_err *leat_conn_note(const struct leat_conn *c);

/* Where the records of one direction are protected. All texts are static. */
struct leat_conn_dir {
	bool kernel;
	const char *backend;  /* "kernel" or "user" */
	const char *why;      /* stable code, docs/kernel-matrix.md: "in_kernel", "suite", ... */
	const char *why_text; /* the same for people */
	int sys;              /* errno behind it, or 0 */
};
struct leat_conn_info {
	struct leat_engine_info tls;
	struct leat_conn_dir rx, tx;
	const char *outcome; /* "none", "both", "rx in, tx refused", ... */
};
/* leat_conn_info says what was negotiated and which backend carries each direction, and why. Spans live
 * as long as c. */
LEAT_API void leat_conn_info(const struct leat_conn *c, struct leat_conn_info *out);
/* leat_peer_cert returns the peer's certificate number i (DER, leaf first); empty past the end. */
LEAT_API struct leat_span leat_peer_cert(const struct leat_conn *c, size_t i);
/* leat_peer_ocsp is leat_engine_peer_ocsp. */
LEAT_API struct leat_span leat_peer_ocsp(const struct leat_conn *c, size_t i);
/* leat_peer_sct is leat_engine_peer_sct. */
LEAT_API struct leat_span leat_peer_sct(const struct leat_conn *c, enum leat_sct_from from);
/* leat_conn_fd returns the socket, to be polled; it stays the connection's. Who reads from or writes to
 * it gets ciphertext in between, except in a direction that the kernel carries. */
LEAT_API int leat_conn_fd(const struct leat_conn *c);
/* leat_peername and leat_sockname: the addresses of the two ends. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_peername(
	const struct leat_conn *c, struct sockaddr_storage *out, struct leat_err *err);
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_sockname(
	const struct leat_conn *c, struct sockaddr_storage *out, struct leat_err *err);

/* ---- records in the kernel -------------------------------------------------------------------- */

/* leat_offload moves a direction into the kernel now, whatever it costs, unless the policy is `user`.
 * LEAT_OK: the kernel has it. LEAT_AGAIN: received data waits: leat_recv it, then call again; or another
 * thread is in leat_recv, which RX may not be taken from.
 * LEAT_UNSUPPORTED: it stays in user space, leat_conn_info says why. LEAT_FAILED: the policy is `kernel`
 * and it cannot be had; or the connection is dead. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_offload(struct leat_conn *c, enum leat_dir dir);
/* leat_offload_switch switches the use of the kernel off or on for connections made from now on, in the
 * whole process; leat_offload_is_on tells the switch's state. Any thread may call them. */
LEAT_API void leat_offload_switch(bool on);
LEAT_API bool leat_offload_is_on(void);

#ifdef __cplusplus
}
#endif
#endif
