/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.h - one TLS endpoint as the handshake benchmark sees it, whatever library is behind it: bytes in,
 * bytes out, all in memory. One file per library implements struct bench_lib.
 */
#ifndef LEAT_BENCH_PEER_H
#define LEAT_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most endpoints alive at once; they come from a static pool so as not to count as heap. */
#define BENCH_ENDS 4096

/* A flat buffer that one side fills and the other empties. */
struct pipe_buf {
	size_t n, off;
	uint8_t b[65536];
};

/* Every client resumes the session of one handshake made by setup; the server gives no new one. */
enum bench_resume { BENCH_FULL = 0, BENCH_TICKET, BENCH_ID };

struct scenario {
	const char *name; /* 13ec, 13rsa, 13psk, 12ec, 12rsa, 12ticket, 12sid */
	bool tls13, rsa;
	bool warm; /* the client may remember the chain from the handshake before */
	enum bench_resume resume;
};

struct bench_lib {
	const char *name;
	/* Makes what connections share (contexts, credentials, trust). false: cannot do it. */
	bool (*setup)(const struct scenario *s);
	void (*teardown)(void);
	/* One endpoint reading from in and writing to out. After BENCH_ENDS opens the oldest is reused. */
	void *(*open)(bool server, struct pipe_buf *in, struct pipe_buf *out);
	/* Goes on as far as possible: 1 complete, 0 needs the other side, -1 failed. */
	int (*step)(void *end);
	void (*close)(void *end);
	/* Gives back what an idle connection can make again, as a server would; NULL: nothing to do. */
	void (*rest)(void *end);
};

extern const struct bench_lib bench_leat, bench_openssl, bench_gnutls;

#endif
