/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp.h - real TCP sockets in tests: a connected pair over the loopback, whole reads and writes, and
 * whether this kernel can do TLS on them.
 */
#ifndef LEAT_TESTS_TCP_H
#define LEAT_TESTS_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two connected blocking sockets; both close by themselves at the other's end of life. Fails the test
 * when it cannot. Reads give up after ten seconds, so that a lost byte is a failure, not a hang. */
void tcp_pair(int fd[2]);
/* The same, with fd[0] being of another family: "::1". */
void tcp_pair6(int fd[2]);
/* A listening socket on 127.0.0.1; *port is the one the kernel chose. */
int tcp_listen(uint16_t *port);
void tcp_nonblock(int fd);

/* false at end of stream, reset or after ten seconds. */
bool tcp_read_all(int fd, void *buf, size_t n);
bool tcp_write_all(int fd, const void *buf, size_t n);
/* Reads up to the end of the stream into buf; returns how many bytes, at most n. */
size_t tcp_read_to_end(int fd, void *buf, size_t n);

/* Does this kernel take the TLS ULP? */
bool tcp_has_ktls(void);
/* Call first in main(): ends the program with the skip status where the kernel has no TLS. */
void tcp_need_ktls(void);

#endif
