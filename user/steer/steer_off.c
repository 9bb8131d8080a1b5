/* SPDX-License-Identifier: Apache-2.0
 *
 * steer_off.c - all of steer/ in a build without BPF (make BPF=no, or no clang, bpftool or libbpf to build with):
 * the build takes this file instead of the others.
 */
#include <stdio.h>

#include "steer/admit.h"
#include "steer/leg.h"
#include "steer/lookup.h"

static void say(char why[STEER_TEXT])
{
	snprintf(why, STEER_TEXT,
		"built without BPF (clang, bpftool and libbpf-dev are needed to build it)");
}

bool admit(int map, enum admit_kind kind, uint32_t slot, int fd, char why[STEER_TEXT])
{
	(void)map;
	(void)kind;
	(void)slot;
	(void)fd;
	say(why);
	return false;
}

struct leg *leg_open(char why[STEER_TEXT])
{
	say(why);
	return NULL;
}

void leg_close(struct leg *l)
{
	(void)l;
}

bool leg_want(struct leg *l, int fd, char why[STEER_TEXT])
{
	(void)l;
	(void)fd;
	say(why);
	return false;
}

struct leg_counts leg_count(const struct leg *l)
{
	(void)l;
	return (struct leg_counts){ 0 };
}

struct lookup *lookup_open(
	const struct steer_rules *rules, const int *fds, unsigned num_fds, char why[STEER_TEXT])
{
	(void)rules;
	(void)fds;
	(void)num_fds;
	say(why);
	return NULL;
}

void lookup_close(struct lookup *l)
{
	(void)l;
}

uint64_t lookup_hits(const struct lookup *l, unsigned i)
{
	(void)l;
	(void)i;
	return 0;
}

struct steer *steer_open(
	enum steer_mode mode, enum steer_map map, unsigned num, char why[STEER_TEXT])
{
	(void)map;
	(void)mode;
	(void)num;
	say(why);
	return NULL;
}

bool steer_join(struct steer *s, unsigned i, int fd, char why[STEER_TEXT])
{
	(void)s;
	(void)i;
	(void)fd;
	say(why);
	return false;
}

bool steer_attach(struct steer *s, int fd, char why[STEER_TEXT])
{
	(void)s;
	(void)fd;
	say(why);
	return false;
}

void steer_close(struct steer *s)
{
	(void)s;
}

bool steer_pin(const struct steer *s, unsigned i)
{
	(void)s;
	(void)i;
	return true;
}

bool steer_probe(char why[STEER_TEXT])
{
	say(why);
	return false;
}

void steer_accepted(struct steer *s, unsigned i)
{
	(void)s;
	(void)i;
}

void steer_publish(struct steer *s, unsigned i, unsigned conns)
{
	(void)s;
	(void)i;
	(void)conns;
}

void steer_drain(struct steer *s, unsigned i)
{
	(void)s;
	(void)i;
}

void steer_age(struct steer *s)
{
	(void)s;
}

struct steer_counts steer_count(const struct steer *s, unsigned i)
{
	(void)s;
	(void)i;
	return (struct steer_counts){ 0 };
}

uint64_t steer_passed(const struct steer *s)
{
	(void)s;
	return 0;
}
