/* SPDX-License-Identifier: Apache-2.0
 *
 * sys.h - the system calls that ktls/ and sock/ make on a connection, behind a table, so that a test
 * can make any of them fail, come up short or be interrupted (tests/lib/fakesys.h).
 *
 * Every entry returns what the call returned, or -errno: errno itself is never looked at above this.
 */
#ifndef LEAT_KTLS_SYS_H
#define LEAT_KTLS_SYS_H

#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct leat_sys {
	int (*setsockopt)(int fd, int level, int name, const void *v, socklen_t n);
	int (*getsockopt)(int fd, int level, int name, void *v, socklen_t *n);
	ssize_t (*sendmsg)(int fd, const struct msghdr *m, int flags);
	ssize_t (*recvmsg)(int fd, struct msghdr *m, int flags);
	/* Never raises SIGPIPE, which sendfile(2) has no flag against. */
	ssize_t (*sendfile)(int out, int in, off_t *off, size_t n);
	int (*poll)(struct pollfd *p, nfds_t n, int timeout_ms);
	int (*shutdown)(int fd, int how);
	int (*close)(int fd);
	int64_t (*now_ms)(void); /* monotonic */
};

extern const struct leat_sys sys_real;

#endif
