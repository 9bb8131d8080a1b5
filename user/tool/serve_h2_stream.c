/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_h2_stream.c - one HTTP/2 request: its fields become the text that http_parse reads, reply_make decides,
 * the head becomes fields again, and the body goes into DATA frames as windows and the socket allow.
 */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/serve_h2.h"

/* Room of a kept exchange: the head of a part, or a short answer; behind it what is logged of the request. */
#define KEEP_TEXT BODY_TEXT_MAX
#define KEEP_LOG  512

struct h2_stream *h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = leat_zalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->id = id;
	s->next = h->streams;
	s->pprev = &h->streams;
	if (s->next != NULL)
		s->next->pprev = &s->next;
	h->streams = s;
	h->num_streams++;
	return s;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void keep_log_text(struct exchange *x, char *room, const struct http2_request *r)
{
	struct leat_span *to[] = { &x->req.method_text, &x->req.target };
	size_t left = KEEP_LOG;

	for (int i = 0; i < 2; i++) {
		struct leat_span s = leat_wr_done(&r->pseudo[i]);
		size_t n = s.n < left ? s.n : left;

		if (n > 0)
			memcpy(room, s.p, n);
		*to[i] = (struct leat_span){ (const uint8_t *)room, n };
		room += n;
		left -= n;
	}
}

/* A copy of all but the text, which holds what follows the head. The file is the copy's now. */
static struct exchange *keep(const struct exchange *x, size_t head_n, const struct http2_request *r)
{
	size_t fixed = offsetof(struct exchange, text), body_n = x->text_n - head_n;
	struct exchange *kept = leat_malloc(fixed + KEEP_TEXT + KEEP_LOG);

	if (kept == NULL || body_n > KEEP_TEXT) {
		leat_free(kept);
		return NULL;
	}
	memcpy(kept, x, fixed);
	memcpy(kept->text, x->text + head_n, body_n);
	kept->text_n = body_n;
	kept->text_at = 0;
	kept->sent = 0;
	keep_log_text(kept, kept->text + KEEP_TEXT, r);
	return kept;
}

/* nghttp2_data_source_read_callback: how much of the body the next frame gets; h2_stream_frame puts it there. */
static ssize_t next_length(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
	uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	const struct h2_stream *s = source->ptr;
	size_t n = room < H2_FRAME_DATA ? room : H2_FRAME_DATA;

	(void)session;
	(void)id;
	(void)buf;
	(void)arg;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (s->left <= n) {
		n = (size_t)s->left;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

static int submit(struct h2 *h, struct h2_stream *s, struct exchange *x, size_t head_n)
{
	struct http2_field fields[HTTP2_MAX_REPLY_FIELDS];
	nghttp2_nv nv[HTTP2_MAX_REPLY_FIELDS];
	nghttp2_data_provider body = { .source = { .ptr = s }, .read_callback = next_length };
	size_t num = http2_reply_fields(x->text, head_n, fields);

	for (size_t i = 0; i < num; i++)
		nv[i] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)fields[i].name.p,
			.value = (uint8_t *)(uintptr_t)fields[i].value.p,
			.namelen = fields[i].name.n,
			.valuelen = fields[i].value.n };
	return nghttp2_submit_response(h->session, s->id, nv, num, s->left > 0 ? &body : NULL);
}

/* Files of streams are bounded for the whole server: a connection may have many at once. */
static bool too_many_files(const struct serve *s)
{
	return atomic_load(&s->h2_streams) > s->max_h2_streams;
}

int h2_stream_answer(struct h2 *h, struct h2_stream *s)
{
	LEAT_SCOPED(leat_wr_clear) struct leat_wr text = { 0 };
	unsigned status = http2_request_text(&s->req, &text);
	struct exchange x;
	size_t head_n, scanned = 0;
	int rc = NGHTTP2_ERR_NOMEM;

	exchange_init(&x);
	if (status == 0)
		status = http_parse(leat_wr_done(&text).p, leat_wr_done(&text).n, &x.req);
	atomic_fetch_add(&h->c->w->s->h2_streams, 1);
	if (status == 0 && too_many_files(h->c->w->s))
		status = 503;
	reply_make(h->c, &x, status);
	head_n = http_head_end((const uint8_t *)x.text, x.text_n, &scanned);
	s->left = x.head_only ? 0 : x.plan.num > 0 ? x.length : x.text_n - head_n;
	s->x = keep(&x, head_n, &s->req);
	http2_request_clear(&s->req);
	if (s->x == NULL) {
		reply_clear(h->c->w, &x);
		atomic_fetch_sub(&h->c->w->s->h2_streams, 1);
		return rc;
	}
	return submit(h, s, &x, head_n);
}

/* ---- its body -------------------------------------------------------------------------------- */

int h2_stream_frame(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
	nghttp2_data_source *source, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = source->ptr;

	(void)session;
	(void)frame;
	if (SERVE_SCRATCH - h->out_n < 9 + n)
		return NGHTTP2_ERR_WOULDBLOCK; /* it comes again when the gathered frames are gone */
	memcpy(h->out + h->out_n, head, 9);
	if (!body_pull(h->c, s->x, h->out + h->out_n + 9, n))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream ends with INTERNAL_ERROR */
	h->out_n += 9 + n;
	s->left -= n;
	return 0;
}

void h2_stream_sent(struct h2 *h, struct h2_stream *s)
{
	if (s->x != NULL)
		s->x->whole = true;
	/* RFC 9113 8.1: a server that has answered may ask the client to stop sending what nobody reads */
	if (nghttp2_session_get_stream_remote_close(h->session, s->id) == 0)
		(void)nghttp2_submit_rst_stream(
			h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
}

void h2_stream_free(struct h2 *h, struct h2_stream *s)
{
	struct serve *serve = h->c->w->s;

	if (s->x != NULL) {
		count_request(h->c, s->x);
		atomic_fetch_sub(&serve->h2_streams, 1);
		log_request(h->c, s->x);
		reply_clear(h->c->w, s->x);
		leat_free(s->x);
	}
	http2_request_clear(&s->req);
	*s->pprev = s->next;
	if (s->next != NULL)
		s->next->pprev = s->pprev;
	leat_free(s);
	h->num_streams--;
}
