/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - a verify_fun for C tests: writes down what it is told, answers as it was told to, and counts the
 * states that were made and ended.
 */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include <leat/verify.h>
#include <stdatomic.h>

struct watch {
	/* "2:valid 1:bad(cert_expired) 1:ext(critical) 1:valid 0:valid_peer": depth and event; all
	 * validations one after the other */
	char log[4096];
	unsigned calls;
	bool accept; /* what is wrong, too; extensions are unknown either way */
	/* Another answer to the event of this number (-1: to none), the first `times` times it is asked. */
	int at;
	unsigned times;
	enum leat_verdict answer;
	enum leat_bad_cert reason; /* with LEAT_VERDICT_FAIL, where it is not LEAT_BAD_COUNT */
	/* Called first, in the callback. */
	void (*hook)(void *arg, const struct leat_cert_event *ev);
	void *hook_arg;
	bool no_state; /* clone has no memory */
	atomic_uint made, ended;
	unsigned seen; /* calls of the last validation that ended, as its own state counted them */
};

#define WATCH ((struct watch){ .at = -1, .times = ~0u, .reason = LEAT_BAD_COUNT })

/* w is borrowed. */
struct leat_verify_fun watch_fun(struct watch *w);
/* What the log says is exactly this; it is empty afterwards. */
void watch_expect(struct watch *w, const char *log);

#endif
