/* SPDX-License-Identifier: Apache-2.0
 *
 * app.h - the one table of settings of the process, for those in sock/ who go by them, docs/options.md and the tests.
 * A row is here when the setting works, not before.
 */
#ifndef LEAT_SOCK_APP_H
#define LEAT_SOCK_APP_H

#include <leat/app.h>

enum app_setting {
	APP_PROTOCOL_VERSION,
	APP_SESSION_LIFETIME,
	APP_SESSION_CACHE_CLIENT_MAX,
	APP_SESSION_CACHE_SERVER_MAX,
	APP_SESSION_DELAY_CLEANUP,
	APP_PEM_CACHE_CLEAN,
	APP_BYPASS_PEM_CACHE,
	APP_ALERT_TIMEOUT,
	APP_LOG,
	APP_LOG_LEVEL,
	APP_SETTING_COUNT
};

struct setting_word {
	const char *word;
	uint64_t value;
};

struct setting {
	const char *name; /* as in the manual of ssl(6) where it has one */
	const char *variable;
	const char *range;   /* what may be written, for people */
	const char *initial; /* value before anybody sets one */
	uint64_t min, max;
	const char *help;
	const struct setting_word
		*words; /* of those that are words; the first one without a word ends them */
	/* NULL: *out is the value; else what is wrong with it. */
	const char *(*parse)(const struct setting *s, const char *value, uint64_t *out);
	void (*show)(const struct setting *s, uint64_t v, char *buf, size_t n);
};

/* NULL past the end. */
const struct setting *app_setting_at(size_t i);
/* The present value: of numbers and times the number, of true and false 1 and 0. */
uint64_t app_number(enum app_setting s);

#endif
