/* SPDX-License-Identifier: Apache-2.0
 *
 * transport.h - TLS over something else than TCP: a table of functions that carry bytes, in place of sockets. It
 * is what the option cb_info is to Erlang's ssl. examples/transport_pipe.c (memory) and
 * examples/transport_unix.c (unix sockets) are two of them, whole.
 *
 *	static const struct leat_transport pipes = { .name = "pipe", .connect = ..., ... };
 *	leat_config_set_transport(cfg, &pipes, my_world, &err);
 *	leat_connect(&c, cfg, "example.org", 443, 10000, &err);    calls pipes.connect
 *
 * With such a config everything of leat/leat.h works as over TCP, mailboxes too, except what needs a socket: the
 * records stay in user space (leat_conn_info says "custom_transport"; with records=kernel the connection is refused),
 * leat_conn_fd and leat_listener_fd are -1, leat_send_fd is unsupported. TCP itself is no transport of this
 * kind: without leat_config_set_transport its system calls are made directly, by io_uring and kernel TLS where
 * those are.
 *
 * The contract of a transport:
 *  - Reliable: bytes arrive once, in order, or the stream ends. It is a stream: nobody counts on how it was cut.
 *  - connect may wait, at most timeout_ms (-1: for ever). wait does nothing else. All others never wait:
 *    what cannot be done now is -EAGAIN.
 *  - Partial is normal: send and recv move 1 to n bytes, whatever can be moved now. 0 from recv is the end of the
 *    stream; send never says 0. n is never 0. What they are given is theirs until they return.
 *  - Results are 0 or a number, or -errno. -EINTR is tried again; anything but that and -EAGAIN is final
 *    for the direction it happened in.
 *  - Calls for one stream come from one thread at a time, those for different streams from any. shutdown of what
 *    listens may come from another thread, while accept and wait are under way.
 *  - No function calls back into leat.
 */
#ifndef LEAT_TRANSPORT_H
#define LEAT_TRANSPORT_H

#include <sys/types.h>

#include <leat/config.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sockaddr_storage;

/* All functions must be there. `stream` is what connect or accept made, `listening` what listen made; `ctx` is what
 * leat_config_set_transport was given. */
struct leat_transport {
	const char *name; /* "pipe"; for messages */
	/* Its words for what comes: struct leat_event carries them. NULL: "<none>". */
	const char *data_tag, *closed_tag, *error_tag;

	/* A stream to host and port, whatever these mean here: text and number are passed on as they came. 0,
	 * -ETIMEDOUT, -errno. */
	int (*connect)(void *ctx, void **stream, const char *host, uint16_t port, int timeout_ms);
	/* Something to accept from. host is NULL for "everywhere", port 0 for "any". */
	int (*listen)(void *ctx, void **listening, const char *host, uint16_t port, int backlog);
	/* The next stream: 0; -EAGAIN: none has come; -EINVAL: it was shut down. */
	int (*accept)(void *listening, void **stream);

	ssize_t (*send)(void *stream, const void *p, size_t n);
	ssize_t (*recv)(void *stream, void *p, size_t n);
	/* Waits until one of events (POLLIN, POLLOUT of poll(2); for what listens POLLIN) is so, or the stream has
	 * ended or failed: 1. The time is over: 0. May return 1 too early. */
	int (*wait)(void *stream, short events, int timeout_ms);
	/* A descriptor that poll(2) finds readable as long as wait would say 1, for mailboxes. One and the same as long
	 * as the stream (or what listens) lives, whose it stays. events 0: nobody waits any more. */
	int (*watch)(void *stream, short events);
	/* SHUT_WR: the other end reads the end of the stream behind what was sent. SHUT_RD: nothing is read any
	 * more. What listens: accept and wait end, now and for ever. */
	int (*shutdown)(void *stream, int how);
	/* The end of a stream, or of what listens; it is used no more. What was sent still arrives. */
	void (*close)(void *stream);

	/* Options of leat/sockopt.h that are not leat's own, and any others the transport has, as text. getopt
	 * writes n bytes at most, the final NUL included. -ENOPROTOOPT: no such option; -EINVAL: no such value. */
	int (*setopt)(void *stream, const char *name, const char *value);
	int (*getopt)(void *stream, const char *name, char *buf, size_t n);
	int (*peername)(void *stream, struct sockaddr_storage *out);
	int (*sockname)(void *stream, struct sockaddr_storage *out);
	int (*port)(void *stream, uint16_t *port);
};

/* leat_config_set_transport makes connections and listeners of this config use t; NULL: TCP again. t and what ctx
 * points to are borrowed and must outlive the config and all its connections. A function that t lacks is
 * told by the freeze: LEAT_E_OPTION cb_info with the function's name. LEAT_FAILED: the config is frozen. */
LEAT_API LEAT_MUST_CHECK enum leat_ret leat_config_set_transport(
	struct leat_config *c, const struct leat_transport *t, void *ctx, struct leat_err *err);

#ifdef __cplusplus
}
#endif
#endif
