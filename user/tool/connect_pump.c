/* SPDX-License-Identifier: Apache-2.0
 *
 * connect_pump.c - stdin to the peer, the peer to stdout, neither waiting for the other.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/connect.h"

#define CHUNK 65536

struct pump {
	struct leat_conn *c;
	struct connect_totals *t;
	uint8_t up[CHUNK]; /* read from stdin, [off, n) not yet taken */
	size_t off, n;
	bool in_end;  /* stdin is at its end */
	bool up_dead; /* our bytes cannot be sent any more */
	bool shut;    /* our close_notify is out */
	bool done;
};

static void end_with(struct pump *p, enum leat_err_class cls, int sys, const char *what)
{
	if (p->t->err.cls == LEAT_E_NONE)
		p->t->err = (struct leat_err){ .cls = cls, .sys = sys, .what = what };
	p->done = true;
}

static bool write_out(struct pump *p, const uint8_t *b, size_t n)
{
	while (n > 0) {
		ssize_t r = write(STDOUT_FILENO, b, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			end_with(p, LEAT_E_SYSTEM, errno, "stdout: cannot write");
			return false;
		}
		b += r;
		n -= (size_t)r;
	}
	return true;
}

/* Peer to stdout, as long as something is there. */
static void down(struct pump *p)
{
	static uint8_t b[CHUNK];

	while (!p->done) {
		size_t got;

		switch (leat_recv(p->c, b, sizeof(b), 0, &got)) {
		case LEAT_OK:
			p->t->received += got;
			if (got == 0)
				p->done = true;
			else
				write_out(p, b, got);
			break;
		case LEAT_AGAIN: return;
		default: p->t->err = *leat_conn_error(p->c); p->done = true;
		}
	}
}

static void read_in(struct pump *p)
{
	ssize_t r = read(STDIN_FILENO, p->up, sizeof(p->up));

	p->off = p->n = 0;
	if (r > 0)
		p->n = (size_t)r;
	else if (r == 0)
		p->in_end = true;
	else if (errno != EINTR && errno != EAGAIN)
		end_with(p, LEAT_E_SYSTEM, errno, "stdin: cannot read");
}

/* stdin's bytes to the peer, as far as the socket takes them; then the end of our side. */
static void up(struct pump *p)
{
	size_t taken;

	if (p->up_dead || p->shut)
		return;
	if (leat_send(p->c, p->up + p->off, p->n - p->off, 0, &taken) == LEAT_FAILED)
		p->up_dead = true; /* the answer may still come; if not, leat_recv says why */
	p->t->sent += taken;
	p->off += taken;
	if (!p->up_dead && p->in_end && p->off == p->n)
		switch (leat_shutdown(p->c, SHUT_WR, 0)) {
		case LEAT_OK: p->shut = true; break;
		case LEAT_AGAIN: break;
		default: p->up_dead = true;
		}
}

static void wait_for(struct pump *p)
{
	bool want_in = !p->in_end && !p->up_dead && p->off == p->n;
	bool want_out = !p->up_dead && !p->shut && (p->off < p->n || p->in_end);
	short events = leat_conn_events(p->c, want_out);
	struct pollfd f[2] = {
		{ want_in ? STDIN_FILENO : -1, POLLIN, 0 },
		{ leat_conn_fd(p->c), events, 0 },
	};

	if (events == 0)
		return; /* something waits inside already */
	if (poll(f, 2, -1) < 0 && errno != EINTR)
		end_with(p, LEAT_E_SYSTEM, errno, "poll: failed");
	if (f[0].revents)
		read_in(p);
}

void connect_pump(struct leat_conn *c, struct connect_totals *t)
{
	static struct pump pump;
	struct pump *p = &pump;

	*p = (struct pump){ .c = c, .t = t };
	while (!p->done) {
		up(p);
		down(p);
		if (!p->done)
			wait_for(p);
	}
	memset(p->up, 0, sizeof(p->up));
	if (t->err.cls == LEAT_E_NONE && (p->off < p->n || p->up_dead))
		t->err = (struct leat_err){ .cls = LEAT_E_CLOSED,
			.what = "send: the peer closed before it had everything" };
}
