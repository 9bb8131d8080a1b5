/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.h - seccomp filters that the commands put in front of themselves. What a filter refuses fails with EPERM;
 * system calls of another architecture than the program's end the process.
 */
#ifndef LEAT_TOOL_SANDBOX_H
#define LEAT_TOOL_SANDBOX_H

#include <stdbool.h>

/* For a process that only talks over the socket it has and reads files: a list of what it may. The calling
 * thread, and what it starts. false: not to be had here (errno). */
bool sandbox_signer(void);
/* For a server after its start: a list of what it will never do (programs, other processes, other kinds of
 * sockets, the kernel's administration). What io_uring does passes by every filter. */
bool sandbox_server(void);

#endif
