/* SPDX-License-Identifier: Apache-2.0
 *
 * duo.h - two engines joined in memory: what one sends the other gets, whole or cut as the test says,
 * and the test may look at, change or drop bytes on the way. No socket, no clock: the same every time.
 */
#ifndef LEAT_TESTS_DUO_H
#define LEAT_TESTS_DUO_H

#include "vec.h"

#include <leat/engine.h>

#include "base/wr.h"

/* By enum leat_role: side[LEAT_CLIENT], side[LEAT_SERVER]. */
struct duo_side {
	struct leat_engine *e;
	struct leat_wr wire;  /* sent by this side, not yet given to the other */
	struct leat_wr got;   /* plaintext this side received */
	struct leat_wr early; /* early data this side received */
};

struct duo {
	struct duo_side side[2];
	struct leat_err err; /* of engine creation */
	size_t chunk;        /* bytes per feed; 0: as many as the engine takes */
};

/* The environment of tests: the clock says PKI_NOW + duo_later_s, the dice are repeatable. */
extern const struct leat_env duo_env;
extern int64_t duo_later_s;

/* Configs are borrowed. Fails the test when an engine cannot be made. */
void duo_open(
	struct duo *d, struct leat_config *client, struct leat_config *server, const char *host);
/* The same, and what more the client is told; host comes from there. */
void duo_open_with(struct duo *d, struct leat_config *client, struct leat_config *server,
	const struct leat_engine_opts *opts);
void duo_close(struct duo *d);

/* Runs jobs and moves what the engine wants sent onto its wire. */
void duo_pull(struct duo_side *s);
/* Gives n bytes to a side, in pieces of chunk, taking plaintext as it comes. Returns what the engine
 * said last; stops early when it is dead. */
enum leat_ret duo_feed(struct duo *d, enum leat_role to, const void *p, size_t n);
/* Empties the wire of one side into the other. */
enum leat_ret duo_pass(struct duo *d, enum leat_role from);
/* Passes both ways until nothing moves. True: both are up. */
bool duo_run(struct duo *d);
/* Writes all of it from one side and passes it on, wires emptied as needed. */
void duo_say(struct duo *d, enum leat_role from, const void *p, size_t n);

#endif
