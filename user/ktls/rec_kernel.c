/* SPDX-License-Identifier: Apache-2.0
 *
 * rec_kernel.c - the system calls behind rec_kernel.h, and nothing but.
 */
#include "ktls/rec_kernel.h"

#include <errno.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/limits.h"
#include "base/secret.h"
#include "rec/kinfo.h"

/* Names of uapi headers newer than the ones this may be built with (6.0 brought NO_PAD). */
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TLS_RX_EXPECT_NO_PAD
#define TLS_RX_EXPECT_NO_PAD 4
#endif

#define TYPE_DATA 23

int rec_kernel_ulp(const struct leat_sys *sys, int fd)
{
	return sys->setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls"));
}

/* TLS 1.3 RX: the kernel decrypts straight into the reader's buffer when it may expect that records
 * carry no padding (about 15% less work); with padding it stays correct, only slower. A kernel that
 * does not know the option loses nothing but that, so the answer is of no interest. */
static void expect_no_pad(const struct leat_sys *sys, int fd)
{
	int one = 1;

	(void)sys->setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &one, sizeof(one));
}

int rec_kernel_install(const struct leat_sys *sys, int fd, enum leat_dir dir,
	const struct traffic_keys *keys, uint64_t seq)
{
	LEAT_SCOPED(leat_kinfo_clear) union leat_kinfo info = { 0 };
	size_t n = leat_kinfo_fill(&info, keys, seq);
	int r;

	if (n == 0)
		return -EOPNOTSUPP;
	r = sys->setsockopt(fd, SOL_TLS, dir == LEAT_TX ? TLS_TX : TLS_RX, &info, (socklen_t)n);
	if (r == 0 && dir == LEAT_RX && keys->version == LEAT_TLS13)
		expect_no_pad(sys, fd);
	return r;
}

int rec_kernel_tx_seq(const struct leat_sys *sys, int fd, uint64_t *seq)
{
	/* the kernel tells its key along with it */
	LEAT_SCOPED(leat_kinfo_clear) union leat_kinfo info = { 0 };
	socklen_t n = sizeof(info.head);
	int r = sys->getsockopt(fd, SOL_TLS, TLS_TX, &info, &n);

	if (r != 0)
		return r;
	n = (socklen_t)leat_kinfo_size(info.head.cipher_type);
	if (n == 0)
		return -EOPNOTSUPP;
	r = sys->getsockopt(fd, SOL_TLS, TLS_TX, &info, &n);
	if (r == 0)
		*seq = leat_kinfo_seq(&info);
	return r;
}

int rec_kernel_has_keys(
	const struct leat_sys *sys, int fd, enum leat_dir dir, uint16_t version, unsigned cipher)
{
	struct tls_crypto_info head = { 0 };
	socklen_t n = sizeof(head); /* of this length the kernel tells version and cipher only */
	int r = sys->getsockopt(fd, SOL_TLS, dir == LEAT_TX ? TLS_TX : TLS_RX, &head, &n);

	if (r != 0)
		return r;
	return head.version == version && head.cipher_type == cipher ? 0 : -EINVAL;
}

static void prep(
	struct msghdr *msg, struct iovec *iov, union rec_kernel_ctl *ctl, void *buf, size_t n)
{
	memset(ctl, 0, sizeof(*ctl));
	*iov = (struct iovec){ buf, n };
	*msg = (struct msghdr){ .msg_iov = iov,
		.msg_iovlen = 1,
		.msg_control = ctl,
		.msg_controllen = sizeof(ctl->b) };
}

bool rec_kernel_ctl_prep(struct rec_kernel_tx *t, uint8_t type, struct leat_span payload)
{
	struct cmsghdr *c;

	if (type == 0 || type == TYPE_DATA || payload.n == 0 || payload.n > LIM_PLAINTEXT)
		return false;
	prep(&t->msg, &t->iov, &t->ctl, (void *)(uintptr_t)payload.p, payload.n);
	c = CMSG_FIRSTHDR(&t->msg);
	c->cmsg_level = SOL_TLS;
	c->cmsg_type = TLS_SET_RECORD_TYPE;
	c->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(c) = type;
	return true;
}

void rec_kernel_rx_prep(struct rec_kernel_rx *r, void *buf, size_t n)
{
	prep(&r->msg, &r->iov, &r->ctl, buf, n);
}

int rec_kernel_rx_done(const struct rec_kernel_rx *r, ssize_t res, struct rec_kernel_got *out)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(&r->msg);

	*out = (struct rec_kernel_got){ 0 };
	if (res < 0)
		return (int)res;
	if (res == 0 && !c)
		return 0;
	/* The kernel names the type of every record it decrypted, data included. No name: these are
	 * raw bytes (the TLS protocol was taken off the socket by somebody), not plaintext. */
	if (!c || c->cmsg_level != SOL_TLS || c->cmsg_type != TLS_GET_RECORD_TYPE ||
		c->cmsg_len < CMSG_LEN(1) || (r->msg.msg_flags & MSG_CTRUNC))
		return -EPROTO;
	out->n = (size_t)res;
	out->type = *CMSG_DATA((struct cmsghdr *)(uintptr_t)c);
	out->record_end = (r->msg.msg_flags & MSG_EOR) != 0;
	return 0;
}

ssize_t rec_kernel_send(const struct leat_sys *sys, int fd, const void *data, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)data, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r;

	if (n == 0)
		return 0;
	do
		r = sys->sendmsg(fd, &msg, MSG_DONTWAIT);
	while (r == -EINTR);
	/* 0 for n > 0 is nothing a socket may say; treating it as progress would spin */
	return r == 0 ? -EIO : r;
}

int rec_kernel_send_ctl(const struct leat_sys *sys, int fd, uint8_t type, struct leat_span payload)
{
	struct rec_kernel_tx t;
	ssize_t r;

	if (!rec_kernel_ctl_prep(&t, type, payload))
		return -EINVAL;
	do
		r = sys->sendmsg(fd, &t.msg, MSG_DONTWAIT);
	while (r == -EINTR);
	if (r < 0)
		return (int)r;
	/* A record goes whole or not at all; a piece of one would be another record to the peer. */
	return (size_t)r == payload.n ? 0 : -EIO;
}

int rec_kernel_recv(
	const struct leat_sys *sys, int fd, void *buf, size_t n, struct rec_kernel_got *out)
{
	struct rec_kernel_rx r;
	ssize_t res;
	int e;

	do {
		rec_kernel_rx_prep(&r, buf, n); /* the kernel overwrites lengths: anew each time */
		res = sys->recvmsg(fd, &r.msg, MSG_DONTWAIT);
		e = rec_kernel_rx_done(&r, res, out);
		/* Empty data the kernel skips, but not in front of a record of another type. Other empty
		 * records are somebody's fault, and the caller's affair. */
	} while (e == -EINTR || (e == 0 && out->n == 0 && out->type == TYPE_DATA));
	return e;
}

int rec_kernel_take_error(const struct leat_sys *sys, int fd)
{
	int err = 0;
	socklen_t n = sizeof(err);

	return sys->getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 ? err : 0;
}
