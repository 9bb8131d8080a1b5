/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_reply.c - from a request to an answer: opens the file, asks http.h what of it is wanted, puts
 * the head into the exchange. Sends nothing.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tool/serve.h"

/* Says whether the connection can go on after this answer: the peer wants it, its request ended where
 * we think, and we are neither stopping nor configured anew. */
static bool may_keep(const struct conn *c, const struct exchange *x)
{
	if (!x->req.keep_alive || atomic_load(&c->w->s->stopping) || c->site != c->w->site)
		return false;
	/* A body we will not read to its end makes what follows unreadable. With Expect, the client
	 * may or may not send it after our answer (RFC 9110 10.1.1): nobody knows. */
	if (x->req.chunked || x->req.body_len > SERVE_MAX_DRAIN)
		return false;
	return !(x->req.expect_continue && x->req.body_len > 0);
}

/* An answer that is not a file. */
static void make_text(struct exchange *x, const struct http_reply *base, unsigned status)
{
	struct http_reply r = *base;
	char body[64];
	int body_n;
	size_t n;

	body_n = snprintf(body, sizeof(body), "%u %s\n", status, http_reason(status));
	r.status = status;
	if (status != 304) {
		r.type = "text/plain; charset=utf-8";
		r.length = (uint64_t)body_n;
	}
	if (status == 405)
		r.allow = "GET, HEAD"; /* RFC 9110 15.5.6: MUST */
	x->status = status;
	n = http_reply_head(x->text, sizeof(x->text), &r);
	x->text_n = n;
	if (status != 304 && !x->head_only && n + (size_t)body_n <= sizeof(x->text)) {
		memcpy(x->text + n, body, (size_t)body_n);
		x->text_n += (size_t)body_n;
		x->sent = (uint64_t)body_n;
	}
	x->plan.num = 0;
}

static void make_redirect(struct exchange *x, const struct http_reply *base, const char *path)
{
	char where[3 * HTTP_PATH_MAX + 64];
	struct http_reply r = *base;

	if (!http_location(where, sizeof(where), path, x->req.query)) {
		make_text(x, base, 414);
		return;
	}
	r.location = where;
	make_text(x, &r, 301);
}

/* The head of the plainest answer is the same for a second: the one thing in it that passes is Date. */
static size_t file_head(struct exchange *x, const struct http_reply *r)
{
	bool plain = r->status == 200 && r->keep_alive && r->minor > 0;
	struct file *f = x->file;
	size_t n;

	if (plain && f->head_n > 0 && f->head_s == r->date_s) {
		memcpy(x->text, f->head, f->head_n);
		return f->head_n;
	}
	n = http_reply_head(x->text, sizeof(x->text), r);
	if (plain && n <= sizeof(f->head)) {
		memcpy(f->head, x->text, n);
		f->head_n = n;
		f->head_s = r->date_s;
	}
	return n;
}

static void make_file(struct conn *c, struct exchange *x, struct http_reply *r, const char *name)
{
	http_plan(&x->req, &x->file->meta, r->date_s, &x->plan);
	r->meta = &x->file->meta;
	r->plan = &x->plan;
	if (x->plan.status != 200 && x->plan.status != 206) {
		make_text(x, r, x->plan.status);
		return;
	}
	x->type = http_mime(name);
	r->status = x->status = x->plan.status;
	r->type = x->type;
	r->boundary = c->w->s->boundary;
	r->length = x->length = http_body_len(&x->plan, &x->file->meta, x->type, r->boundary);
	if (x->plan.status == 200) { /* one range, the whole: the sender knows ranges only */
		x->plan.num = x->file->meta.size > 0;
		x->plan.r[0] = (struct http_range){ 0, x->file->meta.size };
		/* r->plan says 200, so no range is written into the head */
	}
	x->text_n = file_head(x, r);
	if (x->head_only)
		x->plan.num = 0;
}

void exchange_init(struct exchange *x)
{
	memset(x, 0, offsetof(struct exchange, text));
	x->pipe = (struct body_pipe){ .rd = -1, .wr = -1 };
	x->start_us = log_now_us();
}

void reply_make(struct conn *c, struct exchange *x, unsigned status)
{
	struct http_reply r = { .minor = x->req.minor, .date_s = time(NULL) };
	char path[HTTP_PATH_MAX];
	bool is_dir = false;

	x->head_only = x->req.method == HTTP_HEAD && status == 0;
	x->keep_alive = status == 0 && may_keep(c, x);
	r.keep_alive = x->keep_alive;
	if (status == 0 && x->req.method == HTTP_UNKNOWN)
		status = 501;
	if (status == 0 && x->req.method == HTTP_FORBIDDEN)
		status = 405;
	if (status == 0 && (x->req.chunked || x->req.body_len > SERVE_MAX_DRAIN))
		status = 413;
	if (status == 0 && !site_has(c->site, c->host, http_host(&x->req)))
		status = 421;
	if (status == 0)
		status = http_path(x->req.path, c->host->hidden, path, &is_dir);
	if (status == 0)
		status = file_cache_open(&c->w->files, c->host, path, is_dir, &x->file);
	if (status == 301)
		make_redirect(x, &r, path);
	else if (status != 0)
		make_text(x, &r, status);
	else
		/* a folder's content is its index.html */
		make_file(c, x, &r, is_dir ? "index.html" : path);
}

void reply_clear(struct worker *w, struct exchange *x)
{
	file_put(x->file);
	x->file = NULL;
	pipe_put(w, &x->pipe);
}
