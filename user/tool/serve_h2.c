/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_h2.c - an HTTP/2 connection of `leat serve`. nghttp2 reads and writes frames in memory; here are the
 * bytes to and from TLS, and what RFC 9113 10.5 asks for: limits on everything a peer can make us do.
 *
 *	step:  held bytes -> socket, frames -> scratch -> socket, socket -> nghttp2 -> callbacks
 *
 * While the socket takes nothing nothing is read: who does not read its answers cannot ask for more.
 */
#include "tool/serve_h2.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define MAX_STREAMS 100 /* RFC 9113 6.5.2: not less is recommended */

/* A frame that is no part of a request or answer costs 1, a stream that the peer resets RESET_COST; what was
 * answered gives back. So a client that works may do what it likes, one that only makes us work is out after a
 * second: floods of PING, SETTINGS, PRIORITY, empty frames, resets (CVE-2019-9512 to 9518, CVE-2023-44487). */
#define BUDGET_MAX     2000
#define BUDGET_PER_MS  0.2
#define RESET_COST     20
#define FRAME_GIVES    2
#define FRAME_IS_WORTH 512 /* bytes of DATA below which a frame gives nothing back */
/* Bytes that a header block may take on the wire, beside those of --max-header. */
#define HEAD_OVERHEAD 16384

static uint64_t now_ms(const struct h2 *h)
{
	return loop_now_ms(h->c->w->loop);
}

/* The peer did something it may not: one line of the log. */
static void refused(struct h2 *h, const char *what)
{
	if (h->refused)
		return;
	h->refused = h->ending = true;
	(void)err_raise(&h->c->io.err, LEAT_E_CLOSED, 0, 0, LEAT_HERE, what);
	log_refused(h->c, &h->c->io.err);
}

static void too_much(struct h2 *h, const char *what)
{
	if (!h->refused)
		(void)nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
	refused(h, what);
}

static void spend(struct h2 *h, int64_t cost)
{
	uint64_t now = now_ms(h);

	h->budget += (int64_t)((double)(now - h->budget_ms) * BUDGET_PER_MS);
	h->budget_ms = now;
	h->budget -= cost;
	if (h->budget > BUDGET_MAX)
		h->budget = BUDGET_MAX;
	if (h->budget < 0)
		too_much(h, "http/2: frames that ask for nothing, one after the other");
}

/* ---- callbacks of nghttp2 -------------------------------------------------------------------- */

static struct h2_stream *stream_of(struct h2 *h, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h->session, id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;

	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; /* trailers: read and dropped */
	s = h2_stream_new(h, frame->hd.stream_id);
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return nghttp2_session_set_stream_user_data(session, s->id, s) == 0
		       ? 0
		       : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = stream_of(h, frame->hd.stream_id);

	(void)session;
	(void)flags;
	if (s != NULL && s->x == NULL)
		http2_request_add(&s->req, (struct leat_span){ name, name_n },
			(struct leat_span){ value, value_n }, h->c->site->o->max_head);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;
	int rc;

	(void)session;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_SETTINGS)
		return 0;
	h->head_since_ms = 0;
	h->head_bytes = 0;
	s = frame->hd.type == NGHTTP2_HEADERS ? stream_of(h, frame->hd.stream_id) : NULL;
	if (s == NULL || s->x != NULL)
		return 0;
	rc = h2_stream_answer(h, s);
	/* A reload: like HTTP/1.1, this answer is the last one by the old configuration. */
	if (h->c->site != h->c->w->site)
		h2_end(h->c);
	return rc == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Bodies of requests are dropped. Their stream's window is never opened again, so it bounds them. */
static int on_data(
	nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	(void)flags;
	(void)id;
	(void)p;
	(void)arg;
	return nghttp2_session_consume_connection(session, n) == 0 ? 0
								   : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s;
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
		refused(h, "http/2: the peer broke the protocol");
	if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (end || frame->hd.length >= FRAME_IS_WORTH)
		spend(h, -FRAME_GIVES);
	s = end ? stream_of(h, frame->hd.stream_id) : NULL;
	if (s != NULL)
		h2_stream_sent(h, s);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = stream_of(h, id);

	(void)session;
	(void)code;
	if (s != NULL)
		h2_stream_free(h, s);
	if (h->num_streams == 0)
		h->idle_since_ms = now_ms(h);
	return 0;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int open_session(struct h2 *h)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *opt = NULL;
	int rc = nghttp2_session_callbacks_new(&cb);

	if (rc == 0)
		rc = nghttp2_option_new(&opt);
	if (rc == 0) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
		nghttp2_session_callbacks_set_send_data_callback(cb, h2_stream_frame);
		nghttp2_option_set_no_auto_window_update(opt, 1);
		nghttp2_option_set_no_closed_streams(opt, 1);
		nghttp2_option_set_max_outbound_ack(opt, 100);
		rc = nghttp2_session_server_new2(&h->session, cb, h, opt);
	}
	nghttp2_option_del(opt);
	nghttp2_session_callbacks_del(cb);
	return rc;
}

bool h2_start(struct conn *c)
{
	struct h2 *h = leat_zalloc(sizeof(*h));
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, c->site->o->max_head },
	};

	if (h == NULL)
		return false;
	c->h2 = h;
	h->c = c;
	h->payload = NGHTTP2_CLIENT_MAGIC_LEN; /* skipped like the payload of a frame */
	h->budget = BUDGET_MAX;
	h->budget_ms = h->head_since_ms = h->idle_since_ms = now_ms(h);
	return open_session(h) == 0 &&
	       nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
		       sizeof(settings) / sizeof(settings[0])) == 0;
}

void h2_end(struct conn *c)
{
	struct h2 *h = c->h2;

	if (h->ending)
		return;
	h->ending = true;
	(void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0);
}

void h2_free(struct conn *c)
{
	struct h2 *h = c->h2;

	if (h == NULL)
		return;
	while (h->streams != NULL)
		h2_stream_free(h, h->streams);
	nghttp2_session_del(h->session);
	leat_free(h->held);
	leat_free(h);
	c->h2 = NULL;
}

bool h2_is_idle(const struct conn *c)
{
	return c->h2->num_streams == 0;
}

const char *h2_overdue(struct conn *c, bool moving, uint64_t *again_ms)
{
	const struct serve_opts *o = c->site->o;
	const struct h2 *h = c->h2;
	uint64_t now = now_ms(h);

	*again_ms = (uint64_t)o->stall_ms / 2 + 1;
	if ((uint64_t)o->head_ms / 2 < *again_ms)
		*again_ms = (uint64_t)o->head_ms / 2 + 1;
	if ((uint64_t)o->idle_ms / 2 < *again_ms)
		*again_ms = (uint64_t)o->idle_ms / 2 + 1;
	if (h->head_since_ms != 0 && now - h->head_since_ms >= (uint64_t)o->head_ms)
		return "http/2: a request's head, or the preface, not complete in time";
	if ((h->num_streams > 0 || h->held_n > 0) && !moving)
		return "http/2: the peer takes no more of the answers";
	if (h->num_streams == 0 && now - h->idle_since_ms >= (uint64_t)o->idle_ms)
		h2_end(c);
	return NULL;
}

/* ---- bytes out ------------------------------------------------------------------------------- */

/* Writes n bytes; what the socket does not take is held. */
static enum io write_out(struct h2 *h, const uint8_t *p, size_t n)
{
	struct conn *c = h->c;
	size_t at = 0, taken;
	enum io io = IO_OK;

	while (at < n && (io = tls_io_write(&c->io, p + at, n - at, &taken)) == IO_OK) {
		at += taken;
		c->progress_ms = now_ms(h);
	}
	if (io != IO_WRITE)
		return io;
	h->held = leat_malloc(n - at);
	if (h->held == NULL)
		return IO_FAIL;
	memcpy(h->held, p + at, n - at);
	h->held_n = n - at;
	h->held_at = 0;
	return IO_WRITE;
}

static enum io write_held(struct h2 *h)
{
	struct conn *c = h->c;
	enum io io = IO_OK;
	size_t taken;

	while (h->held_at < h->held_n && (io = tls_io_write(&c->io, h->held + h->held_at,
						  h->held_n - h->held_at, &taken)) == IO_OK) {
		h->held_at += taken;
		c->progress_ms = now_ms(h);
	}
	if (io != IO_OK)
		return io;
	leat_free(h->held);
	h->held = NULL;
	h->held_n = h->held_at = 0;
	return IO_OK;
}

/* Frames into the worker's scratch, as many as fit. false: nghttp2 gave up. */
static bool gather(struct h2 *h)
{
	const uint8_t *p;
	ssize_t n = 1;

	h->out = h->c->w->scratch;
	h->out_n = 0;
	while (SERVE_SCRATCH - h->out_n > 9 + 16384 &&
		(n = nghttp2_session_mem_send(h->session, &p)) > 0) {
		memcpy(h->out + h->out_n, p, (size_t)n);
		h->out_n += (size_t)n;
	}
	return n >= 0;
}

/* Up to a turn's bytes. IO_OK: all there was; *more: others are to get their turn first. */
static enum io write_frames(struct h2 *h, bool *more)
{
	enum io io = h->held_n > 0 ? write_held(h) : IO_OK;
	size_t total = 0;

	*more = false;
	while (io == IO_OK && total < SERVE_TURN) {
		if (!gather(h))
			return IO_FAIL;
		if (h->out_n == 0)
			return tls_io_flush(&h->c->io);
		total += h->out_n;
		io = write_out(h, h->out, h->out_n);
	}
	*more = io == IO_OK;
	return io;
}

/* ---- bytes in -------------------------------------------------------------------------------- */

static void on_frame_head(struct h2 *h)
{
	uint8_t type = h->head[3], flags = h->head[4];

	spend(h, type == NGHTTP2_RST_STREAM ? RESET_COST : 1);
	if (type == NGHTTP2_HEADERS && !(flags & NGHTTP2_FLAG_END_HEADERS) && h->head_since_ms == 0)
		h->head_since_ms = now_ms(h);
}

/* Every frame is counted before nghttp2 sees it: it says nothing of those that it skips or puts together. */
static void count_frames(struct h2 *h, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t want = h->payload > 0 ? h->payload : sizeof(h->head) - h->head_n;
		size_t take = want < n ? want : n;

		if (h->payload > 0) {
			h->payload -= take;
		} else {
			memcpy(h->head + h->head_n, p, take);
			h->head_n += (unsigned)take;
		}
		p += take;
		n -= take;
		if (h->head_n == sizeof(h->head)) {
			h->payload = (size_t)h->head[0] << 16 | (size_t)h->head[1] << 8 |
				     h->head[2];
			h->head_n = 0;
			on_frame_head(h);
		}
	}
}

static enum io read_frames(struct h2 *h)
{
	struct conn *c = h->c;
	size_t got;
	enum io io = tls_io_read(&c->io, c->w->scratch, SERVE_SCRATCH, &got);

	if (io != IO_OK)
		return io;
	count_frames(h, c->w->scratch, got);
	if (h->head_since_ms != 0 && (h->head_bytes += got) > c->site->o->max_head + HEAD_OVERHEAD)
		too_much(h, "http/2: a header block without end");
	if (nghttp2_session_mem_recv(h->session, c->w->scratch, got) >= 0)
		return IO_OK;
	refused(h, "http/2: what came is no HTTP/2, or more than is put up with");
	return IO_EOF;
}

enum io h2_step(struct conn *c)
{
	struct h2 *h = c->h2;
	bool more;
	enum io io = write_frames(h, &more), in;

	if (io != IO_OK)
		return io;
	if (h->ending && h->num_streams == 0 && !more)
		return IO_EOF;
	if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
		return IO_EOF;
	in = read_frames(h);
	/* The end of the peer's side, while answers are under way, is the end of the connection. */
	return in == IO_READ && more ? IO_WRITE : in;
}
