/* SPDX-License-Identifier: Apache-2.0
 *
 * mail_serve.c - what one owned connection or listener has to say now: a step of its handshake, a message, its end,
 * a connection that came. Never waits. Which of them is asked, and when, is mailbox.c's.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "sock/conn.h"
#include "sock/mail.h"

static bool is_active(const struct leat_conn *c)
{
	return c->set.active != ACTIVE_OFF;
}

/* Its end was not told yet, by us or by a receiving function. */
static bool may_deliver(const struct mail *m)
{
	return is_active(m->conn) && !m->ended && !m->conn->end_told;
}

static bool is_used_up(const struct leat_conn *c)
{
	return c->set.active == ACTIVE_COUNTED && c->set.credit <= 0;
}

uint32_t mail_interest(const struct mail *m)
{
	uint32_t in;

	if (m->words)
		return EPOLLIN;
	if (m->listener)
		return m->stalled ? 0 : EPOLLIN;
	if (!m->conn->up)
		return m->ended ? 0 : m->wants;
	/* A passive connection is not watched at all: its end is nobody's business until somebody asks. */
	in = may_deliver(m) ? EPOLLIN : 0;
	return in | (m->room ? EPOLLOUT : 0);
}

bool mail_has_more(const struct mail *m)
{
	const struct leat_conn *c = m->conn;

	if (m->words || m->listener || !c->up || !may_deliver(m))
		return false;
	return is_used_up(c) || leat_conn_events(c, false) == 0;
}

/* The manual's difference: what TLS or the framing say is an error, what the transport says is an end. */
static bool finish(struct mail *m, struct leat_event *ev, const struct leat_err *why)
{
	ev->kind = why->cls == LEAT_E_NONE || why->cls == LEAT_E_CLOSED || why->cls == LEAT_E_SYSTEM
			   ? LEAT_EVENT_CLOSED
			   : LEAT_EVENT_ERROR;
	ev->err = *why;
	ev->transport_tag = carrier_tag(m->conn, why);
	m->ended = true;
	return true;
}

static bool serve_handshake(struct mail *m, struct leat_event *ev)
{
	struct leat_conn *c = m->conn;
	short events = POLLIN;
	enum leat_ret r = LEAT_AGAIN;

	if (c->sys->now_ms() < m->deadline)
		r = conn_handshake_some(c, &events);
	else
		r = conn_handshake_late(c);
	m->wants = events == POLLOUT ? EPOLLOUT : EPOLLIN;
	if (r == LEAT_AGAIN)
		return false;
	if (r == LEAT_FAILED) {
		/* Takes the peer's bytes away so that closing does not reset our alert; no longer than now. */
		conn_linger(c, c->sys->now_ms());
		finish(m, ev, c->first);
		ev->kind = LEAT_EVENT_ERROR;
		return true;
	}
	ev->kind = LEAT_EVENT_UP;
	return true;
}

static bool serve_room(struct mail *m, struct leat_event *ev)
{
	/* An error shows with the next send or receive. */
	if (conn_flush_some(m->conn) == LEAT_AGAIN)
		return false;
	m->room = false;
	ev->kind = LEAT_EVENT_ROOM;
	return true;
}

static void count(struct sockset *s)
{
	if (s->active == ACTIVE_ONCE)
		s->active = ACTIVE_OFF;
	else if (s->active == ACTIVE_COUNTED)
		s->credit--;
}

static bool serve_message(struct mail *m, struct leat_event *ev)
{
	struct leat_conn *c = m->conn;
	enum leat_ret r;

	bytes_used(&c->in, c->lent);
	c->lent = 0;
	r = conn_message(c, &ev->message, c->sys->now_ms());
	if (r == LEAT_AGAIN)
		return false;
	if (r == LEAT_FAILED)
		return finish(m, ev, c->first);
	if (ev->message.unit.used == 0)
		return finish(m, ev, leat_conn_error(c));
	count(&c->set);
	ev->transport_tag = carrier_tag(c, NULL);
	ev->kind = LEAT_EVENT_MESSAGE;
	return true;
}

static bool serve_conn(struct mail *m, struct leat_event *ev)
{
	struct leat_conn *c = m->conn;

	if (!c->up)
		return !m->ended && serve_handshake(m, ev);
	if (m->room && serve_room(m, ev))
		return true;
	if (!may_deliver(m))
		return false;
	if (is_used_up(c)) {
		c->set.active = ACTIVE_OFF;
		ev->kind = LEAT_EVENT_PASSIVE;
		return true;
	}
	return serve_message(m, ev);
}

static bool serve_listener(struct mail *m, struct leat_event *ev)
{
	enum leat_ret r = leat_accept(m->listener, &ev->conn, 0, &ev->err);

	if (r == LEAT_AGAIN)
		return false;
	/* Out of descriptors, say: the connection stays in the queue and would be told again and again. */
	m->stalled = r == LEAT_FAILED;
	ev->kind = r == LEAT_OK ? LEAT_EVENT_ACCEPTED : LEAT_EVENT_ERROR;
	return true;
}

bool mail_serve_words(struct mail *m)
{
	uint8_t trash[4096];
	ssize_t r = 1;

	while (r > 0 && m->words_left > 0) {
		do
			r = recv(m->fd, trash, sizeof(trash), MSG_DONTWAIT);
		while (r < 0 && errno == EINTR);
		if (r > 0)
			m->words_left -= (size_t)r < m->words_left ? (size_t)r : m->words_left;
	}
	return r < 0 && errno == EAGAIN && sys_real.now_ms() < m->deadline;
}

bool mail_serve(struct mail *m, struct leat_event *ev)
{
	*ev = (struct leat_event){ .conn = m->conn, .listener = m->listener, .tag = m->tag };
	return m->listener ? serve_listener(m, ev) : serve_conn(m, ev);
}
