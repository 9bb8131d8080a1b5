/* SPDX-License-Identifier: Apache-2.0
 *
 * steering.h - --steer and --lookup of the server commands: from the command line to the start. What cannot be had
 * is said in one line and left out; the server goes on. How it works: steer/steer.h, steer/lookup.h.
 */
#ifndef LEAT_TOOL_STEERING_H
#define LEAT_TOOL_STEERING_H

#include "steer/lookup.h"
#include "steer/steer.h"
#include "tool/args.h"

struct steering {
	enum steer_mode mode; /* after the start: what is in force */
	struct steer_rules rules;
	/* below: since the start */
	struct steer *steer; /* NULL: the kernel's hash spreads connections */
	struct lookup *lookup;
};

/* The value of --steer and of one --lookup; false after saying what is wrong. */
bool steering_take_mode(const struct args *args, const char *value, struct steering *s);
bool steering_take_rule(const struct args *args, const char *value, struct steering *s);
/* fds: the listeners, worker by worker, all of one address. Before rights are given up and threads start. */
void steering_start(const struct args *args, struct steering *s, const int *fds, unsigned num);
void steering_clear(struct steering *s);
/* ", steered by load", or "". */
const char *steering_text(const struct steering *s);
/* "off", "cpu", "load". */
const char *steering_name(const struct steering *s);

#endif
