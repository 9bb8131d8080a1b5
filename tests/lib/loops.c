/* SPDX-License-Identifier: Apache-2.0
 *
 * loops.c - see loops.h.
 */
#include "loops.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

enum loop_backend loops_on_uring = LOOP_URING, loops_on_poll = LOOP_POLL;

struct loop *loops_open(void **state)
{
	enum loop_backend want = *(enum loop_backend *)*state;
	int err;
	struct loop *l = loop_new(want, &err);

	if (l == NULL && want == LOOP_URING) {
		print_message("io_uring is not available here: %s\n", strerror(-err));
		skip();
	}
	assert_non_null(l);
	assert_string_equal(loop_name(l), want == LOOP_URING ? "io_uring" : "poll");
	assert_string_equal(loop_why(l), "");
	return l;
}

void loops_note(struct loop *l, struct loop_op *op, int res, unsigned flags)
{
	struct loops_seen *s = op->arg;

	(void)l;
	assert_int_equal(loop_op_busy(op), (flags & LOOP_MORE) != 0);
	if (flags & LOOP_MORE) {
		assert_true(s->more < 64);
		s->fds[s->more++] = res;
		return;
	}
	s->calls++;
	s->last = res;
}

struct loop_op loops_op(struct loops_seen *s)
{
	return (struct loop_op){ .done = loops_note, .arg = s };
}

void loops_until(struct loop *l, const int *flag, int want)
{
	for (int i = 0; *flag < want; i++) {
		int rc = loop_run_once(l, 200);

		assert_true(rc >= 0);
		if (rc == 0)
			assert_true(i < 100);
	}
}

void loops_quiet(struct loop *l, int rounds)
{
	while (rounds-- > 0)
		assert_true(loop_run_once(l, 10) >= 0);
}

void loops_pair(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
}

int loops_listener(struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(*addr);

	*addr = (struct sockaddr_in){ .sin_family = AF_INET };
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)addr, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)addr, &n), 0);
	return fd;
}

int loops_dial(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)), 0);
	return fd;
}

void loops_fill(uint8_t *p, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((at + i) * 2654435761u >> 13);
}
