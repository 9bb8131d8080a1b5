/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - see watch.h.
 */
#include "watch.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The state of one validation. */
struct seen {
	struct watch *w;
	unsigned calls;
};

static void *make_state(const void *initial)
{
	struct watch *w = (struct watch *)(uintptr_t)initial;
	struct seen *s = w->no_state ? NULL : calloc(1, sizeof(*s));

	if (s) {
		s->w = w;
		w->made++;
	}
	return s;
}

static void end_state(void *state)
{
	struct seen *s = state;

	s->w->seen = s->calls;
	s->w->ended++;
	free(s);
}

static void write_down(struct watch *w, const struct leat_cert_event *ev)
{
	size_t n = strlen(w->log);
	char *at = w->log + n;
	size_t room = sizeof(w->log) - n;
	const char *gap = n ? " " : "";

	switch (ev->kind) {
	case LEAT_CERT_BAD:
		snprintf(at, room, "%s%u:bad(%s)", gap, ev->depth, leat_bad_cert_name(ev->reason));
		break;
	case LEAT_CERT_EXTENSION:
		snprintf(at, room, "%s%u:ext%s", gap, ev->depth, ev->critical ? "(critical)" : "");
		break;
	case LEAT_CERT_VALID: snprintf(at, room, "%s%u:valid", gap, ev->depth); break;
	case LEAT_CERT_VALID_PEER: snprintf(at, room, "%s%u:valid_peer", gap, ev->depth); break;
	}
}

static enum leat_verdict on_event(
	void *state, const struct leat_cert_event *ev, enum leat_bad_cert *reason)
{
	struct seen *s = state;
	struct watch *w = s->w;

	w->calls++;
	s->calls++;
	write_down(w, ev);
	assert_int_equal(*reason, ev->kind == LEAT_CERT_BAD ? ev->reason : LEAT_BAD_APPLICATION);
	assert_true(ev->der.n > 0);
	if (w->hook)
		w->hook(w->hook_arg, ev);
	if (w->at == (int)ev->number && w->times) {
		w->times--;
		if (w->reason != LEAT_BAD_COUNT)
			*reason = w->reason;
		return w->answer;
	}
	if (ev->kind == LEAT_CERT_BAD)
		return w->accept ? LEAT_VERDICT_VALID : LEAT_VERDICT_FAIL;
	return ev->kind == LEAT_CERT_EXTENSION ? LEAT_VERDICT_UNKNOWN : LEAT_VERDICT_VALID;
}

struct leat_verify_fun watch_fun(struct watch *w)
{
	return (struct leat_verify_fun){
		.fn = on_event, .state = w, .clone = make_state, .free = end_state
	};
}

void watch_expect(struct watch *w, const char *log)
{
	assert_string_equal(w->log, log);
	w->log[0] = '\0';
}
