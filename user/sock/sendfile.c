/* SPDX-License-Identifier: Apache-2.0
 *
 * sendfile.c - a piece of a file out: by sendfile(2) into kernel records, else read, sealed and sent.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sock/conn.h"

/* Of a file that is sealed here: as many full records as one send takes. */
#define READ_AT_ONCE (4 * LIM_PLAINTEXT)

/* At most what the file holds from off on: sendfile(2) that meets the end early may leave an open
 * record behind on kernels before 6.5. */
static size_t clamp(int in_fd, off_t off, size_t n)
{
	struct stat st;

	if (fstat(in_fd, &st) != 0 || !S_ISREG(st.st_mode))
		return n;
	if (off >= st.st_size)
		return 0;
	return (uint64_t)(st.st_size - off) < n ? (size_t)(st.st_size - off) : n;
}

static enum leat_ret step_kernel(struct leat_conn *c, int in_fd, off_t *off, size_t n, size_t *took)
{
	enum leat_ret r = conn_flush_some(c);
	ssize_t s;

	*took = 0;
	if (r == LEAT_OK)
		r = conn_room_tx(c, &n);
	if (r != LEAT_OK)
		return r;
	do
		s = c->sys->sendfile(c->fd, in_fd, off, n);
	while (s == -EINTR);
	if (s == -EAGAIN)
		return LEAT_AGAIN;
	if (s < 0)
		return conn_sys(c, LEAT_TX, (int)-s, "sendfile: failed");
	*took = (size_t)s;
	if (s > 0)
		handover_count_tx(&c->ho, (size_t)s, (size_t)s < n);
	return LEAT_OK;
}

/* The kernel's path. *done < n with LEAT_OK: the file ended (it was cut meanwhile). */
static enum leat_ret by_kernel(
	struct leat_conn *c, int in_fd, off_t *off, size_t n, int64_t deadline, size_t *done)
{
	while (*done < n) {
		size_t took;
		enum leat_ret r = step_kernel(c, in_fd, off, n - *done, &took);

		*done += took;
		if (r == LEAT_AGAIN)
			r = conn_wait(c, LEAT_TX, POLLOUT, deadline);
		else if (r == LEAT_OK && took == 0)
			break;
		if (r != LEAT_OK)
			return r;
	}
	return LEAT_OK;
}

/* The engine's path, through room bytes at buf. */
static enum leat_ret by_reading(struct leat_conn *c, int in_fd, off_t *off, size_t n,
	int64_t deadline, size_t *done, uint8_t *buf, size_t room)
{
	while (*done < n) {
		size_t want = n - *done < room ? n - *done : room, took;
		ssize_t got = pread(in_fd, buf, want, *off);
		enum leat_ret r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return conn_sys(c, LEAT_TX, errno, "sendfile: the file cannot be read");
		if (got == 0)
			break;
		r = conn_send(c, buf, (size_t)got, deadline, &took);
		*done += took;
		*off += (off_t)took;
		if (r != LEAT_OK)
			return r;
	}
	return LEAT_OK;
}

/* Asks for kernel TX; LEAT_FAILED only when the policy demands it. */
static enum leat_ret want_kernel(struct leat_conn *c, size_t n, int64_t deadline)
{
	enum leat_ret r = conn_flush(c, deadline);
	struct leat_err err = { 0 };

	if (r != LEAT_OK)
		return r;
	if (handover_try(&c->ho, c->e, LEAT_TX, HANDOVER_FILE, n, &err) == LEAT_FAILED)
		return conn_fail_closing(c, LEAT_TX, &err);
	return LEAT_OK;
}

enum leat_ret leat_sendfile(
	struct leat_conn *c, int in_fd, off_t *offset, size_t n, int timeout_ms, size_t *sent)
{
	int64_t deadline = conn_deadline(c, timeout_ms);
	enum leat_ret r;
	size_t room;
	uint8_t *buf;

	*sent = 0;
	if (conn_check(c, LEAT_TX) != LEAT_OK)
		return LEAT_FAILED;
	n = clamp(in_fd, *offset, n);
	r = want_kernel(c, n, deadline);
	if (r != LEAT_OK || n == 0)
		return r;
	if (handover_is_kernel(&c->ho, LEAT_TX))
		return by_kernel(c, in_fd, offset, n, deadline, sent);
	room = n < READ_AT_ONCE ? n : READ_AT_ONCE;
	buf = leat_malloc(room);
	if (!buf)
		return conn_refuse(c, LEAT_TX, NULL);
	r = by_reading(c, in_fd, offset, n, deadline, sent, buf, room);
	leat_free_wipe(buf, room);
	return r;
}
