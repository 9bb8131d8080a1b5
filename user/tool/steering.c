/* SPDX-License-Identifier: Apache-2.0
 *
 * steering.c - see steering.h.
 */
#include "tool/steering.h"

#include "tool/tool.h"

static const char *const modes[] = { "off", "cpu", "load", NULL };

bool steering_take_mode(const struct args *args, const char *value, struct steering *s)
{
	unsigned i;

	if (!args_choice(args, "--steer", value, modes, &i))
		return false;
	s->mode = (enum steer_mode)i;
	return true;
}

bool steering_take_rule(const struct args *args, const char *value, struct steering *s)
{
	const char *why = steer_rules_add(&s->rules, value);

	if (why != NULL)
		args_wrong(args, "--lookup %s: %s", value, why);
	return why == NULL;
}

const char *steering_name(const struct steering *s)
{
	return modes[s->mode];
}

const char *steering_text(const struct steering *s)
{
	switch (s->mode) {
	case STEER_CPU: return ", steered by cpu";
	case STEER_LOAD: return ", steered by load";
	default: return "";
	}
}

static void start_steer(const struct args *args, struct steering *s, const int *fds, unsigned num)
{
	char why[STEER_TEXT] = "";
	bool ok;

	s->steer = steer_open(s->mode, s->rules.num > 0 ? STEER_SOCKMAP : STEER_ARRAY, num, why);
	ok = s->steer != NULL;
	for (unsigned i = 0; i < num && ok; i++)
		ok = steer_join(s->steer, i, fds[i], why);
	if (ok && steer_attach(s->steer, fds[0], why))
		return;
	steer_close(s->steer);
	s->steer = NULL;
	s->mode = STEER_OFF;
	(void)tool_fail(
		args, TOOL_OK, "--steer: %s; connections are spread by the kernel's hash", why);
}

static void start_lookup(const struct args *args, struct steering *s, const int *fds, unsigned num)
{
	char why[STEER_TEXT] = "";

	s->lookup = lookup_open(&s->rules, fds, num, why);
	if (s->lookup == NULL)
		(void)tool_fail(
			args, TOOL_OK, "--lookup: %s; only the address of --listen is served", why);
}

void steering_start(const struct args *args, struct steering *s, const int *fds, unsigned num)
{
	if (s->mode != STEER_OFF)
		start_steer(args, s, fds, num);
	if (s->rules.num > 0)
		start_lookup(args, s, fds, num);
}

void steering_clear(struct steering *s)
{
	steer_close(s->steer);
	s->steer = NULL;
	lookup_close(s->lookup);
	s->lookup = NULL;
}
