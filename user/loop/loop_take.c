/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_take.c - taking what arrives by plain calls: how the poll backend does it, and the io_uring
 * backend where the kernel lends no buffers. One buffer per loop is enough, for a piece is only lent until
 * the callback returns.
 */
#include "loop/loop_int.h"

#include <errno.h>
#include <linux/tls.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

uint8_t loop_record_type(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c == NULL || c->cmsg_level != SOL_TLS || c->cmsg_type != TLS_GET_RECORD_TYPE)
		return 0;
	return *CMSG_DATA(c);
}

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
