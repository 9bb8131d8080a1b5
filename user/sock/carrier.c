/* SPDX-License-Identifier: Apache-2.0
 *
 * carrier.c - bytes through a socket or through a transport of the application; see carrier.h. A transport's
 * answers are checked as far as they can be: more bytes than there were are an error of its own.
 */
#include "sock/carrier.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "sock/conn.h"

static ssize_t checked(ssize_t r, size_t n, bool may_end)
{
	if (r > (ssize_t)n || (r == 0 && !may_end))
		return -EPROTO;
	return r;
}

ssize_t carrier_send(const struct leat_conn *c, const void *p, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (c->via.ops)
		return checked(c->via.ops->send(c->via.it, p, n), n, false);
	return c->sys->sendmsg(c->fd, &msg, MSG_DONTWAIT);
}

ssize_t carrier_recv(const struct leat_conn *c, void *p, size_t n)
{
	struct iovec iov = { p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (c->via.ops)
		return checked(c->via.ops->recv(c->via.it, p, n), n, true);
	return c->sys->recvmsg(c->fd, &msg, MSG_DONTWAIT);
}

bool time_left(const struct leat_sys *sys, int64_t deadline, int *ms)
{
	int64_t left;

	*ms = -1;
	if (deadline == DEADLINE_NEVER)
		return true;
	left = deadline - sys->now_ms();
	*ms = left > INT32_MAX ? INT32_MAX : (int)left;
	return left > 0;
}

enum leat_ret stream_wait(
	const struct stream *s, short events, int64_t deadline, struct leat_err *err)
{
	int ms;

	while (time_left(&sys_real, deadline, &ms)) {
		int r = s->ops->wait(s->it, events, ms);

		if (r > 0)
			return LEAT_OK;
		if (r < 0 && r != -EINTR)
			return err_sys(err, -r, "transport: wait failed");
	}
	return LEAT_AGAIN;
}

enum leat_ret carrier_wait(
	const struct leat_conn *c, short events, int64_t deadline, struct leat_err *err)
{
	return c->via.ops ? stream_wait(&c->via, events, deadline, err)
			  : sock_wait(c->sys, c->fd, events, deadline, err);
}

void carrier_shutdown(const struct leat_conn *c, int how)
{
	if (c->via.ops)
		c->via.ops->shutdown(c->via.it, how);
	else
		c->sys->shutdown(c->fd, how);
}

void carrier_close(const struct leat_conn *c)
{
	if (c->via.ops)
		c->via.ops->close(c->via.it);
	else if (c->fd >= 0)
		c->sys->close(c->fd);
}

const char *carrier_tag(const struct leat_conn *c, const struct leat_err *why)
{
	static const struct leat_transport tcp = {
		.data_tag = "tcp", .closed_tag = "tcp_closed", .error_tag = "tcp_error"
	};
	const struct leat_transport *t = c->via.ops ? c->via.ops : &tcp;

	if (!why)
		return t->data_tag;
	if (why->cls == LEAT_E_SYSTEM)
		return t->error_tag;
	return why->cls == LEAT_E_CLOSED ? t->closed_tag : NULL;
}

/* ---- making one ----------------------------------------------------------------------------------------- */

enum leat_ret stream_dial(struct stream *out, const struct leat_config *cfg, const char *host,
	uint16_t port, int64_t deadline, struct leat_err *err)
{
	const struct leat_transport *ops = cfg->transport;
	void *it = NULL;
	int ms, r = -ETIMEDOUT;

	if (time_left(&sys_real, deadline, &ms))
		r = ops->connect(cfg->transport_ctx, &it, host, port, ms);
	if (r == 0) {
		*out = (struct stream){ ops, it };
		return LEAT_OK;
	}
	err_raise(err, r == -ETIMEDOUT ? LEAT_E_TIMEOUT : LEAT_E_SYSTEM, 0, -r, LEAT_HERE,
		"connect: failed");
	err_detailf(err, "%s port %u", host ? host : "(none)", port);
	return LEAT_FAILED;
}

enum leat_ret stream_name(int r, const char *what, struct leat_err *err)
{
	return r < 0 ? err_sys(err, -r, what) : LEAT_OK;
}

/* ---- options ------------------------------------------------------------------------------------------- */

static enum leat_ret refuse(const char *name, const char *value, int sys, struct leat_err *err)
{
	err_raise(err, LEAT_E_SOCKOPT, 0, sys, LEAT_HERE, "refused by the transport");
	err->option = "(transport)"; /* the name is the caller's and may not live as long as err */
	err_detailf(err, "%s=%s", name, value ? value : "");
	return LEAT_FAILED;
}

enum leat_ret stream_setopt(const struct stream *s, struct sockset *set, const char *name,
	const char *value, struct leat_err *err)
{
	int r;

	if (!sockopt_is_carriers(name))
		return sockset_set(set, -1, name, value, err);
	r = s->ops->setopt(s->it, name, value);
	return r < 0 ? refuse(name, value, -r, err) : LEAT_OK;
}

enum leat_ret stream_getopt(const struct stream *s, const struct sockset *set, const char *name,
	char *buf, size_t n, struct leat_err *err)
{
	int r;

	if (!sockopt_is_carriers(name))
		return sockset_get(set, -1, name, buf, n, err);
	r = s->ops->getopt(s->it, name, buf, n);
	return r < 0 ? refuse(name, NULL, -r, err) : LEAT_OK;
}

enum leat_ret stream_apply(
	const struct stream *s, const struct sockplan *plan, struct leat_err *err)
{
	for (size_t i = 0; i < plan->num; i++) {
		const struct leat_sockopt *o = &plan->list[i];
		int r = sockopt_is_carriers(o->name) ? s->ops->setopt(s->it, o->name, o->value) : 0;

		if (r < 0)
			return refuse(o->name, o->value, -r, err);
	}
	return LEAT_OK;
}
