/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - messages of a framing (packet.c) on a connection. What is received waits in c->in until a message
 * is complete, and stays there while it is lent out; c->lent says how much that is.
 */
#include "sock/conn.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

/* One record; short of a page for the allocator's sake. */
#define READ_SIZE LIM_PLAINTEXT

/* ---- received ---------------------------------------------------------------------------------------- */

static struct leat_span moved(struct leat_span s, const uint8_t *from, size_t n, uint8_t *to)
{
	/* A span that points elsewhere is static text ("/"). */
	if (s.p && s.p >= from && s.p <= from + n)
		s.p = to + (s.p - from);
	return s;
}

/* mode=list: the caller's own copy of everything that the spans of m point to. */
static bool own(struct leat_message *m, const uint8_t *from)
{
	struct leat_unit *u = &m->unit;
	struct leat_span *spans[] = { &u->body, &u->method, &u->uri.scheme, &u->uri.host,
		&u->uri.path, &u->phrase, &u->field, &u->value };
	const uint8_t *first = u->kind == LEAT_UNIT_DATA ? u->body.p : from;
	size_t n = u->kind == LEAT_UNIT_DATA ? u->body.n : u->used;
	uint8_t *copy = leat_malloc(n + 1);

	if (!copy)
		return false;
	memcpy(copy, first, n);
	copy[n] = '\0';
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		*spans[i] = moved(*spans[i], first, n, copy);
	m->own = copy;
	return true;
}

/* The option header: only where messages are plain bytes, as they came. */
static void cut_header(struct leat_message *m, const struct sockset *s)
{
	struct leat_span body = m->unit.body;
	size_t want = s->list_mode || m->unit.kind != LEAT_UNIT_DATA ? 0 : s->header;
	size_t n = want < body.n ? want : body.n;

	m->has_body = body.n >= want;
	m->head = (struct leat_span){ body.p, n };
	m->body = (struct leat_span){ body.p + n, body.n - n };
}

static bool by_line(enum leat_packet type)
{
	return type == LEAT_PACKET_LINE || type >= LEAT_PACKET_HTTP;
}

/* A line that comes in small pieces is not searched again from its start with each of them: there is no end
 * of it before the last byte that was searched (which may become one when a next follows: folded lines). */
static bool may_be_complete(const struct leat_conn *c, struct leat_span in)
{
	const struct leat_framing *f = &c->set.framing;
	size_t from = c->searched ? c->searched - 1 : 0;

	if (!by_line(f->type) || from >= in.n)
		return true;
	if ((f->packet_size && in.n >= f->packet_size) ||
		(f->line_length && in.n >= f->line_length))
		return true;
	return memchr(in.p + from, f->type == LEAT_PACKET_LINE ? f->delimiter : '\n',
		       in.n - from) != NULL;
}

static enum leat_ret decode(struct leat_conn *c, struct leat_message *out)
{
	struct leat_framing before = c->set.framing;
	struct leat_span in = bytes_span(&c->in);
	enum leat_ret r = LEAT_AGAIN;

	if (may_be_complete(c, in))
		r = leat_packet_decode(&c->set.framing, in, &out->unit, NULL);
	c->searched = r == LEAT_AGAIN ? in.n : 0;
	if (r != LEAT_OK)
		return r;
	if (c->set.list_mode && !own(out, in.p)) {
		c->set.framing = before;
		*out = (struct leat_message){ .own = NULL };
		return conn_refuse(c, LEAT_RX, NULL);
	}
	c->lent = out->unit.used;
	cut_header(out, &c->set);
	return LEAT_OK;
}

/* The manual's invalid_packet: where the next message begins nobody knows. */
static enum leat_ret bad_packet(struct leat_conn *c)
{
	struct leat_err err = { 0 };

	err_raise(&err, LEAT_E_PACKET, 0, 0, LEAT_HERE,
		"packet: not a message of this framing, or longer than packet_size");
	err_detailf(&err, "packet %s", leat_packet_name(c->set.framing.type));
	bytes_clear(&c->in);
	return conn_fail_closing(c, LEAT_RX, &err);
}

static enum leat_ret read_more(struct leat_conn *c, int64_t deadline)
{
	uint8_t *to = bytes_reserve(&c->in, READ_SIZE);
	enum leat_ret r;
	size_t got;

	if (!to)
		return conn_refuse(c, LEAT_RX, NULL);
	r = conn_recv(c, to, READ_SIZE, deadline, &got);
	bytes_added(&c->in, got);
	if (r == LEAT_OK && got == 0 && bytes_span(&c->in).n)
		return conn_fail_end(c, "recv: the peer closed in the middle of a message");
	bytes_rest(&c->in);
	return r;
}

enum leat_ret conn_message(struct leat_conn *c, struct leat_message *out, int64_t deadline)
{
	enum leat_ret r;

	*out = (struct leat_message){ .own = NULL };
	while ((r = decode(c, out)) == LEAT_AGAIN) {
		r = read_more(c, deadline);
		if (r != LEAT_OK || bytes_span(&c->in).n == 0)
			return r;
	}
	return r == LEAT_FAILED && c->err[LEAT_RX].cls == LEAT_E_NONE ? bad_packet(c) : r;
}

enum leat_ret leat_recv_message(struct leat_conn *c, struct leat_message *out, int timeout_ms)
{
	enum leat_ret r;

	*out = (struct leat_message){ .own = NULL };
	r = conn_check_recv(c);
	if (r != LEAT_OK)
		return r;
	r = conn_message(c, out, conn_deadline(c, timeout_ms));
	c->end_told = c->end_told || r == LEAT_FAILED || (r == LEAT_OK && out->unit.used == 0);
	return r;
}

void leat_message_clear(struct leat_message *m)
{
	leat_free(m->own);
	*m = (struct leat_message){ .own = NULL };
}

/* ---- sent ---------------------------------------------------------------------------------------------- */

static enum leat_ret begin(struct leat_conn *c, size_t n)
{
	struct half_sent *h = &c->half;
	struct leat_err err = { 0 };
	size_t len = 0;

	*h = (struct half_sent){ .left = n };
	if (leat_packet_header(&c->set.framing, n, h->head, &len, &err) != LEAT_OK) {
		err.cls = LEAT_E_PACKET;
		h->left = 0;
		return conn_note(c, &err);
	}
	h->head_len = (uint8_t)len;
	return LEAT_OK;
}

/* What is left of the prefix, and as much of the data as fits into the same record. */
static enum leat_ret send_head(
	struct leat_conn *c, const void *data, size_t n, int64_t deadline, size_t *sent)
{
	struct half_sent *h = &c->half;
	size_t left = (size_t)(h->head_len - h->head_sent), took;
	uint8_t buf[LIM_PLAINTEXT];
	enum leat_ret r;

	n = n < sizeof(buf) - left ? n : sizeof(buf) - left;
	memcpy(buf, h->head + h->head_sent, left);
	if (n)
		memcpy(buf + left, data, n);
	r = conn_send_stream(c, buf, left + n, deadline, &took);
	left = took < left ? took : left;
	h->head_sent = (uint8_t)(h->head_sent + left);
	*sent = took - left;
	h->left -= *sent;
	h->is_open = h->is_open || took > 0;
	return r;
}

/* All of the message was taken; what waits inside goes out too, or LEAT_AGAIN. */
static enum leat_ret send_rest(
	struct leat_conn *c, const uint8_t *data, size_t n, int64_t deadline, size_t *sent)
{
	struct half_sent *h = &c->half;
	enum leat_ret r = LEAT_OK;
	size_t took = 0;

	if (h->head_sent < h->head_len)
		r = send_head(c, data, n, deadline, sent);
	if (r == LEAT_OK) {
		r = conn_send_stream(c, data + *sent, n - *sent, deadline, &took);
		*sent += took;
		h->left -= took;
		h->is_open = h->is_open || took > 0;
	}
	if (r == LEAT_OK || !h->is_open)
		*h = (struct half_sent){ .left = 0 };
	return r;
}

enum leat_ret leat_send_message(
	struct leat_conn *c, const void *data, size_t n, int timeout_ms, size_t *sent)
{
	struct leat_err err = { 0 };
	enum leat_ret r = LEAT_OK;
	size_t unused = 0;

	sent = sent ? sent : &unused;
	*sent = 0;
	if (conn_check(c, LEAT_TX) != LEAT_OK)
		return LEAT_FAILED;
	if (c->half.is_open && n != c->half.left) {
		(void)err_misuse(&err, "send: not the rest of the message that was begun");
		err_detailf(&err, "%zu bytes, %zu are left", n, c->half.left);
		return conn_note(c, &err);
	}
	if (!c->half.is_open)
		r = begin(c, n);
	return r == LEAT_OK ? send_rest(c, data, n, conn_deadline(c, timeout_ms), sent) : r;
}
