/* SPDX-License-Identifier: Apache-2.0
 *
 * exec.h - `leat exec`: a program for each TLS connection, in the manner of inetd. A tour:
 *
 *   cmd_exec.c     command line and config
 *   exec.c         listens, counts, starts one process for each connection, reaps, ends
 *   exec_conn.c    that process, the keeper: handshake, what the kernel takes, the program, the end
 *   exec_pump.c    what the keeper carries itself between the connection and the program
 *   exec_child.c   the program: its descriptors, its environment, the guard in front of the keys
 *
 * Why there is a keeper: somebody must say close_notify after the program's last byte, and somebody must
 * understand what is not data when the program reads. docs/decisions/0033-exec-keeper.md
 */
#ifndef LEAT_TOOL_EXEC_H
#define LEAT_TOOL_EXEC_H

#include <poll.h>
#include <sys/types.h>

#include <leat/leat.h>

#include "tool/listen.h"
#include "tool/privileges.h"

struct exec_opts {
	char host[256];
	uint16_t port;
	char **argv; /* the program, NULL at the end */
	struct leat_config *cfg;
	struct identity user; /* whom server and programs go on as */
	bool input_socket;    /* the program reads from the connection itself */
	bool demand_kernel;
	bool never_kernel;
	bool no_guard;
	unsigned max_conns;
	int handshake_ms, grace_ms, limit_ms; /* limit_ms 0: none */
};

#define EXEC_CHUNK 65536

/* One way of bytes through the keeper: [off, n) of b waits to go on. */
struct exec_buf {
	size_t off, n;
	uint8_t b[EXEC_CHUNK];
};

/* A connection and its program, in the keeper. */
struct keeper {
	const struct exec_opts *o;
	uint64_t number;
	char peer[LISTEN_TEXT];
	struct leat_conn *c;
	pid_t pid; /* of the program; 0: not started */
	int status;
	bool exited;
	int in;       /* our end of its stdin; -1: it has the connection itself, or was cut off */
	int out;      /* our end of its stdout; -1: the same */
	bool reading; /* we read from the connection */
	bool in_gone; /* the program closed its stdin: what comes is dropped */
	bool out_end; /* the program's output is at its end */
	bool shut;    /* our close_notify is out */
	bool dead;    /* nothing can be sent any more */
	bool watched; /* the connection's end was noticed: not polled for it again */
	const char *end; /* how the client's side ended */
	char error[320];
	int64_t start_ms, term_at, kill_at;
	int64_t count_at;         /* when the records that the program sent are counted next */
	struct exec_buf down, up; /* to the program, from the program */
};

/* exec.c. Returns the exit code. */
int exec_run(struct args *args, struct exec_opts *o);
int64_t exec_now_ms(void);

/* exec_conn.c: the life of one connection; takes fd. */
void exec_keep(const struct exec_opts *o, int fd, uint64_t number);

/* exec_pump.c */
void pump_step(struct keeper *k);    /* all that can be done now without waiting */
bool pump_drained(struct keeper *k); /* the program has ended: is all it wrote on its way? */
/* What to wait for: the connection, the program's stdin and stdout. */
void pump_wants(const struct keeper *k, struct pollfd f[3]);
void pump_stop_program(struct keeper *k);

/* exec_child.c: starts the program with these as stdin and stdout, sets k->pid. false: errno says why. */
bool child_start(struct keeper *k, int in, int out);
/* Can a program be kept from the keys here? 0 or an errno value; tried in a process of its own. */
int child_guard_works(void);
/* Exit codes of the child when it is no program yet. */
enum { CHILD_NO_GUARD = 125, CHILD_CANNOT_RUN = 126, CHILD_NOT_FOUND = 127 };

#endif
