/* SPDX-License-Identifier: Apache-2.0
 *
 * steer.h - which worker of a server gets a new connection, decided by BPF programs (kernel-helpers/) instead of
 * the kernel's hash. Always optional: whatever is missing (the build's tools, a capability, the kernel) is said in
 * one line, and the server goes on as if nothing had been asked for.
 *
 *   steer_open    loads the program; needs CAP_BPF, so before rights are given up
 *   steer_join    each worker's listener, once it listens
 *   steer_attach  the program to the address they share, by one of them
 *   steer_close   lets go of it. What is attached stays with the listeners: they may be another process's by now
 *
 * The program stays in force for all listeners of the address, those of other processes too. So a server
 * that is started beside an old one takes all new connections at once, and when the old one closes its
 * listeners, what waited there moves over (no tcp_migrate_req is needed for that).
 *
 * Counters are atomics in memory shared with the program: any thread may call what is below "while it runs", no
 * system call is made. A NULL steer is fine there and in
 * steer_close, steer_pin.
 */
#ifndef LEAT_STEER_H
#define LEAT_STEER_H

#include <stdbool.h>
#include <stdint.h>

#define STEER_TEXT 512 /* room for a reason */

enum steer_mode {
	STEER_OFF,
	STEER_CPU,  /* the worker whose CPU the connection arrived on */
	STEER_LOAD, /* the worker with the fewest connections */
};

struct steer;

enum steer_map {
	STEER_ARRAY, /* of listeners alone: takes CAP_BPF */
	STEER_SOCKMAP, /* for listeners that lookup.h has too, for the kernel does not let them into both kinds; takes
			* CAP_NET_ADMIN as well */
};

/* NULL after writing why not, one line. num: workers, at most STEER_MAX_WORKERS. */
struct steer *steer_open(
	enum steer_mode mode, enum steer_map map, unsigned num, char why[STEER_TEXT]);
/* Worker i listens at fd, which is SO_REUSEPORT and listens. false: the reason is in why. */
bool steer_join(struct steer *s, unsigned i, int fd, char why[STEER_TEXT]);
bool steer_attach(struct steer *s, int fd, char why[STEER_TEXT]);
void steer_close(struct steer *s);
/* The calling thread is worker i: by CPU, it stays on the CPUs whose connections it gets. false: errno. */
bool steer_pin(const struct steer *s, unsigned i);
/* Can it be had here? false: why not. Loads the programs and drops them. */
bool steer_probe(char why[STEER_TEXT]);

/* ---- while it runs --------------------------------------------------------------------------- */

/* Worker i accepted one of those it was given. */
void steer_accepted(struct steer *s, unsigned i);
/* It has so many connections now. */
void steer_publish(struct steer *s, unsigned i, unsigned conns);
/* It gets no more, unless nobody else is left. */
void steer_drain(struct steer *s, unsigned i);
/* Once a second: choices that never became connections (SYNs without an end) are forgotten by halves. */
void steer_age(struct steer *s);

struct steer_counts {
	uint64_t picked, migrated; /* by the program, for this worker */
	unsigned conns, pending;
	bool draining;
};
struct steer_counts steer_count(const struct steer *s, unsigned i);
/* Connections for which no worker of ours could be had. */
uint64_t steer_passed(const struct steer *s);

#endif
