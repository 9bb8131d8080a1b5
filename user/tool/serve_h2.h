/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_h2.h - HTTP/2 on a connection of `leat serve` (RFC 9113), by nghttp2.
 *
 *   serve_h2.c         the connection: frames in and out, limits on what a peer may do, its end
 *   serve_h2_stream.c  one request: from fields to an answer, and the frames of its body
 *   http2_text.c       fields as HTTP/1.1 text and back, so that both versions decide alike (pure)
 *
 * File bytes are read into DATA frames and sealed in user space: a frame's header stands before each 16 KiB,
 * so the long splices of HTTP/1.1 have no place here (docs/decisions/0054).
 */
#ifndef LEAT_TOOL_SERVE_H2_H
#define LEAT_TOOL_SERVE_H2_H

#include <nghttp2/nghttp2.h>

#include "tool/http2_text.h"
#include "tool/serve.h"

/* A frame of this length with its header fills a record. */
#define H2_FRAME_DATA (16384 - 9)

struct h2 {
	struct conn *c;
	nghttp2_session *session;
	struct h2_stream *streams;
	unsigned num_streams;
	bool ending;            /* GOAWAY was queued: no new requests */
	bool refused;           /* ... because of what the peer did, and that was logged */
	uint64_t head_since_ms; /* a header block, or the preface, is being received; 0: none */
	size_t head_bytes;      /* received since */
	uint64_t idle_since_ms; /* without streams since */
	/* The frame that is being received: its head so far, payload bytes still to come; the preface first. */
	uint8_t head[9];
	unsigned head_n;
	size_t payload;
	/* What a peer may do that is no request: see spend in serve_h2.c. */
	int64_t budget;
	uint64_t budget_ms;
	/* Bytes on their way out: in the worker's scratch while frames are gathered, in held when the socket
	 * took only a part. */
	uint8_t *out;
	size_t out_n;
	uint8_t *held;
	size_t held_n, held_at;
};

/* A request and its answer. The exchange is cut short: of its text there is room for the head of a part. */
struct h2_stream {
	struct h2_stream *next, **pprev;
	int32_t id;
	struct http2_request req; /* until its last field came */
	struct exchange *x;       /* then */
	uint64_t left;            /* bytes of the body that are not in frames yet */
};

/* ---- serve_h2.c: called by serve_conn.c ---- */

/* The handshake chose HTTP/2. false: no memory. */
bool h2_start(struct conn *c);
enum io h2_step(struct conn *c);
/* No new requests: those that are here are answered. */
void h2_end(struct conn *c);
void h2_free(struct conn *c);
/* The connection's timer rang. NULL: in *again_ms once more; else why it ends. moving: the peer takes bytes. */
const char *h2_overdue(struct conn *c, bool moving, uint64_t *again_ms);
/* Nothing to send, nothing asked: closing it is no loss. */
bool h2_is_idle(const struct conn *c);

/* ---- serve_h2_stream.c: called by the callbacks of serve_h2.c ---- */

struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
/* All fields are here: makes the answer and submits it. 0, or an error of nghttp2. */
int h2_stream_answer(struct h2 *h, struct h2_stream *s);
/* The answer went out to its last byte. */
void h2_stream_sent(struct h2 *h, struct h2_stream *s);
/* Logs and frees. */
void h2_stream_free(struct h2 *h, struct h2_stream *s);
/* nghttp2_send_data_callback: a DATA frame at the end of h->out. */
int h2_stream_frame(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
	nghttp2_data_source *source, void *arg);

#endif
