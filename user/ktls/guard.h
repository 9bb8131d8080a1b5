/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.h - keeps a program that was given a socket with kernel records from reading its keys.
 *
 * getsockopt(SOL_TLS, TLS_TX) tells key, salt and sequence number to whoever holds the descriptor, without
 * any privilege, and no socket option closes that (docs/kernel.md 6). So the program is started behind a
 * seccomp filter that refuses getsockopt at level SOL_TLS with EPERM, for good, itself and everything it
 * starts. Sending, receiving and every other option are untouched.
 *
 * What it does not do: the program may hand its descriptor to a process outside, with whose help it reads
 * the keys; and a privileged one has other ways (a debugger, a module). Called by tool/exec_child.c.
 */
#ifndef LEAT_KTLS_GUARD_H
#define LEAT_KTLS_GUARD_H

#include <linux/filter.h>
#include <stddef.h>

#include <leat/types.h>

/* Puts the filter in front of this thread and sets no_new_privs: set-user-id programs gain nothing any
 * more. 0, or -errno with no filter: -ENOSYS and -EINVAL where the kernel has none, -EOPNOTSUPP where this
 * machine's system calls are not known here. */
LEAT_MUST_CHECK int guard_install(void);

/* The filter: how many instructions were written to out, 0 where it is not known. For tests. */
#define GUARD_MAX 32
size_t guard_program(struct sock_filter out[GUARD_MAX]);

#endif
