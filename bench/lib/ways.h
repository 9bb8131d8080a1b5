/* SPDX-License-Identifier: Apache-2.0
 *
 * ways.h - the ways in which a program can move bytes through one TLS connection over loopback, with records
 * in user space or in the kernel. One end is measured and belongs to the calling thread; the other end is a
 * thread of its own that takes without looking, or sends what it is told to.
 *
 * Not here: what is moved when, and what it cost (b_records.c).
 */
#ifndef LEAT_BENCH_WAYS_H
#define LEAT_BENCH_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/types.h>

#define WAYS_MAX_BYTES ((size_t)16 << 20) /* of one transfer */

enum where {
	WHERE_USER,
	WHERE_KERNEL,
	WHERE_AUTO,    /* as measured here: $LEAT_CALIBRATION */
	WHERE_DEFAULT, /* policy auto with its documented borders */
	WHERE_COUNT
};
extern const char *const where_names[WHERE_COUNT];

struct link;

struct way {
	const char *name;
	enum leat_dir dir;
	bool engine;                            /* drives leat's engine itself, not a connection */
	unsigned where;                         /* bit (1 << enum where): possible there */
	bool (*move)(struct link *l, size_t n); /* all n bytes; false: failed, said on stderr */
};
extern const struct way ways[];
extern const size_t num_ways;

/* Makes what connections share; false: said on stderr. */
bool ways_setup(void);
void ways_teardown(void);

/* A connection that has shaken hands under the suite (RFC 8446 B.4 name), nothing moved yet; NULL: failed, said
 * on stderr. */
struct link *link_open(const struct way *w, enum where where, const char *suite);
void link_close(struct link *l);
/* Moves the direction of its way to the kernel where it is WHERE_KERNEL; nothing to do elsewhere. LEAT_UNSUPPORTED:
 * not on this machine. */
enum leat_ret link_settle(struct link *l);
/* The direction is the kernel's now. */
bool link_in_kernel(const struct link *l);
/* n bytes `times` times, by the link's way. Before and after, which is nobody's cost, the other end sends what is to be
 * received, or takes what was sent: it never works meanwhile, so that all that TCP does for the transfer is done by
 * who makes it (up to QUEUE_MAX bytes: longer ones fill the window). */
#define QUEUE_MAX ((size_t)4 << 20)
bool link_before(struct link *l, size_t n, unsigned times);
bool link_move(struct link *l, size_t n, unsigned times);
bool link_after(struct link *l, size_t n, unsigned times);

#endif
