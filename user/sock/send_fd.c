/* SPDX-License-Identifier: Apache-2.0
 *
 * send_fd.c - see leat/send_fd.h. The descriptor rides on the first byte of the message; on a stream the rest may
 * have to be sent and read in pieces.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <leat/send_fd.h>

#include "base/mem.h"
#include "rec/kinfo.h"
#include "sock/conn.h"
#include "sock/fd_message.h"

/* Room for one descriptor, and for those that somebody else might send along: they must be seen to be closed. */
#define FDS_MAX 8
union fd_ctl {
	struct cmsghdr head; /* for alignment */
	char b[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* ---- sending --------------------------------------------------------------------------------- */

static const char *why_not_idle(struct leat_conn *c)
{
	if (c->first)
		return "the connection has failed";
	if (c->shut[LEAT_RX] || c->shut[LEAT_TX])
		return "we have closed already";
	if (c->mail || c->set.active != ACTIVE_OFF)
		return "the connection has an owner or is active";
	if (atomic_load(&c->reading))
		return "another thread receives";
	if (bytes_span(&c->in).n > c->lent || bytes_span(&c->pre).n)
		return "received data still waits here";
	if (c->half.is_open)
		return "a message was sent in part";
	return NULL;
}

static enum leat_ret refuse(struct leat_err *err, const char *why)
{
	(void)err_misuse(err, "send_fd: this connection cannot go to another process");
	err_detailf(err, "%s", why);
	return LEAT_UNSUPPORTED;
}

static enum leat_ret describe(
	struct leat_conn *c, uint8_t out[FD_MESSAGE_LEN], struct leat_err *err)
{
	struct fd_message m = { 0 };
	const char *why = why_not_idle(c);

	/* Best effort: a control record that waits goes out first if it can. */
	if (!why && (leat_engine_wants(c->e) & LEAT_WANT_SEND) && conn_flush_some(c) == LEAT_FAILED)
		why = "the connection has failed";
	if (!why)
		why = leat_engine_bare(c->e, &m.engine);
	if (why)
		return refuse(err, why);
	/* Exact, where the kernel may be asked. That few are left is for the receiver to find. */
	(void)!handover_recount_tx(&c->ho);
	m.ho = (struct handover_adopted){ c->ho.tx_left, c->ho.tx_limit, c->ho.tx_open };
	return fd_message_enc(&m, out) ? LEAT_OK : refuse(err, "its names are too long");
}

static ssize_t send_piece(int to, const uint8_t *p, size_t n, const union fd_ctl *ctl)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r;

	if (ctl) {
		msg.msg_control = (void *)(uintptr_t)ctl;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
	}
	do
		r = sendmsg(to, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* LEAT_AGAIN: nothing went out. */
static enum leat_ret send_all(const struct leat_conn *c, int to,
	const uint8_t message[FD_MESSAGE_LEN], int64_t deadline, struct leat_err *err)
{
	union fd_ctl ctl = { .head = { .cmsg_level = SOL_SOCKET,
				     .cmsg_type = SCM_RIGHTS,
				     .cmsg_len = CMSG_LEN(sizeof(int)) } };
	size_t done = 0;

	memcpy(CMSG_DATA(&ctl.head), &c->fd, sizeof(c->fd));
	while (done < FD_MESSAGE_LEN) {
		ssize_t n = send_piece(
			to, message + done, FD_MESSAGE_LEN - done, done ? NULL : &ctl);
		enum leat_ret r;

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n != -EAGAIN)
			return err_sys(
				err, n ? (int)-n : EIO, "send_fd: sendmsg on the unix socket");
		r = sock_wait(c->sys, to, POLLOUT, deadline, err);
		if (r == LEAT_AGAIN && done)
			return err_sys(err, ETIMEDOUT, "send_fd: a part of the message went out");
		if (r != LEAT_OK)
			return r;
	}
	return LEAT_OK;
}

enum leat_ret leat_send_fd(struct leat_conn *c, int to, int timeout_ms, struct leat_err *err)
{
	uint8_t message[FD_MESSAGE_LEN];
	enum leat_ret r = describe(c, message, err);

	if (r == LEAT_OK)
		r = send_all(c, to, message, conn_deadline(c, timeout_ms), err);
	/* The other process has a descriptor of its own by now: the connection lives. */
	if (r == LEAT_OK)
		leat_conn_free(c);
	return r;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* What has come so far. */
struct arrival {
	uint8_t message[FD_MESSAGE_LEN];
	size_t n;
	int fd; /* -1: none */
	bool extra;
};

static void take_fds(struct arrival *a, struct msghdr *msg)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t num = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < num; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(fd), sizeof(fd));
			if (a->fd < 0) {
				a->fd = fd;
			} else {
				a->extra = true;
				close(fd);
			}
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		a->extra = true;
}

static ssize_t recv_piece(struct arrival *a, int from)
{
	union fd_ctl ctl = { .b = { 0 } };
	struct iovec iov = { a->message + a->n, FD_MESSAGE_LEN - a->n };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl)
	};
	ssize_t r;

	do
		r = recvmsg(from, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	take_fds(a, &msg);
	return r;
}

/* LEAT_AGAIN: nothing came. LEAT_UNSUPPORTED: nothing will. */
static enum leat_ret recv_all(struct arrival *a, const struct leat_sys *sys, int from,
	int64_t deadline, struct leat_err *err)
{
	while (a->n < FD_MESSAGE_LEN) {
		ssize_t n = recv_piece(a, from);
		enum leat_ret r;

		if (n > 0) {
			a->n += (size_t)n;
			continue;
		}
		if (n == 0 && a->n == 0)
			return LEAT_UNSUPPORTED;
		if (n == 0)
			return err_misuse(err, "message: cut off");
		if (n != -EAGAIN)
			return err_sys(err, (int)-n, "recv_fd: recvmsg on the unix socket");
		r = sock_wait(sys, from, POLLIN, deadline, err);
		if (r == LEAT_AGAIN && a->n)
			return err_sys(err, ETIMEDOUT, "recv_fd: a part of a message came");
		if (r != LEAT_OK)
			return r;
	}
	return LEAT_OK;
}

/* Both directions must be what the message says, lest data go out in the clear. */
static enum leat_ret check_kernel(
	const struct leat_sys *sys, int fd, const struct engine_bare *b, struct leat_err *err)
{
	const struct suite *s = suite_by_id(b->suite);
	unsigned cipher = s ? leat_kinfo_cipher(s->aead) : 0;

	for (int dir = 0; dir < 2; dir++) {
		int r = rec_kernel_has_keys(sys, fd, (enum leat_dir)dir, b->version, cipher);

		if (r != 0 && r != -EPERM) {
			(void)err_misuse(err, "descriptor: the kernel holds no such keys for it");
			err->sys = -r;
			return LEAT_FAILED;
		}
	}
	return LEAT_OK;
}

/* Takes fd, on failure too. */
static enum leat_ret adopt(struct leat_conn **out, struct leat_config *cfg, int fd,
	const struct fd_message *m, struct leat_err *err)
{
	struct leat_conn *c = leat_zalloc(sizeof(*c));
	struct leat_env system;

	if (!c) {
		close(fd);
		return err_memory(err);
	}
	conn_init(c, cfg, fd);
	if (check_kernel(c->sys, fd, &m->engine, err) != LEAT_OK ||
		leat_engine_adopt(&c->e, cfg, &m->engine, conn_env(&system), err) != LEAT_OK) {
		leat_conn_free(c);
		return LEAT_FAILED;
	}
	handover_adopt(&c->ho, c->sys, fd, &m->ho);
	app_socket_add(&c->app, fd, false);
	c->begun = c->up = true;
	*out = c;
	return LEAT_OK;
}

enum leat_ret leat_recv_fd(struct leat_conn **out, struct leat_config *cfg, int from,
	int timeout_ms, struct leat_err *err)
{
	struct arrival a = { .fd = -1 };
	struct fd_message m;
	enum leat_ret r;
	const char *wrong = NULL;

	*out = NULL;
	r = recv_all(&a, conn_sys_in_use(), from, deadline_of(conn_sys_in_use(), timeout_ms), err);
	if (r == LEAT_OK) {
		wrong = fd_message_dec(a.message, &m);
		if (!wrong && (a.fd < 0 || a.extra))
			wrong = a.extra ? "message: more than one descriptor came with it"
					: "message: no descriptor came with it";
		if (wrong)
			r = err_misuse(err, wrong);
	}
	if (r == LEAT_OK)
		return adopt(out, cfg, a.fd, &m, err);
	if (a.fd >= 0)
		close(a.fd);
	return r;
}

bool leat_conn_peer_digest(const struct leat_conn *c, uint8_t out[32])
{
	return leat_engine_peer_digest(c->e, out);
}
