/* SPDX-License-Identifier: Apache-2.0
 *
 * fakestream.h - a transport (leat/transport.h) for tests: streams over socket pairs inside this process, which can be
 * made to come up short, to fail and to lie.
 */
#ifndef LEAT_TESTS_FAKESTREAM_H
#define LEAT_TESTS_FAKESTREAM_H

#include <leat/transport.h>

extern const struct leat_transport fakestream;

enum fakestream_call {
	STREAM_CONNECT = 0,
	STREAM_LISTEN,
	STREAM_ACCEPT,
	STREAM_SEND,
	STREAM_RECV,
	STREAM_WAIT,
	STREAM_WATCH,
	STREAM_SHUTDOWN,
	STREAM_CLOSE,
	STREAM_SETOPT,
	STREAM_GETOPT,
	STREAM_PORT,
	STREAM_CALL_COUNT
};

/* Forgets what was ordered and counted. */
void fakestream_reset(void);
/* send and recv move at most this many bytes; 0: no limit. */
void fakestream_short(size_t most);
/* The nth call from now on (1: the next) returns `answer` and does nothing. */
void fakestream_answer(enum fakestream_call call, unsigned nth, int answer);
unsigned fakestream_calls(enum fakestream_call call);
/* Streams and listeners that are open. */
unsigned fakestream_open(void);
/* Two connected streams. */
void fakestream_pair(void *it[2]);
/* The descriptor under a stream. */
int fakestream_fd(const void *it);

#endif
