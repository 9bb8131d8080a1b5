/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_plain.c - operations that io_uring has and plain calls must be put together for: how the poll backend
 * does them, and the io_uring backend on kernels whose ring does not.
 */
#include "loop/loop_int.h"

#include <errno.h>
#include <linux/tls.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* ---- receiving ------------------------------------------------------------------------------- */

uint8_t loop_record_type(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c == NULL || c->cmsg_level != SOL_TLS || c->cmsg_type != TLS_GET_RECORD_TYPE)
		return 0;
	return *CMSG_DATA(c);
}

/* One buffer per loop is enough, for a piece is only lent until the callback returns. */
int loop_take_plain(struct loop *l, const struct loop_op *op)
{
	union {
		char b[LOOP_TAKE_CONTROL];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec v = { .iov_len = LIM_LOOP_BUF };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	if (l->take_buf == NULL && (l->take_buf = leat_malloc(LIM_LOOP_BUF)) == NULL)
		return -ENOMEM;
	v.iov_base = l->take_buf;
	if (op->take.typed) {
		m.msg_control = control.b;
		m.msg_controllen = sizeof(control.b);
	}
	do
		n = recvmsg(op->fd, &m, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	l->piece = (struct loop_piece){
		.p = l->take_buf,
		.n = (size_t)n,
		.type = op->take.typed ? loop_record_type(&m) : 0,
		.record_end = (m.msg_flags & MSG_EOR) != 0,
	};
	return (int)n;
}

int loop_take_all(struct loop *l, struct loop_op *op)
{
	int num = 0, res;

	do {
		res = loop_take_plain(l, op);
		if (res == -EAGAIN)
			break;
		num++;
		if (res <= 0 || op->take.once) {
			loop_finish(l, op, res);
			break;
		}
		loop_more(l, op, res);
	} while (num < LOOP_TAKE_BURST && !op->cancelled);
	return num;
}

/* ---- one call or several --------------------------------------------------------------------- */

int loop_setsockopt_plain(const struct loop_op *op)
{
	int rc = setsockopt(op->fd, op->opt.level, op->opt.name, op->opt.val, op->opt.n);

	return rc < 0 ? -errno : 0;
}

int loop_end_plain(const struct loop_op *op)
{
	if (sendmsg(op->fd, op->end.msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ||
		shutdown(op->fd, SHUT_WR) < 0)
		return -errno;
	(void)close(op->fd);
	return 0;
}

/* ---- from loop to loop ----------------------------------------------------------------------- */

int loop_pass_plain(struct loop *to, int fd)
{
	int rc = 0, *v;

	pthread_mutex_lock(&to->passed_lock);
	if (to->num_passed == to->cap_passed) {
		size_t cap = to->cap_passed ? 2 * to->cap_passed : 16;

		v = leat_array(cap, sizeof(*v));
		if (v == NULL) {
			rc = -ENOMEM;
		} else {
			if (to->num_passed > 0)
				memcpy(v, to->passed, to->num_passed * sizeof(*v));
			leat_free(to->passed);
			to->passed = v;
			to->cap_passed = cap;
		}
	}
	if (rc == 0)
		to->passed[to->num_passed++] = fd;
	pthread_mutex_unlock(&to->passed_lock);
	if (rc == 0)
		loop_wake(to);
	return rc;
}

void loop_passed(struct loop *l, int fd)
{
	if (l->on_pass != NULL)
		l->on_pass(l, fd, l->pass_arg);
	else
		(void)close(fd);
}

void loop_deliver_passed(struct loop *l)
{
	size_t num;
	int *v;

	pthread_mutex_lock(&l->passed_lock);
	v = l->passed;
	num = l->num_passed;
	l->passed = NULL;
	l->num_passed = l->cap_passed = 0;
	pthread_mutex_unlock(&l->passed_lock);
	for (size_t i = 0; i < num; i++)
		loop_passed(l, v[i]);
	leat_free(v);
}
