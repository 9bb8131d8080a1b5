/* SPDX-License-Identifier: Apache-2.0
 *
 * app.c - settings of the process, as text: the one table, and who has set what. Those who go by a setting read it
 * when they need it (app_number); what configs begin with is handed down to config/policy.
 */
#include "sock/app.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "config/policy.h"
#include "sock/log.h"

#define DAY_MS UINT64_C(86400000)

/* ---- kinds of values --------------------------------------------------------------------------- */

/* Digits only: strtoull would let signs and spaces through. */
static const char *parse_number(const struct setting *s, const char *value, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; value[i] >= '0' && value[i] <= '9' && i < 15; i++)
		v = v * 10 + (uint64_t)(value[i] - '0');
	if (i == 0 || value[i])
		return "not a number";
	if (v < s->min || v > s->max)
		return "outside its range";
	*out = v;
	return NULL;
}

static void show_number(const struct setting *s, uint64_t v, char *buf, size_t n)
{
	(void)s;
	snprintf(buf, n, "%" PRIu64, v);
}

static const char *parse_bool(const struct setting *s, const char *value, uint64_t *out)
{
	(void)s;
	*out = strcmp(value, "true") == 0;
	return *out || strcmp(value, "false") == 0 ? NULL : "neither true nor false";
}

static void show_bool(const struct setting *s, uint64_t v, char *buf, size_t n)
{
	(void)s;
	snprintf(buf, n, "%s", v ? "true" : "false");
}

static const char *parse_word(const struct setting *s, const char *value, uint64_t *out)
{
	for (const struct setting_word *w = s->words; w->word; w++)
		if (strcmp(w->word, value) == 0) {
			*out = w->value;
			return NULL;
		}
	return "none of its words";
}

static void show_word(const struct setting *s, uint64_t v, char *buf, size_t n)
{
	const struct setting_word *w = s->words;

	while (w->word && w->value != v)
		w++;
	snprintf(buf, n, "%s", w->word ? w->word : "");
}

static const struct setting_word log_words[] = { { "none", LOG_NONE }, { "stderr", LOG_STDERR },
	{ "system", LOG_SYSTEM }, { NULL, 0 } };
static const struct setting_word level_words[] = { { "error", LEAT_LOG_ERROR },
	{ "warning", LEAT_LOG_WARNING }, { "notice", LEAT_LOG_NOTICE }, { NULL, 0 } };

/* What stands between names: also that of a list in Erlang's notation, ['tlsv1.2', 'tlsv1.1']. */
#define BETWEEN ",: []'"

static bool is_version(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(word, name, n) == 0;
}

/* Versions that may be named, though leat has them not: what is left counts. */
static bool is_known_version(const char *word, size_t n)
{
	static const char *const known[] = { "sslv2", "sslv3", "tlsv1", "tlsv1.1" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_version(word, n, known[i]))
			return true;
	return false;
}

/* The lowest in the upper half, the highest in the lower one; 0: those of the preset. */
static const char *parse_versions(const struct setting *s, const char *value, uint64_t *out)
{
	unsigned min = UINT16_MAX, max = 0;
	bool any = false;
	size_t n;

	(void)s;
	for (const char *p = value + strspn(value, BETWEEN); *p; p += n, p += strspn(p, BETWEEN)) {
		unsigned v = LEAT_TLS12;

		n = strcspn(p, BETWEEN);
		any = true;
		while (v <= LEAT_TLS13 && !is_version(p, n, leat_version_name(v)))
			v++;
		if (v > LEAT_TLS13 && !is_known_version(p, n))
			return "names something that is not a protocol version";
		if (v > LEAT_TLS13)
			continue;
		min = v < min ? v : min;
		max = v > max ? v : max;
	}
	if (any && max == 0)
		return "no version is left that leat has";
	*out = any ? (uint64_t)min << 16 | max : 0;
	return NULL;
}

static void show_versions(const struct setting *s, uint64_t v, char *buf, size_t n)
{
	unsigned min = (unsigned)(v >> 16), max = (unsigned)(v & UINT16_MAX);

	(void)s;
	snprintf(buf, n, "%s%s%s", max ? leat_version_name(max) : "", min < max ? "," : "",
		min < max ? leat_version_name(min) : "");
}

/* ---- the table --------------------------------------------------------------------------------- */

#define NUMBER   .parse = parse_number, .show = show_number
#define BOOL     .parse = parse_bool, .show = show_bool
#define WORD(w)  .words = (w), .parse = parse_word, .show = show_word
#define VERSIONS .parse = parse_versions, .show = show_versions

static const struct setting settings[] = {
	[APP_PROTOCOL_VERSION] = { "protocol_version", "LEAT_PROTOCOL_VERSION", "tlsv1.3, tlsv1.2",
		"", 0, 0,
		"Protocol versions of configs that do not set the option versions. Names of versions that leat "
		"does not have are passed over; an empty list is the preset's.",
		VERSIONS },
	[APP_SESSION_LIFETIME] = { "session_lifetime", "LEAT_SESSION_LIFETIME",
		"seconds, 1 to 604800", "86400", 1, 604800,
		"How long sessions can be resumed, where the option session_lifetime says nothing else.",
		NUMBER },
	[APP_SESSION_CACHE_CLIENT_MAX] = { "session_cache_client_max",
		"LEAT_SESSION_CACHE_CLIENT_MAX", "sessions, 1 to 16777216", "1000", 1, LIM_STORE,
		"How many sessions a client's session cache keeps, where its opts say nothing else. At the limit all "
		"of them are invalidated.",
		NUMBER },
	[APP_SESSION_CACHE_SERVER_MAX] = { "session_cache_server_max",
		"LEAT_SESSION_CACHE_SERVER_MAX", "sessions, 1 to 16777216", "1000", 1, LIM_STORE,
		"The same for a server's session cache.", NUMBER },
	[APP_SESSION_DELAY_CLEANUP] = { "session_delay_cleanup_time",
		"LEAT_SESSION_DELAY_CLEANUP_TIME", "milliseconds, 0 to 86400000", "60000", 0,
		DAY_MS,
		"Time between the end of a session in a session cache and its deletion, where the cache's opts say "
		"nothing else: handshakes under way may still look it up.",
		NUMBER },
	[APP_PEM_CACHE_CLEAN] = { "ssl_pem_cache_clean", "LEAT_SSL_PEM_CACHE_CLEAN",
		"milliseconds, 0 to 86400000", "120000", 0, DAY_MS,
		"Time between two looks at the files whose contents are kept: those that have changed or gone "
		"are forgotten. 0: a look at every use.",
		NUMBER },
	[APP_BYPASS_PEM_CACHE] = { "bypass_pem_cache", "LEAT_BYPASS_PEM_CACHE", "true, false",
		"false", 0, 0, "Read files each time they are named, and keep nothing.", BOOL },
	[APP_ALERT_TIMEOUT] = { "alert_timeout", "LEAT_ALERT_TIMEOUT",
		"milliseconds, 0 to 86400000", "5000", 0, DAY_MS,
		"How long, at most, after a fatal alert the peer gets to read it before the transport is closed; it ends "
		"when the peer closes. A call with a time limit does not take longer for it.",
		NUMBER },
	[APP_LOG] = { "log", "LEAT_LOG", "none, stderr, system", "system", 0, 0,
		"Where alerts of connections, unexpected errors and warnings go, unless the program has a log of its "
		"own (leat_log(3)). system: journald where it runs, else syslog. Commands have none as default: they "
		"report themselves.",
		WORD(log_words) },
	[APP_LOG_LEVEL] = { "log_level", "LEAT_LOG_LEVEL", "error, warning, notice", "notice", 0, 0,
		"What goes there: errors that should not happen; also configurations that weaken security; also alerts.",
		WORD(level_words) },
};

/* Who has set a setting. */
enum origin { BY_NOBODY, BY_VARIABLE, BY_CALL };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* around changes */
static enum origin origin[APP_SETTING_COUNT];
static _Atomic uint64_t current[APP_SETTING_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

const struct setting *app_setting_at(size_t i)
{
	return i < APP_SETTING_COUNT ? &settings[i] : NULL;
}

static uint64_t initial_of(size_t i)
{
	uint64_t v = 0;

	(void)settings[i].parse(&settings[i], settings[i].initial, &v);
	return v;
}

static void set_initial(void)
{
	for (size_t i = 0; i < APP_SETTING_COUNT; i++)
		atomic_store(&current[i], initial_of(i));
}

uint64_t app_number(enum app_setting s)
{
	pthread_once(&once, set_initial);
	return atomic_load_explicit(&current[s], memory_order_relaxed);
}

/* What configs begin with; nobody's word: the preset's. */
static void hand_down(void)
{
	uint64_t versions = app_number(APP_PROTOCOL_VERSION);
	bool life = origin[APP_SESSION_LIFETIME] != BY_NOBODY;

	policy_set_defaults(&(struct policy_defaults){
		.min_version = (uint16_t)(versions >> 16),
		.max_version = (uint16_t)versions,
		.session_life_s = life ? (uint32_t)app_number(APP_SESSION_LIFETIME) : 0,
	});
}

static void put(size_t i, uint64_t v, enum origin by)
{
	atomic_store(&current[i], v);
	origin[i] = by;
}

/* The number of the setting, or APP_SETTING_COUNT with err. */
static size_t find(const char *name, const char *value, struct leat_err *err)
{
	size_t i = 0;

	while (i < APP_SETTING_COUNT && (!name || strcmp(settings[i].name, name) != 0))
		i++;
	if (i == APP_SETTING_COUNT) {
		/* The name is the caller's and may not live as long as err: it goes to the detail. */
		(void)err_option(err, "(unknown)", NULL, "there is no setting of this name");
		err_detailf(err, "%s%s%s", name ? name : "", value ? "=" : "", value ? value : "");
	}
	return i;
}

static enum leat_ret refuse(const struct setting *s, const char *option, const char *value,
	const char *why, struct leat_err *err)
{
	(void)err_option(err, option, NULL, why);
	err_detailf(err, "%.60s (allowed: %s)", value, s->range);
	return LEAT_FAILED;
}

enum leat_ret leat_app_set(const char *name, const char *value, struct leat_err *err)
{
	size_t i = find(name, value, err);
	const char *wrong = NULL;
	uint64_t v;

	if (i == APP_SETTING_COUNT)
		return LEAT_FAILED;
	if (!value)
		return err_option(err, settings[i].name, NULL, "needs a value");
	v = initial_of(i);
	if (*value)
		wrong = settings[i].parse(&settings[i], value, &v);
	if (wrong)
		return refuse(&settings[i], settings[i].name, value, wrong, err);
	pthread_once(&once, set_initial);
	pthread_mutex_lock(&lock);
	put(i, v, *value ? BY_CALL : BY_NOBODY);
	hand_down();
	pthread_mutex_unlock(&lock);
	return LEAT_OK;
}

enum leat_ret leat_app_read_environment(struct leat_err *err)
{
	uint64_t v[APP_SETTING_COUNT];
	bool is_said[APP_SETTING_COUNT];

	pthread_once(&once, set_initial);
	for (size_t i = 0; i < APP_SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		const char *value = secure_getenv(s->variable);
		const char *wrong;

		is_said[i] = value && *value;
		v[i] = initial_of(i);
		wrong = is_said[i] ? s->parse(s, value, &v[i]) : NULL;
		if (wrong)
			return refuse(s, s->variable, value, wrong, err);
	}
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < APP_SETTING_COUNT; i++)
		if (origin[i] != BY_CALL)
			put(i, v[i], is_said[i] ? BY_VARIABLE : BY_NOBODY);
	hand_down();
	pthread_mutex_unlock(&lock);
	return LEAT_OK;
}

enum leat_ret leat_app_get(const char *name, char *buf, size_t n, struct leat_err *err)
{
	size_t i = find(name, NULL, err);

	if (n)
		buf[0] = '\0';
	if (i == APP_SETTING_COUNT)
		return LEAT_FAILED;
	settings[i].show(&settings[i], app_number((enum app_setting)i), buf, n);
	return LEAT_OK;
}

const char *leat_app_setting_name(size_t i)
{
	return i < APP_SETTING_COUNT ? settings[i].name : NULL;
}
