/* SPDX-License-Identifier: Apache-2.0
 *
 * fakesys.c - see fakesys.h.
 */
#include "fakesys.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/wr.h"
#include "rec/kinfo.h"
#include "refrec.h"
#include "vec.h"
#include "wire/hs_hdr.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#define NO_PAD  4
#define REC_MAX (5 + 65535)

static struct {
	struct crypto *c;
	struct refrec dir[2];
	bool ulp, keyed[2];
	bool rekeys, expired; /* expired: a KeyUpdate came, its keys did not */
	struct {
		unsigned calls, when, at, times;
		int err;
	} call[FAKE_CALL_COUNT];
	unsigned clock;
	size_t most;
	/* RX */
	uint8_t raw[REC_MAX];
	size_t raw_n;
	uint8_t plain[REC_MAX];
	size_t off, n;
	uint8_t type;
	int told; /* the record error, which is told once */
	/* TX: sealed and not yet taken by the socket */
	uint8_t rest[REC_MAX];
	size_t rest_off, rest_n;
} f;

void fakesys_reset(void)
{
	struct crypto *c = f.c;
	struct leat_err err = { 0 };

	memset(&f, 0, sizeof(f));
	f.c = c;
	if (!f.c)
		assert_int_equal(crypto_new(&f.c, &err), LEAT_OK);
}

void fakesys_fail(enum fakesys_call call, unsigned nth, unsigned times, int err)
{
	f.call[call].at = f.call[call].calls + nth;
	f.call[call].times = times;
	f.call[call].err = err;
}

void fakesys_rekeys(void)
{
	f.rekeys = true;
}

void fakesys_short(size_t most)
{
	f.most = most;
}

unsigned fakesys_calls(enum fakesys_call call)
{
	return f.call[call].calls;
}

unsigned fakesys_when(enum fakesys_call call)
{
	return f.call[call].when;
}

bool fakesys_has_keys(enum leat_dir dir)
{
	return f.keyed[dir];
}

/* Counts the call; 0, or the -errno it is to fail with. */
static int enter(enum fakesys_call call)
{
	unsigned now = ++f.call[call].calls;

	f.call[call].when = ++f.clock;
	if (f.call[call].at && now >= f.call[call].at && now < f.call[call].at + f.call[call].times)
		return -f.call[call].err;
	return 0;
}

size_t fakesys_take_key(enum leat_dir dir, uint8_t masked[32])
{
	struct traffic_keys *k = &f.dir[dir].keys;
	size_t n = aead_key_len(k->aead);

	for (size_t i = 0; i < n; i++)
		masked[i] = k->key[i] ^ FAKESYS_MASK;
	traffic_keys_clear(k);
	return n;
}

static size_t cut(size_t n)
{
	return f.most && n > f.most ? f.most : n;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* The kernel's struct back to traffic keys: the mirror of rec/kinfo.c. */
static bool keys_of(struct refrec *r, const uint8_t *v, size_t n)
{
	static const struct {
		unsigned cipher;
		enum aead_id aead;
		size_t iv, key, salt;
	} kinds[] = {
		{ TLS_CIPHER_AES_GCM_128, AEAD_AES_128_GCM, 8, 16, 4 },
		{ TLS_CIPHER_AES_GCM_256, AEAD_AES_256_GCM, 8, 32, 4 },
		{ TLS_CIPHER_AES_CCM_128, AEAD_AES_128_CCM, 8, 16, 4 },
		{ TLS_CIPHER_CHACHA20_POLY1305, AEAD_CHACHA20_POLY1305, 12, 32, 0 },
	};
	struct tls_crypto_info head;

	memcpy(&head, v, sizeof(head));
	v += sizeof(head);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].cipher != head.cipher_type)
			continue;
		if (n != sizeof(head) + kinds[i].iv + kinds[i].key + kinds[i].salt + 8)
			return false;
		*r = (struct refrec){ .c = f.c };
		r->keys.aead = kinds[i].aead;
		r->keys.version = head.version;
		memcpy(r->keys.key, v + kinds[i].iv, kinds[i].key);
		memcpy(r->keys.iv, v + kinds[i].iv + kinds[i].key, kinds[i].salt);
		if (head.version == LEAT_TLS13 || kinds[i].salt == 0)
			memcpy(r->keys.iv + kinds[i].salt, v, kinds[i].iv);
		for (size_t b = 0; b < 8; b++)
			r->seq = r->seq << 8 | v[n - sizeof(head) - 8 + b];
		return true;
	}
	return false;
}

static int set_keys(enum leat_dir dir, const void *v, socklen_t n)
{
	if (!f.ulp)
		return -ENOPROTOOPT;
	if (f.keyed[dir] && (!f.rekeys || f.dir[dir].keys.version != LEAT_TLS13))
		return -EBUSY;
	if (n < sizeof(struct tls_crypto_info) || !keys_of(&f.dir[dir], v, n))
		return -EINVAL;
	f.keyed[dir] = true;
	if (dir == LEAT_RX)
		f.expired = false;
	return 0;
}

static int fake_setsockopt(int fd, int level, int name, const void *v, socklen_t n)
{
	bool ulp = level == IPPROTO_TCP && name == TCP_ULP;
	bool tls = level == SOL_TLS;
	int e;

	if (!ulp && !tls)
		return sys_real.setsockopt(fd, level, name, v, n);
	e = enter(ulp              ? FAKE_ULP
		  : name == TLS_TX ? FAKE_TX
		  : name == TLS_RX ? FAKE_RX
				   : FAKE_NO_PAD);
	if (e)
		return e;
	if (ulp) {
		if (f.ulp)
			return -EEXIST;
		f.ulp = true;
		return 0;
	}
	if (name == NO_PAD)
		return f.keyed[LEAT_RX] && f.dir[LEAT_RX].keys.version == LEAT_TLS13 ? 0 : -EINVAL;
	return set_keys(name == TLS_TX ? LEAT_TX : LEAT_RX, v, n);
}

/* Version and cipher; the keys it keeps to itself. */
static int fake_getsockopt(int fd, int level, int name, void *v, socklen_t *n)
{
	enum leat_dir dir = name == TLS_TX ? LEAT_TX : LEAT_RX;
	struct tls_crypto_info head;

	if (level != SOL_TLS)
		return sys_real.getsockopt(fd, level, name, v, n);
	if (!f.keyed[dir])
		return f.ulp ? -EBUSY : -ENOPROTOOPT;
	if (*n != sizeof(head))
		return -EINVAL;
	head.version = f.dir[dir].keys.version;
	head.cipher_type = (uint16_t)leat_kinfo_cipher(f.dir[dir].keys.aead);
	memcpy(v, &head, sizeof(head));
	return 0;
}

/* ---- TX -------------------------------------------------------------------------------------- */

static ssize_t raw_send(int fd, const uint8_t *p, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sys_real.sendmsg(fd, &m, MSG_DONTWAIT);
}

/* 0 when nothing is left inside. */
static int push_rest(int fd)
{
	while (f.rest_off < f.rest_n) {
		ssize_t r = raw_send(fd, f.rest + f.rest_off, f.rest_n - f.rest_off);

		if (r < 0)
			return (int)r;
		f.rest_off += (size_t)r;
	}
	f.rest_off = f.rest_n = 0;
	return 0;
}

/* Seals and sends as many records as the socket takes; the last may stay inside. */
static ssize_t sealed_send(int fd, uint8_t type, const uint8_t *p, size_t n)
{
	size_t done = 0;
	int e = push_rest(fd);

	while (e == 0 && done < n) {
		size_t piece = n - done < 16384 ? n - done : 16384;

		f.rest_n = refrec_seal(&f.dir[LEAT_TX], type, p + done, piece, 0, f.rest);
		done += piece;
		e = push_rest(fd);
	}
	return done ? (ssize_t)done : e;
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *m, int flags)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	uint8_t type = 23;
	int e = enter(FAKE_SENDMSG);

	assert_int_equal(m->msg_iovlen, 1);
	if (e)
		return e;
	if (!f.keyed[LEAT_TX]) {
		assert_null(c);
		return raw_send(fd, m->msg_iov->iov_base, cut(m->msg_iov->iov_len));
	}
	assert_true(flags & MSG_DONTWAIT);
	if (c) {
		assert_int_equal(c->cmsg_level, SOL_TLS);
		assert_int_equal(c->cmsg_type, TLS_SET_RECORD_TYPE);
		type = *CMSG_DATA((struct cmsghdr *)(uintptr_t)c);
		assert_true(type != 0 && type != 23);
	}
	return sealed_send(
		fd, type, m->msg_iov->iov_base, c ? m->msg_iov->iov_len : cut(m->msg_iov->iov_len));
}

static ssize_t fake_sendfile(int out, int in, off_t *off, size_t n)
{
	static uint8_t buf[65536];
	ssize_t got, sent;
	int e = enter(FAKE_SENDFILE);

	if (e)
		return e;
	assert_true(f.keyed[LEAT_TX]); /* else the file would go out in the clear */
	got = pread(in, buf, cut(n < sizeof(buf) ? n : sizeof(buf)), *off);
	if (got <= 0)
		return got < 0 ? -errno : 0;
	sent = sealed_send(out, 23, buf, (size_t)got);
	if (sent > 0)
		*off += sent;
	return sent;
}

/* ---- RX -------------------------------------------------------------------------------------- */

static size_t most_ciphertext(void)
{
	const struct traffic_keys *k = &f.dir[LEAT_RX].keys;

	return 16384 + aead_tag_len(k->aead) +
	       (k->version == LEAT_TLS13 ? 1 : aead_explicit_len(k->aead, k->version));
}

/* One whole record into raw. 1: there; 0: end of stream; or -errno. */
static int pull_record(int fd)
{
	for (;;) {
		size_t need = f.raw_n < 5 ? 5 : 5 + ((size_t)f.raw[3] << 8 | f.raw[4]);
		struct iovec iov = { f.raw + f.raw_n, need - f.raw_n };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t r;

		if (f.raw_n >= 5 && need > 5 + most_ciphertext())
			return -EMSGSIZE;
		if (f.raw_n >= 5 && (f.raw[1] != 3 || f.raw[2] != 3))
			return -EINVAL;
		if (f.raw_n == need)
			return 1;
		r = sys_real.recvmsg(fd, &m, MSG_DONTWAIT);
		if (r <= 0)
			return (int)r;
		f.raw_n += (size_t)r;
	}
}

static int open_next(int fd)
{
	while (f.off == f.n) {
		if (f.expired)
			return -EKEYEXPIRED;

		int r = f.told ? -EAGAIN : pull_record(fd);

		if (r == 1) {
			int n = refrec_open(&f.dir[LEAT_RX], f.raw, f.raw_n, &f.type, f.plain);

			f.raw_n = 0;
			f.off = 0;
			f.n = n > 0 ? (size_t)n : 0;
			r = n < 0 ? -EBADMSG : 1;
			f.expired = f.rekeys && n > 0 && f.type == 22 &&
				    f.plain[0] == MSG_KEY_UPDATE;
		}
		if (r == -EBADMSG || r == -EMSGSIZE || r == -EINVAL)
			f.told = 1;
		if (r != 1 || (f.n == 0 && f.type != 23))
			return r;
	}
	return 1;
}

static ssize_t fake_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n = m->msg_iov->iov_len;
	int e = enter(FAKE_RECVMSG);

	if (e)
		return e;
	if (!f.keyed[LEAT_RX]) {
		size_t all = m->msg_iov->iov_len;
		ssize_t r;

		m->msg_iov->iov_len = cut(all);
		r = sys_real.recvmsg(fd, m, flags);
		m->msg_iov->iov_len = all;
		return r;
	}
	e = open_next(fd);
	m->msg_flags = 0;
	if (e <= 0) {
		m->msg_controllen = 0;
		return e;
	}
	assert_non_null(c); /* a plain recv on a kernel-carried direction is a bug of ours */
	n = cut(n < f.n - f.off ? n : f.n - f.off);
	memcpy(m->msg_iov->iov_base, f.plain + f.off, n);
	f.off += n;
	c->cmsg_level = SOL_TLS;
	c->cmsg_type = TLS_GET_RECORD_TYPE;
	c->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(c) = f.type;
	m->msg_flags = f.off == f.n ? MSG_EOR : 0;
	return (ssize_t)n;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int fake_poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
	int e = enter(FAKE_POLL);

	if (e)
		return e;
	if (n == 1 && (p->events & POLLIN) && f.keyed[LEAT_RX] && f.off < f.n) {
		p->revents = POLLIN;
		return 1;
	}
	return sys_real.poll(p, n, timeout_ms);
}

static int fake_shutdown(int fd, int how)
{
	int e = enter(FAKE_SHUTDOWN);

	f.rest_off = f.rest_n = 0; /* as the kernel does: what it holds is lost */
	return e ? e : sys_real.shutdown(fd, how);
}

static int fake_close(int fd)
{
	(void)!enter(FAKE_CLOSE);
	return sys_real.close(fd);
}

static int64_t fake_now_ms(void)
{
	return sys_real.now_ms();
}

const struct leat_sys fakesys = {
	.setsockopt = fake_setsockopt,
	.getsockopt = fake_getsockopt,
	.sendmsg = fake_sendmsg,
	.recvmsg = fake_recvmsg,
	.sendfile = fake_sendfile,
	.poll = fake_poll,
	.shutdown = fake_shutdown,
	.close = fake_close,
	.now_ms = fake_now_ms,
};
