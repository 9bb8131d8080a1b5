/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_io.h - TLS on a non-blocking socket for the loops of the server commands: the engine, the
 * descriptor, hand-over to the kernel. Nothing here waits; every function says what it waits for.
 */
#ifndef LEAT_TOOL_TLS_IO_H
#define LEAT_TOOL_TLS_IO_H

#include <leat/config.h>
#include <leat/engine.h>

#include "ktls/handover.h"

/* What the connections of one server have in common. Immutable once the first one is there. */
struct tls_site {
	struct leat_config *cfg;
	struct leat_env env;
	bool demand_kernel; /* records in the kernel or not at all */
};

/* How far a step came. */
enum io {
	IO_OK,    /* done, go on */
	IO_READ,  /* wait until the socket has something to read */
	IO_WRITE, /* wait until it takes more */
	IO_WAIT,  /* an operation was started whose completion goes on */
	IO_EOF,   /* the peer closed its side properly */
	IO_FAIL,  /* the end; tls_io.err says why */
};

struct tls_io {
	int fd;
	bool early;   /* TCP_ULP was asked for */
	bool broken;  /* the transport failed: send nothing, not even an alert */
	bool gone;    /* the peer ended or reset the transport */
	bool closing; /* close_notify was queued */
	bool drained; /* the last receive took all there was: wait before the next */
	/* Set by the caller: reading does not wait for what is still to be sent. Two directions that are
	 * no question and answer would else wait for each other through a peer that does the same. */
	bool full_duplex;
	struct leat_engine *e; /* NULL until the peer sent its first byte: silence costs little */
	struct handover h;
	struct leat_err err;
	/* Gets early data, in order, during the handshake. Without one it is dropped: what may come
	 * twice must not look like what comes once. */
	void (*on_early)(void *arg, struct leat_span data);
	void *early_arg;
};

void tls_io_init(struct tls_io *t, const struct tls_site *s, int fd);
/* Frees the engine; the descriptor is the caller's. */
void tls_io_clear(struct tls_io *t);
/* One step of the handshake. IO_OK: it is complete and flushed. */
enum io tls_io_handshake(struct tls_io *t, const struct tls_site *s);
/* Plaintext into buf; IO_OK with *got > 0. Answers control records on the way. */
enum io tls_io_read(struct tls_io *t, uint8_t *buf, size_t cap, size_t *got);
/* Takes a part of n bytes, *taken > 0 with IO_OK. Taken bytes may still wait in user space: flush. */
enum io tls_io_write(struct tls_io *t, const void *p, size_t n, size_t *taken);
/* Until everything taken was given to the socket. */
enum io tls_io_flush(struct tls_io *t);
/* A body of n bytes from a file comes next: move sending to the kernel where that pays. After a
 * flush. IO_OK whichever side will carry it; IO_FAIL when the kernel was demanded and refuses. */
enum io tls_io_file_next(struct tls_io *t, uint64_t n);
/* File bytes may be spliced to the descriptor. */
static inline bool tls_io_tx_kernel(const struct tls_io *t)
{
	return handover_is_kernel(&t->h, LEAT_TX);
}
/* Before *n bytes are spliced: fewer, where the keys may protect no more; IO_FAIL: none. */
enum io tls_io_room(struct tls_io *t, size_t *n);
/* So many were spliced by one call; more: fewer than it was asked for. */
void tls_io_spliced(struct tls_io *t, size_t n, bool more);
/* Sends close_notify (unless broken) and flushes. IO_OK: sent. */
enum io tls_io_close(struct tls_io *t);
/* The same, then ends our direction of the transport. IO_OK: linger; IO_FAIL: nothing is to be waited
 * for. */
enum io tls_io_shut(struct tls_io *t);
/* RFC 9112 9.6: read until the peer ends, lest a reset erase what it has not read yet. *left: how many
 * bytes of it are put up with. scratch is the caller's. IO_FAIL: that was the end. */
enum io tls_io_linger(struct tls_io *t, void *scratch, size_t cap, uint64_t *left);

#endif
