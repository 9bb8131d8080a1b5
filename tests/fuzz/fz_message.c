/* SPDX-License-Identifier: Apache-2.0
 *
 * fz_message.c: the message layer of a connection (sock/message.c) over the packet decoder. Bytes that arrive in any
 * pieces, under any framing, mode, header and size, must give the messages that the decoder finds in all of them at
 * once, and end where it ends; where the framing knows no borders, the same bytes in the same order.
 *
 * The connection is up, over a transport that is memory; plaintext is put where leat_recv would put it.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/transport.h>

#include "base/mem.h"
#include "base/wr.h"
#include "sock/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ---- a connection that is up ---------------------------------------------------------------------------- */

struct end {
	uint8_t b[20000]; /* on its way to this end */
	size_t n;
	struct end *other;
};
static struct end ends[2];

static ssize_t end_send(void *it, const void *p, size_t n)
{
	struct end *to = ((struct end *)it)->other;

	assert(to->n + n <= sizeof(to->b));
	memcpy(to->b + to->n, p, n);
	to->n += n;
	return (ssize_t)n;
}

static ssize_t end_recv(void *it, void *p, size_t n)
{
	struct end *e = it;
	size_t some = e->n < n ? e->n : n;

	if (some == 0)
		return -EAGAIN;
	memcpy(p, e->b, some);
	memmove(e->b, e->b + some, e->n - some);
	e->n -= some;
	return (ssize_t)some;
}

static int end_shutdown(void *it, int how)
{
	(void)it;
	(void)how;
	return 0;
}

static void end_close(void *it)
{
	(void)it;
}

static const struct leat_transport memory = { .name = "memory",
	.send = end_send,
	.recv = end_recv,
	.shutdown = end_shutdown,
	.close = end_close };

static struct leat_conn *open_end(int i)
{
	static const struct leat_psk psk = { .identity = { (const uint8_t *)"fuzz", 4 },
		.secret = { (const uint8_t *)"sixteen bytes...", 16 } };
	const struct conn_opts o = { .client.host = i == 0 ? "localhost" : NULL,
		.via = { &memory, &ends[i] } };
	struct leat_err err = { 0 };
	struct leat_config *c;
	struct leat_conn *conn;

	ends[i].other = &ends[!i];
	assert(leat_config_new(&c, i == 0 ? LEAT_CLIENT : LEAT_SERVER, &err) == LEAT_OK);
	assert(leat_config_set(c, "versions", "tlsv1.3", &err) == LEAT_OK);
	assert(leat_config_add_psk(c, &psk, &err) == LEAT_OK);
	assert(leat_config_freeze(c, &err) == LEAT_OK);
	assert(conn_open_with(&conn, c, -1, &o, &err) == LEAT_OK);
	leat_config_unref(c);
	return conn;
}

static struct leat_conn *conn_up(void)
{
	static struct leat_conn *c[2];
	short events;

	if (c[1])
		return c[1];
	c[0] = open_end(0);
	c[1] = open_end(1);
	for (int turns = 0; turns < 20; turns++)
		for (int i = 0; i < 2; i++)
			assert(conn_handshake_some(c[i], &events) != LEAT_FAILED);
	assert(c[0]->up && c[1]->up);
	return c[1];
}

/* As it was before anything came. */
static void reset(struct leat_conn *c)
{
	bytes_clear(&c->in);
	c->lent = c->searched = 0;
	c->first = NULL;
	memset(c->err, 0, sizeof(c->err));
	sockset_init(&c->set, NULL);
	ends[0].n = 0; /* its close_notify */
}

/* ---- what must come ----------------------------------------------------------------------------------------- */

static void add_message(struct leat_wr *w, const struct leat_unit *u, bool borders)
{
	if (borders)
		leat_wr_u16(w, (uint16_t)(u->kind * 256u + u->body.n % 256));
	leat_wr_span(w, u->body);
	leat_wr_span(w, u->field);
	leat_wr_span(w, u->value);
}

/* All at once by the decoder alone. Returns how it ended. */
static enum leat_ret expected(
	struct leat_framing f, struct leat_span in, bool borders, struct leat_wr *w)
{
	struct leat_unit u;
	enum leat_ret r;

	while ((r = leat_packet_decode(&f, in, &u, NULL)) == LEAT_OK) {
		add_message(w, &u, borders);
		in.p += u.used;
		in.n -= u.used;
	}
	return r;
}

/* What may be said of a message, whatever it is. */
static void check_message(const struct leat_conn *c, const struct leat_message *m)
{
	bool cut = !c->set.list_mode && m->unit.kind == LEAT_UNIT_DATA && c->set.header;

	assert(m->head.n + m->body.n == m->unit.body.n);
	assert(m->head.n <= c->set.header && (cut || m->head.n == 0));
	assert(!c->set.list_mode == !m->own);
	if (m->own && m->unit.kind == LEAT_UNIT_DATA)
		assert(m->body.p[m->body.n] == '\0');
}

/* Whatever is complete. */
static enum leat_ret take(struct leat_conn *c, bool borders, struct leat_wr *w)
{
	struct leat_message m;
	enum leat_ret r;

	while ((r = leat_recv_message(c, &m, 0)) == LEAT_OK) {
		assert(m.unit.used > 0);
		check_message(c, &m);
		add_message(w, &m.unit, borders);
		leat_message_clear(&m);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct leat_conn *c = conn_up();
	struct leat_wr want = { 0 }, got = { 0 };
	enum leat_ret end = LEAT_AGAIN, wanted;
	struct leat_span in;
	bool borders;
	uint8_t step;

	if (n < 4)
		return 0;
	reset(c);
	leat_framing_init(&c->set.framing, (enum leat_packet)(data[0] % LEAT_PACKET_COUNT));
	c->set.framing.packet_size = data[1] & 0x80 ? data[1] & 0x7fu : 0;
	c->set.header = data[2] & 0x0f;
	c->set.list_mode = data[2] & 0x10;
	step = data[3];
	in = (struct leat_span){ data + 4, n - 4 };
	borders = c->set.framing.type != LEAT_PACKET_RAW;
	wanted = expected(c->set.framing, in, borders, &want);
	while (in.n > 0 && end == LEAT_AGAIN) {
		size_t some = 1 + (step = (uint8_t)(step * 37 + 11)) % 29;

		some = some < in.n ? some : in.n;
		assert(bytes_add(&c->in, in.p, some));
		in.p += some;
		in.n -= some;
		end = take(c, borders, &got);
	}
	assert(end == wanted);
	assert(want.n == got.n && (got.n == 0 || memcmp(want.p, got.p, got.n) == 0));
	leat_wr_clear(&want);
	leat_wr_clear(&got);
	return 0;
}
