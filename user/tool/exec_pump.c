/* SPDX-License-Identifier: Apache-2.0
 *
 * exec_pump.c - what the keeper carries between the connection and the program: nothing, one way or both.
 * One buffer of 64 KiB a way; what does not fit waits with whoever sent it.
 *
 * The program's stdin is one end of a socket pair. A close_notify of the client is the end of that stream. A
 * cut connection must not look the same: then our end is closed while a byte waits in it that nobody reads
 * (put there by exec_conn.c), and a unix socket says ECONNRESET to the other end, after all data.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"
#include "tool/exec.h"

void pump_stop_program(struct keeper *k)
{
	if (k->pid && !k->exited && k->kill_at == INT64_MAX) {
		k->kill_at = exec_now_ms() + k->o->grace_ms;
		(void)kill(-k->pid, SIGTERM);
	}
	k->term_at = INT64_MAX;
}

/* The connection has failed. A program that notices by itself has the grace time to end; one whose client
 * sent nonsense is told at once. */
static void on_failure(struct keeper *k)
{
	const struct leat_err *err = leat_conn_error(k->c);

	if (err->cls == LEAT_E_NONE)
		return;
	k->dead = true;
	/* The program sees EPIPE, like one whose TCP connection is gone. */
	if (k->out >= 0)
		close(k->out);
	k->out = -1;
	k->out_end = true;
	if (!k->error[0])
		(void)leat_strerror(err, k->error, sizeof(k->error));
	if (err->cls == LEAT_E_OUR_ALERT || err->cls == LEAT_E_PEER_ALERT)
		pump_stop_program(k);
	else if (k->term_at == INT64_MAX && k->kill_at == INT64_MAX)
		k->term_at = exec_now_ms() + k->o->grace_ms;
}

static void cut_input(struct keeper *k)
{
	k->reading = false;
	k->end = "cut";
	if (k->in >= 0)
		close(k->in);
	k->in = -1;
	on_failure(k);
}

/* false: wait for the program. */
static bool give(struct keeper *k)
{
	struct exec_buf *d = &k->down;
	ssize_t r;

	if (k->in_gone || k->in < 0) {
		d->off = d->n;
		return true;
	}
	r = send(k->in, d->b + d->off, d->n - d->off, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r > 0)
		d->off += (size_t)r;
	else if (r < 0 && errno == EAGAIN)
		return false;
	else if (r < 0 && errno != EINTR)
		k->in_gone = true;
	return true;
}

static void down(struct keeper *k)
{
	struct exec_buf *d = &k->down;

	while (k->reading) {
		size_t got;

		if (d->off < d->n) {
			if (!give(k))
				return;
			continue;
		}
		d->off = d->n = 0;
		switch (leat_recv(k->c, d->b, sizeof(d->b), 0, &got)) {
		case LEAT_OK:
			d->n = got;
			if (got > 0)
				break;
			k->reading = false;
			k->end = "close_notify";
			(void)shutdown(k->in, SHUT_WR);
			break;
		case LEAT_AGAIN: return;
		default: cut_input(k);
		}
	}
}

/* false: nothing to send now. */
static bool take(struct keeper *k)
{
	struct exec_buf *u = &k->up;
	ssize_t r;

	if (u->off < u->n)
		return true;
	u->off = u->n = 0;
	if (k->out_end)
		return false;
	r = recv(k->out, u->b, sizeof(u->b), MSG_DONTWAIT);
	if (r > 0)
		u->n = (size_t)r;
	/* Of a program that has ended: what its children may still write is not waited for. */
	else if (r == 0 || (errno != EAGAIN && errno != EINTR) || (errno == EAGAIN && k->exited))
		k->out_end = true;
	return r > 0;
}

static void up(struct keeper *k)
{
	struct exec_buf *u = &k->up;

	while (k->out >= 0 && !k->dead && !k->shut) {
		bool more = take(k);
		size_t sent;
		enum leat_ret r = leat_send(
			k->c, u->b + u->off, more ? u->n - u->off : 0, 0, &sent);

		u->off += sent;
		if (r == LEAT_FAILED)
			on_failure(k);
		if (r != LEAT_OK || !more)
			break;
	}
	if (k->out >= 0 && k->out_end && !k->shut && !k->dead && u->off == u->n)
		k->shut = leat_shutdown(k->c, SHUT_WR, 0) == LEAT_OK;
}

void pump_step(struct keeper *k)
{
	down(k);
	up(k);
}

bool pump_drained(struct keeper *k)
{
	if (k->out < 0 || k->dead)
		return true;
	up(k);
	return k->dead || k->out < 0 || (k->out_end && k->up.off == k->up.n);
}

void pump_wants(const struct keeper *k, struct pollfd f[3])
{
	bool blocked = k->down.off < k->down.n;
	bool sending = k->out >= 0 && !k->dead && (k->up.off < k->up.n || (k->out_end && !k->shut));
	short events = 0;

	if (k->reading && !blocked)
		events = leat_conn_events(k->c, sending);
	else if (sending)
		events = POLLOUT;
	/* With nothing to do there its end is still of interest: once. */
	f[0] = (struct pollfd){ events || (!k->watched && !blocked) ? leat_conn_fd(k->c) : -1,
		events, 0 };
	f[1] = (struct pollfd){ blocked ? k->in : -1, POLLOUT, 0 };
	f[2] = (struct pollfd){ k->out_end || k->up.off < k->up.n || k->dead ? -1 : k->out, POLLIN,
		0 };
}
